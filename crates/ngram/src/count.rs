//! Distinct n-grams of every order with their counts, by one sort.
//!
//! Every target w_t of the text has one window `w_{t-N+1} … w_t`, cut at `<s>`. The windows are dealt to their last word
//! (a counting sort), and the histories of each last word are sorted as integers. In that suffix order the k-grams for *all*
//! k ≤ N are runs of neighbours, so one pass over the sorted windows makes every level, and the number of distinct words
//! before a k-gram, which Kneser-Ney needs, is the length of its run of children (Pibiri & Venturini 2019 use the same fact).
use corpus::Tokens;
use lm::{Error, Result};
use rayon::prelude::*;

use crate::adjust::Ranks;
use crate::gram::{Key, Layout, Wide};

/// The longest n-gram.
pub const MAX_ORDER: usize = 10;

/// The k-grams of one length, in suffix order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CountLevel {
    /// The oldest word of each; the others are those of the parent, the (k−1)-gram it ends in.
    pub word: Vec<u32>,
    /// How often it stands in the text.
    pub count: Vec<u32>,
    /// Where its children, the (k+1)-grams that end in it, start in the next level; one more than there are k-grams, none at
    /// the highest order.
    pub first_child: Vec<u32>,
}

/// Distinct n-grams of the orders 1 … N with their counts. `<s>` is the id |V|, a context only, with count 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GramCounts {
    vocab_len: usize,
    pub(crate) levels: Vec<CountLevel>,
    /// The suffixes of `lmplz`'s very last n-gram, see [`crate::adjust`]: a place in each level it reaches.
    pub(crate) lmplz_last: Vec<usize>,
    /// Up to which count n-grams are left out of the model, see [`crate::cutoff`]; empty where none is.
    pub(crate) cutoff: Vec<u32>,
}

impl GramCounts {
    /// Counts the n-grams of `<s> w_1 … w_n </s>` that end in a target, up to length `order`.
    ///
    /// # Errors
    /// An order outside 1..=[`MAX_ORDER`], an empty text, or one of 2^32 tokens or more.
    pub fn new(text: &Tokens, vocab_len: usize, order: usize) -> Result<Self> {
        check_order(order)?;
        if text.targets() == 0 || text.targets() >= u32::MAX as usize {
            let what = format!("a training text of {} tokens cannot be counted", text.targets());
            return Err(Error::Unfit { what, cure: "give between 1 and 4 billion tokens".into() });
        }
        let layout = Layout::new(vocab_len, order - 1);
        let levels = match layout.total_bits() {
            bits if bits <= u64::BITS => count_with::<u64>(text, vocab_len, layout),
            bits if bits <= u128::BITS => count_with::<u128>(text, vocab_len, layout),
            _ => count_with::<Wide>(text, vocab_len, layout),
        };
        let mut counts = Self::of_levels(vocab_len, levels);
        let mut ranks = Ranks::new(vocab_len);
        ranks.read(text);
        counts.lmplz_last = counts.find_lmplz_last(ranks.of());
        Ok(counts)
    }

    /// Around levels already made.
    pub(crate) fn of_levels(vocab_len: usize, levels: Vec<CountLevel>) -> Self {
        Self { vocab_len, levels, lmplz_last: Vec::new(), cutoff: Vec::new() }
    }

    /// N.
    pub fn order(&self) -> usize {
        self.levels.len()
    }

    /// |V|.
    pub fn vocab_len(&self) -> usize {
        self.vocab_len
    }

    /// How many distinct n-grams of each order stand in the text.
    pub fn distinct(&self) -> Vec<usize> {
        let seen = self.levels[0].count.iter().filter(|&&c| c > 0).count();
        std::iter::once(seen).chain(self.levels[1..].iter().map(|l| l.word.len())).collect()
    }

    /// How many n-grams of each order stand in the text once.
    pub fn singletons(&self) -> Vec<usize> {
        self.levels.iter().map(|l| l.count.iter().filter(|&&c| c == 1).count()).collect()
    }

    /// How often `gram` (oldest word first, at most N words, `<s>` = |V| first only) stands in the text.
    pub fn count(&self, gram: &[u32]) -> u32 {
        self.find(gram).map_or(0, |node| self.levels[gram.len() - 1].count[node])
    }

    /// The place of `gram` in the level of its length, if it stands in the text.
    pub(crate) fn find(&self, gram: &[u32]) -> Option<usize> {
        let (&last, history) = gram.split_last()?;
        let mut node = last as usize;
        for (k, word) in history.iter().rev().enumerate() {
            let children = self.children(k, node);
            node = children.start + self.levels[k + 1].word[children].binary_search(word).ok()?;
        }
        Some(node)
    }

    /// The (k+2)-grams that end in the (k+1)-gram `node` of level index `k`.
    #[inline]
    pub(crate) fn children(&self, k: usize, node: usize) -> std::ops::Range<usize> {
        let starts = &self.levels[k].first_child;
        starts[node] as usize..starts[node + 1] as usize
    }
}

/// Refuses an order outside 1..=[`MAX_ORDER`].
pub(crate) fn check_order(order: usize) -> Result<()> {
    if (1..=MAX_ORDER).contains(&order) {
        return Ok(());
    }
    let (option, what) = ("--order".into(), format!("{order} is no order of an n-gram model"));
    Err(Error::Config { option, what, cure: format!("choose one from 1 to {MAX_ORDER}") })
}

fn count_with<K: Key>(text: &Tokens, vocab_len: usize, layout: Layout) -> Vec<CountLevel> {
    let mut starts = vec![0u32; vocab_len + 1];
    text.flat().iter().for_each(|t| starts[t.index() + 1] += 1);
    (0..vocab_len).for_each(|w| starts[w + 1] += starts[w]);
    let mut histories = deal::<K>(text, vocab_len as u32, layout, &starts);

    let units = units(&starts, (text.targets() as u32 / 128).max(1 << 12));
    let mut rest = histories.as_mut_slice();
    let mut jobs = Vec::with_capacity(units.len());
    for words in units {
        let (unit, after) = rest.split_at_mut((starts[words.end] - starts[words.start]) as usize);
        jobs.push((words, unit));
        rest = after;
    }
    let parts: Vec<Vec<CountLevel>> = jobs
        .into_par_iter()
        .map(|(words, unit)| {
            let mut levels = vec![CountLevel::default(); layout.len + 1];
            let mut rest = unit;
            for word in words {
                let (own, after) = rest.split_at_mut((starts[word + 1] - starts[word]) as usize);
                own.sort_unstable();
                let runs = own.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32));
                push_word(word as u32, runs, vocab_len as u32, layout, &mut levels);
                rest = after;
            }
            levels
        })
        .collect();
    drop(histories);
    join(parts, vocab_len as u32, layout.len + 1)
}

/// The history of every target, grouped by the target.
pub(crate) fn deal<K: Key>(text: &Tokens, bos: u32, layout: Layout, starts: &[u32]) -> Vec<K> {
    let mut histories = vec![K::default(); text.targets()];
    let mut next = starts.to_vec();
    let start = K::default().push(bos, layout);
    for sentence in text.sentences() {
        let mut history = start;
        for token in sentence {
            let place = &mut next[token.index()];
            histories[*place as usize] = history;
            *place += 1;
            history = history.push(token.0, layout);
        }
    }
    histories
}

/// Neighbouring words in groups of like mass: the units of parallel work.
pub(crate) fn units(starts: &[u32], mass: u32) -> Vec<std::ops::Range<usize>> {
    let words = starts.len() - 1;
    let mut units = Vec::new();
    let mut first = 0;
    for word in 0..words {
        if starts[word + 1] - starts[first] >= mass || word + 1 == words {
            units.push(first..word + 1);
            first = word + 1;
        }
    }
    units
}

/// Appends the n-grams that end in `last`, whose distinct histories are given in order with their counts.
pub(crate) fn push_word<K: Key>(
    last: u32,
    histories: impl Iterator<Item = (K, u32)>,
    bos: u32,
    layout: Layout,
    levels: &mut [CountLevel],
) {
    let open = |levels: &mut [CountLevel], k: usize, word: u32| {
        let children = levels.get(k + 1).map_or(0, |l| l.word.len() as u32);
        let level = &mut levels[k];
        level.word.push(word);
        level.count.push(0);
        if k + 1 < levels.len() {
            levels[k].first_child.push(children);
        }
    };
    open(levels, 0, last);
    let (mut previous, mut total): (Option<K>, u32) = (None, 0);
    for (history, count) in histories {
        let shared = previous.map_or(0, |p| p.shared(history, layout));
        previous = Some(history);
        for k in 0..layout.len {
            let word = history.word(k, layout);
            if k >= shared {
                open(levels, k + 1, word);
            }
            *levels[k + 1].count.last_mut().expect("opened by this history or one before") += count;
            if word == bos {
                break;
            }
        }
        total += count;
    }
    *levels[0].count.last_mut().expect("just pushed") = total;
}

/// Sets the parts end to end, adds the unigram `<s>` and closes every level.
pub(crate) fn join(parts: Vec<Vec<CountLevel>>, bos: u32, order: usize) -> Vec<CountLevel> {
    let sizes = |k: usize| parts.iter().map(move |p| p.get(k).map_or(0, |l| l.word.len()));
    (0..order)
        .into_par_iter()
        .map(|k| {
            let total = sizes(k).sum::<usize>() + 1;
            let mut level = CountLevel {
                word: Vec::with_capacity(total),
                count: Vec::with_capacity(total),
                first_child: Vec::with_capacity(if k + 1 < order { total + 1 } else { 0 }),
            };
            let mut children = 0u32;
            for (part, below) in parts.iter().zip(sizes(k + 1)) {
                level.word.extend_from_slice(&part[k].word);
                level.count.extend_from_slice(&part[k].count);
                level.first_child.extend(part[k].first_child.iter().map(|c| c + children));
                children += below as u32;
            }
            if k == 0 {
                level.word.push(bos);
                level.count.push(0);
            }
            level
                .first_child
                .resize(if k + 1 < order { level.word.len() + 1 } else { 0 }, children);
            level
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use corpus::TokenId;

    #[test]
    fn every_width_of_key_counts_alike() {
        let mut text = Tokens::default();
        for i in 0..700u32 {
            let ids: Vec<_> = (0..i % 13)
                .map(|j| TokenId(1 + (i * i + 3 * j * j) % 11))
                .chain([TokenId(0)])
                .collect();
            text.push_sentence(&ids, 1);
        }
        for order in [1, 2, 5, 10] {
            let layout = Layout::new(12, order - 1);
            let narrow = count_with::<u64>(&text, 12, layout);
            assert_eq!(narrow, count_with::<u128>(&text, 12, layout));
            assert_eq!(narrow, count_with::<Wide>(&text, 12, layout));
        }
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        let mut text = Tokens::default();
        assert!(GramCounts::new(&text, 2, 3).unwrap_err().to_string().contains("0 tokens"));
        text.push_sentence(&[TokenId(0)], 1);
        for order in [0, MAX_ORDER + 1] {
            assert!(GramCounts::new(&text, 2, order).unwrap_err().to_string().contains("--order"));
        }
        assert_eq!(GramCounts::new(&text, 2, MAX_ORDER).unwrap().distinct()[..3], [1, 1, 0]);
    }
}
