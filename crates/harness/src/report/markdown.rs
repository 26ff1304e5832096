//! `REPORT.md`: the verdict, the tables, the figures, the facts; everything in it reads well as plain text too.
use std::fmt::Write;

use super::charts::Figure;
use super::facts;
use super::number;
use super::summary::{View, status_word};
use super::tables::{self, Table};
use super::verdict;

/// The whole report.
pub fn report(view: &View, figures: &[Figure]) -> String {
    let run = view.run();
    let mut out = String::new();
    let label = if run.synthetic { " (SYNTHETIC)" } else { "" };
    let _ = writeln!(out, "# Language models compared on {}{label}\n", escape(&run.corpus));
    let _ = writeln!(out, "{}\n", verdict::sentences(view).map(|s| escape(&s)).join(" "));
    for remark in verdict::remarks(view) {
        let _ = writeln!(out, "- {}", escape(&remark));
    }
    let tables = tables::all(view);
    for table in &tables {
        let _ = write!(
            out,
            "\n## {}\n\n{}\n\n{}",
            escape(&table.title),
            escape(&table.caption),
            self::table(table)
        );
        for figure in figures.iter().filter(|f| place(f.name) == table.id) {
            let _ = write!(out, "\n{}", self::figure(figure, "figures/"));
        }
    }
    for figure in figures.iter().filter(|f| tables.iter().all(|t| t.id != place(f.name))) {
        let _ =
            write!(out, "\n## {}\n\n{}", escape(&figure.title), self::figure(figure, "figures/"));
    }
    out.push_str(&models(view));
    out.push_str(&method(view));
    out.push_str(&legend(&tables));
    out
}

/// Which table a figure follows.
fn place(figure: &str) -> &'static str {
    match figure {
        "perplexity" => "overview",
        "memory" => "memory",
        "time" => "speed",
        "unseen" => "text-sparsity",
        "buckets" => "buckets",
        _ => "",
    }
}

/// A GitHub table. Numbers are right-aligned.
pub fn table(table: &Table) -> String {
    let mut out = String::from("|");
    for head in &table.head {
        let unit =
            if head.unit.is_empty() { String::new() } else { format!(" ({})", escape(&head.unit)) };
        let _ = write!(out, " {}{unit} |", escape(&head.name));
    }
    out.push_str("\n|");
    for head in &table.head {
        out.push_str(if head.numeric { "---:|" } else { "---|" });
    }
    out.push('\n');
    for row in &table.rows {
        out.push('|');
        for cell in row {
            let text = escape(&cell.text);
            let _ = if cell.best { write!(out, " **{text}** |") } else { write!(out, " {text} |") };
        }
        out.push('\n');
    }
    out
}

/// A figure by relative path, with its caption.
pub fn figure(figure: &Figure, folder: &str) -> String {
    let title = escape(&figure.title);
    format!("![{title}]({folder}{}.svg)\n\n*{title}.* {}\n", figure.name, escape(&figure.caption))
}

fn models(view: &View) -> String {
    let mut out = String::from("\n## The models\n\n");
    for m in &view.models {
        let about = m.details.first().map_or("", |d| d.description.as_str());
        let _ = writeln!(
            out,
            "- **{}**{}{}",
            escape(&m.label()),
            if about.is_empty() { "" } else { ": " },
            escape(about)
        );
        for d in m.details.iter().filter(|d| !d.notes.is_empty()) {
            let seed =
                if m.details.len() > 1 { format!("seed {}: ", d.seed) } else { String::new() };
            let _ = writeln!(out, "  - {seed}{}", escape(&d.notes));
        }
    }
    let unfinished = tables::unfinished(view);
    if !unfinished.is_empty() {
        out.push_str(
            "\n### Not finished\n\n| Model | Seed | Status | Error |\n|---|---:|---|---|\n",
        );
        for r in unfinished {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                escape(&r.model),
                r.seed,
                status_word(r.status),
                escape(&r.error)
            );
        }
    }
    out
}

fn method(view: &View) -> String {
    let mut out = String::from("\n## Method and machine\n\n");
    for paragraph in facts::method(view) {
        let _ = writeln!(out, "{}\n", escape(&paragraph));
    }
    out.push_str("| | |\n|---|---|\n");
    for (name, value) in facts::facts(view) {
        let _ = writeln!(out, "| {name} | {} |", escape(&value));
    }
    let _ = writeln!(
        out,
        "\nThe figures stand in records.csv (test), validation.csv, details.csv, pairs.csv, buckets.csv, sparsity.csv, curves.csv and results.json (schema {}).",
        view.run().schema
    );
    out
}

fn legend(tables: &[Table]) -> String {
    let mut out = String::from("\n## What the columns mean\n\n");
    let mut told = Vec::new();
    for head in tables.iter().flat_map(|t| &t.head).filter(|h| !h.about.is_empty()) {
        let name = if head.unit.is_empty() {
            head.name.clone()
        } else {
            format!("{} ({})", head.name, head.unit)
        };
        if !told.contains(&name) {
            let _ = writeln!(out, "- **{}**: {}", escape(&name), escape(&head.about));
            told.push(name);
        }
    }
    let _ = writeln!(
        out,
        "- {} not measured; ∞ infinite; † no probability distribution, so its perplexity competes with none.",
        number::MISSING
    );
    out
}

/// Text as text: nothing in it is markup, and it stays on its line.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
