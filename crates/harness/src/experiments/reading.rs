//! Sequences far longer than those of training, read from a zero state: the loss at their ends and at every position (d1).
use corpus::Tokens;
use lm::{Context, LanguageModel, Scores};

use super::common::scores;

/// Steps that training unrolls: the length that the network was trained on.
pub const TRAINED: usize = 16;
/// Lengths read, in units of the trained one.
pub const TIMES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// The position from which on the start is no longer felt: twice the trained length.
pub const SETTLED: usize = 2 * TRAINED;

/// Positions of a sequence in bins (from, to, inclusive, counted from 1): fine ones up to twice the trained length, then one
/// a trained length.
pub fn bins() -> impl Iterator<Item = (usize, usize)> {
    let fine = [1, 2, 3, 4, 6, 8, 12, 16, 24, SETTLED];
    let even = (SETTLED..=TIMES[6] * TRAINED).step_by(TRAINED).skip(1);
    let mut before = 0;
    fine.into_iter().chain(even).map(move |to| (std::mem::replace(&mut before, to) + 1, to))
}

/// What reading sequences of all lengths gave, mean losses in nats.
pub struct Read {
    /// Of blocks of TRAINED targets, spread over the text: the loss where reading began so many units before their end.
    pub ends: [f64; 7],
    /// Of the longest sequences, by [`bins`] of positions: the loss, and its excess over that of the same words when all of
    /// the text before them has been read. Positions meet different words; the excess leaves these out of the comparison.
    pub positions: Vec<(f64, f64)>,
}

/// Reads sequences of every length that end at the same places, `most` of each.
pub fn read(model: &dyn LanguageModel, text: &Tokens, most: usize) -> Read {
    let longest = TIMES[6] * TRAINED;
    let ends: Vec<usize> = (longest..=text.targets()).step_by(TRAINED).collect();
    let every = ends.len().div_ceil(most).max(1);
    let n = ends.iter().step_by(every).len();
    let (stream, mut by_position) = (scores(model, text).log_probs, vec![(0.0, 0.0); longest]);
    let last_units = TIMES.map(|times| {
        let mut sequences = Tokens::default();
        for &end in ends.iter().step_by(every) {
            sequences.push_sentence(&text.flat()[end - times * TRAINED..end], 0);
        }
        let scores = Scores::of(model, &sequences, Context::Sentence);
        let read = || scores.log_probs.chunks(times * TRAINED);
        if times == TIMES[6] {
            for (&end, cut) in ends.iter().step_by(every).zip(read()) {
                let whole = &stream[end - longest..end];
                for (sum, (cut, whole)) in by_position.iter_mut().zip(cut.iter().zip(whole)) {
                    *sum = (sum.0 - cut, sum.1 + whole - cut);
                }
            }
        }
        let last = read().flat_map(|s| &s[s.len() - TRAINED..]);
        -last.sum::<f64>() / (n * TRAINED) as f64
    });
    let positions = bins().map(|(from, to)| {
        let (own, tokens) = (&by_position[from - 1..to], ((to - from + 1) * n) as f64);
        let mean = |of: fn(&(f64, f64)) -> f64| own.iter().map(of).sum::<f64>() / tokens;
        (mean(|p| p.0), mean(|p| p.1))
    });
    Read { ends: last_units, positions: positions.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_cover_every_position_once() {
        let covered: Vec<usize> = bins().flat_map(|(from, to)| from..=to).collect();
        assert_eq!(covered, (1..=TIMES[6] * TRAINED).collect::<Vec<_>>());
    }

    #[test]
    fn every_length_is_scored_on_the_same_targets() {
        let mut text = Tokens::default();
        for i in 0..1100 {
            text.push_sentence(&[corpus::TokenId(i % 7)], 1);
        }
        // p of a word depends on nothing but the word: reading further back changes nothing
        struct Plain;
        impl LanguageModel for Plain {
            fn vocab_len(&self) -> usize {
                7
            }
            fn reader(&self) -> Box<dyn lm::Reader + '_> {
                Box::new(Plain)
            }
            fn footprint(&self) -> lm::Footprint {
                lm::Footprint::default()
            }
            fn save(&self, _: &std::path::Path, _: &corpus::Vocab) -> lm::Result<()> {
                Ok(())
            }
        }
        impl lm::Reader for Plain {
            fn feed(&mut self, _: corpus::TokenId) {}
            fn log_probs(&mut self, out: &mut [f64]) {
                out.iter_mut().zip(1..).for_each(|(p, i)| *p = -f64::from(i));
            }
        }
        let Read { ends, positions } = read(&Plain, &text, 3);
        assert!(ends.iter().all(|l| (l - ends[0]).abs() < 1e-12 && *l > 3.0), "{ends:?}");
        assert_eq!(positions.len(), bins().count());
        assert!(positions.iter().all(|p| p.0 >= 1.0 && p.1.abs() < 1e-12), "{positions:?}");
    }
}
