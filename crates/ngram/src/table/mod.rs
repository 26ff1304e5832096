//! Three storages of a back-off model behind one trait, each a memory-mapped file.
//!
//! | storage | for | a look-up |
//! |---|---|---|
//! | [`HashTable`] | speed | one cache line an order |
//! | [`TrieTable`] | size, exactly | binary search among the words after a context |
//! | [`PackedTable`] | the smallest file | the same over ranks and quantised probabilities |
//!
//! All go the same way: a [`State`] holds the stored contexts that the last words form, shortest first, as places in the
//! table. The word after them is looked up from the shortest context on until one does not have it; the last hit gives the
//! probability, the hits are the next state, the back-off weights of the contexts without a hit are multiplied in:
//!
//! `log10 p(w | h) = log10 p*(w | h_m) + Σ_{k = m + 1 … |h|} log10 bow(h_k)`, with `h_k` the last k words of `h` and `m` the
//! longest stored context that has `w`. The sum is taken in f64 over the stored f32 values.
//!
//! That works because a stored gram's parts are stored too (`Links::new` refuses anything else).
mod bits;
mod container;
mod elias_fano;
mod explain;
mod hash;
mod hash_build;
mod hash_fill;
mod links;
mod meta;
mod model;
mod packed;
mod packed_build;
mod prefetch;
mod quantise;
mod query;
mod score;
mod select;
mod sizes;
mod suffix_order;
mod trie;
mod unpack;

use corpus::TokenId;
use lm::Result;

use crate::backoff::GramTable;

pub use container::TableFile;
pub use explain::{Explanation, Step};
pub use hash::HashTable;
pub(crate) use links::{Broken, Level, Links, sort_by_column};
pub use meta::Meta;
pub use model::TableModel;
pub use packed::PackedTable;
pub use packed_build::PackedOptions;
pub use query::{Answers, Marks, Source, TextSummary};
pub use sizes::{SizeEstimate, estimate_sizes};
pub use trie::TrieTable;

/// The highest order a table takes.
pub const MAX_ORDER: usize = 10;

/// The storages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableKind {
    /// Buckets of one cache line.
    #[default]
    Hash,
    /// Sorted and bit-packed, exact.
    Trie,
    /// The trie with quantised probabilities, ranks for words and derived back-off weights.
    Packed,
}

impl TableKind {
    /// All storages.
    pub const ALL: [TableKind; 3] = [TableKind::Hash, TableKind::Trie, TableKind::Packed];
}

impl std::fmt::Display for TableKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TableKind::Hash => "hash",
            TableKind::Trie => "trie",
            TableKind::Packed => "packed",
        })
    }
}

impl std::str::FromStr for TableKind {
    type Err = lm::Error;
    fn from_str(name: &str) -> Result<Self> {
        TableKind::ALL.into_iter().find(|kind| kind.to_string() == name).ok_or_else(|| {
            lm::Error::Config {
                option: "--table".into(),
                what: format!("no storage is called `{name}`"),
                cure: "choose hash, trie or packed".into(),
            }
        })
    }
}

/// The stored contexts that the words read so far form: `nodes[k - 1]` is the place of the last k words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    len: u32,
    nodes: [u32; MAX_ORDER - 1],
}

impl State {
    /// How many words the longest context has.
    pub fn context_len(&self) -> usize {
        self.len as usize
    }

    #[inline(always)]
    fn nodes(&self) -> &[u32] {
        &self.nodes[..self.len as usize]
    }

    #[inline(always)]
    fn start(word: u32, order: usize) -> Self {
        let mut state = State { len: (order > 1) as u32, ..State::default() };
        state.nodes[0] = word;
        state
    }

    #[inline(always)]
    fn push(&mut self, node: u32) {
        self.nodes[self.len as usize] = node;
        self.len += 1;
    }
}

/// The answer to a look-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// log10 p(word | context).
    pub log10_prob: f64,
    /// Length of the longest stored gram that ends in the word, 1 … order: KenLM's "n-gram length".
    pub length: usize,
}

/// A stored back-off model.
pub trait Table: Send + Sync {
    /// The file it lies in: description, vocabulary, size.
    fn file(&self) -> &TableFile;

    /// What the file says of itself.
    fn meta(&self) -> &Meta {
        self.file().meta()
    }

    /// p(word | context) and the context that the word makes for the next one.
    ///
    /// # Panics
    /// If the word is not in `0..vocab_len`.
    fn look_up(&self, state: &State, word: TokenId, next: &mut State) -> Match;

    /// Asks the processor for what `look_up(state, word, …)` will read.
    fn prefetch(&self, _state: &State, _word: TokenId) {}

    /// Writes ln p(w | context) of every w; `scratch` is kept from call to call to save allocation.
    ///
    /// # Panics
    /// If `out` is not |V| long.
    fn distribution(&self, state: &State, scratch: &mut Vec<u32>, out: &mut [f64]);

    /// Calls `f` with the log10 probability and log10 back-off weight of every stored gram of an order (the weight is
    /// absent for the highest).
    fn values(&self, order: usize, f: &mut dyn FnMut(f32, Option<f32>));

    /// log10 of the back-off weight of every context of a state, shortest first.
    fn weights(&self, state: &State) -> Vec<f64>;

    /// All stored grams, order by order, in the order of the storage.
    ///
    /// # Errors
    /// If the file's checksums are right but its grams make no sense.
    fn grams(&self) -> Result<Vec<GramTable>>;

    /// The context at the start of a sentence: `<s>`.
    fn sentence_start(&self) -> State {
        State::start(self.meta().vocab_len as u32, self.meta().order())
    }
}
