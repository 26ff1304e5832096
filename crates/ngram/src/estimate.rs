//! From counts to a back-off model: contexts, denominators and back-off weights, then probabilities, order by order.
use std::ops::Range;

use lm::Result;
use rayon::prelude::*;

use crate::adjust::Counting;
use crate::backoff::{BackoffModel, GramTable};
use crate::context::{Contexts, Successors, contexts};
use crate::count::{CountLevel, GramCounts};
use crate::cutoff::without_cut;
use crate::discount::Discounts;
use crate::interpolate::{CHUNK, Weights, probabilities, unigrams};

/// log10 p of `<s>`, which is never predicted, in every file.
pub(crate) const BOS_LOG10: f32 = -99.0;

/// What is done where an n-gram is not stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// The next shorter context is asked, at the weight of the longer; a context that is not stored weighs 10^`unseen`.
    Backoff {
        /// log10 of the weight of a context that was never seen.
        unseen: f32,
    },
    /// Only the whole context counts: its weight times 10^`floor`; 10^`floor` alone where it was never seen.
    WholeContext {
        /// log10 of what is left for a word.
        floor: f32,
    },
}

/// A smoothing as a formula: p(w | h) = numerator(count(h w)) / denominator(h) + weight(h) · p(w | shorter h).
pub(crate) trait Formula: Sync {
    /// Which counts it is made from.
    fn counting(&self) -> Counting;

    /// What an n-gram of length `order` with this count is worth.
    fn numerator(&self, order: usize, count: u32) -> f64;

    /// Denominator and back-off weight of a context that n-grams of length `order` follow.
    fn weights(&self, order: usize, successors: &Successors) -> Weights;

    /// Whether seen n-grams get their share of the shorter context's probability, too.
    fn interpolated(&self) -> bool;

    /// What is done where an n-gram is not stored.
    fn rule(&self) -> Rule {
        Rule::Backoff { unseen: 0.0 }
    }
}

/// The n-grams of one length with their probabilities, in suffix order.
#[derive(Clone, Debug, Default)]
pub(crate) struct EstimatedLevel {
    /// As [`CountLevel::word`].
    pub word: Vec<u32>,
    /// As [`CountLevel::first_child`].
    pub first_child: Vec<u32>,
    /// Index of the context in the level below; empty for unigrams.
    pub context: Vec<u32>,
    pub log10_prob: Vec<f32>,
    /// Empty at the highest order.
    pub log10_backoff: Vec<f32>,
}

/// An estimated n-gram model, before it takes the shape of a file or of a model to ask.
#[derive(Clone, Debug)]
pub struct Estimate {
    pub(crate) vocab_len: usize,
    pub(crate) rule: Rule,
    pub(crate) levels: Vec<EstimatedLevel>,
    pub(crate) discounts: Vec<Discounts>,
    pub(crate) notes: Vec<String>,
}

impl Estimate {
    /// N.
    pub fn order(&self) -> usize {
        self.levels.len()
    }

    /// The discounts of each order; empty for smoothings without.
    pub fn discounts(&self) -> &[Discounts] {
        &self.discounts
    }

    /// Remarks for the record: fallbacks taken, parameters tuned.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What is done where an n-gram is not stored.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// How many n-grams of each order.
    pub fn gram_counts(&self) -> Vec<usize> {
        self.levels.iter().map(|level| level.log10_prob.len()).collect()
    }

    /// The model as sorted tables. Only [`Rule::Backoff`] with weight one for unseen contexts means the same there.
    pub fn to_backoff(&self) -> BackoffModel {
        let levels = self.levels.par_iter().enumerate();
        let tables = levels.map(|(k, level)| self.table(k, 0..level.word.len())).collect();
        BackoffModel { vocab_len: self.vocab_len, tables }
    }

    /// Some n-grams of level index `k` as a table.
    pub(crate) fn table(&self, k: usize, grams: Range<usize>) -> GramTable {
        let parent = |j: usize, node: usize| {
            self.levels[j].first_child.partition_point(|&child| child as usize <= node) - 1
        };
        let mut path = vec![grams.start; k + 1]; // the gram and what it ends in, by length
        (0..k).rev().for_each(|j| path[j] = parent(j, path[j + 1]));
        let mut words = Vec::with_capacity(grams.len() * (k + 1));
        for gram in grams.clone() {
            path[k] = gram;
            for j in (0..k).rev() {
                let (starts, before) = (&self.levels[j].first_child, path[j]);
                while starts[path[j] + 1] as usize <= path[j + 1] {
                    path[j] += 1;
                }
                if path[j] == before {
                    break; // nor do shorter ones change
                }
            }
            words.extend((0..=k).rev().map(|j| self.levels[j].word[path[j]]));
        }
        let level = &self.levels[k];
        let log10_backoff = level.log10_backoff.get(grams.clone()).unwrap_or(&[]).to_vec();
        GramTable { words, log10_prob: level.log10_prob[grams].to_vec(), log10_backoff }
    }
}

/// Estimates by a formula; `step` hears which order is done and may stop the work.
pub(crate) fn estimate(
    counts: GramCounts,
    formula: &impl Formula,
    step: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Estimate> {
    let (order, rule) = (counts.order(), formula.rule());
    let mut levels: Vec<EstimatedLevel> = Vec::with_capacity(order);
    let counted: Vec<u32> =
        (0..counts.vocab_len()).map(|w| counts.counted(formula.counting(), 0, w)).collect();
    let (mut lower, log10_prob) = estimate_unigrams(&counted, formula);
    levels.push(EstimatedLevel { log10_prob, ..EstimatedLevel::default() });
    for k in 1..order {
        let parents = &levels[k - 1].context;
        let NextOrder { context, log10_prob, log10_backoff } =
            next_order(&counts, &counts.levels, formula, k, parents, &mut lower);
        levels[k - 1].log10_backoff = log10_backoff;
        levels.push(EstimatedLevel { context, log10_prob, ..EstimatedLevel::default() });
        step(k + 1)?;
    }
    let (vocab_len, cutoff) = (counts.vocab_len(), !counts.cutoff.is_empty());
    for (level, CountLevel { word, first_child, .. }) in levels.iter_mut().zip(counts.levels) {
        (level.word, level.first_child) = (word, first_child);
    }
    if cutoff {
        without_cut(&mut levels);
    }
    Ok(Estimate { vocab_len, rule, levels, discounts: Vec::new(), notes: Vec::new() })
}

/// p of every unigram, linear and as log10, from the counts of the words.
pub(crate) fn estimate_unigrams(counted: &[u32], formula: &impl Formula) -> (Vec<f64>, Vec<f32>) {
    let linear = unigrams(counted, formula);
    let mut log10_prob = crate::interpolate::log10(&linear);
    log10_prob[counted.len()] = BOS_LOG10;
    (linear, log10_prob)
}

/// What one order adds.
pub(crate) struct NextOrder {
    /// The context of every n-gram.
    pub context: Vec<u32>,
    pub log10_prob: Vec<f32>,
    /// The back-off weights of the contexts: they are n-grams one order below.
    pub log10_backoff: Vec<f32>,
}

/// Estimates the n-grams of level index `k` ≥ 1, whose contexts are `among` those given. `parents` are the contexts of the
/// level below, `lower` its probabilities, which this level's replace if a next one needs them.
pub(crate) fn next_order(
    counts: &GramCounts,
    among: &[CountLevel],
    formula: &impl Formula,
    k: usize,
    parents: &[u32],
    lower: &mut Vec<f64>,
) -> NextOrder {
    let without = match formula.rule() {
        Rule::Backoff { unseen } => unseen,
        Rule::WholeContext { .. } => 0.0,
    };
    let Contexts { of, after } = contexts(counts, among, formula.counting(), k, parents);
    let weigh = |context: usize| {
        let successors = after.context(context);
        let seen = successors.total > 0;
        let weights = if seen { formula.weights(k + 1, &successors) } else { Weights::NONE };
        (weights, weights.log10_gamma(without))
    };
    let (mut weights, mut log10_backoff) = (Vec::new(), Vec::new());
    (0..after.len())
        .into_par_iter()
        .with_min_len(CHUNK)
        .map(weigh)
        .unzip_into_vecs(&mut weights, &mut log10_backoff);
    drop(after);
    let more = k + 1 < counts.order();
    let (linear, log10_prob) = probabilities(counts, formula, k, &of, &weights, lower, more);
    *lower = linear;
    NextOrder { context: of, log10_prob, log10_backoff }
}
