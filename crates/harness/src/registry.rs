//! The only list of models: a new model is one file in its crate and one line here.
use std::sync::Arc;

use anyhow::Result;
use corpus::Corpus;
use lm::{CacheRecipe, Family, OracleRecipe, Recipe, UniformRecipe, UnigramRecipe};
use ngram::{ClassRecipe, NgramRecipe, Smoothing};
use rnn::{CellName, RnnRecipe};
use window::WindowRecipe;

use crate::error::{Failure, nearest};
use crate::presets;

/// How much work a run may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// Seconds: to see that all is well.
    Quick,
    /// The documented comparison: about a minute on the embedded language, a quarter of an hour on PTB.
    #[default]
    Default,
    /// The committed recipes at full size: hours.
    Full,
}

impl std::fmt::Display for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Preset::Quick => "quick",
            Preset::Default => "default",
            Preset::Full => "full",
        })
    }
}

/// What a recipe may depend on besides its name.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The size of the run.
    pub preset: Preset,
    /// Seed of everything random in training.
    pub seed: u64,
    /// Words in the vocabulary.
    pub vocab: usize,
    /// Tokens of the training text.
    pub tokens: usize,
    /// The true distribution, for generated text.
    pub language: Option<Arc<corpus::synth::Language>>,
}

impl Setting {
    /// A setting without a corpus: real text of PTB's size, for lists and descriptions.
    pub fn named(preset: Preset, seed: u64) -> Self {
        Self { preset, seed, vocab: 10_000, tokens: 1_000_000, language: None }
    }

    /// The setting of a comparison on a corpus.
    pub fn new(preset: Preset, seed: u64, corpus: &Corpus) -> Self {
        Self {
            preset,
            seed,
            vocab: corpus.vocab.len(),
            tokens: corpus.train.targets(),
            language: corpus.language.clone(),
        }
    }
}

type Make = fn(order: usize, setting: &Setting) -> Option<Box<dyn Recipe>>;

/// A line of the registry: a name, or a name with the order behind it.
pub struct Line {
    /// The name; `order` counts behind it: `kn` and 1..=8 name `kn1` … `kn8`.
    pub name: &'static str,
    /// The orders that the name takes; empty for a name without.
    pub orders: std::ops::RangeInclusive<usize>,
    /// Its chapter.
    pub family: Family,
    make: Make,
}

const NO_ORDER: std::ops::RangeInclusive<usize> = 0..=0;

/// Every model that can be named.
pub const LINES: &[Line] = &[
    Line {
        name: "uniform",
        orders: NO_ORDER,
        family: Family::Baseline,
        make: |_, _| Some(Box::new(UniformRecipe)),
    },
    Line {
        name: "unigram",
        orders: NO_ORDER,
        family: Family::Baseline,
        make: |_, _| Some(Box::new(UnigramRecipe)),
    },
    Line { name: "oracle", orders: NO_ORDER, family: Family::Oracle, make: |_, s| oracle(s) },
    Line {
        name: "cache",
        orders: NO_ORDER,
        family: Family::Baseline,
        make: |_, _| Some(Box::new(CacheRecipe { window: 200 })),
    },
    Line {
        name: "count",
        orders: 1..=8,
        family: Family::Ngram,
        make: |n, _| ngram(Smoothing::CountRatio, n),
    },
    Line {
        name: "addk",
        orders: 1..=8,
        family: Family::Ngram,
        make: |n, _| ngram(Smoothing::AddK, n),
    },
    Line {
        name: "sbo",
        orders: 1..=8,
        family: Family::Ngram,
        make: |n, _| ngram(Smoothing::StupidBackoff, n),
    },
    Line {
        name: "wb",
        orders: 1..=8,
        family: Family::Ngram,
        make: |n, _| ngram(Smoothing::WittenBell, n),
    },
    Line {
        name: "ikn",
        orders: 1..=8,
        family: Family::Ngram,
        make: |n, _| ngram(Smoothing::KneserNey, n),
    },
    Line {
        name: "kn",
        orders: 1..=8,
        family: Family::Ngram,
        make: |n, _| ngram(Smoothing::ModifiedKneserNey, n),
    },
    Line { name: "class", orders: 2..=5, family: Family::Ngram, make: |n, _| class(n) },
    Line { name: "window", orders: NO_ORDER, family: Family::Window, make: |_, s| window(s) },
    Line {
        name: "rnn",
        orders: NO_ORDER,
        family: Family::Rnn,
        make: |_, s| recurrent(CellName::Rnn, s),
    },
    Line {
        name: "gru",
        orders: NO_ORDER,
        family: Family::Gru,
        make: |_, s| recurrent(CellName::Gru, s),
    },
    Line {
        name: "lstm",
        orders: NO_ORDER,
        family: Family::Lstm,
        make: |_, s| recurrent(CellName::Lstm, s),
    },
];

fn oracle(setting: &Setting) -> Option<Box<dyn Recipe>> {
    setting
        .language
        .as_ref()
        .map(|language| Box::new(OracleRecipe { language: language.clone() }) as Box<dyn Recipe>)
}

fn ngram(smoothing: Smoothing, order: usize) -> Option<Box<dyn Recipe>> {
    Some(Box::new(NgramRecipe::new(smoothing, order)))
}

fn class(order: usize) -> Option<Box<dyn Recipe>> {
    Some(Box::new(ClassRecipe { order, classes: 0 }))
}

fn window(setting: &Setting) -> Option<Box<dyn Recipe>> {
    Some(Box::new(WindowRecipe::new(presets::window(setting))))
}

fn recurrent(cell: CellName, setting: &Setting) -> Option<Box<dyn Recipe>> {
    Some(Box::new(RnnRecipe::new(presets::recurrent(cell, setting))))
}

/// A named piece of a comparison.
pub enum Spec {
    /// A model that trains.
    Train(Box<dyn Recipe>),
    /// Other models' mixture, weights by EM on the validation text: `kn5+rnn`.
    Mix {
        /// Its name.
        id: String,
        /// Its parts' names.
        parts: Vec<String>,
    },
}

/// The recipe of a name.
pub fn recipe(id: &str, setting: &Setting) -> Result<Box<dyn Recipe>> {
    for line in LINES {
        let order = match id.strip_prefix(line.name) {
            Some("") if line.orders == NO_ORDER => 0,
            Some(digits) if line.orders != NO_ORDER => match digits.parse() {
                Ok(order) if line.orders.contains(&order) => order,
                _ => continue,
            },
            _ => continue,
        };
        return (line.make)(order, setting).ok_or_else(|| {
            Failure::Usage(format!("the model `{id}` exists for the embedded language only")).into()
        });
    }
    let names = names();
    let near = nearest(id, names.iter().map(String::as_str))
        .map(|n| format!(", did you mean `{n}`?"))
        .unwrap_or_default();
    Err(Failure::Usage(format!("unknown model `{id}`{near}; `harness models` lists them")).into())
}

/// The piece of a comparison that a name stands for; `a+b` is a mixture.
pub fn spec(id: &str, setting: &Setting) -> Result<Spec> {
    if !id.contains('+') {
        return Ok(Spec::Train(recipe(id, setting)?));
    }
    let parts: Vec<String> = id.split('+').map(|part| part.trim().to_owned()).collect();
    for part in &parts {
        recipe(part, setting)?;
    }
    Ok(Spec::Mix { id: parts.join("+"), parts })
}

/// Every name, orders spelt out.
pub fn names() -> Vec<String> {
    let name = |line: &Line, order: usize| {
        if order == 0 { line.name.into() } else { format!("{}{order}", line.name) }
    };
    LINES.iter().flat_map(|line| line.orders.clone().map(move |order| name(line, order))).collect()
}

/// The comparison of a preset.
pub fn default_ids(setting: &Setting) -> Vec<&'static str> {
    let mut ids = vec!["uniform", "unigram"];
    if setting.language.is_some() {
        ids.push("oracle");
    }
    ids.extend([
        "count3", "addk3", "sbo3", "wb3", "ikn3", "kn2", "kn3", "kn4", "kn5", "window", "rnn",
        "gru", "lstm",
    ]);
    ids.extend(["kn5+window", "kn5+rnn", "kn5+lstm"]);
    if setting.language.is_none() {
        ids.extend(["kn5+cache", "kn5+rnn+cache", "kn5+window+rnn+gru+lstm+cache"]);
    }
    ids
}
