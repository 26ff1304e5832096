//! `index.html`: one file with everything in it. Complete without its script, which only sorts tables and switches the theme.
use askama::Template;

use super::charts::{self, Figure};
use super::error::{Error, Result};
use super::facts;
use super::summary::View;
use super::tables::{self, Cell, Table};
use super::verdict;
use crate::record::{Record, Run};

#[derive(Template)]
#[template(path = "index.html")]
struct Page<'a> {
    run: &'a Run,
    sentences: [String; 3],
    remarks: Vec<String>,
    overview: Table,
    tables: Vec<Table>,
    figures: &'a [Figure],
    models: Vec<About<'a>>,
    unfinished: Vec<Record>,
    method: Vec<String>,
    facts: Vec<(&'static str, String)>,
    light: String,
    dark: String,
    classes: String,
    csv: [(&'static str, &'static str); 8],
}

struct About<'a> {
    name: String,
    family: String,
    text: &'a str,
    notes: Vec<String>,
}

const FILES: [(&str, &str); 8] = [
    ("records.csv", "one row a model and seed, test text"),
    ("validation.csv", "the same on the validation text"),
    ("details.csv", "what else is known of each model"),
    ("pairs.csv", "the paired tests"),
    ("buckets.csv", "perplexity by n-gram count"),
    ("sparsity.csv", "the text's n-grams by order"),
    ("curves.csv", "training, point by point"),
    ("results.json", "everything, for programs"),
];

/// The whole page.
///
/// # Errors
/// [`Error::Draw`].
pub fn page(view: &View, figures: &[Figure]) -> Result<String> {
    let mut all = tables::all(view).into_iter();
    let overview = all.next().unwrap_or_else(|| tables::overview(view));
    let models = view.models.iter().map(|m| {
        let notes = m.details.iter().filter(|d| !d.notes.is_empty());
        let notes = notes.map(|d| {
            if m.details.len() > 1 {
                format!("Seed {}: {}", d.seed, d.notes)
            } else {
                d.notes.clone()
            }
        });
        About {
            name: m.label(),
            family: m.family.to_string(),
            text: m.details.first().map_or("", |d| &d.description),
            notes: notes.collect(),
        }
    });
    let page = Page {
        run: view.run(),
        sentences: verdict::sentences(view),
        remarks: verdict::remarks(view),
        overview,
        tables: all.collect(),
        figures,
        models: models.collect(),
        unfinished: tables::unfinished(view),
        method: facts::method(view),
        facts: facts::facts(view),
        light: charts::variables(false),
        dark: charts::variables(true),
        classes: charts::classes(),
        csv: FILES,
    };
    page.render().map_err(|e| Error::Draw { what: "index.html", why: e.to_string() })
}

/// For the template: the drawing without its style sheet, each with ids and classes of the page.
fn inline(svg: &str) -> String {
    charts::without_style(svg)
}

/// For the template: what a cell is sorted by.
fn key(cell: &Cell) -> String {
    cell.key
        .map_or(String::new(), |k| if k == f64::INFINITY { "1e999".into() } else { k.to_string() })
}

/// For the template: the class of a family's mark.
fn family(cell: &Cell) -> String {
    cell.family.map_or(String::new(), |f| f.to_string())
}

/// For the template: a status.
fn status(record: &Record) -> &'static str {
    super::summary::status_word(record.status)
}
