//! The rule of e7: does clipping remove divergence, or does it only ease it?
use nn::activation::Activation;

use super::super::common::percent;
use super::super::nets::{more_seeds, sigma_name, wider};
use super::{SIGMAS, THRESHOLDS};
use crate::lab::stats::{student, wilson};
use crate::lab::*;

/// "Removed": of the runs where divergence is to be expected, at most this share diverges in spite of clipping.
const LIMIT: f64 = 0.1;

/// The runs of a cell of the grid, one a seed at every threshold.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// σ, gain, rate.
    pub(super) place: (Activation, f64, f64),
    /// Of every seed: which thresholds it diverged at; the first is no clipping.
    pub(super) seeds: Vec<[bool; THRESHOLDS.len()]>,
}

impl Tally {
    /// How many seeds diverge at a threshold.
    fn diverged(&self, k: usize) -> usize {
        self.seeds.iter().filter(|run| run[k]).count()
    }

    /// How many diverge only without clipping, and only with it.
    fn saved_and_harmed(&self, k: usize) -> (usize, usize) {
        let count =
            |saved: bool| self.seeds.iter().filter(|r| r[0] == saved && r[k] != saved).count();
        (count(true), count(false))
    }
}

/// Of every seed, the share of these cells in which it diverges at a threshold.
fn shares(cells: &[&Tally], k: usize) -> Vec<f64> {
    let seeds = cells.iter().map(|t| t.seeds.len()).min().unwrap_or(0);
    let share = |s: usize| cells.iter().filter(|t| t.seeds[s][k]).count() as f64;
    (0..seeds).map(|s| share(s) / cells.len() as f64).collect()
}

/// Judged is the threshold with the fewest diverged runs, which favours clipping. Two inequalities, whose intervals are
/// Student's over the seeds: the grid is fixed, a seed is drawn once for all of its cells.
///
/// * clipping lowers the rate of divergence over all cells (saved less harmed runs): the fall is above zero;
/// * what remains in the cells where some seed diverges without clipping is below [`LIMIT`]. Where the seeds agree to the
///   last run, they seem to know no chance: this interval is at least Wilson's over the runs.
///
/// Confirmed where both hold, refuted where the first is below zero or the second above the limit, beyond chance.
pub(super) fn rule(cells: &[Tally]) -> Ruling {
    let diverged = |k: usize| -> usize { cells.iter().map(|t| t.diverged(k)).sum() };
    let best = (1..THRESHOLDS.len()).min_by_key(|&k| diverged(k)).unwrap_or(1);
    let c = THRESHOLDS[best];
    let figure = Text::new(
        format!(
            "share of runs that diverge in spite of clipping at {c}, where some diverge without it"
        ),
        format!("不截断时会发散的情形中,阈值 {c} 的截断下仍发散的运行比例"),
    );
    let cure = more_seeds();
    let everywhere: Vec<&Tally> = cells.iter().collect();
    let wild: Vec<&Tally> = cells.iter().filter(|t| t.diverged(0) > 0).collect();
    let (without, with) = (shares(&everywhere, 0), shares(&everywhere, best));
    let falls: Vec<f64> = without.iter().zip(&with).map(|(a, b)| a - b).collect();
    let (k, n) = wild.iter().fold((0, 0), |(k, n), t| (k + t.diverged(best), n + t.seeds.len()));
    let (Some(fall), Some(left), Some(runs)) =
        (student(&falls), student(&shares(&wild, best)), wilson(k, n))
    else {
        let why = Text::new("no run diverged without clipping", "不截断时没有运行发散");
        return Ruling::undecided(figure, why).or_take(cure);
    };
    let left = wider(left, runs).share();
    let (lowers, removes) = (Verdict::above(fall, 0.0), Verdict::below(left, LIMIT));
    let verdict = Verdict::all([lowers, removes]);
    let lead = match (lowers, removes) {
        (Verdict::Refuted, _) => {
            Text::new("clipping makes more runs diverge", "截断使更多运行发散")
        }
        (_, Verdict::Refuted) => {
            Text::new("clipping eases divergence, does not remove it", "截断减轻发散,但不能消除")
        }
        (Verdict::Confirmed, Verdict::Confirmed) => {
            Text::new("clipping removes divergence", "截断消除了发散")
        }
        _ => Text::new("what clipping does is open", "截断的作用尚不确定"),
    };
    let all: usize = cells.iter().map(|t| t.seeds.len()).sum();
    let share = |k: usize| percent(diverged(k) as f64 / all as f64);
    let interval =
        |e: Estimate| format!("{} [{}, {}]", percent(e.value), percent(e.lo), percent(e.hi));
    let [from, to, fall, remains, limit] =
        [share(0), share(best), interval(fall), interval(left), percent(LIMIT)];
    let (places, others, at) = (cells.len(), THRESHOLDS.len() - 1, remaining(cells, best));
    let each = |lang: Lang| {
        let one = |k: usize| {
            let both = cells.iter().map(|t| t.saved_and_harmed(k));
            let (saved, harmed) = both.fold((0, 0), |(s, h), (a, b)| (s + a, h + b));
            let (c, share) = (THRESHOLDS[k], share(k));
            match lang {
                Lang::En => format!("{c}: {share} ({saved} saved, {harmed} harmed)"),
                Lang::Zh => format!("{c}:{share}(挽救 {saved} 次,新增发散 {harmed} 次)"),
            }
        };
        (1..THRESHOLDS.len()).map(one).collect::<Vec<_>>().join(", ")
    };
    let reason = Text::new(
        format!(
            "{}: at {c}, the best of {others} thresholds, it changes the share of diverged runs from {from} to {to} ({places} cells of σ, gain and rate, {all} runs; net fall {fall}); where runs diverge without it, {remains} remain (limit {limit}), at the rates: {at}; diverged runs by threshold, none: {from}, {}",
            lead.en,
            each(Lang::En)
        ),
        format!(
            "{}:在 {others} 个阈值中最好的 {c} 下,发散率由 {from} 变为 {to}(σ、增益、学习率共 {places} 种情形,{all} 次运行;净下降 {fall});不截断时会发散的情形中仍有 {remains} 发散(限度 {limit}),所在学习率:{at};各阈值的发散率,不截断:{from},{}",
            lead.zh,
            each(Lang::Zh)
        ),
    );
    Ruling { verdict, measured: Some(left), figure, reason }.or_take(cure)
}

/// By σ, the rates at which some run diverges in spite of a threshold.
fn remaining(cells: &[Tally], threshold: usize) -> String {
    let of = |sigma: Activation| {
        let own = cells.iter().filter(|t| t.place.0 == sigma && t.diverged(threshold) > 0);
        let mut rates: Vec<f64> = own.map(|t| t.place.2).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let list = rates.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        format!("{} ({})", sigma_name(sigma).en, if list.is_empty() { "–" } else { &list })
    };
    SIGMAS.map(of).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve cells of as many seeds as `left` has entries: those of the rate 8 diverge without clipping, and seed s diverges
    /// in `left[s]` of these six at 0.25, too; in the others, `calm` of the seeds diverge at 0.25 only.
    fn cells(left: &[usize], calm: usize) -> Vec<Tally> {
        let cell = |i: usize| {
            let (wild, rate) = (i < 6, if i < 6 { 8.0 } else { 0.5 });
            let run = |s: usize| {
                let clipped = if wild { i < left[s] } else { s < calm };
                [wild, clipped, true, true, true]
            };
            let place = (SIGMAS[i % 2], i as f64, rate);
            Tally { place, seeds: (0..left.len()).map(run).collect() }
        };
        (0..12).map(cell).collect()
    }

    #[test]
    fn three_outcomes() {
        let few = rule(&cells(&[0; 5], 0));
        assert_eq!(few.verdict, Verdict::Undecided, "none of 30 runs is below 11 %, not 10 %");
        assert!(few.reason.en.contains("--seeds N") && few.reason.zh.contains("--seeds N"));
        let removed = rule(&cells(&[0; 10], 0));
        assert_eq!(removed.verdict, Verdict::Confirmed, "{removed:?}");
        assert!(removed.reason.en.starts_with("clipping removes divergence: at 0.25,"));
        // half of the cells, for every seed: much better than all, and far from none
        let eased = rule(&cells(&[2, 3, 4, 3, 3], 0));
        assert_eq!((eased.verdict, eased.measured.unwrap().value), (Verdict::Refuted, 0.5));
        let said = &eased.reason.en;
        assert!(said.starts_with("clipping eases divergence, does not remove it"), "{said}");
        for part in
            ["from 50.0 % to 25.0 %", "tanh (8), ReLU (8)", "0.25: 25.0 % (15 saved, 0 harmed)"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        // one seed in every cell, the others in none: chance
        let open = rule(&cells(&[6, 0, 0, 0, 0], 0));
        assert_eq!(open.verdict, Verdict::Undecided);
    }

    #[test]
    fn harm_outweighs_what_is_saved() {
        let mut harmed = cells(&[6; 5], 5);
        // without clipping only the first seed diverges
        harmed.iter_mut().for_each(|t| t.seeds[1..].iter_mut().for_each(|run| run[0] = false));
        let ruling = rule(&harmed);
        assert_eq!(ruling.verdict, Verdict::Refuted);
        assert!(ruling.reason.en.starts_with("clipping makes more runs diverge"));
        let calm: Vec<Tally> = cells(&[0; 5], 0).into_iter().skip(6).collect();
        let none = rule(&calm);
        assert!(none.verdict == Verdict::Undecided && none.measured.is_none());
        let said = &none.reason.en;
        assert!(said.contains("; undecided: more seeds (`--seeds N`)"), "{said}");
    }
}
