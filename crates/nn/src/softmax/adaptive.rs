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
//! Where weights are tied, the word vectors are the matrices: U_head is the rows of the c₀ most frequent words and one row of
//! its own a cluster, U_i the rows of the cluster's words, and there is no P_i. Word vectors must then stand in the order
//! of the ranks.
//!
//! Every word has exactly one path, so the probabilities sum to one: perplexities compare with the full softmax.
//! Each softmax here is a call of the fused output layer ([`super::loss_grad`]), on the rows that need it.

use super::clusters::Place;
use super::{Clusters, OutputScratch};
use crate::embedding::scatter_add;
use crate::gemm::par_gemm;
use crate::linear::Linear;
use crate::real::Real;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};

/// The matrices of a cluster, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Narrow<R> {
    /// P_i [H_i, H].
    pub project: Array2<R>,
    /// U_i [V_i, H_i].
    pub w: Array2<R>,
}

/// The weights of a cluster, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Tail<R> {
    /// P_i and U_i; `None` where weights are tied.
    pub own: Option<Narrow<R>>,
    /// b_i `[V_i]`.
    pub b: Array1<R>,
}

/// The weights of an adaptive softmax, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Adaptive<R> {
    /// U_head [c₀ + clusters, H], or its last rows alone, [clusters, H], where weights are tied; b_head `[c₀ + clusters]`.
    pub head: Linear<R>,
    /// One a cluster.
    pub tails: Vec<Tail<R>>,
}

impl<R: Real> Adaptive<R> {
    /// Zeros for these clusters, of these [`widths`], or for rows of the word vectors (`tied`).
    pub fn zeros(clusters: &Clusters, hidden: usize, divide: usize, tied: bool) -> Self {
        let widths = widths(clusters, hidden, divide);
        let tails = clusters.tail_lens().zip(widths).map(|(words, width)| Tail {
            own: (!tied).then(|| Narrow {
                project: Array2::zeros((width, hidden)),
                w: Array2::zeros((words, width)),
            }),
            b: Array1::zeros(words),
        });
        let rows = if tied { clusters.tail_lens().len() } else { clusters.head_len() };
        let head =
            Linear { w: Array2::zeros((rows, hidden)), b: Array1::zeros(clusters.head_len()) };
        Self { tails: tails.collect(), head }
    }

    /// Whether the word vectors are its matrices.
    pub fn tied(&self) -> bool {
        self.head.w.nrows() != self.head.b.len()
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
    /// U_head and its gradient where weights are tied, else empty.
    head: Array2<R>,
    d_head: Array2<R>,
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
        let biases = weights.tails.iter().map(|tail| &tail.b).chain([&weights.head.b]);
        let words = biases.map(|b| b.len()).max().unwrap_or(0);
        let own = weights.tails.iter().filter_map(|tail| tail.own.as_ref());
        let narrow = own.map(|own| own.project.nrows()).max().unwrap_or(0) * max_rows;
        let head = if weights.tied() { weights.head.b.len() } else { 0 };
        Self {
            head: Array2::zeros((head, hidden)),
            d_head: Array2::zeros((head, hidden)),
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

/// U_head: the layer's own, or put together in `room` from the word vectors and the rows of the clusters.
fn head_matrix<'a, R: Real>(
    clusters: &Clusters,
    weights: &'a Adaptive<R>,
    table: ArrayView2<R>,
    room: &'a mut Array2<R>,
) -> ArrayView2<'a, R> {
    if !weights.tied() {
        return weights.head.w.view();
    }
    let words = clusters.head_words().len();
    room.slice_mut(s![..words, ..]).assign(&table.slice(s![..words, ..]));
    room.slice_mut(s![words.., ..]).assign(&weights.head.w);
    room.view()
}

/// The loss Σ −ln ŷ_target over the rows of h [N, H], in nats, and the gradients of `scale` times that sum: d_h is
/// overwritten, `grad` is added into, and so is `d_table` where weights are tied.
///
/// # Panics
/// When shapes do not fit, a target is V or more, `scratch` is too small, or d_h or a gradient is not contiguous.
#[allow(clippy::too_many_arguments)] // the operands of one equation, each a buffer of its own
pub fn loss_grad<R: Real>(
    clusters: &Clusters,
    weights: &Adaptive<R>,
    table: ArrayView2<R>,
    h: ArrayView2<R>,
    targets: &[u32],
    scale: R,
    mut d_h: ArrayViewMut2<R>,
    grad: &mut Adaptive<R>,
    mut d_table: ArrayViewMut2<R>,
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
    let (tied, words) = (weights.tied(), clusters.head_words().len());
    let d_w = match tied {
        true => {
            scratch.d_head.fill(R::zero());
            scratch.d_head.view_mut()
        }
        false => grad.head.w.view_mut(),
    };
    let mut loss = super::loss_grad(
        head_matrix(clusters, weights, table, &mut scratch.head),
        weights.head.b.view(),
        h,
        &scratch.targets[..rows],
        scale,
        d_h.view_mut(),
        d_w,
        grad.head.b.view_mut(),
        &mut scratch.output,
    );
    if tied {
        let (of_words, of_clusters) = scratch.d_head.view().split_at(Axis(0), words);
        d_table.slice_mut(s![..words, ..]).scaled_add(R::one(), &of_words);
        grad.head.w += &of_clusters;
    }
    for (i, (tail, d_tail)) in weights.tails.iter().zip(&mut grad.tails).enumerate() {
        let rows = scratch.gather(clusters, i, h, targets);
        let (h, targets) = (scratch.h.slice(s![..rows, ..]), &scratch.targets[..rows]);
        let mut d_rows = scratch.d_h.slice_mut(s![..rows, ..]);
        let (b, d_b) = (tail.b.view(), d_tail.b.view_mut());
        match (&tail.own, &mut d_tail.own) {
            (Some(own), Some(d_own)) => {
                let shape = (rows, own.project.nrows());
                let mut narrow = part(&mut scratch.narrow, shape);
                let mut d_narrow = part(&mut scratch.d_narrow, shape);
                par_gemm(R::one(), h, own.project.t(), R::zero(), narrow.view_mut());
                loss += super::loss_grad(
                    own.w.view(),
                    b,
                    narrow.view(),
                    targets,
                    scale,
                    d_narrow.view_mut(),
                    d_own.w.view_mut(),
                    d_b,
                    &mut scratch.output,
                );
                par_gemm(R::one(), d_narrow.t(), h, R::one(), d_own.project.view_mut());
                let d_rows = d_rows.view_mut();
                par_gemm(R::one(), d_narrow.view(), own.project.view(), R::zero(), d_rows);
            }
            _ => {
                let words = clusters.tail_ranks(i);
                loss += super::loss_grad(
                    table.slice(s![words.clone(), ..]),
                    b,
                    h,
                    targets,
                    scale,
                    d_rows.view_mut(),
                    d_table.slice_mut(s![words, ..]),
                    d_b,
                    &mut scratch.output,
                );
            }
        }
        scatter_add(&scratch.rows, d_rows.view(), d_h.view_mut());
    }
    loss
}

/// The head of a buffer as a matrix.
fn part<R>(buffer: &mut [R], shape: (usize, usize)) -> ArrayViewMut2<'_, R> {
    ArrayViewMut2::from_shape(shape, &mut buffer[..shape.0 * shape.1]).expect("rows of this width")
}

/// `out[n]` ← ln ŷ_target of row n of h [N, H], in nats.
///
/// # Panics
/// As [`loss_grad`].
pub fn score<R: Real>(
    clusters: &Clusters,
    weights: &Adaptive<R>,
    table: ArrayView2<R>,
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
    super::score(
        head_matrix(clusters, weights, table, &mut scratch.head),
        weights.head.b.view(),
        h,
        &scratch.targets[..rows],
        out,
        &mut scratch.output,
    );
    for (i, tail) in weights.tails.iter().enumerate() {
        let rows = scratch.gather(clusters, i, h, targets);
        let (h, targets) = (scratch.h.slice(s![..rows, ..]), &scratch.targets[..rows]);
        let (b, ln_p) = (tail.b.view(), &mut scratch.ln_p[..rows]);
        match &tail.own {
            Some(own) => {
                let mut narrow = part(&mut scratch.narrow, (rows, own.project.nrows()));
                par_gemm(R::one(), h, own.project.t(), R::zero(), narrow.view_mut());
                super::score(own.w.view(), b, narrow.view(), targets, ln_p, &mut scratch.output);
            }
            None => {
                let u = table.slice_move(s![clusters.tail_ranks(i), ..]);
                super::score(u, b, h, targets, ln_p, &mut scratch.output);
            }
        }
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
    table: ArrayView2<R>,
    h: ArrayView1<R>,
    out: &mut [f64],
    scratch: &mut AdaptiveScratch<R>,
) {
    assert_eq!(out.len(), clusters.vocab(), "adaptive softmax: out against the vocabulary");
    let ln_p = &mut scratch.ln_p[..clusters.head_len()];
    let u = head_matrix(clusters, weights, table, &mut scratch.head);
    super::log_probs(u, weights.head.b.view(), h, ln_p);
    let (words, paths) = ln_p.split_at(clusters.head_words().len());
    for (&word, &ln_p) in clusters.head_words().iter().zip(words) {
        out[word as usize] = ln_p;
    }
    // a rare word's first step now, its second when the cluster's turn comes
    for (i, &ln_p) in paths.iter().enumerate() {
        clusters.cluster_words(i).iter().for_each(|&word| out[word as usize] = ln_p);
    }
    let column = h.insert_axis(Axis(1));
    for (i, tail) in weights.tails.iter().enumerate() {
        let ln_p = &mut scratch.ln_p[..tail.b.len()];
        match &tail.own {
            Some(own) => {
                let mut narrow = part(&mut scratch.narrow, (own.project.nrows(), 1));
                par_gemm(R::one(), own.project.view(), column, R::zero(), narrow.view_mut());
                super::log_probs(own.w.view(), tail.b.view(), narrow.column(0), ln_p);
            }
            None => {
                let u = table.slice_move(s![clusters.tail_ranks(i), ..]);
                super::log_probs(u, tail.b.view(), h, ln_p);
            }
        }
        for (&word, &ln_p) in clusters.cluster_words(i).iter().zip(&*ln_p) {
            out[word as usize] += ln_p;
        }
    }
}
