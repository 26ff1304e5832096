//! An estimated n-gram model as sorted tables: what the estimators make, ARPA files hold and every storage is built from.
//!
//! p(w | w_1 … w_{k}) = 10^prob[w_1 … w_k w] if that n-gram is stored, else 10^backoff[w_1 … w_k] · p(w | w_2 … w_k)
//! (an absent back-off weight is 1).

/// The stored n-grams of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GramTable {
    /// Ids, `n` a gram, oldest word first. Grams are sorted in *suffix order*: by last word, then the one before, ….
    /// `<s>` is the id |V| and occurs first in a gram only.
    pub words: Vec<u32>,
    /// log10 p(last word | words before), one a gram. The unigram `<s>` has −99, as in every ARPA file.
    pub log10_prob: Vec<f32>,
    /// log10 of the back-off weight, one a gram; empty for the highest order.
    pub log10_backoff: Vec<f32>,
}

/// A back-off model of some order over the ids `0..vocab_len` and `<s>` = `vocab_len`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BackoffModel {
    /// |V|: the predictable words.
    pub vocab_len: usize,
    /// Tables of the orders 1, 2, …; the first has all |V| + 1 unigrams in id order.
    pub tables: Vec<GramTable>,
}

impl GramTable {
    /// How many n-grams.
    pub fn len(&self) -> usize {
        self.log10_prob.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.log10_prob.is_empty()
    }
}

impl BackoffModel {
    /// The highest n.
    pub fn order(&self) -> usize {
        self.tables.len()
    }

    /// How many n-grams of each order.
    pub fn gram_counts(&self) -> Vec<usize> {
        self.tables.iter().map(|t| t.log10_prob.len()).collect()
    }
}
