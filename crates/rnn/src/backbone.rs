//! The recurrent network: embedding → dropout → layers over time → dropout → output layer.
//!
//! One forward and one backward pass for every use of a recurrent network: the language model feeds a gradient at every
//! step, a tagger likewise, a classifier or an encoder through the last state ([`Work::d_state_mut`]).
//!
//! Shapes: `B` lanes, `T` steps, `N` = T·B rows in the order (group of lanes, step, lane), `V` vocabulary.

use ndarray::{ArrayView1, ArrayView2, s};
use nn::embedding::Embedding;
use nn::params::{Name, Params, Tensor, TensorMut};
use nn::rng::stream;
use nn::softmax::{LayerScratch, Layout, OutputLayer};
use nn::{Real, init};

use crate::cell::CellKind;
use crate::layer::{Layer, Start};
use crate::unroll::Noise;
use crate::work::{Batch, Work};

/// Sizes and structure of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Architecture {
    /// The recurrence.
    pub cell: CellKind,
    /// V.
    pub vocab: usize,
    /// E.
    pub embedding: usize,
    /// H of every layer.
    pub hidden: usize,
    /// How many layers.
    pub layers: usize,
    /// The output layer's matrix is the embedding (needs E = H).
    pub tied: bool,
    /// The embedding is not trained.
    pub frozen: bool,
}

/// The weights, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Backbone<R> {
    /// Its recurrence.
    pub cell: CellKind,
    /// Word vectors [V, E].
    pub encoder: Embedding<R>,
    /// The recurrent layers, lowest first.
    pub layers: Vec<Layer<R>>,
    /// The output layer.
    pub output: OutputLayer<R>,
    /// The embedding is not trained.
    pub frozen: bool,
}

impl<R: Real> Backbone<R> {
    /// Zeros, with a full softmax.
    ///
    /// # Panics
    /// When the embedding is tied and E ≠ H, or there is no layer.
    pub fn zeros(a: &Architecture) -> Self {
        Self::zeros_with(a, &Layout::Full)
    }

    /// Zeros.
    ///
    /// # Panics
    /// As [`Backbone::zeros`], or when an adaptive softmax has other words, or is tied to words that are not in
    /// the order of their ranks.
    pub fn zeros_with(a: &Architecture, output: &Layout) -> Self {
        assert!(a.layers > 0 && (!a.tied || a.embedding == a.hidden), "{a:?}");
        let input = |l| if l == 0 { a.embedding } else { a.hidden };
        Self {
            cell: a.cell,
            encoder: Embedding::zeros(a.vocab, a.embedding),
            layers: (0..a.layers).map(|l| Layer::zeros(a.cell, input(l), a.hidden)).collect(),
            output: OutputLayer::zeros(output, a.vocab, a.hidden, a.tied),
            frozen: a.frozen,
        }
    }

    /// [`Backbone::start_with`] a full softmax.
    ///
    /// # Panics
    /// As [`Backbone::zeros`].
    pub fn start(a: &Architecture, start: &Start) -> Self {
        Self::start_with(a, &Layout::Full, start)
    }

    /// A start from a seed: matrices uniform in ±range, the recurrent ones by `start.init`, biases zero.
    ///
    /// # Panics
    /// As [`Backbone::zeros_with`].
    pub fn start_with(a: &Architecture, output: &Layout, start: &Start) -> Self {
        let mut net = Self::zeros_with(a, output);
        let rng = &mut stream(start.seed, "init/encoder");
        net.encoder.w = init::uniform((a.vocab, a.embedding), start.range, rng);
        net.output.start(start.range, start.seed, "init/decoder");
        for (l, layer) in net.layers.iter_mut().enumerate() {
            *layer = Layer::start(a.cell, (layer.input(), a.hidden), l, start);
        }
        net
    }

    /// The same network over numbers of another type.
    pub fn cast<S: Real>(&self) -> Backbone<S> {
        let number = |x: &R| S::of(x.as_f64());
        let layer = |layer: &Layer<R>| Layer {
            w_e: layer.w_e.map(number),
            w_h: layer.w_h.map(number),
            b1: layer.b1.map(number),
            b_h: layer.b_h.as_ref().map(|b| b.map(number)),
        };
        Backbone {
            cell: self.cell,
            encoder: Embedding { w: self.encoder.w.map(number) },
            layers: self.layers.iter().map(layer).collect(),
            output: self.output.cast(),
            frozen: self.frozen,
        }
    }

    /// The matrix [V, H] and the bias `[V]` of a full softmax.
    pub fn full_softmax(&self) -> Option<(ArrayView2<'_, R>, ArrayView1<'_, R>)> {
        match &self.output {
            OutputLayer::Full { u, b2 } => {
                Some((u.as_ref().unwrap_or(&self.encoder.w).view(), b2.view()))
            }
            OutputLayer::Adaptive { .. } => None,
        }
    }

    /// V.
    pub fn vocab(&self) -> usize {
        self.encoder.w.nrows()
    }

    /// H.
    pub fn hidden(&self) -> usize {
        self.layers[0].hidden()
    }

    /// Adds the gradient of the mean loss of a batch into `grad`; returns the sum −Σ ln ŷ_target in nats. The state is
    /// taken from `work` and left there ([`Work::carry`] moves it on).
    pub fn loss_grad(
        &self,
        batch: Batch<'_>,
        noise: Option<Noise<'_>>,
        work: &mut Work<R>,
        grad: &mut Self,
    ) -> f64 {
        work.forward(self, batch, noise);
        self.loss_grad_outputs(batch, noise, work, grad)
    }

    /// All of [`Backbone::loss_grad`] that comes after [`Work::forward`].
    pub fn loss_grad_outputs(
        &self,
        batch: Batch<'_>,
        noise: Option<Noise<'_>>,
        work: &mut Work<R>,
        grad: &mut Self,
    ) -> f64 {
        let rows = batch.inputs.len();
        let (h, scale) = (work.h.slice(s![..rows, ..]), R::of(1.0 / rows as f64));
        let d_h = work.d_h.slice_mut(s![..rows, ..]);
        let loss = self.output.loss_grad(
            self.encoder.w.view(),
            h,
            batch.targets,
            scale,
            d_h,
            &mut grad.output,
            grad.encoder.w.view_mut(),
            &mut work.output,
        );
        work.clear_d_state();
        work.backward(self, batch, noise, grad);
        loss
    }

    /// `out[n]` ← ln ŷ_target of row n of a batch.
    pub fn score(&self, batch: Batch<'_>, work: &mut Work<R>, out: &mut [f64]) {
        work.forward(self, batch, None);
        self.score_outputs(batch.targets, work, out);
    }

    /// The output layer's part of [`Backbone::score`], after [`Work::forward`].
    pub fn score_outputs(&self, targets: &[u32], work: &mut Work<R>, out: &mut [f64]) {
        let h = work.h.slice(s![..targets.len(), ..]);
        self.output.score(self.encoder.w.view(), h, targets, out, &mut work.output);
    }

    /// out ← ln ŷ over the whole vocabulary, for one output of the top layer.
    pub fn log_probs(&self, h: ArrayView1<R>, out: &mut [f64], scratch: &mut LayerScratch<R>) {
        self.output.log_probs(self.encoder.w.view(), h, out, scratch);
    }
}

impl<R: Real> Params for Backbone<R> {
    type Num = R;

    fn tensors<'a>(&'a self, each: &mut dyn FnMut(Tensor<'a, R>)) {
        each(Tensor { trained: !self.frozen, ..Tensor::matrix(ENCODER, &self.encoder.w) });
        self.output.tensors(each);
        self.layers.iter().enumerate().for_each(|(l, layer)| layer.tensors(l, each));
    }

    fn tensors_mut<'a>(&'a mut self, each: &mut dyn FnMut(TensorMut<'a, R>)) {
        let trained = !self.frozen;
        each(TensorMut { trained, ..TensorMut::matrix(ENCODER, &mut self.encoder.w) });
        self.output.tensors_mut(each);
        self.layers.iter_mut().enumerate().for_each(|(l, layer)| layer.tensors_mut(l, each));
    }
}

const ENCODER: Name = Name::new("encoder.weight");
