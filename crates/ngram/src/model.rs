//! An n-gram model in memory, ready to be asked.
//!
//! p(w | h) is looked for in the longest stored context that h ends in; where w does not follow it, its back-off weight is
//! taken and the context loses its oldest word ([`Rule`]). A model trained on sentences knows nothing across their borders:
//! after `</s>` the context is `<s>` again, in [`Context::Stream`] as in [`Context::Sentence`].
use std::f64::consts::LN_10;
use std::path::Path;

use corpus::{TokenId, Tokens, Vocab};
use lm::{Context, Error, Footprint, LanguageModel, Reader, Result};
use rayon::prelude::*;

use crate::backoff::BackoffModel;
use crate::discount::Discounts;
use crate::estimate::{Estimate, Rule};
use crate::successors::{Level, in_context_order, in_suffix_order};
use crate::table::{TableKind, TableModel};

/// Targets a unit of parallel scoring.
const BLOCK: usize = 4096;

/// An n-gram model of any smoothing.
#[derive(Clone, Debug)]
pub struct NgramModel {
    vocab_len: usize,
    eos: TokenId,
    rule: Rule,
    levels: Vec<Level>,
    discounts: Vec<Discounts>,
}

/// What the next word is asked of: the longest stored context, and how many words a context could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Number in level index `len − 1`; without meaning for the empty context.
    context: u32,
    /// Words in the stored context.
    len: u8,
    /// Words read since `<s>`, itself included, at most N − 1.
    read: u8,
}

/// An answer: log10 p, and the longest stored n-gram the word ends.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    log10: f64,
    /// Its length, at least 1.
    order: u8,
    /// Its number in level index `order − 1`.
    node: u32,
}

impl NgramModel {
    /// Puts an estimate into the order questions come in; `eos` is the word after which a sentence starts.
    pub fn new(estimate: Estimate, eos: TokenId) -> Self {
        let (vocab_len, rule, discounts) =
            (estimate.vocab_len, estimate.rule, estimate.discounts.clone());
        Self { vocab_len, eos, rule, discounts, levels: in_context_order(estimate) }
    }

    /// N.
    pub fn order(&self) -> usize {
        self.levels.len()
    }

    /// How many n-grams of each order are stored, the unigram `<s>` included.
    pub fn gram_counts(&self) -> Vec<usize> {
        self.levels.iter().map(|l| l.word.len()).collect()
    }

    /// The discounts of each order; empty for smoothings without.
    pub fn discounts(&self) -> &[Discounts] {
        &self.discounts
    }

    /// As sorted tables, the inverse of [`NgramModel::from_backoff`]. Only models that back off with weight one where a
    /// context was never seen (Kneser-Ney, Witten-Bell) mean the same there.
    pub fn to_backoff(&self) -> BackoffModel {
        BackoffModel { vocab_len: self.vocab_len, tables: in_suffix_order(&self.levels) }
    }

    /// log10 p of every target, and the length of the longest stored n-gram it ends, as KenLM's `query` prints them.
    pub fn score_matched(&self, text: &Tokens, context: Context) -> Vec<(f32, u8)> {
        self.score_with(text, context, |found| (found.log10 as f32, found.order))
    }

    /// Asks for every target, in blocks of the text: the state at a block's start follows from the N − 1 tokens before it.
    fn score_with<T: Clone + Send>(
        &self,
        text: &Tokens,
        context: Context,
        answer: impl Fn(Found) -> T + Sync,
    ) -> Vec<T> {
        let flat = text.flat();
        let sentence_starts = (1..text.sentence_count()).map(|i| text.sentence_start(i));
        let unmarked: Vec<usize> = match context {
            Context::Sentence => sentence_starts.filter(|&s| flat[s - 1] != self.eos).collect(),
            Context::Stream => Vec::new(),
        };
        let fresh =
            |t: usize| t == 0 || flat[t - 1] == self.eos || unmarked.binary_search(&t).is_ok();
        let blocks: Vec<Vec<T>> = (0..flat.len().div_ceil(BLOCK))
            .into_par_iter()
            .map(|b| {
                let (from, to) = (b * BLOCK, ((b + 1) * BLOCK).min(flat.len()));
                let reach = from - (self.order() - 1).min(from);
                let begin = (reach..=from).rev().find(|&t| fresh(t)).unwrap_or(reach);
                let mut state = State { context: 0, len: 0, read: self.order() as u8 - 1 };
                let mut out = Vec::with_capacity(to - from);
                for (t, &token) in (begin..).zip(&flat[begin..to]) {
                    if fresh(t) {
                        state = self.start();
                    }
                    let found = self.find(state, token);
                    if t >= from {
                        out.push(answer(found));
                    }
                    state = self.next(state, token, found);
                }
                out
            })
            .collect();
        blocks.concat()
    }

    /// After `<s>`.
    fn start(&self) -> State {
        let len = (self.order() > 1).into();
        State { context: self.vocab_len as u32, len, read: len }
    }

    fn next(&self, state: State, token: TokenId, found: Found) -> State {
        if token == self.eos || self.order() == 1 {
            return self.start();
        }
        let read = (state.read + 1).min(self.order() as u8 - 1);
        match usize::from(found.order) == self.order() {
            true => State {
                context: self.levels[self.order() - 1].link[found.node as usize],
                len: found.order - 1,
                read,
            },
            false => State { context: found.node, len: found.order, read },
        }
    }

    /// The context without its oldest word.
    #[inline]
    fn shorter(&self, len: u8, context: u32) -> u32 {
        if len > 1 { self.levels[usize::from(len) - 1].link[context as usize] } else { 0 }
    }

    fn backoff(&self, len: u8, context: u32) -> f64 {
        f64::from(self.levels[usize::from(len) - 1].log10_backoff[context as usize])
    }

    /// log10 of the weight of the contexts that were read but never seen.
    fn unseen(&self, state: State) -> f64 {
        match self.rule {
            Rule::Backoff { unseen } => f64::from(unseen) * f64::from(state.read - state.len),
            Rule::WholeContext { .. } => 0.0,
        }
    }

    fn find(&self, state: State, token: TokenId) -> Found {
        let State { mut context, mut len, .. } = state;
        let mut weight = self.unseen(state);
        let (order, node) = loop {
            if len == 0 {
                break (1, token.0);
            }
            let after = self.levels[usize::from(len) - 1].after(context);
            if let Some(i) = position(&self.levels[usize::from(len)].word[after.clone()], token.0) {
                break (len + 1, (after.start + i) as u32);
            }
            weight += self.backoff(len, context);
            (context, len) = (self.shorter(len, context), len - 1);
        };
        let stored = f64::from(self.levels[usize::from(order) - 1].log10_prob[node as usize]);
        let log10 = match self.rule {
            Rule::Backoff { .. } => stored + weight,
            Rule::WholeContext { .. } if order == state.read + 1 => stored,
            Rule::WholeContext { floor } if state.len == state.read => {
                self.backoff(state.len, state.context) + f64::from(floor)
            }
            Rule::WholeContext { floor } => floor.into(),
        };
        Found { log10, order, node }
    }

    /// ln p of every word. Shorter contexts first; what follows a longer one overwrites.
    fn distribution(&self, state: State, out: &mut [f64]) {
        let mut chain = [(0u32, 0.0f64); crate::count::MAX_ORDER]; // context of length len, and what lies in front of its n-grams
        let (mut context, mut weight) = (state.context, self.unseen(state));
        for len in (1..=state.len).rev() {
            chain[usize::from(len)] = (context, weight);
            weight += self.backoff(len, context);
            context = self.shorter(len, context);
        }
        let mut from = 1;
        match self.rule {
            Rule::WholeContext { floor } if state.read > 0 => {
                let whole = state.len == state.read;
                let weight = if whole { self.backoff(state.len, state.context) } else { 0.0 };
                out.fill((weight + f64::from(floor)) * LN_10);
                from = if whole { state.len } else { state.len + 1 };
            }
            _ => {
                let unigrams = &self.levels[0].log10_prob[..self.vocab_len];
                out.iter_mut()
                    .zip(unigrams)
                    .for_each(|(out, &p)| *out = (f64::from(p) + weight) * LN_10);
            }
        }
        for len in from..=state.len {
            let (context, weight) = chain[usize::from(len)];
            let after = self.levels[usize::from(len) - 1].after(context);
            let level = &self.levels[usize::from(len)];
            for (&word, &p) in level.word[after.clone()].iter().zip(&level.log10_prob[after]) {
                out[word as usize] = (f64::from(p) + weight) * LN_10;
            }
        }
    }
}

/// Where `word` stands among ascending words.
#[inline]
fn position(words: &[u32], word: u32) -> Option<usize> {
    if words.len() <= 8 {
        return words.iter().position(|&w| w == word);
    }
    words.binary_search(&word).ok()
}

impl LanguageModel for NgramModel {
    fn vocab_len(&self) -> usize {
        self.vocab_len
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(NgramReader { model: self, state: self.start() })
    }

    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        *out = self.score_with(text, context, |found| found.log10 * LN_10);
    }

    /// Values are probabilities and weights: zero where the logarithm is −∞.
    fn footprint(&self) -> Footprint {
        let stored =
            || self.levels.iter().flat_map(|l| l.log10_prob.iter().chain(&l.log10_backoff));
        let zero = stored().filter(|&&v| v == f32::NEG_INFINITY).count() as u64;
        let bytes = self.levels.iter().map(Level::bytes).sum();
        Footprint { params: stored().count() as u64, bytes, zero, negligible: zero }
    }

    fn order(&self) -> Option<usize> {
        Some(self.levels.len())
    }

    fn normalised(&self) -> bool {
        match self.rule {
            Rule::Backoff { unseen } => unseen == 0.0,
            Rule::WholeContext { floor } => floor > f32::NEG_INFINITY,
        }
    }

    /// As an exact trie; only models that back off by stored weights have a file.
    fn save(&self, path: &Path, vocab: &Vocab) -> Result<()> {
        let what = match self.rule {
            Rule::Backoff { unseen: 0.0 } => {
                return TableModel::build(TableKind::Trie, &self.to_backoff(), vocab, &[])?
                    .save(path, vocab);
            }
            Rule::Backoff { .. } => {
                "model by stupid back-off (a table's contexts that were never seen weigh 1, its own 0.4)"
            }
            Rule::WholeContext { .. } => {
                "model by add-k or count ratio (it asks the whole context only, a table backs off)"
            }
        };
        Err(Error::NotSaved { what })
    }
}

struct NgramReader<'a> {
    model: &'a NgramModel,
    state: State,
}

impl Reader for NgramReader<'_> {
    fn feed(&mut self, token: TokenId) {
        let found = self.model.find(self.state, token);
        self.state = self.model.next(self.state, token, found);
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        self.model.distribution(self.state, out);
    }

    fn log_prob(&mut self, token: TokenId, _: &mut [f64]) -> f64 {
        self.model.find(self.state, token).log10 * LN_10
    }
}
