//! Text to token ids. Knows no model.
//!
//! `file → lines → Tokenizer → Vocab → Tokens → TrainSet`: a [`Corpus`] is one vocabulary and the three
//! encoded splits; models see a [`TrainSet`], which has no test split in reach.
mod corpus;
mod error;
mod lines;
mod split;
pub mod synth;
mod tokenizer;
mod tokens;
mod vocab;

pub use corpus::{Corpus, CorpusOptions, TrainSet};
pub use error::{Error, Kind, Result};
pub use lines::{Line, Lines};
pub use split::{Part, SplitPlan};
pub use tokenizer::Tokenizer;
pub use tokens::{TokenId, Tokens};
pub use vocab::{BOS, EOS, UNK, Vocab, VocabBuilder, VocabLimits};
