//! Text to token ids. Knows no model.
//!
//! `file → lines → Tokenizer → Vocab → Tokens → TrainSet`: a [`Corpus`] is one vocabulary and the three
//! encoded splits; models see a [`TrainSet`], which has no test split in reach.
mod blocks;
mod corpus;
pub mod dataset;
mod draft;
mod error;
pub mod fetch;
mod input;
mod interner;
pub mod labelled;
mod lines;
mod split;
mod stream;
pub mod synth;
#[doc(hidden)]
pub mod testing;
mod tokenizer;
mod tokens;
mod vectors;
mod vocab;
mod vocab_file;
pub mod whole_file;

pub use corpus::{Corpus, CorpusOptions, TrainSet, VocabScope};
pub use dataset::DataSet;
pub use error::{Error, Kind, Result};
pub use input::open_text;
pub use lines::{Line, Lines};
pub use split::{Part, SplitPlan};
pub use tokenizer::Tokenizer;
pub use tokens::{TokenId, Tokens};
pub use vectors::{WordVectors, write_vectors};
pub use vocab::{BOS, EOS, UNK, Vocab, VocabBuilder, VocabLimits};
