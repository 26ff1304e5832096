//! Errors of models: training, scoring, files.
use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text.
    #[error(transparent)]
    Corpus(#[from] corpus::Error),
    /// The caller asked training to stop (Ctrl-C); nothing of the unfinished model is kept.
    #[error("interrupted")]
    Interrupted,
    /// Training left the finite numbers.
    #[error(
        "diverged at step {step}: {what} is {value}; lower the learning rate or clip the gradient"
    )]
    Diverged {
        /// Optimizer step, from 1.
        step: u64,
        /// The tensor or loss.
        what: String,
        /// Its norm or value.
        value: f64,
    },
    /// The data do not allow this model.
    #[error("{what}; {cure}")]
    Unfit {
        /// What is wrong.
        what: String,
        /// What to do.
        cure: String,
    },
    /// A configuration that makes no sense.
    #[error("{option}: {what}; {cure}")]
    Config {
        /// The option at fault.
        option: String,
        /// What is wrong.
        what: String,
        /// What to do.
        cure: String,
    },
    /// A model file that cannot be used.
    #[error("{}: {what}; {cure}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong (with line or byte where known).
        what: String,
        /// What to do.
        cure: String,
    },
    /// The operating system refused to read or write.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        #[source]
        source: std::io::Error,
    },
    /// This kind of model has no file of its own.
    #[error("a {what} has no file of its own; save its parts")]
    NotSaved {
        /// The kind.
        what: &'static str,
    },
}
