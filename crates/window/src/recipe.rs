//! A fixed-window language model's recipe: a plain configuration that trains.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use corpus::{TokenId, Tokens, TrainSet};
use lm::{CurvePoint, Error, Family, Log, Progress, Recipe, Result, Trained};
use ndarray::Array2;
use nn::checkpoint::{Identity, Keeper, fingerprint};
use nn::fit::{Config, Ended, Event, fit};
use serde::{Deserialize, Serialize};

use crate::model::WindowModel;
use crate::net::{Architecture, WindowNet};
use crate::task::LmTask;

/// A fixed-window language model; every field may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WindowConfig {
    /// n: the n − 1 words before a target are its context.
    pub n: usize,
    /// Size of the word vectors.
    pub emsize: usize,
    /// Hidden units.
    pub nhid: usize,
    /// One matrix for all positions instead of one each.
    pub tied_positions: bool,
    /// Direct connections from the word vectors to the output.
    pub direct: bool,
    /// The embedding is not trained.
    pub frozen: bool,
    /// Dropout probability on the hidden layer.
    pub dropout: f64,
    /// Dropout probability on the word vectors.
    pub dropout_embedding: f64,
    /// Examples a step.
    pub batch_size: usize,
    /// Windows do not reach back over sentence starts.
    pub reset: bool,
    /// Matrices start uniform in ± this.
    pub init_range: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// How it is trained.
    pub training: Config,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self {
            n: 5,
            emsize: 60,
            nhid: 100,
            tied_positions: false,
            direct: false,
            frozen: false,
            dropout: 0.2,
            dropout_embedding: 0.0,
            batch_size: 500,
            reset: false,
            init_range: 0.1,
            seed: 1,
            training: Config::default(),
        }
    }
}

impl WindowConfig {
    /// The network for a vocabulary of this size.
    pub fn architecture(&self, vocab: usize) -> Architecture {
        Architecture {
            vocab,
            context: self.n - 1,
            embedding: self.emsize,
            hidden: self.nhid,
            tied_positions: self.tied_positions,
            direct: self.direct,
            frozen: self.frozen,
        }
    }

    /// Bytes that training needs at its peak, estimated from above (in floating point: any size may be asked for).
    pub fn training_bytes(&self, vocab: usize) -> u64 {
        let (v, e, h) = (vocab as f64, self.emsize as f64, self.nhid as f64);
        let window = (self.n as f64 - 1.0) * e;
        let features = h + if self.direct { window } else { 0.0 };
        let weights = v * (e + features + 1.0) + h * (window + 1.0);
        // weights, gradient, best weights, and a snapshot of weights and moments
        let copies = (4 + 2 * self.training.options().method.moments()) as f64;
        let rows = self.batch_size as f64;
        (4.0 * (copies * weights + 2.0 * rows * (3.0 * window + h + 2.0 * features + v))) as u64
    }

    fn check(&self, data: TrainSet<'_>) -> Result<()> {
        let wrong = |option: &str, what: String, cure: &str| {
            Err(Error::Config { option: option.into(), what, cure: cure.into() })
        };
        if let Some((option, what, cure)) = self.training.mistake() {
            return wrong(&format!("training.{option}"), what, cure);
        }
        if self.n < 2 {
            return wrong("n", format!("{} leaves no context word", self.n), "give at least 2");
        }
        for (option, value) in
            [("emsize", self.emsize), ("nhid", self.nhid), ("batch_size", self.batch_size)]
        {
            if value == 0 {
                return wrong(option, "0 makes no sense".into(), "give at least 1");
            }
        }
        for (option, p) in
            [("dropout", self.dropout), ("dropout_embedding", self.dropout_embedding)]
        {
            if !(0.0..1.0).contains(&p) {
                return wrong(
                    option,
                    format!("{p} is no probability below 1"),
                    "give 0 to below 1",
                );
            }
        }
        if data.train.targets() == 0 || data.valid.targets() == 0 {
            let what = format!(
                "{} training token(s), {} for validation",
                data.train.targets(),
                data.valid.targets()
            );
            return Err(Error::Unfit { what, cure: "give more text".into() });
        }
        nn::memory::check(self.training_bytes(data.vocab.len())).map_err(nn_error)
    }
}

/// Where a run keeps its checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoints {
    /// The file.
    pub path: PathBuf,
    /// Time between two.
    pub every: Duration,
    /// Go on from what is there.
    pub resume: bool,
}

/// Trains a [`WindowModel`].
#[derive(Clone, Debug, Default)]
pub struct WindowRecipe {
    /// The configuration.
    pub config: WindowConfig,
    /// The record's key; made from the configuration if `None`.
    pub name: Option<String>,
    /// Checkpoints, if wanted.
    pub checkpoints: Option<Checkpoints>,
    /// Word vectors [V, E] to start from (and to stay with, if `frozen`).
    pub embeddings: Option<Arc<Array2<f32>>>,
}

impl WindowRecipe {
    /// A recipe of this configuration.
    pub fn new(config: WindowConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Trains and keeps the concrete type.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Unfit`] before anything is allocated; [`Error::Diverged`], [`Error::Interrupted`].
    pub fn train_model(
        &self,
        data: TrainSet<'_>,
        log: &mut Log<'_>,
    ) -> Result<(WindowModel, Vec<String>)> {
        let config = &self.config;
        config.check(data)?;
        let mut net = WindowNet::start(
            &config.architecture(data.vocab.len()),
            config.seed,
            config.init_range,
        );
        if let Some(given) = &self.embeddings {
            if given.dim() != net.encoder.w.dim() {
                let what = format!(
                    "word vectors of shape {:?} for {:?}",
                    given.dim(),
                    net.encoder.w.dim()
                );
                return Err(Error::Unfit {
                    what,
                    cure: "give one vector of emsize numbers a word".into(),
                });
            }
            net.encoder.w.assign(given);
        }
        let mut keeper = self.checkpoints.as_ref().map(|c| {
            let identity = Identity {
                config: serde_json::to_value(config).expect("plain data"),
                vocab: data.vocab.fingerprint().into(),
                corpus: corpus_fingerprint([data.train, data.valid]),
            };
            Keeper::new(&c.path, c.every, identity, c.resume)
        });
        let mut task = LmTask::new(&net, config, data);
        let mut listen = |event: Event<'_>| log(progress(event));
        let outcome =
            fit(&mut task, &mut net, &config.training.options(), keeper.as_mut(), &mut listen)
                .map_err(nn_error)?;
        let mut notes = Vec::new();
        if outcome.recoveries > 0 {
            notes.push(format!(
                "{} time(s) back to the last good state, at half the rate",
                outcome.recoveries
            ));
        }
        if outcome.ended != Ended::Complete {
            let epoch = outcome.points.last().map_or(0.0, |p| p.epoch);
            notes.push(format!(
                "stopped early, after epoch {epoch:.1} of {}",
                config.training.epochs
            ));
        }
        Ok((WindowModel::new(net, config.clone(), data.vocab.clone()), notes))
    }
}

impl Recipe for WindowRecipe {
    fn id(&self) -> String {
        let WindowConfig { n, nhid, tied_positions, direct, .. } = &self.config;
        let tied = if *tied_positions { "-tied" } else { "" };
        let direct = if *direct { "-direct" } else { "" };
        self.name.clone().unwrap_or_else(|| format!("window-n{n}-{nhid}{tied}{direct}"))
    }

    fn family(&self) -> Family {
        Family::Window
    }

    fn describe(&self) -> String {
        let WindowConfig { n, emsize, nhid, training, .. } = &self.config;
        let epochs = training.epochs;
        format!(
            "fixed window (Bengio 2003): n = {n}, word vectors of {emsize}, {nhid} hidden units, {epochs} epochs"
        )
    }

    fn train(&self, data: TrainSet<'_>, log: &mut Log<'_>) -> Result<Trained> {
        let (model, notes) = self.train_model(data, log)?;
        Ok(Trained { model: Arc::new(model), notes })
    }
}

fn progress(event: Event<'_>) -> Progress {
    match event {
        Event::Step { done, total, .. } => Progress::Step { stage: "training", done, total },
        Event::Recovered { step, .. } => {
            Progress::Step { stage: "back to the last good state", done: step, total: step }
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

fn corpus_fingerprint(texts: [&Tokens; 2]) -> String {
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
            cure: "lower nhid, emsize, batch_size or the vocabulary".into(),
        },
        other => Error::Unfit { what: other.to_string(), cure: "see the message".into() },
    }
}
