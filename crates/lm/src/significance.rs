//! Bootstrap over sentences: an interval for one model, a paired comparison of two (Efron & Tibshirani 1993).
//!
//! Sentences, not tokens, are drawn: tokens of a sentence are not independent. Each replicate has its own stream of the
//! seed, so that the result does not depend on threads.
use corpus::Tokens;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::evaluate::Scores;
use crate::perplexity::Perplexity;

/// A 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// 2.5 % quantile.
    pub lo: f64,
    /// 97.5 % quantile.
    pub hi: f64,
}

/// What a paired bootstrap of two models shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairedVerdict {
    /// The first has the lower perplexity, the interval of the ratio excludes one.
    Better,
    /// The second has.
    Worse,
    /// The interval includes one.
    NoDifferenceShown,
}

impl std::fmt::Display for PairedVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PairedVerdict::Better => "better",
            PairedVerdict::Worse => "worse",
            PairedVerdict::NoDifferenceShown => "no difference shown",
        })
    }
}

const REPLICATES: u64 = 1_000;

fn replicates<T: Send>(seed: u64, sentences: usize, one: impl Fn(&[u32]) -> T + Sync) -> Vec<T> {
    let one_replicate = |draws: &mut Vec<u32>, r: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(r);
        draws.clear();
        draws.extend((0..sentences).map(|_| rng.random_range(0..sentences as u32)));
        one(draws)
    };
    (0..REPLICATES).into_par_iter().map_init(Vec::new, one_replicate).collect()
}

fn quantiles(mut values: Vec<f64>) -> Interval {
    values.sort_unstable_by(f64::total_cmp);
    let at = |q: f64| values[((values.len() - 1) as f64 * q).round() as usize];
    Interval { lo: at(0.025), hi: at(0.975) }
}

fn drawn(sentences: &[Perplexity], draws: &[u32]) -> f64 {
    let (nll, targets) = draws.iter().fold((0.0, 0u64), |(nll, targets), &i| {
        let s = &sentences[i as usize];
        (nll + s.nll, targets + s.targets)
    });
    nll / targets as f64
}

/// The 95 % interval of a perplexity.
pub fn bootstrap_interval(scores: &Scores, text: &Tokens, seed: u64) -> Interval {
    let sentences = scores.by_sentence(text);
    quantiles(replicates(seed, sentences.len(), |draws| {
        Perplexity::of_mean_nll(drawn(&sentences, draws))
    }))
}

/// Compares two models on the same sentences: the 95 % interval of perplexity(a) / perplexity(b) and what it shows.
pub fn paired_bootstrap(
    a: &Scores,
    b: &Scores,
    text: &Tokens,
    seed: u64,
) -> (Interval, PairedVerdict) {
    let (a, b) = (a.by_sentence(text), b.by_sentence(text));
    let ratio = |draws: &[u32]| {
        let (x, y) = (drawn(&a, draws), drawn(&b, draws));
        if x == y { 1.0 } else { Perplexity::of_mean_nll(x - y) } // ∞ − ∞: both are infinite, so no difference
    };
    let interval = quantiles(replicates(seed, a.len(), ratio));
    let verdict = match interval {
        Interval { hi, .. } if hi < 1.0 => PairedVerdict::Better,
        Interval { lo, .. } if lo > 1.0 => PairedVerdict::Worse,
        _ => PairedVerdict::NoDifferenceShown,
    };
    (interval, verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;
    use corpus::TokenId;

    fn scored(shift: f64) -> (Tokens, Scores) {
        let mut text = Tokens::default();
        let mut log_probs = Vec::new();
        for i in 0..200u32 {
            let length = 1 + i % 5;
            text.push_sentence(&vec![TokenId(0); length as usize], 1);
            log_probs
                .extend((0..length).map(|k| -2.0 - ((i * 31 + k * 7) % 13) as f64 * 0.1 - shift));
        }
        (text, Scores { log_probs, context: Context::Stream })
    }

    #[test]
    fn the_interval_holds_the_estimate() {
        let (text, scores) = scored(0.0);
        let estimate = scores.perplexity(&text, TokenId(9)).perplexity();
        let interval = bootstrap_interval(&scores, &text, 1);
        assert!(interval.lo < estimate && estimate < interval.hi);
        assert_eq!(interval, bootstrap_interval(&scores, &text, 1));
    }

    #[test]
    fn three_verdicts() {
        let (text, a) = scored(0.0);
        let (_, b) = scored(0.01);
        assert_eq!(paired_bootstrap(&a, &b, &text, 1).1, PairedVerdict::Better);
        assert_eq!(paired_bootstrap(&b, &a, &text, 1).1, PairedVerdict::Worse);
        assert_eq!(paired_bootstrap(&a, &a, &text, 1).1, PairedVerdict::NoDifferenceShown);
        let zero = Scores {
            log_probs: vec![f64::NEG_INFINITY; a.log_probs.len()],
            context: Context::Stream,
        };
        assert_eq!(paired_bootstrap(&zero, &zero, &text, 1).1, PairedVerdict::NoDifferenceShown);
        assert_eq!(paired_bootstrap(&zero, &a, &text, 1).1, PairedVerdict::Worse);
    }
}
