//! From the engine, which knows no language, to the contract of a language model, which knows no engine.

use corpus::{TokenId, Tokens};
use lm::{CurvePoint, Error, Progress};
use nn::checkpoint::fingerprint;
use nn::fit::Event;

/// An event of training as progress; `total` is the number of steps of the run.
pub(crate) fn progress(event: Event<'_>, total: u64) -> Progress {
    match event {
        Event::Step { done, total, .. } => Progress::Step { stage: "training", done, total },
        Event::Recovered { step, .. } => {
            Progress::Step { stage: "back to the last good state", done: step, total }
        }
        Event::Point(p) => Progress::Point(CurvePoint {
            epoch: p.epoch,
            step: p.step,
            tokens: p.targets,
            seconds: p.seconds,
            train_nll: p.train,
            valid_nll: p.valid,
            rate: p.rate,
            grad_norm: p.grad_norm,
            clipped: p.clipped,
        }),
    }
}

/// Of the texts a run depends on.
pub(crate) fn corpus_fingerprint(texts: [&Tokens; 2]) -> String {
    let bytes = |text: &Tokens| -> Vec<u8> {
        text.flat().iter().flat_map(|TokenId(id)| id.to_le_bytes()).collect()
    };
    let parts = texts.map(bytes);
    fingerprint(parts.iter().map(Vec::as_slice))
}

/// An error of the engine as one of a model.
pub(crate) fn nn_error(error: nn::Error) -> Error {
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
            cure: "lower nhid, batch_size, bptt or the vocabulary".into(),
        },
        other => Error::Unfit { what: other.to_string(), cure: "see the message".into() },
    }
}
