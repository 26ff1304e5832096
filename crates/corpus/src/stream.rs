//! Texts larger than memory: a vocabulary counted and sentences encoded block by block, the text never held.
//!
//! Two passes over a file, each parallel within a batch of blocks: [`Vocab::from_file`], then [`Tokens::stream`].
use std::path::Path;

use crate::blocks::{Block, MapBlocks};
use crate::corpus::{Corpus, CorpusOptions};
use crate::draft::Draft;
use crate::error::Result;
use crate::input::Input;
use crate::split::Part;
use crate::tokenizer::Tokenizer;
use crate::tokens::Tokens;
use crate::vocab::{Vocab, VocabBuilder, VocabLimits};

impl Vocab {
    /// Counts every word of a text file; the same vocabulary as from reading it whole.
    ///
    /// # Errors
    /// Where the file is no readable text, or has no word.
    pub fn from_file(path: &Path, tokenizer: Tokenizer, limits: VocabLimits) -> Result<Self> {
        let input = Input::open(path)?;
        let name = input.path.clone();
        let count = move |block: &Block| {
            let mut part = VocabBuilder::default();
            block.sentences(&name, |s| {
                tokenizer.tokens(s, |t| part.add(t));
                part.end_sentence();
            })?;
            Ok(part)
        };
        let mut builder = VocabBuilder::default();
        let mut parts = MapBlocks::new(input, count)?;
        for part in &mut parts {
            builder.merge(part?);
        }
        if builder.is_empty() { Err(parts.blank()) } else { Ok(builder.finish(tokenizer, limits)) }
    }
}

impl Tokens {
    /// The sentences of a text file, encoded, about a megabyte of text at a time, in order. Ends after the first error.
    ///
    /// # Errors
    /// Where the file cannot be opened or is no text; later blocks report their own.
    pub fn stream<'v>(
        path: &Path,
        vocab: &'v Vocab,
    ) -> Result<impl Iterator<Item = Result<Tokens>> + 'v> {
        let input = Input::open(path)?;
        let name = input.path.clone();
        let encode = move |block: &Block| {
            let (mut tokens, mut scratch) = (Tokens::default(), Vec::new());
            block.sentences(&name, |s| vocab.push_sentence(s, &mut scratch, &mut tokens))?;
            Ok(tokens)
        };
        let blocks = MapBlocks::new(input, encode)?;
        Ok(blocks.filter(|block| !matches!(block, Ok(tokens) if tokens.sentence_count() == 0)))
    }

    /// A whole text file with the vocabulary of its words, in one pass: what [`Vocab::from_file`] and
    /// [`Tokens::from_file`] make in two.
    ///
    /// # Errors
    /// Where the file is no readable text, or has no word.
    pub fn with_vocab(
        path: &Path,
        tokenizer: Tokenizer,
        limits: VocabLimits,
    ) -> Result<(Vocab, Self)> {
        let mut draft = Draft::new(tokenizer);
        draft.read(path)?;
        let options = CorpusOptions { tokenizer, limits, ..CorpusOptions::default() };
        let Corpus { vocab, train, .. } = draft.finish("", String::new(), options, |_| Part::Train);
        Ok((vocab, train))
    }

    /// A whole text file, encoded: something to score.
    ///
    /// # Errors
    /// Where the file is no readable text.
    pub fn from_file(path: &Path, vocab: &Vocab) -> Result<Self> {
        let mut all = Tokens::default();
        for block in Tokens::stream(path, vocab)? {
            all.append(&block?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn one_pass_makes_what_two_make() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for i in 0..90_000u64 {
            let (a, b) = (i * i % 997, i * 7919 % 10_007);
            writeln!(file, "the w{a} é{b}{}", if i % 5 == 0 { " <unk>\n" } else { "" }).unwrap();
        }
        for limits in [VocabLimits::default(), VocabLimits { min_count: 9, max_size: 500 }] {
            let (vocab, text) = Tokens::with_vocab(file.path(), Tokenizer::Space, limits).unwrap();
            let twice = Vocab::from_file(file.path(), Tokenizer::Space, limits).unwrap();
            assert_eq!(vocab.fingerprint(), twice.fingerprint());
            assert!((0..vocab.len()).all(|w| {
                let id = crate::TokenId(w as u32);
                vocab.count(id) == twice.count(id)
            }));
            assert_eq!(text, Tokens::from_file(file.path(), &twice).unwrap());
        }
    }
}
