//! A configuration that trains. The harness's registry holds these.
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use corpus::TrainSet;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::LanguageModel;

/// The chapter of the lecture a model belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Uniform and unigram.
    Baseline,
    /// The true distribution of generated text.
    Oracle,
    /// Counting models.
    Ngram,
    /// Fixed-window networks.
    Window,
    /// Vanilla recurrent networks.
    Rnn,
    /// Gated recurrent units.
    Gru,
    /// Long short-term memories.
    Lstm,
    /// Combinations of models.
    Mixture,
    /// Networks that learn from, or remember, the text that they score.
    Adaptive,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Baseline => "baseline",
            Family::Oracle => "oracle",
            Family::Ngram => "ngram",
            Family::Window => "window",
            Family::Rnn => "rnn",
            Family::Gru => "gru",
            Family::Lstm => "lstm",
            Family::Mixture => "mixture",
            Family::Adaptive => "adaptive",
        })
    }
}

/// One point of a learning curve; perplexities are the report's affair, these are mean nats.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Passes over the training text so far (a fraction inside a pass).
    pub epoch: f64,
    /// Optimizer steps so far.
    pub step: u64,
    /// Training tokens so far.
    pub tokens: u64,
    /// Seconds since training started.
    pub seconds: f64,
    /// Mean training loss since the last point, nats a token.
    pub train_nll: f64,
    /// Mean validation loss, nats a token.
    pub valid_nll: f64,
    /// Learning rate.
    pub rate: f64,
    /// Mean gradient norm before clipping since the last point.
    pub grad_norm: f64,
    /// Share of clipped steps since the last point.
    pub clipped: f64,
}

/// What training says on its way.
#[derive(Clone, Debug)]
pub enum Progress {
    /// So much of the work is done.
    Step {
        /// What is going on, a word or two.
        stage: &'static str,
        /// Units done.
        done: u64,
        /// Units in all (an estimate may grow).
        total: u64,
    },
    /// An epoch, or a part of one, is over.
    Point(CurvePoint),
}

/// Where progress goes; `Break` asks training to stop ([`crate::Error::Interrupted`]).
pub type Log<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// A log that listens to nothing.
pub fn silent(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A trained model and what there is to say of its training.
pub struct Trained {
    /// The model.
    pub model: Arc<dyn LanguageModel>,
    /// Remarks for the record: fallbacks taken, early stops.
    pub notes: Vec<String>,
}

impl Trained {
    /// A model without remarks.
    pub fn plain(model: impl LanguageModel + 'static) -> Self {
        Self { model: Arc::new(model), notes: Vec::new() }
    }
}

/// A configuration that trains into a model (same recipe and data ⇒ same bits).
pub trait Recipe: Send + Sync {
    /// Key of the record: "kn5", "lstm-200".
    fn id(&self) -> String;

    /// Its chapter.
    fn family(&self) -> Family;

    /// One line for `harness models`: what it is and its source.
    fn describe(&self) -> String;

    /// Trains. Only train and validation text are in reach.
    fn train(&self, data: TrainSet<'_>, log: &mut Log<'_>) -> Result<Trained>;
}
