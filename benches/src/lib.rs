//! What the criterion benches of `benches/benches/` share.
use std::sync::Arc;

use corpus::synth::Language;
use corpus::{Corpus, CorpusOptions};

/// The embedded language with so many tokens: the same text for every bench and machine.
///
/// # Panics
/// If the embedded grammar is broken: a bug.
pub fn corpus_of(tokens: u64) -> Corpus {
    let language = Language::embedded("synth").expect("the grammar is embedded");
    Corpus::from_language(Arc::new(language), 1, tokens, CorpusOptions::default())
        .expect("enough tokens")
}
