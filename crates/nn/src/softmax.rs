//! The output layer, fused: ŷ = softmax(U h + b₂), its loss −ln ŷ_target and all gradients.
//!
//! Shapes: `V` words, `H` hidden, `N` rows (lanes × steps); u [V, H], b2 `[V]`, h [N, H].
//!
//! The vocabulary is cut into tiles of 192 words. A tile's logits are kept *words by rows*, Z = U hᵀ [V, N],
//! so that every product below reads its operands where they lie and every vector runs along the rows:
//!
//! 1. each tile: Z_t = U_t hᵀ + b₂, the maximum m_t and sum s_t = Σ exp(Z_t − m_t) of each row, Z_t ← exp(Z_t − m_t);
//! 2. in tile order: M = max m_t, S = Σ s_t exp(m_t − M), ln ŷ = z_target − M − ln S;
//! 3. each group of tiles: Z_t ← scale (ŷ − y) in place, dU_t += Z_t h with its ‖dU_t‖², db₂ += Z_t 1, partial dh += Z_tᵀ U_t;
//! 4. dh = the partial sums of the groups, in order.
//!
//! Tiles and groups depend on V alone and are the units of rayon's work, so the bits do not depend on the number of
//! threads; one bounded buffer [V, N] of logits (more rows go through it in stretches), no copy of dU, no allocation.

use crate::gemm::gemm;
use crate::real::Real;
use crate::simd::lines::{Lines, padded};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use rayon::prelude::*;

pub mod adaptive;
mod clusters;
mod layer;
mod layout;
mod tiles;

pub use clusters::{Clusters, ClustersError, HEAD_SHARE, MIDDLE_SHARE};
pub use layer::{LayerScratch, OutputLayer};
pub use layout::{DIV_VALUE, Layout, Request, SoftmaxName};
use tiles::{GROUPS, Output, TILE};

/// Rows that go through the layer at once: more are cut into stretches, so that the buffer of logits stays bounded.
/// Twenty lanes of 35 steps are one stretch; shorter ones were no faster.
pub const ROWS: usize = 704;

/// Buffers of the output layer for a number of rows and a vocabulary: allocated once, used in every step.
#[derive(Clone, Debug)]
pub struct OutputScratch<R> {
    max_rows: usize,
    /// Z, tile by tile: [V, padded N].
    logits: Lines<R>,
    /// hᵀ [H, padded N].
    h_t: Lines<R>,
    /// Per tile: the maximum, the sum and the target's logit of each row, [tiles, 3, padded N].
    stats: Lines<R>,
    /// Per row: M, [padded N].
    max: Lines<R>,
    /// Per row: S, [padded N].
    sum: Vec<f64>,
    /// Per group: partial dhᵀ [H, padded N].
    partial: Lines<R>,
    /// Per tile: ‖dU_t‖² after the last backward pass.
    squares: Vec<f64>,
}

impl<R: Real> OutputScratch<R> {
    /// Buffers for up to `max_rows` rows of h, `hidden` wide at most, and `vocab` words at most.
    pub fn new(max_rows: usize, hidden: usize, vocab: usize) -> Self {
        let max_rows = max_rows.min(ROWS);
        let rows = padded::<R>(max_rows);
        let tiles = vocab.div_ceil(TILE);
        Self {
            max_rows,
            logits: Lines::zeros(vocab * rows),
            h_t: Lines::zeros(hidden * rows),
            stats: Lines::zeros(tiles * 3 * rows),
            max: Lines::zeros(rows),
            sum: vec![0.0; rows],
            partial: Lines::zeros(tiles.min(GROUPS) * hidden * rows),
            squares: vec![0.0; tiles],
        }
    }

    /// The bytes of all buffers.
    pub fn bytes(&self) -> usize {
        let numbers = [&self.logits, &self.h_t, &self.stats, &self.max, &self.partial]
            .map(|x| x.slice().len());
        let sums = self.sum.len() + self.squares.len();
        numbers.iter().sum::<usize>() * size_of::<R>() + sums * size_of::<f64>()
    }

    /// ‖dU‖² as the last [`loss_grad`] left it: clipping needs no pass of its own over dU.
    pub fn squared_norm(&self) -> f64 {
        self.squares.iter().sum()
    }
}

/// Stretches of nearly equal length, at most [`ROWS`] rows each.
fn stretches(rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let length = rows.div_ceil(rows.div_ceil(ROWS).max(1)).max(1);
    (0..rows).step_by(length).map(move |from| from..(from + length).min(rows))
}

/// The loss Σ −ln ŷ_target over the rows of h, in nats, and the gradients of `scale` times that sum: d_h [N, H] is
/// overwritten, d_u [V, H] and d_b2 `[V]` are added into. u may be the embedding table (tied weights).
///
/// # Panics
/// When shapes do not fit, a target is V or more, `scratch` is too small, or d_h, d_u or d_b2 is not contiguous.
#[allow(clippy::too_many_arguments)] // the operands of one equation, each a buffer of its own
pub fn loss_grad<R: Real>(
    u: ArrayView2<R>,
    b2: ArrayView1<R>,
    h: ArrayView2<R>,
    targets: &[u32],
    scale: R,
    mut d_h: ArrayViewMut2<R>,
    mut d_u: ArrayViewMut2<R>,
    mut d_b2: ArrayViewMut1<R>,
    scratch: &mut OutputScratch<R>,
) -> f64 {
    assert_eq!(d_h.dim(), h.dim(), "output layer: d_h against h");
    assert_eq!(d_u.dim(), u.dim(), "output layer: d_u against u");
    assert_eq!(d_b2.dim(), b2.dim(), "output layer: d_b2 against b2");
    let d_h = d_h.as_slice_mut().expect("output layer: d_h is contiguous");
    let d_u = d_u.as_slice_mut().expect("output layer: d_u is contiguous");
    let d_b2 = d_b2.as_slice_mut().expect("output layer: d_b2 is contiguous");
    assert_eq!(targets.len(), h.nrows(), "output layer: targets against the rows of h");
    let (mut loss, hidden) = (0.0, h.ncols());
    for rows in stretches(h.nrows()) {
        let d_h = &mut d_h[rows.start * hidden..rows.end * hidden];
        let h = h.slice(s![rows.clone(), ..]);
        let output = Output::new(u, b2, h, &targets[rows], scratch);
        // eq: 1
        output.forward(scratch, |_, log_p| loss -= log_p);
        output.backward(scale, d_h, d_u, d_b2, scratch);
    }
    loss
}

/// `out[n]` ← ln ŷ_target of row n, in nats.
///
/// A row's result does not depend on the other rows.
///
/// # Panics
/// When shapes do not fit, a target is V or more, or `scratch` is too small.
pub fn score<R: Real>(
    u: ArrayView2<R>,
    b2: ArrayView1<R>,
    h: ArrayView2<R>,
    targets: &[u32],
    out: &mut [f64],
    scratch: &mut OutputScratch<R>,
) {
    assert_eq!(out.len(), targets.len(), "output layer: out against targets");
    assert_eq!(targets.len(), h.nrows(), "output layer: targets against the rows of h");
    for rows in stretches(h.nrows()) {
        let (h, out) = (h.slice(s![rows.clone(), ..]), &mut out[rows.clone()]);
        Output::new(u, b2, h, &targets[rows], scratch).score(scratch, |n, log_p| out[n] = log_p);
    }
}

/// out ← ln ŷ over the whole vocabulary, for one h `[H]`; the probabilities sum to one in `f64`.
///
/// # Panics
/// When shapes do not fit.
pub fn log_probs<R: Real>(u: ArrayView2<R>, b2: ArrayView1<R>, h: ArrayView1<R>, out: &mut [f64]) {
    assert_eq!(b2.len(), u.nrows(), "output layer: b2 against the rows of u");
    assert_eq!(h.len(), u.ncols(), "output layer: h against the columns of u");
    assert_eq!(out.len(), u.nrows(), "output layer: out against the rows of u");
    let h = h.insert_axis(ndarray::Axis(1));
    out.par_chunks_mut(TILE).enumerate().for_each(|(tile, out)| {
        let words = tile * TILE..tile * TILE + out.len();
        let mut z = [R::zero(); TILE];
        let mut z = ArrayViewMut2::from_shape((out.len(), 1), &mut z[..out.len()])
            .expect("a column of words");
        gemm(R::one(), u.slice(ndarray::s![words.clone(), ..]), h, R::zero(), z.view_mut());
        for ((out, &z), &b) in out.iter_mut().zip(&z).zip(b2.slice(ndarray::s![words])) {
            *out = (z + b).as_f64();
        }
    });
    let max = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = max + out.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
    out.iter_mut().for_each(|x| *x -= log_sum);
}
