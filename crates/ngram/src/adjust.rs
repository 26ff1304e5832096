//! Adjusted counts, what Kneser-Ney estimates lower orders from (Kneser & Ney 1995; Chen & Goodman 1998, §4.1.6).
//!
//! a(w_1 … w_k) = count(w_1 … w_k)                if k = N or w_1 = `<s>`
//!              = |{v : count(v w_1 … w_k) > 0}|   else (the continuation count)
//!
//! KenLM's `lmplz` takes the raw count of the n-grams it holds when its input ends (its issue 427) for its counts of counts:
//! those that end its very last n-gram in its own suffix order, where words are numbered by first occurrence. On PTB that is
//! one word, and it moves D_3 of the unigrams by 0.003. [`Counting::Lmplz`] does the same; the probabilities are made from
//! the adjusted counts in both.
use corpus::Tokens;

use crate::count::GramCounts;

/// Which counts a smoothing is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Counting {
    /// How often the n-gram stands in the text.
    Raw,
    /// Adjusted below the highest order, by the formula.
    Adjusted,
    /// Adjusted; the discounts as `lmplz` has them, where the n-grams that end the very last one count as they stand.
    #[default]
    Lmplz,
}

impl GramCounts {
    /// The count of n-gram `node` of level index `k`, of (k+1)-grams.
    #[inline]
    pub(crate) fn counted(&self, counting: Counting, k: usize, node: usize) -> u32 {
        let level = &self.levels[k];
        let raw = match counting {
            Counting::Raw => true,
            _ if k + 1 == self.order() => true,
            // nothing stands before <s>
            _ if level.word[node] as usize == self.vocab_len() => true,
            Counting::Adjusted | Counting::Lmplz => false,
        };
        if raw { level.count[node] } else { level.first_child[node + 1] - level.first_child[node] }
    }

    /// How many n-grams have the count 1, 2, 3, 4, for each order: n_1 … n_4 of Chen & Goodman.
    pub(crate) fn counts_of_counts(&self, counting: Counting) -> Vec<[u64; 4]> {
        let of_level = |k: usize| {
            let mut n = [0; 4];
            for node in 0..self.levels[k].word.len() {
                let raw = counting == Counting::Lmplz && self.lmplz_last.get(k) == Some(&node);
                let counting = if raw { Counting::Raw } else { counting };
                let count = self.counted(counting, k, node) as usize;
                if (1..=4).contains(&count) {
                    n[count - 1] += 1;
                }
            }
            n
        };
        (0..self.order()).map(of_level).collect()
    }

    /// The suffixes of the last n-gram in `lmplz`'s order, given the [`ranks`] of the words.
    pub(crate) fn find_lmplz_last(&self, rank: &[u32]) -> Vec<usize> {
        let last_of = |k: usize, nodes: std::ops::Range<usize>| {
            nodes.max_by_key(|&i| rank[self.levels[k].word[i] as usize])
        };
        let mut path = Vec::new();
        let mut nodes = 0..self.vocab_len();
        for k in 0..self.order() {
            let Some(node) = last_of(k, nodes.clone()) else { break };
            path.push(node);
            nodes = if k + 1 < self.order() { self.children(k, node) } else { 0..0 };
        }
        path
    }
}

/// The place of every word in `lmplz`'s order: `<s>` and `</s>` (0), then words as they first occur in the text.
pub(crate) struct Ranks {
    of: Vec<u32>,
    next: u32,
    eos: Option<usize>,
}

impl Ranks {
    pub fn new(vocab_len: usize) -> Self {
        Self { of: vec![0; vocab_len + 1], next: 1, eos: None }
    }

    /// The next part of the text.
    pub fn read(&mut self, text: &Tokens) {
        if self.eos.is_none() && text.sentence_count() > 0 {
            self.eos = text.sentence(0).last().map(|t| t.index());
        }
        for token in text.flat() {
            let rank = &mut self.of[token.index()];
            if *rank == 0 && Some(token.index()) != self.eos {
                *rank = self.next;
                self.next += 1;
            }
        }
    }

    pub fn of(&self) -> &[u32] {
        &self.of
    }
}
