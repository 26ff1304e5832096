//! e1, e2, e10: the lecture's equations of the gradient and of clipping, against back-propagation, on real text.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Result;
use nn::activation::Activation;
use nn::clip::clip_norm;
use nn::params::Params;
use rayon::prelude::*;
use rnn::gradflow::{Agreement, Path};
use rnn::{Backbone, Batch, CellName, Init, RnnConfig, Work};

use super::nets::{FewWords, Stretch, of_fresh_and_trained, one_layer, other_seeds, sigma_name};
use crate::lab::*;

const LENGTHS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Tokens read before the text, so that it does not start from a zero state.
const BEFORE: usize = 16;
const THRESHOLDS: [f64; 4] = [0.25, 1.0, 5.0, 15.0];
/// A gradient's direction is clipped at these lengths.
const SCALES: [f64; 9] = [0.01, 0.0316, 0.1, 0.316, 1.0, 3.16, 10.0, 31.6, 100.0];

/// Confirmed where the worst of the networks is within the tolerance, refuted where it is not.
fn equal(worst: Option<f64>, tolerance: f64, figure: Text, reason: Text) -> Ruling {
    let Some(worst) = worst.filter(|w| !w.is_nan()) else {
        let why = Text::new("too little could be compared", "可比较的数据太少");
        return Ruling::undecided(figure, why).or_take(other_seeds());
    };
    let verdict = Verdict::of(worst <= tolerance);
    Ruling { verdict, measured: Some(Estimate::exact(worst)), figure, reason }
}

/// e1 over the networks' relative differences.
fn copies_rule(networks: usize, worst: Option<f64>) -> Ruling {
    equal(
        worst,
        1e-9,
        Text::new(
            "largest relative difference of the copies' sum from back-propagation",
            "各副本梯度之和与反向传播的最大相对误差",
        ),
        Text::new(
            format!("{networks} comparisons: σ, fresh and trained, seeds, texts of 1 to 32 steps"),
            format!("共 {networks} 次比较:各种 σ、未训练与已训练、不同种子、1 至 32 步的文本"),
        ),
    )
}

/// e2 over the relative differences of the products from back-propagation and from finite differences.
fn products_rule(products: Option<f64>, differences: Option<f64>, kinks: f64) -> Ruling {
    let worst = products.zip(differences).map(|(p, d)| if p.is_nan() { p } else { d.max(p) });
    // Where a step would switch a ReLU there is no difference quotient; few of them leave enough to compare.
    let worst = worst.filter(|_| kinks < 0.5);
    let part = |x: Option<f64>| x.map_or("–".into(), number);
    let share = super::common::percent(kinks);
    equal(
        worst,
        1e-6,
        Text::new(
            "largest relative difference of the explicit products from the other two ways",
            "显式连乘式与另外两种方法的最大相对误差",
        ),
        Text::new(
            format!(
                "against back-propagation {}, against finite differences {}; {share} of the quotients of ReLU left out, because they step over a kink",
                part(products),
                part(differences)
            ),
            format!(
                "与反向传播相比 {},与有限差分相比 {};ReLU 的差商中有 {share} 跨过不可导点,未计入",
                part(products),
                part(differences)
            ),
        ),
    )
}

/// e10 over elements, norms and directions of clipped gradients: the worst relative error.
fn clip_rule(gradients: usize, worst: Option<f64>) -> Ruling {
    equal(
        worst,
        1e-12,
        Text::new(
            "largest relative difference from g · min(1, c/‖g‖)",
            "与 g · min(1, c/‖g‖) 的最大相对误差",
        ),
        Text::new(
            format!(
                "{gradients} gradients of real networks, thresholds 0.25 to 15 and the gradient's own norm"
            ),
            format!("{gradients} 个真实网络的梯度,阈值 0.25 至 15,以及梯度自身的范数"),
        ),
    )
}

/// The experiment.
pub struct Gradients;

/// A network of the grid, in f64.
struct Case {
    sigma: Activation,
    trained: bool,
    seed: u64,
    net: Backbone<f64>,
}

impl Case {
    fn state(&self) -> &'static str {
        if self.trained { "trained" } else { "fresh" }
    }

    /// The gradient of all weights on a stretch, and the mean loss's gradient norm.
    fn gradient(&self, text: &Stretch) -> Backbone<f64> {
        let steps = text.inputs.len();
        let (mut work, mut grad) = (Work::new(&self.net, 1, steps), self.net.zeros_like());
        let batch = Batch { steps, inputs: &text.inputs, targets: &text.targets, resets: &[] };
        self.net.loss_grad(batch, None, &mut work, &mut grad);
        grad
    }

    fn agreement(&self, text: &Stretch, steps: usize) -> Agreement {
        let (before, rest) = text.inputs.split_at(BEFORE);
        let (known, targets) = text.targets.split_at(BEFORE);
        let start = Path::fresh(&self.net, before, known).state(BEFORE).to_vec();
        Agreement::of(&self.net, &rest[..steps], &targets[..steps], &start)
    }
}

fn size(lab: &Lab<'_>) -> usize {
    lab.size(6, 12, 24)
}

fn seeds(lab: &Lab<'_>) -> u64 {
    lab.size(1, 3, 5)
}

fn cases(lab: &Lab<'_>, words: &FewWords, seeds: &[u64]) -> Result<Vec<Case>> {
    let config = |sigma, seed| RnnConfig {
        init_range: 0.5,
        ..one_layer(CellName::Rnn, sigma, Init::Orthogonal(1.0), size(lab), seed)
    };
    of_fresh_and_trained(words, seeds, config, |sigma, seed, trained, net| Case {
        sigma,
        trained,
        seed,
        net,
    })
}

impl Experiment for Gradients {
    fn name(&self) -> &'static str {
        "gradients"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["e1", "e2", "e10"]
    }

    fn about(&self) -> &'static str {
        "the gradient by copies, by products of Jacobians, by back-propagation, by differences; clipping"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let words = lab.corpus.vocab.len().min(lab.size(100, 500, 2_000));
        let size = size(lab);
        let config = one_layer(CellName::Rnn, Activation::Tanh, Init::Uniform(0.1), size, 1);
        // A network in f64 before and after training, and the gradient and its clipped copies of one.
        let net = 8 * (3 * words * size + 4 * size * size) as u64;
        let cases = 2 * (Activation::ALL.len() * lab.seeds(seeds(lab)).len()) as u64;
        config.training_bytes(words) * rayon::current_num_threads() as u64 + (cases + 8) * net
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let seeds = lab.seeds(seeds(lab));
        let words = FewWords::of(lab, lab.size(100, 500, 2_000), lab.size(3_000, 20_000, 200_000));
        lab.step("training", 0, 1)?;
        let cases = cases(lab, &words, &seeds)?;
        let texts = words.stretches(seeds.len(), BEFORE + LENGTHS[LENGTHS.len() - 1])?;
        let done = AtomicUsize::new(0);
        let found: Vec<Result<Vec<Agreement>>> = cases
            .par_iter()
            .map(|case| {
                let text = &texts[(case.seed - seeds[0]) as usize];
                let one = |&steps: &usize| {
                    let (done, total) = (done.fetch_add(1, Relaxed), cases.len() * LENGTHS.len());
                    lab.step("comparing", done, total)?;
                    Ok(case.agreement(text, steps))
                };
                LENGTHS.iter().map(one).collect()
            })
            .collect();
        let found: Vec<Vec<Agreement>> = found.into_iter().collect::<Result<_>>()?;
        let mut table = Table::new(
            "agreement",
            &["sigma", "network", "seed", "steps", "copies", "products", "differences", "kinks"],
        );
        for (case, found) in cases.iter().zip(&found) {
            for (steps, a) in LENGTHS.iter().zip(found) {
                table.push(&[
                    &case.sigma.name(),
                    &case.state(),
                    &case.seed,
                    &steps,
                    &a.copies,
                    &a.products,
                    &a.differences,
                    &a.kinks,
                ]);
            }
        }
        let all = || found.iter().flatten();
        let relu = || cases.iter().zip(&found).filter(|(c, _)| c.sigma == Activation::Relu);
        let quotients: f64 = relu().map(|(c, f)| (f.len() * c.net.hidden().pow(2)) as f64).sum();
        let kinks = relu().flat_map(|(_, f)| f).map(|a| a.kinks as f64).sum::<f64>();
        let (clipped, clip_table, curves) = clipping(&cases, &texts, seeds[0]);
        let n = seeds.len() as u64;
        let rows = vec![
            lab.row("e1", self, n, copies_rule(all().count(), worst(all().map(|a| a.copies)))),
            lab.row(
                "e2",
                self,
                n,
                products_rule(
                    worst(all().map(|a| a.products)),
                    worst(all().map(|a| a.differences)),
                    kinks / quotients.max(1.0),
                ),
            ),
            lab.row("e10", self, n, clip_rule(cases.len() * SCALES.len(), clipped)),
        ];
        let charts = charts(&cases, &found, curves);
        Ok(Outcome { rows, tables: vec![table, clip_table], charts })
    }
}

/// The largest; NaN where one is; `None` of nothing.
fn worst(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.reduce(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })
}

/// Clips gradients of every case; returns the worst relative error, the numbers, and the norms after over before.
fn clipping(cases: &[Case], texts: &[Stretch], first: u64) -> (Option<f64>, Table, Vec<Series>) {
    let mut table = Table::new(
        "clipping",
        &["sigma", "network", "seed", "threshold", "norm_before", "norm_after", "largest_error"],
    );
    let mut curves = vec![Vec::new(); THRESHOLDS.len()];
    let mut errors = Vec::new();
    for case in cases {
        let grad = case.gradient(&texts[(case.seed - first) as usize]);
        let mut flat = Vec::new();
        grad.tensors(&mut |t| flat.extend_from_slice(t.data));
        for scale in SCALES {
            let g: Vec<f64> = flat.iter().map(|x| x * scale).collect();
            let norm = g.iter().map(|x| x * x).sum::<f64>().sqrt();
            for (k, c) in THRESHOLDS.into_iter().chain([norm]).enumerate() {
                let mut clipped = g.clone();
                let (one, two) = clipped.split_at_mut(g.len() / 2);
                clip_norm(&mut [one, two], c);
                // The formula of the lecture, element by element.
                let formula = g.iter().map(|x| x * (c / norm).min(1.0));
                let largest = formula.clone().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
                let gap = clipped.iter().zip(formula).map(|(a, b)| (a - b).abs());
                let error = gap.fold(0.0, f64::max) / largest;
                let after = clipped.iter().map(|x| x * x).sum::<f64>().sqrt();
                errors.extend([error, (after / norm.min(c) - 1.0).abs()]);
                table.push(&[
                    &case.sigma.name(),
                    &case.state(),
                    &case.seed,
                    &c,
                    &norm,
                    &after,
                    &error,
                ]);
                if k < THRESHOLDS.len() {
                    curves[k].push((norm, after));
                }
            }
        }
    }
    let series = curves.into_iter().enumerate().map(|(k, mut points)| {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series::new(Text::same(format!("c = {}", THRESHOLDS[k])), Look::Plain(k), points)
    });
    (worst(errors.into_iter()), table, series.collect())
}

fn charts(cases: &[Case], found: &[Vec<Agreement>], clipping: Vec<Series>) -> Vec<Chart> {
    let curve = |k: usize, sigma: Activation, of: fn(&Agreement) -> f64| {
        let points = LENGTHS.iter().enumerate().filter_map(|(i, &steps)| {
            let own = cases.iter().zip(found).filter(|(c, _)| c.sigma == sigma);
            Some((steps as f64, worst(own.filter_map(|(_, f)| f.get(i)).map(of))?))
        });
        Series::new(sigma_name(sigma), Look::Plain(k), points)
    };
    let agreement =
        |id: &str, claim: &str, title: Text, of: fn(&Agreement) -> f64, limit: f64| Chart {
            id: id.into(),
            claims: vec![claim.into()],
            table: "agreement".into(),
            title,
            x: Axis::log(Text::new("steps T of the text", "文本步数 T")),
            y: Axis::log(Text::new("largest relative difference", "最大相对误差")),
            shape: Shape::Lines {
                series: Activation::ALL
                    .into_iter()
                    .enumerate()
                    .map(|(k, s)| curve(k, s, of))
                    .collect(),
                rules: vec![Rule { name: Text::new("tolerance", "容差"), y: limit }],
            },
        };
    vec![
        agreement(
            "copies",
            "e1",
            Text::new("Sum over the copies against back-propagation", "副本梯度之和与反向传播的差"),
            |a| a.copies,
            1e-9,
        ),
        agreement(
            "products",
            "e2",
            Text::new("Explicit products against back-propagation", "显式连乘式与反向传播的差"),
            |a| a.products,
            1e-6,
        ),
        agreement(
            "differences",
            "e2",
            Text::new("Explicit products against finite differences", "显式连乘式与有限差分的差"),
            |a| a.differences,
            1e-6,
        ),
        Chart {
            id: "clipping".into(),
            claims: vec!["e10".into()],
            table: "clipping".into(),
            title: Text::new("The norm after clipping", "截断后的梯度范数"),
            x: Axis::log(Text::new("‖g‖ before", "截断前的 ‖g‖")),
            y: Axis::log(Text::new("‖g‖ after", "截断后的 ‖g‖")),
            shape: Shape::Lines { series: clipping, rules: vec![] },
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Undecided, with what it would take.
    fn open(ruling: &Ruling) {
        assert_eq!(ruling.verdict, Verdict::Undecided);
        let Text { en, zh } = &ruling.reason;
        assert!(en.contains("; undecided: other seeds (`--seed N`") && zh.contains("`--seed N`"));
    }

    #[test]
    fn copies_have_three_outcomes() {
        assert_eq!(copies_rule(9, Some(1e-12)).verdict, Verdict::Confirmed);
        assert_eq!(copies_rule(9, Some(2e-9)).verdict, Verdict::Refuted);
        open(&copies_rule(0, None));
        open(&copies_rule(9, Some(f64::NAN)));
    }

    #[test]
    fn products_have_three_outcomes() {
        assert_eq!(products_rule(Some(1e-12), Some(1e-8), 0.1).verdict, Verdict::Confirmed);
        assert_eq!(products_rule(Some(1e-5), Some(1e-8), 0.1).verdict, Verdict::Refuted);
        assert_eq!(products_rule(Some(1e-12), Some(1e-4), 0.1).verdict, Verdict::Refuted);
        open(&products_rule(Some(1e-12), Some(1e-8), 0.9));
        open(&products_rule(None, None, 0.0));
    }

    #[test]
    fn clipping_has_three_outcomes() {
        assert_eq!(clip_rule(9, Some(1e-15)).verdict, Verdict::Confirmed);
        assert_eq!(clip_rule(9, Some(1e-3)).verdict, Verdict::Refuted);
        open(&clip_rule(0, None));
    }

    #[test]
    fn a_nan_is_the_worst() {
        assert!(worst([1.0, f64::NAN, 2.0].into_iter()).unwrap().is_nan());
        assert_eq!(worst([1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(worst([].into_iter()), None);
    }
}
