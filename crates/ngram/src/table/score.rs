//! Texts through a table: blocks of targets in parallel, each block's sentences in a few interleaved lanes.
use corpus::{TokenId, Tokens};
use lm::Context;
use rayon::prelude::*;
use std::f64::consts::LN_10;

use super::{State, Table};

const BLOCK: usize = 1 << 12; // targets a unit of work: from the data, never from the number of threads

/// `out[w] = ln(10) · (log10[w] + outer)` for all of `out`.
pub(super) fn fill(log10: impl Iterator<Item = f32>, outer: f64, out: &mut [f64]) {
    out.iter_mut().zip(log10).for_each(|(o, p)| *o = (f64::from(p) + outer) * LN_10);
}

/// ln p of every target of a text.
pub(super) fn score<T: Table>(table: &T, text: &Tokens, context: Context, out: &mut Vec<f64>) {
    out.clear();
    out.resize(text.targets(), 0.0);
    let starts: Vec<usize> = (0..text.sentence_count()).map(|i| text.sentence_start(i)).collect();
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
        let begin = block * BLOCK;
        let mut next_start = starts.partition_point(|&s| s < begin);
        let (mut state, mut next) =
            (state_at(table, text, context, &starts, begin), State::default());
        for (at, o) in (begin..).zip(out) {
            if context == Context::Sentence && starts.get(next_start) == Some(&at) {
                state = table.sentence_start();
                next_start += 1;
            }
            let word = text.flat()[at];
            *o = table.look_up(&state, word, &mut next).log10_prob * LN_10;
            state = if word == table.meta().eos { table.sentence_start() } else { next };
        }
    });
}

/// The state before target `at`: it depends on the last words only, at most order − 1 of them.
fn state_at<T: Table>(
    table: &T,
    text: &Tokens,
    context: Context,
    starts: &[usize],
    at: usize,
) -> State {
    let mut from = at.saturating_sub(table.meta().order() - 1);
    let mut state = if from == 0 { table.sentence_start() } else { State::default() };
    if context == Context::Sentence {
        let sentence = starts.partition_point(|&s| s <= at).checked_sub(1).map_or(0, |i| starts[i]);
        if sentence >= from {
            (from, state) = (sentence, table.sentence_start());
        }
    }
    for &word in &text.flat()[from..at] {
        state = step(table, &state, word);
    }
    state
}

/// The state after one more word; after `</s>` a sentence starts.
pub(super) fn step<T: Table + ?Sized>(table: &T, state: &State, word: TokenId) -> State {
    let mut next = State::default();
    table.look_up(state, word, &mut next);
    if word == table.meta().eos { table.sentence_start() } else { next }
}
