//! Rewrite rules as they are written: symbols of the right-hand sides, checked and numbered.
//!
//! | symbol | meaning |
//! |---|---|
//! | `noun` | a word of a category, or a rule |
//! | `'that'` | this very word |
//! | `(x)` | `x` in a scope of its own: its number and classes stay inside, the class before governs it |
//! | `=x` | `x` in a copy of the scope: it agrees with what came before and leaves no trace |
//! | `^x` | `x` one level deeper; at the greatest depth the alternative does not exist |
//! | `#plural` | decides the number of the scope |
use super::compile::Fault;
use super::file::Map;
use super::number::{Mode, Number};
use crate::error::Result;

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A rule, by number.
    Rule(u16),
    /// A word of a slot, by number.
    Slot(u16),
    /// A decision on the number.
    Set(Number),
}

/// A symbol of a right-hand side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Symbol {
    pub kind: Kind,
    pub mode: Mode,
    pub deeper: bool,
}

/// A rule's alternatives with their weights.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub name: String,
    pub alternatives: Vec<(f64, Vec<Symbol>)>,
}

/// The literal words of the rules, quotes kept, each once, in order.
pub(crate) fn literals(rules: &Map<Map<f64>>) -> Vec<String> {
    let tokens = rules.values().flat_map(|r| r.keys()).flat_map(|k| k.split_whitespace());
    let mut words: Vec<String> = tokens
        .map(|t| t.trim_start_matches('^'))
        .filter(|t| t.starts_with('\''))
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

/// Numbers the symbols of every rule; `slots` are the names of the word slots.
pub(crate) fn parse(rules: &Map<Map<f64>>, slots: &[String], fault: &Fault) -> Result<Vec<Rule>> {
    let names: Vec<&String> = rules.keys().collect();
    let index =
        |list: &[&String], name: &str| list.iter().position(|n| *n == name).map(|i| i as u16);
    let slots: Vec<&String> = slots.iter().collect();
    let symbol = |key: &str, token: &str| -> Result<Symbol> {
        let (deeper, rest) = token.strip_prefix('^').map_or((false, token), |r| (true, r));
        if let Some(number) = rest.strip_prefix('#') {
            let number = match number {
                "singular" => Number::Singular,
                "plural" => Number::Plural,
                _ => {
                    return Err(fault.at(
                        key,
                        format!("`{token}` is no number"),
                        "write #singular or #plural",
                    ));
                }
            };
            return Ok(Symbol { kind: Kind::Set(number), mode: Mode::Same, deeper: false });
        }
        let (mode, name) = match (
            rest.strip_prefix('='),
            rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')),
        ) {
            (Some(name), _) => (Mode::Copy, name),
            (_, Some(name)) => (Mode::New, name),
            _ => (Mode::Same, rest),
        };
        let kind = match (index(&names, name), index(&slots, name)) {
            (Some(rule), None) => Kind::Rule(rule),
            (None, Some(slot)) => Kind::Slot(slot),
            (Some(_), Some(_)) => {
                return Err(fault.at(
                    key,
                    format!("`{name}` is a rule and a category"),
                    "rename one of them",
                ));
            }
            (None, None) => {
                let cure = "define it under [rules] or [categories], or quote it if it is a word";
                return Err(fault.at(key, format!("`{token}` is neither rule nor category"), cure));
            }
        };
        Ok(Symbol { kind, mode, deeper })
    };
    rules
        .iter()
        .map(|(name, alternatives)| {
            let key = format!("rules.{name}");
            let alternatives = alternatives
                .iter()
                .map(|(text, &weight)| {
                    fault.weight(&format!("{key}.\"{text}\""), weight)?;
                    Ok((
                        weight,
                        text.split_whitespace()
                            .map(|t| symbol(&key, t))
                            .collect::<Result<Vec<_>>>()?,
                    ))
                })
                .filter(|a| !matches!(a, Ok((weight, _)) if *weight == 0.0))
                .collect::<Result<Vec<_>>>()?;
            if alternatives.is_empty() {
                return Err(fault.at(
                    &key,
                    "no alternative has a weight".into(),
                    "give at least one a positive weight",
                ));
            }
            Ok(Rule { name: name.clone(), alternatives })
        })
        .collect()
}
