//! c2: the window's width against perplexity, size and time.
use std::time::Instant;

use anyhow::Result;
use lm::Perplexity;
use window::WindowRecipe;

use super::asked::{cell, take_more_seeds, tell_diverged, trained};
use super::common::{self, Texts, mean_loss, number_list, scores};
use crate::lab::stats::student;
use crate::lab::*;

const WIDTHS: [usize; 5] = [1, 2, 4, 8, 16];

/// Losses in nats of each width, one a seed (`None`: diverged; such a seed is left out); entries of W of each width.
///
/// Confirmed where one word is worse than the best width, where widening from 8 to 16 gains less than from 1 to 2, and W is
/// linear in the width.
fn rule(losses: &[Vec<Option<f64>>; 5], entries: &[usize; 5]) -> Ruling {
    let figure = Text::new(
        "gain from 1 to 2 words minus gain from 8 to 16, nats a token",
        "从 1 词到 2 词的收益减去从 8 词到 16 词的收益(每词奈特)",
    );
    let cure = take_more_seeds();
    let runs = losses.iter().flatten();
    let (all, diverged) = (runs.clone().count(), runs.filter(|l| l.is_none()).count());
    // A seed counts where all of its widths ended.
    let ended: Vec<[f64; 5]> = (0..losses[0].len())
        .filter_map(|s| {
            let of_seed: Option<Vec<f64>> = losses.iter().map(|l| l[s]).collect();
            of_seed?.try_into().ok()
        })
        .collect();
    let over = |f: fn(&[f64; 5]) -> f64| student(&ended.iter().map(f).collect::<Vec<_>>());
    let shrink = over(|l| (l[0] - l[1]) - (l[3] - l[4]));
    let small = over(|l| l[0] - l[1..].iter().copied().fold(f64::INFINITY, f64::min));
    let (Some(shrink), Some(small)) = (shrink, small) else {
        let nothing = Text::new("no seed ended at every width", "没有任何种子在所有宽度上完成训练");
        return tell_diverged(Ruling::undecided(figure, nothing), diverged, all).or_take(cure);
    };
    let linear = Verdict::of(entries.iter().zip(WIDTHS).all(|(e, w)| *e == entries[0] * w));
    let mean = |w: usize| ended.iter().map(|l| l[w]).sum::<f64>() / ended.len() as f64;
    let means: Vec<f64> = (0..5).map(|w| Perplexity::of_mean_nll(mean(w))).collect();
    let reason = Text::new(
        format!(
            "perplexity at 1, 2, 4, 8, 16 words: {}; entries of W: {entries:?}",
            number_list(&means)
        ),
        format!("1、2、4、8、16 词的困惑度:{};W 的元素数:{entries:?}", number_list(&means)),
    );
    let verdict = Verdict::all([linear, Verdict::above(shrink, 0.0), Verdict::above(small, 0.0)]);
    let ruling = Ruling { verdict, measured: Some(shrink), figure, reason };
    tell_diverged(ruling, diverged, all).or_take(cure)
}

/// The experiment.
pub struct WindowSize;

impl Experiment for WindowSize {
    fn name(&self) -> &'static str {
        "window-size"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["c2"]
    }

    fn about(&self) -> &'static str {
        "windows of 1 to 16 words: perplexity, size of W, seconds"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let mut widest = common::window(lab, 1);
        widest.n = WIDTHS[4] + 1;
        widest.training_bytes(lab.corpus.vocab.len())
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (texts, seeds) = (Texts::of(lab), lab.seeds(lab.size(2, 3, 3)));
        let mut table = Table::new(
            "widths",
            &["words", "seed", "perplexity", "w_entries", "parameters", "train_s"],
        );
        let (mut losses, mut entries) = ([const { Vec::new() }; 5], [0; 5]);
        let (mut curve, mut time) = (Vec::new(), Vec::new());
        for (i, words) in WIDTHS.into_iter().enumerate() {
            let mut seconds = Vec::new();
            for &seed in &seeds {
                lab.step("training", i * seeds.len() + seconds.len(), WIDTHS.len() * seeds.len())?;
                let mut config = common::window(lab, seed);
                config.n = words + 1;
                let shape = config.architecture(lab.corpus.vocab.len());
                entries[i] = shape.hidden * shape.input();
                let start = Instant::now();
                let model = trained(lab, &WindowRecipe::new(config), texts.train_set(lab))?;
                let took = start.elapsed().as_secs_f64();
                seconds.push(model.is_some().then_some(took));
                let loss = model.as_ref().map(|m| mean_loss(&scores(&**m, &texts.test)));
                losses[i].push(loss);
                let parameters = model.map(|m| m.footprint().params as f64);
                table.push(&[
                    &words,
                    &seed,
                    &cell(loss.map(Perplexity::of_mean_nll)),
                    &entries[i],
                    &cell(parameters),
                    &took,
                ]);
            }
            let ended =
                |values: &[Option<f64>]| values.iter().flatten().copied().collect::<Vec<_>>();
            let perplexities: Vec<f64> =
                ended(&losses[i]).into_iter().map(Perplexity::of_mean_nll).collect();
            curve.extend(student(&perplexities).map(|e| (words as f64, e)));
            time.extend(student(&ended(&seconds)).map(|e| (words as f64, e.value)));
        }
        let look = || Look::Family(lm::Family::Window);
        let chart = |id: &str, title: Text, y: Text, series: Series| Chart {
            id: id.into(),
            claims: vec!["c2".into()],
            table: "widths".into(),
            title,
            x: Axis::log(Text::new("window, words", "窗口宽度(词)")),
            y: Axis::linear(y),
            shape: Shape::Lines { series: vec![series], rules: vec![] },
        };
        let name = || common::family(lm::Family::Window);
        let charts = vec![
            chart(
                "perplexity",
                Text::new("Perplexity by the window's width", "困惑度随窗口宽度的变化"),
                Text::new("test perplexity", "测试集困惑度"),
                Series::with_intervals(name(), look(), curve),
            ),
            chart(
                "w",
                Text::new("Entries of W by the window's width", "W 的元素数随窗口宽度的变化"),
                Text::new("entries of W", "W 的元素数"),
                Series::new(
                    name(),
                    look(),
                    WIDTHS.iter().zip(entries).map(|(w, e)| (*w as f64, e as f64)),
                ),
            ),
            chart(
                "seconds",
                Text::new("Training time by the window's width", "训练时间随窗口宽度的变化"),
                Text::new("seconds", "秒"),
                Series::new(name(), look(), time),
            ),
        ];
        let row = lab.row("c2", self, seeds.len() as u64, rule(&losses, &entries));
        Ok(Outcome { rows: vec![row], tables: vec![table], charts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINEAR: [usize; 5] = [3, 6, 12, 24, 48];

    fn tilted(means: [f64; 5], noise: f64) -> [Vec<Option<f64>>; 5] {
        let some = |l: [f64; 3]| l.map(Some).to_vec();
        let mut tilted = means.map(|m| some([m, m + noise, m - noise]));
        tilted[0] = some([means[0] + noise, means[0], means[0] - noise]);
        tilted
    }

    fn verdict(means: [f64; 5], noise: f64) -> Verdict {
        rule(&tilted(means, noise), &LINEAR).verdict
    }

    #[test]
    fn three_outcomes() {
        assert_eq!(verdict([5.0, 4.5, 4.4, 4.38, 4.37], 0.001), Verdict::Confirmed);
        assert_eq!(verdict([5.0, 4.5, 4.4, 4.38, 4.37], 2.0), Verdict::Undecided);
        assert_eq!(verdict([5.0, 4.9, 4.8, 4.7, 4.0], 0.001), Verdict::Refuted);
        let flat = [5.0, 4.5, 4.4, 4.38, 4.37].map(|m| vec![Some(m); 3]);
        assert_eq!(rule(&flat, &[3, 6, 12, 24, 49]).verdict, Verdict::Refuted);
    }

    #[test]
    fn open_verdicts_name_the_cure_and_diverged_runs_are_left_out() {
        let mut losses = tilted([5.0, 4.5, 4.4, 4.38, 4.37], 0.001);
        losses[4][2] = None;
        let ruling = rule(&losses, &LINEAR);
        assert_eq!(ruling.verdict, Verdict::Confirmed);
        assert!(ruling.reason.en.ends_with("1 of 15 runs diverged and are left out"));
        losses[4] = vec![None; 3];
        for losses in [losses, tilted([5.0, 4.5, 4.4, 4.38, 4.37], 2.0), Default::default()] {
            let open = rule(&losses, &LINEAR);
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.ends_with("undecided: take more seeds (--seeds N)"));
            assert!(open.reason.zh.ends_with("尚无定论:需要更多随机种子(--seeds N)"));
        }
    }
}
