//! e6: how the gradient fades with the lag, before, during and after training, in five recurrences.
//!
//! The lecture speaks of trained models, and it matters: after half of the default's steps, when the networks know little
//! more than how frequent words are, the gradient of some GRUs still falls faster than that of a tanh network.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Result;
use nn::activation::Activation;
use nn::fit::Config;
use rayon::prelude::*;
use rnn::gradflow::LagFlow;
use rnn::{Backbone, CellName, Init};

use super::common::percent;
use super::nets::{FewWords, Stretch, more_seeds, one_layer, other_seeds, run};
use crate::lab::stats::{slope, student};
use crate::lab::*;

const LAST: usize = 100;
/// Tokens read before the oldest lag: near the zero state that a text starts from, the gradient is that of a fresh state.
const BEFORE: usize = 30;
/// "The last steps" of the verdict.
const NEAR: usize = 10;

/// The recurrences: key, cell, σ, start.
const KINDS: [(&str, CellName, Activation, Init); 5] = [
    ("tanh", CellName::Rnn, Activation::Tanh, Init::Orthogonal(1.0)),
    ("sigmoid", CellName::Rnn, Activation::Sigmoid, Init::Orthogonal(1.0)),
    ("relu-identity", CellName::Rnn, Activation::Relu, Init::Identity(1.0)),
    ("gru", CellName::Gru, Activation::Tanh, Init::Orthogonal(1.0)),
    ("lstm", CellName::Lstm, Activation::Tanh, Init::Orthogonal(1.0)),
];
const TANH: usize = 0;
const GRU: usize = 3;
const LSTM: usize = 4;

fn name(kind: usize) -> Text {
    match kind {
        TANH => Text::same("tanh"),
        1 => Text::same("sigmoid"),
        2 => Text::new("ReLU + identity start", "ReLU + 单位矩阵初始化"),
        GRU => Text::same("GRU"),
        _ => Text::same("LSTM"),
    }
}

/// Confirmed where the trained tanh network's log norm falls with the lag in a straight line (R² of 0.8 or more), LSTM's and
/// GRU's fall more slowly, and most of its whole gradient comes from the last ten steps; refuted where one of these is the
/// other way round beyond the seeds' chance (Student), undecided where the line is not straight. The slope of an LSTM is that
/// of the gradient of its whole state [h | c].
fn rule(slopes: &[Vec<f64>; 5], straight: f64, near: &[f64]) -> Ruling {
    let figure = Text::new(
        "slope of the log gradient norm against the lag, trained tanh network, nats a step",
        "训练后的 tanh 网络:梯度范数的对数对间隔的斜率(奈特/步)",
    );
    let gap = |kind: usize| {
        let pairs = slopes[kind].iter().zip(&slopes[TANH]).map(|(a, b)| a - b);
        student(&pairs.collect::<Vec<_>>())
    };
    let all = (student(&slopes[TANH]), gap(GRU), gap(LSTM), student(near));
    let (Some(tanh), Some(gru), Some(lstm), Some(near)) = all else {
        let why = Text::new("a run diverged", "有运行发散");
        return Ruling::undecided(figure, why).or_take(other_seeds());
    };
    let mean = |kind: usize| number(slopes[kind].iter().sum::<f64>() / slopes[kind].len() as f64);
    let [sigmoid, relu, gru_slope, lstm_slope] = [1, 2, GRU, LSTM].map(mean);
    let (share, straight_text) = (percent(near.value), number(straight));
    let reason = Text::new(
        format!(
            "sigmoid {sigmoid}, ReLU {relu}, GRU {gru_slope}, LSTM {lstm_slope}; R² of tanh's line {straight_text} or more; {share} of its whole gradient comes from the last {NEAR} steps"
        ),
        format!(
            "sigmoid {sigmoid},ReLU {relu},GRU {gru_slope},LSTM {lstm_slope};tanh 直线拟合的 R² 不低于 {straight_text};其总梯度有 {share} 来自最后 {NEAR} 步"
        ),
    );
    let verdict = Verdict::all([
        if straight >= 0.8 { Verdict::Confirmed } else { Verdict::Undecided },
        Verdict::below(tanh, 0.0),
        Verdict::above(gru, 0.0),
        Verdict::above(lstm, 0.0),
        Verdict::above(near, 0.5),
    ]);
    let cure = if straight >= 0.8 {
        more_seeds()
    } else {
        Text::new(
            "a straighter line: other seeds (`--seed N`) or the longer training of `--preset full`",
            "更直的直线:更换随机种子(`--seed N`),或 `--preset full` 的更长训练",
        )
    };
    Ruling { verdict, measured: Some(tanh), figure, reason }.or_take(cure)
}

/// The experiment.
pub struct Vanishing;

/// What one run shows.
struct Track {
    kind: usize,
    seed: u64,
    /// Mean norms by lag at some training steps, 0 first.
    live: Vec<(u64, Vec<f64>)>,
    /// After training; empty where the run diverged.
    norms: Vec<f64>,
    /// Share of the whole gradient from the last k steps, k from 1.
    near: Vec<f64>,
}

impl Experiment for Vanishing {
    fn name(&self) -> &'static str {
        "vanishing"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["e6"]
    }

    fn about(&self) -> &'static str {
        "norm of the gradient over lags 0 to 100, during and after training: tanh, sigmoid, ReLU, GRU, LSTM"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let (words, size) = (lab.corpus.vocab.len().min(lab.size(100, 1_000, 2_000)), size(lab));
        let config = one_layer(CellName::Lstm, Activation::Tanh, Init::Uniform(0.1), size, 1);
        // A copy's gradient a lag, and the states of all stretches.
        let flow = (BEFORE + LAST) * (4 * size * size + stretches(lab) * 7 * size) * 8;
        let at_once = rayon::current_num_threads() as u64;
        at_once * (config.training_bytes(words) * 2 + flow as u64)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let seeds = lab.seeds(lab.size(2, 5, 5));
        let words =
            FewWords::of(lab, lab.size(100, 1_000, 2_000), lab.size(6_000, 60_000, 150_000));
        let texts = words.stretches(stretches(lab), BEFORE + LAST)?;
        let grid: Vec<(usize, u64)> =
            (0..KINDS.len()).flat_map(|k| seeds.iter().map(move |s| (k, *s))).collect();
        let (done, total) = (AtomicUsize::new(0), grid.len());
        let tracks: Vec<Result<Track>> = grid
            .into_par_iter()
            .map(|(kind, seed)| {
                lab.step("training", done.load(Relaxed), total)?;
                let track = track(lab, kind, seed, &words, &texts);
                done.fetch_add(1, Relaxed);
                track
            })
            .collect();
        let tracks: Vec<Track> = tracks.into_iter().collect::<Result<_>>()?;
        let (mut slopes, mut near) = ([const { Vec::new() }; 5], Vec::new());
        let mut least = f64::INFINITY;
        for track in &tracks {
            let (slope, straight) = fall(&track.norms);
            slopes[track.kind].push(slope);
            if track.kind == TANH {
                least = least.min(straight);
                near.push(track.near.get(NEAR - 1).copied().unwrap_or(f64::NAN));
            }
        }
        let ruling = rule(&slopes, least, &near);
        let rows = vec![lab.row("e6", self, seeds.len() as u64, ruling)];
        Ok(Outcome { rows, tables: tables(&tracks), charts: charts(&tracks, seeds[0]) })
    }
}

fn size(lab: &Lab<'_>) -> usize {
    lab.size(12, 48, 64)
}

fn stretches(lab: &Lab<'_>) -> usize {
    lab.size(8, 32, 64)
}

/// Slope of the log norm over the lags and the R² of that line; NaN where the run diverged.
fn fall(norms: &[f64]) -> (f64, f64) {
    // Squares of smaller numbers are lost.
    let points = norms.iter().enumerate().skip(1).filter(|(_, norm)| **norm > 1e-150);
    let points: Vec<(f64, f64)> = points.map(|(lag, norm)| (lag as f64, norm.ln())).collect();
    let Some(Estimate { value, .. }) = slope(&points) else { return (f64::NAN, f64::NAN) };
    let spread = |of: fn(&(f64, f64)) -> f64| {
        let mean = points.iter().map(of).sum::<f64>() / points.len() as f64;
        points.iter().map(|p| (of(p) - mean).powi(2)).sum::<f64>()
    };
    (value, value.powi(2) * spread(|p| p.0) / spread(|p| p.1))
}

/// Mean norms of the lags 0 to 100.
fn by_lag(flow: &LagFlow) -> Vec<f64> {
    flow.mean_norms().into_iter().take(LAST + 1).collect()
}

fn track(
    lab: &Lab<'_>,
    kind: usize,
    seed: u64,
    words: &FewWords,
    texts: &[Stretch],
) -> Result<Track> {
    let (_, cell, sigma, init) = KINDS[kind];
    let mut config = one_layer(cell, sigma, init, size(lab), seed);
    config.training = Config { epochs: lab.size(1, 4, 4), lr: 4e-3, ..Config::default() };
    let every = lab.size(4, 25, 60);
    let inputs: Vec<&[u32]> = texts.iter().map(|t| &t.inputs[..]).collect();
    let targets: Vec<u32> = texts.iter().map(Stretch::last_target).collect();
    let flow = |net: &Backbone<f32>| LagFlow::new(&net.cast(), &inputs, &targets);
    let mut live: Vec<(u64, Vec<f64>)> = Vec::new();
    let mut watch = |step: u64, net: &Backbone<f32>| {
        // Only the first seed is drawn; after a recovery the same steps come again.
        let wanted = step == 0 || seed == lab.seed && step.is_multiple_of(every);
        if wanted && live.last().is_none_or(|(last, _)| *last < step || step == 0) {
            live.push((step, by_lag(&flow(net))));
        }
    };
    let run = run(config, words.train_set(), Some(&mut watch))?;
    let last = run.model.map(|model| flow(&model.net));
    let norms = last.as_ref().map_or(Vec::new(), by_lag);
    let near = last.map_or(Vec::new(), |flow| flow.near_shares().into_iter().take(LAST).collect());
    Ok(Track { kind, seed, live, norms, near })
}

fn tables(tracks: &[Track]) -> Vec<Table> {
    let mut norms = Table::new("norms", &["recurrence", "seed", "step", "lag", "norm"]);
    let mut shares = Table::new("shares", &["recurrence", "seed", "last_steps", "share"]);
    for track in tracks {
        let key = KINDS[track.kind].0;
        let live = track.live.iter().map(|(step, n)| (step.to_string(), n));
        for (step, of) in live.chain([("trained".to_owned(), &track.norms)]) {
            for (lag, norm) in of.iter().enumerate() {
                norms.push(&[&key, &track.seed, &step, &lag, norm]);
            }
        }
        for (k, share) in track.near.iter().enumerate() {
            shares.push(&[&key, &track.seed, &(k + 1), share]);
        }
    }
    vec![norms, shares]
}

fn charts(tracks: &[Track], seed: u64) -> Vec<Chart> {
    let lag = || Axis::linear(Text::new("lag t − i, steps", "间隔 t − i(步)"));
    let norm = || {
        Text::new("mean ‖∂J(t)/∂h(i)‖ (LSTM: of [h | c])", "‖∂J(t)/∂h(i)‖ 的均值(LSTM:对 [h | c])")
    };
    // The mean over the seeds.
    let mean = |kind: usize, of: fn(&Track) -> &[f64]| -> Vec<(f64, f64)> {
        let own: Vec<&[f64]> =
            tracks.iter().filter(|t| t.kind == kind).map(of).filter(|v| !v.is_empty()).collect();
        let length = own.iter().map(|v| v.len()).min().unwrap_or(0);
        let at = |i: usize| own.iter().map(|v| v[i]).sum::<f64>() / own.len() as f64;
        (0..length).map(|i| (i as f64, at(i))).collect()
    };
    let curves = |id: &str,
                  table: &str,
                  title: Text,
                  x: Axis,
                  y: Axis,
                  points: &dyn Fn(usize) -> Vec<(f64, f64)>| {
        let series = (0..KINDS.len()).map(|k| Series::new(name(k), Look::Plain(k), points(k)));
        Chart {
            id: id.into(),
            claims: vec!["e6".into()],
            table: table.into(),
            title,
            x,
            y,
            shape: Shape::Lines { series: series.collect(), rules: vec![] },
        }
    };
    let mut out = vec![
        curves(
            "trained",
            "norms",
            Text::new("Gradient by lag, after training", "训练后梯度随间隔的变化"),
            lag(),
            Axis::log(norm()),
            &|k| mean(k, |t| &t.norms),
        ),
        curves(
            "fresh",
            "norms",
            Text::new("Gradient by lag, before training", "训练前梯度随间隔的变化"),
            lag(),
            Axis::log(norm()),
            &|k| mean(k, |t| t.live.first().map_or(&[], |l| &l.1)),
        ),
        curves(
            "shares",
            "shares",
            Text::new(
                "Share of the whole gradient that the last k steps give",
                "最后 k 步在总梯度中所占的比例",
            ),
            Axis::log(Text::new("last k steps", "最后 k 步")),
            Axis::linear(Text::new("share of ∂J/∂W_h", "占 ∂J/∂W_h 的比例")),
            &|k| mean(k, |t| &t.near).into_iter().map(|(i, share)| (i + 1.0, share)).collect(),
        ),
    ];
    for track in tracks.iter().filter(|t| t.seed == seed && !t.live.is_empty()) {
        let lags: Vec<usize> = (0..=LAST).step_by(4).collect();
        let cell = |lag: usize, norms: &[f64]| Cell(norms.get(lag).copied());
        let label = name(track.kind);
        let state = if track.kind == LSTM { "[h | c]" } else { "h" };
        out.push(Chart {
            id: format!("live-{}", KINDS[track.kind].0),
            claims: vec!["e6".into()],
            table: "norms".into(),
            title: Text::new(
                format!("Gradient by lag while training, {}, with respect to {state}", label.en),
                format!("训练过程中梯度随间隔的变化,{},对 {state} 求导", label.zh),
            ),
            x: Axis::linear(Text::new("training step", "训练步")),
            y: lag(),
            shape: Shape::Heat {
                xs: track.live.iter().map(|(step, _)| *step as f64).collect(),
                ys: lags.iter().map(|lag| *lag as f64).collect(),
                cells: lags
                    .iter()
                    .map(|lag| track.live.iter().map(|(_, norms)| cell(*lag, norms)).collect())
                    .collect(),
                z: Axis::log(Text::new(
                    format!("mean ‖∂J(t)/∂{state}(i)‖"),
                    format!("‖∂J(t)/∂{state}(i)‖ 的均值"),
                )),
                contours: false,
                paths: vec![],
            },
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruling(tanh: f64, lstm: f64, near: f64, noise: f64) -> Ruling {
        let around = |x: f64| vec![x, x + noise, x - noise];
        let gated = |x: f64| vec![x, x - noise, x + noise];
        let slopes = [around(tanh), around(-1.0), around(0.0), gated(lstm), gated(lstm)];
        rule(&slopes, 0.95, &around(near))
    }

    #[test]
    fn three_outcomes() {
        let verdict = |tanh, lstm, near| ruling(tanh, lstm, near, 0.001).verdict;
        assert_eq!(verdict(-0.3, -0.05, 0.95), Verdict::Confirmed);
        assert_eq!(verdict(-0.3, -0.5, 0.95), Verdict::Refuted);
        assert_eq!(verdict(-0.3, -0.05, 0.2), Verdict::Refuted);
        let clear = [-0.3, -0.4, -0.1, -0.1, -0.1].map(|s| vec![s, s]);
        assert_eq!(rule(&clear, 0.9, &[0.9, 0.9]).verdict, Verdict::Confirmed);
        let diverged = [vec![f64::NAN], vec![], vec![], vec![], vec![]];
        for (open, cure) in [
            (ruling(-0.3, -0.05, 0.95, 0.5), "more seeds (`--seeds N`)"),
            (rule(&diverged, 1.0, &[]), "other seeds (`--seed N`"),
            (rule(&clear, 0.5, &[0.9, 0.9]), "`--preset full`"),
        ] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains(cure) && open.reason.zh.contains("`--"), "{cure}");
        }
    }

    #[test]
    fn the_fall_is_the_slope_of_the_logarithm() {
        let norms: Vec<f64> = (0..50).map(|lag| 3.0 * 0.8f64.powi(lag)).collect();
        let (slope, straight) = fall(&norms);
        assert!((slope - 0.8f64.ln()).abs() < 1e-12 && (straight - 1.0).abs() < 1e-12);
        let bent: Vec<f64> = (0..50).map(|lag| if lag < 25 { 1.0 } else { 1e-5 }).collect();
        assert!((0.5..0.8).contains(&fall(&bent).1), "{:?}", fall(&bent));
        assert!(fall(&[]).0.is_nan());
    }
}
