//! The configuration of a recurrent language model.

use corpus::{TrainSet, Vocab};
use lm::Result;
use neural::check;
use nn::activation::Activation;
use nn::fit::Config;
use nn::softmax::{DIV_VALUE, Layout, ROWS, Request, SoftmaxName};
use serde::{Deserialize, Serialize};

use crate::backbone::Architecture;
use crate::cell::{CellKind, Gru, Lstm};
use crate::layer::{Init, Start};

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
    /// One softmax over all words, or an adaptive one.
    pub softmax: SoftmaxName,
    /// Ranks at which an adaptive softmax cuts the words; empty: from the words' frequencies.
    pub cutoffs: Vec<u32>,
    /// How many times narrower each of its clusters is than the one before.
    pub div_value: usize,
    /// The embedding is not trained.
    pub frozen: bool,
    /// Dropout probability on the word vectors, between layers and on the output.
    pub dropout: f64,
    /// One mask for all time steps of a lane (Gal & Ghahramani 2016) instead of one each.
    pub variational: bool,
    /// Dropout probability of whole words of the input.
    pub dropout_words: f64,
    /// Dropout probability of the recurrent matrices' weights, one mask a step (Merity, Keskar & Socher 2018).
    pub dropout_weights: f64,
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
            softmax: SoftmaxName::Full,
            cutoffs: Vec::new(),
            div_value: DIV_VALUE,
            frozen: false,
            dropout: 0.2,
            variational: false,
            dropout_words: 0.0,
            dropout_weights: 0.0,
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

    /// What it says about the output layer.
    pub fn output(&self) -> Request<'_> {
        let (softmax, div_value, tied) = (self.softmax, self.div_value, self.tied);
        Request { softmax, cutoffs: &self.cutoffs, div_value, tied }
    }

    /// Its output layer for a vocabulary.
    ///
    /// # Errors
    /// When the words cannot be cut so.
    pub fn layout(&self, vocab: &Vocab) -> Result<Layout> {
        check::layout(self.output(), vocab)
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

    /// Multiplications of one token's matrix products.
    ///
    /// # Errors
    /// As [`RnnConfig::layout`].
    pub fn products(&self, vocab: &Vocab) -> Result<u64> {
        let a = self.architecture(vocab.len());
        let inputs = a.embedding + (a.layers - 1) * a.hidden;
        let gates = a.cell.rule::<f32>().gates();
        let recurrence = (gates * a.hidden * (inputs + a.layers * a.hidden)) as u64;
        Ok(recurrence + self.layout(vocab)?.products(vocab.counts(), a.hidden, a.tied))
    }

    /// Bytes that training needs at its peak, estimated from above (in floating point: any size may be asked for).
    pub fn training_bytes(&self, vocab: usize) -> u64 {
        let a = self.architecture(vocab);
        let (v, e, h, layers) =
            (vocab as f64, a.embedding as f64, a.hidden as f64, a.layers as f64);
        let rule = a.cell.rule::<f32>();
        let (gates, kept) =
            (rule.gates() as f64, (rule.gates() + rule.extra() + rule.states()) as f64);
        let output = self.output().numbers(v, h);
        let weights = v * e + output + gates * h * (e + h + 2.0 + (layers - 1.0) * (2.0 * h + 2.0));
        let copies = self.training.copies() as f64;
        // an adaptive softmax gathers rows of h, and of a projection, with their gradients
        let gathered = if self.softmax == SoftmaxName::Adaptive { 4.0 * h } else { 0.0 };
        let row = 2.0 * e + (layers - 1.0) * 2.0 * h + layers * kept * h + 2.0 * h + gathered;
        let rows = self.batch_size as f64 * self.bptt as f64;
        let logits = rows.min(ROWS as f64) * v;
        (4.0 * (copies * weights + 2.0 * (rows * row + logits))) as u64
    }

    /// Refuses what makes no sense or would not fit, before anything is allocated.
    pub(crate) fn check(&self, data: TrainSet<'_>) -> Result<()> {
        check::training(&self.training)?;
        check::sizes(&[
            ("nhid", self.nhid),
            ("nlayers", self.nlayers),
            ("batch_size", self.batch_size),
            ("bptt", self.bptt),
        ])?;
        check::probabilities(&[
            ("dropout", self.dropout),
            ("dropout_words", self.dropout_words),
            ("dropout_weights", self.dropout_weights),
        ])?;
        if self.tied {
            let emsize = if self.emsize == 0 { self.nhid } else { self.emsize };
            check::tied(emsize, self.nhid, self.frozen)?;
        }
        check::output(self.output(), data.vocab.len())?;
        check::texts(data, 2 * self.batch_size)?;
        check::memory(self.training_bytes(data.vocab.len()))
    }
}
