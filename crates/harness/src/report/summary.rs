//! The results as the report looks at them: models, not rows. Seeds of one model are gathered; order is by perplexity.
use std::cmp::Ordering;

use lm::{Family, PairedVerdict};

use crate::record::{Bucket, Curve, Detail, Record, Results, Run, Status};

/// Mean, lowest and highest over the seeds of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Spread {
    pub mean: f64,
    pub min: f64,
    pub max: f64,
    pub n: usize,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.filter(|v| !v.is_nan()).collect();
        let n = values.len();
        (n > 0).then(|| Self {
            // A sum over equal values need not divide back to the value: one seed, or a model without chance, stays exact.
            mean: if values.iter().all(|v| *v == values[0]) {
                values[0]
            } else {
                values.iter().sum::<f64>() / n as f64
            },
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            n,
        })
    }
}

/// All rows of one model.
#[derive(Debug)]
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Model<'a> {
    pub name: &'a str,
    pub family: Family,
    /// One a seed, finished or not.
    pub rows: Vec<&'a Record>,
    pub details: Vec<&'a Detail>,
    /// False: its "probabilities" do not sum to one and its perplexity competes with none.
    pub normalised: bool,
}

impl Model<'_> {
    /// Over the seeds that finished.
    pub fn figure(&self, of: impl Fn(&Record) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.finished().filter_map(of))
    }

    /// A figure of `details.csv` over the seeds that finished.
    pub fn detail(&self, of: impl Fn(&Detail) -> Option<f64>) -> Option<Spread> {
        let finished = |d: &&&Detail| self.finished().any(|r| r.seed == d.seed);
        Spread::of(self.details.iter().filter(finished).filter_map(|d| of(d)))
    }

    /// Test perplexity.
    pub fn perplexity(&self) -> Option<Spread> {
        self.figure(|r| r.perplexity)
    }

    /// Mean test perplexity, infinite if nothing else is known: for sorting and axes.
    pub fn ppl(&self) -> f64 {
        self.perplexity().map_or(f64::INFINITY, |p| p.mean)
    }

    /// Its 95 % interval (means of the seeds' ends).
    pub fn interval(&self) -> Option<(f64, f64)> {
        Some((self.figure(|r| r.ppl_lo)?.mean, self.figure(|r| r.ppl_hi)?.mean))
    }

    /// Whether a seed finished.
    pub fn is_ok(&self) -> bool {
        self.finished().next().is_some() && self.perplexity().is_some()
    }

    /// Finished, finite, and a probability distribution: its perplexity may win.
    pub fn competes(&self) -> bool {
        self.is_ok() && self.normalised && self.ppl().is_finite() && self.family != Family::Oracle
    }

    /// A model under comparison, neither a baseline nor the truth.
    pub fn is_contender(&self) -> bool {
        !matches!(self.family, Family::Baseline | Family::Oracle)
    }

    /// Whether its training follows a gradient.
    pub fn is_recurrent(&self) -> bool {
        matches!(self.family, Family::Rnn | Family::Gru | Family::Lstm)
    }

    /// The rows that did not finish.
    pub fn unfinished(&self) -> impl Iterator<Item = &Record> {
        self.rows.iter().copied().filter(|r| r.status != Status::Ok)
    }

    /// Its name with a dagger if its perplexity is not one.
    pub fn label(&self) -> String {
        format!("{}{}", self.name, if self.normalised { "" } else { " †" })
    }

    fn finished(&self) -> impl Iterator<Item = &Record> {
        self.rows.iter().copied().filter(|r| r.status == Status::Ok)
    }
}

/// A status as a word.
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Diverged => "diverged",
        Status::Failed => "failed",
        Status::Interrupted => "interrupted",
    }
}

/// A family as a reader says it.
pub fn family_word(family: Family) -> &'static str {
    match family {
        Family::Baseline => "baseline",
        Family::Oracle => "oracle",
        Family::Ngram => "n-gram",
        Family::Window => "window",
        Family::Rnn => "RNN",
        Family::Gru => "GRU",
        Family::Lstm => "LSTM",
        Family::Mixture => "mixture",
        Family::Adaptive => "adaptive",
    }
}

/// What the paired tests of two models say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Versus {
    /// Perplexity of the first over that of the second, mean over seeds.
    pub ratio: f64,
    /// Lowest lower and highest upper end of the seeds' intervals.
    pub lo: f64,
    /// See `lo`.
    pub hi: f64,
    /// What every seed says of the first; `None` if seeds disagree.
    pub verdict: Option<PairedVerdict>,
}

/// The results, gathered.
#[derive(Debug)]
pub struct View<'a> {
    /// Where all comes from.
    pub results: &'a Results,
    /// By perplexity; then infinite ones by their share of zeros; then failed ones.
    pub models: Vec<Model<'a>>,
}

impl<'a> View<'a> {
    /// Gathers. Rows of the other files whose model has no row in the records any more are left out.
    pub fn new(results: &'a Results) -> Self {
        let mut models: Vec<Model<'a>> = Vec::new();
        for row in &results.records {
            match models.iter_mut().find(|m| m.name == row.model) {
                Some(model) => model.rows.push(row),
                None => {
                    let details: Vec<_> =
                        results.details.iter().filter(|d| d.model == row.model).collect();
                    let normalised = details.iter().all(|d| d.normalised);
                    models.push(Model {
                        name: &row.model,
                        family: row.family,
                        rows: vec![row],
                        details,
                        normalised,
                    });
                }
            }
        }
        models.sort_by(order);
        Self { results, models }
    }

    /// What is the same for all rows.
    pub fn run(&self) -> &'a Run {
        &self.results.run
    }

    /// The best competing model of those that `pick` picks.
    pub fn best(&self, pick: impl Fn(&Model) -> bool) -> Option<&Model<'a>> {
        self.models.iter().find(|m| m.competes() && pick(m))
    }

    /// The true distribution, if there is one.
    pub fn oracle(&self) -> Option<&Model<'a>> {
        self.models.iter().find(|m| m.family == Family::Oracle && m.is_ok())
    }

    /// The best of each family that has a finished, finite, normalised model, and the oracle; best first.
    pub fn champions(&self) -> Vec<&Model<'a>> {
        let mut out: Vec<&Model> = Vec::new();
        for m in &self.models {
            if (m.competes() || m.family == Family::Oracle && m.is_ok())
                && out.iter().all(|o| o.family != m.family)
            {
                out.push(m);
            }
        }
        out
    }

    /// The paired tests of two models, whichever way round they were recorded.
    pub fn versus(&self, a: &str, b: &str) -> Option<Versus> {
        let has = |model: &str, seed: u64| {
            self.results.records.iter().any(|r| r.model == model && r.seed == seed)
        };
        let mut all: Option<(Versus, usize)> = None;
        for p in self.results.pairs.iter().filter(|p| has(&p.a, p.seed) && has(&p.b, p.seed)) {
            let (Some(ratio), Some(lo), Some(hi)) = (p.ratio, p.ratio_lo, p.ratio_hi) else {
                continue;
            };
            let one = if p.a == a && p.b == b {
                Versus { ratio, lo, hi, verdict: Some(p.verdict) }
            } else if p.a == b && p.b == a {
                Versus {
                    ratio: 1.0 / ratio,
                    lo: 1.0 / hi,
                    hi: 1.0 / lo,
                    verdict: Some(turned(p.verdict)),
                }
            } else {
                continue;
            };
            all = Some(match all {
                None => (one, 1),
                Some((v, n)) => (
                    Versus {
                        ratio: (v.ratio * n as f64 + one.ratio) / (n + 1) as f64,
                        lo: v.lo.min(one.lo),
                        hi: v.hi.max(one.hi),
                        verdict: v.verdict.filter(|_| v.verdict == one.verdict),
                    },
                    n + 1,
                ),
            });
        }
        all.map(|(v, _)| v)
    }

    /// The order of n-gram whose buckets are shown: 3 if it was measured, else the highest.
    pub fn bucket_order(&self) -> Option<usize> {
        let orders = || self.results.buckets.iter().map(|b| b.order);
        if orders().any(|n| n == 3) { Some(3) } else { orders().max() }
    }

    /// The buckets `lo..=hi` of one order, each with its number of targets, in order.
    pub fn buckets(&self, order: usize) -> Vec<(u64, Option<u64>, u64)> {
        let mut out: Vec<(u64, Option<u64>, u64)> = Vec::new();
        for b in self.results.buckets.iter().filter(|b| b.order == order) {
            if !out.iter().any(|o| (o.0, o.1) == (b.lo, b.hi)) {
                out.push((b.lo, b.hi, b.targets));
            }
        }
        out.sort_unstable();
        out
    }

    /// Perplexity of a model in one bucket over its seeds.
    pub fn in_bucket(
        &self,
        model: &Model,
        order: usize,
        lo: u64,
        hi: Option<u64>,
    ) -> Option<Spread> {
        let of = |b: &&Bucket| {
            b.model == model.name && b.order == order && b.lo == lo && b.hi == hi && b.targets > 0
        };
        Spread::of(self.results.buckets.iter().filter(of).filter_map(|b| b.perplexity))
    }

    /// The learning curve of one seed.
    pub fn curve(&self, model: &Model, seed: u64) -> Vec<&'a Curve> {
        self.results.curves.iter().filter(|c| c.model == model.name && c.seed == seed).collect()
    }
}

/// `1`, `2–3`, `64+`.
pub fn bucket_name(lo: u64, hi: Option<u64>) -> String {
    match hi {
        None => format!("{lo}+"),
        Some(hi) if hi == lo => lo.to_string(),
        Some(hi) => format!("{lo}–{hi}"),
    }
}

fn turned(verdict: PairedVerdict) -> PairedVerdict {
    match verdict {
        PairedVerdict::Better => PairedVerdict::Worse,
        PairedVerdict::Worse => PairedVerdict::Better,
        same => same,
    }
}

fn order(a: &Model, b: &Model) -> Ordering {
    let zeros = |m: &Model| m.figure(|r| r.zero_prob_share).map_or(1.0, |s| s.mean);
    (!a.is_ok())
        .cmp(&!b.is_ok())
        .then(a.ppl().total_cmp(&b.ppl()))
        .then(zeros(a).total_cmp(&zeros(b)))
        .then_with(|| a.name.cmp(b.name))
}
