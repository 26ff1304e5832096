//! What a language model *is* and how it is judged: the trait, the one evaluator, perplexity, mixtures, significance.
//!
//! A model is a conditional distribution `p(w_t | w_1 … w_{t-1})` over a closed vocabulary (lecture §1). Everything that is
//! said of it in a report follows from [`LanguageModel`] by the one evaluator here. Knows no model but the trivial ones.
mod baseline;
mod bucketed;
mod cache;
pub mod conformance;
mod error;
mod evaluate;
mod generation;
mod mixture;
mod model;
mod oracle;
mod perplexity;
mod recipe;
mod significance;

pub use baseline::{Uniform, UniformRecipe, Unigram, UnigramRecipe};
pub use bucketed::{BucketedMixture, ContextBuckets, PRIOR, bucketed_log_probs, em_bucket_weights};
pub use cache::{CacheRecipe, UnigramCache};
pub use error::{Error, Result};
pub use evaluate::{Scores, evaluate};
pub use generation::{Sampling, generate};
pub use mixture::{Mixture, em_weights, mixture_nll};
pub use model::{Activity, Context, Footprint, LanguageModel, Reader, walk};
pub use oracle::{Oracle, OracleRecipe};
pub use perplexity::Perplexity;
pub use recipe::{CurvePoint, Family, Log, Progress, Recipe, Trained, silent};
pub use significance::{Interval, PairedVerdict, Resampled};
