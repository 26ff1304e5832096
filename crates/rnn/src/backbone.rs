//! The recurrent network: embedding → dropout → layers over time → dropout → output layer.
//!
//! One forward and one backward pass for every use of a recurrent network: the language model feeds a gradient at every
//! step, a tagger likewise, a classifier or an encoder through the last state ([`Work::d_state_mut`]).
//!
//! Shapes: `B` lanes, `T` steps, `N` = T·B rows in the order (group of lanes, step, lane), `V` vocabulary; u [V, H], b2 [V].

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use nn::embedding::Embedding;
use nn::params::{Name, Params, Shape, Tensor, TensorMut};
use nn::rng::stream;
use nn::softmax;
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
    /// The output matrix [V, H]; `None` when it is the embedding.
    pub u: Option<Array2<R>>,
    /// The output bias `[V]`.
    pub b2: Array1<R>,
    /// The embedding is not trained.
    pub frozen: bool,
}

impl<R: Real> Backbone<R> {
    /// Zeros.
    ///
    /// # Panics
    /// When the embedding is tied and E ≠ H, or there is no layer.
    pub fn zeros(a: &Architecture) -> Self {
        assert!(a.layers > 0 && (!a.tied || a.embedding == a.hidden), "{a:?}");
        let input = |l| if l == 0 { a.embedding } else { a.hidden };
        Self {
            cell: a.cell,
            encoder: Embedding::zeros(a.vocab, a.embedding),
            layers: (0..a.layers).map(|l| Layer::zeros(a.cell, input(l), a.hidden)).collect(),
            u: (!a.tied).then(|| Array2::zeros((a.vocab, a.hidden))),
            b2: Array1::zeros(a.vocab),
            frozen: a.frozen,
        }
    }

    /// A start from a seed: matrices uniform in ±range, the recurrent ones by `start.init`, biases zero.
    pub fn start(a: &Architecture, start: &Start) -> Self {
        let mut net = Self::zeros(a);
        let table = |name, columns| {
            init::uniform((a.vocab, columns), start.range, &mut stream(start.seed, name))
        };
        net.encoder.w = table("init/encoder", a.embedding);
        net.u = net.u.map(|_| table("init/decoder", a.hidden));
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
            u: self.u.as_ref().map(|u| u.map(number)),
            b2: self.b2.map(number),
            frozen: self.frozen,
        }
    }

    /// The output matrix [V, H].
    pub fn u(&self) -> ArrayView2<'_, R> {
        self.u.as_ref().unwrap_or(&self.encoder.w).view()
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
        let d_u = grad.u.as_mut().unwrap_or(&mut grad.encoder.w).view_mut();
        let d_b2 = grad.b2.view_mut();
        let loss = softmax::loss_grad(
            self.u(),
            self.b2.view(),
            h,
            batch.targets,
            scale,
            d_h,
            d_u,
            d_b2,
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
        softmax::score(self.u(), self.b2.view(), h, targets, out, &mut work.output);
    }

    /// out ← ln ŷ over the whole vocabulary, for one output of the top layer.
    pub fn log_probs(&self, h: ArrayView1<R>, out: &mut [f64]) {
        softmax::log_probs(self.u(), self.b2.view(), h, out);
    }
}

impl<R: Real> Params for Backbone<R> {
    type Num = R;

    fn tensors<'a>(&'a self, each: &mut dyn FnMut(Tensor<'a, R>)) {
        let mut table = |name, w: &'a Array2<R>, trained| {
            let shape = Shape::Matrix(w.nrows(), w.ncols());
            each(Tensor { name, shape, data: w.as_slice().expect("standard layout"), trained });
        };
        table(ENCODER, &self.encoder.w, !self.frozen);
        self.u.iter().for_each(|u| table(DECODER, u, true));
        let data = self.b2.as_slice().expect("standard layout");
        each(Tensor { name: DECODER_BIAS, shape: Shape::Vector(data.len()), data, trained: true });
        self.layers.iter().enumerate().for_each(|(l, layer)| layer.tensors(l, each));
    }

    fn tensors_mut<'a>(&'a mut self, each: &mut dyn FnMut(TensorMut<'a, R>)) {
        let mut table = |name, w: &'a mut Array2<R>, trained| {
            let shape = Shape::Matrix(w.nrows(), w.ncols());
            each(TensorMut {
                name,
                shape,
                data: w.as_slice_mut().expect("standard layout"),
                trained,
            });
        };
        table(ENCODER, &mut self.encoder.w, !self.frozen);
        self.u.iter_mut().for_each(|u| table(DECODER, u, true));
        let data = self.b2.as_slice_mut().expect("standard layout");
        each(TensorMut {
            name: DECODER_BIAS,
            shape: Shape::Vector(data.len()),
            data,
            trained: true,
        });
        self.layers.iter_mut().enumerate().for_each(|(l, layer)| layer.tensors_mut(l, each));
    }
}

const ENCODER: Name = Name::new("encoder.weight");
const DECODER: Name = Name::new("decoder.weight");
const DECODER_BIAS: Name = Name::new("decoder.bias");
