//! Training a window model: batches of shuffled examples.

use corpus::{TokenId, Tokens, TrainSet};
use lm::Context;
use nn::dropout::Dropout;
use nn::fit::{At, Loss, Task};
use nn::params::Name;
use nn::rng::{stream, unit};

use crate::config::WindowConfig;
use crate::examples::Examples;
use crate::model::score;
use crate::net::{Noise, WindowNet, Work};

/// The data and scratch of a training run.
pub struct LmTask<'a> {
    examples: Examples<'a>,
    order: Vec<u32>,
    batch: usize,
    seed: u64,
    contexts: Vec<u32>,
    targets: Vec<u32>,
    work: Work<f32>,
    noise: Noise,
    eos: TokenId,
    valid: &'a Tokens,
    context: Context,
    scores: Vec<f64>,
    squared_norm: Option<(Name, f64)>,
}

impl<'a> LmTask<'a> {
    /// For a network of this configuration.
    pub fn new(net: &WindowNet<f32>, config: &WindowConfig, data: TrainSet<'a>) -> Self {
        let eos = data.vocab.eos();
        let context = if config.reset { Context::Sentence } else { Context::Stream };
        let examples = Examples::new(data.train, eos, net.shape.reach(), context);
        let batch = config.batch_size.min(examples.len());
        Self {
            order: (0..examples.len() as u32).collect(),
            batch,
            seed: config.seed,
            contexts: Vec::with_capacity(batch * net.shape.reach()),
            targets: Vec::with_capacity(batch),
            work: Work::new(net, batch),
            noise: Noise {
                embedding: Dropout::new(config.dropout_embedding, config.seed, 0),
                hidden: Dropout::new(config.dropout, config.seed, 1),
                words: Dropout::new(config.dropout_words, config.seed, 2),
                step: 0,
            },
            examples,
            eos,
            valid: data.valid,
            context,
            scores: Vec::new(),
            squared_norm: None,
        }
    }
}

impl Task for LmTask<'_> {
    type Model = WindowNet<f32>;

    fn batches(&self) -> u64 {
        self.order.len().div_ceil(self.batch) as u64
    }

    /// A new order of the examples (Fisher & Yates), from the seed and the epoch alone.
    fn begin_epoch(&mut self, epoch: u64) {
        let mut rng = stream(self.seed, &format!("shuffle/{epoch}"));
        self.order.iter_mut().zip(0..).for_each(|(o, i)| *o = i);
        for i in (1..self.order.len()).rev() {
            self.order.swap(i, (unit(&mut rng) * (i + 1) as f64) as usize);
        }
    }

    fn loss_grad(&mut self, model: &WindowNet<f32>, at: At, grad: &mut WindowNet<f32>) -> Loss {
        let first = at.batch as usize * self.batch;
        let end = (first + self.batch).min(self.order.len());
        self.contexts.clear();
        self.targets.clear();
        for &i in &self.order[first..end] {
            self.examples.push(i as usize, &mut self.contexts, &mut self.targets);
        }
        let noise = Some(Noise { step: at.step, ..self.noise });
        let sum = model.loss_grad(&self.contexts, &self.targets, noise, &mut self.work, grad);
        self.squared_norm = model.output.squared_norm(&self.work.output);
        Loss { sum, targets: self.targets.len() as u64 }
    }

    fn squared_norm(&self) -> Option<(Name, f64)> {
        self.squared_norm
    }

    fn valid(&mut self, model: &WindowNet<f32>) -> Loss {
        score(model, self.eos, self.valid, self.context, &mut self.scores);
        Loss { sum: -self.scores.iter().sum::<f64>(), targets: self.valid.targets() as u64 }
    }
}
