//! The weights of one recurrent layer, and what is one product over all time steps.
//!
//! Shapes: `N` = T·b rows in time order, w_e [G·H, E], w_h [G·H, H], b1 and b_h [G·H]. PyTorch's names: `weight_ih`,
//! `weight_hh`, `bias_ih`, `bias_hh`. PyTorch keeps two biases for every cell although their sum is all that counts in
//! the vanilla network and in the LSTM; here, as in the lecture, these have one, and `bias_hh` is zero in files.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, s};
use nn::Real;
use nn::gemm::gemm;
use nn::init;
use nn::params::{Name, Shape, Tensor, TensorMut};
use nn::rng::stream;
use serde::{Deserialize, Serialize};

use crate::cell::CellKind;

/// How the recurrent matrix starts; each gate's [H, H] block on its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// Uniform in ± this.
    Uniform(f64),
    /// Normal with this standard deviation.
    Normal(f64),
    /// A random orthogonal matrix times this.
    Orthogonal(f64),
    /// The identity times this (Le, Jaitly & Hinton 2015, with ReLU).
    Identity(f64),
}

/// One layer's weights, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer<R> {
    /// From the input: [G·H, E].
    pub w_e: Array2<R>,
    /// From the state: [G·H, H].
    pub w_h: Array2<R>,
    /// Bias [G·H].
    pub b1: Array1<R>,
    /// Bias of the recurrent product [G·H], for cells that need one of their own.
    pub b_h: Option<Array1<R>>,
}

impl<R: Real> Layer<R> {
    /// Zeros.
    pub fn zeros(cell: CellKind, input: usize, hidden: usize) -> Self {
        let rule = cell.rule::<R>();
        let rows = rule.gates() * hidden;
        Self {
            w_e: Array2::zeros((rows, input)),
            w_h: Array2::zeros((rows, hidden)),
            b1: Array1::zeros(rows),
            b_h: rule.splits().then(|| Array1::zeros(rows)),
        }
    }

    /// A start: `w_e` uniform in ±`range`, `w_h` by `init`, biases zero, an LSTM's forget bias `forget_bias`.
    pub fn start(cell: CellKind, shape: (usize, usize), layer: usize, start: &Start) -> Self {
        let (input, hidden) = shape;
        let mut weights = Self::zeros(cell, input, hidden);
        let rows = weights.w_e.nrows();
        weights.w_e = init::uniform(
            (rows, input),
            start.range,
            &mut stream(start.seed, &format!("init/w_e/{layer}")),
        );
        for (gate, mut block) in
            weights.w_h.axis_chunks_iter_mut(ndarray::Axis(0), hidden).enumerate()
        {
            let mut rng = stream(start.seed, &format!("init/w_h/{layer}/{gate}"));
            block.assign(&match start.init {
                Init::Uniform(bound) => init::uniform((hidden, hidden), bound, &mut rng),
                Init::Normal(sd) => init::normal((hidden, hidden), sd, &mut rng),
                Init::Orthogonal(gain) => init::orthogonal(hidden, gain, &mut rng),
                Init::Identity(gain) => init::identity(hidden, gain),
            });
        }
        if matches!(cell, CellKind::Lstm(_)) {
            weights.b1.slice_mut(s![hidden..2 * hidden]).fill(R::of(start.forget_bias));
        }
        weights
    }

    /// H.
    pub fn hidden(&self) -> usize {
        self.w_h.ncols()
    }

    /// E.
    pub fn input(&self) -> usize {
        self.w_e.ncols()
    }

    /// pre ← x w_eᵀ + b1 for any number of rows.
    pub fn project(&self, x: ArrayView2<R>, mut pre: ArrayViewMut2<R>) {
        pre.assign(&self.b1);
        gemm(R::one(), x, self.w_e.t(), R::one(), pre);
    }

    /// d_x ← d_pre w_e for any number of rows: the transpose of [`Layer::project`].
    pub fn project_back(&self, d_pre: ArrayView2<R>, d_x: ArrayViewMut2<R>) {
        gemm(R::one(), d_pre, self.w_e.view(), R::zero(), d_x);
    }

    /// The layer's tensors, `layer` being its number.
    pub fn tensors<'a>(&'a self, layer: usize, each: &mut dyn FnMut(Tensor<'a, R>)) {
        let names = Names::of(layer);
        for (name, w) in [(names.w_e, &self.w_e), (names.w_h, &self.w_h)] {
            let shape = Shape::Matrix(w.nrows(), w.ncols());
            each(Tensor {
                name,
                shape,
                data: w.as_slice().expect("standard layout"),
                trained: true,
            });
        }
        for (name, b) in [(names.b1, Some(&self.b1)), (names.b_h, self.b_h.as_ref())] {
            if let Some(b) = b {
                let data = b.as_slice().expect("standard layout");
                each(Tensor { name, shape: Shape::Vector(data.len()), data, trained: true });
            }
        }
    }

    /// The layer's tensors, to write.
    pub fn tensors_mut<'a>(&'a mut self, layer: usize, each: &mut dyn FnMut(TensorMut<'a, R>)) {
        let names = Names::of(layer);
        for (name, w) in [(names.w_e, &mut self.w_e), (names.w_h, &mut self.w_h)] {
            let shape = Shape::Matrix(w.nrows(), w.ncols());
            each(TensorMut {
                name,
                shape,
                data: w.as_slice_mut().expect("standard layout"),
                trained: true,
            });
        }
        for (name, b) in [(names.b1, Some(&mut self.b1)), (names.b_h, self.b_h.as_mut())] {
            if let Some(b) = b {
                let data = b.as_slice_mut().expect("standard layout");
                each(TensorMut { name, shape: Shape::Vector(data.len()), data, trained: true });
            }
        }
    }
}

/// How weights start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// Seed of the named streams.
    pub seed: u64,
    /// Bound of the uniform matrices.
    pub range: f64,
    /// The recurrent matrices.
    pub init: Init,
    /// The LSTM's forget bias.
    pub forget_bias: f64,
}

struct Names {
    w_e: Name,
    w_h: Name,
    b1: Name,
    b_h: Name,
}

impl Names {
    fn of(layer: usize) -> Self {
        Self {
            w_e: Name::new("rnn.weight_ih_l").layer(layer),
            w_h: Name::new("rnn.weight_hh_l").layer(layer),
            b1: Name::new("rnn.bias_ih_l").layer(layer),
            b_h: Name::new("rnn.bias_hh_l").layer(layer),
        }
    }
}
