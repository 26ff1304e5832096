//! Word pairs at chosen distances: does what was learnt of a pair at one distance hold at another?
//!
//! A sentence is `f2 f0 k3 f1 f3 ? v3`: up to three fillers, a cue, fillers, the question mark, and the value that
//! belongs to the cue. The distance is the number of words between cue and value. The pairs fall into three groups of one
//! size, and training shows those of each group at its own distances only ([`Shown`]); the first group teaches that both
//! distances occur, so that a model that fails on another group at the distance it was not shown at has not shared what
//! it knows between distances.
use rand_chacha::ChaCha8Rng;

use super::generate::stream;
use super::lexicon::below;
use super::tasks::{Asked, TaskItem};
use crate::corpus::{Corpus, CorpusOptions};
use crate::split::SplitPlan;

const FILLERS: usize = 4;
/// Fillers in front of the cue at most.
const LEAD: usize = 3;

/// Where training shows the pairs of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// At both distances.
    Both,
    /// At the near one only.
    Near,
    /// At the far one only.
    Far,
}

impl Shown {
    /// The groups in the order of their pairs.
    pub const ALL: [Shown; 3] = [Shown::Both, Shown::Near, Shown::Far];
}

/// The language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// Pairs in each of the three groups, 1 or more.
    pub each: usize,
    /// The near distance, 1 or more.
    pub near: usize,
    /// The far distance.
    pub far: usize,
}

impl Pairs {
    /// How many values there are: a guess is right once in so many.
    pub fn values(&self) -> usize {
        3 * self.each
    }

    /// `sentences` sentences as training shows them, split 90/5/5 by [`SplitPlan`].
    ///
    /// # Panics
    /// If a size is below that of its documentation.
    pub fn corpus(&self, seed: u64, sentences: usize) -> Corpus {
        assert!(self.each >= 1 && self.near >= 1 && self.far >= 1, "sizes of {self:?}");
        let plan = SplitPlan::new(sentences);
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for i in 0..sentences {
            let rng = &mut stream(seed, b"pairtext", i as u64);
            let pair = below(rng, self.values());
            let distance = match Shown::ALL[pair / self.each] {
                Shown::Near => self.near,
                Shown::Far => self.far,
                Shown::Both => [self.near, self.far][below(rng, 2)],
            };
            parts[plan.part(i) as usize].push(self.item(pair, distance, rng).text());
        }
        let split = format!("generated with seed {seed}; {plan}");
        Corpus::from_sentences("pairs", &parts, split, CorpusOptions::default())
    }

    /// `n` sentences that ask for pairs of a group at any distance of 1 or more; not those of [`corpus`](Self::corpus).
    pub fn items(&self, seed: u64, group: Shown, distance: usize, n: usize) -> Vec<TaskItem> {
        assert!(distance >= 1, "the question mark stands between cue and value");
        (0..n)
            .map(|i| {
                let rng = &mut stream(seed, b"pairprob", i as u64);
                let pair = group as usize * self.each + i % self.each;
                self.item(pair, distance, rng)
            })
            .collect()
    }

    fn item(&self, pair: usize, distance: usize, rng: &mut ChaCha8Rng) -> TaskItem {
        let lead = below(rng, LEAD + 1);
        let mut fillers = |words: &mut Vec<String>, n| {
            words.extend((0..n).map(|_| format!("f{}", below(rng, FILLERS))))
        };
        let mut words = Vec::new();
        fillers(&mut words, lead);
        words.push(format!("k{pair}"));
        fillers(&mut words, distance - 1);
        words.extend(["?".to_owned(), format!("v{pair}")]);
        let wrong = (0..self.values()).filter(|v| *v != pair).map(|v| format!("v{v}")).collect();
        let at = words.len() - 1;
        TaskItem { words, asked: vec![Asked { at, distance, wrong }] }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PAIRS: Pairs = Pairs { each: 3, near: 2, far: 5 };

    #[test]
    fn training_shows_each_group_at_its_distances_only() {
        let corpus = PAIRS.corpus(1, 600);
        let mut seen = BTreeSet::new();
        for text in [&corpus.train, &corpus.valid, &corpus.test] {
            for sentence in text.sentences() {
                let words: Vec<&str> = sentence.iter().map(|&id| corpus.vocab.word(id)).collect();
                let cue = words.iter().position(|w| w.starts_with('k')).unwrap();
                let value = words.len() - 2;
                assert_eq!(
                    (words[cue][1..].parse(), words[value - 1]),
                    (words[value][1..].parse::<usize>(), "?")
                );
                seen.insert((words[cue][1..].parse::<usize>().unwrap() / 3, value - cue - 1));
            }
        }
        assert_eq!(seen, BTreeSet::from([(0, 2), (0, 5), (1, 2), (2, 5)]));
        assert_eq!(corpus.vocab.len(), 2 + 4 + 1 + 2 * PAIRS.values());
    }

    #[test]
    fn probes_ask_at_any_distance_and_do_not_depend_on_their_number() {
        let items = PAIRS.items(1, Shown::Far, 3, 30);
        assert_eq!(PAIRS.items(1, Shown::Far, 3, 9)[..], items[..9]);
        assert_ne!(PAIRS.items(2, Shown::Far, 3, 30), items);
        for (i, item) in items.iter().enumerate() {
            let asked = &item.asked[0];
            let cue = item.words.iter().position(|w| w.starts_with('k')).unwrap();
            assert_eq!(item.words[cue], format!("k{}", 6 + i % 3));
            assert_eq!((asked.at - cue - 1, asked.distance, asked.wrong.len()), (3, 3, 8));
            assert!(!asked.wrong.contains(&item.words[asked.at]));
        }
    }
}
