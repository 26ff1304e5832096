//! The rule of e8.
use super::super::common::percent;
use super::super::nets::{more_seeds, other_seeds, wider};
use super::{AT, STARTS, start_name};
use crate::lab::stats::{difference, student};
use crate::lab::*;

/// What the grid gives of one σ: of every start, of every seed (in the same order for all σ) a figure.
#[derive(Clone, Debug, Default)]
pub(super) struct Of {
    /// ln of the gradient's norm at the lag.
    pub(super) log_norms: [Vec<f64>; STARTS.len()],
    /// Share of units that are not zero.
    pub(super) on: [Vec<f64>; STARTS.len()],
    /// (Diverged, runs) over the rates.
    pub(super) diverged: [Vec<(usize, usize)>; STARTS.len()],
    /// Mean accuracy over the recall lags.
    pub(super) recall: [Vec<f64>; STARTS.len()],
}

impl Of {
    /// (Diverged, runs) of all.
    fn runs(&self) -> (usize, usize) {
        self.diverged.iter().flatten().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }

    fn rates(&self) -> [Vec<f64>; STARTS.len()] {
        let rate = |(k, n): &(usize, usize)| *k as f64 / *n as f64;
        self.diverged.each_ref().map(|seeds| seeds.iter().map(rate).collect())
    }
}

/// a − b, seed by seed, each the mean over the starts: the seeds are the replicates, the starts are what they are.
fn gaps(a: &[Vec<f64>; STARTS.len()], b: &[Vec<f64>; STARTS.len()]) -> Vec<f64> {
    let seeds = a.iter().chain(b).map(Vec::len).min().unwrap_or(0);
    let gap = |seed: usize| a.iter().zip(b).map(|(a, b)| a[seed] - b[seed]).sum::<f64>();
    (0..seeds).map(|seed| gap(seed) / STARTS.len() as f64).collect()
}

/// ReLU against tanh, by Student's interval over the seeds. Confirmed where ReLU keeps the larger gradient, diverges more
/// often and answers more of the questions; refuted where one of these is the other way round beyond chance. Seeds that
/// all diverge at the same rates seem to know no chance: that interval is at least Newcombe's over the runs. Sigmoid is
/// told, and does not decide: its smaller slope is the bound's affair (e4).
pub(super) fn rule([tanh, sigmoid, relu]: [&Of; 3]) -> Ruling {
    let figure = Text::new(
        format!("gradient norm at lag {AT} before training, ReLU over tanh, mean over the starts"),
        format!("训练前间隔 {AT} 处梯度范数之比(ReLU / tanh,各初始化的平均)"),
    );
    let all = (
        student(&gaps(&relu.log_norms, &tanh.log_norms)),
        student(&gaps(&relu.rates(), &tanh.rates())).zip(difference(relu.runs(), tanh.runs())),
        student(&gaps(&relu.recall, &tanh.recall)),
    );
    let (Some(norm), Some((by_seed, by_run)), Some(recall)) = all else {
        let why = Text::new("a figure is missing", "缺少数据");
        return Ruling::undecided(figure, why).or_take(other_seeds());
    };
    let diverged = wider(by_seed, by_run);
    let parts =
        [Verdict::above(norm, 0.0), Verdict::above(diverged, 0.0), Verdict::above(recall, 0.0)];
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let ratio = |logs: Vec<f64>| number(mean(&logs).exp());
    let by_start = |lang: Lang| {
        let one = |k: usize| {
            let pairs = relu.log_norms[k].iter().zip(&tanh.log_norms[k]).map(|(a, b)| a - b);
            let (name, on) = (start_name(STARTS[k]), percent(mean(&relu.on[k])));
            format!("{} {} ({on})", name.get(lang), ratio(pairs.collect()))
        };
        (0..STARTS.len()).map(one).collect::<Vec<_>>().join(", ")
    };
    let over_sigmoid = ratio(gaps(&relu.log_norms, &sigmoid.log_norms));
    let share = |(k, n): (usize, usize)| percent(k as f64 / n as f64);
    let [en, zh] = [Lang::En, Lang::Zh].map(|l| parts.map(|p| p.word(l)));
    let d = [relu, tanh].map(|o| share(o.runs()));
    let r = [relu, tanh].map(|o| percent(mean(&o.recall.concat())));
    let reason = Text::new(
        format!(
            "by start (in brackets: ReLUs that are on; one that is off passes no gradient on): {}; over sigmoid {over_sigmoid}. Larger gradient: {}; diverges more often ({} against {}): {}; recalls more ({} against {}): {}",
            by_start(Lang::En),
            en[0],
            d[0],
            d[1],
            en[1],
            r[0],
            r[1],
            en[2]
        ),
        format!(
            "按初始化(括号内为开启的 ReLU 比例,关闭的 ReLU 不传递梯度):{};相对 sigmoid 为 {over_sigmoid}。梯度更大:{};更常发散({} 对 {}):{};记忆更好({} 对 {}):{}",
            by_start(Lang::Zh),
            zh[0],
            d[0],
            d[1],
            zh[1],
            r[0],
            r[1],
            zh[2]
        ),
    );
    let [value, lo, hi] = [norm.value, norm.lo, norm.hi].map(f64::exp);
    let measured = Some(Estimate { value, lo, hi });
    Ruling { verdict: Verdict::all(parts), measured, figure, reason }.or_take(more_seeds())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three starts, far apart, of three seeds that are `noise` apart; `diverged` of 12 runs.
    fn of(log_norm: f64, diverged: usize, recall: f64, noise: f64) -> Of {
        let around = |x: f64| vec![x, x + noise, x - noise];
        Of {
            log_norms: [-5.0, 0.0, 5.0].map(|start| around(log_norm + start)),
            on: [0.4, 0.5, 0.6].map(|share| vec![share; 3]),
            diverged: [(); 3].map(|()| vec![(diverged, 12); 3]),
            recall: [-0.1, 0.0, 0.1].map(|start| around(recall + start)),
        }
    }

    #[test]
    fn three_outcomes() {
        let (tanh, sigmoid) = (of(-9.0, 2, 0.4, 0.0), of(-60.0, 0, 0.1, 0.0));
        let ruling = |relu: Of| rule([&tanh, &sigmoid, &relu]);
        assert_eq!(ruling(of(-2.0, 8, 0.8, 0.01)).verdict, Verdict::Confirmed);
        assert_eq!(ruling(of(-12.0, 8, 0.8, 0.01)).verdict, Verdict::Refuted);
        assert_eq!(ruling(of(-2.0, 8, 0.2, 0.01)).verdict, Verdict::Refuted);
        // 27 of 108 runs against 18: the same in every seed, and yet chance
        for open in [of(-2.0, 3, 0.8, 0.01), of(-2.0, 8, 0.8, 3.0)].map(ruling) {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.ends_with("; undecided: more seeds (`--seeds N`)"));
            assert!(open.reason.zh.contains("`--seeds N`"));
        }
        let none = rule([&Of::default(), &Of::default(), &Of::default()]);
        assert_eq!(none.verdict, Verdict::Undecided);
        assert!(none.reason.en.contains("--seeds N") && none.reason.zh.contains("--seeds N"));
    }

    #[test]
    fn starts_are_averaged_within_a_seed() {
        let a = [vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0, 6.0]];
        let b = [vec![0.0, 0.0], vec![0.0, 0.0], vec![3.0, 0.0]];
        assert_eq!(gaps(&a, &b), [2.0, 4.0]);
    }
}
