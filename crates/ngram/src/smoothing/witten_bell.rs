//! Interpolated Witten-Bell (Witten & Bell 1991, method C; Chen & Goodman 1998, eq. 16):
//!
//! p(w | h) = (c(h w) + N_{1+}(h ·) p(w | h')) / (c(h) + N_{1+}(h ·)): a new word is as likely as new words have been.
use crate::adjust::Counting;
use crate::context::Successors;
use crate::estimate::Formula;
use crate::interpolate::Weights;

/// Without parameters.
pub(crate) struct WittenBell;

impl Formula for WittenBell {
    fn counting(&self) -> Counting {
        Counting::Raw
    }

    #[inline]
    fn numerator(&self, _: usize, count: u32) -> f64 {
        f64::from(count)
    }

    #[inline]
    fn weights(&self, _: usize, successors: &Successors) -> Weights {
        let (total, types) = (successors.total as f64, successors.types() as f64);
        Weights {
            scale: 1.0 / (total + types),
            gamma: (types + successors.cut as f64) / (total + types),
        }
    }

    fn interpolated(&self) -> bool {
        true
    }
}
