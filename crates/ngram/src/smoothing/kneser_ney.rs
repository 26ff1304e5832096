//! Interpolated Kneser-Ney with one discount an order (Kneser & Ney 1995; Chen & Goodman 1998, eq. 20):
//!
//! p(w | h) = (a(h w) − D) / Σ_v a(h v) + D N_{1+}(h ·) / Σ_v a(h v) · p(w | h'),   D = n_1 / (n_1 + 2 n_2).
use crate::adjust::Counting;
use crate::context::Successors;
use crate::discount::Discounts;
use crate::estimate::Formula;
use crate::interpolate::Weights;

/// Which adjusted counts, and the discounts of the orders 1, 2, ….
pub(crate) struct KneserNey {
    pub counting: Counting,
    pub discounts: Vec<Discounts>,
}

impl Formula for KneserNey {
    fn counting(&self) -> Counting {
        self.counting
    }

    #[inline]
    fn numerator(&self, order: usize, count: u32) -> f64 {
        f64::from(count) - self.discounts[order - 1].of(count)
    }

    #[inline]
    fn weights(&self, order: usize, successors: &Successors) -> Weights {
        let total = successors.total as f64;
        let taken = self.discounts[order - 1].amount[0] * successors.types() as f64;
        Weights { scale: 1.0 / total, gamma: (taken + successors.cut as f64) / total }
    }

    fn interpolated(&self) -> bool {
        true
    }
}
