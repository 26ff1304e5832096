//! c1: where the window model gains on Kneser-Ney, by how often the trigram was seen.
use anyhow::Result;
use lm::Perplexity;
use ngram::{GramCounts, NgramRecipe, Smoothing, target_counts};
use window::WindowRecipe;

use super::common::{self, Texts, model, scores};
use crate::lab::stats::student;
use crate::lab::*;

const BUCKETS: [(u32, u32, &str); 5] =
    [(0, 0, "0"), (1, 1, "1"), (2, 4, "2–4"), (5, 19, "5–19"), (20, u32::MAX, "20+")];

/// Over seeds: the window model's gain in nats on unseen trigrams minus its largest gain on seen ones. Confirmed where that
/// lies above zero, refuted where below.
fn rule(seeds: &[f64], unseen_gain: f64) -> Ruling {
    let figure = Text::new(
        "gain on unseen trigrams minus the largest gain on seen ones, nats a token",
        "未见三元组上的收益减去已见三元组上的最大收益(每词奈特)",
    );
    let Some(e) = student(seeds) else {
        return Ruling::undecided(
            figure,
            Text::new("a bucket is empty: take more text", "有的分组为空:需要更多语料"),
        );
    };
    let reason = Text::new(
        format!(
            "on unseen trigrams the window's loss is {} nats a token below Kneser-Ney's",
            number(unseen_gain)
        ),
        format!(
            "在未见过的三元组上,固定窗口的损失比 Kneser-Ney 低 {} 奈特/词",
            number(unseen_gain)
        ),
    );
    Ruling { verdict: Verdict::above(e, 0.0), measured: Some(e), figure, reason }
}

/// The experiment.
pub struct Unseen;

impl Experiment for Unseen {
    fn name(&self) -> &'static str {
        "unseen"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["c1"]
    }

    fn about(&self) -> &'static str {
        "perplexity of window and Kneser-Ney by how often the test trigram was seen"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        common::bytes(lab)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (texts, seeds) = (Texts::of(lab), lab.seeds(lab.size(2, 3, 3)));
        let data = texts.train_set(lab);
        let counts = GramCounts::new(&texts.train, lab.corpus.vocab.len(), 5)?;
        let counts = target_counts(&counts, &texts.test, 3);
        let bucket =
            |count: u32| BUCKETS.iter().position(|b| (b.0..=b.1).contains(&count)).unwrap_or(0);
        let means = |log_probs: &[f64]| -> Vec<(f64, usize)> {
            let mut sums = vec![(0.0, 0); BUCKETS.len()];
            for (log_prob, &count) in log_probs.iter().zip(&counts) {
                let sum = &mut sums[bucket(count)];
                *sum = (sum.0 - log_prob, sum.1 + 1);
            }
            sums.into_iter().map(|(loss, n)| (loss / n as f64, n)).collect()
        };
        let kn = model(lab, &NgramRecipe::new(Smoothing::ModifiedKneserNey, 5), data)?;
        let kn = means(&scores(&*kn, &texts.test).log_probs);
        let mut table =
            Table::new("buckets", &["train_count", "test_tokens", "model", "seed", "perplexity"]);
        for (b, loss) in BUCKETS.iter().zip(&kn) {
            table.push(&[&b.2, &loss.1, &"kn5", &0, &Perplexity::of_mean_nll(loss.0)]);
        }
        let (mut differences, mut gains, mut windows) =
            (Vec::new(), vec![0.0; BUCKETS.len()], vec![vec![]; BUCKETS.len()]);
        for (i, &seed) in seeds.iter().enumerate() {
            lab.step("training", i, seeds.len())?;
            let trained = model(lab, &WindowRecipe::new(common::window(lab, seed)), data)?;
            let losses = means(&scores(&*trained, &texts.test).log_probs);
            let gain: Vec<f64> = kn.iter().zip(&losses).map(|(k, w)| k.0 - w.0).collect();
            for (k, (b, loss)) in BUCKETS.iter().zip(&losses).enumerate() {
                table.push(&[&b.2, &loss.1, &"window", &seed, &Perplexity::of_mean_nll(loss.0)]);
                gains[k] += gain[k] / seeds.len() as f64;
                windows[k].push(gain[k]);
            }
            differences.push(
                gain[0]
                    - gain[1..]
                        .iter()
                        .copied()
                        .filter(|g| !g.is_nan())
                        .fold(f64::NEG_INFINITY, f64::max),
            );
        }
        let points = windows.iter().enumerate().filter_map(|(k, g)| Some((k as f64, student(g)?)));
        let chart = Chart {
            id: "gain".into(),
            claims: vec!["c1".into()],
            table: "buckets".into(),
            title: Text::new(
                "What the window gains on Kneser-Ney, by the trigram's training count",
                "固定窗口相对 Kneser-Ney 的收益(按三元组在训练集中的次数分组)",
            ),
            x: Axis::linear(Text::new(
                "training count: 0 | 1 | 2–4 | 5–19 | 20+ (groups 0 to 4)",
                "训练次数:0 | 1 | 2–4 | 5–19 | 20+(第 0 到 4 组)",
            )),
            y: Axis::linear(Text::new("gain, nats a token", "收益(每词奈特)")),
            shape: Shape::Lines {
                series: vec![Series::with_intervals(
                    common::family(lm::Family::Window),
                    Look::Family(lm::Family::Window),
                    points,
                )],
                rules: vec![Rule { name: Text::new("equal", "相等"), y: 0.0 }],
            },
        };
        let row = lab.row("c1", self, seeds.len() as u64, rule(&differences, gains[0]));
        Ok(Outcome { rows: vec![row], tables: vec![table], charts: vec![chart] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_outcomes() {
        assert_eq!(rule(&[0.30, 0.31, 0.29], 0.1).verdict, Verdict::Confirmed);
        assert_eq!(rule(&[0.30, -0.31, 0.09], 0.1).verdict, Verdict::Undecided);
        assert_eq!(rule(&[-0.30, -0.31, -0.29], 0.1).verdict, Verdict::Refuted);
        assert_eq!(rule(&[f64::NEG_INFINITY, f64::NAN], 0.1).verdict, Verdict::Undecided);
    }
}
