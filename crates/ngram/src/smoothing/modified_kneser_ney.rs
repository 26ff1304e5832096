//! Interpolated modified Kneser-Ney (Chen & Goodman 1998, §4.1.6): three discounts an order.
//!
//! p(w | h) = (a(h w) − D(a(h w))) / Σ_v a(h v) + γ(h) p(w | h'),   γ(h) = (D_1 N_1 + D_2 N_2 + D_3 N_{3+}) / Σ_v a(h v),
//! where a is the adjusted count and N_k words follow h with the adjusted count k.
use crate::adjust::Counting;
use crate::context::Successors;
use crate::discount::Discounts;
use crate::estimate::Formula;
use crate::interpolate::Weights;

/// Which adjusted counts, and the discounts of the orders 1, 2, ….
pub(crate) struct ModifiedKneserNey {
    pub counting: Counting,
    pub discounts: Vec<Discounts>,
}

impl Formula for ModifiedKneserNey {
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
        let taken: f64 = self.discounts[order - 1]
            .amount
            .iter()
            .zip(successors.n)
            .map(|(d, n)| d * n as f64)
            .sum();
        Weights { scale: 1.0 / total, gamma: (taken + successors.cut as f64) / total }
    }

    fn interpolated(&self) -> bool {
        true
    }
}
