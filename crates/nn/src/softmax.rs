//! The output layer: ŷ = softmax(U h + b₂), its loss −ln ŷ_target and the gradients, fused.
//!
//! Shapes: u [V, H], b2 [V], h [N, H], logits [N, V].

use crate::gemm::gemm;
use crate::real::Real;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

/// Buffers of the output layer: one of logits, and what the tiles leave for merging.
#[derive(Clone, Debug)]
pub struct OutputScratch<R> {
    logits: Array2<R>,
}

impl<R: Real> OutputScratch<R> {
    /// Buffers for up to `max_rows` rows of h [·, `hidden`] and `vocab` words.
    pub fn new(max_rows: usize, _hidden: usize, vocab: usize) -> Self {
        Self { logits: Array2::zeros((max_rows, vocab)) }
    }
}

fn log_softmax<R: Real>(
    u: ArrayView2<R>,
    b2: ArrayView1<R>,
    h: ArrayView2<R>,
    mut logits: ArrayViewMut2<R>,
) {
    logits.assign(&b2);
    gemm(R::one(), h, u.t(), R::one(), logits.view_mut());
    for mut row in logits.rows_mut() {
        let max = row.fold(R::neg_infinity(), |a, &b| a.max(b));
        let sum: f64 = row.iter().map(|&x| (x - max).as_f64().exp()).sum();
        let log_sum = max + R::of(sum.ln());
        row.mapv_inplace(|x| x - log_sum);
    }
}

/// The loss Σ −ln ŷ_target over the rows of h, in nats, and the gradients of `scale` times that sum: d_h is
/// overwritten, d_u and d_b2 are added into.
#[allow(clippy::too_many_arguments)]
pub fn loss_grad<R: Real>(
    u: ArrayView2<R>,
    b2: ArrayView1<R>,
    h: ArrayView2<R>,
    targets: &[u32],
    scale: R,
    d_h: ArrayViewMut2<R>,
    d_u: ArrayViewMut2<R>,
    mut d_b2: ArrayViewMut1<R>,
    scratch: &mut OutputScratch<R>,
) -> f64 {
    let mut p = scratch.logits.slice_mut(s![..h.nrows(), ..]);
    log_softmax(u, b2, h, p.view_mut());
    let mut loss = 0.0;
    for (mut row, &target) in p.rows_mut().into_iter().zip(targets) {
        loss -= row[target as usize].as_f64();
        row.mapv_inplace(|x| x.exp() * scale);
        row[target as usize] -= scale;
        d_b2 += &row;
    }
    gemm(R::one(), p.t(), h, R::one(), d_u);
    gemm(R::one(), p.view(), u, R::zero(), d_h);
    loss
}

/// out[n] ← ln ŷ_target of row n, in nats.
pub fn score<R: Real>(
    u: ArrayView2<R>,
    b2: ArrayView1<R>,
    h: ArrayView2<R>,
    targets: &[u32],
    out: &mut [f64],
    scratch: &mut OutputScratch<R>,
) {
    let mut p = scratch.logits.slice_mut(s![..h.nrows(), ..]);
    log_softmax(u, b2, h, p.view_mut());
    for ((row, &target), out) in p.rows().into_iter().zip(targets).zip(out) {
        *out = row[target as usize].as_f64();
    }
}

/// out ← ln ŷ over the whole vocabulary, for one h [H]; the probabilities sum to one.
pub fn log_probs<R: Real>(u: ArrayView2<R>, b2: ArrayView1<R>, h: ArrayView1<R>, out: &mut [f64]) {
    for ((out, row), &b) in out.iter_mut().zip(u.rows()).zip(b2) {
        *out = (row.dot(&h) + b).as_f64();
    }
    let max = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = max + out.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
    out.iter_mut().for_each(|x| *x -= log_sum);
}
