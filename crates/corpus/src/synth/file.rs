//! The grammar file (TOML), as it is written.
use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::number::Number;
use crate::error::{Error, Result};

/// A map in key order: what is compiled does not depend on the order of the file.
pub(crate) type Map<T> = BTreeMap<String, T>;

/// A grammar file. Weights are relative, not negative.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrammarFile {
    /// Name of the language in records.
    pub name: String,
    /// One line for lists.
    pub about: String,
    /// The rule of a sentence.
    pub start: String,
    /// How often `^` may nest.
    pub depth: u8,
    /// Seed of the pseudo-words.
    pub form_seed: u64,
    /// Prior weight of each topic.
    pub topics: Map<f64>,
    /// What pseudo-words are made of.
    pub syllables: Syllables,
    /// Parts of speech.
    pub categories: Map<Category>,
    /// Selectional preferences.
    #[serde(default)]
    pub preference: Vec<Preference>,
    /// Right-hand sides with their weights.
    pub rules: Map<Map<f64>>,
}

/// Parts of a syllable.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Syllables {
    /// Consonants that begin one.
    pub onset: Vec<String>,
    /// Vowels.
    pub nucleus: Vec<String>,
    /// Consonants that end a stem.
    pub coda: Vec<String>,
}

/// A part of speech.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Category {
    /// Endings of the singular and the plural form; none: the words do not inflect.
    pub endings: Option<[String; 2]>,
    /// Probability of the plural where nothing has decided the number.
    #[serde(default)]
    pub plural: f64,
    /// Whether later words of the phrase look at this word's class.
    #[serde(default)]
    pub marks: bool,
    /// q of the Zipf weight 1 / (rank + q), rank from 1.
    #[serde(default)]
    pub zipf: f64,
    /// Words of the sentence's topic are so many times as likely.
    #[serde(default = "one")]
    pub topical: f64,
    /// Every n-th word has one form for both numbers; 0: none.
    #[serde(default)]
    pub invariant: usize,
    /// Fewest and most syllables of a stem.
    #[serde(default = "syllables")]
    pub syllables: [usize; 2],
    /// Semantic classes.
    pub classes: Map<Class>,
}

/// A semantic class.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    /// Weight within the category.
    #[serde(default = "one")]
    pub weight: f64,
    /// Factors of the weight under some topics.
    #[serde(default)]
    pub topics: Map<f64>,
    /// How many pseudo-words.
    #[serde(default)]
    pub lemmas: usize,
    /// Or the words themselves: "form", or "singular/plural" where the category inflects.
    #[serde(default)]
    pub words: Vec<String>,
    /// The number that a word of this class sets.
    pub number: Option<Number>,
}

/// How one category's class shifts the classes of another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preference {
    /// The category that was seen.
    pub from: String,
    /// The category whose classes are weighted.
    pub to: String,
    /// Where it was seen.
    pub through: Through,
    /// Factor of the classes that are not listed.
    pub otherwise: f64,
    /// Seen class → factors.
    pub likes: Map<Map<f64>>,
}

/// Where the class that prefers was seen.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Through {
    /// The last marking word of the same scope.
    Last,
    /// The last marking word of the scope around.
    Outer,
}

fn one() -> f64 {
    1.0
}

fn syllables() -> [usize; 2] {
    [2, 3]
}

impl GrammarFile {
    /// Parses a file's text; `path` is for messages.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| {
            let byte = e.span().map_or(0, |s| s.start).min(text.len());
            Error::Line {
                path: path.into(),
                line: text.as_bytes()[..byte].iter().filter(|&&b| b == b'\n').count() as u64 + 1,
                byte: byte as u64,
                what: e.message().trim_end().replace('\n', ", "),
                cure: "see the comments in the embedded grammar, datasets/synth/synth.toml",
            }
        })
    }
}
