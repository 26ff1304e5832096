//! Saved models from the command line, as a process: train, inspect, convert, query, explain, eval, prune, and what is
//! refused.
mod desk;
mod eval;
mod page;
mod query;
mod refused;
mod stopped;
mod storage;
