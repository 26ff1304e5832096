//! Word vectors for the networks: from a file, or trained here.
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Result;
use corpus::{Tokens, Vocab, WordVectors};
use nn::embedding::Embedding;
use nn::skipgram::{self, SkipGram};

/// The table [V, E] of a word2vec or GloVe text file (`.gz` too) for a vocabulary, and how many of its words the file
/// has; the others start at random, from `seed`.
///
/// # Errors
/// Those of [`WordVectors::read`].
pub fn load(path: &Path, vocab: &Vocab, seed: u64) -> Result<(Embedding<f32>, usize)> {
    let file = WordVectors::read(path, vocab)?;
    Ok((Embedding::given(file.width(), file.rows(), seed), file.found()))
}

/// Vectors trained on a text by skip-gram with negative sampling.
///
/// # Errors
/// Those of [`skipgram::train`].
pub fn skip_gram(
    text: &Tokens,
    vocab: &Vocab,
    config: &skipgram::Config,
    listen: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<SkipGram<f32>> {
    let ids: Vec<u32> = text.flat().iter().map(|id| id.0).collect();
    let ends: Vec<usize> = (1..=text.sentence_count())
        .map(|i| text.sentence_start(i - 1) + text.sentence(i - 1).len())
        .collect();
    skipgram::train(&ids, &ends, vocab.len(), config, listen).map_err(|error| match error {
        nn::Error::Interrupted => lm::Error::Interrupted.into(),
        other => other.into(),
    })
}
