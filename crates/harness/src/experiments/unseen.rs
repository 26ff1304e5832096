//! c1: where the window model gains on Kneser-Ney, by how often the trigram and the two words before it were seen.
use anyhow::Result;
use corpus::Tokens;
use lm::{Perplexity, Scores};
use ngram::{GramCounts, NgramRecipe, Smoothing, target_counts};
use window::WindowRecipe;

use super::asked::{DIVERGED, tell_diverged, trained};
use super::common::{self, Texts, model, number_list, scores};
use super::parts::{self, Part};
use crate::lab::stats::student;
use crate::lab::*;

const BUCKETS: [(u32, u32, &str); 5] =
    [(0, 0, "0"), (1, 1, "1"), (2, 4, "2–4"), (5, 19, "5–19"), (20, u32::MAX, "20+")];

/// What is counted in training: the test trigram, or the two words before its last.
const COUNTED: [&str; 2] = ["trigram", "context"];
const TRIGRAM: usize = 0;
const CONTEXT: usize = 1;

/// The window's gains in nats by what is counted and bucket, one a seed; NaN where a bucket is empty. Confirmed where the
/// gain on unseen trigrams is larger than the largest on seen ones and the gain after unseen contexts is above zero; refuted
/// where one of them is the other way round.
fn rule(gains: &[[Vec<f64>; 5]; 2]) -> Ruling {
    let largest_seen = |s: usize| {
        let seen = gains[TRIGRAM][1..].iter().map(|bucket| bucket[s]);
        seen.filter(|g| !g.is_nan()).fold(f64::NEG_INFINITY, f64::max)
    };
    let unseen = gains[TRIGRAM][0].iter().enumerate();
    let differences: Vec<f64> = unseen.map(|(s, gain)| gain - largest_seen(s)).collect();
    let finite = differences.iter().all(|d| d.is_finite());
    let parts: Option<Vec<Part>> = [
        student(&differences).filter(|_| finite).map(|e| {
            let name = Text::new(
                "on unseen trigrams minus the largest on seen ones",
                "未见三元组上减去已见三元组上的最大值",
            );
            Part::above(name, e, 0.0)
        }),
        student(&gains[CONTEXT][0])
            .map(|e| Part::above(Text::new("after unseen contexts", "在未见上下文之后"), e, 0.0)),
    ]
    .into_iter()
    .collect();
    let what = Text::new(
        "the window's gain on Kneser-Ney, nats a token",
        "固定窗口相对 Kneser-Ney 的收益(每词奈特)",
    );
    let cure = Text::new(
        "take more seeds (--seeds N), or more text (--preset full) where a bucket is empty",
        "需要更多随机种子(--seeds N);若有分组为空,需要更多语料(--preset full)",
    );
    let mut ruling = parts::all(what, &parts.unwrap_or_default(), cure);
    let mean = |bucket: &Vec<f64>| student(bucket).map_or(f64::NAN, |e| e.value);
    let [trigrams, contexts] =
        [TRIGRAM, CONTEXT].map(|c| number_list(&gains[c].iter().map(mean).collect::<Vec<_>>()));
    ruling.reason.en += &format!(
        "; gain by training count 0, 1, 2–4, 5–19, 20+: of the trigram {trigrams}, of its context {contexts}"
    );
    ruling.reason.zh += &format!(
        ";按训练次数 0、1、2–4、5–19、20+ 分组的收益:按三元组 {trigrams},按其上下文 {contexts}"
    );
    ruling
}

/// How often the two words before each target stood in the training text, in text order; at the head of a sentence they
/// are cut at `<s>`, which stands there as often as there are sentences.
fn context_counts(train: &GramCounts, sentences: usize, text: &Tokens) -> Vec<u32> {
    let ends = target_counts(train, text, 2);
    let mut counts = Vec::with_capacity(text.targets());
    for i in 0..text.sentence_count() {
        let start = text.sentence_start(i);
        counts.push(sentences as u32);
        counts.extend(&ends[start..start + text.sentence(i).len() - 1]);
    }
    counts
}

/// Mean −log p in nats of the tokens of each bucket of training counts, and how many tokens it has; NaN of none.
fn means(log_probs: &[f64], counts: &[u32]) -> [(f64, usize); 5] {
    let mut sums = [(0.0, 0); BUCKETS.len()];
    for (log_prob, count) in log_probs.iter().zip(counts) {
        let bucket = BUCKETS.iter().position(|b| (b.0..=b.1).contains(count)).unwrap_or(0);
        sums[bucket] = (sums[bucket].0 - log_prob, sums[bucket].1 + 1);
    }
    sums.map(|(loss, n)| (loss / n as f64, n))
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
        "perplexity of window and Kneser-Ney by how often the test trigram and its context were seen"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        common::bytes(lab)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (texts, seeds) = (Texts::of(lab), lab.seeds(lab.size(2, 3, 3)));
        let data = texts.train_set(lab);
        let train = GramCounts::new(&texts.train, lab.corpus.vocab.len(), 3)?;
        let counts = [
            target_counts(&train, &texts.test, 3),
            context_counts(&train, texts.train.sentence_count(), &texts.test),
        ];
        let mut table = Table::new(
            "buckets",
            &["counted", "train_count", "test_tokens", "model", "seed", "perplexity"],
        );
        // Of every bucket the mean loss, by what is counted.
        let read = |table: &mut Table, id: &str, seed: u64, scores: &Scores| {
            let losses = counts.each_ref().map(|counts| means(&scores.log_probs, counts));
            for (counted, losses) in COUNTED.iter().zip(&losses) {
                for (bucket, (loss, tokens)) in BUCKETS.iter().zip(losses) {
                    let perplexity = Perplexity::of_mean_nll(*loss);
                    table.push(&[counted, &bucket.2, tokens, &id, &seed, &perplexity]);
                }
            }
            losses
        };
        let kn = model(lab, &NgramRecipe::new(Smoothing::ModifiedKneserNey, 5), data)?;
        let kn = read(&mut table, "kn5", 0, &scores(&*kn, &texts.test));
        let mut gains = [const { [const { Vec::new() }; BUCKETS.len()] }; 2];
        for (i, &seed) in seeds.iter().enumerate() {
            lab.step("training", i, seeds.len())?;
            let recipe = WindowRecipe::new(common::window(lab, seed));
            let Some(window) = trained(lab, &recipe, data)? else {
                table.push(&[&"", &"", &"", &"window", &seed, &DIVERGED]);
                continue;
            };
            let window = read(&mut table, "window", seed, &scores(&*window, &texts.test));
            for (c, gains) in gains.iter_mut().enumerate() {
                let pairs = kn[c].iter().zip(&window[c]);
                gains.iter_mut().zip(pairs).for_each(|(g, (kn, window))| g.push(kn.0 - window.0));
            }
        }
        let diverged = seeds.len() - gains[TRIGRAM][0].len();
        let ruling = tell_diverged(rule(&gains), diverged, seeds.len());
        let row = lab.row("c1", self, seeds.len() as u64, ruling);
        Ok(Outcome { rows: vec![row], tables: vec![table], charts: charts(&gains) })
    }
}

fn charts(gains: &[[Vec<f64>; 5]; 2]) -> Vec<Chart> {
    let chart = |id: &str, counted: usize, title: Text| {
        let points = gains[counted].iter().enumerate();
        let points = points.filter_map(|(k, g)| Some((k as f64, student(g)?)));
        Chart {
            id: id.into(),
            claims: vec!["c1".into()],
            table: "buckets".into(),
            title,
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
        }
    };
    vec![
        chart(
            "gain",
            TRIGRAM,
            Text::new(
                "What the window gains on Kneser-Ney, by the trigram's training count",
                "固定窗口相对 Kneser-Ney 的收益(按三元组在训练集中的次数分组)",
            ),
        ),
        chart(
            "gain-context",
            CONTEXT,
            Text::new(
                "What the window gains on Kneser-Ney, by the training count of the two words before",
                "固定窗口相对 Kneser-Ney 的收益(按前两个词在训练集中的次数分组)",
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use corpus::TokenId;

    use super::*;

    /// Gains on unseen trigrams and after unseen contexts; 0.1 elsewhere.
    fn ruling(trigrams: &[f64], contexts: &[f64]) -> Ruling {
        let with = |unseen: &[f64]| {
            let seen = || vec![0.1; unseen.len()];
            [unseen.to_vec(), seen(), seen(), seen(), seen()]
        };
        rule(&[with(trigrams), with(contexts)])
    }

    #[test]
    fn three_outcomes() {
        let good = [0.30, 0.31, 0.29];
        assert_eq!(ruling(&good, &good).verdict, Verdict::Confirmed);
        assert_eq!(ruling(&[-0.30, -0.31, -0.29], &good).verdict, Verdict::Refuted);
        assert_eq!(ruling(&good, &[-0.30, -0.31, -0.29]).verdict, Verdict::Refuted);
        let nothing = rule(&Default::default());
        for open in [ruling(&[0.5, -0.4, 0.2], &good), ruling(&[f64::NAN; 3], &good), nothing] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains("undecided: take more seeds (--seeds N)"));
            assert!(open.reason.zh.contains("尚无定论:需要更多随机种子"));
        }
    }

    #[test]
    fn contexts_are_counted_before_the_target() {
        let text = |sentences: &[&[u32]]| {
            let mut tokens = Tokens::default();
            for sentence in sentences {
                tokens.push_sentence(&sentence.iter().map(|&w| TokenId(w)).collect::<Vec<_>>(), 1);
            }
            tokens
        };
        // </s> = 0, a = 1, b = 2; training: "a b", "a a"; looked at: "a b b"
        let train = GramCounts::new(&text(&[&[1, 2, 0], &[1, 1, 0]]), 3, 3).unwrap();
        let counts = context_counts(&train, 2, &text(&[&[1, 2, 2, 0]]));
        // <s>, <s> a, a b, b b
        assert_eq!(counts, [2, 2, 1, 0]);
        let by_bucket = means(&[-1.0, -3.0, -5.0, -7.0], &counts);
        assert_eq!((by_bucket[0], by_bucket[1], by_bucket[2]), ((7.0, 1), (5.0, 1), (2.0, 2)));
        assert!(by_bucket[4].0.is_nan());
    }
}
