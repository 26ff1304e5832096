//! From records to something to read: CSV, JSON, Markdown, HTML, SVG. Reads nothing but [`Results`].
//!
//! [`write()`] leaves a whole folder behind; [`redraw`] makes the readable part of it again from its CSVs, for instance after
//! a row was deleted in a spreadsheet.
mod atomic;
pub mod charts;
mod columns;
mod error;
mod facts;
pub mod files;
mod html;
mod markdown;
pub mod number;
pub mod splice;
pub mod summary;
pub mod tables;
pub mod verdict;

use std::path::{Path, PathBuf};

pub use atomic::check_writable;
pub use error::{Error, Result};
pub use files::read;
pub use splice::splice;

use crate::record::Results;
use summary::View;

/// Where everything is.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Written {
    pub dir: PathBuf,
    pub records: PathBuf,
    pub markdown: PathBuf,
    pub html: PathBuf,
    pub figures: Vec<PathBuf>,
}

/// Writes the whole folder: CSVs, `results.json`, `figures/*.svg`, `REPORT.md`, `index.html`. Each file is replaced in one step.
///
/// # Errors
/// [`Error::Unwritable`]; [`Error::Draw`] for a bug in drawing, after the records are safe on disk.
pub fn write(dir: &Path, results: &Results) -> Result<Written> {
    check_writable(dir)?;
    files::write(dir, results)?;
    draw(dir, results)
}

/// Draws the report again from the CSVs and the run facts in a folder; `results.json` follows the CSVs, which stay as they are.
///
/// # Errors
/// Those of [`read`] and [`write()`].
pub fn redraw(dir: &Path) -> Result<Written> {
    let results = read(dir)?;
    check_writable(dir)?;
    files::write_json(dir, &results)?;
    draw(dir, &results)
}

fn draw(dir: &Path, results: &Results) -> Result<Written> {
    let view = View::new(results);
    let charts = charts::all(&view)?;
    let (markdown, html) = (dir.join("REPORT.md"), dir.join("index.html"));
    let mut figures = Vec::new();
    for chart in &charts {
        let path = dir.join("figures").join(chart.name).with_extension("svg");
        atomic::write(&path, chart.file.as_bytes())?;
        figures.push(path);
    }
    atomic::write(&markdown, markdown::report(&view, &charts).as_bytes())?;
    atomic::write(&html, html::page(&view, &charts)?.as_bytes())?;
    Ok(Written { dir: dir.into(), records: dir.join("records.csv"), markdown, html, figures })
}
