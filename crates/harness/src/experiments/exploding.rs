//! e7: divergence without clipping and with it; the cliff of a one-unit network.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Result;
use lm::Perplexity;
use nn::activation::Activation;
use nn::fit::{Config, OptimizerName};
use rayon::prelude::*;
use rnn::gradflow::OneUnit;
use rnn::{CellName, Init, RnnConfig};

use super::common::percent;
use super::nets::{FewWords, one_layer, run, sigma_name};
use crate::lab::stats::wilson;
use crate::lab::*;

const RATES: [f64; 5] = [0.125, 0.5, 2.0, 8.0, 32.0];
/// Thresholds; 0: no clipping. The first after it is the one that decides.
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

/// Of the runs that diverge without clipping: how many there are of how many in all, and how many of them the smallest
/// threshold saves. Confirmed where it saves most of them, refuted where it saves fewer than half, both beyond chance.
/// `still`: where runs diverge in spite of it. `rates`: the share of diverged runs of every threshold.
fn rule(
    all: usize,
    diverging: usize,
    saved: usize,
    still: &[(Activation, f64)],
    rates: &[(f64, f64)],
) -> Ruling {
    let threshold = THRESHOLDS[1];
    let figure = Text::new(
        format!("share of the runs diverging without clipping that clipping at {threshold} saves"),
        format!("不截断时发散的运行中,阈值 {threshold} 的截断所挽救的比例"),
    );
    let Some(share) = wilson(saved, diverging) else {
        let why = Text::new(
            "no run diverged without clipping: take larger rates",
            "不截断时没有运行发散:需要更大的学习率",
        );
        return Ruling::undecided(figure, why);
    };
    let each = |sep: &str| {
        let one = |(c, rate): &(f64, f64)| {
            let name = if *c == 0.0 { "∞".to_owned() } else { c.to_string() };
            format!("{name}: {}", percent(*rate))
        };
        rates.iter().map(one).collect::<Vec<_>>().join(sep)
    };
    let left = SIGMAS.map(|sigma| {
        let mut own: Vec<f64> = still.iter().filter(|s| s.0 == sigma).map(|s| s.1).collect();
        own.sort_by(f64::total_cmp);
        own.dedup();
        let list = own.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        format!("{} ({})", sigma_name(sigma).en, if list.is_empty() { "–" } else { &list })
    });
    let left = left.join(", ");
    let reason = Text::new(
        format!(
            "{diverging} of {all} runs diverge without clipping; diverged runs by threshold {}; rates at which some run diverges in spite of {threshold}: {left}",
            each(", ")
        ),
        format!(
            "不截断时 {all} 次运行中有 {diverging} 次发散;各阈值的发散率 {};阈值 {threshold} 下仍有运行发散的学习率:{left}",
            each("、")
        ),
    );
    Ruling { verdict: Verdict::above(share, 0.5), measured: Some(share), figure, reason }
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
        let grid = grid(&seeds);
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
        let mut table = Table::new(
            "runs",
            &[
                "sigma",
                "gain",
                "rate",
                "threshold",
                "seed",
                "diverged",
                "clipped_share",
                "perplexity",
            ],
        );
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
        let of = |threshold: f64| runs.iter().filter(move |(p, _)| p.threshold == threshold);
        let pairs = of(0.0).zip(of(THRESHOLDS[1])).filter(|((_, f), _)| f.diverged);
        let saved = pairs.clone().filter(|(_, (_, f))| !f.diverged).count();
        let still = of(THRESHOLDS[1]).filter(|(_, f)| f.diverged).map(|(p, _)| (p.sigma, p.rate));
        let still: Vec<(Activation, f64)> = still.collect();
        let rates = THRESHOLDS.map(|threshold| {
            let (n, k) = (of(threshold).count(), of(threshold).filter(|(_, f)| f.diverged).count());
            (threshold, k as f64 / n as f64)
        });
        let ruling = rule(of(0.0).count(), pairs.count(), saved, &still, &rates);
        let (cliff_table, cliff) = cliff(lab.size(20, 80, 100));
        let mut charts = charts(&runs);
        charts.push(cliff);
        let rows = vec![lab.row("e7", self, seeds.len() as u64, ruling)];
        Ok(Outcome { rows, tables: vec![table, cliff_table], charts })
    }
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
            let points = RATES.iter().filter_map(|&rate| {
                let own = at(Some(sigma), rate, threshold);
                Some((rate, wilson(own.iter().filter(|f| f.diverged).count(), own.len())?))
            });
            // Intervals of the two that decide; five of them would hide each other.
            match k {
                0 | 1 => Series::with_intervals(name(threshold), Look::Plain(k), points),
                _ => {
                    Series::new(name(threshold), Look::Plain(k), points.map(|(x, e)| (x, e.value)))
                }
            }
        });
        let label = sigma_name(sigma);
        chart(
            &format!("divergence-{}", sigma.name()),
            Text::new(
                format!("Share of diverged runs by learning rate and threshold, {}", label.en),
                format!("发散运行的比例(按学习率与阈值),{}", label.zh),
            ),
            Axis::linear(Text::new("share of runs that diverged", "发散运行的比例")),
            series.collect(),
        )
    };
    let clipped = THRESHOLDS.iter().enumerate().skip(1).map(|(k, &threshold)| {
        let points = RATES.into_iter().filter_map(|rate| {
            let own = at(None, rate, threshold);
            let known: Vec<f64> = own.iter().filter_map(|f| f.clipped).collect();
            (!known.is_empty()).then(|| (rate, known.iter().sum::<f64>() / known.len() as f64))
        });
        Series::new(name(threshold), Look::Plain(k), points)
    });
    let perplexity = THRESHOLDS.iter().enumerate().map(|(k, &threshold)| {
        let points = RATES.map(|rate| {
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

/// The loss of the one-unit network over its two weights, and gradient descent on it with and without clipping.
fn cliff(cells: usize) -> (Table, Chart) {
    const START: [f64; 2] = [4.4, -2.0];
    const RATE: f64 = 0.3;
    const CLIP: f64 = 0.5;
    const STEPS: usize = 14;
    let net = OneUnit::default();
    let paths = [None, Some(CLIP)].map(|clip| net.descend(START, RATE, clip, STEPS));
    let range = |k: usize| {
        let values = || paths.iter().flatten().map(|p| p[k]);
        let (lo, hi) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let room = 0.25 * (hi - lo);
        let step = (hi - lo + 2.0 * room) / cells as f64;
        (0..=cells).map(|i| lo - room + i as f64 * step).collect::<Vec<f64>>()
    };
    let (ws, bs) = (range(0), range(1));
    let mut table = Table::new("cliff", &["what", "step", "w", "b", "loss"]);
    for (what, path) in ["no clipping", "clipped"].iter().zip(&paths) {
        for (step, p) in path.iter().enumerate() {
            table.push(&[what, &step, &p[0], &p[1], &net.loss(*p)]);
        }
    }
    let row = |b: &f64| ws.iter().map(|w| Cell(Some(net.loss([*w, *b])))).collect::<Vec<_>>();
    for (i, b) in bs.iter().enumerate() {
        ws.iter().for_each(|w| table.push(&[&"surface", &i, w, b, &net.loss([*w, *b])]));
    }
    let names = [
        Text::new("no clipping", "不截断"),
        Text::new(format!("clipped at {CLIP}"), format!("截断,阈值 {CLIP}")),
    ];
    let path = |(k, (name, points)): (usize, (Text, &Vec<[f64; 2]>))| {
        Series::new(name, Look::Plain(k + 1), points.iter().map(|p| (p[0], p[1])))
    };
    let chart = Chart {
        id: "cliff".into(),
        claims: vec!["e7".into()],
        table: "cliff".into(),
        title: Text::new(
            "The cliff: loss of a one-unit network after 50 steps, and descent on it",
            "悬崖:单个隐藏单元的网络在 50 步后的损失,以及其上的梯度下降",
        ),
        x: Axis::linear(Text::new("recurrent weight w", "循环权重 w")),
        y: Axis::linear(Text::new("bias b", "偏置 b")),
        shape: Shape::Heat {
            cells: bs.iter().map(row).collect(),
            xs: ws.clone(),
            ys: bs.clone(),
            z: Axis::linear(Text::new("loss (h(50) − 0.7)²", "损失 (h(50) − 0.7)²")),
            paths: names.into_iter().zip(&paths).enumerate().map(path).collect(),
        },
    };
    (table, chart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_outcomes() {
        let verdict = |diverging, saved| {
            rule(60, diverging, saved, &[(Activation::Relu, 32.0)], &[(0.0, 0.5)]).verdict
        };
        assert_eq!(verdict(30, 28), Verdict::Confirmed);
        assert_eq!(verdict(30, 16), Verdict::Undecided);
        assert_eq!(verdict(30, 2), Verdict::Refuted);
        assert_eq!(verdict(0, 0), Verdict::Undecided);
    }

    #[test]
    fn the_grid_pairs_every_run_with_its_clipped_twin() {
        let grid = grid(&[1, 2]);
        assert_eq!(grid.len(), 2 * 2 * 5 * 5 * 2);
        let of = |c: f64| grid.iter().filter(move |p| p.threshold == c);
        assert!(of(0.0).zip(of(0.25)).all(|(a, b)| Place { threshold: 0.25, ..*a } == *b));
    }
}
