//! From `--corpus` to a [`Corpus`]: a data set, a file, or the embedded language.
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use corpus::dataset::DataSet;
use corpus::synth::Language;
use corpus::{Corpus, CorpusOptions, TokenId, Tokenizer, Tokens, Vocab, VocabLimits, VocabScope};
use sha2::{Digest, Sha256};

use crate::cli::TextArgs;
use crate::error::{Failure, nearest};
use crate::registry::Preset;

/// The seed of generated text: `--seed` moves the models, not the text they are compared on.
pub const DATA_SEED: u64 = 1;

/// Loads what `--corpus` names.
pub fn load(name: &str, args: TextArgs, preset: Preset) -> Result<Corpus> {
    let options = options(name, args);
    if Language::names().any(|n| n == name) {
        let language = Arc::new(Language::embedded(name)?);
        return Ok(Corpus::from_language(
            language,
            DATA_SEED,
            args.tokens.unwrap_or(generated(preset)),
            options,
        )?);
    }
    if args.tokens.is_some() {
        return Err(Failure::Usage(
            "--tokens is the length of generated text; a file has its own".into(),
        )
        .into());
    }
    if DataSet::all().iter().any(|d| d.name == name) {
        return Ok(corpus::dataset::load(name, options)?);
    }
    let path = Path::new(name);
    if name != "-" && !path.exists() && path.components().count() == 1 && path.extension().is_none()
    {
        let names = DataSet::all().iter().map(|d| d.name.as_str()).chain(Language::names());
        let near =
            nearest(name, names).map(|n| format!(", did you mean `{n}`?")).unwrap_or_default();
        let message = format!(
            "unknown corpus `{name}`{near}; it is no data set (`harness data list` shows them) and no file"
        );
        return Err(Failure::Usage(message).into());
    }
    if path.extension().is_some_and(|e| e == "toml") {
        let language = Arc::new(Language::load(path)?);
        return Ok(Corpus::from_language(language, DATA_SEED, generated(preset), options)?);
    }
    Ok(Corpus::from_file(path, options)?)
}

/// Tokens of generated text by preset.
fn generated(preset: Preset) -> u64 {
    match preset {
        Preset::Quick => 60_000,
        Preset::Default => 300_000,
        Preset::Full => 4_000_000,
    }
}

/// The data set's own rules where there are some, then what the user asked for.
pub fn options(name: &str, args: TextArgs) -> CorpusOptions {
    let own = DataSet::all().iter().find(|d| d.name == name).map(DataSet::options);
    let generated = Language::names().any(|n| n == name) || name.ends_with(".toml");
    let base = own.unwrap_or(CorpusOptions {
        tokenizer: if generated { Tokenizer::Space } else { Tokenizer::Words { lowercase: false } },
        limits: VocabLimits { min_count: 2, max_size: 0 },
        scope: VocabScope::Train,
    });
    CorpusOptions {
        tokenizer: args.tokenizer.unwrap_or(base.tokenizer),
        limits: VocabLimits {
            min_count: args.min_count.unwrap_or(base.limits.min_count),
            max_size: args.max_vocab.map_or(base.limits.max_size, |n| n as usize),
        },
        scope: args.vocab_scope.map_or(base.scope, Into::into),
    }
}

/// The rule that closed the vocabulary, in words.
pub fn vocab_rule(name: &str, args: TextArgs) -> String {
    let options = options(name, args);
    let at_least = match options.limits.min_count {
        0 | 1 => "every word".to_owned(),
        n => format!("words that occur {n} times or more"),
    };
    let whose = match options.scope {
        VocabScope::Train => "of the training text",
        VocabScope::Whole => "of the whole corpus, test included",
    };
    let at_most = match options.limits.max_size {
        0 => String::new(),
        n => format!(", the {n} most frequent"),
    };
    format!("{at_least} {whose}{at_most}")
}

/// A text in the ids of another vocabulary: the same words, those that it lacks as `<unk>`.
pub fn translated(text: &Tokens, from: &Vocab, to: &Vocab) -> Tokens {
    let id_of: Vec<TokenId> = from.words().map(|word| to.id(word)).collect();
    let (mut out, mut sentence) = (Tokens::default(), Vec::new());
    for ids in text.sentences() {
        sentence.clear();
        sentence.extend(ids.iter().map(|id| id_of[id.index()]));
        // the bytes of single sentences are not known: those of the text stand at its first
        let bytes = if out.sentence_count() == 0 { text.bytes() } else { 0 };
        out.push_sentence(&sentence, bytes);
    }
    out
}

/// SHA-256 of the encoded text: two rows with the same sum were scored on the same targets.
pub fn sha256(text: &Tokens) -> String {
    let mut hash = Sha256::new();
    for sentence in text.sentences() {
        hash.update((sentence.len() as u64).to_le_bytes());
        sentence.iter().for_each(|id| hash.update(id.0.to_le_bytes()));
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
