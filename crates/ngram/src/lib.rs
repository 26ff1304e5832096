//! The n-gram chapter of the lecture (§2): counts, smoothings, back-off tables.
mod backoff;

pub use backoff::{BackoffModel, GramTable};
