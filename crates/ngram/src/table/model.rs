//! A stored table as a language model.
use std::ops::ControlFlow;
use std::path::Path;

use corpus::{TokenId, Tokens, Vocab};
use lm::{Context, Footprint, LanguageModel, Reader, Result};

use super::query::{Answers, Marks, Source, TextSummary, query};
use super::score::{self, Walk};
use super::{
    Explanation, HashTable, Match, Meta, PackedOptions, PackedTable, State, Table, TableFile,
    TableKind, TrieTable, explain, unpack,
};
use crate::backoff::BackoffModel;
use crate::estimate::Estimate;

enum Storage {
    Hash(HashTable),
    Trie(TrieTable),
    Packed(PackedTable),
}

/// A back-off model in one of the storages, built in memory or mapped from its file.
pub struct TableModel {
    storage: Storage,
}

/// Calls a generic function with the storage's own type: no virtual call in the inner loops.
macro_rules! with {
    ($model:expr, $table:ident => $body:expr) => {
        match &$model.storage {
            Storage::Hash($table) => $body,
            Storage::Trie($table) => $body,
            Storage::Packed($table) => $body,
        }
    };
}

impl TableModel {
    /// Stores a model. `notes` are remarks kept in the file, such as the smoothing.
    ///
    /// # Errors
    /// Where model and vocabulary do not fit, or parts of stored n-grams are not stored.
    pub fn build(
        kind: TableKind,
        model: &BackoffModel,
        vocab: &Vocab,
        notes: &[(String, String)],
    ) -> Result<Self> {
        Self::build_with(kind, model, vocab, notes, PackedOptions::default())
    }

    /// [`build`](Self::build) with options for the packed storage; the others have none.
    ///
    /// # Errors
    /// Those of [`build`](Self::build); options out of range.
    pub fn build_with(
        kind: TableKind,
        model: &BackoffModel,
        vocab: &Vocab,
        notes: &[(String, String)],
        options: PackedOptions,
    ) -> Result<Self> {
        let storage = match kind {
            TableKind::Hash => Storage::Hash(HashTable::build(model, vocab, notes)?),
            TableKind::Trie => Storage::Trie(TrieTable::build(model, vocab, notes)?),
            TableKind::Packed => Storage::Packed(PackedTable::build(model, vocab, notes, options)?),
        };
        Ok(Self { storage })
    }

    /// Stores what was just estimated: the same bytes as from [`Estimate::to_backoff`], which the hash table goes without.
    ///
    /// # Errors
    /// Those of [`build`](Self::build).
    pub fn of_estimate(
        kind: TableKind,
        made: &Estimate,
        vocab: &Vocab,
        notes: &[(String, String)],
    ) -> Result<Self> {
        match kind {
            TableKind::Hash => Ok(HashTable::of_estimate(made, vocab, notes)?.into()),
            _ => Self::build(kind, &made.to_backoff(), vocab, notes),
        }
    }

    /// Maps a file of any storage and checks all of it.
    ///
    /// # Errors
    /// If the file cannot be read, is no table, or is damaged anywhere.
    pub fn open(path: &Path) -> Result<Self> {
        let file = TableFile::open(path)?;
        let storage = match file.kind() {
            TableKind::Hash => Storage::Hash(HashTable::over(file)?),
            TableKind::Trie => Storage::Trie(TrieTable::over(file)?),
            TableKind::Packed => Storage::Packed(PackedTable::over(file)?),
        };
        Ok(Self { storage })
    }

    /// The storage behind the trait.
    pub fn table(&self) -> &dyn Table {
        with!(self, table => table)
    }

    /// What the file says of itself.
    pub fn meta(&self) -> &Meta {
        self.table().meta()
    }

    /// Which storage it is.
    pub fn kind(&self) -> TableKind {
        self.table().file().kind()
    }

    /// The vocabulary in the file (training counts are zero).
    pub fn vocab(&self) -> Result<Vocab> {
        self.table().file().vocab()
    }

    /// Probability and matched length of every word of a text that starts a sentence (`</s>` ends one).
    pub fn matches(&self, text: &[TokenId], out: &mut Vec<Match>) {
        out.clear();
        out.resize(text.len(), Match { log10_prob: 0.0, length: 0 });
        with!(self, table => score::matches(table, Walk::sentences(table), text, 0, out, |m| m));
    }

    /// Asks for every line of a stream, words split and encoded by `vocab`, which is the model's ([`vocab`](Self::vocab)).
    /// `each` makes something of a block of lines, in parallel; `take` gets what it made in the order of the text, with
    /// the bytes of the block, and may end the work.
    ///
    /// # Errors
    /// If reading fails, the text is not UTF-8 or has marks that do not belong; what `take` refuses; interruption by it.
    pub fn query<R: Send>(
        &self,
        vocab: &Vocab,
        marks: Marks,
        source: Source<'_>,
        each: impl Fn(&Answers<'_>) -> R + Sync,
        take: impl FnMut(R, u64) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        with!(self, table => query(table, vocab, marks, source, each, take))
    }

    /// The sums over a stream of lines, as [`query`](Self::query) reads them.
    ///
    /// # Errors
    /// If reading fails, or the text is not UTF-8.
    pub fn summarise(
        &self,
        vocab: &Vocab,
        marks: Marks,
        source: Source<'_>,
    ) -> Result<TextSummary> {
        let mut total = TextSummary::default();
        self.query(
            vocab,
            marks,
            source,
            |answers| answers.summary(),
            |part, _| {
                total.add(&part);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(total)
    }

    /// The arithmetic of p(word | context); of a long context the last words count, `<s>` may begin it.
    ///
    /// # Panics
    /// If the word is not in `0..vocab_len`.
    pub fn explain(&self, context: &[TokenId], word: TokenId) -> Explanation {
        explain::explain(self.table(), context, word)
    }

    /// The model as sorted tables, the inverse of [`build`](Self::build); from the packed storage with its rounded
    /// probabilities and the back-off weights that follow from them.
    ///
    /// # Errors
    /// If the file's checksums are right but its grams make no sense.
    pub fn to_backoff(&self) -> Result<BackoffModel> {
        unpack::to_backoff(self.table())
    }
}

impl From<HashTable> for TableModel {
    fn from(table: HashTable) -> Self {
        Self { storage: Storage::Hash(table) }
    }
}

impl From<TrieTable> for TableModel {
    fn from(table: TrieTable) -> Self {
        Self { storage: Storage::Trie(table) }
    }
}

impl From<PackedTable> for TableModel {
    fn from(table: PackedTable) -> Self {
        Self { storage: Storage::Packed(table) }
    }
}

impl LanguageModel for TableModel {
    fn vocab_len(&self) -> usize {
        self.meta().vocab_len
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        let table = self.table();
        let (walk, state) = (Walk::sentences(table), table.sentence_start());
        Box::new(TableReader { table, walk, state, scratch: Vec::new() })
    }

    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        with!(self, table => score::score(table, text, context, out));
    }

    fn order(&self) -> Option<usize> {
        Some(self.meta().order())
    }

    /// Values are probabilities and back-off weights (not their logarithms); a tensor is one kind of one order.
    fn footprint(&self) -> Footprint {
        let mut total =
            Footprint { bytes: self.table().file().bytes() as u64, ..Footprint::default() };
        for order in 1..=self.meta().order() {
            let mut tensors = [Tensor::default(), Tensor::default()];
            self.table().values(order, &mut |prob, backoff| {
                tensors[0].add(prob);
                backoff.into_iter().for_each(|b| tensors[1].add(b));
            });
            let negligible = tensors
                .map(|t| t.values.map_or(0.0, |v| 1e-3 * (t.squares / v as f64).sqrt()).log10());
            let mut below = 0;
            self.table().values(order, &mut |prob, backoff| {
                below += u64::from(f64::from(prob) < negligible[0]);
                below += u64::from(backoff.is_some_and(|b| f64::from(b) < negligible[1]));
            });
            total.params += tensors.iter().map(|t| t.values.unwrap_or(0)).sum::<u64>();
            total.zero += tensors.iter().map(|t| t.zero).sum::<u64>();
            total.negligible += below;
        }
        total
    }

    fn save(&self, path: &Path, _: &Vocab) -> Result<()> {
        self.table().file().save(path)
    }
}

/// Sums over the values of a tensor.
#[derive(Clone, Copy, Default)]
struct Tensor {
    values: Option<u64>,
    zero: u64,
    squares: f64,
}

impl Tensor {
    fn add(&mut self, log10: f32) {
        const ZERO: f32 = -99.0; // how ARPA files write log10 of zero
        *self.values.get_or_insert(0) += 1;
        self.zero += u64::from(log10 <= ZERO);
        self.squares += 10f64.powf(2.0 * f64::from(log10));
    }
}

struct TableReader<'a> {
    table: &'a dyn Table,
    walk: Walk,
    state: State,
    scratch: Vec<u32>,
}

impl Reader for TableReader<'_> {
    fn feed(&mut self, token: TokenId) {
        self.walk.step(self.table, &mut self.state, token);
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        self.table.distribution(&self.state, &mut self.scratch, out);
    }

    fn log_prob(&mut self, token: TokenId, _: &mut [f64]) -> f64 {
        self.table.look_up(&self.state, token, &mut State::default()).log10_prob
            * std::f64::consts::LN_10
    }
}
