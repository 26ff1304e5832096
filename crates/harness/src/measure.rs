//! How a trained model is timed and weighed. METHODOLOGY.md says the same in words.
use std::time::{Duration, Instant};

use corpus::Tokens;
use lm::{Context, LanguageModel, Scores};

use crate::alloc::Watch;

/// Scores a text once and says what it took.
pub struct Scored {
    /// ln p of every target.
    pub scores: Scores,
    /// Seconds.
    pub seconds: f64,
    /// Peak heap above what was live.
    pub peak_bytes: u64,
}

/// Scores `text`.
pub fn score(model: &dyn LanguageModel, text: &Tokens, context: Context) -> Scored {
    let watch = Watch::start();
    let start = Instant::now();
    let scores = Scores::of(model, text, context);
    Scored { scores, seconds: start.elapsed().as_secs_f64(), peak_bytes: watch.peak_bytes() }
}

/// Microseconds a token of next-word latency: one token is fed, then the whole distribution over the vocabulary is asked
/// for, along the text, one token at a time; the first 32 tokens warm up. Ends after `budget` or 2,000 tokens.
pub fn latency_us(model: &dyn LanguageModel, text: &Tokens, budget: Duration) -> Vec<f64> {
    const WARM_UP: usize = 32;
    const TOKENS: usize = 2_000;
    let (mut reader, mut distribution) = (model.reader(), vec![0.0; model.vocab_len()]);
    let (mut out, start) = (Vec::new(), Instant::now());
    for (i, &token) in text.flat().iter().take(WARM_UP + TOKENS).enumerate() {
        let before = Instant::now();
        reader.feed(token);
        reader.log_probs(&mut distribution);
        let taken = before.elapsed();
        std::hint::black_box(&mut distribution);
        if i >= WARM_UP {
            out.push(taken.as_secs_f64() * 1e6);
        }
        if start.elapsed() > budget && !out.is_empty() {
            break;
        }
    }
    out
}

/// The q-quantile (0..=1) by the nearest rank; `None` of nothing.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64).ceil().max(1.0) as usize - 1;
    sorted.get(rank.min(sorted.len().saturating_sub(1))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_nearest_rank() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(quantile(&values, 0.5), Some(3.0));
        assert_eq!(quantile(&values, 0.99), Some(5.0));
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
