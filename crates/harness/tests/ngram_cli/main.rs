//! Models from the command line, as a process: train (networks too), inspect, convert, query, explain, eval, prune, and what
//! is refused.
mod desk;
mod eval;
mod networks;
mod page;
mod query;
mod refused;
mod stopped;
mod storage;
