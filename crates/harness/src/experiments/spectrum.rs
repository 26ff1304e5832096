//! e3, e5: eigenvalues against norms, in the linear case and beyond (equations 10 to 12); both of real networks.
mod trained;

use anyhow::Result;
use nn::activation::Activation;
use nn::init;
use nn::rng::stream;
use nn::spectrum::{Eigen, spectral_norm};
use rayon::prelude::*;
use rnn::gradflow::{Path, eigen_lag, linear_lag, power_norms};
use rnn::{Backbone, CellName, Init};

use super::nets::{FewWords, Stretch, more_seeds, one_layer, other_seeds};
use crate::lab::stats::{slope, student};
use crate::lab::*;

const RADII: [f64; 7] = [0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 1.5];
/// Lags of the slope: so far that the largest eigenvalue rules.
const FAR: (usize, usize) = (100, 900);
const HIDDEN: usize = 16;
/// A matrix far from normal: its size, its largest eigenvalue, its shear.
const SHEARED: (usize, f64, f64) = (16, 0.8, 0.5);
/// Lags drawn of them, from 0.
const SHOWN: usize = 201;
/// Seeds of the trained networks, at most.
const SEEDS_TRAINED: usize = 5;
/// Lags of the transient.
const NEAR: usize = 100;

/// Of a radius and a seed: the fitted slope, and how far equation 12 is from equation 11.
struct Slope {
    radius: f64,
    seed: u64,
    slope: f64,
    apart: f64,
    norms: Vec<f64>,
}

/// Confirmed where every slope is the log of the radius to 1e-3 and the eigenvalues' power is the matrix's to 1e-6.
fn linear_rule(slopes: &[Slope]) -> Ruling {
    let figure = Text::new(
        "largest difference of the slope of the log norm from the log of the spectral radius, nats a step",
        "对数范数的斜率与谱半径对数的最大差(奈特/步)",
    );
    if slopes.is_empty() || slopes.iter().any(|s| !s.slope.is_finite() || s.apart.is_nan()) {
        let why = Text::new("a slope is missing", "缺少斜率");
        return Ruling::undecided(figure, why).or_take(other_seeds());
    }
    let worst = |of: fn(&Slope) -> f64| slopes.iter().map(of).fold(0.0, f64::max);
    let (gap, apart) = (worst(|s| (s.slope - s.radius.ln()).abs()), worst(|s| s.apart));
    let (n, far, apart_text) = (slopes.len(), FAR, number(apart));
    let reason = Text::new(
        format!(
            "{n} matrices of radius 0.5 to 1.5, lags {} to {}; P Λ^k P⁻¹ differs from W^k by at most {apart_text} (relative)",
            far.0, far.1
        ),
        format!(
            "{n} 个谱半径 0.5 至 1.5 的矩阵,间隔 {} 至 {};P Λ^k P⁻¹ 与 W^k 的相对误差不超过 {apart_text}",
            far.0, far.1
        ),
    );
    let verdict = Verdict::of(gap <= 1e-3 && apart <= 1e-6);
    Ruling { verdict, measured: Some(Estimate::exact(gap)), figure, reason }
}

/// Of a matrix: its spectral radius, its norm, and the norms of its powers (or of a network's Jacobians) from lag 0.
struct Growth {
    radius: f64,
    norm: f64,
    powers: Vec<f64>,
}

/// Confirmed where matrices with radius below 1 and norm above 1 grow first and end below where they began; refuted where
/// they do not grow. `real` says what trained networks have.
fn transient_rule(grown: &[Growth], real: &Text) -> Ruling {
    let figure = Text::new(
        "largest norm on the way over the norm at lag 0",
        "途中的最大范数与间隔 0 处范数之比",
    );
    let valid: Vec<&Growth> = grown.iter().filter(|g| g.radius < 1.0 && g.norm > 1.0).collect();
    let later = |g: &Growth| g.powers.iter().skip(1).copied().fold(0.0, f64::max);
    let logs: Vec<f64> = valid.iter().map(|g| later(g).ln()).collect();
    let Some(peak) = student(&logs) else {
        let why = Text::new(
            "no matrix with radius below 1 and norm above 1",
            "没有谱半径小于 1 而范数大于 1 的矩阵",
        );
        return Ruling::undecided(figure, why).or_take(other_seeds());
    };
    let decays = valid.iter().all(|g| g.powers.last().is_some_and(|last| *last < 0.5));
    let verdict = match Verdict::above(peak, 0.0) {
        Verdict::Confirmed if !decays => Verdict::Undecided,
        verdict => verdict,
    };
    let radius = number(valid.iter().map(|g| g.radius).fold(0.0, f64::max));
    let norm = number(valid.iter().map(|g| g.norm).fold(f64::INFINITY, f64::min));
    let (end, cure) = if decays {
        (Text::new("in the end it decays", "最终衰减"), more_seeds())
    } else {
        (Text::new("it has not decayed at the last lag", "到最后一个间隔尚未衰减"), other_seeds())
    };
    let reason = Text::new(
        format!("spectral radius at most {radius}, norm at least {norm}; {}; {}", end.en, real.en),
        format!("谱半径不超过 {radius},范数不小于 {norm};{};{}", end.zh, real.zh),
    );
    let [value, lo, hi] = [peak.value, peak.lo, peak.hi].map(f64::exp);
    Ruling { verdict, measured: Some(Estimate { value, lo, hi }), figure, reason }.or_take(cure)
}

/// The experiment.
pub struct Spectrum;

impl Experiment for Spectrum {
    fn name(&self) -> &'static str {
        "spectrum"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["e3", "e5"]
    }

    fn about(&self) -> &'static str {
        "powers of matrices by spectral radius; growth before decay where a matrix is far from normal; W_h of trained networks"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let words = lab.corpus.vocab.len().min(500);
        let seeds = lab.seeds(seeds(lab)).len() as u64;
        let powers = 64 * (FAR.1 * RADII.len()) as u64 * seeds + (64 * words * HIDDEN) as u64;
        powers + trained::bytes(words)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let seeds = lab.seeds(seeds(lab));
        lab.step("powers", 0, 3)?;
        let grid: Vec<(f64, u64)> =
            RADII.into_iter().flat_map(|r| seeds.iter().map(move |s| (r, *s))).collect();
        let slopes: Vec<Slope> =
            grid.into_par_iter().map(|(radius, seed)| linear(radius, seed)).collect();
        lab.step("transients", 1, 3)?;
        let words = FewWords::of(lab, 500, lab.size(3_000, 20_000, 60_000));
        let texts = words.stretches(seeds.len(), NEAR)?;
        let cases: Vec<[Growth; 3]> = seeds
            .par_iter()
            .zip(&texts)
            .map(|(&seed, text)| transients(seed, words.vocab.len(), text))
            .collect();
        lab.step("trained networks", 2, 3)?;
        let matrices = trained::matrices(&words, &seeds[..seeds.len().min(SEEDS_TRAINED)])?;
        let mut table =
            Table::new("linear", &["radius", "seed", "slope", "log_radius", "eq12_error"]);
        for s in &slopes {
            table.push(&[&s.radius, &s.seed, &s.slope, &s.radius.ln(), &s.apart]);
        }
        let mut norms = Table::new("norms", &["radius", "seed", "lag", "norm"]);
        for s in slopes.iter().filter(|s| s.seed == seeds[0]) {
            for (lag, norm) in s.norms.iter().enumerate().take(SHOWN) {
                norms.push(&[&s.radius, &s.seed, &lag, norm]);
            }
        }
        let mut transient =
            Table::new("transient", &["matrix", "seed", "radius", "norm", "lag", "norm_at_lag"]);
        for (seed, cases) in seeds.iter().zip(&cases) {
            for (name, growth) in CASES.iter().zip(cases) {
                for (lag, norm) in growth.powers.iter().enumerate() {
                    transient.push(&[name, seed, &growth.radius, &growth.norm, &lag, norm]);
                }
            }
        }
        let charts = vec![
            linear_chart(&slopes, seeds[0]),
            transient_chart(&cases[0]),
            trained::chart(&matrices),
        ];
        let sheared: Vec<Growth> = cases.into_iter().flat_map(|c| c.into_iter().take(1)).collect();
        let n = seeds.len() as u64;
        let rows = vec![
            lab.row("e3", self, n, linear_rule(&slopes)),
            lab.row("e5", self, n, transient_rule(&sheared, &trained::summary(&matrices))),
        ];
        Ok(Outcome {
            rows,
            tables: vec![table, norms, transient, trained::table(&matrices)],
            charts,
        })
    }
}

fn seeds(lab: &Lab<'_>) -> u64 {
    lab.size(2, 5, 20)
}

fn linear(radius: f64, seed: u64) -> Slope {
    let w = init::normal::<f64>((HIDDEN, HIDDEN), 1.0, &mut stream(seed, "lab/spectrum"));
    let w = &w * (radius / Eigen::new(w.view()).radius());
    let norms = power_norms(w.view(), FAR.1);
    let far = norms.iter().enumerate().skip(FAR.0).map(|(lag, norm)| (lag as f64, norm.ln()));
    // Complex eigenvalues make the norm swing around its line: a line by least squares.
    let fitted = slope(&far.collect::<Vec<_>>()).map_or(f64::NAN, |s| s.value);
    let apart = [1, 10, 50].map(|lag| {
        let (product, values) = (linear_lag(w.view(), lag), eigen_lag(w.view(), lag));
        spectral_norm((&product - &values).view()) / spectral_norm(product.view())
    });
    Slope { radius, seed, slope: fitted, apart: apart.into_iter().fold(0.0, f64::max), norms }
}

const CASES: [&str; 3] = ["sheared", "sheared-tanh", "orthogonal"];

/// A sheared matrix by its powers; a tanh network with it, along the text; an orthogonal matrix of the same radius.
fn transients(seed: u64, vocab: usize, text: &Stretch) -> [Growth; 3] {
    let (n, radius, shear) = SHEARED;
    let rng = || stream(seed, "lab/transient");
    let sheared = init::sheared::<f64>(n, radius, shear, &mut rng());
    let orthogonal = init::orthogonal::<f64>(n, radius, &mut rng());
    let config = one_layer(CellName::Rnn, Activation::Tanh, Init::Uniform(0.1), n, seed);
    let mut net: Backbone<f64> = Backbone::start(&config.architecture(vocab), &config.start());
    net.layers[0].w_h.assign(&sheared);
    let path = Path::fresh(&net, &text.inputs, &text.targets);
    let (along_text, powers) = (path.chain_norms(path.steps()), power_norms(sheared.view(), NEAR));
    let own = (Eigen::new(sheared.view()).radius(), spectral_norm(sheared.view()));
    let growth = |(radius, norm): (f64, f64), powers| Growth { radius, norm, powers };
    [
        growth(own, powers),
        growth(own, along_text),
        growth((radius, radius), power_norms(orthogonal.view(), NEAR)),
    ]
}

fn linear_chart(slopes: &[Slope], seed: u64) -> Chart {
    let first = slopes.iter().filter(|s| s.seed == seed).enumerate();
    let series = first.map(|(k, s)| {
        let points = s.norms.iter().take(SHOWN).enumerate().map(|(lag, norm)| (lag as f64, *norm));
        Series::new(Text::same(format!("ρ = {}", s.radius)), Look::Plain(k), points)
    });
    Chart {
        id: "linear".into(),
        claims: vec!["e3".into()],
        table: "norms".into(),
        title: Text::new(
            "Norm of the Jacobian over a lag, σ = identity, by spectral radius",
            "σ 为恒等映射时跨间隔的雅可比范数(按谱半径)",
        ),
        x: Axis::linear(Text::new("lag t − i, steps", "间隔 t − i(步)")),
        y: Axis::log(Text::new("‖∂h(t)/∂h(i)‖", "‖∂h(t)/∂h(i)‖")),
        shape: Shape::Lines { series: series.collect(), rules: vec![] },
    }
}

fn transient_chart(cases: &[Growth; 3]) -> Chart {
    let names = [
        Text::new("far from normal", "非正规矩阵"),
        Text::new("the same, tanh, on text", "同一矩阵,tanh,真实文本"),
        Text::new("orthogonal, same radius", "正交矩阵,谱半径相同"),
    ];
    let series = cases.iter().zip(names).enumerate().map(|(k, (growth, name))| {
        let points = growth.powers.iter().enumerate().map(|(lag, norm)| (lag as f64, *norm));
        Series::new(name, Look::Plain(k), points)
    });
    Chart {
        id: "transient".into(),
        claims: vec!["e5".into()],
        table: "transient".into(),
        title: Text::new("Growth before decay, spectral radius 0.8", "先增长后衰减,谱半径 0.8"),
        x: Axis::linear(Text::new("lag t − i, steps", "间隔 t − i(步)")),
        y: Axis::log(Text::new("‖∂h(t)/∂h(i)‖", "‖∂h(t)/∂h(i)‖")),
        shape: Shape::Lines {
            series: series.collect(),
            rules: vec![Rule { name: Text::new("lag 0", "间隔 0"), y: 1.0 }],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(radius: f64, slope: f64, apart: f64) -> Slope {
        Slope { radius, seed: 1, slope, apart, norms: vec![] }
    }

    #[test]
    fn the_linear_case_has_three_outcomes() {
        let right = || at(0.5, 0.5f64.ln() + 1e-4, 1e-12);
        assert_eq!(linear_rule(&[right(), at(1.0, 0.0, 0.0)]).verdict, Verdict::Confirmed);
        assert_eq!(linear_rule(&[right(), at(1.5, 0.5, 0.0)]).verdict, Verdict::Refuted);
        assert_eq!(linear_rule(&[right(), at(1.0, 0.0, 1e-3)]).verdict, Verdict::Refuted);
        for open in [linear_rule(&[right(), at(1.0, f64::NAN, 0.0)]), linear_rule(&[])] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains("`--seed N`") && open.reason.zh.contains("`--seed N`"));
        }
    }

    #[test]
    fn transients_have_three_outcomes() {
        let case = |radius, norm, peak: f64, last| Growth {
            radius,
            norm,
            powers: vec![1.0, peak / 2.0, peak, last],
        };
        let real = Text::same("tanh 1.1 / 1.5");
        let ruling =
            |peaks: [f64; 3], last| transient_rule(&peaks.map(|p| case(0.8, 2.0, p, last)), &real);
        let grows = ruling([20.0, 21.0, 22.0], 0.01);
        assert_eq!(grows.verdict, Verdict::Confirmed);
        assert!(grows.reason.en.ends_with("in the end it decays; tanh 1.1 / 1.5"));
        assert_eq!(ruling([0.80, 0.81, 0.82], 0.01).verdict, Verdict::Refuted);
        for (open, cure) in [
            (ruling([20.0, 21.0, 22.0], 3.0), "other seeds (`--seed N`"),
            (ruling([0.5, 3.0, 0.9], 0.01), "more seeds (`--seeds N`)"),
            (transient_rule(&[case(1.2, 2.0, 9.0, 0.1)], &real), "other seeds (`--seed N`"),
        ] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains(&format!("; undecided: {cure}")), "{}", open.reason.en);
            assert!(open.reason.zh.contains("`--seed"));
        }
    }
}
