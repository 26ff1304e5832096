//! The fixed-window network (Bengio and others 2003), lecture §3:
//!
//! ```text
//! e = [e_1; …; e_{n-1}]      h = tanh(W e + b_1)      ŷ = softmax(U h + b_2 [+ D e])
//! ```
//! With tied positions, one matrix of the width of a word vector serves every position: h = tanh(Σ_k W e_k + b_1), and
//! because a sum commutes with a product, that is W times the sum of the word vectors. Direct connections D are columns
//! of the output matrix beside U: [U D] [h; e].
//!
//! Bags of words further back widen the window without a matrix for each of their words: `context.rs`.
//!
//! Shapes: `N` examples, C = n − 1 positions, `K` bags, S words an example sees, `E` embedding, `H` hidden, `V` vocabulary;
//! w [H, (K + C)·E] or, tied, [H, (K + 1)·E]; z [N, H] or, with direct connections, [N, H + (K + C)·E] what the output layer
//! reads, which may be an adaptive softmax as well.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, s};
use nn::activation::Activation;
use nn::dropout::Dropout;
use nn::embedding::Embedding;
use nn::gemm::{gemm, par_gemm};
use nn::params::{Name, Params, Tensor, TensorMut};
use nn::rng::stream;
use nn::softmax::{LayerScratch, Layout, OutputLayer};
use nn::{Real, init};
use rayon::prelude::*;

/// Examples in one of rayon's units of work.
const BLOCK: usize = 128;

/// Sizes and structure of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Architecture {
    /// V.
    pub vocab: usize,
    /// C: words of context with a position of their own, n − 1.
    pub context: usize,
    /// K: bags of words in front of them, see `context.rs`.
    pub bags: usize,
    /// E.
    pub embedding: usize,
    /// H.
    pub hidden: usize,
    /// One matrix for all positions.
    pub tied_positions: bool,
    /// Direct connections from the word vectors to the output.
    pub direct: bool,
    /// The output layer's matrix is the embedding (needs E = H and no direct connections).
    pub tied: bool,
    /// The embedding is not trained.
    pub frozen: bool,
}

/// The weights, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowNet<R> {
    /// Sizes and structure.
    pub shape: Architecture,
    /// Word vectors [V, E].
    pub encoder: Embedding<R>,
    /// W.
    pub w: Array2<R>,
    /// b_1.
    pub b1: Array1<R>,
    /// U, or [U D], or nothing where weights are tied, and b_2.
    pub output: OutputLayer<R>,
}

/// Dropout of one training step: on the word vectors and on the hidden layer.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// On e, word by word: whole words, the same ones wherever they stand in the batch.
    pub words: Dropout,
    /// On e, number by number.
    pub embedding: Dropout,
    /// On h.
    pub hidden: Dropout,
    /// The step of the run.
    pub step: u64,
}

impl Noise {
    /// The whole words that are dropped, and the step.
    fn dropped(noise: Option<Self>) -> Option<(Dropout, u64)> {
        noise.map(|noise| (noise.words, noise.step))
    }
}

/// Scratch for up to so many examples.
pub struct Work<R> {
    rows: usize,
    /// e [N, (K + C)·E], and what W reads: e itself or the sum over positions.
    e: Array2<R>,
    x: Array2<R>,
    /// h before dropout [N, H]; in the backward pass the gradient of W x + b_1.
    h: Array2<R>,
    z: Array2<R>,
    d_z: Array2<R>,
    d_e: Array2<R>,
    pub(crate) output: LayerScratch<R>,
}

impl Architecture {
    /// Width of e.
    pub fn window(&self) -> usize {
        self.blocks() * self.embedding
    }

    /// Width of what W reads: all of e, or the bags and the sum of the positions.
    pub fn input(&self) -> usize {
        if self.tied_positions { (self.bags + 1) * self.embedding } else { self.window() }
    }

    /// x ← what W reads of e.
    pub(crate) fn input_of<R: Real>(&self, e: ArrayView2<R>, mut x: ArrayViewMut2<R>) {
        x.assign(&e.slice(s![.., ..self.input()]));
        if self.tied_positions {
            let mut sum = x.slice_mut(s![.., self.bags * self.embedding..]);
            for position in
                e.slice(s![.., self.input()..]).axis_chunks_iter(Axis(1), self.embedding)
            {
                sum += &position;
            }
        }
    }

    /// Width of what the output layer reads.
    pub fn features(&self) -> usize {
        self.hidden + if self.direct { self.window() } else { 0 }
    }
}

impl<R: Real> WindowNet<R> {
    /// Zeros, with a full softmax.
    pub fn zeros(shape: &Architecture) -> Self {
        Self::zeros_with(shape, &Layout::Full)
    }

    /// Zeros.
    ///
    /// # Panics
    /// When an adaptive softmax has other words, or a tied output layer another width.
    pub fn zeros_with(shape: &Architecture, output: &Layout) -> Self {
        assert!(!shape.tied || shape.features() == shape.embedding, "{shape:?}");
        Self {
            shape: *shape,
            encoder: Embedding::zeros(shape.vocab, shape.embedding),
            w: Array2::zeros((shape.hidden, shape.input())),
            b1: Array1::zeros(shape.hidden),
            output: OutputLayer::zeros(output, shape.vocab, shape.features(), shape.tied),
        }
    }

    /// A start from a seed: matrices uniform in ±`range`, biases zero.
    ///
    /// # Panics
    /// As [`WindowNet::zeros_with`].
    pub fn start_with(shape: &Architecture, output: &Layout, seed: u64, range: f64) -> Self {
        let mut net = Self::zeros_with(shape, output);
        let matrix = |w: &Array2<R>, name| init::uniform(w.dim(), range, &mut stream(seed, name));
        net.encoder.w = matrix(&net.encoder.w, "init/encoder");
        net.w = matrix(&net.w, "init/w");
        net.output.start(range, seed, "init/u");
        net
    }

    /// Adds the gradient of the mean loss of a batch into `grad`; returns the sum −Σ ln ŷ_target in nats. `contexts` has
    /// S ids an example, oldest first.
    pub fn loss_grad(
        &self,
        contexts: &[u32],
        targets: &[u32],
        noise: Option<Noise>,
        work: &mut Work<R>,
        grad: &mut Self,
    ) -> f64 {
        let n = targets.len();
        self.forward(contexts, n, noise, work);
        let Work { z, d_z, output, .. } = work;
        let (z, d_z, scale) =
            (z.slice(s![..n, ..]), d_z.slice_mut(s![..n, ..]), R::of(1.0 / n as f64));
        let loss = self.output.loss_grad(
            self.encoder.w.view(),
            z,
            targets,
            scale,
            d_z,
            &mut grad.output,
            grad.encoder.w.view_mut(),
            output,
        );
        self.backward(contexts, n, noise, work, grad);
        loss
    }

    /// `out[n]` ← ln ŷ_target of every example.
    pub fn score(&self, contexts: &[u32], targets: &[u32], work: &mut Work<R>, out: &mut [f64]) {
        let n = targets.len();
        self.forward(contexts, n, None, work);
        let z = work.z.slice(s![..n, ..]);
        self.output.score(self.encoder.w.view(), z, targets, out, &mut work.output);
    }

    /// z of every example.
    pub(crate) fn forward(
        &self,
        contexts: &[u32],
        n: usize,
        noise: Option<Noise>,
        work: &mut Work<R>,
    ) {
        let (a, reach) = (self.shape, self.shape.reach());
        assert!(
            contexts.len() == n * reach && n <= work.rows,
            "{} ids for {n} examples of {reach} words",
            contexts.len()
        );
        let blocks = (
            contexts.par_chunks(BLOCK * reach),
            blocks_of(&mut work.e, n),
            blocks_of(&mut work.x, n),
            blocks_of(&mut work.h, n),
            blocks_of(&mut work.z, n),
        );
        blocks.into_par_iter().enumerate().for_each(|(block, (ids, e, x, h, z))| {
            let rows = ids.len() / reach;
            let mut e = matrix_mut(e, rows);
            a.gather(&self.encoder, ids, Noise::dropped(noise), e.view_mut());
            if let Some(noise) = noise {
                let start = (block * BLOCK * a.window()) as u64;
                noise.embedding.apply(noise.step, start, e.as_slice_mut().expect("contiguous"));
            }
            let mut x = matrix_mut(x, rows);
            a.input_of(e.view(), x.view_mut());
            let (mut h, mut z) = (matrix_mut(h, rows), matrix_mut(z, rows));
            self.hidden(x.view(), h.view_mut());
            z.slice_mut(s![.., ..a.hidden]).assign(&h);
            if let Some(noise) = noise {
                for (i, mut row) in z.rows_mut().into_iter().enumerate() {
                    let start = ((block * BLOCK + i) * a.hidden) as u64;
                    let row = row.as_slice_mut().expect("contiguous");
                    noise.hidden.apply(noise.step, start, &mut row[..a.hidden]);
                }
            }
            if a.direct {
                z.slice_mut(s![.., a.hidden..]).assign(&e);
            }
        });
    }

    /// h ← tanh(W x + b_1).
    pub(crate) fn hidden(&self, x: ArrayView2<R>, mut h: ArrayViewMut2<R>) {
        h.assign(&self.b1);
        gemm(R::one(), x, self.w.t(), R::one(), h.view_mut()); // eq: window
        Activation::Tanh.apply(h.as_slice_mut().expect("contiguous"));
    }

    /// From d_z to the gradients of W, b_1 and the embedding.
    fn backward(
        &self,
        contexts: &[u32],
        n: usize,
        noise: Option<Noise>,
        work: &mut Work<R>,
        grad: &mut Self,
    ) {
        let a = self.shape;
        let blocks =
            (blocks_of(&mut work.h, n), blocks_of(&mut work.d_z, n), blocks_of(&mut work.d_e, n));
        blocks.into_par_iter().enumerate().for_each(|(block, (h, d_z, d_e))| {
            let rows = h.len() / a.hidden;
            let (mut h, mut d_z, mut d_e) =
                (matrix_mut(h, rows), matrix_mut(d_z, rows), matrix_mut(d_e, rows));
            for (i, (mut h, mut d_z)) in h.rows_mut().into_iter().zip(d_z.rows_mut()).enumerate() {
                let (h, d_h) =
                    (h.as_slice_mut().expect("a row"), d_z.as_slice_mut().expect("a row"));
                let d_h = &mut d_h[..a.hidden];
                if let Some(noise) = noise {
                    noise.hidden.apply(noise.step, ((block * BLOCK + i) * a.hidden) as u64, d_h);
                }
                Activation::Tanh.back(h, d_h);
                h.copy_from_slice(d_h);
            }
            // d_x lies in the first columns of d_e, which every position then takes
            let mut d_x = d_e.slice_mut(s![.., ..a.input()]);
            gemm(R::one(), h.view(), self.w.view(), R::zero(), d_x.view_mut());
            if a.tied_positions {
                let (sum, mut rest) = d_e.view_mut().split_at(Axis(1), a.input());
                let sum = sum.slice(s![.., a.bags * a.embedding..]);
                for mut position in rest.axis_chunks_iter_mut(Axis(1), a.embedding) {
                    position.assign(&sum);
                }
            }
            if a.direct {
                d_e += &d_z.slice(s![.., a.hidden..]);
            }
            if let Some(noise) = noise {
                let start = (block * BLOCK * a.window()) as u64;
                noise.embedding.apply(noise.step, start, d_e.as_slice_mut().expect("contiguous"));
            }
        });
        let d_pre = work.h.slice(s![..n, ..]);
        par_gemm(R::one(), d_pre.t(), work.x.slice(s![..n, ..]), R::one(), grad.w.view_mut());
        d_pre.rows().into_iter().for_each(|row| grad.b1 += &row);
        if !a.frozen {
            let d_e = &work.d_e.as_slice().expect("standard layout")[..n * a.window()];
            a.scatter(contexts, Noise::dropped(noise), d_e, grad.encoder.w.view_mut());
        }
    }
}

impl<R: Real> Work<R> {
    /// Scratch for up to `rows` examples.
    pub fn new(net: &WindowNet<R>, rows: usize) -> Self {
        let shape = &net.shape;
        let matrix = |columns| Array2::zeros((rows, columns));
        Self {
            rows,
            e: matrix(shape.window()),
            x: matrix(shape.input()),
            h: matrix(shape.hidden),
            z: matrix(shape.features()),
            d_z: matrix(shape.features()),
            d_e: matrix(shape.window()),
            output: LayerScratch::new(rows, shape.features(), &net.output),
        }
    }

    /// The hidden layer of the first `n` examples of the last forward pass (before dropout).
    pub fn hidden(&self, n: usize) -> ArrayView2<'_, R> {
        self.h.slice(s![..n, ..])
    }
}

/// Blocks of rows of the first `n` rows.
fn blocks_of<R: Real>(matrix: &mut Array2<R>, n: usize) -> rayon::slice::ChunksMut<'_, R> {
    let columns = matrix.ncols();
    matrix.as_slice_mut().expect("standard layout")[..n * columns].par_chunks_mut(BLOCK * columns)
}

fn matrix_mut<R: Real>(numbers: &mut [R], rows: usize) -> ArrayViewMut2<'_, R> {
    ArrayViewMut2::from_shape((rows, numbers.len() / rows), numbers).expect("whole rows")
}

const ENCODER: Name = Name::new("encoder.weight");
const HIDDEN: [Name; 2] = [Name::new("hidden.weight"), Name::new("hidden.bias")];

impl<R: Real> Params for WindowNet<R> {
    type Num = R;

    fn tensors<'a>(&'a self, each: &mut dyn FnMut(Tensor<'a, R>)) {
        each(Tensor { trained: !self.shape.frozen, ..Tensor::matrix(ENCODER, &self.encoder.w) });
        each(Tensor::matrix(HIDDEN[0], &self.w));
        each(Tensor::vector(HIDDEN[1], &self.b1));
        self.output.tensors(each);
    }

    fn tensors_mut<'a>(&'a mut self, each: &mut dyn FnMut(TensorMut<'a, R>)) {
        let trained = !self.shape.frozen;
        each(TensorMut { trained, ..TensorMut::matrix(ENCODER, &mut self.encoder.w) });
        each(TensorMut::matrix(HIDDEN[0], &mut self.w));
        each(TensorMut::vector(HIDDEN[1], &mut self.b1));
        self.output.tensors_mut(each);
    }
}
