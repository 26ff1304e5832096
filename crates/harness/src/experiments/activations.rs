//! e8: σ and the start of W_h: how far the gradient reaches, how often training diverges, how far a word is remembered.
mod rule;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Result;
use nn::activation::Activation;
use nn::fit::{Config, OptimizerName};
use rayon::prelude::*;
use rnn::gradflow::{LagFlow, Path};
use rnn::{Backbone, CellName, Init, RnnConfig};

use self::rule::{Of, rule};
use super::nets::{FewWords, Stretch, one_layer, run, sigma_name};
use super::recall::Recall;
use crate::lab::stats::wilson;
use crate::lab::*;

const SIGMAS: [Activation; 3] = [Activation::Tanh, Activation::Sigmoid, Activation::Relu];
const STARTS: [&str; 3] = ["normal", "orthogonal", "identity"];
const LAST: usize = 100;
/// The lag of the verdict on the gradient.
const AT: usize = 50;
/// Learning rates of SGD without clipping.
const RATES: [f64; 4] = [0.125, 0.5, 2.0, 8.0];

fn start(kind: &str, size: usize) -> Init {
    match kind {
        "normal" => Init::Normal(1.0 / (size as f64).sqrt()),
        "orthogonal" => Init::Orthogonal(1.0),
        _ => Init::Identity(1.0),
    }
}

fn start_name(kind: &str) -> Text {
    Text::new(
        kind,
        match kind {
            "normal" => "正态",
            "orthogonal" => "正交",
            _ => "单位矩阵",
        },
    )
}

/// The experiment.
pub struct Activations;

/// A place of the grid and what was found there.
struct Found {
    sigma: Activation,
    start: &'static str,
    seed: u64,
    /// Mean norms by lag before training.
    norms: Vec<f64>,
    /// Share of the states' numbers that are not zero.
    on: f64,
    /// Of every rate: diverged?
    diverged: Vec<bool>,
    /// Share of right answers at every lag of recall.
    recall: Vec<f64>,
}

fn recall_lags(lab: &Lab<'_>) -> &'static [usize] {
    lab.size(&[3, 6], &[5, 20, 40], &[5, 10, 20, 40, 80])
}

fn size(lab: &Lab<'_>) -> usize {
    lab.size(8, 32, 48)
}

impl Experiment for Activations {
    fn name(&self) -> &'static str {
        "activations"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["e8"]
    }

    fn about(&self) -> &'static str {
        "σ × start: gradient norm at lag 1 to 100, divergence without clipping, recall"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let words = lab.corpus.vocab.len().min(lab.size(100, 500, 1_000));
        let config = one_layer(CellName::Rnn, Activation::Relu, Init::Identity(1.0), size(lab), 1);
        let flow = LAST * (size(lab).pow(2) + 32 * 3 * size(lab)) * 8;
        (config.training_bytes(words) + flow as u64) * rayon::current_num_threads() as u64
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let seeds = lab.seeds(lab.size(2, 3, 3));
        let words = FewWords::of(lab, lab.size(100, 500, 1_000), lab.size(3_000, 30_000, 60_000));
        let texts = words.stretches(lab.size(8, 32, 32), LAST + 1)?;
        let recalls: Vec<Recall> = recall_lags(lab)
            .iter()
            .map(|lag| Recall::of(lab, *lag, lab.size(400, 3_000, 4_000)))
            .collect();
        let mut grid = Vec::new();
        for sigma in SIGMAS {
            for start in STARTS {
                grid.extend(seeds.iter().map(|seed| (sigma, start, *seed)));
            }
        }
        let (done, total) = (AtomicUsize::new(0), grid.len());
        let found: Vec<Result<Found>> = grid
            .into_par_iter()
            .map(|(sigma, start, seed)| {
                lab.step("σ and starts", done.fetch_add(1, Relaxed), total)?;
                look(lab, (sigma, start, seed), &words, &texts, &recalls)
            })
            .collect();
        let found: Vec<Found> = found.into_iter().collect::<Result<_>>()?;
        let of = |sigma: Activation| {
            let mut sums = Of::default();
            for f in found.iter().filter(|f| f.sigma == sigma) {
                let k = STARTS.iter().position(|s| *s == f.start).expect("a start of the grid");
                // A norm of zero has no logarithm; the smallest number stands for it.
                sums.log_norms[k].push(f.norms[AT].max(f64::MIN_POSITIVE).ln());
                sums.on[k].push(f.on);
                let diverged = f.diverged.iter().filter(|d| **d).count();
                sums.diverged[k].push((diverged, f.diverged.len()));
                sums.recall[k].push(f.recall.iter().sum::<f64>() / f.recall.len() as f64);
            }
            sums
        };
        let ruling = rule(SIGMAS.map(of).each_ref());
        let rows = vec![lab.row("e8", self, seeds.len() as u64, ruling)];
        Ok(Outcome {
            rows,
            tables: tables(&found, recall_lags(lab)),
            charts: charts(&found, recall_lags(lab)),
        })
    }
}

fn look(
    lab: &Lab<'_>,
    (sigma, kind, seed): (Activation, &'static str, u64),
    words: &FewWords,
    texts: &[Stretch],
    recalls: &[Recall],
) -> Result<Found> {
    let init = start(kind, size(lab));
    let config = one_layer(CellName::Rnn, sigma, init, size(lab), seed);
    let fresh: Backbone<f64> =
        Backbone::start(&config.architecture(words.vocab.len()), &config.start());
    let inputs: Vec<&[u32]> = texts.iter().map(|t| &t.inputs[..]).collect();
    let targets: Vec<u32> = texts.iter().map(Stretch::last_target).collect();
    let norms = LagFlow::new(&fresh, &inputs, &targets).mean_norms();
    let path = Path::fresh(&fresh, &texts[0].inputs, &texts[0].targets);
    let on = (1..=LAST).map(|t| path.state(t).iter().filter(|h| **h != 0.0).count()).sum::<usize>();
    let on = on as f64 / (LAST * fresh.hidden()) as f64;
    let diverged = RATES.map(|rate| {
        let training = Config {
            epochs: lab.size(1, 2, 2),
            optimizer: OptimizerName::Sgd,
            lr: rate,
            clip: 0.0,
            recoveries: 0,
            validations: 2,
            ..config.training.clone()
        };
        let config = RnnConfig { training, ..config.clone() };
        run(config, words.train_set(), None).map(|run| run.diverged)
    });
    let diverged = diverged.into_iter().collect::<Result<_>>()?;
    let accuracy = |recall: &Recall| {
        let init = start(kind, Recall::hidden(lab));
        recall.accuracy(&RnnConfig { sigma, init, ..recall.network(lab, CellName::Rnn, seed) })
    };
    let recall = recalls.iter().map(accuracy).collect::<Result<_>>()?;
    Ok(Found { sigma, start: kind, seed, norms, on, diverged, recall })
}

fn tables(found: &[Found], lags: &[usize]) -> Vec<Table> {
    let mut norms = Table::new("norms", &["sigma", "start", "seed", "lag", "norm"]);
    let mut on = Table::new("on", &["sigma", "start", "seed", "share_of_units_not_zero"]);
    let mut runs = Table::new("divergence", &["sigma", "start", "seed", "rate", "diverged"]);
    let mut recall = Table::new("recall", &["sigma", "start", "seed", "lag", "accuracy"]);
    for f in found {
        let sigma = f.sigma.name();
        for (lag, norm) in f.norms.iter().enumerate() {
            norms.push(&[&sigma, &f.start, &f.seed, &lag, norm]);
        }
        on.push(&[&sigma, &f.start, &f.seed, &f.on]);
        for (rate, diverged) in RATES.iter().zip(&f.diverged) {
            runs.push(&[&sigma, &f.start, &f.seed, rate, diverged]);
        }
        for (lag, accuracy) in lags.iter().zip(&f.recall) {
            recall.push(&[&sigma, &f.start, &f.seed, lag, accuracy]);
        }
    }
    vec![norms, on, runs, recall]
}

fn charts(found: &[Found], lags: &[usize]) -> Vec<Chart> {
    let mean = |sigma: Activation, start: &str, of: &dyn Fn(&Found) -> f64| {
        let own = found.iter().filter(|f| f.sigma == sigma && f.start == start);
        own.clone().map(of).sum::<f64>() / own.count() as f64
    };
    let chart =
        |id: String, table: &str, title: Text, x: Axis, y: Axis, series: Vec<Series>, rules| {
            Chart {
                id,
                claims: vec!["e8".into()],
                table: table.into(),
                title,
                x,
                y,
                shape: Shape::Lines { series, rules },
            }
        };
    let curves = |points: &dyn Fn(Activation) -> Vec<(f64, f64)>| -> Vec<Series> {
        let series =
            |(k, s): (usize, &Activation)| Series::new(sigma_name(*s), Look::Plain(k), points(*s));
        SIGMAS.iter().enumerate().map(series).collect()
    };
    let norms = STARTS.iter().map(|start| {
        let label = start_name(start);
        chart(
            format!("norm-{start}"),
            "norms",
            Text::new(
                format!("Gradient by lag before training, {} start", label.en),
                format!("训练前梯度随间隔的变化,{}初始化", label.zh),
            ),
            Axis::linear(Text::new("lag t − i, steps", "间隔 t − i(步)")),
            Axis::log(Text::new("mean ‖∂J(t)/∂h(i)‖", "‖∂J(t)/∂h(i)‖ 的均值")),
            curves(&|sigma| {
                (1..=LAST).map(|l| (l as f64, mean(sigma, start, &|f| f.norms[l]))).collect()
            }),
            vec![],
        )
    });
    let recall = STARTS.iter().map(|start| {
        let label = start_name(start);
        chart(
            format!("recall-{start}"),
            "recall",
            Text::new(
                format!("Recall by lag, {} start", label.en),
                format!("记忆准确率随间隔的变化,{}初始化", label.zh),
            ),
            Axis::linear(Text::new("lag of recall, words", "记忆间隔(词)")),
            Axis::linear(Text::new("share of right answers", "答对的比例")),
            curves(&|sigma| {
                let point =
                    |(i, lag): (usize, &usize)| (*lag as f64, mean(sigma, start, &|f| f.recall[i]));
                lags.iter().enumerate().map(point).collect()
            }),
            vec![Rule { name: Text::new("chance", "随机水平"), y: Recall::chance() }],
        )
    });
    let divergence = SIGMAS.iter().enumerate().map(|(k, &sigma)| {
        let points = RATES.iter().enumerate().filter_map(|(i, &rate)| {
            let own = found.iter().filter(|f| f.sigma == sigma);
            let (n, k) = (own.clone().count(), own.filter(|f| f.diverged[i]).count());
            Some((rate, wilson(k, n)?))
        });
        Series::with_intervals(sigma_name(sigma), Look::Plain(k), points)
    });
    let divergence = chart(
        "divergence".into(),
        "divergence",
        Text::new("Share of diverged runs without clipping", "不截断梯度时发散运行的比例"),
        Axis::log(Text::new("learning rate (SGD)", "学习率(SGD)")),
        Axis::linear(Text::new("share of runs that diverged", "发散运行的比例")),
        divergence.collect(),
        vec![],
    );
    norms.chain([divergence]).chain(recall).collect()
}
