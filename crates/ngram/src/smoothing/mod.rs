//! Smoothings: how counts become probabilities, one file each.
mod add_k;
mod class_based;
mod count_ratio;
mod exchange;
mod kneser_ney;
mod modified_kneser_ney;
mod stupid_backoff;
mod witten_bell;

pub(crate) use add_k::{AddK, tune};
pub use class_based::{ClassModel, ClassRecipe};
pub(crate) use count_ratio::CountRatio;
pub(crate) use kneser_ney::KneserNey;
pub(crate) use modified_kneser_ney::ModifiedKneserNey;
pub(crate) use stupid_backoff::StupidBackoff;
pub(crate) use witten_bell::WittenBell;
