//! Texts through a table: blocks of targets in parallel, every block in a few interleaved lanes.
//!
//! A look-up waits for memory more than it computes. The state before any target depends on the last `order − 1` words only,
//! so a block is cut into lanes that walk at the same time: while one lane's cache lines are on their way, the others work.
use corpus::{TokenId, Tokens};
use lm::Context;
use rayon::prelude::*;
use std::f64::consts::LN_10;

use super::{Match, State, Table};

const LANES: usize = 8;
const BLOCK: usize = 1 << 12; // targets a unit of work: from the data, never from the number of threads

/// `out[w] = ln(10) · (log10[w] + outer)` for all of `out`.
pub(super) fn fill(log10: impl Iterator<Item = f32>, outer: f64, out: &mut [f64]) {
    out.iter_mut().zip(log10).for_each(|(o, p)| *o = (f64::from(p) + outer) * LN_10);
}

/// In place of a word: the line ends here, and nothing is predicted.
pub(super) const BREAK: TokenId = TokenId(u32::MAX);

/// From which context words are asked for, line after line.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    /// Of the first word, and after a [`BREAK`].
    start: State,
    /// Of the word after `</s>`.
    after_eos: State,
    /// Of the word after a `<s>` among the words.
    after_bos: State,
    eos: TokenId,
    vocab_len: usize,
}

impl Walk {
    /// Sentences: `</s>` ends one, and the next begins at `<s>`, which is not among the words.
    pub(super) fn sentences<T: Table + ?Sized>(table: &T) -> Self {
        let start = table.sentence_start();
        Self { start, after_eos: start, ..Self::bare(table) }
    }

    /// Lines as they are: no context at their start, marks where they have them.
    pub(super) fn bare<T: Table + ?Sized>(table: &T) -> Self {
        Self {
            start: State::default(),
            after_eos: State::default(),
            after_bos: table.sentence_start(),
            eos: table.meta().eos,
            vocab_len: table.meta().vocab_len,
        }
    }

    /// The answer for a word; the state becomes that of the next.
    #[inline(always)]
    pub(super) fn step<T: Table + ?Sized>(
        &self,
        table: &T,
        state: &mut State,
        word: TokenId,
    ) -> Match {
        if word.index() >= self.vocab_len {
            *state = if word == BREAK { self.start } else { self.after_bos };
            return Match { log10_prob: 0.0, length: 1 };
        }
        let mut next = State::default();
        let found = table.look_up(state, word, &mut next);
        *state = if word == self.eos { self.after_eos } else { next };
        found
    }

    /// The state before word `at`, from the words that it depends on.
    fn state_at<T: Table>(&self, table: &T, text: &[TokenId], at: usize) -> State {
        let from = at.saturating_sub(table.meta().order() - 1);
        let mut state = if from == 0 { self.start } else { State::default() };
        for &word in &text[from..at] {
            self.step(table, &mut state, word);
        }
        state
    }
}

/// ln p of every target of a text.
pub(super) fn score<T: Table>(table: &T, text: &Tokens, context: Context, out: &mut Vec<f64>) {
    out.clear();
    out.resize(text.targets(), 0.0);
    let walk = Walk::sentences(table);
    let closed = text.sentences().all(|s| s.last() == Some(&table.meta().eos));
    if context == Context::Stream || closed {
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
            matches(table, walk, text.flat(), block * BLOCK, out, |m| m.log10_prob * LN_10);
        });
        return;
    }
    // Sentences without </s> at their end: each starts anew by itself.
    let mut rest = out.as_mut_slice();
    for sentence in text.sentences() {
        let (here, after) = rest.split_at_mut(sentence.len());
        matches(table, walk, sentence, 0, here, |m| m.log10_prob * LN_10);
        rest = after;
    }
}

/// What `f` makes of the match of every word from `begin` on, as many as `out` has room for.
pub(super) fn matches<T: Table, R: Copy>(
    table: &T,
    walk: Walk,
    text: &[TokenId],
    begin: usize,
    out: &mut [R],
    f: impl Fn(Match) -> R,
) {
    let stride = out.len() / LANES;
    let mut states: [State; LANES] =
        std::array::from_fn(|lane| walk.state_at(table, text, begin + lane * stride));
    for i in 0..stride {
        for (lane, state) in states.iter_mut().enumerate() {
            let at = begin + lane * stride + i;
            out[at - begin] = f(walk.step(table, state, text[at]));
            match text.get(at + 1) {
                Some(&word) if word.index() < walk.vocab_len => table.prefetch(state, word),
                _ => {}
            }
        }
    }
    let mut state = walk.state_at(table, text, begin + LANES * stride);
    for at in begin + LANES * stride..begin + out.len() {
        out[at - begin] = f(walk.step(table, &mut state, text[at]));
    }
}
