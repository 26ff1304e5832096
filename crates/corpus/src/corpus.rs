//! A corpus ready for models: one vocabulary, three encoded splits.
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::lines::Lines;
use crate::split::{Part, SplitPlan};
use crate::synth::{Language, Sentences};
use crate::tokenizer::Tokenizer;
use crate::tokens::{TokenId, Tokens};
use crate::vocab::{BOS, EOS, Vocab, VocabBuilder, VocabLimits};

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

/// How text becomes a corpus.
#[derive(Clone, Copy, Debug, Default)]
pub struct CorpusOptions {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The vocabulary's limits.
    pub limits: VocabLimits,
}

/// One vocabulary and three encoded splits.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Its name in records.
    pub name: String,
    /// The vocabulary, made from the training split alone.
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

    /// Any UTF-8 text, one sentence a line (`.gz` too), split 90/5/5 by [`SplitPlan`].
    pub fn from_file(path: &Path, options: CorpusOptions) -> Result<Self> {
        let mut sentences = Vec::new();
        read_sentences(Lines::open(path)?, options.tokenizer, &mut sentences)?;
        if sentences.len() < 20 {
            let what = format!(
                "{} sentence(s) (lines with text): too few for three splits",
                sentences.len()
            );
            let cure = "give at least 20 lines of text, one sentence a line";
            return Err(Error::File { path: path.into(), what, cure });
        }
        let plan = SplitPlan::new(sentences.len());
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for (i, sentence) in sentences.into_iter().enumerate() {
            parts[plan.part(i) as usize].push(sentence);
        }
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let corpus = Self::from_sentences(&name, &parts, plan.to_string(), options);
        corpus.check(path)?;
        Ok(corpus)
    }

    /// Three files, one a split.
    pub fn from_split_files(name: &str, files: [&Path; 3], options: CorpusOptions) -> Result<Self> {
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for (part, path) in parts.iter_mut().zip(files) {
            read_sentences(Lines::open(path)?, options.tokenizer, part)?;
        }
        let corpus = Self::from_sentences(name, &parts, "the data set's own files".into(), options);
        corpus.check(files[0])?;
        Ok(corpus)
    }

    /// From sentences already read, in the order train, valid, test.
    pub fn from_sentences(
        name: &str,
        parts: &[Vec<String>; 3],
        split: String,
        options: CorpusOptions,
    ) -> Self {
        let mut builder = VocabBuilder::default();
        for sentence in &parts[0] {
            options.tokenizer.tokens(sentence, &mut |t| builder.add(t));
            builder.end_sentence();
        }
        let vocab = builder.finish(options.tokenizer, options.limits);
        let encode = |part: &Vec<String>| {
            let (mut tokens, mut scratch) = (Tokens::default(), Vec::new());
            part.iter().for_each(|s| vocab.push_sentence(s, &mut scratch, &mut tokens));
            tokens
        };
        let [train, valid, test] = [encode(&parts[0]), encode(&parts[1]), encode(&parts[2])];
        Self { name: name.into(), vocab, train, valid, test, split, language: None }
    }

    /// About `tokens` tokens generated from a seed, split 90/5/5 by [`SplitPlan`]: the same corpus as the text that
    /// [`write_text`](crate::synth::write_text) writes gives when it is read by [`from_file`](Self::from_file).
    pub fn from_language(
        language: Arc<Language>,
        seed: u64,
        tokens: u64,
        options: CorpusOptions,
    ) -> Result<Self> {
        let sentences = language.sentences(seed, tokens);
        if sentences.len() < 20 {
            let what = format!(
                "{tokens} tokens are {} sentence(s): too few for three splits",
                sentences.len()
            );
            let cure = "ask for 10000 tokens or more";
            return Err(Error::File {
                path: format!("generated text `{}`", language.name()).into(),
                what,
                cure,
            });
        }
        let plan = SplitPlan::new(sentences.len());
        let split = format!("generated with seed {seed}; {plan}");
        let mut corpus = if options.tokenizer == Tokenizer::Space {
            Self::from_forms(&language, &sentences, plan, options)
        } else {
            let mut parts = [Vec::new(), Vec::new(), Vec::new()];
            for (i, sentence) in sentences.iter().enumerate() {
                parts[plan.part(i) as usize].push(language.text(sentence));
            }
            Self::from_sentences(language.name(), &parts, String::new(), options)
        };
        (corpus.split, corpus.language) = (split, Some(language));
        Ok(corpus)
    }

    /// Words are counted and numbered as forms: no text is made.
    fn from_forms(
        language: &Language,
        sentences: &Sentences,
        plan: SplitPlan,
        options: CorpusOptions,
    ) -> Self {
        let (mut counts, mut builder) = (vec![0u64; language.len()], VocabBuilder::default());
        for (_, sentence) in
            sentences.iter().enumerate().filter(|(i, _)| plan.part(*i) == Part::Train)
        {
            sentence.iter().for_each(|f| counts[f.index()] += 1);
            builder.end_sentence();
        }
        language
            .forms()
            .zip(&counts)
            .filter(|c| *c.1 > 0)
            .for_each(|(form, &count)| builder.add_many(form, count));
        let vocab = builder.finish(options.tokenizer, options.limits);
        let ids: Vec<TokenId> = language.forms().map(|form| vocab.id(form)).collect();
        let (mut parts, mut scratch) =
            ([Tokens::default(), Tokens::default(), Tokens::default()], Vec::new());
        for (i, sentence) in sentences.iter().enumerate() {
            scratch.clear();
            scratch.extend(sentence.iter().map(|f| ids[f.index()]));
            scratch.push(vocab.eos());
            let bytes: usize = sentence.iter().map(|&f| language.form(f).len() + 1).sum();
            parts[plan.part(i) as usize].push_sentence(&scratch, bytes as u64);
        }
        let [train, valid, test] = parts;
        Self {
            name: language.name().into(),
            vocab,
            train,
            valid,
            test,
            split: String::new(),
            language: None,
        }
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

    fn check(&self, path: &Path) -> Result<()> {
        let words = self.vocab.words().filter(|w| ![EOS, crate::UNK].contains(w)).count();
        let cure = "give a text of at least two different words, or lower --min-count";
        match words {
            0 | 1 => Err(Error::File {
                path: path.into(),
                what: format!("a vocabulary of {words} word(s): nothing to predict"),
                cure,
            }),
            _ => Ok(()),
        }
    }
}

/// Reads the non-blank lines of a text; literal `<s>` and `</s>` are refused.
pub(crate) fn read_sentences(
    mut lines: Lines,
    tokenizer: Tokenizer,
    out: &mut Vec<String>,
) -> Result<()> {
    let before = out.len();
    while let Some(line) = lines.next_line()? {
        if line.text.trim().is_empty() {
            continue;
        }
        let mut reserved = None;
        if line.text.contains(BOS) || line.text.contains(EOS) {
            tokenizer.tokens(line.text, &mut |t| {
                if t == BOS || t == EOS {
                    reserved = Some(t.to_owned());
                }
            });
        }
        if let Some(word) = reserved {
            let at = line.byte + line.text.find(&word).unwrap_or(0) as u64;
            let cure = "sentence marks are added by the suite: remove them from the text";
            return Err(lines.bad(at, &format!("the reserved word `{word}`"), cure));
        }
        out.push(line.text.to_owned());
    }
    if out.len() == before {
        let cure = "give a text with at least one word";
        return Err(Error::File {
            path: lines.path().into(),
            what: "no text in this file".into(),
            cure,
        });
    }
    Ok(())
}
