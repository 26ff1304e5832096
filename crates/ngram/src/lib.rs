//! The n-gram chapter of the lecture (§2): counts, smoothings, back-off tables.
//!
//! One file a stage, in the order of the algorithm: `gram` packs n-grams into integers, `count` sorts and counts them,
//! `adjust` makes continuation counts, `discount` the discounts, `context` and `estimate` find what follows each context,
//! `interpolate` makes the probabilities, `successors` and `model` answer questions. The smoothings are in `smoothing`;
//! `arpa` reads and writes the common text format, `table` are the files that answer queries; `derivation` shows how one
//! probability comes about.
//!
//! Who comes from KenLM or SRILM finds the counterpart of every flag in [`coming_from_kenlm`].
mod adjust;
mod arpa;
mod backoff;
mod context;
mod count;
mod counts_file;
mod cutoff;
mod derivation;
mod discount;
mod estimate;
mod external;
mod file;
mod from_backoff;
mod gram;
mod interpolate;
mod model;
mod prune;
mod recipe;
mod smoothing;
mod sparsity;
mod successors;
pub mod table;

#[doc = include_str!("../COMING_FROM_KENLM.md")]
pub mod coming_from_kenlm {}

pub use adjust::Counting;
pub use arpa::{
    Arpa, fill_suffixes, read_arpa, read_arpa_logged, write_arpa, write_arpa_estimate,
    write_arpa_logged,
};
pub use backoff::{BackoffModel, GramTable};
pub use count::{GramCounts, MAX_ORDER};
pub use counts_file::read_counts;
pub use cutoff::Cutoff;
pub use derivation::{Derivation, DerivedOrder, Deriver};
pub use discount::{DiscountSource, Discounts};
pub use estimate::{Estimate, Rule};
pub use external::{Budget, GramSink, StoredEstimate};
pub use model::NgramModel;
pub use prune::{PruneReport, prune_entropy};
pub use recipe::{NgramRecipe, Smoothing};
pub use smoothing::{ClassModel, ClassRecipe};
pub use sparsity::{Sparsity, sparsity, target_counts};
pub use table::{TableKind, TableModel};
