//! Adaptive softmax (Grave, Joulin, Cissé, Grangier, Jégou 2017): frequent words cheap, rare words in clusters.
//!
//! Words are ranked by frequency and cut at ranks c₀ < c₁ < … < V. The *head* chooses among the c₀ most frequent
//! words and the clusters behind them; a rare word then competes inside its cluster only, from a projection of h
//! that is narrower for rarer clusters:
//!
//! ```text
//! ln ŷ_w = ln softmax(U_head h + b_head)_w                                                      rank of w < c₀
//! ln ŷ_w = ln softmax(U_head h + b_head)_{c₀ + i} + ln softmax(U_i P_i h + b_i)_w               w in cluster i
//! ```
//!
//! Every word has exactly one path, so the probabilities sum to one: perplexities compare with the full softmax.
//! Each softmax here is a call of the fused output layer ([`super::loss_grad`]), on the rows that need it.

use super::clusters::Place;
use super::{Clusters, OutputScratch};
use crate::embedding::scatter_add;
use crate::gemm::par_gemm;
use crate::linear::Linear;
use crate::real::Real;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};

/// The weights of a cluster, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Tail<R> {
    /// P_i [H_i, H].
    pub project: Array2<R>,
    /// U_i [V_i, H_i] and b_i `[V_i]`.
    pub output: Linear<R>,
}

/// The weights of an adaptive softmax, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Adaptive<R> {
    /// U_head [c₀ + clusters, H] and b_head.
    pub head: Linear<R>,
    /// One a cluster.
    pub tails: Vec<Tail<R>>,
}

impl<R: Real> Adaptive<R> {
    /// Zeros for these clusters, of these [`widths`].
    pub fn zeros(clusters: &Clusters, hidden: usize, divide: usize) -> Self {
        let tails =
            clusters.tail_lens().zip(widths(clusters, hidden, divide)).map(|(words, width)| Tail {
                project: Array2::zeros((width, hidden)),
                output: Linear::zeros(words, width),
            });
        Self { tails: tails.collect(), head: Linear::zeros(clusters.head_len(), hidden) }
    }
}

/// The width of each cluster's projection: cluster i (from 0) has H / `divide`^(i+1), at least 1.
pub fn widths(
    clusters: &Clusters,
    hidden: usize,
    divide: usize,
) -> impl Iterator<Item = usize> + use<> {
    let mut width = hidden;
    (0..clusters.tail_lens().len()).map(move |_| {
        width = (width / divide.max(1)).max(1);
        width
    })
}

/// Buffers of an adaptive softmax, allocated once.
#[derive(Clone, Debug)]
pub struct AdaptiveScratch<R> {
    output: OutputScratch<R>,
    /// Targets of the head, or of one cluster: [N].
    targets: Vec<u32>,
    /// Rows of h whose target is in the cluster.
    rows: Vec<u32>,
    /// Those rows of h, and their gradient: [N, H].
    h: Array2<R>,
    d_h: Array2<R>,
    /// Their projection P_i h, and its gradient, flat because the width varies: [N · H_i].
    narrow: Vec<R>,
    d_narrow: Vec<R>,
    /// ln ŷ of those rows, or of the words of the head or of one cluster.
    ln_p: Vec<f64>,
}

impl<R: Real> AdaptiveScratch<R> {
    /// Buffers for up to `max_rows` rows and these weights.
    pub fn new(max_rows: usize, weights: &Adaptive<R>) -> Self {
        let hidden = weights.head.w.ncols();
        let outputs = weights.tails.iter().map(|tail| &tail.output).chain([&weights.head]);
        let words = outputs.map(|output| output.w.nrows()).max().unwrap_or(0);
        let narrow =
            weights.tails.iter().map(|tail| tail.project.nrows()).max().unwrap_or(0) * max_rows;
        Self {
            output: OutputScratch::new(max_rows, hidden, words),
            targets: vec![0; max_rows],
            rows: Vec::with_capacity(max_rows),
            h: Array2::zeros((max_rows, hidden)),
            d_h: Array2::zeros((max_rows, hidden)),
            narrow: vec![R::zero(); narrow],
            d_narrow: vec![R::zero(); narrow],
            ln_p: vec![0.0; max_rows.max(words)],
        }
    }

    /// Collects the rows of h whose target is in cluster `i`: their numbers, h and targets.
    fn gather(
        &mut self,
        clusters: &Clusters,
        i: usize,
        h: ArrayView2<R>,
        targets: &[u32],
    ) -> usize {
        self.rows.clear();
        for (n, &word) in targets.iter().enumerate() {
            if let Place::Cluster(cluster, row) = clusters.place(word)
                && cluster == i
            {
                let at = self.rows.len();
                self.targets[at] = row;
                self.h.row_mut(at).assign(&h.row(n));
                self.rows.push(n as u32);
            }
        }
        self.rows.len()
    }
}

/// The loss Σ −ln ŷ_target over the rows of h [N, H], in nats, and the gradients of `scale` times that sum: d_h is
/// overwritten, `grad` is added into.
///
/// # Panics
/// When shapes do not fit, a target is V or more, `scratch` is too small, or d_h or `grad` is not contiguous.
#[allow(clippy::too_many_arguments)] // the operands of one equation, each a buffer of its own
pub fn loss_grad<R: Real>(
    clusters: &Clusters,
    weights: &Adaptive<R>,
    h: ArrayView2<R>,
    targets: &[u32],
    scale: R,
    mut d_h: ArrayViewMut2<R>,
    grad: &mut Adaptive<R>,
    scratch: &mut AdaptiveScratch<R>,
) -> f64 {
    let rows = targets.len();
    assert_eq!(rows, h.nrows(), "adaptive softmax: targets against the rows of h");
    assert!(
        rows <= scratch.targets.len(),
        "adaptive softmax: {rows} rows, room for {}",
        scratch.targets.len()
    );
    scratch.targets.iter_mut().zip(targets).for_each(|(to, &word)| *to = clusters.head_row(word));
    let (head, d_head) = (&weights.head, &mut grad.head);
    let mut loss = super::loss_grad(
        head.w.view(),
        head.b.view(),
        h,
        &scratch.targets[..rows],
        scale,
        d_h.view_mut(),
        d_head.w.view_mut(),
        d_head.b.view_mut(),
        &mut scratch.output,
    );
    for (i, (tail, d_tail)) in weights.tails.iter().zip(&mut grad.tails).enumerate() {
        let rows = scratch.gather(clusters, i, h, targets);
        let shape = (rows, tail.project.nrows());
        let h = scratch.h.slice(s![..rows, ..]);
        let narrow = &mut scratch.narrow[..shape.0 * shape.1];
        let mut narrow =
            ArrayViewMut2::from_shape(shape, narrow).expect("rows of the cluster's width");
        par_gemm(R::one(), h, tail.project.t(), R::zero(), narrow.view_mut());
        let d_narrow = &mut scratch.d_narrow[..shape.0 * shape.1];
        let mut d_narrow =
            ArrayViewMut2::from_shape(shape, d_narrow).expect("rows of the cluster's width");
        loss += super::loss_grad(
            tail.output.w.view(),
            tail.output.b.view(),
            narrow.view(),
            &scratch.targets[..rows],
            scale,
            d_narrow.view_mut(),
            d_tail.output.w.view_mut(),
            d_tail.output.b.view_mut(),
            &mut scratch.output,
        );
        par_gemm(R::one(), d_narrow.t(), h, R::one(), d_tail.project.view_mut());
        let mut d_rows = scratch.d_h.slice_mut(s![..rows, ..]);
        par_gemm(R::one(), d_narrow.view(), tail.project.view(), R::zero(), d_rows.view_mut());
        scatter_add(&scratch.rows, d_rows.view(), d_h.view_mut());
    }
    loss
}

/// `out[n]` ← ln ŷ_target of row n of h [N, H], in nats.
///
/// # Panics
/// As [`loss_grad`].
pub fn score<R: Real>(
    clusters: &Clusters,
    weights: &Adaptive<R>,
    h: ArrayView2<R>,
    targets: &[u32],
    out: &mut [f64],
    scratch: &mut AdaptiveScratch<R>,
) {
    let rows = targets.len();
    assert_eq!(rows, h.nrows(), "adaptive softmax: targets against the rows of h");
    assert!(
        rows <= scratch.targets.len(),
        "adaptive softmax: {rows} rows, room for {}",
        scratch.targets.len()
    );
    scratch.targets.iter_mut().zip(targets).for_each(|(to, &word)| *to = clusters.head_row(word));
    let head = &weights.head;
    super::score(
        head.w.view(),
        head.b.view(),
        h,
        &scratch.targets[..rows],
        out,
        &mut scratch.output,
    );
    for (i, tail) in weights.tails.iter().enumerate() {
        let rows = scratch.gather(clusters, i, h, targets);
        let shape = (rows, tail.project.nrows());
        let narrow = &mut scratch.narrow[..shape.0 * shape.1];
        let mut narrow =
            ArrayViewMut2::from_shape(shape, narrow).expect("rows of the cluster's width");
        par_gemm(
            R::one(),
            scratch.h.slice(s![..rows, ..]),
            tail.project.t(),
            R::zero(),
            narrow.view_mut(),
        );
        let (u, b, ln_p) = (tail.output.w.view(), tail.output.b.view(), &mut scratch.ln_p[..rows]);
        super::score(u, b, narrow.view(), &scratch.targets[..rows], ln_p, &mut scratch.output);
        for (&n, ln_p) in scratch.rows.iter().zip(ln_p) {
            out[n as usize] += *ln_p; // eq: adaptive
        }
    }
}

/// out ← ln ŷ over the whole vocabulary, for one h `[H]`; the probabilities sum to one in `f64`.
///
/// # Panics
/// When shapes do not fit, or `scratch` is not of these weights.
pub fn log_probs<R: Real>(
    clusters: &Clusters,
    weights: &Adaptive<R>,
    h: ArrayView1<R>,
    out: &mut [f64],
    scratch: &mut AdaptiveScratch<R>,
) {
    assert_eq!(out.len(), clusters.vocab(), "adaptive softmax: out against the vocabulary");
    let head = &weights.head;
    let ln_p = &mut scratch.ln_p[..clusters.head_len()];
    super::log_probs(head.w.view(), head.b.view(), h, ln_p);
    let (words, paths) = ln_p.split_at(clusters.head_words().len());
    for (&word, &ln_p) in clusters.head_words().iter().zip(words) {
        out[word as usize] = ln_p;
    }
    // a rare word's first step now, its second when the cluster's turn comes
    for (i, &ln_p) in paths.iter().enumerate() {
        clusters.cluster_words(i).iter().for_each(|&word| out[word as usize] = ln_p);
    }
    let column = h.insert_axis(ndarray::Axis(1));
    for (i, tail) in weights.tails.iter().enumerate() {
        let shape = (tail.project.nrows(), 1);
        let narrow = &mut scratch.narrow[..shape.0];
        let mut narrow =
            ArrayViewMut2::from_shape(shape, narrow).expect("a column of the cluster's width");
        par_gemm(R::one(), tail.project.view(), column, R::zero(), narrow.view_mut());
        let ln_p = &mut scratch.ln_p[..tail.output.w.nrows()];
        super::log_probs(tail.output.w.view(), tail.output.b.view(), narrow.column(0), ln_p);
        for (&word, &ln_p) in clusters.cluster_words(i).iter().zip(&*ln_p) {
            out[word as usize] += ln_p;
        }
    }
}
