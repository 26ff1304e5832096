//! The only list of models: a new model is one file in its crate and one line here.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use corpus::Corpus;
use lm::{CacheRecipe, Family, OracleRecipe, Recipe, UniformRecipe, UnigramRecipe};
use ngram::{ClassRecipe, NgramRecipe, Smoothing};
use nn::checkpoint::Checkpoints;
use rnn::CellName;

use crate::error::{Failure, nearest};
use crate::neural::Neural;
use crate::presets;

pub use crate::spec::{Spec, spec, split};

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
    /// What a neural model's configuration has otherwise than its preset.
    pub options: toml::Table,
    /// The record's key, where it is not made from the configuration.
    pub name: Option<String>,
    /// The folder in which long training keeps its checkpoints, and from which it goes on.
    pub checkpoints: Option<PathBuf>,
}

impl Setting {
    /// A setting without a corpus: real text of PTB's size, for lists and descriptions.
    pub fn named(preset: Preset, seed: u64) -> Self {
        Self {
            preset,
            seed,
            vocab: 10_000,
            tokens: 1_000_000,
            language: None,
            options: toml::Table::new(),
            name: None,
            checkpoints: None,
        }
    }

    /// The setting of a comparison on a corpus.
    pub fn new(preset: Preset, seed: u64, corpus: &Corpus) -> Self {
        Self {
            preset,
            seed,
            vocab: corpus.vocab.len(),
            tokens: corpus.train.targets(),
            language: corpus.language.clone(),
            ..Self::named(preset, seed)
        }
    }

    /// The checkpoints of the model with this record.
    pub(crate) fn checkpoints_of(&self, id: &str) -> Option<Checkpoints> {
        const EVERY: Duration = Duration::from_secs(60);
        let name: String = id.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let path = self.checkpoints.as_ref()?.join(format!("{name}-seed{}", self.seed));
        Some(Checkpoints { path, every: EVERY, resume: true })
    }
}

/// `None`: not for this corpus.
type Made = Result<Option<Box<dyn Recipe>>>;
type Make = fn(order: usize, setting: &Setting) -> Made;

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
        make: |_, _| plain(UniformRecipe),
    },
    Line {
        name: "unigram",
        orders: NO_ORDER,
        family: Family::Baseline,
        make: |_, _| plain(UnigramRecipe),
    },
    Line { name: "oracle", orders: NO_ORDER, family: Family::Oracle, make: |_, s| oracle(s) },
    Line {
        name: "cache",
        orders: NO_ORDER,
        family: Family::Baseline,
        make: |_, _| plain(CacheRecipe { window: 200 }),
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

fn plain(recipe: impl Recipe + 'static) -> Made {
    Ok(Some(Box::new(recipe)))
}

fn oracle(setting: &Setting) -> Made {
    setting
        .language
        .as_ref()
        .map_or(Ok(None), |language| plain(OracleRecipe { language: language.clone() }))
}

fn ngram(smoothing: Smoothing, order: usize) -> Made {
    plain(NgramRecipe::new(smoothing, order))
}

fn class(order: usize) -> Made {
    plain(ClassRecipe { order, classes: 0 })
}

fn window(setting: &Setting) -> Made {
    Ok(Some(Neural::window(setting)?.boxed()))
}

fn recurrent(cell: CellName, setting: &Setting) -> Made {
    Ok(Some(Neural::recurrent(cell, setting)?.boxed()))
}

/// The recipe of a name, of a name with options (`rnn:nhid=400,epochs=8`), or of a TOML file whose key `model` is a name.
pub fn recipe(id: &str, setting: &Setting) -> Result<Box<dyn Recipe>> {
    match configured(id, setting)? {
        None => named(id, setting),
        Some((name, setting)) => match neural(&name, &setting)? {
            Some(neural) => Ok(neural.boxed()),
            None => {
                named(&name, &setting)?;
                Err(Failure::Usage(format!("the model `{name}` takes no options")).into())
            }
        },
    }
}

/// The network of a name as [`recipe`] takes it; `None` for other models.
pub fn neural(id: &str, setting: &Setting) -> Result<Option<Neural>> {
    let (name, setting) = configured(id, setting)?.unwrap_or((id.into(), setting.clone()));
    let cell = match name.as_str() {
        "window" => return Neural::window(&setting).map(Some),
        "rnn" => CellName::Rnn,
        "gru" => CellName::Gru,
        "lstm" => CellName::Lstm,
        _ => return Ok(None),
    };
    Neural::recurrent(cell, &setting).map(Some)
}

/// The plain name, and the setting with the options that stand behind it or in its file; `None` for a plain name.
fn configured(id: &str, setting: &Setting) -> Result<Option<(String, Setting)>> {
    let (model, options, name) = if id.ends_with(".toml") {
        let path = Path::new(id);
        let (model, options) = presets::read(path)?;
        (model, options, path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
    } else if let Some((model, options)) = id.split_once(':') {
        (model.to_owned(), presets::options(options)?, id.to_owned())
    } else {
        return Ok(None);
    };
    Ok(Some((model, Setting { options, name: Some(name), ..setting.clone() })))
}

/// The recipe of a plain name.
fn named(id: &str, setting: &Setting) -> Result<Box<dyn Recipe>> {
    for line in LINES {
        let order = match id.strip_prefix(line.name) {
            Some("") if line.orders == NO_ORDER => 0,
            Some(digits) if line.orders != NO_ORDER => match digits.parse() {
                Ok(order) if line.orders.contains(&order) => order,
                _ => continue,
            },
            _ => continue,
        };
        return (line.make)(order, setting)?.ok_or_else(|| {
            Failure::Usage(format!("the model `{id}` exists for the embedded language only")).into()
        });
    }
    let names = names();
    let near = nearest(id, names.iter().map(String::as_str))
        .map(|n| format!(", did you mean `{n}`?"))
        .unwrap_or_default();
    Err(Failure::Usage(format!("unknown model `{id}`{near}; `harness models` lists them")).into())
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
        if setting.preset == Preset::Full {
            ids.extend([
                "cached(lstm)",
                "dynamic(lstm)",
                "kn5+cached(rnn)",
                "bucketed(kn5+rnn+cache)",
                "bucketed(kn5+window+rnn+gru+lstm+cache)",
                "bucketed(kn5+window+cached(rnn)+cached(gru)+cached(lstm)+dynamic(gru)+dynamic(lstm)+cache)",
            ]);
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_for_neural_models() {
        let setting = Setting::named(Preset::Quick, 1);
        assert_eq!(recipe("rnn:nhid=4", &setting).unwrap().id(), "rnn:nhid=4");
        let refused = recipe("kn5:nhid=4", &setting).err().unwrap().to_string();
        assert!(refused.contains("takes no options"), "{refused}");
    }
}
