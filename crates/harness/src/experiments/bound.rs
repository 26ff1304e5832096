//! e4: the product of norms as the bound of the gradient over a lag (equations 13 and 14), in fresh and in trained networks.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Result;
use nn::activation::Activation;
use rayon::prelude::*;
use rnn::cell::Vanilla;
use rnn::gradflow::{Path, log_lag_bound};
use rnn::{Backbone, CellName, Init, RnnConfig};

use super::nets::{FewWords, Stretch, fresh_and_trained, one_layer, other_seeds, sigma_name};
use crate::lab::*;

/// Gains of the fresh networks.
const GAINS: [f64; 6] = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0];
/// Gain from which the trained ones start.
const TRAINED: f64 = 1.0;
const LAGS: [usize; 9] = [1, 2, 3, 5, 10, 20, 40, 70, 100];
const LAST: usize = LAGS[LAGS.len() - 1];
const HIDDEN: usize = 16;
/// What rounding may leave above the bound, in nats.
const ROUNDING: f64 = 1e-9;

/// A cell of the grid.
#[derive(Clone, Copy)]
struct Ratio {
    sigma: Activation,
    /// Of the start.
    gain: f64,
    trained: bool,
    seed: u64,
    lag: usize,
    measured: f64,
    /// ln of measured over bound; −∞ where nothing arrives.
    log_ratio: f64,
}

/// Confirmed where no cell of fresh or trained networks is above its bound, but for rounding, and sigmoid's largest slope is
/// 1/4; refuted where one is, or the slope is not.
fn rule(ratios: &[Ratio], sigmoid_slope: f64) -> Ruling {
    let figure = Text::new(
        "largest measured norm over its bound, of all cells",
        "所有情形中实测范数与上界之比的最大值",
    );
    let worst = ratios.iter().map(|r| r.log_ratio).reduce(f64::max);
    let Some(worst) = worst.filter(|_| ratios.iter().all(|r| !r.log_ratio.is_nan())) else {
        let why = Text::new("a norm is missing", "缺少范数");
        return Ruling::undecided(figure, why).or_take(other_seeds());
    };
    let loose = |trained: bool, lang: Lang| {
        let of = |sigma: Activation| {
            let own = ratios.iter().filter(|r| r.sigma == sigma && r.trained == trained);
            let own = own.filter(|r| r.lag == LAST);
            let mut logs: Vec<f64> = own.map(|r| -r.log_ratio / 10f64.ln()).collect();
            logs.sort_by(f64::total_cmp);
            let median = logs.get(logs.len() / 2).map_or("–".into(), |median| number(*median));
            format!("{} {median}", sigma_name(sigma).get(lang))
        };
        Activation::ALL.map(of).join(", ")
    };
    let of_trained = ratios.iter().filter(|r| r.trained).map(|r| r.log_ratio);
    let (n, m) = (ratios.len(), of_trained.clone().count());
    let nearest = of_trained.reduce(f64::max).map_or("–".into(), |log| number(log.exp()));
    let slope = number(sigmoid_slope);
    let reason = Text::new(
        format!(
            "{n} cells, {m} of them of trained networks, whose largest ratio is {nearest}; largest slope of sigmoid {slope}; at lag {LAST} the bound is too large by so many powers of ten in the median: fresh {}; trained {}",
            loose(false, Lang::En),
            loose(true, Lang::En)
        ),
        format!(
            "共 {n} 种情形,其中 {m} 种来自训练后的网络,其比值最大为 {nearest};sigmoid 的最大斜率 {slope};间隔 {LAST} 时上界偏大的数量级(中位数):未训练 {};训练后 {}",
            loose(false, Lang::Zh),
            loose(true, Lang::Zh)
        ),
    );
    let verdict = Verdict::of(worst <= ROUNDING && (sigmoid_slope - 0.25).abs() < 1e-9);
    Ruling { verdict, measured: Some(Estimate::exact(worst.exp())), figure, reason }
}

/// The experiment.
pub struct Bound;

impl Experiment for Bound {
    fn name(&self) -> &'static str {
        "bound"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["e4"]
    }

    fn about(&self) -> &'static str {
        "norms of Jacobians over lags 1 to 100 against their bound: σ, gain, seeds, fresh and trained"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let words = lab.corpus.vocab.len().min(500);
        let one = (words * HIDDEN * 4 + LAST * HIDDEN * HIDDEN) * 8;
        let training = config(Activation::Tanh, TRAINED, 1).training_bytes(words);
        (one as u64 + training) * rayon::current_num_threads() as u64 + 4_000_000
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let seeds = lab.seeds(lab.size(2, 5, 20));
        let words = FewWords::of(lab, 500, lab.size(3_000, 20_000, 60_000));
        let texts = words.stretches(seeds.len(), LAST)?;
        let mut grid = Vec::new();
        for sigma in Activation::ALL {
            for gain in GAINS {
                let place = |(seed, text): (&u64, _)| ((sigma, gain, *seed), text);
                grid.extend(seeds.iter().zip(&texts).map(place));
            }
        }
        let (done, total) = (AtomicUsize::new(0), grid.len());
        let found: Vec<Result<Vec<Ratio>>> = grid
            .into_par_iter()
            .map(|(place, text)| {
                lab.step("norms", done.fetch_add(1, Relaxed), total)?;
                cells(place, &words, text)
            })
            .collect();
        let found: Vec<Vec<Ratio>> = found.into_iter().collect::<Result<_>>()?;
        let ratios: Vec<Ratio> = found.into_iter().flatten().collect();
        let mut table = Table::new(
            "bound",
            &["sigma", "gain", "network", "seed", "lag", "norm", "log_measured_over_bound"],
        );
        for r in &ratios {
            let (sigma, network) = (r.sigma.name(), if r.trained { "trained" } else { "fresh" });
            table.push(&[&sigma, &r.gain, &network, &r.seed, &r.lag, &r.measured, &r.log_ratio]);
        }
        let mut charts: Vec<Chart> = Activation::ALL.map(|sigma| chart(sigma, &ratios)).into();
        charts.push(trained_chart(&ratios));
        let ruling = rule(&ratios, largest_slope(Activation::Sigmoid));
        let rows = vec![lab.row("e4", self, seeds.len() as u64, ruling)];
        Ok(Outcome { rows, tables: vec![table], charts })
    }
}

fn config(sigma: Activation, gain: f64, seed: u64) -> RnnConfig {
    // A normal matrix of this deviation has a spectral radius of about `gain`.
    let start = Init::Normal(gain / (HIDDEN as f64).sqrt());
    RnnConfig { init_range: 0.5, ..one_layer(CellName::Rnn, sigma, start, HIDDEN, seed) }
}

/// The cells of a fresh network, and at one gain those of what training makes of it.
fn cells(place: (Activation, f64, u64), words: &FewWords, text: &Stretch) -> Result<Vec<Ratio>> {
    let (sigma, gain, seed) = place;
    let config = config(sigma, gain, seed);
    if gain == TRAINED {
        let [fresh, trained] = fresh_and_trained(config, words)?;
        return Ok(
            [ratios(place, false, &fresh, text), ratios(place, true, &trained, text)].concat()
        );
    }
    let fresh = Backbone::start(&config.architecture(words.vocab.len()), &config.start());
    Ok(ratios(place, false, &fresh, text).into())
}

/// ‖∂h^(t)/∂h^(t−lag)‖ of a network along the text, beside its bound.
fn ratios(
    (sigma, gain, seed): (Activation, f64, u64),
    trained: bool,
    net: &Backbone<f64>,
    text: &Stretch,
) -> [Ratio; LAGS.len()] {
    let (cell, w_h) = (Vanilla { sigma }, net.layers[0].w_h.view());
    let norms = Path::fresh(net, &text.inputs, &text.targets).chain_norms(LAST);
    LAGS.map(|lag| {
        let (measured, bound) = (norms[lag], log_lag_bound(&cell, w_h, lag));
        Ratio { sigma, gain, trained, seed, lag, measured, log_ratio: measured.ln() - bound }
    })
}

/// The largest slope of σ between −8 and 8, in steps of a thousandth.
fn largest_slope(sigma: Activation) -> f64 {
    let at = |i: i32| {
        let mut y = [f64::from(i) / 1000.0];
        sigma.apply(&mut y);
        sigma.slope(y[0])
    };
    (-8000..=8000).map(at).fold(0.0, f64::max)
}

/// By how many powers of ten the bound is too large, of the tightest of these cells; ∞ where nothing arrives.
fn tightest<'a>(own: impl Iterator<Item = &'a Ratio>) -> Option<f64> {
    let log = own.map(|r| r.log_ratio).reduce(f64::max)?;
    Some(if log.is_finite() { 0.0f64.max(-log / 10f64.ln()) } else { f64::INFINITY })
}

/// The tightest seed of every cell of fresh networks.
fn chart(sigma: Activation, ratios: &[Ratio]) -> Chart {
    let fresh = || ratios.iter().filter(|r| r.sigma == sigma && !r.trained);
    let cell =
        |gain: f64, lag: usize| Cell(tightest(fresh().filter(|r| r.gain == gain && r.lag == lag)));
    let name = sigma_name(sigma);
    Chart {
        id: format!("looseness-{}", sigma.name()),
        claims: vec!["e4".into()],
        table: "bound".into(),
        title: Text::new(
            format!("How loose the bound is before training, σ = {}", name.en),
            format!("训练前上界的松弛程度,σ = {}", name.zh),
        ),
        x: Axis::log(Text::new("lag t − i, steps", "间隔 t − i(步)")),
        y: Axis::linear(Text::new("gain of W_h", "W_h 的增益")),
        shape: Shape::Heat {
            xs: LAGS.map(|lag| lag as f64).into(),
            ys: GAINS.into(),
            cells: GAINS.iter().map(|g| LAGS.iter().map(|l| cell(*g, *l)).collect()).collect(),
            z: Axis::linear(looseness()),
            contours: false,
            paths: vec![],
        },
    }
}

/// The same of the trained networks.
fn trained_chart(ratios: &[Ratio]) -> Chart {
    let series = Activation::ALL.into_iter().enumerate().map(|(k, sigma)| {
        let own = || ratios.iter().filter(|r| r.sigma == sigma && r.trained);
        let point = |lag: usize| Some((lag as f64, tightest(own().filter(|r| r.lag == lag))?));
        Series::new(sigma_name(sigma), Look::Plain(k), LAGS.into_iter().filter_map(point))
    });
    Chart {
        id: "looseness-trained".into(),
        claims: vec!["e4".into()],
        table: "bound".into(),
        title: Text::new(
            "How loose the bound is after training (∞: nothing arrives)",
            "训练后上界的松弛程度(∞ 表示没有梯度到达)",
        ),
        x: Axis::log(Text::new("lag t − i, steps", "间隔 t − i(步)")),
        y: Axis::linear(looseness()),
        shape: Shape::Lines { series: series.collect(), rules: vec![] },
    }
}

fn looseness() -> Text {
    Text::new("powers of ten between the norm and its bound", "实测范数与上界相差的数量级")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(trained: bool, log_ratio: f64) -> Ratio {
        let (sigma, lag) = (Activation::Tanh, LAST);
        Ratio { sigma, gain: 1.0, trained, seed: 1, lag, measured: 1.0, log_ratio }
    }

    #[test]
    fn three_outcomes() {
        // the last one is a trained network's
        let ruling = |logs: &[f64], slope| {
            let cells = logs.iter().enumerate().map(|(i, log)| cell(i + 1 == logs.len(), *log));
            rule(&cells.collect::<Vec<_>>(), slope)
        };
        let verdict = |logs: &[f64], slope| ruling(logs, slope).verdict;
        assert_eq!(verdict(&[-3.0, 1e-13, f64::NEG_INFINITY], 0.25), Verdict::Confirmed);
        assert_eq!(verdict(&[-3.0, 1e-3], 0.25), Verdict::Refuted);
        assert_eq!(verdict(&[1e-3, -3.0], 0.25), Verdict::Refuted);
        assert_eq!(verdict(&[-3.0, -1.0], 0.3), Verdict::Refuted);
        for open in [ruling(&[-3.0, f64::NAN], 0.25), ruling(&[], 0.25)] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains("`--seed N`") && open.reason.zh.contains("`--seed N`"));
        }
        let said = ruling(&[-3.0, 0.0], 0.25).reason.en;
        assert!(
            said.starts_with(
                "2 cells, 1 of them of trained networks, whose largest ratio is 1.000"
            ),
            "{said}"
        );
    }

    #[test]
    fn slopes_are_found() {
        assert_eq!(largest_slope(Activation::Sigmoid), 0.25);
        assert_eq!(largest_slope(Activation::Tanh), 1.0);
        assert_eq!(largest_slope(Activation::Relu), 1.0);
    }
}
