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
    /// The first has the lower perplexity: the interval of the ratio lies below one, by more than 0.01 %.
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

/// Ratios of perplexities closer to one than this are no difference: probabilities kept in f32 are not finer.
const RESOLUTION: f64 = 1e-4;

/// Mean losses of one model over resampled sentences. Replicate r draws the same sentences for every model of one text
/// and seed, so that two models' replicates are paired.
#[derive(Clone, Debug)]
pub struct Resampled {
    mean_nll: Vec<f64>,
}

impl Resampled {
    /// Draws 1,000 texts of as many sentences as `text` has, with replacement.
    pub fn of(scores: &Scores, text: &Tokens, seed: u64) -> Self {
        let sentences: Vec<(f64, f64)> =
            scores.by_sentence(text).iter().map(|s| (s.nll, s.targets as f64)).collect();
        let replicate = |r: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(r);
            let (mut nll, mut targets) = (0.0, 0.0);
            for _ in 0..sentences.len() {
                let (n, t) = sentences[rng.random_range(0..sentences.len())];
                nll += n;
                targets += t;
            }
            nll / targets
        };
        Self { mean_nll: (0..REPLICATES).into_par_iter().map(replicate).collect() }
    }

    /// The 95 % interval of the perplexity.
    pub fn interval(&self) -> Interval {
        quantiles(self.mean_nll.iter().map(|&nll| Perplexity::of_mean_nll(nll)).collect())
    }

    /// Compares two models on the same replicates: the 95 % interval of perplexity(self) / perplexity(other) and what it
    /// shows of `self`.
    pub fn against(&self, other: &Resampled) -> (Interval, PairedVerdict) {
        // ∞ − ∞: both are infinite, so no difference.
        let ratio =
            |(&a, &b): (&f64, &f64)| if a == b { 1.0 } else { Perplexity::of_mean_nll(a - b) };
        let interval = quantiles(self.mean_nll.iter().zip(&other.mean_nll).map(ratio).collect());
        let verdict = match interval {
            Interval { hi, .. } if hi < 1.0 - RESOLUTION => PairedVerdict::Better,
            Interval { lo, .. } if lo > 1.0 + RESOLUTION => PairedVerdict::Worse,
            _ => PairedVerdict::NoDifferenceShown,
        };
        (interval, verdict)
    }
}

fn quantiles(mut values: Vec<f64>) -> Interval {
    values.sort_unstable_by(f64::total_cmp);
    let at = |q: f64| values[((values.len() - 1) as f64 * q).round() as usize];
    Interval { lo: at(0.025), hi: at(0.975) }
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
        let interval = Resampled::of(&scores, &text, 1).interval();
        assert!(interval.lo < estimate && estimate < interval.hi);
        assert_eq!(interval, Resampled::of(&scores, &text, 1).interval());
    }

    #[test]
    fn three_verdicts() {
        let (text, a) = scored(0.0);
        let (_, b) = scored(0.01);
        let zero = Scores {
            log_probs: vec![f64::NEG_INFINITY; a.log_probs.len()],
            context: Context::Stream,
        };
        let [a, b, zero] = [a, b, zero].map(|scores| Resampled::of(&scores, &text, 1));
        assert_eq!(a.against(&b).1, PairedVerdict::Better);
        assert_eq!(b.against(&a).1, PairedVerdict::Worse);
        assert_eq!(a.against(&a).1, PairedVerdict::NoDifferenceShown);
        assert_eq!(zero.against(&zero).1, PairedVerdict::NoDifferenceShown);
        assert_eq!(zero.against(&a).1, PairedVerdict::Worse);
    }
}
