//! A recurrent language model's recipe: a plain configuration that trains.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use corpus::{TokenId, Tokens, TrainSet};
use lm::{CurvePoint, Error, Family, Log, Progress, Recipe, Result, Trained};
use ndarray::Array2;
use nn::activation::Activation;
use nn::checkpoint::{Identity, Keeper, fingerprint};
use nn::fit::{Config, Ended, Event, fit};
use serde::{Deserialize, Serialize};

use crate::backbone::{Architecture, Backbone};
use crate::cell::{CellKind, Gru, Lstm};
use crate::layer::{Init, Start};
use crate::model::RnnModel;
use crate::task::LmTask;

/// A cell by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CellName {
    /// The plain recurrent network.
    Rnn,
    /// Gated recurrent unit.
    Gru,
    /// Long short-term memory.
    Lstm,
}

/// A recurrent language model; every field may be left out. Names are those of PyTorch's word language model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RnnConfig {
    /// The recurrence.
    pub cell: CellName,
    /// σ of the plain network.
    pub sigma: Activation,
    /// Size of the word vectors; 0: as `nhid`.
    pub emsize: usize,
    /// Hidden units a layer.
    pub nhid: usize,
    /// Layers.
    pub nlayers: usize,
    /// Output matrix and embedding are one (`emsize` = `nhid`).
    pub tied: bool,
    /// The embedding is not trained.
    pub frozen: bool,
    /// Dropout probability on the word vectors, between layers and on the output.
    pub dropout: f64,
    /// Lanes: stretches of the text read side by side.
    pub batch_size: usize,
    /// Steps of truncated back-propagation through time.
    pub bptt: usize,
    /// The state starts from zero at every sentence instead of being carried through the text.
    pub reset: bool,
    /// Start of the recurrent matrices.
    pub init: Init,
    /// All other matrices start uniform in ± this.
    pub init_range: f64,
    /// Start of an LSTM's forget bias.
    pub forget_bias: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// How it is trained.
    pub training: Config,
}

impl Default for RnnConfig {
    fn default() -> Self {
        Self {
            cell: CellName::Rnn,
            sigma: Activation::Tanh,
            emsize: 0,
            nhid: 200,
            nlayers: 1,
            tied: false,
            frozen: false,
            dropout: 0.2,
            batch_size: 20,
            bptt: 35,
            reset: false,
            init: Init::Orthogonal(1.0),
            init_range: 0.1,
            forget_bias: 1.0,
            seed: 1,
            training: Config::default(),
        }
    }
}

impl RnnConfig {
    /// The recurrence.
    pub fn cell_kind(&self) -> CellKind {
        match self.cell {
            CellName::Rnn => CellKind::vanilla(self.sigma),
            CellName::Gru => CellKind::Gru(Gru),
            CellName::Lstm => CellKind::Lstm(Lstm),
        }
    }

    /// The network for a vocabulary of this size.
    pub fn architecture(&self, vocab: usize) -> Architecture {
        Architecture {
            cell: self.cell_kind(),
            vocab,
            embedding: if self.emsize == 0 { self.nhid } else { self.emsize },
            hidden: self.nhid,
            layers: self.nlayers,
            tied: self.tied,
            frozen: self.frozen,
        }
    }

    /// How its weights start.
    pub fn start(&self) -> Start {
        Start {
            seed: self.seed,
            range: self.init_range,
            init: self.init,
            forget_bias: self.forget_bias,
        }
    }

    /// Bytes that training needs at its peak, estimated from above (in floating point: any size may be asked for).
    pub fn training_bytes(&self, vocab: usize) -> u64 {
        let a = self.architecture(vocab);
        let (v, e, h, layers) =
            (vocab as f64, a.embedding as f64, a.hidden as f64, a.layers as f64);
        let rule = a.cell.rule::<f32>();
        let (gates, kept) =
            (rule.gates() as f64, (rule.gates() + rule.extra() + rule.states()) as f64);
        let output = if a.tied { 0.0 } else { v * h };
        let weights =
            v * (e + 1.0) + output + gates * h * (e + h + 2.0 + (layers - 1.0) * (2.0 * h + 2.0));
        // weights, gradient, best weights, and a snapshot of weights and moments
        let copies = (4 + 2 * self.training.options().method.moments()) as f64;
        let row = 2.0 * e + (layers - 1.0) * 2.0 * h + layers * kept * h + 2.0 * h + v;
        let rows = self.batch_size as f64 * self.bptt as f64;
        (4.0 * (copies * weights + 2.0 * rows * row)) as u64
    }

    fn check(&self, data: TrainSet<'_>) -> Result<()> {
        let wrong = |option: &str, what: String, cure: &str| {
            Err(Error::Config { option: option.into(), what, cure: cure.into() })
        };
        if let Some((option, what, cure)) = self.training.mistake() {
            return wrong(&format!("training.{option}"), what, cure);
        }
        for (option, value) in [
            ("nhid", self.nhid),
            ("nlayers", self.nlayers),
            ("batch_size", self.batch_size),
            ("bptt", self.bptt),
        ] {
            if value == 0 {
                return wrong(option, "0 makes no sense".into(), "give at least 1");
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return wrong(
                "dropout",
                format!("{} is no probability below 1", self.dropout),
                "give 0 to below 1",
            );
        }
        if self.tied && ![0, self.nhid].contains(&self.emsize) {
            let what =
                format!("tied weights need emsize = nhid, not {} and {}", self.emsize, self.nhid);
            return wrong("tied", what, "give the same sizes, or leave `tied` out");
        }
        if self.tied && self.frozen {
            return wrong(
                "frozen",
                "tied weights cannot be frozen".into(),
                "leave one of the two out",
            );
        }
        let (tokens, lanes) = (data.train.targets(), self.batch_size);
        if tokens < 2 * lanes || data.valid.targets() == 0 {
            let what = format!(
                "{tokens} training token(s) for {lanes} lanes, {} for validation",
                data.valid.targets()
            );
            return Err(Error::Unfit {
                what,
                cure: "give more text, or a smaller batch_size".into(),
            });
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

/// Trains an [`RnnModel`].
#[derive(Clone, Debug, Default)]
pub struct RnnRecipe {
    /// The configuration.
    pub config: RnnConfig,
    /// The record's key; made from the configuration if `None`.
    pub name: Option<String>,
    /// Checkpoints, if wanted.
    pub checkpoints: Option<Checkpoints>,
    /// Word vectors [V, E] to start from (and to stay with, if `frozen`).
    pub embeddings: Option<Arc<Array2<f32>>>,
}

impl RnnRecipe {
    /// A recipe of this configuration.
    pub fn new(config: RnnConfig) -> Self {
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
    ) -> Result<(RnnModel, Vec<String>)> {
        let config = &self.config;
        config.check(data)?;
        let architecture = config.architecture(data.vocab.len());
        let mut net = Backbone::start(&architecture, &config.start());
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
        Ok((RnnModel::new(net, config.clone(), data.vocab.clone()), notes))
    }
}

impl Recipe for RnnRecipe {
    fn id(&self) -> String {
        let RnnConfig { nhid, nlayers, sigma, cell, .. } = &self.config;
        let size = if *nlayers == 1 { nhid.to_string() } else { format!("{nlayers}x{nhid}") };
        let made = match (cell, sigma) {
            (CellName::Rnn, Activation::Tanh) => format!("rnn-{size}"),
            (CellName::Rnn, sigma) => format!("rnn-{}-{size}", sigma.name()),
            _ => format!("{}-{size}", self.config.cell_kind().name()),
        };
        self.name.clone().unwrap_or(made)
    }

    fn family(&self) -> Family {
        match self.config.cell {
            CellName::Rnn => Family::Rnn,
            CellName::Gru => Family::Gru,
            CellName::Lstm => Family::Lstm,
        }
    }

    fn describe(&self) -> String {
        let c = &self.config;
        let what = match c.cell {
            CellName::Rnn => format!("recurrent network, σ = {} (lecture eq. 8)", c.sigma.name()),
            CellName::Gru => "gated recurrent unit (Cho 2014, PyTorch's variant)".into(),
            CellName::Lstm => "long short-term memory (Hochreiter & Schmidhuber 1997)".into(),
        };
        let (layers, epochs) = (c.nlayers, c.training.epochs);
        format!(
            "{what}; {layers} layer(s) of {} units, back-propagation through {} steps, {epochs} epochs",
            c.nhid, c.bptt
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
            cure: "lower nhid, batch_size, bptt or the vocabulary".into(),
        },
        other => Error::Unfit { what: other.to_string(), cure: "see the message".into() },
    }
}
