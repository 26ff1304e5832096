//! A training run: the engine's loop with the checkpoints, the progress and the notes of a language model.

use corpus::{TokenId, Tokens, TrainSet};
use lm::{CurvePoint, Error, Log, Progress, Result};
use ndarray::Array2;
use nn::checkpoint::{Checkpoints, Identity, Keeper, fingerprint};
use nn::fit::{Config, Ended, Event, Outcome, Task, fit};
use serde::Serialize;

use crate::nn_error;

/// What a run is made of, apart from its network and its task.
pub struct Run<'a, C> {
    /// The whole configuration: a checkpoint belongs to it.
    pub config: &'a C,
    /// Its training part.
    pub training: &'a Config,
    /// The texts and their vocabulary: a checkpoint belongs to them too.
    pub data: TrainSet<'a>,
    /// Checkpoints, if wanted.
    pub checkpoints: Option<&'a Checkpoints>,
}

impl<C: Serialize> Run<'_, C> {
    /// Trains `net` on `task`; it ends with the weights of the best validation. Returns what is worth a note.
    ///
    /// # Errors
    /// [`Error::Diverged`], [`Error::Interrupted`], and what the checkpoint file gives.
    pub fn train<T: Task + Send>(
        &self,
        net: &mut T::Model,
        task: &mut T,
        log: &mut Log<'_>,
    ) -> Result<Vec<String>> {
        let mut keeper = self.checkpoints.map(|file| {
            let identity = Identity {
                config: serde_json::to_value(self.config).expect("plain data"),
                vocab: self.data.vocab.fingerprint().into(),
                corpus: corpus_fingerprint([self.data.train, self.data.valid]),
            };
            Keeper::new(file, identity)
        });
        let total = self.training.epochs * task.batches();
        let mut listen = |event: Event<'_>| log(progress(event, total));
        let outcome = fit(task, net, &self.training.options(), keeper.as_mut(), &mut listen);
        Ok(notes(&outcome.map_err(nn_error)?, self.training))
    }
}

/// Replaces a network's word vectors [V, E] by given ones.
///
/// # Errors
/// When their shape is another.
pub fn embed(vectors: &mut Array2<f32>, given: Option<&Array2<f32>>) -> Result<()> {
    let Some(given) = given else { return Ok(()) };
    if given.dim() != vectors.dim() {
        return Err(Error::Unfit {
            what: format!("word vectors of shape {:?} for {:?}", given.dim(), vectors.dim()),
            cure: "give one vector of emsize numbers a word".into(),
        });
    }
    vectors.assign(given);
    Ok(())
}

/// What was out of the ordinary.
fn notes(outcome: &Outcome, training: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    if outcome.recoveries > 0 {
        notes.push(format!(
            "{} time(s) back to the last good state, at half the rate",
            outcome.recoveries
        ));
    }
    if let Some(epoch) = outcome.averaged_from {
        notes.push(format!("weights averaged from epoch {epoch:.1} on"));
    }
    if outcome.ended != Ended::Complete {
        let epoch = outcome.points.last().map_or(0.0, |p| p.epoch);
        notes.push(format!("stopped early, after epoch {epoch:.1} of {}", training.epochs));
    }
    notes
}

/// An event of training as progress; `total` is the number of steps of the run.
fn progress(event: Event<'_>, total: u64) -> Progress {
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
fn corpus_fingerprint(texts: [&Tokens; 2]) -> String {
    let bytes = |text: &Tokens| -> Vec<u8> {
        text.flat().iter().flat_map(|TokenId(id)| id.to_le_bytes()).collect()
    };
    let parts = texts.map(bytes);
    fingerprint(parts.iter().map(Vec::as_slice))
}
