//! The lecture's estimate: a ratio of two counts, and zero for whatever was not seen.
//!
//! p(w | h) = c(h w) / c(h); nothing is left for unseen words, and an unseen context has no distribution at all
//! (every probability is zero there: the sum is 0, not 1).
use crate::adjust::Counting;
use crate::context::Successors;
use crate::estimate::{Formula, Rule};
use crate::interpolate::Weights;

/// Without parameters.
pub(crate) struct CountRatio;

impl Formula for CountRatio {
    fn counting(&self) -> Counting {
        Counting::Raw
    }

    #[inline]
    fn numerator(&self, _: usize, count: u32) -> f64 {
        f64::from(count)
    }

    #[inline]
    fn weights(&self, _: usize, successors: &Successors) -> Weights {
        Weights { scale: 1.0 / successors.total as f64, gamma: 0.0 } // eq: count-ratio
    }

    fn interpolated(&self) -> bool {
        false
    }

    fn rule(&self) -> Rule {
        Rule::WholeContext { floor: f32::NEG_INFINITY }
    }
}
