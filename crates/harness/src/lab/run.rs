//! Runs experiments, one after another; what is finished stays finished.
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use corpus::Corpus;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::store::{self, Key, Stored};
use super::{ClaimRow, Experiment, Lab, Lang, Outcome, Ruling, Text, page, verdict};
use crate::error::{Failure, nearest};
use crate::interrupt;
use crate::progress::Bar;
use crate::registry::Preset;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Names of experiments; empty: all.
    pub names: Vec<String>,
    /// Run finished ones again?
    pub fresh: bool,
    /// The page's language.
    pub lang: Lang,
    /// Where everything goes.
    pub dir: PathBuf,
    /// How much work.
    pub preset: Preset,
    /// First seed.
    pub seed: u64,
    /// Seeds where chance matters, if not the experiments' own number.
    pub seeds: Option<u64>,
    /// Options that repeat this run, without names: "--corpus ptb --preset full".
    pub options: String,
}

impl Request {
    fn lab<'a>(&self, corpus: &'a Corpus, bar: &'a Bar) -> Lab<'a> {
        Lab { corpus, preset: self.preset, seed: self.seed, seeds: self.seeds, bar }
    }
}

/// Names of several experiments: those that decide these claims.
const GROUPS: [(&str, &[&str]); 2] =
    [("sparsity", &["a1", "a2", "a3", "a4", "a5"]), ("storage", &["b1", "b2"])];

/// The experiments of these names (all where there are none), in the list's order. A claim's id names the experiment that
/// decides it; `sparsity` and `storage` name all that decide the claims a and b.
///
/// # Errors
/// [`Failure::Usage`] with the nearest name.
pub fn pick<'a>(all: &[&'a dyn Experiment], names: &[String]) -> Result<Vec<&'a dyn Experiment>> {
    let group = |name: &str| GROUPS.iter().find(|g| g.0 == name).map_or(&[][..], |g| g.1);
    let wanted = |e: &dyn Experiment, name: &str| {
        e.name() == name || e.claims().iter().any(|c| *c == name || group(name).contains(c))
    };
    for name in names {
        if !all.iter().any(|e| wanted(*e, name)) {
            let near = nearest(name, all.iter().map(|e| e.name()))
                .map(|n| format!(", did you mean `{n}`?"))
                .unwrap_or_default();
            return Err(Failure::Usage(format!(
                "unknown experiment `{name}`{near}; `harness lab --list` names them"
            ))
            .into());
        }
    }
    Ok(all
        .iter()
        .filter(|e| names.is_empty() || names.iter().any(|n| wanted(**e, n)))
        .copied()
        .collect())
}

/// Refuses an experiment that would not fit.
///
/// # Errors
/// [`Failure::Usage`] that says how much is missing.
pub fn fits(name: &str, need: u64, free: u64) -> Result<()> {
    if need <= free {
        return Ok(());
    }
    let mib = |b: u64| b.div_ceil(1 << 20);
    let what = format!(
        "the experiment `{name}` would need about {} MiB of memory and {} MiB are free; choose a smaller --preset or corpus, or name the experiments to run",
        mib(need),
        mib(free)
    );
    Err(Failure::Usage(what).into())
}

fn free_bytes() -> u64 {
    let kinds = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    // Where the operating system does not say, nothing is refused.
    let Ok(system) = System::new_with_specifics(kinds) else { return u64::MAX };
    match system
        .cgroup_limits()
        .map_or(system.available_memory(), |c| c.free_memory.min(system.available_memory()))
    {
        0 => u64::MAX,
        bytes => bytes,
    }
}

/// Runs what is asked for and draws the page after every experiment; a line an experiment goes to `out`.
///
/// # Errors
/// What [`pick`] and [`fits`] refuse; an output that cannot be written; [`Failure::Models`] with the number of failed
/// experiments and [`Failure::Interrupted`] after the page was drawn.
pub fn run(
    all: &[&dyn Experiment],
    corpus: &Corpus,
    request: &Request,
    out: &mut dyn Write,
) -> Result<()> {
    let picked = pick(all, &request.names)?;
    let key = Key::new(corpus, request.preset, request.seed, request.seeds);
    let known = |e: &dyn Experiment| {
        (!request.fresh).then(|| store::load(&request.dir, e.name(), &key)).flatten()
    };
    let free = free_bytes();
    for experiment in picked.iter().filter(|e| known(**e).is_none()) {
        let bar = Bar::new("estimate");
        fits(experiment.name(), experiment.bytes(&request.lab(corpus, &bar)), free)?;
    }
    let mut failed: Vec<Stored> = Vec::new();
    for (i, experiment) in picked.iter().enumerate() {
        if interrupt::asked() {
            break;
        }
        let label = format!("{}/{} {}", i + 1, picked.len(), experiment.name());
        if let Some(stored) = known(*experiment) {
            writeln!(out, "{label}: finished before ({:.0} s), see --fresh", stored.seconds)?;
            continue;
        }
        let start = Instant::now();
        let bar = Bar::new(&label);
        let result = experiment.run(&request.lab(corpus, &bar));
        drop(bar);
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(outcome) => {
                writeln!(out, "{label}: {} ({seconds:.0} s)", summary(&outcome.rows))?;
                store::save(
                    &request.dir,
                    &Stored {
                        experiment: experiment.name().into(),
                        key: key.clone(),
                        seconds,
                        outcome,
                    },
                )?;
            }
            Err(error) if is_interruption(&error) => break,
            Err(error) => {
                writeln!(out, "{label}: failed: {error:#}")?;
                failed.push(failure(*experiment, &key, corpus, seconds, &format!("{error:#}")));
            }
        }
        draw(all, request, corpus, &key, &failed)?;
    }
    draw(all, request, corpus, &key, &failed)?;
    writeln!(
        out,
        "\nPage: {}   verdicts: {}",
        request.dir.join("index.html").display(),
        request.dir.join("claims.csv").display()
    )?;
    match () {
        () if interrupt::asked() => Err(Failure::Interrupted.into()),
        () if !failed.is_empty() => Err(Failure::Models(failed.len()).into()),
        () => Ok(()),
    }
}

fn is_interruption(error: &anyhow::Error) -> bool {
    interrupt::asked()
        || error.chain().any(|c| matches!(c.downcast_ref(), Some(lm::Error::Interrupted)))
}

fn summary(rows: &[ClaimRow]) -> String {
    rows.iter()
        .map(|r| format!("{} {}", r.id, r.verdict.word(Lang::En)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A failed experiment leaves its claims undecided, with the reason; it is not stored, so that it runs again next time.
fn failure(
    experiment: &dyn Experiment,
    key: &Key,
    corpus: &Corpus,
    seconds: f64,
    error: &str,
) -> Stored {
    let figure = Text::new("nothing measured", "没有测量结果");
    let reason = Text::new(format!("the experiment failed: {error}"), format!("实验失败:{error}"));
    let ruling = Ruling::undecided(figure, reason);
    let rows = experiment
        .claims()
        .iter()
        .map(|id| ClaimRow::new(id, experiment.name(), &corpus.name, 0, ruling.clone()))
        .collect();
    let outcome = Outcome { rows, ..Outcome::default() };
    Stored { experiment: experiment.name().into(), key: key.clone(), seconds, outcome }
}

/// Draws claims.csv, the figures and the page from everything of this key that is stored.
fn draw(
    all: &[&dyn Experiment],
    request: &Request,
    corpus: &Corpus,
    key: &Key,
    failed: &[Stored],
) -> Result<()> {
    let stored: Vec<Stored> = all
        .iter()
        .filter_map(|e| {
            failed
                .iter()
                .find(|f| f.experiment == e.name())
                .cloned()
                .or_else(|| store::load(&request.dir, e.name(), key))
        })
        .collect();
    let row = |id: &str| stored.iter().flat_map(|s| &s.outcome.rows).find(|r| r.id == id).cloned();
    let rows: Vec<ClaimRow> = super::claims().iter().filter_map(|c| row(&c.id)).collect();
    store::write(&request.dir.join("claims.csv"), &verdict::csv(&rows)?)?;
    page::write(all, &stored, request, corpus)
}
