//! From `--corpus` to a [`Corpus`]: a data set, a file, or the embedded language.
use std::path::Path;

use anyhow::Result;
use corpus::{Corpus, CorpusOptions, Tokenizer, Tokens, VocabLimits};
use sha2::{Digest, Sha256};

use crate::cli::TextArgs;
use crate::registry::Preset;

/// The name of the embedded language on the command line.
pub const EMBEDDED: &str = "synth";
