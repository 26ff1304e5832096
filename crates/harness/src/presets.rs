//! The neural models' configurations: a preset's recipe, and what the user says otherwise.
//!
//! A recipe is TOML in the terms of [`WindowConfig`] and [`RnnConfig`]; `recipes/` holds the presets', a section a model.
//! Whoever names a model may change options behind a colon (`rnn:nhid=400,epochs=8`) or name a file of his own, whose key
//! `model` says what it configures. How the presets were chosen: METHODOLOGY.md, "Presets".
use std::path::Path;

use anyhow::{Context as _, Result};
use rnn::{CellName, RnnConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};
use window::WindowConfig;

use crate::error::{Failure, nearest};
use crate::registry::{Preset, Setting};

/// Training tokens up to which a text counts as small: the embedded language at its default length.
const SMALL: usize = 500_000;

/// The key of a preset's recipe that is no option of the model: with how many seeds a comparison trains it.
const SEEDS: &str = "seeds";

/// Other names that people know the options by.
const ALIASES: &[(&str, &str)] = &[
    ("hidden", "nhid"),
    ("h", "nhid"),
    ("m", "emsize"),
    ("layers", "nlayers"),
    ("batch", "batch_size"),
    ("activation", "sigma"),
];

/// A fixed-window network.
///
/// # Errors
/// An option that does not exist or makes no sense.
pub fn window(setting: &Setting) -> Result<WindowConfig> {
    let config = WindowConfig { seed: setting.seed, ..WindowConfig::default() };
    configure(config, "window", setting)
}

/// A recurrent network.
///
/// # Errors
/// An option that does not exist or makes no sense.
pub fn recurrent(cell: CellName, setting: &Setting) -> Result<RnnConfig> {
    let config = RnnConfig { cell, seed: setting.seed, ..RnnConfig::default() };
    let section = match cell {
        CellName::Rnn => "rnn",
        CellName::Gru => "gru",
        CellName::Lstm => "lstm",
    };
    configure(config, section, setting)
}

fn configure<T: Serialize + DeserializeOwned>(
    config: T,
    section: &str,
    setting: &Setting,
) -> Result<T> {
    let mut recipe = embedded(section, setting).expect("the embedded recipes are tested");
    recipe.remove(SEEDS);
    changed(&changed(&config, &recipe)?, &setting.options)
}

/// The preset's recipe of a model.
fn embedded(section: &str, setting: &Setting) -> Option<Table> {
    let source = match setting.preset {
        Preset::Quick => include_str!("../recipes/quick.toml"),
        Preset::Default if setting.tokens <= SMALL => include_str!("../recipes/small.toml"),
        Preset::Default => include_str!("../recipes/default.toml"),
        Preset::Full => include_str!("../recipes/full.toml"),
    };
    let mut recipes: Table = source.parse().expect("the embedded recipes are tested");
    match recipes.remove(section) {
        Some(Value::Table(recipe)) => Some(recipe),
        _ => None,
    }
}

/// With how many seeds a comparison trains the model of this name, if nobody says otherwise: what its recipe says, or once.
pub fn seeds(name: &str, setting: &Setting) -> u64 {
    let recipe = embedded(name, setting).unwrap_or_default();
    recipe.get(SEEDS).and_then(Value::as_integer).map_or(1, |n| n.unsigned_abs().max(1))
}

/// The configuration with these options; those of training may stand without the word `training`.
fn changed<T: Serialize + DeserializeOwned>(config: &T, options: &Table) -> Result<T> {
    let mut table = Table::try_from(config).expect("configurations are plain data");
    for (name, value) in options {
        match value {
            Value::Table(training) if name == "training" => {
                training.iter().try_for_each(|(name, value)| put::<T>(&mut table, name, value))?;
            }
            value => put::<T>(&mut table, name, value)?,
        }
    }
    Ok(T::deserialize(table).expect("every option was tried"))
}

/// Changes one option, if the configuration can be read with it.
fn put<T: DeserializeOwned>(table: &mut Table, name: &str, value: &Value) -> Result<(), Failure> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, own)| own);
    let own = match table.get_mut("training") {
        Some(Value::Table(training)) if training.contains_key(name) => training,
        _ => &mut *table,
    };
    if !own.contains_key(name) {
        return Err(unknown(name, table));
    }
    own.insert(name.into(), value.clone());
    match T::deserialize(table.clone()) {
        Ok(_) => Ok(()),
        Err(e) => Err(Failure::Usage(format!("the option `{name}` = {value}: {}", e.message()))),
    }
}

fn unknown(name: &str, table: &Table) -> Failure {
    let training = table.get("training").and_then(Value::as_table);
    let names: Vec<&str> = table
        .keys()
        .chain(training.into_iter().flat_map(Table::keys))
        .map(String::as_str)
        .collect();
    let near = nearest(name, names.iter().copied()).map(|n| format!(", did you mean `{n}`?"));
    Failure::Usage(format!(
        "unknown option `{name}`{}; there are {}",
        near.unwrap_or_default(),
        names.join(", ")
    ))
}

/// Options from `key=value,key=value`; a value that is no TOML is a word.
///
/// # Errors
/// A piece without `=`.
pub fn options(text: &str) -> Result<Table> {
    let mut table = Table::new();
    for piece in pieces(text).filter(|p| !p.trim().is_empty()) {
        let Some((key, value)) = piece.split_once('=') else {
            let what = format!("`{piece}` is no option: write name=value, as in nhid=200,epochs=4");
            return Err(Failure::Usage(what).into());
        };
        let (key, value) = (key.trim(), value.trim());
        let parsed = format!("x = {value}").parse::<Table>().ok().and_then(|mut t| t.remove("x"));
        table.insert(key.into(), parsed.unwrap_or_else(|| Value::String(value.into())));
    }
    Ok(table)
}

/// The model that a recipe file is for, and its options.
///
/// # Errors
/// A file that cannot be read, is no TOML, or lacks the key `model`.
pub fn read(path: &Path) -> Result<(String, Table)> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading the recipe {}", path.display()))?;
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let mut options: Table = text.parse().map_err(|e: toml::de::Error| wrong(e.to_string()))?;
    match options.remove("model") {
        Some(Value::String(model)) => Ok((model, options)),
        _ => Err(wrong("a recipe says what it configures: model = \"rnn\"".into()).into()),
    }
}

/// Splits at commas outside of brackets.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    outside_brackets(text, ',')
}

/// Splits at a mark outside of brackets.
pub fn outside_brackets(text: &str, mark: char) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        depth += i32::from(matches!(c, '{' | '[' | '(')) - i32::from(matches!(c, '}' | ']' | ')'));
        c == mark && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(preset: Preset, changes: &str) -> Setting {
        Setting { options: options(changes).unwrap(), ..Setting::named(preset, 7) }
    }

    #[test]
    fn every_embedded_recipe_is_a_configuration() {
        for preset in [Preset::Quick, Preset::Default, Preset::Full] {
            for tokens in [300_000, 1_000_000] {
                let setting = Setting { tokens, ..setting(preset, "") };
                assert_eq!(window(&setting).unwrap().seed, 7);
                for cell in [CellName::Rnn, CellName::Gru, CellName::Lstm] {
                    let config = recurrent(cell, &setting).unwrap();
                    assert_eq!((config.cell, config.seed), (cell, 7));
                }
            }
        }
    }

    #[test]
    fn a_recipe_may_ask_for_several_seeds() {
        let full = setting(Preset::Full, "");
        assert_eq!(
            ["window", "rnn", "lstm", "kn5", "kn5+rnn"].map(|id| seeds(id, &full)),
            [3, 3, 1, 1, 1]
        );
        assert_eq!(seeds("rnn", &setting(Preset::Quick, "")), 1);
    }

    #[test]
    fn options_change_the_preset() {
        let s = setting(
            Preset::Quick,
            "hidden=33,batch=7,lr=0.5,sigma=relu,init={identity=1.0},optimizer=sgd,schedule={kind=\"cosine\",warmup=0.1,floor=0.0}",
        );
        let config = recurrent(CellName::Rnn, &s).unwrap();
        assert_eq!((config.nhid, config.batch_size, config.training.lr), (33, 7, 0.5));
        assert_eq!(config.sigma, nn::activation::Activation::Relu);
        assert_eq!(config.init, rnn::Init::Identity(1.0));
        assert_eq!(config.training.optimizer, nn::fit::OptimizerName::Sgd);
        assert_eq!(window(&setting(Preset::Quick, "n=3,m=9")).unwrap().emsize, 9);
    }

    #[test]
    fn mistakes_name_the_option_and_the_nearest() {
        let error = |s: &str| window(&setting(Preset::Quick, s)).unwrap_err().to_string();
        assert!(error("emsiz=3").contains("did you mean `emsize`"));
        assert!(error("nhid=many").contains("`nhid` = \"many\""), "{}", error("nhid=many"));
        assert!(options("nhid").unwrap_err().to_string().contains("name=value"));
    }
}
