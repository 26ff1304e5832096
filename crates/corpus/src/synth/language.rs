//! A compiled grammar: the exact distribution that generation draws from and the oracle computes with.
//!
//! p(sentence) = Σ_z p(z) Π p(move | stack) · p(class | slot, outer, last, number, z) · p(number) · p(word | class, z)
//!
//! with z the sentence's topic. Everything but z, and the number of a word whose two forms are one, can be read off the
//! words; all factors are whole multiples of 2^-32, so the same numbers stand in the generator and in the oracle.
use std::ops::Range;
use std::path::Path;

use super::alias::AliasRows;
use super::compile::compile;
use super::expand::Moves;
use super::live::Live;
use super::number::{Number, Scope};
use crate::error::{Error, Result};

/// A word form of a language; the number [`Language::len`] stands for the end of the sentence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct FormId(pub u32);

impl FormId {
    /// As an index.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where words come from: a category, or one literal word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub name: String,
    pub marks: bool,
    pub classes: Range<u16>,
    /// Class + 1 → column.
    pub outer_of: Vec<u16>,
    pub last_of: Vec<u16>,
    pub lasts: usize,
    /// 3 where classes of a fixed number compete (open, singular, plural), else 1.
    pub numbers: usize,
    /// Rows: (outer, last, number, topic).
    pub table: AliasRows,
    /// p: (outer, last, number, class, topic).
    pub p: Vec<f64>,
    pub topics: usize,
}

impl Slot {
    #[inline]
    fn context(&self, scope: &Scope) -> usize {
        let (outer, last) =
            (self.outer_of[usize::from(scope.outer)], self.last_of[usize::from(scope.last)]);
        let number = if self.numbers == 1 { 0 } else { scope.number.map_or(0, |n| 1 + n.index()) };
        (usize::from(outer) * self.lasts + usize::from(last)) * self.numbers + number
    }

    /// Draws a class.
    #[inline]
    pub(crate) fn draw(&self, scope: &Scope, topic: usize, bits: u64) -> u16 {
        self.classes.start + self.table.draw(self.context(scope) * self.topics + topic, bits) as u16
    }

    /// p(class | registers, topic) of every topic.
    #[inline]
    pub(crate) fn p(&self, scope: &Scope, class: u16) -> &[f64] {
        let at = (self.context(scope) * self.classes.len()
            + usize::from(class - self.classes.start))
            * self.topics;
        &self.p[at..at + self.topics]
    }
}

/// How words of a class relate to number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inflection {
    /// Not at all.
    None,
    /// All words set this number.
    Fixed(Number),
    /// Two forms; where the number is open, the plural has weight `plural` of 2^32.
    Both { plural: u64 },
}

/// A semantic class.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub name: String,
    pub inflection: Inflection,
    /// Singular and plural form of each lemma (the same one where it does not inflect).
    pub forms: Vec<[FormId; 2]>,
    /// Rows: topics.
    pub words: AliasRows,
    /// p: (lemma, topic).
    pub p: Vec<f64>,
}

/// One way to read a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub slot: u16,
    pub class: u16,
    pub lemma: u16,
    pub number: Option<Number>,
}

/// A language: grammar, lexicon and their exact distribution.
#[derive(Clone)]
pub struct Language {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) mean_sentence: f64,
    pub(crate) topics: Vec<String>,
    pub(crate) prior: Vec<f64>,
    pub(crate) topic_alias: AliasRows,
    pub(crate) moves: Moves,
    pub(crate) live: Live,
    pub(crate) slots: Vec<Slot>,
    pub(crate) classes: Vec<Class>,
    pub(crate) forms: Vec<String>,
    pub(crate) readings: Vec<Vec<Reading>>,
}

/// Grammars in the binary: name and text.
const EMBEDDED: [(&str, &str); 3] = [
    ("synth", include_str!("../../../../datasets/synth/synth.toml")),
    ("tiny", include_str!("../../../../datasets/synth/tiny.toml")),
    ("agreement", include_str!("../../../../datasets/synth/agreement.toml")),
];

impl Language {
    /// The names of the embedded languages, the default one first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|e| e.0)
    }

    /// An embedded language by name.
    pub fn embedded(name: &str) -> Result<Self> {
        let Some((_, text)) = EMBEDDED.iter().find(|e| e.0 == name) else {
            let cure = "name an embedded grammar, or the path of a grammar file";
            return Err(Error::Unknown {
                what: "language",
                name: name.into(),
                nearest: Some(EMBEDDED[0].0.into()),
                cure,
            });
        };
        compile(Path::new(&format!("datasets/synth/{name}.toml")), text)
    }

    /// A grammar file.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
        let text = String::from_utf8(bytes).map_err(|e| Error::File {
            path: path.into(),
            what: format!("byte {} is not UTF-8", e.utf8_error().valid_up_to()),
            cure: "save the grammar as UTF-8",
        })?;
        compile(path, &text)
    }

    /// From the text of a grammar file; `path` stands in messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        compile(path, text)
    }

    /// Its name in records.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One line for lists.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// How many word forms there are.
    pub fn len(&self) -> usize {
        self.forms.len()
    }

    /// Never: a grammar without words is refused.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The end of the sentence as a [`FormId`].
    pub fn end(&self) -> FormId {
        FormId(self.forms.len() as u32)
    }

    /// A form as text.
    pub fn form(&self, id: FormId) -> &str {
        &self.forms[id.index()]
    }

    /// A sentence as text.
    pub fn text(&self, sentence: &[FormId]) -> String {
        sentence.iter().map(|&f| self.form(f)).collect::<Vec<_>>().join(" ")
    }

    /// The forms in order of their ids.
    pub fn forms(&self) -> impl ExactSizeIterator<Item = &str> {
        self.forms.iter().map(String::as_str)
    }

    /// The names of the topics.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = &str> {
        self.topics.iter().map(String::as_str)
    }

    /// Expected words a sentence (the end not counted).
    pub fn mean_sentence(&self) -> f64 {
        self.mean_sentence
    }

    /// Values and bytes of the compiled distribution.
    pub fn size(&self) -> (usize, usize) {
        let (mut values, mut bytes) = self.moves.size();
        for slot in &self.slots {
            values += slot.p.len();
            bytes += slot.p.len() * size_of::<f64>() + slot.table.bytes();
        }
        for class in &self.classes {
            values += class.p.len();
            bytes += class.p.len() * size_of::<f64>()
                + class.words.bytes()
                + class.forms.len() * size_of::<[FormId; 2]>();
        }
        bytes += self.readings.iter().map(|r| size_of_val(&r[..])).sum::<usize>();
        (values, bytes + self.forms.iter().map(String::len).sum::<usize>())
    }

    #[inline]
    pub(crate) fn readings(&self, form: FormId) -> &[Reading] {
        &self.readings[form.index()]
    }

    /// The cell a sentence starts from.
    #[inline]
    pub(crate) fn start(&self) -> u16 {
        self.moves.cells.len() as u16 - 1
    }
}

impl std::fmt::Debug for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Language")
            .field("name", &self.name)
            .field("forms", &self.forms.len())
            .finish_non_exhaustive()
    }
}
