//! e4: the product of norms as the bound of the gradient over a lag (equations 13 and 14).
use anyhow::Result;
use nn::activation::Activation;
use rayon::prelude::*;
use rnn::cell::Vanilla;
use rnn::gradflow::{Path, jacobian_bound};
use rnn::{Backbone, CellName, Init};

use super::nets::{FewWords, Stretch, one_layer, sigma_name};
use crate::interrupt;
use crate::lab::*;

const GAINS: [f64; 6] = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0];
const LAGS: [usize; 9] = [1, 2, 3, 5, 10, 20, 40, 70, 100];
const LAST: usize = LAGS[LAGS.len() - 1];
const HIDDEN: usize = 16;
/// What rounding may leave above the bound, in nats.
const ROUNDING: f64 = 1e-9;

/// A cell of the grid.
struct Ratio {
    sigma: Activation,
    gain: f64,
    seed: u64,
    lag: usize,
    measured: f64,
    /// ln of measured over bound; −∞ where nothing arrives.
    log_ratio: f64,
}

/// Confirmed where no cell is above its bound, but for rounding, and sigmoid's largest slope is 1/4.
fn rule(ratios: &[Ratio], sigmoid_slope: f64) -> Ruling {
    let figure = Text::new(
        "largest measured norm over its bound, of all cells",
        "所有情形中实测范数与上界之比的最大值",
    );
    let worst = ratios.iter().map(|r| r.log_ratio).reduce(f64::max);
    let Some(worst) = worst.filter(|_| ratios.iter().all(|r| !r.log_ratio.is_nan())) else {
        let why = Text::new("a norm is missing: run more seeds", "缺少范数:需要更多随机种子");
        return Ruling::undecided(figure, why);
    };
    let loose = |sigma| {
        let own = ratios.iter().filter(|r| r.sigma == sigma && r.lag == LAST);
        let mut logs: Vec<f64> = own.map(|r| -r.log_ratio / 10f64.ln()).collect();
        logs.sort_by(f64::total_cmp);
        logs.get(logs.len() / 2).map_or("–".into(), |median| number(*median))
    };
    let (n, slope) = (ratios.len(), number(sigmoid_slope));
    let [identity, tanh, sigmoid] =
        [Activation::Identity, Activation::Tanh, Activation::Sigmoid].map(loose);
    let reason = Text::new(
        format!(
            "{n} cells; largest slope of sigmoid {slope}; at lag {LAST} the bound is too large by {identity} (identity), {tanh} (tanh), {sigmoid} (sigmoid) powers of ten in the median"
        ),
        format!(
            "共 {n} 种情形;sigmoid 的最大斜率 {slope};间隔 {LAST} 时,上界偏大的数量级(中位数):恒等 {identity}、tanh {tanh}、sigmoid {sigmoid}"
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
        "norms of Jacobians over lags 1 to 100 against their bound: σ, gain, seeds"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let words = lab.corpus.vocab.len().min(500);
        let one = (words * HIDDEN * 4 + LAST * HIDDEN * HIDDEN) * 8;
        (one * rayon::current_num_threads()) as u64 + 4_000_000
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let seeds = lab.seeds(lab.size(2, 5, 20));
        lab.step("norms", 0, 1)?;
        let words = FewWords::of(lab, 500, 1_000);
        let texts = words.stretches(seeds.len(), LAST)?;
        let mut grid = Vec::new();
        for sigma in Activation::ALL {
            for gain in GAINS {
                grid.extend(
                    seeds.iter().zip(&texts).map(|(seed, text)| (sigma, gain, *seed, text)),
                );
            }
        }
        let found: Vec<Vec<Ratio>> = grid
            .into_par_iter()
            .take_any_while(|_| !interrupt::asked())
            .map(|(sigma, gain, seed, text)| ratios(sigma, gain, seed, words.vocab.len(), text))
            .collect();
        lab.step("norms", 1, 1)?;
        let ratios: Vec<Ratio> = found.into_iter().flatten().collect();
        let mut table = Table::new(
            "bound",
            &["sigma", "gain", "seed", "lag", "norm", "log_measured_over_bound"],
        );
        for r in &ratios {
            table.push(&[&r.sigma.name(), &r.gain, &r.seed, &r.lag, &r.measured, &r.log_ratio]);
        }
        let charts = Activation::ALL.map(|sigma| chart(sigma, &ratios)).into();
        let ruling = rule(&ratios, largest_slope(Activation::Sigmoid));
        let rows = vec![lab.row("e4", self, seeds.len() as u64, ruling)];
        Ok(Outcome { rows, tables: vec![table], charts })
    }
}

/// ‖∂h^(t)/∂h^(t−lag)‖ of a fresh network along the text, beside its bound.
fn ratios(sigma: Activation, gain: f64, seed: u64, vocab: usize, text: &Stretch) -> Vec<Ratio> {
    // A normal matrix of this deviation has a spectral radius of about `gain`.
    let start = Init::Normal(gain / (HIDDEN as f64).sqrt());
    let mut config = one_layer(CellName::Rnn, sigma, start, HIDDEN, seed);
    config.init_range = 0.5;
    let net: Backbone<f64> = Backbone::start(&config.architecture(vocab), &config.start());
    let bound = jacobian_bound(&Vanilla { sigma }, net.layers[0].w_h.view()).ln();
    let norms = Path::fresh(&net, &text.inputs, &text.targets).chain_norms(LAST);
    let ratio = |lag: usize| {
        // In logarithms: the bound at lag 100 may be beyond all numbers.
        let log_ratio = norms[lag].ln() - lag as f64 * bound;
        Ratio { sigma, gain, seed, lag, measured: norms[lag], log_ratio }
    };
    LAGS.map(ratio).into()
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

/// The tightest seed of every cell.
fn chart(sigma: Activation, ratios: &[Ratio]) -> Chart {
    let cell =
        |gain: f64, lag: usize| {
            let own = ratios.iter().filter(|r| r.sigma == sigma && r.gain == gain && r.lag == lag);
            let largest = own.map(|r| r.log_ratio).reduce(f64::max);
            // The shade says by how many powers of ten the bound is too large.
            Cell(largest.map(|log| {
                if log.is_finite() { 0.0f64.max(-log / 10f64.ln()) } else { f64::INFINITY }
            }))
        };
    let name = sigma_name(sigma);
    Chart {
        id: format!("looseness-{}", sigma.name()),
        claims: vec!["e4".into()],
        table: "bound".into(),
        title: Text::new(
            format!("How loose the bound is, σ = {}", name.en),
            format!("上界的松弛程度,σ = {}", name.zh),
        ),
        x: Axis::log(Text::new("lag t − i, steps", "间隔 t − i(步)")),
        y: Axis::linear(Text::new("gain of W_h", "W_h 的增益")),
        shape: Shape::Heat {
            xs: LAGS.map(|lag| lag as f64).into(),
            ys: GAINS.into(),
            cells: GAINS.iter().map(|g| LAGS.iter().map(|l| cell(*g, *l)).collect()).collect(),
            z: Axis::linear(Text::new(
                "powers of ten between the norm and its bound",
                "实测范数与上界相差的数量级",
            )),
            paths: vec![],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(log_ratio: f64) -> Ratio {
        Ratio { sigma: Activation::Tanh, gain: 1.0, seed: 1, lag: LAST, measured: 1.0, log_ratio }
    }

    #[test]
    fn three_outcomes() {
        let verdict = |logs: &[f64], slope| {
            rule(&logs.iter().map(|l| cell(*l)).collect::<Vec<_>>(), slope).verdict
        };
        assert_eq!(verdict(&[-3.0, 1e-13, f64::NEG_INFINITY], 0.25), Verdict::Confirmed);
        assert_eq!(verdict(&[-3.0, 1e-3], 0.25), Verdict::Refuted);
        assert_eq!(verdict(&[-3.0, -1.0], 0.3), Verdict::Refuted);
        assert_eq!(verdict(&[-3.0, f64::NAN], 0.25), Verdict::Undecided);
        assert_eq!(verdict(&[], 0.25), Verdict::Undecided);
    }

    #[test]
    fn slopes_are_found() {
        assert_eq!(largest_slope(Activation::Sigmoid), 0.25);
        assert_eq!(largest_slope(Activation::Tanh), 1.0);
        assert_eq!(largest_slope(Activation::Relu), 1.0);
    }
}
