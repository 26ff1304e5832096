//! Probabilities of one order from those of the order below (Chen & Goodman 1998, eq. 20 and 27):
//!
//! p(w | h) = numerator(a(h w)) / denominator(h) + γ(h) · p(w | h'),   h' = h without its oldest word,
//! and at the end of the recursion p(w | no context at all) = 1 / |V|, so that no word of the vocabulary is impossible.
use rayon::prelude::*;

use crate::context::{Successors, by_unit, parent_units};
use crate::count::GramCounts;
use crate::estimate::Formula;

/// What a context does to the counts after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weights {
    /// One over the denominator.
    pub scale: f64,
    /// The back-off weight.
    pub gamma: f64,
}

impl Weights {
    /// Of a context that nothing follows.
    pub const NONE: Self = Self { scale: 0.0, gamma: f64::NAN };

    /// log10 of the back-off weight; `without` for a context that nothing follows.
    #[inline]
    pub fn log10_gamma(self, without: f32) -> f32 {
        if self.gamma.is_nan() { without } else { self.gamma.log10() as f32 }
    }
}

/// Values a unit of parallel work.
pub(crate) const CHUNK: usize = 1 << 14;

/// p of every unigram, `<s>` (0) included, from the counts of the words.
pub(crate) fn unigrams(counted: &[u32], formula: &impl Formula) -> Vec<f64> {
    let mut all = Successors::default();
    counted.iter().for_each(|&count| all.add(count));
    let Weights { scale, gamma } = formula.weights(1, &all);
    let uniform = if formula.interpolated() { gamma / counted.len() as f64 } else { 0.0 };
    let word = |&count: &u32| formula.numerator(1, count) * scale + uniform;
    counted.iter().map(word).chain([0.0]).collect()
}

/// p of the n-grams of level index `k` ≥ 1, given their contexts, what those do, and p of the level below (`lower`):
/// linear, if it is wanted for the next order, and as log10, not a number for n-grams under the cut-off.
pub(crate) fn probabilities<F: Formula>(
    counts: &GramCounts,
    formula: &F,
    k: usize,
    contexts: &[u32],
    weights: &[Weights],
    lower: &[f64],
    want_linear: bool,
) -> (Vec<f64>, Vec<f32>) {
    let starts = &counts.levels[k - 1].first_child;
    let units = parent_units(starts);
    let mut linear = vec![0.0; if want_linear { contexts.len() } else { 0 }];
    let mut logs = vec![0.0f32; contexts.len()];
    let interpolated = if formula.interpolated() { 1.0 } else { 0.0 };
    // three plain loops: the first jumps with the tree, the second waits for memory, the third computes
    let fill = |unit: std::ops::Range<usize>, logs: &mut [f32], linear: &mut [f64]| {
        let base = starts[unit.start] as usize;
        for parent in unit {
            let children = starts[parent] as usize - base..starts[parent + 1] as usize - base;
            linear[children].fill(interpolated * lower[parent]);
        }
        for (node, p) in (base..).zip(&mut *linear) {
            let Weights { scale, gamma } = weights[contexts[node] as usize];
            let count = counts.counted(formula.counting(), k, node);
            *p = formula.numerator(k + 1, count) * scale + gamma * *p;
        }
        logs.iter_mut().zip(&*linear).for_each(|(log, p)| *log = p.log10() as f32);
        if !counts.cutoff.is_empty() {
            let cut = (base..).zip(logs).filter(|&(node, _)| counts.is_cut(k, node));
            cut.for_each(|(_, log)| *log = f32::NAN);
        }
    };
    let logs_by_unit = by_unit(&units, starts, &mut logs);
    if want_linear {
        let linear_by_unit = by_unit(&units, starts, &mut linear);
        let both = logs_by_unit.into_par_iter().zip(linear_by_unit);
        both.for_each(|((unit, logs), (_, linear))| fill(unit, logs, linear));
    } else {
        let scratch = Vec::<f64>::new;
        logs_by_unit.into_par_iter().for_each_init(scratch, |linear, (unit, logs)| {
            linear.resize(logs.len(), 0.0);
            fill(unit, logs, linear);
        });
    }
    (linear, logs)
}

/// log10 of every probability.
pub(crate) fn log10(p: &[f64]) -> Vec<f32> {
    p.par_iter().with_min_len(CHUNK).map(|p| p.log10() as f32).collect()
}
