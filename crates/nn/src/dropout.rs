//! Dropout with masks that are computed, not drawn: element `index` of step `step` is kept or dropped by a hash of
//! (seed, stream, step, index), so step k of a resumed run equals step k of an uninterrupted one.
//!
//! Inverted dropout (Srivastava and others 2014): what is kept is divided by the probability of keeping, so nothing
//! changes at test time.

use ndarray::ArrayViewMut2;

use crate::real::Real;
use crate::simd::widest;

/// One source of masks: a probability of dropping, and the key of its stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    p: f64,
    key: u64,
}

/// Stafford's thirteenth mixer, the finaliser of SplitMix64: every input bit reaches every output bit.
#[inline(always)]
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dropout {
    /// Masks that drop with probability `p`, of stream `stream` of `seed`.
    ///
    /// # Panics
    /// Unless 0 ≤ p < 1.
    pub fn new(p: f64, seed: u64, stream: u64) -> Self {
        assert!((0.0..1.0).contains(&p), "dropout probability {p} is outside [0, 1)");
        Self { p, key: mix(mix(seed.wrapping_add(GOLDEN)) ^ stream.wrapping_mul(GOLDEN)) }
    }

    /// The probability of dropping.
    pub fn p(&self) -> f64 {
        self.p
    }

    /// `mask[i]` ← 0 (dropped) or 1 / (1 − p) (kept), for elements `start + i` of step `step`.
    pub fn mask<R: Real>(&self, step: u64, start: u64, mask: &mut [R]) {
        let (threshold, kept) = self.split::<R>();
        let key = mix(self.key ^ step.wrapping_mul(GOLDEN));
        widest(
            #[inline(always)]
            || {
                for (i, m) in mask.iter_mut().enumerate() {
                    let lot = lot(key, start.wrapping_add(i as u64));
                    *m = if lot < threshold { R::zero() } else { kept };
                }
            },
        );
    }

    /// x ← x ⊙ mask, for the mask of the same arguments; the gradient is the same call on d_x.
    pub fn apply<R: Real>(&self, step: u64, start: u64, x: &mut [R]) {
        if self.p == 0.0 {
            return;
        }
        let (threshold, kept) = self.split::<R>();
        let key = mix(self.key ^ step.wrapping_mul(GOLDEN));
        widest(
            #[inline(always)]
            || {
                for (i, x) in x.iter_mut().enumerate() {
                    let lot = lot(key, start.wrapping_add(i as u64));
                    *x *= if lot < threshold { R::zero() } else { kept };
                }
            },
        );
    }

    /// Drops whole words (Gal & Ghahramani 2016): row n of x [N, E] is the vector of word `ids[n]`; a word is dropped
    /// wherever it stands in the step. The gradient is the same call on d_x.
    pub fn words<R: Real>(&self, step: u64, ids: &[u32], mut x: ArrayViewMut2<R>) {
        if self.p == 0.0 {
            return;
        }
        for (&id, mut row) in ids.iter().zip(x.rows_mut()) {
            row *= self.word::<R>(step, id);
        }
    }

    /// What [`Dropout::words`] multiplies the vector of a word with.
    pub fn word<R: Real>(&self, step: u64, id: u32) -> R {
        if self.p == 0.0 {
            return R::one();
        }
        let (threshold, kept) = self.split::<R>();
        let key = mix(self.key ^ step.wrapping_mul(GOLDEN));
        if lot(key, u64::from(id)) < threshold { R::zero() } else { kept }
    }

    /// The largest lot that is dropped, plus one, and the value of a kept element.
    fn split<R: Real>(&self) -> (u64, R) {
        ((self.p * 4_294_967_296.0) as u64, R::of(1.0 / (1.0 - self.p)))
    }
}

/// A number in 0..2³² for element `index`.
#[inline(always)]
fn lot(key: u64, index: u64) -> u64 {
    mix(key.wrapping_add(index.wrapping_mul(GOLDEN))) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_function_of_its_arguments_and_has_mean_one() {
        let dropout = Dropout::new(0.3, 11, 2);
        let mut whole = vec![0f32; 100_000];
        dropout.mask(5, 0, &mut whole);
        let mut part = vec![0f32; 1000];
        dropout.mask(5, 777, &mut part);
        assert_eq!(part, whole[777..1777]);
        let mean = whole.iter().map(|&x| f64::from(x)).sum::<f64>() / whole.len() as f64;
        assert!((mean - 1.0).abs() < 0.01, "mean {mean}");
        let dropped = whole.iter().filter(|&&x| x == 0.0).count() as f64 / whole.len() as f64;
        assert!((dropped - 0.3).abs() < 0.006, "dropped {dropped}");

        let mut x = vec![2f32; 1000];
        dropout.apply(5, 777, &mut x);
        assert!(x.iter().zip(&part).all(|(x, m)| *x == 2.0 * m));
    }

    #[test]
    fn steps_streams_and_seeds_have_masks_of_their_own() {
        let mask = |seed, stream, step| {
            let mut mask = vec![0f64; 4096];
            Dropout::new(0.5, seed, stream).mask(step, 0, &mut mask);
            mask
        };
        let first = mask(1, 1, 1);
        for other in [mask(2, 1, 1), mask(1, 2, 1), mask(1, 1, 2)] {
            let equal = first.iter().zip(&other).filter(|(a, b)| a == b).count();
            assert!((1850..2250).contains(&equal), "{equal} of 4096 agree");
        }
    }

    #[test]
    fn a_dropped_word_is_dropped_everywhere() {
        let ids: Vec<u32> = (0..40).map(|i| i % 20).collect();
        let mut x = ndarray::Array2::<f64>::ones((40, 3));
        Dropout::new(0.5, 1, 0).words(7, &ids, x.view_mut());
        assert_eq!(x.slice(ndarray::s![..20, ..]), x.slice(ndarray::s![20.., ..]));
        let dropped = x.column(0).iter().filter(|&&x| x == 0.0).count();
        assert!((8..32).contains(&dropped), "{dropped} of 40");
    }
}
