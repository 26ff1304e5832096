//! Sampling text from any model: temperature, top-k, top-p (Holtzman et al. 2020).
use std::ops::ControlFlow;

use corpus::TokenId;
use rand::{Rng, RngExt};

use crate::model::Reader;

/// How the next word is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Log-probabilities are divided by it; 0 takes the most likely word.
    pub temperature: f64,
    /// Keep the k most likely words; 0 = all.
    pub top_k: usize,
    /// Keep the most likely words that together have this probability; 1 = all.
    pub top_p: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: 0, top_p: 1.0 }
    }
}

impl Sampling {
    /// Draws a word from ln-probabilities. Ties go to the smaller id.
    pub fn draw(&self, log_probs: &[f64], rng: &mut impl Rng) -> TokenId {
        let mut order: Vec<u32> = (0..log_probs.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| {
            log_probs[b as usize].total_cmp(&log_probs[a as usize]).then(a.cmp(&b))
        });
        if self.temperature == 0.0 {
            return TokenId(order[0]);
        }
        if self.top_k > 0 {
            order.truncate(self.top_k);
        }
        let best = log_probs[order[0] as usize];
        let mut weights: Vec<f64> = order
            .iter()
            .map(|&i| ((log_probs[i as usize] - best) / self.temperature).exp())
            .collect();
        if self.top_p < 1.0 {
            let total: f64 = weights.iter().sum();
            let mut mass = 0.0;
            let keep = weights.iter().position(|w| {
                mass += w / total;
                mass >= self.top_p
            });
            weights.truncate(keep.map_or(weights.len(), |k| k + 1));
        }
        let mut point = rng.random::<f64>() * weights.iter().sum::<f64>();
        for (&id, weight) in order.iter().zip(&weights) {
            point -= weight;
            if point < 0.0 {
                return TokenId(id);
            }
        }
        TokenId(order[weights.len() - 1])
    }
}

/// Reads on from where `reader` stands until `eos` or `limit` words; the words do not include `eos`.
/// `vocab_len` is the model's; words of probability zero are never drawn. `each` hears every drawn word, `eos` included, with
/// the ln-probabilities it was drawn from, and may break off.
pub fn generate(
    reader: &mut dyn Reader,
    vocab_len: usize,
    eos: TokenId,
    limit: usize,
    sampling: Sampling,
    rng: &mut impl Rng,
    each: &mut dyn FnMut(TokenId, &[f64]) -> ControlFlow<()>,
) -> Vec<TokenId> {
    let (mut log_probs, mut words) = (vec![0.0; vocab_len], Vec::new());
    while words.len() < limit {
        reader.log_probs(&mut log_probs);
        let word = sampling.draw(&log_probs, rng);
        let stop = each(word, &log_probs).is_break();
        reader.feed(word);
        if word == eos || stop {
            break;
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn draws_follow_the_distribution() {
        let log_probs = [0.5f64, 0.3, 0.2, 0.0].map(f64::ln);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut counts = [0; 4];
        for _ in 0..10_000 {
            counts[Sampling::default().draw(&log_probs, &mut rng).index()] += 1;
        }
        assert!((counts[0] as f64 - 5_000.0).abs() < 250.0 && counts[3] == 0, "{counts:?}");
    }

    #[test]
    fn limits_keep_the_likely_words() {
        let log_probs = [0.1f64, 0.6, 0.3].map(f64::ln);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for sampling in [
            Sampling { temperature: 0.0, ..Sampling::default() },
            Sampling { top_k: 1, ..Sampling::default() },
            Sampling { top_p: 0.6, ..Sampling::default() },
        ] {
            (0..100).for_each(|_| assert_eq!(sampling.draw(&log_probs, &mut rng), TokenId(1)));
        }
    }
}
