//! The comparison for a terminal: as many columns as the width holds, the most telling ones first, never a wrapped row.
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use crate::record::Results;
use crate::report::number;
use crate::report::summary::{Model, View, status_word};
use crate::report::tables::{self, Cell};
use crate::report::verdict;

/// Columns that give way when the terminal is narrow, first one first. Model and perplexity always stay.
const GIVE_WAY: [&str; 10] = [
    "Latency p50, µs",
    "Training tokens/s",
    "Parameters",
    "Family",
    "Status",
    "95 % interval perplexity",
    "Gap bits/token",
    "Scoring tokens/s",
    "In memory bytes",
    "Training s",
];

/// The table and the remarks below it, lines of at most `width` columns, without colour: a pipe reads it as well.
pub fn table(results: &Results, width: usize) -> String {
    let view = View::new(results);
    let overview = tables::overview(&view);
    let mut columns: Vec<(String, bool, Vec<String>)> = Vec::new();
    for (i, head) in overview.head.iter().enumerate() {
        let cells = overview.rows.iter().map(|row| cell(&row[i], width));
        columns.push((format!("{}\n{}", head.name, head.unit), head.numeric, cells.collect()));
    }
    columns.push(("Status\n".into(), false, view.models.iter().map(|m| status(m)).collect()));
    let mut text = drawn(&columns);
    for name in GIVE_WAY {
        if text.lines().all(|l| l.chars().count() <= width) {
            break;
        }
        columns.retain(|c| c.0.replace('\n', " ").trim() != name);
        text = drawn(&columns);
    }
    let mut out = String::new();
    if results.run.synthetic {
        out.push_str("SYNTHETIC: figures of generated text\n");
    }
    out.push_str(&text);
    out.push('\n');
    if overview.rows.iter().flatten().any(|c| c.best) {
        out.push_str("* best, baselines and oracle apart\n");
    }
    for remark in verdict::remarks(&view) {
        out.push_str(&wrapped(&remark, width.max(20)));
    }
    out
}

fn drawn(columns: &[(String, bool, Vec<String>)]) -> String {
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─')))
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|c| c.0.trim_end()));
    for row in 0..columns.first().map_or(0, |c| c.2.len()) {
        table.add_row(columns.iter().map(|c| &c.2[row]));
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((u16::from(i > 0), 1));
        if columns[i].1 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|l| l.trim_end().to_string()).collect::<Vec<_>>().join("\n")
}

fn cell(cell: &Cell, width: usize) -> String {
    // A model's name may hold anything, escape sequences included.
    let mut text: String =
        cell.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let most = (width / 3).max(12);
    if text.chars().count() > most {
        text = text.chars().take(most - 1).collect::<String>() + "…";
    }
    if cell.best { format!("*{text}") } else { text }
}

fn status(m: &Model) -> String {
    let unfinished = m.unfinished().count();
    match m.unfinished().next() {
        None => "ok".into(),
        Some(r) if unfinished == m.rows.len() => status_word(r.status).into(),
        Some(_) => format!("ok, {} not", number::plural(unfinished, "seed")),
    }
}

fn wrapped(text: &str, width: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let (mut out, mut used) = (String::from("-"), 1);
    for word in text.split_whitespace() {
        let n = word.chars().count();
        if used > 2 && used + 1 + n > width {
            out.push_str("\n ");
            used = 1;
        }
        out.push(' ');
        out.push_str(word);
        used += n + 1;
    }
    out + "\n"
}
