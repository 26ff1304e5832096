//! A network in motion, and the passes over its weights.

use corpus::TokenId;
use nn::clip;
use nn::params::Params;
use rayon::prelude::*;

use crate::backbone::Backbone;
use crate::work::{Batch, Work};

/// A network in motion: its weights, its state, and the segment that it read last.
pub(super) struct Learner {
    pub(super) net: Backbone<f32>,
    pub(super) grad: Backbone<f32>,
    pub(super) work: Work<f32>,
    /// The token before the segment.
    last: TokenId,
    inputs: Vec<u32>,
    pub(super) targets: Vec<u32>,
    scores: Vec<f64>,
    /// Whether the weights are others than the trained ones.
    pub(super) moved: bool,
}

impl Learner {
    pub(super) fn new(net: &Backbone<f32>, eos: TokenId, segment: usize) -> Self {
        let buffer = || Vec::with_capacity(segment);
        Self {
            work: Work::new(net, 1, segment),
            grad: net.zeros_like(),
            net: net.clone(),
            last: eos,
            inputs: buffer(),
            targets: buffer(),
            scores: Vec::with_capacity(segment),
            moved: false,
        }
    }

    pub(super) fn clear_state(&mut self, last: TokenId) {
        self.work.clear_state();
        self.inputs.clear();
        self.targets.clear();
        self.last = last;
    }

    /// Moves on behind the segment read last, and scores the next one.
    pub(super) fn read(&mut self, segment: &[TokenId]) {
        self.work.carry(self.targets.len());
        self.forward(segment);
        self.scores.resize(segment.len(), 0.0);
        self.net.score_outputs(&self.targets, &mut self.work, &mut self.scores);
        self.last = segment.last().copied().unwrap_or(self.last);
    }

    /// Passes forward through a segment that follows the state.
    fn forward(&mut self, segment: &[TokenId]) {
        self.inputs.clear();
        self.targets.clear();
        self.targets.extend(segment.iter().map(|t| t.0));
        self.inputs.push(self.last.0);
        self.inputs.extend(&self.targets[..segment.len() - 1]);
        let Self { net, work, inputs, targets, .. } = self;
        work.forward(net, batch(inputs, targets), None);
    }

    /// ln p of the segment's tokens, by the weights before it.
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Adds the gradient of the segment's mean loss into `grad`; returns its norm.
    pub(super) fn gradient(&mut self) -> f64 {
        let Self { net, grad, work, inputs, targets, .. } = self;
        net.loss_grad_outputs(batch(inputs, targets), None, work, grad);
        clip::norm(numbers(grad))
    }
}

pub(super) fn batch<'a>(inputs: &'a [u32], targets: &'a [u32]) -> Batch<'a> {
    Batch { steps: targets.len(), inputs, targets, resets: &[] }
}

/// The numbers of all tensors that are trained.
pub(super) fn numbers(net: &Backbone<f32>) -> Vec<&[f32]> {
    let mut list = Vec::new();
    net.tensors(&mut |t| list.extend(t.trained.then_some(t.data)));
    list
}

pub(super) fn numbers_mut(net: &mut Backbone<f32>) -> Vec<&mut [f32]> {
    let mut list = Vec::new();
    net.tensors_mut(&mut |t| list.extend(t.trained.then_some(t.data)));
    list
}

/// The unit of work of passes over the weights, in numbers.
pub(super) const BLOCK: usize = 16_384;

pub(super) fn blocks(x: &mut [f32]) -> rayon::slice::ChunksMut<'_, f32> {
    x.par_chunks_mut(BLOCK)
}
