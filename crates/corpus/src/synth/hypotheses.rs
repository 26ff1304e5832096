//! The hypotheses of the forward pass: different states, each once.
use hashbrown::HashTable;

use super::compile::MAX_TOPICS;
use super::machine::Stack;

/// Hypotheses kept at most: bounds memory where very many words are hidden.
pub(crate) const MOST: usize = 1 << 14;

/// A state of the stack machine and the topics it may have been reached under.
#[derive(Clone, Debug)]
pub(crate) struct Hypothesis {
    pub stack: Stack,
    /// p(topic, what was read) of each topic; in a normalised pool they sum to one.
    pub topics: [f64; MAX_TOPICS],
}

/// Hypotheses of different states.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    pub list: Vec<Hypothesis>,
    /// Where in the list a state stands; filled once there are [`Pool::FEW`].
    index: HashTable<(u64, u32)>,
}

impl Pool {
    const FEW: usize = 8;

    /// Empties the pool.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.index.clear();
    }

    /// Keeps the most probable ones, at most [`MOST`], and makes the probabilities sum to one.
    pub(crate) fn normalise(&mut self, mut total: f64) {
        if self.list.len() > MOST {
            self.list.sort_by(|a, b| b.p().total_cmp(&a.p()));
            self.list.truncate(MOST);
            self.index.clear();
            total = self.list.iter().map(Hypothesis::p).sum();
        }
        self.list.iter_mut().flat_map(|h| &mut h.topics).for_each(|t| *t /= total);
    }

    /// Adds a hypothesis, to its equal if there is one.
    pub(crate) fn add(&mut self, new: Hypothesis) {
        if self.list.len() < Self::FEW {
            match self.list.iter_mut().find(|h| h.stack.same(&new.stack)) {
                Some(same) => same.add(&new),
                None => self.list.push(new),
            }
            return;
        }
        if self.index.is_empty() {
            let known: Vec<u64> = self.list.iter().map(|h| h.stack.hash()).collect();
            for (i, hash) in known.into_iter().enumerate() {
                self.index.insert_unique(hash, (hash, i as u32), |entry| entry.0);
            }
        }
        let hash = new.stack.hash();
        let equal = |entry: &(u64, u32)| {
            entry.0 == hash && self.list[entry.1 as usize].stack.same(&new.stack)
        };
        match self.index.find(hash, equal).copied() {
            Some((_, i)) => self.list[i as usize].add(&new),
            None => {
                self.index.insert_unique(hash, (hash, self.list.len() as u32), |entry| entry.0);
                self.list.push(new);
            }
        }
    }
}

impl Hypothesis {
    /// Its probability.
    pub(crate) fn p(&self) -> f64 {
        self.topics.iter().sum()
    }

    fn add(&mut self, other: &Hypothesis) {
        self.topics.iter_mut().zip(&other.topics).for_each(|(a, b)| *a += b);
    }
}
