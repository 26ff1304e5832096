//! Averaged weights: NT-ASGD (Merity, Keskar & Socher 2018, after Polyak & Juditsky 1992).
//!
//! ```text
//! w̄_k = w̄_{k−1} + (w_k − w̄_{k−1}) / k,      w̄_0 = w,      k = 1, 2, … steps since the trigger
//! ```
//! The trigger is non-monotone: validation gained nothing over the best of all but the last n validations. From then on
//! w̄ is what is validated and kept, while the steps go on from w.

use rayon::prelude::*;

use super::Point;
use crate::clip::BLOCK;
use crate::params::{Params, recycle, recycle_shared};
use crate::real::Real;

/// Has validation stopped gaining? `points` end with the present one.
pub(crate) fn triggered(points: &[Point], interval: u64) -> bool {
    let Some((now, before)) = points.split_last() else { return false };
    let Some(compared) = before.len().checked_sub(interval as usize) else { return false };
    before[..compared].iter().any(|p| p.valid < now.valid)
}

/// The mean of weights over steps.
pub(crate) struct Average<M: Params> {
    /// w̄.
    pub mean: M,
    means: Vec<&'static mut [M::Num]>,
    weights: Vec<&'static [M::Num]>,
}

impl<M: Params> Average<M> {
    pub fn new(model: &M) -> Self {
        Self { mean: model.clone(), means: Vec::new(), weights: Vec::new() }
    }

    /// Takes up the weights of the `k`-th step, from 1.
    // eq: average
    pub fn add(&mut self, model: &M, k: u64) {
        let mut means = recycle(std::mem::take(&mut self.means));
        let mut weights = recycle_shared(std::mem::take(&mut self.weights));
        self.mean.tensors_mut(&mut |t| means.push(t.data));
        model.tensors(&mut |t| weights.push(t.data));
        let share = M::Num::of(1.0 / k as f64);
        for (mean, w) in means.iter_mut().zip(&weights) {
            mean.par_chunks_mut(BLOCK).zip(w.par_chunks(BLOCK)).for_each(|(mean, w)| {
                mean.iter_mut().zip(w).for_each(|(mean, &w)| *mean += (w - *mean) * share);
            });
        }
        self.means = recycle(means);
        self.weights = recycle_shared(weights);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trigger_waits_for_validations_without_gain() {
        let points: Vec<Point> = [5.0, 4.0, 3.0, 3.5, 3.2, 3.1]
            .into_iter()
            .map(|valid| Point { valid, ..Point::default() })
            .collect();
        let first = |interval| (1..=points.len()).find(|&n| triggered(&points[..n], interval));
        // 3.5 is worse than the 3.0 before it; with an interval of 2 only 3.1 is compared with that 3.0
        assert_eq!((first(0), first(1), first(2), first(3)), (Some(4), Some(5), Some(6), None));
    }
}
