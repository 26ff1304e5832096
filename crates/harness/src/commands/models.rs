//! `harness models`: the registry as a table.
use std::io::Write;

use anyhow::Result;

use crate::registry::{self, LINES, Preset, Setting};

/// Prints a line a model: its name, its chapter, what it is.
pub fn run(out: &mut dyn Write) -> Result<()> {
    let setting = Setting {
        preset: Preset::Default,
        seed: 1,
        vocab: 10_000,
        tokens: 1_000_000,
        language: None,
    };
    let defaults = registry::default_ids(&setting);
    writeln!(out, "{:<10} {:<9} what it is (* = in the default comparison)", "model", "family")?;
    for line in LINES {
        for order in line.orders.clone() {
            let id =
                if order == 0 { line.name.to_owned() } else { format!("{}{order}", line.name) };
            let what = match registry::recipe(&id, &setting) {
                Ok(recipe) => recipe.describe(),
                Err(_) => {
                    "the true distribution: the floor for every model (embedded language only)"
                        .into()
                }
            };
            let star = if defaults.contains(&&*id) { "*" } else { " " };
            writeln!(out, "{id:<9}{star} {:<9} {what}", line.family.to_string())?;
        }
    }
    writeln!(
        out,
        "\nNames joined by + are mixtures, for instance {}",
        defaults.iter().rev().find(|i| i.contains('+')).unwrap_or(&"kn5+rnn")
    )?;
    Ok(())
}
