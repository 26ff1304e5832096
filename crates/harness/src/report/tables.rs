//! The tables, as data: Markdown, HTML and the terminal print the same cells.
use lm::{Family, PairedVerdict};

use super::columns::{self, Best, Column};
use super::number::{self, MISSING};
use super::summary::{Model, View, bucket_name, family_word, status_word};
use crate::record::Record;

/// What a heading says.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Head {
    pub name: String,
    /// Under the name; empty if there is none.
    pub unit: String,
    /// A line of the legend; empty if it explains itself.
    pub about: String,
    pub numeric: bool,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// As printed.
    pub text: String,
    /// What a numeric column is sorted by; `None` sorts last.
    pub key: Option<f64>,
    /// The best of its column among the models that compete.
    pub best: bool,
    /// The colour and mark of the model's family.
    pub family: Option<Family>,
}

impl Cell {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// A table; its first column names the row.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Table {
    pub id: &'static str,
    pub title: String,
    pub caption: String,
    pub head: Vec<Head>,
    pub rows: Vec<Vec<Cell>>,
}

/// All tables that have something to show, the overview first.
pub fn all(view: &View) -> Vec<Table> {
    let mut out = vec![overview(view)];
    out.extend([prediction(view), memory(view), speed(view), sparsity(view)]);
    out.extend([corpus_sparsity(view), buckets(view), pairs(view)].into_iter().flatten());
    out.retain(|t| t.head.len() > 1 && !t.rows.is_empty());
    out
}

/// The comparison in one table.
pub fn overview(view: &View) -> Table {
    let caption = "Sorted by test perplexity (lower is better). Best of each column, baselines and the oracle apart, in bold.";
    of_models(view, "overview", "The comparison", caption, &columns::OVERVIEW)
}

fn prediction(view: &View) -> Table {
    let seeds = if view.run().seeds.len() > 1 {
        " Means over the seeds; the last columns are the lowest and highest seed."
    } else {
        ""
    };
    let caption = format!(
        "Perplexity is exp of the mean negative log-probability of a test token; intervals are bootstraps over sentences.{seeds}"
    );
    let mut spec: Vec<&Column> = columns::PREDICTION.iter().collect();
    if view.models.iter().any(|m| m.perplexity().is_some_and(|p| p.n > 1)) {
        spec.extend(&columns::SEEDS);
    }
    of_models(view, "prediction", "Prediction", &caption, spec)
}

fn memory(view: &View) -> Table {
    let caption = "1 kB is 1,000 bytes. Peak heap is counted by the allocator; peak RSS is the whole process so far, so it never falls from row to row of the run.";
    of_models(view, "memory", "Memory", caption, &columns::MEMORY)
}

fn speed(view: &View) -> Table {
    let caption = format!(
        "On {} with {}. Medians of repeated runs after a warm-up.",
        cpu(view),
        number::plural(view.run().threads, "thread")
    );
    of_models(view, "speed", "Speed", &caption, &columns::SPEED)
}

fn sparsity(view: &View) -> Table {
    of_models(
        view,
        "sparsity",
        "Sparsity of the models",
        "What a model has never seen, and what of it does nothing.",
        &columns::SPARSITY,
    )
}

/// The processor as recorded.
pub fn cpu(view: &View) -> String {
    if view.run().cpu.is_empty() { "an unnamed processor".into() } else { view.run().cpu.clone() }
}

fn of_models<'c>(
    view: &View,
    id: &'static str,
    title: &str,
    caption: &str,
    spec: impl IntoIterator<Item = &'c Column>,
) -> Table {
    let shown: Vec<&Column> =
        spec.into_iter().filter(|c| view.models.iter().any(|m| (c.value)(m).is_some())).collect();
    let bests: Vec<Option<f64>> = shown.iter().map(|c| best(view, c)).collect();
    let mut head = vec![heading("Model", "", "", false), heading("Family", "", "", false)];
    head.extend(shown.iter().map(|c| heading(c.name, c.unit, c.about, true)));
    let rows = view.models.iter().map(|m| {
        let mut row = vec![
            Cell { family: Some(m.family), ..Cell::text(m.label()) },
            Cell::text(family_word(m.family)),
        ];
        row.extend(shown.iter().zip(&bests).map(|(c, best)| match (c.value)(m) {
            Some(v) => {
                let text = (c.text)(m, v);
                Cell {
                    best: judged(m, c) && best.is_some_and(|b| same(c, m, b, &text)),
                    text,
                    key: Some(v),
                    family: None,
                }
            }
            None if c.name == columns::PERPLEXITY && !m.is_ok() => {
                Cell::text(m.unfinished().next().map_or(MISSING, |r| status_word(r.status)))
            }
            None => Cell::text(MISSING),
        }));
        row
    });
    Table { id, title: titled(view, title), caption: caption.into(), head, rows: rows.collect() }
}

fn heading(name: &str, unit: &str, about: &str, numeric: bool) -> Head {
    Head { name: name.into(), unit: unit.into(), about: about.into(), numeric }
}

/// Equal as printed is equal: no winner by digits that nobody sees.
fn same(c: &Column, m: &Model, best: f64, text: &str) -> bool {
    (c.text)(m, best) == text || (c.value)(m) == Some(best)
}

fn judged(m: &Model, c: &Column) -> bool {
    c.best != Best::None && m.is_contender() && m.is_ok() && m.normalised
}

fn best(view: &View, c: &Column) -> Option<f64> {
    let judged: Vec<f64> = view
        .models
        .iter()
        .filter(|m| judged(m, c))
        .filter_map(|m| (c.value)(m))
        .filter(|v| v.is_finite())
        .collect();
    let best = match c.best {
        Best::High => judged.iter().copied().reduce(f64::max),
        _ => judged.iter().copied().reduce(f64::min),
    };
    best.filter(|_| judged.len() > 1)
}

fn titled(view: &View, title: &str) -> String {
    if view.run().synthetic { format!("{title} (SYNTHETIC)") } else { title.into() }
}

fn corpus_sparsity(view: &View) -> Option<Table> {
    let rows = &view.results.sparsity;
    let head = vec![
        heading("Order n", "", "", true),
        heading("Distinct", "n-grams", "Different n-grams in the training text.", true),
        heading("Singletons", "share", "Share of them that occur once.", true),
        heading("Fill", "of |V|ⁿ", "Share of all possible n-grams that occur in training.", true),
        heading(
            "Unseen tokens",
            "share",
            "Share of the test text's n-grams that training never showed.",
            true,
        ),
        heading("Unseen types", "share", "The same, each different n-gram counted once.", true),
        heading(
            "Unseen contexts",
            "share",
            "Share of test positions whose preceding n−1 words training never showed together.",
            true,
        ),
    ];
    let share = |v: f64| Cell { text: number::percent(v), key: Some(v), ..Cell::default() };
    let rows: Vec<Vec<Cell>> = rows
        .iter()
        .map(|s| {
            vec![
                Cell { key: Some(s.order as f64), ..Cell::text(s.order.to_string()) },
                Cell { key: Some(s.distinct as f64), ..Cell::text(number::count(s.distinct)) },
                share(s.singleton_share),
                Cell {
                    key: Some(s.fill),
                    ..Cell::text(if s.fill < 1e-4 {
                        number::scientific(s.fill)
                    } else {
                        number::percent(s.fill)
                    })
                },
                share(s.unseen_token_share),
                share(s.unseen_type_share),
                share(s.unseen_context_share),
            ]
        })
        .collect();
    let title = titled(view, "Sparsity of the text");
    let caption =
        "How much of the test text the training text foretells, by the length of the n-gram."
            .into();
    (!rows.is_empty()).then_some(Table { id: "text-sparsity", title, caption, head, rows })
}

fn buckets(view: &View) -> Option<Table> {
    let order = view.bucket_order()?;
    let buckets = view.buckets(order);
    let mut head = vec![heading("Model", "", "", false)];
    let all: u64 = buckets.iter().map(|b| b.2).sum();
    for (lo, hi, targets) in &buckets {
        let share = number::percent(*targets as f64 / all.max(1) as f64);
        head.push(heading(&bucket_name(*lo, *hi), &format!("{share} of tokens"), "", true));
    }
    let models = view.models.iter().filter(|m| m.is_ok());
    let rows: Vec<Vec<Cell>> = models
        .map(|m| {
            let cells =
                buckets.iter().map(|(lo, hi, _)| match view.in_bucket(m, order, *lo, *hi) {
                    Some(s) => Cell { key: Some(s.mean), ..Cell::text(number::perplexity(s.mean)) },
                    None => Cell::text(MISSING),
                });
            std::iter::once(Cell { family: Some(m.family), ..Cell::text(m.label()) })
                .chain(cells)
                .collect()
        })
        .collect();
    let title = titled(view, "Perplexity by how often the n-gram was seen");
    let caption = format!(
        "Test tokens sorted by how often training showed them after their {} preceding words ({order}-grams).",
        order - 1
    );
    Some(Table { id: "buckets", title, caption, head, rows })
}

/// Every pair of competing models: the row's perplexity over the column's.
fn pairs(view: &View) -> Option<Table> {
    let models: Vec<&Model> = view.models.iter().filter(|m| m.is_ok() && m.normalised).collect();
    let known = |m: &&&Model| models.iter().any(|o| view.versus(m.name, o.name).is_some());
    let models: Vec<&&Model> = models.iter().filter(known).collect();
    let mut head = vec![heading("Model", "", "", false)];
    head.extend((1..=models.len()).map(|i| heading(&i.to_string(), "", "", true)));
    let rows: Vec<Vec<Cell>> = models
        .iter()
        .enumerate()
        .map(|(i, a)| {
            let cells = models.iter().map(|b| {
                let Some(v) = view.versus(a.name, b.name) else {
                    return Cell::text(if a.name == b.name { "·" } else { "" });
                };
                let sign = match v.verdict {
                    Some(PairedVerdict::Better) => "+",
                    Some(PairedVerdict::Worse) => "−",
                    Some(PairedVerdict::NoDifferenceShown) => "=",
                    None => "?",
                };
                Cell { key: Some(v.ratio), ..Cell::text(sign) }
            });
            let name =
                Cell { family: Some(a.family), ..Cell::text(format!("{}. {}", i + 1, a.label())) };
            std::iter::once(name).chain(cells).collect()
        })
        .collect();
    let caption = "What the paired bootstrap says of the row against the column's number: + better, − worse, = no difference shown (the 95 % interval of the \
                   ratio of perplexities includes one), ? the seeds disagree. The ratios and their intervals are in pairs.csv.";
    (models.len() > 1).then_some(Table {
        id: "pairs",
        title: titled(view, "Every pair"),
        caption: caption.into(),
        head,
        rows,
    })
}

/// Rows that did not finish: model, seed, status, error.
pub fn unfinished(view: &View) -> Vec<Record> {
    view.models.iter().flat_map(|m| m.unfinished().cloned()).collect()
}
