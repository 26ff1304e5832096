//! Puts a table or a chart of a report between markers of a Markdown file, with the command that made it.
//!
//! `<!-- BEGIN: lmlab NAME -->` and `<!-- END: lmlab NAME -->` stand on lines of their own; what is between is replaced. NAME is
//! `verdict`, `table`, `table:ID` (an id of [`tables`]) or `chart:NAME` (a file of `figures/` without `.svg`).
//! With `RUN/` before the NAME the block belongs to the report in a folder of that name; other reports leave it alone, so
//! that one file can show several.
use std::fmt::Write;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::atomic;
use super::charts::{self, Figure};
use super::error::{Error, Result};
use super::markdown;
use super::summary::View;
use super::tables;
use super::verdict;
use crate::record::Results;

/// Replaces all blocks of the file at `path` from the report in `dir`; returns how many. The file is untouched on error.
///
/// # Errors
/// A missing or unwritable file; a marker without its partner, an unknown name, or no marker at all.
pub fn splice(path: &Path, dir: &Path, results: &Results) -> Result<usize> {
    let text =
        fs::read_to_string(path).map_err(|source| Error::Missing { path: path.into(), source })?;
    let view = View::new(results);
    let figures = charts::all(&view)?;
    let folder = relative(path.parent().unwrap_or(Path::new("")), dir);
    let run = dir.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let bad = |line: usize, what: String| Error::Splice { path: path.into(), line, what };
    let (mut out, mut blocks, mut open) = (String::new(), 0, None::<(usize, &str)>);
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let (begin, end) = (marker(line, "BEGIN", &run), marker(line, "END", &run));
        match (open, begin, end) {
            (None, Some(name), _) => {
                let block =
                    block(name, &view, &figures, &folder).map_err(|what| bad(i + 1, what))?;
                let _ = write!(out, "{}\n{block}", line.trim_end());
                open = Some((i + 1, name));
                blocks += 1;
            }
            (None, _, Some(name)) => {
                return Err(bad(i + 1, format!("END of `{name}` without its BEGIN")));
            }
            (Some((_, name)), _, Some(ended)) if ended == name => {
                out.push_str(line);
                open = None;
            }
            (Some((_, name)), Some(_), _) | (Some((_, name)), _, Some(_)) => {
                return Err(bad(i + 1, format!("another marker inside the block `{name}`")));
            }
            (Some(_), ..) => {}
            (None, ..) => out.push_str(line),
        }
    }
    if let Some((line, name)) = open {
        return Err(bad(line, format!("BEGIN of `{name}` without its END")));
    }
    if blocks == 0 {
        return Err(bad(1, "no marker in this file".into()));
    }
    if out != text {
        atomic::write(path, out.as_bytes())?;
    }
    Ok(blocks)
}

/// The block's name, if the line is a marker of this run.
fn marker<'t>(line: &'t str, kind: &str, run: &str) -> Option<&'t str> {
    let inside = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    let name = inside
        .strip_prefix(kind)?
        .strip_prefix(':')?
        .trim()
        .strip_prefix("lmlab")?
        .strip_prefix(' ')?
        .trim();
    match name.split_once('/') {
        Some((whose, name)) => (whose == run).then_some(name),
        None => Some(name),
    }
}

fn block(name: &str, view: &View, figures: &[Figure], folder: &str) -> Result<String, String> {
    let (kind, which) = name.split_once(':').unwrap_or((name, "overview"));
    let body = match kind {
        "verdict" => verdict::sentences(view).map(|s| markdown::escape(&s)).join(" ") + "\n",
        "table" => {
            let all = tables::all(view);
            let table = all.iter().find(|t| t.id == which).ok_or_else(|| {
                format!(
                    "no table `{which}`; there are {}",
                    all.iter().map(|t| t.id).collect::<Vec<_>>().join(", ")
                )
            })?;
            format!(
                "**{}.** {}\n\n{}",
                markdown::escape(&table.title),
                markdown::escape(&table.caption),
                markdown::table(table)
            )
        }
        "chart" => {
            let figure = figures.iter().find(|f| f.name == which).ok_or_else(|| {
                format!(
                    "no chart `{which}`; there are {}",
                    figures.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
                )
            })?;
            markdown::figure(figure, &format!("{folder}figures/"))
        }
        _ => {
            return Err(format!(
                "unknown block `{name}`; there are verdict, table, table:ID, chart:NAME"
            ));
        }
    };
    let run = view.run();
    let label = if run.synthetic { " (SYNTHETIC)" } else { "" };
    let command = run.command.replace(['`', '\n', '\r'], " ");
    Ok(format!(
        "\n{body}\n{}{label}, made by `{command}` on {} ({} of {} cores used); [the whole report]({folder}REPORT.md).\n\n",
        markdown::escape(&run.corpus),
        markdown::escape(&tables::cpu(view)),
        run.threads,
        run.cores
    ))
}

/// The way from one folder to another, ending in `/` (empty if they are the same); slashes on every system.
fn relative(from: &Path, to: &Path) -> String {
    let whole = |p: &Path| -> PathBuf {
        let p = if p.as_os_str().is_empty() { Path::new(".") } else { p };
        fs::canonicalize(p).or_else(|_| std::path::absolute(p)).unwrap_or_else(|_| p.into())
    };
    let (from, to) = (whole(from), whole(to));
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let ups = from.components().skip(shared).map(|_| "..".to_string());
    let downs = to
        .components()
        .skip(shared)
        .filter(|c| matches!(c, Component::Normal(_)))
        .map(|c| c.as_os_str().to_string_lossy().into_owned());
    ups.chain(downs).map(|c| c.replace(' ', "%20") + "/").collect()
}
