//! What can go wrong in training and with its files.

use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of training or of a weights file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Training left the finite numbers more often than it was allowed to try again.
    #[error(
        "diverged at step {step}: {tensor} is {value}; lower the learning rate or clip the gradient"
    )]
    Diverged {
        /// Optimizer step, from 1.
        step: u64,
        /// The first tensor with a gradient that is not finite, or `loss`.
        tensor: String,
        /// The norm of its gradient, or the loss.
        value: f64,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A run would need more memory than there is.
    #[error(
        "{need} bytes of memory needed, {available} available; lower the hidden size, the batch or the vocabulary"
    )]
    Memory {
        /// Estimated need in bytes.
        need: u64,
        /// What is available in bytes.
        available: u64,
    },
    /// A checkpoint belongs to another run.
    #[error("{}: this checkpoint belongs to another run: {difference}; give the same options and data, or another file", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What differs, with both values.
        difference: String,
    },
    /// A file that is no weights file, or is damaged.
    #[error("{}: {what}; {cure}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        cure: &'static str,
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
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Error::Io { path: path.into(), source }
    }
}
