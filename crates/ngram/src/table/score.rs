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

/// The state after one more word; after `</s>` a sentence starts.
pub(super) fn step<T: Table + ?Sized>(table: &T, state: &State, word: TokenId) -> State {
    let mut next = State::default();
    table.look_up(state, word, &mut next);
    if word == table.meta().eos { table.sentence_start() } else { next }
}

/// ln p of every target of a text.
pub(super) fn score<T: Table>(table: &T, text: &Tokens, context: Context, out: &mut Vec<f64>) {
    out.clear();
    out.resize(text.targets(), 0.0);
    let closed = text.sentences().all(|s| s.last() == Some(&table.meta().eos));
    if context == Context::Stream || closed {
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
            matches(table, text.flat(), block * BLOCK, out, |m| m.log10_prob * LN_10);
        });
        return;
    }
    // Sentences without </s> at their end: each starts anew by itself.
    let mut rest = out.as_mut_slice();
    for sentence in text.sentences() {
        let (here, after) = rest.split_at_mut(sentence.len());
        matches(table, sentence, 0, here, |m| m.log10_prob * LN_10);
        rest = after;
    }
}

/// What `f` makes of the match of every target from `begin` on, as many as `out` has room for. The text starts with a
/// sentence; `</s>` ends one.
pub(super) fn matches<T: Table, R: Copy>(
    table: &T,
    text: &[TokenId],
    begin: usize,
    out: &mut [R],
    f: impl Fn(Match) -> R,
) {
    let (eos, start) = (table.meta().eos, table.sentence_start());
    let stride = out.len() / LANES;
    let mut states: [State; LANES] =
        std::array::from_fn(|lane| state_at(table, text, begin + lane * stride));
    let mut next = State::default();
    for i in 0..stride {
        for (lane, state) in states.iter_mut().enumerate() {
            let at = begin + lane * stride + i;
            let word = text[at];
            out[at - begin] = f(table.look_up(state, word, &mut next));
            *state = if word == eos { start } else { next };
            if let Some(&word) = text.get(at + 1) {
                table.prefetch(state, word);
            }
        }
    }
    let mut state = state_at(table, text, begin + LANES * stride);
    for at in begin + LANES * stride..begin + out.len() {
        out[at - begin] = f(table.look_up(&state, text[at], &mut next));
        state = if text[at] == eos { start } else { next };
    }
}

/// The state before target `at`, from the words that it depends on.
fn state_at<T: Table>(table: &T, text: &[TokenId], at: usize) -> State {
    let from = at.saturating_sub(table.meta().order() - 1);
    let state = if from == 0 { table.sentence_start() } else { State::default() };
    text[from..at].iter().fold(state, |state, &word| step(table, &state, word))
}
