//! A corpus ready for models: one vocabulary, three encoded splits.
use std::path::Path;
use std::sync::Arc;

use crate::draft::Draft;
use crate::error::Result;
use crate::input::whole;
use crate::split::{Part, SplitPlan};
use crate::synth::Language;
use crate::tokenizer::Tokenizer;
use crate::tokens::Tokens;
use crate::vocab::{EOS, UNK, Vocab, VocabLimits, reserved};

/// What a model may learn from. There is no test split in reach.
#[derive(Clone, Copy, Debug)]
pub struct TrainSet<'a> {
    /// The closed vocabulary.
    pub vocab: &'a Vocab,
    /// The training text.
    pub train: &'a Tokens,
    /// The validation text: early stopping, held-out weights.
    pub valid: &'a Tokens,
}

/// Which text the vocabulary is counted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VocabScope {
    /// The training split alone: nothing is known of the others.
    #[default]
    Train,
    /// The whole corpus, test included, as some papers do (Bengio et al. 2003 on Brown); it moves perplexity more than
    /// most models do, so [`Corpus::split`] says it.
    Whole,
}

impl VocabScope {
    /// The words of [`Corpus::split`], with a remark where the vocabulary knows the test text.
    pub(crate) fn remark(self, split: String) -> String {
        match self {
            VocabScope::Train => split,
            VocabScope::Whole => {
                format!("{split}; vocabulary counted on the whole corpus, test included")
            }
        }
    }
}

/// How text becomes a corpus.
#[derive(Clone, Copy, Debug, Default)]
pub struct CorpusOptions {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The vocabulary's limits.
    pub limits: VocabLimits,
    /// The text its words are counted on.
    pub scope: VocabScope,
}

/// One vocabulary and three encoded splits.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Its name in records.
    pub name: String,
    /// The vocabulary, made from the training split alone unless [`VocabScope`] says otherwise.
    pub vocab: Vocab,
    /// Training text.
    pub train: Tokens,
    /// Validation text.
    pub valid: Tokens,
    /// Test text.
    pub test: Tokens,
    /// Where the splits come from, in words.
    pub split: String,
    /// The language that the text was generated from, if it was.
    pub language: Option<Arc<Language>>,
}

impl Corpus {
    /// What models may see.
    pub fn train_set(&self) -> TrainSet<'_> {
        TrainSet { vocab: &self.vocab, train: &self.train, valid: &self.valid }
    }

    /// Any UTF-8 text, one sentence a line (`.gz` too; `-` is standard input), split 90/5/5 by [`SplitPlan`].
    /// Blank lines are skipped; the text is read once and never held.
    pub fn from_file(path: &Path, options: CorpusOptions) -> Result<Self> {
        let mut draft = Draft::new(options.tokenizer);
        draft.read(path)?;
        let plan = SplitPlan::checked(path, draft.len())?;
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        draft.finish(&name, plan.to_string(), options, |i| plan.part(i)).checked(path)
    }

    /// Three files, one a split, in the order train, valid, test.
    pub fn from_split_files(name: &str, files: [&Path; 3], options: CorpusOptions) -> Result<Self> {
        let mut draft = Draft::new(options.tokenizer);
        let mut ends = [0; 3];
        for (end, path) in ends.iter_mut().zip(files) {
            draft.read(path)?;
            *end = draft.len();
        }
        draft.finish(name, OWN_FILES.into(), options, |i| part_by_ends(i, ends)).checked(files[0])
    }

    /// From sentences already read, in the order train, valid, test.
    ///
    /// # Panics
    /// Where a sentence holds a literal `<s>` or `</s>`: readers of files refuse them with an error.
    pub fn from_sentences(
        name: &str,
        parts: &[Vec<String>; 3],
        split: String,
        options: CorpusOptions,
    ) -> Self {
        let mut draft = Draft::new(options.tokenizer);
        for sentence in parts.iter().flatten() {
            assert!(reserved(sentence).is_none(), "a reserved word in `{sentence}`");
            draft.push(sentence);
        }
        let valid = parts[0].len() + parts[1].len();
        draft.finish(name, split, options, |i| {
            part_by_ends(i, [parts[0].len(), valid, valid + parts[2].len()])
        })
    }

    /// True for generated text: its figures are labelled SYNTHETIC.
    pub fn synthetic(&self) -> bool {
        self.language.is_some()
    }

    /// Encoded text of a split.
    pub fn part(&self, part: Part) -> &Tokens {
        match part {
            Part::Train => &self.train,
            Part::Valid => &self.valid,
            Part::Test => &self.test,
        }
    }

    /// Refuses a text with nothing to predict.
    pub(crate) fn checked(self, path: &Path) -> Result<Self> {
        let words = self.vocab.words().filter(|w| ![EOS, UNK].contains(w)).count();
        let cure =
            "give a text of at least two different words, or lower the vocabulary's minimum count";
        match words {
            0 | 1 => Err(whole(
                path,
                &format!("a vocabulary of {words} word(s): nothing to predict"),
                cure,
            )),
            _ => Ok(self),
        }
    }
}

/// What [`Corpus::split`] says where a data set comes in three files.
pub(crate) const OWN_FILES: &str = "the data set's own files";

/// The split of sentence `i`, where train, valid and test follow each other and end so.
pub(crate) fn part_by_ends(i: usize, [train, valid, _]: [usize; 3]) -> Part {
    match i {
        _ if i < train => Part::Train,
        _ if i < valid => Part::Valid,
        _ => Part::Test,
    }
}
