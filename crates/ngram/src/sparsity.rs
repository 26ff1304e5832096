//! The lecture's complaint measured (§2): how many n-grams of a text were never seen in training, how empty the |V|^n table is.
//!
//! The n-grams of a text are the windows of exactly n words inside `<s> w_1 … w_m </s>` (for n = 1 without `<s>`, which
//! is never predicted); a context is such a window without its last word.
use corpus::Tokens;
use lm::Result;

use crate::context::context_indices;
use crate::count::GramCounts;

/// One order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sparsity {
    /// n.
    pub order: usize,
    /// Distinct n-grams of the training text.
    pub distinct: u64,
    /// Of these, how many stand there once.
    pub singletons: u64,
    /// Their share of the |V|^n that could be.
    pub fill: f64,
    /// n-grams of the text looked at.
    pub grams: u64,
    /// Of these, how many were never seen in training.
    pub unseen: u64,
    /// Distinct n-grams of the text looked at.
    pub types: u64,
    /// Of these, how many were never seen in training.
    pub unseen_types: u64,
    /// n-grams of the text whose context (the first n − 1 words) was never seen: the count ratio has no denominator.
    pub unseen_contexts: u64,
}

impl Sparsity {
    /// Share of the text's n-grams that were never seen.
    pub fn unseen_share(&self) -> f64 {
        share(self.unseen, self.grams)
    }

    /// Share of the text's distinct n-grams that were never seen.
    pub fn unseen_type_share(&self) -> f64 {
        share(self.unseen_types, self.types)
    }

    /// Share of the text's n-grams whose context was never seen.
    pub fn unseen_context_share(&self) -> f64 {
        share(self.unseen_contexts, self.grams)
    }

    /// Share of the training text's distinct n-grams that stand there once.
    pub fn singleton_share(&self) -> f64 {
        share(self.singletons, self.distinct)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Not in the training text.
const UNSEEN: u32 = u32::MAX;

/// Sparsity of every order 1 … N of the counts, on a text over the same vocabulary.
///
/// # Errors
/// An empty text.
pub fn sparsity(train: &GramCounts, text: &Tokens) -> Result<Vec<Sparsity>> {
    let text = GramCounts::new(text, train.vocab_len(), train.order())?;
    let (distinct, singletons) = (train.distinct(), train.singletons());
    let mut contexts: Vec<u32> = Vec::new();
    let mut shorter: Vec<u32> = Vec::new(); // of every (n−1)-gram of the text: its place in the training counts
    let mut rows = Vec::new();
    for k in 0..train.order() {
        let seen = places(train, &text, k, &shorter);
        if k > 0 {
            let of = context_indices(&text.levels, &text.levels, k, &contexts, |_, _| {});
            contexts = of.expect("the context of a counted n-gram is counted");
        }
        let (order, v) = (k + 1, train.vocab_len() as f64);
        let mut row = Sparsity {
            order,
            distinct: distinct[k] as u64,
            singletons: singletons[k] as u64,
            fill: distinct[k] as f64 / v.powi(order as i32),
            ..Sparsity::default()
        };
        for (node, &count) in text.levels[k].count.iter().enumerate().filter(|(_, c)| **c > 0) {
            let (count, new) = (u64::from(count), seen[node] == UNSEEN);
            row.grams += count;
            row.types += 1;
            row.unseen += if new { count } else { 0 };
            row.unseen_types += u64::from(new);
            row.unseen_contexts +=
                if k > 0 && shorter[contexts[node] as usize] == UNSEEN { count } else { 0 };
        }
        rows.push(row);
        shorter = seen;
    }
    Ok(rows)
}

/// Where each (k+1)-gram of `text` stands in `train`, given where the k-grams do: two sorted lists below each pair.
fn places(train: &GramCounts, text: &GramCounts, k: usize, shorter: &[u32]) -> Vec<u32> {
    if k == 0 {
        let bos = train.vocab_len();
        let place =
            |w: usize| if w == bos || train.levels[0].count[w] > 0 { w as u32 } else { UNSEEN };
        return (0..=bos).map(place).collect();
    }
    let mut places = vec![UNSEEN; text.levels[k].word.len()];
    for (parent, &at) in shorter.iter().enumerate().filter(|(_, at)| **at != UNSEEN) {
        let candidates = train.children(k - 1, at as usize);
        let words = &train.levels[k].word[candidates.clone()];
        for node in text.children(k - 1, parent) {
            if let Ok(i) = words.binary_search(&text.levels[k].word[node]) {
                places[node] = (candidates.start + i) as u32;
            }
        }
    }
    places
}

/// How often the n-gram each target ends stood in the training text, in text order; at the head of a sentence the n-gram
/// is cut at `<s>`. What perplexities are bucketed by.
///
/// # Panics
/// If `order` is zero or above the order of the counts.
pub fn target_counts(train: &GramCounts, text: &Tokens, order: usize) -> Vec<u32> {
    assert!(
        (1..=train.order()).contains(&order),
        "order {order} of counts of order {}",
        train.order()
    );
    let mut counts = Vec::with_capacity(text.targets());
    let mut padded: Vec<u32> = Vec::new();
    for sentence in text.sentences() {
        padded.clear();
        padded.push(train.vocab_len() as u32);
        padded.extend(sentence.iter().map(|t| t.0));
        counts.extend(
            (1..padded.len()).map(|t| train.count(&padded[(t + 1).saturating_sub(order)..=t])),
        );
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use corpus::TokenId;

    fn text(sentences: &[&[u32]]) -> Tokens {
        let mut tokens = Tokens::default();
        for sentence in sentences {
            tokens.push_sentence(&sentence.iter().map(|&w| TokenId(w)).collect::<Vec<_>>(), 1);
        }
        tokens
    }

    #[test]
    fn by_hand() {
        // </s> = 0, a = 1, b = 2, c = 3; training: "a b", "a a"; looked at: "b a", "c"
        let train = GramCounts::new(&text(&[&[1, 2, 0], &[1, 1, 0]]), 4, 3).unwrap();
        let test = text(&[&[2, 1, 0], &[3, 0]]);
        let rows = sparsity(&train, &test).unwrap();
        assert_eq!(
            (rows[0].distinct, rows[0].singletons, rows[0].grams, rows[0].unseen),
            (3, 1, 5, 1)
        );
        // <s> a (twice), a b, b </s>, a a, a </s>; looked at: <s> b, b a, a </s> (seen), <s> c, c </s>
        assert_eq!(
            (rows[1].distinct, rows[1].singletons, rows[1].grams, rows[1].unseen),
            (5, 4, 5, 4)
        );
        assert_eq!((rows[1].unseen_contexts, rows[1].fill), (1, 5.0 / 16.0));
        // <s> b a, b a </s>, <s> c </s>: all new, contexts <s> b, b a, <s> c too
        assert_eq!((rows[2].grams, rows[2].unseen, rows[2].unseen_contexts), (3, 3, 3));
        assert_eq!(target_counts(&train, &test, 2), [0, 0, 1, 0, 0]);
        assert_eq!(target_counts(&train, &test, 1), [1, 3, 2, 0, 2]);
    }
}
