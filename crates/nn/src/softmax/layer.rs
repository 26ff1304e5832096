//! The output layer as a part of a network: a full softmax, perhaps with the embedding as its matrix, or an adaptive one.
//!
//! Every network hands over its word vectors `table` [V, E], which are the output matrix where weights are tied.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};

use super::adaptive::{self, Adaptive, AdaptiveScratch, Narrow, Tail};
use super::{Clusters, Layout, OutputScratch};
use crate::init;
use crate::linear::Linear;
use crate::params::{Name, Tensor, TensorMut};
use crate::real::Real;
use crate::rng::stream;

/// The weights, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputLayer<R> {
    /// One softmax over all words.
    Full {
        /// U [V, H]; `None` when it is the embedding.
        u: Option<Array2<R>>,
        /// b₂ `[V]`.
        b2: Array1<R>,
    },
    /// Frequent words first, rare ones in clusters.
    Adaptive {
        /// Which word is where.
        clusters: Arc<Clusters>,
        /// How many times narrower each cluster is than the one before.
        div_value: usize,
        /// The weights.
        weights: Adaptive<R>,
    },
}

/// Buffers of an output layer, allocated once.
#[derive(Clone, Debug)]
pub enum LayerScratch<R> {
    /// Of a full softmax.
    Full(Box<OutputScratch<R>>),
    /// Of an adaptive one.
    Adaptive(Box<AdaptiveScratch<R>>),
}

impl<R: Real> LayerScratch<R> {
    /// Buffers for up to `max_rows` rows of `features` numbers.
    pub fn new(max_rows: usize, features: usize, layer: &OutputLayer<R>) -> Self {
        match layer {
            OutputLayer::Full { b2, .. } => {
                Self::Full(Box::new(OutputScratch::new(max_rows, features, b2.len())))
            }
            OutputLayer::Adaptive { weights, .. } => {
                Self::Adaptive(Box::new(AdaptiveScratch::new(max_rows, weights)))
            }
        }
    }

    /// Buffers for [`OutputLayer::log_probs`] alone.
    pub fn of_reader(layer: &OutputLayer<R>) -> Self {
        match layer {
            OutputLayer::Full { .. } => Self::Full(Box::new(OutputScratch::new(0, 0, 0))),
            OutputLayer::Adaptive { .. } => Self::new(1, 0, layer),
        }
    }
}

const SAME: &str = "output layer: weights, gradient and scratch are of one kind";

impl<R: Real> OutputLayer<R> {
    /// Zeros for `vocab` words and `features` numbers a row.
    ///
    /// # Panics
    /// When an adaptive softmax has other words, or is tied to words in another order than that of their ranks.
    pub fn zeros(layout: &Layout, vocab: usize, features: usize, tied: bool) -> Self {
        match layout {
            Layout::Full => Self::Full {
                u: (!tied).then(|| Array2::zeros((vocab, features))),
                b2: Array1::zeros(vocab),
            },
            Layout::Adaptive { clusters, div_value } => {
                assert!(clusters.vocab() == vocab, "an adaptive softmax of its own words");
                assert!(!tied || clusters.in_order(), "tied words in the order of their ranks");
                Self::Adaptive {
                    clusters: clusters.clone(),
                    div_value: *div_value,
                    weights: Adaptive::zeros(clusters, features, *div_value, tied),
                }
            }
        }
    }

    /// A start from a seed: matrices uniform in ±`range`, biases zero. The streams of chance are called after `name`.
    pub fn start(&mut self, range: f64, seed: u64, name: &str) {
        let uniform = |w: &mut Array2<R>, name: &str| {
            *w = init::uniform(w.dim(), range, &mut stream(seed, name));
        };
        match self {
            Self::Full { u, .. } => u.iter_mut().for_each(|u| uniform(u, name)),
            Self::Adaptive { weights, .. } => {
                uniform(&mut weights.head.w, &format!("{name}/head"));
                for (i, tail) in weights.tails.iter_mut().enumerate() {
                    let Some(own) = &mut tail.own else { continue };
                    uniform(&mut own.project, &format!("{name}/project/{i}"));
                    uniform(&mut own.w, &format!("{name}/cluster/{i}"));
                }
            }
        }
    }

    /// Its structure.
    pub fn layout(&self) -> Layout {
        match self {
            Self::Full { .. } => Layout::Full,
            Self::Adaptive { clusters, div_value, .. } => {
                Layout::Adaptive { clusters: clusters.clone(), div_value: *div_value }
            }
        }
    }

    /// The same layer over numbers of another type.
    pub fn cast<S: Real>(&self) -> OutputLayer<S> {
        let number = |x: &R| S::of(x.as_f64());
        match self {
            Self::Full { u, b2 } => {
                OutputLayer::Full { u: u.as_ref().map(|u| u.map(number)), b2: b2.map(number) }
            }
            Self::Adaptive { clusters, div_value, weights } => {
                let own = |own: &Narrow<R>| Narrow {
                    project: own.project.map(number),
                    w: own.w.map(number),
                };
                let tail = |tail: &Tail<R>| Tail {
                    own: tail.own.as_ref().map(own),
                    b: tail.b.map(number),
                };
                let Linear { w, b } = &weights.head;
                let head = Linear { w: w.map(number), b: b.map(number) };
                let tails = weights.tails.iter().map(tail).collect();
                OutputLayer::Adaptive {
                    clusters: clusters.clone(),
                    div_value: *div_value,
                    weights: Adaptive { head, tails },
                }
            }
        }
    }

    /// The loss Σ −ln ŷ_target over the rows of h, in nats, and the gradients of `scale` times that sum: d_h is
    /// overwritten, `grad` is added into, and so is `d_table` where weights are tied.
    ///
    /// # Panics
    /// As [`super::loss_grad`], or when `grad` or `scratch` is of another kind.
    #[allow(clippy::too_many_arguments)] // the operands of one equation, each a buffer of its own
    pub fn loss_grad(
        &self,
        table: ArrayView2<R>,
        h: ArrayView2<R>,
        targets: &[u32],
        scale: R,
        d_h: ArrayViewMut2<R>,
        grad: &mut Self,
        d_table: ArrayViewMut2<R>,
        scratch: &mut LayerScratch<R>,
    ) -> f64 {
        match (self, grad, scratch) {
            (
                Self::Full { u, b2 },
                Self::Full { u: d_u, b2: d_b2 },
                LayerScratch::Full(scratch),
            ) => {
                let u = u.as_ref().map_or(table, |u| u.view());
                let d_u = d_u.as_mut().map_or(d_table, |d_u| d_u.view_mut());
                let (b2, d_b2) = (b2.view(), d_b2.view_mut());
                super::loss_grad(u, b2, h, targets, scale, d_h, d_u, d_b2, scratch)
            }
            (
                Self::Adaptive { clusters, weights, .. },
                Self::Adaptive { weights: grad, .. },
                LayerScratch::Adaptive(scratch),
            ) => adaptive::loss_grad(
                clusters, weights, table, h, targets, scale, d_h, grad, d_table, scratch,
            ),
            _ => panic!("{SAME}"),
        }
    }

    /// Name and squared norm of the gradient of a full softmax's own matrix, where the last [`OutputLayer::loss_grad`] was
    /// added to zeros.
    pub fn squared_norm(&self, scratch: &LayerScratch<R>) -> Option<(Name, f64)> {
        match (self, scratch) {
            (Self::Full { u: Some(_), .. }, LayerScratch::Full(scratch)) => {
                Some((WEIGHT, scratch.squared_norm()))
            }
            _ => None,
        }
    }

    /// `out[n]` ← ln ŷ_target of row n of h, in nats.
    ///
    /// # Panics
    /// As [`super::score`], or when `scratch` is of another kind.
    pub fn score(
        &self,
        table: ArrayView2<R>,
        h: ArrayView2<R>,
        targets: &[u32],
        out: &mut [f64],
        scratch: &mut LayerScratch<R>,
    ) {
        match (self, scratch) {
            (Self::Full { u, b2 }, LayerScratch::Full(scratch)) => {
                let u = u.as_ref().map_or(table, |u| u.view());
                super::score(u, b2.view(), h, targets, out, scratch);
            }
            (Self::Adaptive { clusters, weights, .. }, LayerScratch::Adaptive(scratch)) => {
                adaptive::score(clusters, weights, table, h, targets, out, scratch);
            }
            _ => panic!("{SAME}"),
        }
    }

    /// out ← ln ŷ over the whole vocabulary, for one h.
    ///
    /// # Panics
    /// As [`super::log_probs`], or when `scratch` is of another kind.
    pub fn log_probs(
        &self,
        table: ArrayView2<R>,
        h: ArrayView1<R>,
        out: &mut [f64],
        scratch: &mut LayerScratch<R>,
    ) {
        match (self, scratch) {
            (Self::Full { u, b2 }, LayerScratch::Full(_)) => {
                super::log_probs(u.as_ref().map_or(table, |u| u.view()), b2.view(), h, out);
            }
            (Self::Adaptive { clusters, weights, .. }, LayerScratch::Adaptive(scratch)) => {
                adaptive::log_probs(clusters, weights, table, h, out, scratch);
            }
            _ => panic!("{SAME}"),
        }
    }

    /// The layer's tensors, always in the same order.
    pub fn tensors<'a>(&'a self, each: &mut dyn FnMut(Tensor<'a, R>)) {
        match self {
            Self::Full { u, b2 } => {
                u.iter().for_each(|u| each(Tensor::matrix(WEIGHT, u)));
                each(Tensor::vector(BIAS, b2));
            }
            Self::Adaptive { weights: Adaptive { head, tails }, .. } => {
                each(Tensor::matrix(HEAD[0], &head.w));
                each(Tensor::vector(HEAD[1], &head.b));
                for (i, tail) in tails.iter().enumerate() {
                    if let Some(own) = &tail.own {
                        each(Tensor::matrix(TAIL[0].layer(i), &own.project));
                        each(Tensor::matrix(TAIL[1].layer(i), &own.w));
                    }
                    each(Tensor::vector(TAIL[2].layer(i), &tail.b));
                }
            }
        }
    }

    /// The same tensors in the same order, to write.
    pub fn tensors_mut<'a>(&'a mut self, each: &mut dyn FnMut(TensorMut<'a, R>)) {
        match self {
            Self::Full { u, b2 } => {
                u.iter_mut().for_each(|u| each(TensorMut::matrix(WEIGHT, u)));
                each(TensorMut::vector(BIAS, b2));
            }
            Self::Adaptive { weights: Adaptive { head, tails }, .. } => {
                each(TensorMut::matrix(HEAD[0], &mut head.w));
                each(TensorMut::vector(HEAD[1], &mut head.b));
                for (i, tail) in tails.iter_mut().enumerate() {
                    if let Some(own) = &mut tail.own {
                        each(TensorMut::matrix(TAIL[0].layer(i), &mut own.project));
                        each(TensorMut::matrix(TAIL[1].layer(i), &mut own.w));
                    }
                    each(TensorMut::vector(TAIL[2].layer(i), &mut tail.b));
                }
            }
        }
    }
}

const WEIGHT: Name = Name::new("decoder.weight");
const BIAS: Name = Name::new("decoder.bias");
const HEAD: [Name; 2] = [Name::new("decoder.head.weight"), Name::new("decoder.head.bias")];
const TAIL: [Name; 3] =
    [Name::new("decoder.project_c"), Name::new("decoder.weight_c"), Name::new("decoder.bias_c")];
