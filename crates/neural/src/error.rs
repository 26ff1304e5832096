//! Errors of the engine as those of a language model.

use lm::Error;

/// An error of the engine as one of a model.
pub fn nn_error(error: nn::Error) -> Error {
    match error {
        nn::Error::Interrupted => Error::Interrupted,
        nn::Error::Diverged { step, tensor, value } => {
            Error::Diverged { step, what: tensor, value }
        }
        nn::Error::Io { path, source } => Error::Io { path, source },
        nn::Error::File { path, what, cure } => Error::File { path, what, cure: cure.into() },
        nn::Error::OtherRun { path, difference } => Error::File {
            path,
            what: format!("this checkpoint belongs to another run: {difference}"),
            cure: "give the same options and data, or another file".into(),
        },
        nn::Error::Memory { need, available } => Error::Unfit {
            what: format!(
                "training would need {} MiB of memory, {} MiB are available",
                need >> 20,
                available >> 20
            ),
            cure: "lower nhid, emsize, batch_size or the vocabulary".into(),
        },
        other => Error::Unfit { what: other.to_string(), cure: "see the message".into() },
    }
}
