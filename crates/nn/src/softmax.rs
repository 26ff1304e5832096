//! The output layer, fused: ŷ = softmax(U h + b₂), its loss −ln ŷ_target and all gradients.
//!
//! Shapes: `V` words, `H` hidden, `N` rows (lanes × steps); u [V, H], b2 [V], h [N, H].
//!
//! The vocabulary is cut into tiles of [`TILE`] words. A tile's logits are kept *words by rows*, Z = U hᵀ [V, N],
//! so that every product below reads its operands where they lie and every vector runs along the rows:
//!
//! 1. each tile: Z_t = U_t hᵀ + b₂, the maximum m_t and sum s_t = Σ exp(Z_t − m_t) of each row, Z_t ← exp(Z_t − m_t);
//! 2. in tile order: M = max m_t, S = Σ s_t exp(m_t − M), ln ŷ = z_target − M − ln S;
//! 3. each group of tiles: Z_t ← scale (ŷ − y) in place, dU_t += Z_t h, db₂ += Z_t 1, partial dh += Z_tᵀ U_t;
//! 4. dh = the partial sums of the groups, in order.
//!
//! Tiles and groups depend on V alone and are the units of rayon's work, so the bits do not depend on the number of
//! threads; one buffer [V, N] of logits, no copy of dU, no allocation.

use crate::gemm::gemm;
use crate::real::Real;
use crate::simd::lines::{Lines, padded};
use crate::simd::widest;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ShapeBuilder};
use rayon::prelude::*;

pub mod adaptive;

/// Words of a tile: with 700 rows its logits are 720 KB, which a second-level cache holds.
const TILE: usize = 256;
/// Rows of dh in one unit of merging.
const MERGE: usize = 64;
/// At most so many groups of tiles, each with a partial dh.
const GROUPS: usize = 8;

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
}

impl<R: Real> OutputScratch<R> {
    /// Buffers for up to `max_rows` rows of h, `hidden` wide at most, and `vocab` words at most.
    pub fn new(max_rows: usize, hidden: usize, vocab: usize) -> Self {
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
        }
    }

    /// The bytes of all buffers.
    pub fn bytes(&self) -> usize {
        let numbers = [&self.logits, &self.h_t, &self.stats, &self.max, &self.partial]
            .map(|x| x.slice().len());
        numbers.iter().sum::<usize>() * size_of::<R>() + self.sum.len() * size_of::<f64>()
    }
}

/// One call's shapes and inputs.
#[derive(Clone, Copy)]
struct Output<'a, R> {
    u: ArrayView2<'a, R>,
    b2: ArrayView1<'a, R>,
    h: ArrayView2<'a, R>,
    targets: &'a [u32],
    /// N, padded to whole cache lines: the row length of all [·, N] buffers.
    pitch: usize,
}

impl<'a, R: Real> Output<'a, R> {
    fn new(
        u: ArrayView2<'a, R>,
        b2: ArrayView1<'a, R>,
        h: ArrayView2<'a, R>,
        targets: &'a [u32],
        scratch: &OutputScratch<R>,
    ) -> Self {
        let (vocab, hidden) = u.dim();
        assert_eq!(b2.len(), vocab, "output layer: b2 against the rows of u");
        assert_eq!(h.ncols(), hidden, "output layer: the columns of h against those of u");
        assert_eq!(targets.len(), h.nrows(), "output layer: targets against the rows of h");
        assert!(
            targets.iter().all(|&t| (t as usize) < vocab),
            "output layer: a target is not a word"
        );
        let pitch = padded::<R>(h.nrows());
        assert!(
            h.nrows() <= scratch.max_rows,
            "output layer: {} rows, room for {}",
            h.nrows(),
            scratch.max_rows
        );
        assert!(
            vocab * pitch <= scratch.logits.slice().len()
                && hidden * pitch <= scratch.h_t.slice().len()
        );
        Self { u, b2, h, targets, pitch }
    }

    /// Step 1 for all tiles, and step 2: leaves exp(Z − m_t) in the logits, exp(m_t − M) / S in place of m_t, and
    /// hands every row's ln ŷ_target to `row`, in order.
    fn forward(&self, scratch: &mut OutputScratch<R>, mut row: impl FnMut(usize, f64)) {
        let (pitch, hidden) = (self.pitch, self.h.ncols());
        let tiles = self.u.nrows().div_ceil(TILE);
        let h_t = &mut scratch.h_t.slice_mut()[..hidden * pitch];
        for (k, h_t) in h_t.chunks_mut(pitch.max(1)).enumerate() {
            h_t.iter_mut().zip(self.h.column(k)).for_each(|(t, &h)| *t = h);
        }
        let h_t = ArrayView2::from_shape((hidden, pitch), h_t).expect("hidden rows of pitch");
        let stats = &mut scratch.stats.slice_mut()[..tiles * 3 * pitch];
        let logits = &mut scratch.logits.slice_mut()[..self.u.nrows() * pitch];
        (logits.par_chunks_mut(TILE * pitch), stats.par_chunks_mut(3 * pitch))
            .into_par_iter()
            .enumerate()
            .for_each(|(tile, (z, stats))| self.tile_forward(tile, h_t, z, stats));

        let (max, sum) = (&mut scratch.max.slice_mut()[..pitch], &mut scratch.sum[..pitch]);
        merge(stats, max, sum);
        for (n, &target) in self.targets.iter().enumerate() {
            let z = stats[(target as usize / TILE * 3 + 2) * pitch + n];
            row(n, (z - max[n]).as_f64() - sum[n].ln());
        }
    }

    /// Step 1 for one tile: z [words, pitch], stats [3, pitch].
    // eq: softmax
    fn tile_forward(&self, tile: usize, h_t: ArrayView2<R>, z: &mut [R], stats: &mut [R]) {
        let pitch = self.pitch;
        let words = tile * TILE..tile * TILE + z.len() / pitch;
        let u = self.u.slice(ndarray::s![words.clone(), ..]);
        let product = ArrayViewMut2::from_shape((words.len(), pitch), &mut *z);
        gemm(R::one(), u, h_t, R::zero(), product.expect("words rows of pitch"));

        let (max, rest) = stats.split_at_mut(pitch);
        let (sum, target) = rest.split_at_mut(pitch);
        max.fill(R::neg_infinity());
        sum.fill(R::zero());
        widest(
            #[inline(always)]
            || {
                for (z, &b) in
                    z.chunks_exact_mut(pitch).zip(self.b2.slice(ndarray::s![words.clone()]))
                {
                    for (z, max) in z.iter_mut().zip(max.iter_mut()) {
                        *z += b;
                        *max = if *z > *max { *z } else { *max };
                    }
                }
            },
        );
        for (n, &word) in self.targets.iter().enumerate() {
            if words.contains(&(word as usize)) {
                target[n] = z[(word as usize - words.start) * pitch + n];
            }
        }
        widest(
            #[inline(always)]
            || {
                for z in z.chunks_exact_mut(pitch) {
                    for ((z, sum), &max) in z.iter_mut().zip(sum.iter_mut()).zip(max.iter()) {
                        *z = (*z - max).fast_exp();
                        *sum += *z;
                    }
                }
            },
        );
    }

    /// Step 3 for one tile.
    fn tile_backward(
        &self,
        tile: usize,
        scale: R,
        z: &mut [R],
        factor: &[R],
        out: TileGradient<R>,
    ) {
        let (n, pitch) = (self.h.nrows(), self.pitch);
        let words = tile * TILE..tile * TILE + z.len() / pitch;
        let TileGradient { d_u, d_b2, d_h, first } = out;
        for (z, d_b2) in z.chunks_exact_mut(pitch).zip(d_b2.iter_mut()) {
            *d_b2 += widest(
                #[inline(always)]
                || scale_and_sum(z, factor, scale, n),
            );
        }
        for (n, &word) in self.targets.iter().enumerate() {
            if words.contains(&(word as usize)) {
                let word = word as usize - words.start;
                z[word * pitch + n] -= scale;
                d_b2[word] -= scale;
            }
        }
        let hidden = self.h.ncols();
        let z = &*z;
        let z_n = ArrayView2::from_shape((words.len(), n).strides((pitch, 1)), z)
            .expect("words rows of pitch");
        let d_u =
            ArrayViewMut2::from_shape((words.len(), hidden), d_u).expect("words rows of hidden");
        gemm(R::one(), z_n, self.h, R::one(), d_u);
        // words by rows as well: dhᵀ = Uᵀ Z, whose vectors run along the padded rows
        let z = ArrayView2::from_shape((words.len(), pitch), z).expect("words rows of pitch");
        let d_h = ArrayViewMut2::from_shape((hidden, pitch), d_h).expect("hidden rows of pitch");
        let beta = if first { R::zero() } else { R::one() };
        gemm(R::one(), self.u.slice(ndarray::s![words, ..]).reversed_axes(), z, beta, d_h);
    }
}

/// Where a tile's gradients go.
struct TileGradient<'a, R> {
    d_u: &'a mut [R],
    d_b2: &'a mut [R],
    d_h: &'a mut [R],
    /// The first tile of its group overwrites the partial dh.
    first: bool,
}

/// z ← scale · factor ⊙ z; returns the sum of the first n numbers of z, in 16 chains.
#[inline(always)]
fn scale_and_sum<R: Real>(z: &mut [R], factor: &[R], scale: R, n: usize) -> R {
    let mut chains = [R::zero(); 16];
    let full = n / 16 * 16;
    let (head, tail) = z.split_at_mut(full);
    let (head_factor, tail_factor) = factor.split_at(full);
    for (z, factor) in head.chunks_exact_mut(16).zip(head_factor.chunks_exact(16)) {
        for l in 0..16 {
            z[l] = z[l] * factor[l] * scale;
            chains[l] += z[l];
        }
    }
    for (l, (z, &factor)) in tail[..n - full].iter_mut().zip(tail_factor).enumerate() {
        *z = *z * factor * scale;
        chains[l] += *z;
    }
    for width in [8, 4, 2, 1] {
        for l in 0..width {
            chains[l] = chains[l] + chains[l + width];
        }
    }
    chains[0]
}

/// Step 2: M and S of every row from the tiles' maxima and sums; then m_t ← exp(m_t − M) / S.
fn merge<R: Real>(stats: &mut [R], max: &mut [R], sum: &mut [f64]) {
    let pitch = max.len();
    max.fill(R::neg_infinity());
    sum.fill(0.0);
    widest(
        #[inline(always)]
        || {
            for tile in stats.chunks_exact(3 * pitch) {
                for (max, &m) in max.iter_mut().zip(&tile[..pitch]) {
                    *max = if m > *max { m } else { *max };
                }
            }
            for tile in stats.chunks_exact_mut(3 * pitch) {
                let (m, rest) = tile.split_at_mut(pitch);
                for (((m, &s), &max), sum) in
                    m.iter_mut().zip(&rest[..pitch]).zip(max.iter()).zip(sum.iter_mut())
                {
                    *m = (*m - max).fast_exp();
                    *sum += m.as_f64() * s.as_f64();
                }
            }
            for tile in stats.chunks_exact_mut(3 * pitch) {
                for (m, &sum) in tile[..pitch].iter_mut().zip(sum.iter()) {
                    *m = R::of(m.as_f64() / sum);
                }
            }
        },
    );
}

/// Step 4 for rows `from`.. of d_h: the sum of the groups' parts, each dhᵀ [H, pitch], in order.
#[inline(always)]
fn merge_d_h<R: Real>(partial: &[R], from: usize, pitch: usize, hidden: usize, d_h: &mut [R]) {
    let rows = d_h.len() / hidden;
    for k in 0..hidden {
        let mut sum = [R::zero(); MERGE];
        for partial in partial.chunks_exact(hidden * pitch) {
            let part = &partial[k * pitch + from..][..rows];
            sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += part);
        }
        for (d_h, &sum) in d_h.chunks_exact_mut(hidden).zip(&sum) {
            d_h[k] = sum;
        }
    }
}

/// The loss Σ −ln ŷ_target over the rows of h, in nats, and the gradients of `scale` times that sum: d_h [N, H] is
/// overwritten, d_u [V, H] and d_b2 [V] are added into. u may be the embedding table (tied weights).
///
/// # Panics
/// When shapes do not fit, a target is V or more, `scratch` is too small, or d_h, d_u or d_b2 is not contiguous.
#[allow(clippy::too_many_arguments)]
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
    let output = Output::new(u, b2, h, targets, scratch);
    let (vocab, hidden, n, pitch) = (u.nrows(), u.ncols(), h.nrows(), output.pitch);
    if d_h.is_empty() {
        return 0.0;
    }
    let mut loss = 0.0;
    // eq: 1
    output.forward(scratch, |_, log_p| loss -= log_p);

    let tiles = vocab.div_ceil(TILE);
    let group = tiles.div_ceil(GROUPS);
    let groups = tiles.div_ceil(group);
    let stats = &scratch.stats.slice()[..tiles * 3 * pitch];
    let partial = &mut scratch.partial.slice_mut()[..groups * hidden * pitch];
    (
        scratch.logits.slice_mut()[..vocab * pitch].par_chunks_mut(group * TILE * pitch),
        d_u.par_chunks_mut(group * TILE * hidden),
        d_b2.par_chunks_mut(group * TILE),
        partial.par_chunks_mut(hidden * pitch),
    )
        .into_par_iter()
        .enumerate()
        .for_each(|(index, (z, d_u, d_b2, d_h))| {
            let parts = z
                .chunks_mut(TILE * pitch)
                .zip(d_u.chunks_mut(TILE * hidden))
                .zip(d_b2.chunks_mut(TILE));
            for (i, ((z, d_u), d_b2)) in parts.enumerate() {
                let tile = index * group + i;
                let factor = &stats[tile * 3 * pitch..][..pitch];
                output.tile_backward(
                    tile,
                    scale,
                    z,
                    factor,
                    TileGradient { d_u, d_b2, d_h, first: i == 0 },
                );
            }
        });

    d_h.par_chunks_mut(MERGE * hidden).enumerate().for_each(|(block, d_h)| {
        widest(
            #[inline(always)]
            || merge_d_h(partial, block * MERGE, pitch, hidden, d_h),
        );
    });
    loss
}

/// out[n] ← ln ŷ_target of row n, in nats.
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
    let output = Output::new(u, b2, h, targets, scratch);
    if !targets.is_empty() {
        output.forward(scratch, |n, log_p| out[n] = log_p);
    }
}

/// out ← ln ŷ over the whole vocabulary, for one h [H]; the probabilities sum to one in `f64`.
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
