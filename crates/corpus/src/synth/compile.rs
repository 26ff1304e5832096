//! From a grammar file to a [`Language`]: names become numbers, weights become exact distributions.
use std::path::Path;

use hashbrown::HashMap;

use super::alias::{AliasRows, UNIT, quantise};
use super::classes::{add_category, class_tables};
use super::expand::{Cell, Moves};
use super::file::{Category, GrammarFile, Map, Preference};
use super::language::{Class, FormId, Language, Reading, Slot};
use super::lexicon::Maker;
use super::live::Live;
use super::number::Mode;
use super::rules::{self, Kind};
use crate::error::{Error, Result};

/// Topics at most.
pub(crate) const MAX_TOPICS: usize = 16;

/// Where errors of a grammar are reported.
pub(crate) struct Fault<'a> {
    pub path: &'a Path,
}

impl Fault<'_> {
    /// An error at a key of the file.
    pub(crate) fn at(&self, key: &str, what: String, cure: &'static str) -> Error {
        Error::File { path: self.path.into(), what: format!("{key}: {what}"), cure }
    }

    /// A weight must be a number from 0 to 1e6.
    pub(crate) fn weight(&self, key: &str, weight: f64) -> Result<f64> {
        if (0.0..=1e6).contains(&weight) {
            return Ok(weight);
        }
        Err(self.at(key, format!("a weight of {weight}"), "write a number from 0 to 1000000"))
    }

    /// A probability.
    pub(crate) fn probability(&self, key: &str, p: f64) -> Result<f64> {
        if (0.0..=1.0).contains(&p) {
            Ok(p)
        } else {
            Err(self.at(key, format!("{p} is no probability"), "write a number from 0 to 1"))
        }
    }

    /// The number of a name in a list.
    pub(crate) fn find(&self, key: &str, names: &[String], name: &str) -> Result<usize> {
        let unknown = || {
            self.at(
                key,
                format!("`{name}` is not defined in this file"),
                "define it, or mend the spelling",
            )
        };
        names.iter().position(|n| n == name).ok_or_else(unknown)
    }
}

/// What is compiled so far.
#[derive(Default)]
pub(crate) struct Parts {
    pub slots: Vec<Slot>,
    pub classes: Vec<Class>,
    forms: Vec<String>,
    pub readings: Vec<Vec<Reading>>,
    index: HashMap<String, FormId, foldhash::fast::FixedState>,
}

impl Parts {
    /// The number of a form, new or known.
    pub(crate) fn form(&mut self, word: &str) -> FormId {
        if let Some(&id) = self.index.get(word) {
            return id;
        }
        let id = FormId(self.forms.len() as u32);
        self.index.insert(word.to_owned(), id);
        self.forms.push(word.to_owned());
        self.readings.push(Vec::new());
        id
    }
}

/// Compiles the text of a grammar file; `path` is for messages.
pub(crate) fn compile(path: &Path, text: &str) -> Result<Language> {
    let file = GrammarFile::parse(path, text)?;
    let fault = Fault { path };
    let topics: Vec<String> = file.topics.keys().cloned().collect();
    if topics.is_empty() || topics.len() > MAX_TOPICS {
        return Err(fault.at("topics", format!("{} topics", topics.len()), "list 1 to 16 topics"));
    }
    let prior = topic_weights(&file.topics, &fault)?;
    let literals = rules::literals(&file.rules);
    let mut parts = Parts::default();
    let unquoted = literals.iter().map(|l| l.trim_matches('\'').to_owned());
    let mut maker = Maker::new(&file.syllables, file.form_seed, unquoted, &fault)?;
    for (name, category) in &file.categories {
        add_category(name, category, &topics, &mut maker, &mut parts, &fault)?;
    }
    let fixed = literal_category();
    for word in &literals {
        let mut category = fixed.clone();
        let text = word.trim_matches('\'');
        category.classes.values_mut().for_each(|c| c.words = vec![text.to_owned()]);
        let classes = std::mem::take(&mut category.classes);
        category.classes = classes.into_values().map(|c| (word.clone(), c)).collect();
        add_category(word, &category, &topics, &mut maker, &mut parts, &fault)?;
    }
    let class_names: Vec<String> = parts.classes.iter().map(|c| c.name.clone()).collect();
    let preferences = file
        .preference
        .iter()
        .map(|p| check_preference(p, &file, &class_names, &fault))
        .collect::<Result<Vec<_>>>()?;
    for slot in 0..parts.slots.len() {
        class_tables(slot, &file, &preferences, &topics, &mut parts, &fault)?;
    }
    let slot_names: Vec<String> = parts.slots.iter().map(|s| s.name.clone()).collect();
    let rules = rules::parse(&file.rules, &slot_names, &fault)?;
    let rule_names: Vec<String> = rules.iter().map(|r| r.name.clone()).collect();
    let start = fault.find("start", &rule_names, &file.start)? as u16;
    if file.depth > 16 {
        return Err(fault.at("depth", format!("{} levels", file.depth), "write 16 or less"));
    }
    let mut moves = Moves::new(&rules, file.depth, &fault)?;
    if moves.of(start, 0).iter().any(|one| one.slot.is_none()) {
        return Err(fault.at(
            "start",
            format!("`{}` may be empty", file.start),
            "begin every sentence with a word",
        ));
    }
    let mean_sentence = moves.mean_words(start);
    moves.cells.push(Cell { kind: Kind::Rule(start), mode: Mode::Same });
    let live = Live::new(&moves.cells, &rules, &parts.slots, &parts.classes);
    let mut topic_alias = AliasRows::new(topics.len());
    topic_alias.push(&prior);
    let prior = prior.iter().map(|&w| w as f64 / UNIT as f64).collect();
    let Parts { slots, classes, forms, readings, .. } = parts;
    let GrammarFile { name, about, .. } = file;
    Ok(Language {
        name,
        about,
        mean_sentence,
        topics,
        prior,
        topic_alias,
        moves,
        live,
        slots,
        classes,
        forms,
        readings,
    })
}

fn topic_weights(topics: &Map<f64>, fault: &Fault) -> Result<Vec<u64>> {
    let weights = topics
        .iter()
        .map(|(name, &w)| fault.weight(&format!("topics.{name}"), w))
        .collect::<Result<Vec<f64>>>()?;
    if weights.iter().all(|w| *w == 0.0) {
        return Err(fault.at(
            "topics",
            "every weight is 0".into(),
            "give one topic a positive weight",
        ));
    }
    Ok(quantise(&weights))
}

fn literal_category() -> Category {
    toml::from_str("[classes.word]\nwords = []").expect("a category of one class")
}

fn check_preference<'a>(
    p: &'a Preference,
    file: &GrammarFile,
    classes: &[String],
    fault: &Fault,
) -> Result<&'a Preference> {
    let key = format!("preference from {} to {}", p.from, p.to);
    let categories: Vec<String> = file.categories.keys().cloned().collect();
    fault.find(&key, &categories, &p.from)?;
    fault.find(&key, &categories, &p.to)?;
    fault.weight(&key, p.otherwise)?;
    for (from, likes) in &p.likes {
        fault.find(&key, classes, from)?;
        let here =
            |category: &str, class: &str| file.categories[category].classes.contains_key(class);
        if !here(&p.from, from) {
            return Err(fault.at(
                &key,
                format!("`{from}` is no class of {}", p.from),
                "name a class of that category",
            ));
        }
        for (to, &factor) in likes {
            fault.weight(&key, factor)?;
            if !here(&p.to, to) {
                return Err(fault.at(
                    &key,
                    format!("`{to}` is no class of {}", p.to),
                    "name a class of that category",
                ));
            }
        }
    }
    Ok(p)
}
