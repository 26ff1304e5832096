//! `harness models`: the registry as a table.
use std::io::Write;

use anyhow::Result;

use crate::registry::{self, LINES, Line, Preset, Setting};
use crate::spec::FUNCTIONS;

/// Prints a line a model: its name, its chapter, what it is.
pub fn run(out: &mut dyn Write) -> Result<()> {
    let setting = Setting::named(Preset::Default, 1);
    let defaults = registry::default_ids(&setting);
    writeln!(out, "{:<14} {:<9} what it is", "model", "family")?;
    for line in LINES {
        let (name, id) = spelt(line);
        let what = match registry::recipe(&id, &setting) {
            Ok(recipe) => recipe.describe(),
            Err(_) => {
                "the true distribution: the floor for every model (generated text only)".into()
            }
        };
        writeln!(out, "{name:<14} {:<9} {what}", line.family.to_string())?;
    }
    for (_, written, what) in FUNCTIONS {
        writeln!(out, "{written:<24} {what}")?;
    }
    writeln!(
        out,
        "\nA number behind a name is the order n. Names joined by + are mixtures, for instance kn5+rnn; all of these nest: bucketed(kn5+cached(lstm)+cache)."
    )?;
    writeln!(out, "In the default comparison: {}.", defaults.join(", "))?;
    Ok(())
}

/// How the line's names are written, and one of them.
fn spelt(line: &Line) -> (String, String) {
    match (*line.orders.start(), *line.orders.end()) {
        (0, 0) => (line.name.into(), line.name.into()),
        (first, last) => (
            format!("{0}{first}…{0}{last}", line.name),
            format!("{}{}", line.name, 3.clamp(first, last)),
        ),
    }
}
