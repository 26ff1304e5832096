//! The n-gram chapter of the lecture (§2): counts, smoothings, back-off tables.
mod arpa;
mod backoff;
mod file;
mod prune;
pub mod table;

pub use arpa::{Arpa, fill_suffixes, read_arpa, write_arpa};
pub use backoff::{BackoffModel, GramTable};
pub use prune::{PruneReport, prune_entropy};
pub use table::{TableKind, TableModel};
