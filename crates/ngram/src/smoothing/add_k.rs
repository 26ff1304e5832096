//! Add-k (Lidstone 1920): p(w | h) = (c(h w) + k) / (c(h) + k |V|). Unseen contexts are uniform; nothing backs off.
//!
//! k is chosen on validation text: the mean log-probability as a function of ln k has one maximum in practice, found by
//! golden-section search between 10^-6 and 10.
use corpus::Tokens;

use crate::adjust::Counting;
use crate::context::{After, Successors, contexts};
use crate::count::GramCounts;
use crate::estimate::{Formula, Rule};
use crate::interpolate::Weights;

/// What is added, and |V|.
pub(crate) struct AddK {
    pub k: f64,
    pub vocab_len: usize,
}

impl Formula for AddK {
    fn counting(&self) -> Counting {
        Counting::Raw
    }

    #[inline]
    fn numerator(&self, _: usize, count: u32) -> f64 {
        f64::from(count) + self.k
    }

    #[inline]
    fn weights(&self, _: usize, successors: &Successors) -> Weights {
        let (total, mass) = (successors.total as f64, self.k * self.vocab_len as f64);
        Weights { scale: 1.0 / (total + mass), gamma: mass / (total + mass) }
    }

    fn interpolated(&self) -> bool {
        false
    }

    fn rule(&self) -> Rule {
        Rule::WholeContext { floor: -(self.vocab_len as f64).log10() as f32 }
    }
}

/// The k that makes `valid` likeliest, to three digits, so that it can be told in full; 1 where there is no validation text.
pub(crate) fn tune(counts: &GramCounts, valid: &Tokens) -> f64 {
    if valid.targets() == 0 {
        return 1.0;
    }
    let pairs = gram_and_context_counts(counts, valid);
    let v = counts.vocab_len() as f64;
    let log_likelihood = |ln_k: f64| -> f64 {
        let k = ln_k.exp();
        pairs.iter().map(|&(gram, context)| ((gram + k) / (context + k * v)).ln()).sum()
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (1e-6f64.ln(), 10f64.ln());
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_a, mut at_b) = (log_likelihood(a), log_likelihood(b));
    while high - low > 1e-3 {
        if at_a > at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - golden * (high - low);
            at_a = log_likelihood(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + golden * (high - low);
            at_b = log_likelihood(b);
        }
    }
    let k = ((low + high) / 2.0).exp();
    format!("{k:.2e}").parse().expect("a number as just written")
}

/// (c(h w), c(h)) of every target of a text, h the whole context.
fn gram_and_context_counts(counts: &GramCounts, text: &Tokens) -> Vec<(f64, f64)> {
    let mut after: Vec<After> = Vec::new();
    let mut parents = Vec::new();
    for k in 1..counts.order() {
        let level = contexts(counts, &counts.levels, Counting::Raw, k, &parents);
        after.push(level.after);
        parents = level.of;
    }
    let total: u64 = counts.levels[0].count.iter().map(|&c| u64::from(c)).sum();
    let of_context = |context: &[u32]| match context.len() {
        0 => total,
        len => counts.find(context).map_or(0, |node| after[len - 1].context(node).total),
    };
    let mut pairs = Vec::with_capacity(text.targets());
    let mut padded = Vec::new();
    for sentence in text.sentences() {
        padded.clear();
        padded.push(counts.vocab_len() as u32);
        padded.extend(sentence.iter().map(|t| t.0));
        for t in 1..padded.len() {
            let from = (t + 1).saturating_sub(counts.order());
            pairs.push((
                f64::from(counts.count(&padded[from..=t])),
                of_context(&padded[from..t]) as f64,
            ));
        }
    }
    pairs
}
