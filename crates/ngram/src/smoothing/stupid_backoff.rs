//! Stupid back-off (Brants et al. 2007, eq. 5): scores, not probabilities.
//!
//! S(w | h) = c(h w) / c(h) if c(h w) > 0, else 0.4 · S(w | h');   S(w) = c(w) / N. The scores of a context sum to more than one.
use crate::adjust::Counting;
use crate::context::Successors;
use crate::estimate::{Formula, Rule};
use crate::interpolate::Weights;

/// The weight of a shorter context.
pub(crate) const ALPHA: f64 = 0.4;

/// With Brants' α = 0.4.
pub(crate) struct StupidBackoff;

impl Formula for StupidBackoff {
    fn counting(&self) -> Counting {
        Counting::Raw
    }

    #[inline]
    fn numerator(&self, _: usize, count: u32) -> f64 {
        f64::from(count)
    }

    #[inline]
    fn weights(&self, _: usize, successors: &Successors) -> Weights {
        Weights { scale: 1.0 / successors.total as f64, gamma: ALPHA }
    }

    fn interpolated(&self) -> bool {
        false
    }

    fn rule(&self) -> Rule {
        Rule::Backoff { unseen: ALPHA.log10() as f32 }
    }
}
