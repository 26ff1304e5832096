//! The configuration of a fixed-window language model.

use corpus::{TrainSet, Vocab};
use lm::Result;
use neural::check::{self, wrong};
use nn::fit::Config;
use nn::softmax::{DIV_VALUE, Layout, ROWS, Request, SoftmaxName};
use serde::{Deserialize, Serialize};

use crate::net::Architecture;

/// More bags than these would reach over ten thousand words.
const MOST_BAGS: usize = 12;

/// A fixed-window language model; every field may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WindowConfig {
    /// n: the n − 1 words before a target have a position of their own.
    pub n: usize,
    /// Bags of 2, 4, 8, … words in front of them.
    pub bags: usize,
    /// Size of the word vectors.
    pub emsize: usize,
    /// Hidden units.
    pub nhid: usize,
    /// One matrix for all positions instead of one each.
    pub tied_positions: bool,
    /// Direct connections from the word vectors to the output.
    pub direct: bool,
    /// Output matrix and embedding are one (`emsize` = `nhid`, no direct connections).
    pub tied: bool,
    /// One softmax over all words, or an adaptive one.
    pub softmax: SoftmaxName,
    /// Ranks at which an adaptive softmax cuts the words; empty: from the words' frequencies.
    pub cutoffs: Vec<u32>,
    /// How many times narrower each of its clusters is than the one before.
    pub div_value: usize,
    /// The embedding is not trained.
    pub frozen: bool,
    /// Dropout probability on the hidden layer.
    pub dropout: f64,
    /// Dropout probability on the word vectors.
    pub dropout_embedding: f64,
    /// Dropout probability of whole words of the context.
    pub dropout_words: f64,
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
            bags: 0,
            emsize: 60,
            nhid: 100,
            tied_positions: false,
            direct: false,
            tied: false,
            softmax: SoftmaxName::Full,
            cutoffs: Vec::new(),
            div_value: DIV_VALUE,
            frozen: false,
            dropout: 0.2,
            dropout_embedding: 0.0,
            dropout_words: 0.0,
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
            bags: self.bags,
            embedding: self.emsize,
            hidden: self.nhid,
            tied_positions: self.tied_positions,
            direct: self.direct,
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

    /// Multiplications of one token's matrix products.
    ///
    /// # Errors
    /// As [`WindowConfig::layout`].
    pub fn products(&self, vocab: &Vocab) -> Result<u64> {
        let window = (self.bags + self.n - 1) * self.emsize;
        let features = self.nhid + if self.direct { window } else { 0 };
        let output = self.layout(vocab)?.products(vocab.counts(), features, self.tied);
        Ok((window * self.nhid) as u64 + output)
    }

    /// Bytes that training needs at its peak, estimated from above (in floating point: any size may be asked for).
    pub fn training_bytes(&self, vocab: usize) -> u64 {
        let (v, e, h) = (vocab as f64, self.emsize as f64, self.nhid as f64);
        let window = (self.bags as f64 + self.n as f64 - 1.0) * e;
        let features = h + if self.direct { window } else { 0.0 };
        let weights = v * e + self.output().numbers(v, features) + h * (window + 1.0);
        let copies = self.training.copies() as f64;
        let rows = self.batch_size as f64;
        // an adaptive softmax gathers rows of features, and of a projection, with their gradients
        let gathered = if self.softmax == SoftmaxName::Adaptive { 4.0 } else { 0.0 } * features;
        let row = 3.0 * window + h + 2.0 * features + gathered;
        let logits = rows.min(ROWS as f64) * v;
        (4.0 * (copies * weights + 2.0 * (rows * row + logits))) as u64
    }

    /// Refuses what makes no sense or would not fit, before anything is allocated.
    pub(crate) fn check(&self, data: TrainSet<'_>) -> Result<()> {
        check::training(&self.training)?;
        if self.n < 2 {
            return Err(wrong(
                "n",
                format!("{} leaves no context word", self.n),
                "give at least 2",
            ));
        }
        if self.bags > MOST_BAGS {
            return Err(wrong(
                "bags",
                format!("{} bags reach too far", self.bags),
                "give at most 12",
            ));
        }
        check::sizes(&[
            ("emsize", self.emsize),
            ("nhid", self.nhid),
            ("batch_size", self.batch_size),
        ])?;
        check::probabilities(&[
            ("dropout", self.dropout),
            ("dropout_embedding", self.dropout_embedding),
            ("dropout_words", self.dropout_words),
        ])?;
        if self.tied && self.direct {
            let what = "tied weights leave no room for direct connections".into();
            return Err(wrong("direct", what, "leave one of the two out"));
        }
        if self.tied {
            check::tied(self.emsize, self.nhid, self.frozen)?;
        }
        check::output(self.output(), data.vocab.len())?;
        check::texts(data, 1)?;
        check::memory(self.training_bytes(data.vocab.len()))
    }
}
