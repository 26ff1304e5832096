//! Storages, files, ARPA and pruning against a slow, literal evaluation of random back-off models.
mod arpa;
mod estimated;
mod files;
mod kenlm;
mod oracle;
mod prune;
mod storages;
mod unpack;
