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
    pub(super) inputs: Vec<u32>,
    pub(super) targets: Vec<u32>,
    scores: Vec<f64>,
    /// Steps taken since the weights were the trained ones.
    pub(super) steps: u32,
    /// For every word vector the steps when it last moved. A vector that is not read goes nowhere but back towards where it was trained to,
    /// which can be made up for when it is read: a pass over all vectors would be half of a step's time. Empty for tied weights, whose vectors are
    /// the output layer, too.
    pub(super) moved: Vec<u32>,
}

impl Learner {
    /// Reads segments of at most so many tokens; `tied` says whether the word vectors are the output layer's.
    pub(super) fn new(net: &Backbone<f32>, tied: bool, eos: TokenId, segment: usize) -> Self {
        let buffer = || Vec::with_capacity(segment);
        Self {
            work: Work::new(net, 1, segment),
            grad: net.zeros_like(),
            net: net.clone(),
            last: eos,
            inputs: buffer(),
            targets: buffer(),
            scores: Vec::with_capacity(segment),
            steps: 0,
            moved: vec![0; if tied || net.frozen { 0 } else { net.vocab() }],
        }
    }

    pub(super) fn clear_state(&mut self, last: TokenId) {
        self.work.clear_state();
        self.inputs.clear();
        self.targets.clear();
        self.last = last;
    }

    /// Moves on behind the segment read last, to the next one.
    pub(super) fn take(&mut self, segment: &[TokenId]) {
        self.work.carry(self.targets.len());
        self.inputs.clear();
        self.targets.clear();
        self.targets.extend(segment.iter().map(|t| t.0));
        self.inputs.push(self.last.0);
        self.inputs.extend(&self.targets[..segment.len() - 1]);
        self.last = segment.last().copied().unwrap_or(self.last);
    }

    /// Passes forward through the segment and scores it.
    pub(super) fn score(&mut self) {
        let Self { net, work, inputs, targets, .. } = self;
        work.forward(net, batch(inputs, targets), None);
        self.scores.resize(targets.len(), 0.0);
        net.score_outputs(targets, work, &mut self.scores);
    }

    /// ln p of the segment's tokens, by the weights before it.
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Adds the gradient of the segment's mean loss into `grad`; returns its norm.
    pub(super) fn gradient(&mut self) -> f64 {
        let Self { net, grad, work, inputs, targets, .. } = self;
        net.loss_grad_outputs(batch(inputs, targets), None, work, grad);
        let rows = self.rows();
        let (slices, width) = (numbers(&self.grad), self.grad.encoder.w.ncols());
        if self.moved.is_empty() {
            return clip::norm(slices);
        }
        let rows = rows.iter().map(|&row| &slices[0][row * width..(row + 1) * width]);
        clip::norm(rows.chain(slices[1..].iter().copied()))
    }

    /// The words that the segment read, each once.
    pub(super) fn rows(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = self.inputs.iter().map(|id| *id as usize).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}

pub(super) fn batch<'a>(inputs: &'a [u32], targets: &'a [u32]) -> Batch<'a> {
    Batch { steps: targets.len(), inputs, targets, resets: &[] }
}

/// The numbers of all tensors that are trained; the word vectors come first.
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
const BLOCK: usize = 16_384;

/// Calls `each` with blocks of two slices and the place where a block starts.
pub(super) fn blocks(
    a: &mut [f32],
    b: &mut [f32],
    each: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let blocks = a.par_chunks_mut(BLOCK).zip(b.par_chunks_mut(BLOCK)).enumerate();
    blocks.for_each(|(i, (a, b))| each(i * BLOCK, a, b));
}
