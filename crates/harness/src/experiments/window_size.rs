//! c2: the window's width against perplexity, size and time.
use std::time::Instant;

use anyhow::Result;
use lm::Perplexity;
use window::WindowRecipe;

use super::common::{self, Texts, mean_loss, model, number_list, scores};
use crate::lab::stats::student;
use crate::lab::*;

const WIDTHS: [usize; 5] = [1, 2, 4, 8, 16];

/// Losses in nats of each width, one a seed; entries of W of each width. Confirmed where one word is worse than the best
/// width, where widening from 8 to 16 gains less than from 1 to 2, and W is linear in the width.
fn rule(losses: &[Vec<f64>; 5], entries: &[usize; 5]) -> Ruling {
    let figure = Text::new(
        "gain from 1 to 2 words minus gain from 8 to 16, nats a token",
        "从 1 词到 2 词的收益减去从 8 词到 16 词的收益(每词奈特)",
    );
    let seeds = losses[0].len();
    let gain = |s: usize, from: usize, to: usize| losses[from][s] - losses[to][s];
    let shrink = student(&(0..seeds).map(|s| gain(s, 0, 1) - gain(s, 3, 4)).collect::<Vec<_>>());
    let small = student(
        &(0..seeds)
            .map(|s| losses[0][s] - (1..5).map(|w| losses[w][s]).fold(f64::INFINITY, f64::min))
            .collect::<Vec<_>>(),
    );
    let (Some(shrink), Some(small)) = (shrink, small) else {
        return Ruling::undecided(figure, Text::new("no runs", "没有运行"));
    };
    let linear = Verdict::of(entries.iter().zip(WIDTHS).all(|(e, w)| *e == entries[0] * w));
    let means: Vec<f64> = losses
        .iter()
        .map(|l| Perplexity::of_mean_nll(l.iter().sum::<f64>() / seeds as f64))
        .collect();
    let reason = Text::new(
        format!(
            "perplexity at 1, 2, 4, 8, 16 words: {}; entries of W: {entries:?}",
            number_list(&means)
        ),
        format!("1、2、4、8、16 词的困惑度:{};W 的元素数:{entries:?}", number_list(&means)),
    );
    let verdict = Verdict::all([linear, Verdict::above(shrink, 0.0), Verdict::above(small, 0.0)]);
    Ruling { verdict, measured: Some(shrink), figure, reason }
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
                let model = model(lab, &WindowRecipe::new(config), texts.train_set(lab))?;
                seconds.push(start.elapsed().as_secs_f64());
                let loss = mean_loss(&scores(&*model, &texts.test));
                losses[i].push(loss);
                let took = seconds[seconds.len() - 1];
                table.push(&[
                    &words,
                    &seed,
                    &Perplexity::of_mean_nll(loss),
                    &entries[i],
                    &model.footprint().params,
                    &took,
                ]);
            }
            let perplexities: Vec<f64> =
                losses[i].iter().map(|l| Perplexity::of_mean_nll(*l)).collect();
            curve.extend(student(&perplexities).map(|e| (words as f64, e)));
            time.push((words as f64, seconds.iter().sum::<f64>() / seconds.len() as f64));
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

    fn verdict(means: [f64; 5], noise: f64) -> Verdict {
        let losses = means.map(|m| vec![m, m + noise, m - noise]);
        let mut tilted = losses;
        tilted[0] = vec![means[0] + noise, means[0], means[0] - noise];
        rule(&tilted, &[3, 6, 12, 24, 48]).verdict
    }

    #[test]
    fn three_outcomes() {
        assert_eq!(verdict([5.0, 4.5, 4.4, 4.38, 4.37], 0.001), Verdict::Confirmed);
        assert_eq!(verdict([5.0, 4.5, 4.4, 4.38, 4.37], 2.0), Verdict::Undecided);
        assert_eq!(verdict([5.0, 4.9, 4.8, 4.7, 4.0], 0.001), Verdict::Refuted);
        let flat = [5.0, 4.5, 4.4, 4.38, 4.37].map(|m| vec![m; 3]);
        assert_eq!(rule(&flat, &[3, 6, 12, 24, 49]).verdict, Verdict::Refuted);
    }
}
