//! Gradient clipping (lecture §7): if ‖g‖ ≥ threshold then g ← (threshold / ‖g‖) g.
//!
//! Norms are summed in `f64` over a fixed tree of blocks, so they do not depend on the number of threads.

use crate::real::Real;
use crate::simd::widest;
use rayon::prelude::*;

/// The unit of work of passes over flat slices, in numbers.
pub(crate) const BLOCK: usize = 16_384;

/// ‖g‖² of one slice.
pub fn squared_norm<R: Real>(g: &[R]) -> f64 {
    if g.len() > BLOCK {
        let blocks = g.len().div_ceil(BLOCK);
        let (left, right) = g.split_at(blocks / 2 * BLOCK);
        let (left, right) = rayon::join(|| squared_norm(left), || squared_norm(right));
        return left + right;
    }
    widest(
        #[inline(always)]
        || {
            let mut chains = [0.0; 16];
            let (head, tail) = g.split_at(g.len() / 16 * 16);
            for g in head.chunks_exact(16) {
                for l in 0..16 {
                    chains[l] += g[l].as_f64() * g[l].as_f64();
                }
            }
            for (chain, g) in chains.iter_mut().zip(tail) {
                *chain += g.as_f64() * g.as_f64();
            }
            chains.iter().sum()
        },
    )
}

/// ‖g‖ of all the slices together.
pub fn norm<'a, R: Real>(grads: impl IntoIterator<Item = &'a [R]>) -> f64 {
    grads.into_iter().map(squared_norm).sum::<f64>().sqrt()
}

/// The factor that clipping multiplies a gradient of this norm by: threshold / ‖g‖, at most 1. Of a norm that is not
/// finite it is 1: the caller sees the norm and must not step.
///
/// An optimizer takes the factor along ([`crate::optim::Optimizer::step_scaled`]), which saves a pass.
// eq: clip
pub fn factor(norm: f64, threshold: f64) -> f64 {
    if norm >= threshold && norm.is_finite() { threshold / norm } else { 1.0 }
}

/// Scales the gradient down to norm `threshold` if it is longer; returns the norm before clipping. A norm that is
/// not finite changes nothing: the caller sees it in the result.
pub fn clip_norm<R: Real>(grads: &mut [&mut [R]], threshold: f64) -> f64 {
    let norm = norm(grads.iter().map(|g| &**g));
    let factor = factor(norm, threshold);
    if factor < 1.0 {
        let factor = R::of(factor);
        each_block(grads, |x| *x *= factor);
    }
    norm
}

/// Limits every element to [−bound, bound]; NaN stays NaN.
pub fn clip_elementwise<R: Real>(grads: &mut [&mut [R]], bound: f64) {
    let bound = R::of(bound);
    each_block(grads, |x| {
        let below = if *x > bound { bound } else { *x };
        *x = if below < -bound { -bound } else { below };
    });
}

/// Runs `f` over every element, in parallel blocks.
fn each_block<R: Real>(grads: &mut [&mut [R]], f: impl Fn(&mut R) + Sync) {
    for g in grads {
        g.par_chunks_mut(BLOCK).for_each(|g| {
            widest(
                #[inline(always)]
                || g.iter_mut().for_each(&f),
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_gradient_is_scaled_to_the_threshold() {
        let (mut a, mut b) = ([3.0f64], [0.0, 4.0]);
        assert_eq!(clip_norm(&mut [&mut a, &mut b], 10.0), 5.0);
        assert_eq!((a, b), ([3.0], [0.0, 4.0]));
        assert_eq!(clip_norm(&mut [&mut a, &mut b], 1.0), 5.0);
        assert!((a[0] - 0.6).abs() < 1e-15 && (b[1] - 0.8).abs() < 1e-15 && b[0] == 0.0);
    }

    #[test]
    fn a_norm_at_the_threshold_is_kept_and_a_broken_one_is_reported() {
        let mut a = [3.0f32, 4.0];
        assert_eq!(clip_norm(&mut [&mut a], 5.0), 5.0);
        assert_eq!(a, [3.0, 4.0]);
        let mut broken = [f32::INFINITY, 1.0];
        assert!(clip_norm(&mut [&mut broken], 5.0).is_infinite());
        assert_eq!(broken, [f32::INFINITY, 1.0]);
    }

    #[test]
    fn elements_are_limited_on_both_sides() {
        let mut a = [-20.0f32, -15.0, 0.5, 16.0, f32::NAN];
        clip_elementwise(&mut [&mut a], 15.0);
        assert_eq!(a[..4], [-15.0, -15.0, 0.5, 15.0]);
        assert!(a[4].is_nan());
    }

    #[test]
    fn norms_of_any_length_agree_with_the_sum_on_any_number_of_threads() {
        for n in [0, 1, 15, 17, BLOCK, BLOCK + 1, 5 * BLOCK + 77] {
            let g: Vec<f32> = (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0).collect();
            let plain: f64 = g.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                pool.expect("threads").install(|| squared_norm(&g))
            };
            assert!((on(1) - plain).abs() <= 1e-12 * plain, "{n} numbers");
            assert_eq!(on(1).to_bits(), on(3).to_bits(), "{n} numbers");
        }
    }
}
