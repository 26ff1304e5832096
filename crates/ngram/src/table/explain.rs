//! One probability of a table, step by step: which of the n-grams are stored, with which values, and what is added up.
//!
//! `log10 p(w | h) = log10 p*(w | h_m) + Σ_{k = m + 1 … |h|} log10 bow(h_k)`, `h_k` the last k words of `h`, `m` the longest
//! whose n-gram `h_m w` is stored.
use corpus::TokenId;

use super::score::Walk;
use super::{Match, State, Table};

/// What the table has of one length of context.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The n-gram: the last words of the context, and the word.
    pub gram: Vec<TokenId>,
    /// Its log10 probability, if it is stored.
    pub log10_prob: Option<f64>,
    /// log10 of its context's back-off weight; none for the empty context and for contexts that are not stored.
    pub log10_backoff: Option<f64>,
}

/// The arithmetic of one probability.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Shortest n-gram first.
    pub steps: Vec<Step>,
    /// The answer.
    pub found: Match,
}

impl Explanation {
    /// The step whose probability is taken.
    pub fn taken(&self) -> &Step {
        &self.steps[self.found.length - 1]
    }

    /// The steps whose back-off weights are multiplied in.
    pub fn backed_off(&self) -> impl Iterator<Item = (&Step, f64)> {
        self.steps[self.found.length..].iter().filter_map(|s| Some((s, s.log10_backoff?)))
    }
}

/// Explains p(word | context); of a long context, the last words count. `<s>` may begin it.
///
/// # Panics
/// If the word is not in `0..vocab_len`.
pub(super) fn explain(table: &dyn Table, context: &[TokenId], word: TokenId) -> Explanation {
    let order = table.meta().order();
    let context = &context[context.len().saturating_sub(order - 1)..];
    let (walk, mut state) = (Walk::bare(table), State::default());
    for &token in context {
        walk.step(table, &mut state, token);
    }
    let weights = table.weights(&state);
    let steps = (0..=context.len())
        .map(|k| Step {
            gram: [&context[context.len() - k..], &[word]].concat(),
            log10_prob: stored(table, &state, k, word),
            log10_backoff: k.checked_sub(1).and_then(|k| weights.get(k).copied()),
        })
        .collect();
    Explanation { steps, found: table.look_up(&state, word, &mut State::default()) }
}

/// log10 p of the word after the last `k` words of the context, if that n-gram is stored.
fn stored(table: &dyn Table, state: &State, k: usize, word: TokenId) -> Option<f64> {
    let shorter = State { len: (state.len).min(k as u32), ..*state };
    let found = table.look_up(&shorter, word, &mut State::default());
    (found.length == k + 1).then_some(found.log10_prob)
}
