//! Word pairs at chosen distances: does what was learnt of a pair at one distance hold at another?
//!
//! A sentence is `f2 f0 k3 f1 f3 ? v3`: up to three fillers, a cue, fillers, the question mark, and the value that
//! belongs to the cue. The distance is the number of words between cue and value. Training shows most pairs at every
//! distance: they teach what the language is. It shows a few at one distance only ([`Shown`]): what a model knows of
//! those at another distance, it has carried over.
use std::ops::Range;

use rand_chacha::ChaCha8Rng;

use super::generate::stream;
use super::lexicon::below;
use super::tasks::{Asked, TaskItem};
use crate::corpus::{Corpus, CorpusOptions};
use crate::split::SplitPlan;

const FILLERS: usize = 4;
/// Fillers in front of the cue at most.
const LEAD: usize = 3;

/// Where training shows a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// At every distance.
    Everywhere,
    /// At the near one only.
    Near,
    /// At the far one only.
    Far,
}

impl Shown {
    /// All of them, in the order of the pairs.
    pub const ALL: [Shown; 3] = [Shown::Everywhere, Shown::Near, Shown::Far];
}

/// The language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// Pairs shown at every distance.
    pub everywhere: usize,
    /// Pairs shown at the near distance only, and as many at the far one only; 1 or more.
    pub held: usize,
    /// The near distance, 1 or more.
    pub near: usize,
    /// The far distance.
    pub far: usize,
    /// The longest distance of the pairs that are shown at every one; not below the others.
    pub longest: usize,
}

impl Pairs {
    /// How many values there are: a guess is right once in so many.
    pub fn values(&self) -> usize {
        self.everywhere + 2 * self.held
    }

    fn range(&self, shown: Shown) -> Range<usize> {
        let first = self.everywhere;
        match shown {
            Shown::Everywhere => 0..first,
            Shown::Near => first..first + self.held,
            Shown::Far => first + self.held..self.values(),
        }
    }

    /// `sentences` sentences as training shows them, split 90/5/5 by [`SplitPlan`].
    ///
    /// # Panics
    /// If a size is below that of its documentation.
    pub fn corpus(&self, seed: u64, sentences: usize) -> Corpus {
        let sizes = self.held >= 1 && self.near >= 1 && self.far >= 1;
        assert!(sizes && self.longest >= self.near.max(self.far), "sizes of {self:?}");
        let plan = SplitPlan::new(sentences);
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for i in 0..sentences {
            let rng = &mut stream(seed, b"pairtext", i as u64);
            let pair = below(rng, self.values());
            let shown = Shown::ALL.into_iter().find(|&s| self.range(s).contains(&pair));
            let distance = match shown {
                Some(Shown::Near) => self.near,
                Some(Shown::Far) => self.far,
                _ => 1 + below(rng, self.longest),
            };
            parts[plan.part(i) as usize].push(self.item(pair, distance, rng).text());
        }
        let split = format!("generated with seed {seed}; {plan}");
        Corpus::from_sentences("pairs", &parts, split, CorpusOptions::default())
    }

    /// `n` sentences that ask for pairs shown so at any distance of 1 or more; not those of [`corpus`](Self::corpus).
    ///
    /// # Panics
    /// Where the distance is 0: the question mark stands between cue and value.
    pub fn items(&self, seed: u64, shown: Shown, distance: usize, n: usize) -> Vec<TaskItem> {
        assert!(distance >= 1, "the question mark stands between cue and value");
        let range = self.range(shown);
        (0..n)
            .map(|i| {
                let rng = &mut stream(seed, b"pairprob", i as u64);
                self.item(range.start + i % range.len(), distance, rng)
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

    const PAIRS: Pairs = Pairs { everywhere: 4, held: 3, near: 2, far: 5, longest: 6 };

    #[test]
    fn training_shows_each_pair_at_its_distances_only() {
        let corpus = PAIRS.corpus(1, 2_000);
        let mut seen = BTreeSet::new();
        for text in [&corpus.train, &corpus.valid, &corpus.test] {
            for sentence in text.sentences() {
                let words: Vec<&str> = sentence.iter().map(|&id| corpus.vocab.word(id)).collect();
                let cue = words.iter().position(|w| w.starts_with('k')).unwrap();
                let value = words.len() - 2;
                let pair: usize = words[cue][1..].parse().unwrap();
                assert_eq!((words[value], words[value - 1]), (&*format!("v{pair}"), "?"));
                seen.insert((pair, value - cue - 1));
            }
        }
        let everywhere = (0..4).flat_map(|pair| (1..=6).map(move |d| (pair, d)));
        let held = (4..7).map(|pair| (pair, 2)).chain((7..10).map(|pair| (pair, 5)));
        assert_eq!(seen, everywhere.chain(held).collect());
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
            assert_eq!(item.words[cue], format!("k{}", 7 + i % 3));
            assert_eq!((asked.at - cue - 1, asked.distance, asked.wrong.len()), (3, 3, 9));
            assert!(!asked.wrong.contains(&item.words[asked.at]));
        }
    }
}
