//! e7: divergence without clipping and with it; the cliff of a one-unit network.
mod cliff;
mod rule;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Result;
use lm::Perplexity;
use nn::activation::Activation;
use nn::fit::{Config, OptimizerName};
use rayon::prelude::*;
use rnn::{CellName, Init, RnnConfig};

use self::cliff::cliff;
use self::rule::{Tally, rule};
use super::nets::{FewWords, one_layer, run, sigma_name};
use crate::lab::stats::wilson;
use crate::lab::*;

const RATES: [f64; 5] = [0.125, 0.5, 2.0, 8.0, 32.0];
/// Thresholds; 0: no clipping.
const THRESHOLDS: [f64; 5] = [0.0, 0.25, 1.0, 5.0, 15.0];
const SIGMAS: [Activation; 2] = [Activation::Tanh, Activation::Relu];
/// Gains of the orthogonal start.
const GAINS: [f64; 2] = [1.0, 2.0];

/// A place of the grid.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    sigma: Activation,
    gain: f64,
    rate: f64,
    threshold: f64,
    seed: u64,
}

/// What happened there.
#[derive(Clone, Copy)]
struct Found {
    diverged: bool,
    /// Share of clipped steps, where a validation told it.
    clipped: Option<f64>,
    valid: f64,
}

/// The experiment.
pub struct Exploding;

fn config(lab: &Lab<'_>, place: &Place) -> RnnConfig {
    let init = Init::Orthogonal(place.gain);
    let mut config = one_layer(CellName::Rnn, place.sigma, init, lab.size(8, 24, 48), place.seed);
    config.training = Config {
        epochs: lab.size(1, 2, 2),
        optimizer: OptimizerName::Sgd,
        lr: place.rate,
        clip: place.threshold,
        validations: 2,
        // The first number that is not finite is what is looked for.
        recoveries: 0,
        ..config.training
    };
    config
}

fn grid(seeds: &[u64]) -> Vec<Place> {
    let mut grid = Vec::new();
    for sigma in SIGMAS {
        for gain in GAINS {
            for rate in RATES {
                for threshold in THRESHOLDS {
                    let place = |seed: &u64| Place { sigma, gain, rate, threshold, seed: *seed };
                    grid.extend(seeds.iter().map(place));
                }
            }
        }
    }
    grid
}

impl Experiment for Exploding {
    fn name(&self) -> &'static str {
        "exploding"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["e7"]
    }

    fn about(&self) -> &'static str {
        "learning rate × clipping threshold × σ × start: divergence, clipped steps, perplexity; the cliff"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let words = lab.corpus.vocab.len().min(lab.size(100, 500, 1_000));
        let first = grid(&[1])[0];
        config(lab, &first).training_bytes(words) * rayon::current_num_threads() as u64
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let seeds = lab.seeds(lab.size(1, 3, 3));
        let words = FewWords::of(lab, lab.size(100, 500, 1_000), lab.size(3_000, 30_000, 60_000));
        let (mut table, grid) = (table(), grid(&seeds));
        let (done, total) = (AtomicUsize::new(0), grid.len());
        let found: Vec<Result<Found>> = grid
            .par_iter()
            .map(|place| {
                lab.step("training", done.fetch_add(1, Relaxed), total)?;
                let run = run(config(lab, place), words.train_set(), None)?;
                Ok(Found { diverged: run.diverged, clipped: run.clipped, valid: run.valid })
            })
            .collect();
        let found: Vec<Found> = found.into_iter().collect::<Result<_>>()?;
        let runs: Vec<(Place, Found)> = grid.into_iter().zip(found).collect();
        for (p, f) in &runs {
            let perplexity = Perplexity::of_mean_nll(f.valid);
            let clipped = f.clipped.map_or_else(String::new, |share| share.to_string());
            table.push(&[
                &p.sigma.name(),
                &p.gain,
                &p.rate,
                &p.threshold,
                &p.seed,
                &f.diverged,
                &clipped,
                &perplexity,
            ]);
        }
        let ruling = rule(&tallies(&runs));
        let (cliff_table, cliff) = cliff(40);
        let mut charts = charts(&runs);
        charts.push(cliff);
        let rows = vec![lab.row("e7", self, seeds.len() as u64, ruling)];
        Ok(Outcome { rows, tables: vec![table, cliff_table], charts })
    }
}

fn table() -> Table {
    let columns =
        ["sigma", "gain", "rate", "threshold", "seed", "diverged", "clipped_share", "perplexity"];
    Table::new("runs", &columns)
}

/// The runs by cell: σ, gain and rate. Those of one seed at the thresholds belong together.
fn tallies(runs: &[(Place, Found)]) -> Vec<Tally> {
    let mut out: Vec<Tally> = Vec::new();
    for (free, without) in runs.iter().filter(|(p, _)| p.threshold == 0.0) {
        let place = (free.sigma, free.gain, free.rate);
        let k = out.iter().position(|t| t.place == place).unwrap_or_else(|| {
            out.push(Tally { place, seeds: Vec::new() });
            out.len() - 1
        });
        let diverged = THRESHOLDS.map(|threshold| {
            let twin = Place { threshold, ..*free };
            let with = runs.iter().find(|(p, _)| *p == twin);
            with.map_or(without.diverged, |(_, f)| f.diverged)
        });
        out[k].seeds.push(diverged);
    }
    out
}

fn charts(runs: &[(Place, Found)]) -> Vec<Chart> {
    let at = |sigma: Option<Activation>, rate: f64, threshold: f64| -> Vec<Found> {
        let own = runs.iter().filter(|(p, _)| p.rate == rate && p.threshold == threshold);
        own.filter(|(p, _)| sigma.is_none_or(|s| p.sigma == s)).map(|(_, f)| *f).collect()
    };
    let name = |threshold: f64| match threshold {
        0.0 => Text::new("no clipping", "不截断"),
        c => Text::same(format!("c = {c}")),
    };
    let chart = |id: &str, title: Text, y: Axis, series: Vec<Series>| Chart {
        id: id.into(),
        claims: vec!["e7".into()],
        table: "runs".into(),
        title,
        x: Axis::log(Text::new("learning rate (SGD)", "学习率(SGD)")),
        y,
        shape: Shape::Lines { series, rules: vec![] },
    };
    let divergence = |sigma: Activation| {
        let series = THRESHOLDS.iter().enumerate().map(|(k, &threshold)| {
            // A little apart, or the intervals would hide each other.
            let apart = 1.07f64.powi(k as i32 - 2);
            let points = RATES.iter().filter_map(|&rate| {
                let own = at(Some(sigma), rate, threshold);
                let share = wilson(own.iter().filter(|f| f.diverged).count(), own.len())?;
                Some((rate * apart, share))
            });
            Series::with_intervals(name(threshold), Look::Plain(k), points)
        });
        let label = sigma_name(sigma);
        chart(
            &format!("divergence-{}", sigma.name()),
            Text::new(
                format!(
                    "Share of diverged runs by learning rate and threshold (set a little apart), {}",
                    label.en
                ),
                format!("发散运行的比例(按学习率与阈值,各点略微错开),{}", label.zh),
            ),
            Axis::linear(Text::new("share of runs that diverged", "发散运行的比例")),
            series.collect(),
        )
    };
    let clipped = THRESHOLDS.iter().enumerate().skip(1).map(|(k, &threshold)| {
        let points = RATES.iter().filter_map(|&rate| {
            let own = at(None, rate, threshold);
            let known: Vec<f64> = own.iter().filter_map(|f| f.clipped).collect();
            (!known.is_empty()).then(|| (rate, known.iter().sum::<f64>() / known.len() as f64))
        });
        Series::new(name(threshold), Look::Plain(k), points)
    });
    let perplexity = THRESHOLDS.iter().enumerate().map(|(k, &threshold)| {
        let points = RATES.iter().map(|&rate| {
            let own = at(None, rate, threshold);
            let loss = |f: &Found| if f.diverged { f64::INFINITY } else { f.valid };
            let mut losses: Vec<f64> = own.iter().map(loss).collect();
            losses.sort_by(f64::total_cmp);
            (rate, Perplexity::of_mean_nll(losses[losses.len() / 2]))
        });
        Series::new(name(threshold), Look::Plain(k), points)
    });
    vec![
        divergence(Activation::Tanh),
        divergence(Activation::Relu),
        chart(
            "clipped",
            Text::new(
                "Share of clipped steps, runs that reached a validation",
                "被截断的步数比例(至少完成一次验证的运行)",
            ),
            Axis::linear(Text::new("share of steps", "步数比例")),
            clipped.collect(),
        ),
        chart(
            "perplexity",
            Text::new(
                "Final perplexity, median over σ, starts and seeds (∞: most runs diverged)",
                "最终困惑度:各 σ、初始化、种子的中位数(∞ 表示多数运行发散)",
            ),
            Axis::log(Text::new("validation perplexity", "验证集困惑度")),
            perplexity.collect(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_pairs_every_run_with_its_clipped_twin() {
        let grid = grid(&[1, 2]);
        assert_eq!(grid.len(), 2 * 2 * 5 * 5 * 2);
        // diverges without clipping, and of the second seed at 1, too
        let found = |p: &Place| Found {
            diverged: p.threshold == 0.0 || p.threshold == 1.0 && p.seed == 2,
            clipped: None,
            valid: 1.0,
        };
        let runs: Vec<(Place, Found)> = grid.iter().map(|p| (*p, found(p))).collect();
        let tallies = tallies(&runs);
        assert_eq!(tallies.len(), 2 * 2 * 5);
        for t in tallies {
            let (free, both) =
                ([true, false, false, false, false], [true, false, true, false, false]);
            assert_eq!(t.seeds, [free, both]);
        }
    }
}
