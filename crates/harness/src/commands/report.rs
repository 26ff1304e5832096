//! `harness report DIR`: draws a report again from its records.
use std::io::Write;
use std::path::Path;

use anyhow::Result;

/// Draws; with `splice`, also renews the tables between the markers of a Markdown file.
pub fn run(dir: &Path, splice: Option<&Path>, out: &mut dyn Write) -> Result<()> {
    crate::report::redraw(dir)?;
    writeln!(out, "{} drawn again from its records", dir.join("index.html").display())?;
    if let Some(file) = splice {
        let results = crate::report::read(dir)?;
        crate::report::splice(file, dir, &results)?;
        writeln!(out, "{} spliced", file.display())?;
    }
    Ok(())
}
