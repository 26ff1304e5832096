//! A corpus in the making: text read once, words numbered as they come, the vocabulary closed at the end.
//!
//! One pass serves files, archives and streams alike. Each block of lines numbers its own words in parallel; the blocks'
//! numbers are merged in block order, so the result is the same for any number of threads. Memory: 4 bytes a token
//! and 12 a sentence beside the vocabulary, never the text.
use std::path::Path;

use rayon::prelude::*;

use crate::blocks::{Block, MapBlocks};
use crate::corpus::{Corpus, CorpusOptions, VocabScope};
use crate::error::Result;
use crate::input::Input;
use crate::interner::Interner;
use crate::split::Part;
use crate::tokenizer::Tokenizer;
use crate::tokens::{TokenId, Tokens};
use crate::vocab::{DRAFT_EOS, close, draft_words};

/// Sentences with provisional ids.
pub(crate) struct Draft {
    tokenizer: Tokenizer,
    words: Interner,
    ids: Vec<TokenId>,
    /// Where each sentence ends in `ids`, and its bytes as text, newline included.
    sentences: Vec<(usize, u32)>,
}

impl Draft {
    pub(crate) fn new(tokenizer: Tokenizer) -> Self {
        Self { tokenizer, words: draft_words(), ids: Vec::new(), sentences: Vec::new() }
    }

    /// Adds a sentence, which holds no reserved word.
    pub(crate) fn push(&mut self, sentence: &str) {
        let Self { words, ids, .. } = self;
        self.tokenizer.tokens(sentence, |t| ids.push(TokenId(words.intern(t))));
        ids.push(TokenId(DRAFT_EOS));
        self.sentences.push((ids.len(), sentence.len() as u32 + 1));
    }

    /// Adds the non-blank lines of a text file.
    pub(crate) fn read(&mut self, path: &Path) -> Result<()> {
        let input = Input::open(path)?;
        let (name, tokenizer) = (input.path.clone(), self.tokenizer);
        let before = self.sentences.len();
        let number = move |block: &Block| {
            let mut part = Draft::new(tokenizer);
            block.sentences(&name, |s| part.push(s)).map(|()| part)
        };
        let mut parts = MapBlocks::new(input, number)?;
        for part in &mut parts {
            self.append(&part?);
        }
        if self.sentences.len() == before { Err(parts.blank()) } else { Ok(()) }
    }

    fn append(&mut self, part: &Draft) {
        let known: Vec<TokenId> =
            part.words.words().map(|w| TokenId(self.words.intern(w))).collect();
        let offset = self.ids.len();
        self.ids.extend(part.ids.iter().map(|id| known[id.index()]));
        self.sentences.extend(part.sentences.iter().map(|&(end, bytes)| (offset + end, bytes)));
    }

    /// How many sentences.
    pub(crate) fn len(&self) -> usize {
        self.sentences.len()
    }

    /// How many words (no `</s>`) stand before each sentence.
    pub(crate) fn words_before(&self) -> impl Iterator<Item = usize> {
        let ends = self.sentences.iter().enumerate().map(|(i, &(end, _))| end - i - 1);
        std::iter::once(0).chain(ends).take(self.sentences.len())
    }

    /// Closes the vocabulary and deals the sentences; `part` says to which split sentence `i` belongs.
    pub(crate) fn finish(
        self,
        name: &str,
        split: String,
        options: CorpusOptions,
        part: impl Fn(usize) -> Part,
    ) -> Corpus {
        let Self { tokenizer, words, mut ids, sentences } = self;
        let mut counts = vec![0u64; words.len()];
        let mut start = 0;
        for (i, &(end, _)) in sentences.iter().enumerate() {
            if options.scope == VocabScope::Whole || part(i) == Part::Train {
                ids[start..end].iter().for_each(|id| counts[id.index()] += 1);
            }
            start = end;
        }
        let (vocab, known) = close(&words, &counts, tokenizer, options.limits);
        drop(words);
        ids.par_chunks_mut(1 << 16)
            .for_each(|chunk| chunk.iter_mut().for_each(|id| *id = known[id.index()]));

        // Training text moves to the front of the buffer it is in: no second copy of the largest part.
        let (mut ends, mut bytes, mut valid, mut test) =
            (Vec::new(), 0, Tokens::default(), Tokens::default());
        let (mut start, mut kept) = (0, 0);
        for (i, &(end, length)) in sentences.iter().enumerate() {
            match part(i) {
                Part::Train => {
                    if kept < start {
                        ids.copy_within(start..end, kept);
                    }
                    kept += end - start;
                    ends.push(kept);
                    bytes += u64::from(length);
                }
                Part::Valid => valid.push_sentence(&ids[start..end], u64::from(length)),
                Part::Test => test.push_sentence(&ids[start..end], u64::from(length)),
            }
            start = end;
        }
        ids.truncate(kept);
        ids.shrink_to_fit();
        Corpus {
            name: name.into(),
            vocab,
            train: Tokens::from_parts(ids, ends, bytes),
            valid,
            test,
            split: options.scope.remark(split),
            language: None,
        }
    }
}
