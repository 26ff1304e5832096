//! What the neural language models share.
//!
//! The engine ([`nn`]) knows no language, the contract of a language model ([`lm`]) knows no engine; here the two meet:
//! checks of a configuration ([`check`]), a training run with its checkpoints ([`training`]), the file of a model
//! ([`mod@file`]), the spread of its units ([`activity`]). A network's own crate keeps its equations, its batches and its
//! scoring.

pub mod activity;
pub mod check;
mod error;
pub mod file;
pub mod training;

#[doc(hidden)]
pub mod testing;

pub use error::nn_error;
