//! The contract of a language model.
use std::any::Any;
use std::path::Path;

use corpus::{TokenId, Tokens, Vocab};
use rayon::prelude::*;

use crate::error::Result;

/// Where a reader starts anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Context {
    /// At every sentence: each is scored as if it stood alone.
    Sentence,
    /// Once: the whole text is one stream (state is carried over `</s>`).
    #[default]
    Stream,
}

impl std::fmt::Display for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Context::Sentence => "sentence",
            Context::Stream => "stream",
        })
    }
}

/// What a model stores.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Footprint {
    /// Stored values: weights, or probabilities and back-off weights.
    pub params: u64,
    /// Bytes in memory that scoring needs (scratch excluded).
    pub bytes: u64,
    /// Stored values that are exactly zero.
    pub zero: u64,
    /// Stored values below 1e-3 of the root mean square of their tensor (zero ones included).
    pub negligible: u64,
}

/// How many hidden units a neural model really uses on a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activity {
    /// Hidden units looked at.
    pub units: u64,
    /// Units whose activation never left ±1e-3 of its mean.
    pub silent: u64,
}

/// A trained model. All log-probabilities are natural and f64. [`Any`]: what adapts a network at test time needs the network.
pub trait LanguageModel: Any + Send + Sync {
    /// |V|: the length of every distribution; ids `0..vocab_len` are predicted.
    fn vocab_len(&self) -> usize;

    /// A reader at the start of a sentence (as if `<s>` had been read). Its walk *defines* the model.
    fn reader(&self) -> Box<dyn Reader + '_>;

    /// Replaces `out` by ln p of every target of `text`, in order. Overrides are fast paths and must agree with
    /// [`walk`] (tested by [`crate::conformance`]).
    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        walk(self, text, context, out);
    }

    /// n for a model that sees the last n − 1 words only; `None` where the context is not bounded.
    fn order(&self) -> Option<usize> {
        None
    }

    /// False where the probabilities do not sum to one (stupid back-off, raw count ratios): the perplexity of such a
    /// model is not comparable, and the report says so.
    fn normalised(&self) -> bool {
        true
    }

    /// What is stored.
    fn footprint(&self) -> Footprint;

    /// Hidden units in use; `None` for models without.
    fn activity(&self, _text: &Tokens) -> Option<Activity> {
        None
    }

    /// Writes the model and its vocabulary to a file, atomically.
    ///
    /// # Errors
    /// [`crate::Error::NotSaved`] for models without a file of their own.
    fn save(&self, path: &Path, vocab: &Vocab) -> Result<()>;
}

/// Reads a text one token at a time.
pub trait Reader {
    /// Takes the next token. After `</s>` the reader stands at the start of a sentence again; what it remembers of
    /// the text before is the model's affair ([`Context::Stream`]).
    fn feed(&mut self, token: TokenId);

    /// Writes ln p(w | everything fed) for every w in `0..vocab_len`; the exponentials sum to one.
    fn log_probs(&mut self, out: &mut [f64]);

    /// ln p of one token; overrides are for models that need not compute the whole distribution.
    fn log_prob(&mut self, token: TokenId, scratch: &mut [f64]) -> f64 {
        self.log_probs(scratch);
        scratch[token.index()]
    }
}

/// Scores by the definition: a reader, token by token. Sentences are the units of work where they are independent.
pub fn walk<M: LanguageModel + ?Sized>(
    model: &M,
    text: &Tokens,
    context: Context,
    out: &mut Vec<f64>,
) {
    out.clear();
    let read =
        |reader: &mut dyn Reader, sentence: &[TokenId], scratch: &mut [f64], out: &mut Vec<f64>| {
            for &token in sentence {
                out.push(reader.log_prob(token, scratch));
                reader.feed(token);
            }
        };
    match context {
        Context::Stream => {
            let (mut reader, mut scratch) = (model.reader(), vec![0.0; model.vocab_len()]);
            text.sentences().for_each(|s| read(&mut *reader, s, &mut scratch, out));
        }
        Context::Sentence => {
            const BLOCK: usize = 64; // a unit of work comes from the data, not from the number of threads
            let blocks = text.sentence_count().div_ceil(BLOCK);
            let scored: Vec<Vec<f64>> = (0..blocks)
                .into_par_iter()
                .map(|b| {
                    let (mut out, mut scratch) = (Vec::new(), vec![0.0; model.vocab_len()]);
                    for i in b * BLOCK..((b + 1) * BLOCK).min(text.sentence_count()) {
                        read(&mut *model.reader(), text.sentence(i), &mut scratch, &mut out);
                    }
                    out
                })
                .collect();
            scored.iter().for_each(|block| out.extend_from_slice(block));
        }
    }
}
