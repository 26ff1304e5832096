//! Labelled data: typed readers for the formats that the applications train on.
//!
//! | format | one item | reader |
//! |---|---|---|
//! | `word/tag word/tag …`, a sentence a line | [`TaggedSentence`] | [`slash_tagged`] |
//! | CoNLL-U, ten columns | [`TaggedSentence`] of FORM and UPOS | [`conllu`] |
//! | `token TAB tag`, a token a line | [`TaggedSentence`] | [`token_tags`] |
//! | two files, line by line translations | [`Pair`] | [`parallel`] |
//! | one file a class, a sentence a line | [`Classified`] | [`classes`] |
//!
//! Each reads through [`Lines`], so what is true of a text is true here; each error names file, line and byte.
mod conllu;
mod plain;
mod slash;
mod token_tags;

pub use conllu::conllu;
pub use plain::{Classified, Pair, classes, parallel};
pub use slash::slash_tagged;
pub use token_tags::token_tags;

use crate::error::{Error, Result};
use crate::lines::Lines;

/// A sentence of `(word, tag)`; never empty, and neither is a word or a tag.
pub type TaggedSentence = Vec<(String, String)>;

fn some<T>(items: Vec<T>, lines: &Lines) -> Result<Vec<T>> {
    if items.is_empty() {
        let cure = "give a file with at least one sentence";
        return Err(Error::File {
            path: lines.path().into(),
            what: "no sentence in this file".into(),
            cure,
        });
    }
    Ok(items)
}
