//! `index.html`: the lecture's claims in the lecture's order, each with its equation, chart, verdict, command and code.
use std::collections::BTreeMap;

use anyhow::Result;
use askama::Template;
use corpus::Corpus;

use super::claim::{Claim, claims, mathml, sections};
use super::draw::{Drawn, draw};
use super::run::Request;
use super::store::{self, Stored};
use super::text::{Lang, number};
use super::verdict::{ClaimRow, Verdict};
use super::{Chart, Experiment};
use crate::machine::Machine;
use crate::report::charts::{classes, variables, without_style};

#[derive(Template)]
#[template(path = "lab.html")]
struct Page<'a> {
    lang: Lang,
    corpus: &'a str,
    synthetic: bool,
    preset: String,
    version: &'static str,
    parts: Vec<Part<'a>>,
    counts: [String; 4],
    facts: Vec<(&'static str, String)>,
    light: String,
    dark: String,
    classes: String,
}

struct Part<'a> {
    number: &'a str,
    title: &'a str,
    claims: Vec<Item<'a>>,
}

struct Item<'a> {
    claim: &'a Claim,
    lang: Lang,
    formulas: Vec<String>,
    row: Option<&'a ClaimRow>,
    figures: Vec<Figure>,
    command: Option<String>,
    /// The experiment's source file.
    experiment: String,
    about: String,
    places: Vec<String>,
    /// Charts that stand under another claim: its id and their titles.
    elsewhere: Vec<(String, String)>,
}

struct Figure {
    title: String,
    drawn: Drawn,
    csv: String,
    svg: String,
}

impl Page<'_> {
    fn t<'s>(&self, en: &'s str, zh: &'s str) -> &'s str {
        pick(self.lang, en, zh)
    }
}

fn pick<'s>(lang: Lang, en: &'s str, zh: &'s str) -> &'s str {
    if lang == Lang::Zh { zh } else { en }
}

impl Item<'_> {
    fn title(&self) -> &str {
        self.claim.title.get(self.lang)
    }

    /// The lecture's number of the equation, or its name.
    fn equation(&self) -> &str {
        match (self.claim.equation.as_str(), self.lang) {
            ("count ratio", Lang::Zh) => "计数比",
            ("window model", Lang::Zh) => "窗口模型",
            ("clipping", Lang::Zh) => "梯度截断",
            (name, _) => name,
        }
    }

    fn sentence(&self) -> &str {
        self.claim.claim.get(self.lang)
    }

    fn expected(&self) -> &str {
        self.claim.expected.get(self.lang)
    }

    fn class(&self) -> &'static str {
        self.row.map_or("open", |r| r.verdict.word(Lang::En))
    }

    fn word(&self) -> &'static str {
        match self.row {
            Some(row) => row.verdict.word(self.lang),
            None => pick(self.lang, "not run", "未运行"),
        }
    }

    /// A shape tells the verdict without colour.
    fn sign(&self) -> &'static str {
        match self.row.map(|r| r.verdict) {
            Some(Verdict::Confirmed) => "✓",
            Some(Verdict::Refuted) => "✗",
            Some(Verdict::Undecided) => "?",
            None => "–",
        }
    }

    fn measured(&self) -> Option<String> {
        let row = self.row?;
        let value = number(row.measured?);
        Some(match (row.lo, row.hi) {
            (Some(lo), Some(hi)) if lo.is_infinite() && hi.is_infinite() && lo != hi => value,
            (Some(lo), Some(hi)) if lo != hi => format!("{value} [{}, {}]", number(lo), number(hi)),
            _ => value,
        })
    }

    fn figure(&self) -> &str {
        self.row.map_or("", |r| r.figure.get(self.lang))
    }

    fn reason(&self) -> &str {
        self.row.map_or("", |r| r.reason.get(self.lang))
    }

    fn seeds(&self) -> String {
        match self.row.map_or(0, |r| r.seeds) {
            0 => String::new(),
            1 => pick(self.lang, "1 seed", "1 个随机种子").into(),
            n => match self.lang {
                Lang::En => format!("{n} seeds"),
                Lang::Zh => format!("{n} 个随机种子"),
            },
        }
    }
}

/// Draws the figures and the page.
///
/// # Errors
/// Where the folder cannot be written.
pub fn write(
    all: &[&dyn Experiment],
    stored: &[Stored],
    request: &Request,
    corpus: &Corpus,
) -> Result<()> {
    let mut figures: BTreeMap<String, Vec<Figure>> = BTreeMap::new();
    let mut elsewhere: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for one in stored {
        for chart in &one.outcome.charts {
            let (Some(figure), Some((claim, others))) =
                (figure(one, chart, request)?, chart.claims.split_first())
            else {
                continue;
            };
            for other in others {
                let place = (claim.clone(), figure.title.clone());
                elsewhere.entry(other.clone()).or_default().push(place);
            }
            figures.entry(claim.clone()).or_default().push(figure);
        }
    }
    let places = places(EQUATIONS);
    let mut item = |claim: &'static Claim| -> Option<Item<'_>> {
        // A claim that no experiment decides yet has no place on the page.
        let experiment = all.iter().find(|e| e.claims().contains(&claim.id.as_str()))?;
        let done = stored.iter().find(|s| s.experiment == experiment.name());
        Some(Item {
            claim,
            lang: request.lang,
            formulas: claim.latex.iter().map(|l| mathml(l)).collect(),
            row: done.and_then(|s| s.outcome.rows.iter().find(|r| r.id == claim.id)),
            figures: figures.remove(&claim.id).unwrap_or_default(),
            command: Some(command(&claim.id, request)),
            experiment: source(experiment.name()),
            about: done.map_or(String::new(), |s| format!("{:.0} s", s.seconds)),
            places: claim
                .tags
                .iter()
                .filter_map(|t| places.get(t.as_str()).map(|p| (*p).to_owned()))
                .collect(),
            elsewhere: elsewhere.remove(&claim.id).unwrap_or_default(),
        })
    };
    let mut parts: Vec<Part<'_>> = Vec::new();
    for section in sections() {
        let claims: Vec<Item<'_>> =
            claims().iter().filter(|c| c.section == section.number).filter_map(&mut item).collect();
        if !claims.is_empty() {
            parts.push(Part {
                number: &section.number,
                title: pick(request.lang, &section.en, &section.zh),
                claims,
            });
        }
    }
    let items = || parts.iter().flat_map(|p| &p.claims);
    let count = |verdict: Option<Verdict>| {
        items().filter(|i| i.row.map(|r| r.verdict) == verdict).count().to_string()
    };
    let page = Page {
        lang: request.lang,
        corpus: &corpus.name,
        synthetic: corpus.synthetic(),
        preset: request.preset.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        counts: [
            count(Some(Verdict::Confirmed)),
            count(Some(Verdict::Refuted)),
            count(Some(Verdict::Undecided)),
            count(None),
        ],
        facts: facts(corpus, request, stored),
        parts,
        light: variables(false),
        dark: variables(true),
        classes: classes(),
    };
    store::write(&request.dir.join("index.html"), page.render()?.as_bytes())
}

fn figure(one: &Stored, chart: &Chart, request: &Request) -> Result<Option<Figure>> {
    let Some(mut drawn) = draw(chart, request.lang)? else { return Ok(None) };
    let svg = format!("figures/{}-{}.svg", one.experiment, chart.id);
    store::write(&request.dir.join(&svg), drawn.file.as_bytes())?;
    (drawn.wide, drawn.narrow) = (without_style(&drawn.wide), without_style(&drawn.narrow));
    let csv = format!("data/{}-{}.csv", one.experiment, chart.table);
    Ok(Some(Figure { title: chart.title.get(request.lang).into(), drawn, csv, svg }))
}

/// The file of an experiment.
fn source(experiment: &str) -> String {
    format!("crates/harness/src/experiments/{}.rs", experiment.replace('-', "_"))
}

/// The command that decides one claim again: its id names one experiment, which a name may not.
fn command(name: &str, request: &Request) -> String {
    let mut words = vec!["cargo run -p harness -- lab".to_owned(), name.into()];
    words.extend((!request.options.is_empty()).then(|| request.options.clone()));
    let dir = request.dir.display().to_string();
    words.push(format!(
        "--fresh --report {}",
        if dir.contains(' ') { format!("'{dir}'") } else { dir }
    ));
    words.extend((request.lang == Lang::Zh).then(|| "--lang zh".into()));
    words.join(" ")
}

fn facts(corpus: &Corpus, request: &Request, stored: &[Stored]) -> Vec<(&'static str, String)> {
    let (machine, t) = (Machine::here(), |en, zh| pick(request.lang, en, zh));
    let [train, valid, test] = [&corpus.train, &corpus.valid, &corpus.test].map(|p| p.targets());
    let tokens = match request.lang {
        Lang::En => format!(
            "{train} train, {valid} validation, {test} test tokens; {} words",
            corpus.vocab.len()
        ),
        Lang::Zh => {
            format!("训练 {train}、验证 {valid}、测试 {test} 个词;词表 {} 词", corpus.vocab.len())
        }
    };
    vec![
        (t("Text", "语料"), format!("{}: {tokens}", corpus.name)),
        (t("Vocabulary", "词表"), format!("SHA-256 {}", corpus.vocab.fingerprint())),
        (
            t("Preset, first seed", "预设、首个种子"),
            format!("{}, {}", request.preset, request.seed),
        ),
        (
            t("Time of all experiments", "全部实验用时"),
            format!("{:.0} s", stored.iter().map(|s| s.seconds).sum::<f64>()),
        ),
        (t("Machine", "机器"), format!("{}, {} cores, {}", machine.cpu, machine.cores, machine.os)),
    ]
}

const EQUATIONS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../EQUATIONS.md"));

/// Where each equation's code is, by its tag.
fn places(table: &str) -> BTreeMap<&str, &str> {
    table
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> =
                line.strip_prefix("| `")?.trim_end_matches([' ', '|']).split(" | ").collect();
            Some((cells.first()?.trim().trim_matches('`'), cells.last()?.trim().trim_matches('`')))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_experiment_has_its_file() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for experiment in crate::experiments::ALL {
            let file = source(experiment.name());
            assert!(root.join(&file).is_file(), "{file}");
        }
    }

    #[test]
    fn places_are_read_from_the_table() {
        let table = "# x\n| tag | what | where |\n|---|---|---|\n| `9` | Jacobian | `crates/rnn/src/gradflow.rs :: jacobian` |\n";
        let places = places(table);
        assert_eq!(places.get("9"), Some(&"crates/rnn/src/gradflow.rs :: jacobian"));
        assert_eq!(places.len(), 1);
    }
}
