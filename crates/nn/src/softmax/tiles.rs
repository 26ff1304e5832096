//! The steps of the fused output layer, tile by tile; the equations are in [`super`].

use super::OutputScratch;
use crate::clip;
use crate::gemm::gemm;
use crate::real::Real;
use crate::simd::lines::padded;
use crate::simd::widest;
use crate::transpose::transpose;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

/// Words of a tile: with 700 rows its logits are 720 KB, which a second-level cache holds.
pub(super) const TILE: usize = 192;
/// Rows of dh in one unit of merging.
const MERGE: usize = 64;
/// At most so many groups of tiles, each with a partial dh.
pub(super) const GROUPS: usize = 8;

/// One call's shapes and inputs.
#[derive(Clone, Copy)]
pub(super) struct Output<'a, R> {
    u: ArrayView2<'a, R>,
    b2: ArrayView1<'a, R>,
    h: ArrayView2<'a, R>,
    targets: &'a [u32],
    /// N, padded to whole cache lines: the row length of all [·, N] buffers.
    pitch: usize,
}

impl<'a, R: Real> Output<'a, R> {
    /// Checks that everything fits.
    pub(super) fn new(
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
    pub(super) fn forward(&self, scratch: &mut OutputScratch<R>, row: impl FnMut(usize, f64)) {
        let (h_t, stats, logits) = self.transposed(scratch);
        (logits.par_chunks_mut(TILE * self.pitch), stats.par_chunks_mut(3 * self.pitch))
            .into_par_iter()
            .enumerate()
            .for_each(|(tile, (z, stats))| self.tile_forward(tile, h_t, z, stats));
        self.rows(scratch, row);
    }

    /// [`Output::forward`] of which only what `row` hears is wanted: the tiles of a group take turns in one tile's logits,
    /// which stay in the cache.
    pub(super) fn score(&self, scratch: &mut OutputScratch<R>, row: impl FnMut(usize, f64)) {
        let (vocab, pitch) = (self.u.nrows(), self.pitch);
        let group = vocab.div_ceil(TILE).div_ceil(GROUPS);
        let (h_t, stats, logits) = self.transposed(scratch);
        (logits.par_chunks_mut(TILE * pitch), stats.par_chunks_mut(group * 3 * pitch))
            .into_par_iter()
            .enumerate()
            .for_each(|(index, (z, stats))| {
                for (i, stats) in stats.chunks_mut(3 * pitch).enumerate() {
                    let tile = index * group + i;
                    let words = TILE.min(vocab - tile * TILE);
                    self.tile_forward(tile, h_t, &mut z[..words * pitch], stats);
                }
            });
        self.rows(scratch, row);
    }

    /// hᵀ, and room for the tiles' statistics and for logits.
    fn transposed<'s>(
        &self,
        scratch: &'s mut OutputScratch<R>,
    ) -> (ArrayView2<'s, R>, &'s mut [R], &'s mut [R]) {
        let (vocab, hidden, pitch) = (self.u.nrows(), self.h.ncols(), self.pitch);
        let h_t = &mut scratch.h_t.slice_mut()[..hidden * pitch];
        transpose(self.h, h_t, pitch);
        let h_t = ArrayView2::from_shape((hidden, pitch), &*h_t).expect("hidden rows of pitch");
        let stats = &mut scratch.stats.slice_mut()[..vocab.div_ceil(TILE) * 3 * pitch];
        (h_t, stats, &mut scratch.logits.slice_mut()[..vocab * pitch])
    }

    /// Step 2.
    fn rows(&self, scratch: &mut OutputScratch<R>, mut row: impl FnMut(usize, f64)) {
        let pitch = self.pitch;
        let stats = &mut scratch.stats.slice_mut()[..self.u.nrows().div_ceil(TILE) * 3 * pitch];
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

    /// Steps 3 and 4, after [`Output::forward`]: d_h [N, H] is overwritten, d_u [V, H] and d_b2 `[V]` are added into.
    pub(super) fn backward(
        &self,
        scale: R,
        d_h: &mut [R],
        d_u: &mut [R],
        d_b2: &mut [R],
        scratch: &mut OutputScratch<R>,
    ) {
        let ((vocab, hidden), pitch) = (self.u.dim(), self.pitch);
        let tiles = vocab.div_ceil(TILE);
        let group = tiles.div_ceil(GROUPS);
        let stats = &scratch.stats.slice()[..tiles * 3 * pitch];
        let partial = &mut scratch.partial.slice_mut()[..tiles.div_ceil(group) * hidden * pitch];
        (
            scratch.logits.slice_mut()[..vocab * pitch].par_chunks_mut(group * TILE * pitch),
            d_u.par_chunks_mut(group * TILE * hidden),
            d_b2.par_chunks_mut(group * TILE),
            partial.par_chunks_mut(hidden * pitch),
            scratch.squares[..tiles].par_chunks_mut(group),
        )
            .into_par_iter()
            .enumerate()
            .for_each(|(index, (z, d_u, d_b2, d_h, squares))| {
                let z = z.chunks_mut(TILE * pitch);
                let gradients = d_u.chunks_mut(TILE * hidden).zip(d_b2.chunks_mut(TILE));
                for (i, ((z, (d_u, d_b2)), square)) in z.zip(gradients).zip(squares).enumerate() {
                    let tile = index * group + i;
                    let factor = &stats[tile * 3 * pitch..][..pitch];
                    self.tile_gradient(tile, scale, z, factor, d_b2);
                    // the first tile of a group overwrites its partial dh
                    let beta = if i == 0 { R::zero() } else { R::one() };
                    self.tile_products(tile, z, d_u, d_h, beta);
                    *square = d_u.chunks(clip::BLOCK).map(clip::squared_norm).sum();
                }
            });
        let partial = &*partial;
        d_h.par_chunks_mut(MERGE * hidden).enumerate().for_each(|(block, d_h)| {
            widest(
                #[inline(always)]
                || merge_d_h(partial, block * MERGE, pitch, hidden, d_h),
            );
        });
    }

    /// Step 3 for one tile, in place: z ← scale (ŷ − y), whose row sums are added into d_b2.
    fn tile_gradient(&self, tile: usize, scale: R, z: &mut [R], factor: &[R], d_b2: &mut [R]) {
        let (n, pitch) = (self.h.nrows(), self.pitch);
        for (z, d_b2) in z.chunks_exact_mut(pitch).zip(d_b2.iter_mut()) {
            *d_b2 += widest(
                #[inline(always)]
                || scale_and_sum(&mut z[..n], factor, scale),
            );
        }
        let words = tile * TILE..tile * TILE + d_b2.len();
        for (n, &word) in self.targets.iter().enumerate() {
            if words.contains(&(word as usize)) {
                let word = word as usize - words.start;
                z[word * pitch + n] -= scale;
                d_b2[word] -= scale;
            }
        }
    }

    /// The products of step 3 for one tile: dU_t += Z_t h, and dhᵀ ← β dhᵀ + U_tᵀ Z_t.
    fn tile_products(&self, tile: usize, z: &[R], d_u: &mut [R], d_h: &mut [R], beta: R) {
        let (n, hidden, pitch) = (self.h.nrows(), self.h.ncols(), self.pitch);
        let words = tile * TILE..tile * TILE + z.len() / pitch;
        let z_t = ArrayView2::from_shape((words.len(), pitch), z).expect("words rows of pitch");
        let d_u = ArrayViewMut2::from_shape((words.len(), hidden), d_u);
        let d_u = d_u.expect("words rows of hidden");
        gemm(R::one(), z_t.slice(ndarray::s![.., ..n]), self.h, R::one(), d_u);
        // words by rows as well, so that its vectors run along the padded rows
        let d_h = ArrayViewMut2::from_shape((hidden, pitch), d_h).expect("hidden rows of pitch");
        let u = self.u.slice(ndarray::s![words, ..]);
        gemm(R::one(), u.reversed_axes(), z_t, beta, d_h);
    }
}

/// z ← scale · factor ⊙ z; returns the sum of the new z, in 16 chains.
#[inline(always)]
fn scale_and_sum<R: Real>(z: &mut [R], factor: &[R], scale: R) -> R {
    let mut chains = [R::zero(); 16];
    let (head, tail) = z.split_at_mut(z.len() / 16 * 16);
    let (head_factor, tail_factor) = factor.split_at(head.len());
    for (z, factor) in head.chunks_exact_mut(16).zip(head_factor.chunks_exact(16)) {
        for l in 0..16 {
            z[l] = z[l] * factor[l] * scale;
            chains[l] += z[l];
        }
    }
    for (l, (z, &factor)) in tail.iter_mut().zip(tail_factor).enumerate() {
        *z = *z * factor * scale;
        chains[l] += *z;
    }
    for width in [8, 4, 2, 1] {
        for l in 0..width {
            chains[l] += chains[l + width];
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
