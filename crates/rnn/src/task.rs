//! Training a language model: truncated back-propagation through time over lanes of the training text.

use corpus::{TokenId, Tokens, TrainSet};
use lm::Context;
use nn::dropout::Dropout;
use nn::fit::{At, Loss, Task};
use nn::params::{Name, Params};

use crate::backbone::Backbone;
use crate::config::RnnConfig;
use crate::lanes::Lanes;
use crate::model::score;
use crate::unroll::Noise;
use crate::work::Work;

/// The data and scratch of a training run.
pub struct LmTask<'a> {
    lanes: Lanes<'a>,
    work: Work<f32>,
    sites: Vec<Dropout>,
    variational: bool,
    words: Dropout,
    /// The network with some recurrent weights dropped, if any are.
    thinned: Option<Thinned>,
    eos: TokenId,
    valid: &'a Tokens,
    context: Context,
    scores: Vec<f64>,
    squared_norm: Option<(Name, f64)>,
    watch: Option<Box<Watch<'a>>>,
}

/// Looks at the weights before a training step; the number is that of the steps done. After a recovery it comes by the same
/// steps again.
pub type Watch<'a> = dyn FnMut(u64, &Backbone<f32>) + Send + 'a;

impl<'a> LmTask<'a> {
    /// For a network of this configuration.
    pub fn new(net: &Backbone<f32>, config: &RnnConfig, data: TrainSet<'a>) -> Self {
        let eos = data.vocab.eos();
        let sites = net.layers.len() as u64 + 1;
        let source = |p, site| Dropout::new(p, config.seed, site);
        let bptt = config.bptt.min(data.train.targets() / config.batch_size);
        Self {
            lanes: Lanes::equal(data.train, eos, config.batch_size, bptt, config.reset),
            work: Work::new(net, config.batch_size, bptt),
            sites: (0..sites).map(|site| source(config.dropout, site)).collect(),
            variational: config.variational,
            words: source(config.dropout_words, sites),
            thinned: (config.dropout_weights > 0.0).then(|| Thinned {
                net: net.clone(),
                source: source(config.dropout_weights, sites + 1),
            }),
            eos,
            valid: data.valid,
            context: if config.reset { Context::Sentence } else { Context::Stream },
            scores: Vec::new(),
            squared_norm: None,
            watch: None,
        }
    }

    /// With somebody who looks at the weights before every step.
    pub fn watched(self, watch: Box<Watch<'a>>) -> Self {
        Self { watch: Some(watch), ..self }
    }
}

/// DropConnect on the recurrent matrices (Merity, Keskar & Socher 2018).
struct Thinned {
    net: Backbone<f32>,
    source: Dropout,
}

impl Thinned {
    /// `model` with the weights of step `step` dropped.
    fn of(&mut self, model: &Backbone<f32>, step: u64) -> &Backbone<f32> {
        self.net.copy_from(model);
        let source = self.source;
        drop_weights(source, step, &mut self.net);
        &self.net
    }

    /// The same on the gradient.
    fn drop(&self, step: u64, grad: &mut Backbone<f32>) {
        drop_weights(self.source, step, grad);
    }
}

fn drop_weights(source: Dropout, step: u64, net: &mut Backbone<f32>) {
    let mut start = 0;
    for layer in &mut net.layers {
        let weights = layer.w_h.as_slice_mut().expect("standard layout");
        source.apply(step, start, weights);
        start += weights.len() as u64;
    }
}

impl Task for LmTask<'_> {
    type Model = Backbone<f32>;

    fn batches(&self) -> u64 {
        self.lanes.batches() as u64
    }

    fn begin_epoch(&mut self, _: u64) {
        self.work.clear_state();
    }

    fn loss_grad(&mut self, model: &Backbone<f32>, at: At, grad: &mut Backbone<f32>) -> Loss {
        if let Some(watch) = &mut self.watch {
            watch(at.step, model);
        }
        let (batch, _) = self.lanes.batch(at.batch as usize);
        let noise = Noise {
            sites: &self.sites,
            variational: self.variational,
            words: self.words,
            step: at.step,
        };
        let sum = match &mut self.thinned {
            None => model.loss_grad(batch, Some(noise), &mut self.work, grad),
            Some(thinned) => {
                let sum =
                    thinned.of(model, at.step).loss_grad(batch, Some(noise), &mut self.work, grad);
                // `fit` hands over a gradient of zeros: what stands there is this step's
                thinned.drop(at.step, grad);
                sum
            }
        };
        self.work.carry(batch.steps);
        self.squared_norm = model.output.squared_norm(&self.work.output);
        Loss { sum, targets: batch.targets.len() as u64 }
    }

    fn squared_norm(&self) -> Option<(Name, f64)> {
        self.squared_norm
    }

    fn valid(&mut self, model: &Backbone<f32>) -> Loss {
        score(model, self.eos, self.valid, self.context, &mut self.scores);
        Loss { sum: -self.scores.iter().sum::<f64>(), targets: self.valid.targets() as u64 }
    }

    fn carried(&self, out: &mut Vec<f32>) {
        self.work.carried(out);
    }

    fn restore(&mut self, carried: &[f32]) {
        self.work.restore(carried);
    }
}
