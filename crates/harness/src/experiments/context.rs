//! d3: how far back each family looks: context cut to the last k words, agreement over distance, tasks that ask for memory.
//!
//! A cut context is read as if a text began there: that is the one start that all families know. What it misleads them to,
//! it does to all, and the less the more words follow.
//!
//! One seed is read, whatever `--seeds` says: a seed trains five models on the text and seven on each of four tasks, and the
//! claim is of what a model can see, which its targets show. The intervals are over test words and verbs, not over seeds.
use anyhow::Result;
use corpus::Tokens;
use lm::{Context, Family, LanguageModel, Perplexity, Scores};
use rnn::CellName;
use window::WindowConfig;

use super::asked::{self, Answer, DIVERGED, accuracy, families, tell_diverged, trained};
use super::common::{self, Texts, percent};
use super::long_range;
use super::parts::{self, Part};
use crate::lab::stats::student;
use crate::lab::*;

/// n of the n-gram: it sees 4 words.
const ORDER: usize = 5;
/// Words that the window sees.
const WIDTH: usize = 8;
/// Words of context left.
const LENGTHS: [usize; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, LONGEST];
const LONGEST: usize = 64;
/// The same loss but for the grain of the numbers.
const SAME: f64 = 1e-6;

/// Of one family: losses in nats on the same targets by [`LENGTHS`], and whether it agrees right by item and distance.
#[derive(Clone, Default)]
struct Seen {
    losses: Vec<Vec<f64>>,
    answers: Vec<Answer>,
}

/// Confirmed where the n-gram's loss stays the same once it has its 4 words and the window's once it has its 8, where the
/// RNN's still falls when more than 8 are given, and where it agrees right more often than both over 8 words and more.
fn rule(ngram: &Seen, window: &Seen, rnn: &Seen) -> Ruling {
    let what = Text::new("weakest part of the claim", "本命题最弱的一环");
    let from = |words: usize| LENGTHS.iter().position(|l| *l == words).unwrap_or(0);
    let drift = |seen: &Seen, words: usize| {
        let last = seen.losses.last()?;
        let moved =
            |l: &Vec<f64>| l.iter().zip(last).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        Some(Estimate::exact(seen.losses.get(from(words)..)?.iter().map(moved).fold(0.0, f64::max)))
    };
    let gain = || {
        let (short, long) = (rnn.losses.get(from(WIDTH))?, rnn.losses.last()?);
        student(&short.iter().zip(long).map(|(s, l)| s - l).collect::<Vec<_>>())
    };
    let beyond = |other: &Seen| {
        let pairs = rnn.answers.iter().zip(&other.answers).filter(|(r, _)| r.distance >= WIDTH);
        let value = |a: &Answer| f64::from(u8::from(a.right));
        student(&pairs.map(|(r, o)| value(r) - value(o)).collect::<Vec<_>>())
    };
    let parts = [
        drift(ngram, ORDER - 1).map(|e| {
            let name = Text::new(
                "change of the n-gram's loss beyond 4 words",
                "n-gram 在 4 词之外损失的变化",
            );
            Part::below(name, e, SAME)
        }),
        drift(window, WIDTH).map(|e| {
            let name = Text::new(
                "change of the window's loss beyond 8 words",
                "固定窗口在 8 词之外损失的变化",
            );
            Part::below(name, e, SAME)
        }),
        gain().map(|e| {
            let name = Text::new(
                "RNN's gain from the 9th to the 64th word, nats",
                "RNN 从第 9 词到第 64 词的收益(奈特)",
            );
            Part::above(name, e, 0.0)
        }),
        beyond(ngram).map(|e| {
            let name = Text::new(
                "agreement over 8 words and more, RNN minus n-gram",
                "跨 8 词以上的一致性准确率,RNN 减 n-gram",
            );
            Part::above(name, e, 0.0)
        }),
        beyond(window).map(|e| {
            let name = Text::new(
                "agreement over 8 words and more, RNN minus window",
                "跨 8 词以上的一致性准确率,RNN 减固定窗口",
            );
            Part::above(name, e, 0.0)
        }),
    ];
    let known: Option<Vec<Part>> = parts.into_iter().collect();
    let cure = Text::new(
        "train longer and take a longer test text (--preset full)",
        "需要更长的训练和更长的测试集(--preset full)",
    );
    parts::all(what, &known.unwrap_or_default(), cure)
}

/// −ln p of the targets at these places when the reader starts so many words before them.
fn cut(model: &dyn LanguageModel, text: &Tokens, places: &[usize], words: usize) -> Vec<f64> {
    let mut pieces = Tokens::default();
    places.iter().for_each(|&p| pieces.push_sentence(&text.flat()[p - words..=p], 0));
    let scores = Scores::of(model, &pieces, Context::Sentence);
    scores.log_probs.chunks(words + 1).map(|piece| -piece[words]).collect()
}

/// The experiment.
pub struct Contexts;

impl Contexts {
    fn window(lab: &Lab<'_>) -> WindowConfig {
        WindowConfig { n: WIDTH + 1, ..common::window(lab, lab.seed) }
    }
}

impl Experiment for Contexts {
    fn name(&self) -> &'static str {
        "context"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["d3"]
    }

    fn about(&self) -> &'static str {
        "how far back each family looks: context cut short, agreement and memory tasks by distance"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let vocab = lab.corpus.vocab.len();
        let networks = [CellName::Rnn, CellName::Gru, CellName::Lstm]
            .map(|cell| asked::recurrent(lab, cell, 1).training_bytes(vocab));
        let largest = networks.into_iter().max().unwrap_or(0);
        largest.max(Self::window(lab).training_bytes(vocab)) + common::count_bytes(lab, ORDER)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (texts, steps) = (Texts::of(lab), 5 + long_range::STEPS);
        let test = &lab.corpus.test;
        anyhow::ensure!(
            test.targets() > 2 * LONGEST,
            "the test text has {} tokens: too few to give {LONGEST} words of context; take a longer text",
            test.targets()
        );
        let every = (test.targets() - LONGEST).div_ceil(lab.size(200, 1_000, 5_000)).max(1);
        let places: Vec<usize> = (LONGEST..test.targets()).step_by(every).collect();
        let mut truncated =
            Table::new("truncation", &["model", "context_words", "perplexity", "targets"]);
        let (mut seen, mut diverged) = (Vec::new(), 0);
        let recipes =
            families(ORDER, Self::window(lab), |cell| asked::recurrent(lab, cell, lab.seed));
        for (i, (family, recipe)) in recipes.into_iter().enumerate() {
            lab.step("training", i, steps)?;
            let Some(model) = trained(lab, &*recipe, texts.train_set(lab))? else {
                truncated.push(&[&family, &"", &DIVERGED, &""]);
                diverged += 1;
                seen.push((family, Seen::default()));
                continue;
            };
            let losses: Vec<Vec<f64>> =
                LENGTHS.iter().map(|&words| cut(&*model, test, &places, words)).collect();
            for (words, loss) in LENGTHS.iter().zip(&losses) {
                truncated.push(&[&family, words, &mean_perplexity(loss), &places.len()]);
            }
            seen.push((family, Seen { losses, answers: Vec::new() }));
        }
        let tasks = long_range::run(lab, 5)?;
        for ((_, seen), answers) in seen.iter_mut().zip(tasks.agreement) {
            seen.answers = answers;
        }
        let of =
            |f: Family| seen.iter().find(|s| s.0 == f).map(|s| s.1.clone()).unwrap_or_default();
        let ruling = rule(&of(Family::Ngram), &of(Family::Window), &of(Family::Rnn));
        let mut ruling = tell_diverged(ruling, diverged + tasks.diverged, steps);
        let far = |f: Family| {
            accuracy(&of(f).answers, WIDTH..=99).map_or("–".into(), |a| percent(a.value))
        };
        let [n, w, r, g, l] =
            [Family::Ngram, Family::Window, Family::Rnn, Family::Gru, Family::Lstm].map(far);
        ruling.reason.en += &format!(
            "; agreement right over 8 words and more: n-gram {n}, window {w}, RNN {r}, GRU {g}, LSTM {l}"
        );
        ruling.reason.zh +=
            &format!(";跨 8 词以上的一致性准确率:n-gram {n},固定窗口 {w},RNN {r},GRU {g},LSTM {l}");
        ruling.reason.en += "; one seed was trained: the intervals are over test words and verbs";
        ruling.reason.zh += ";只训练了一个随机种子:区间针对测试词与动词";
        let mut charts = vec![chart(&seen)];
        charts.extend(tasks.charts);
        let row = lab.row("d3", self, 1, ruling);
        Ok(Outcome { rows: vec![row], tables: vec![truncated, tasks.table], charts })
    }
}

fn mean_perplexity(losses: &[f64]) -> f64 {
    Perplexity::of_mean_nll(losses.iter().sum::<f64>() / losses.len() as f64)
}

fn chart(seen: &[(Family, Seen)]) -> Chart {
    let series = seen.iter().map(|(family, seen)| {
        let points = LENGTHS.iter().zip(&seen.losses).map(|(&k, l)| (k as f64, mean_perplexity(l)));
        Series::new(common::family(*family), Look::Family(*family), points)
    });
    Chart {
        id: "truncation".into(),
        claims: vec!["d3".into()],
        table: "truncation".into(),
        title: Text::new(
            "Perplexity when only the last words are given",
            "只给出最后若干词时的困惑度",
        ),
        x: Axis::log(Text::new("context given, words", "给出的上下文(词)")),
        y: Axis::log(Text::new("test perplexity", "测试集困惑度")),
        shape: Shape::Lines { series: series.collect(), rules: vec![] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Losses by word of context for two targets, and how many of 100 far verbs are right.
    fn seen(loss: impl Fn(usize) -> f64, right: usize) -> Seen {
        let losses = LENGTHS
            .iter()
            .map(|&k| (0..40).map(|i| loss(k) * (1.0 + 0.001 * f64::from(i))).collect())
            .collect();
        let answers = (0..100).map(|i| Answer { distance: 9, right: i < right }).collect();
        Seen { losses, answers }
    }

    #[test]
    fn three_outcomes() {
        let flat = |width: usize| move |k: usize| 6.0 - 0.1 * k.min(width) as f64;
        let verdict = |ngram: &Seen, window: &Seen, rnn: &Seen| rule(ngram, window, rnn).verdict;
        let (ngram, window) = (seen(flat(4), 50), seen(flat(8), 52));
        assert_eq!(verdict(&ngram, &window, &seen(flat(20), 90)), Verdict::Confirmed);
        assert_eq!(verdict(&ngram, &window, &seen(flat(20), 20)), Verdict::Refuted);
        assert_eq!(
            verdict(&ngram, &window, &seen(|k| 5.0 + 0.01 * k as f64, 90)),
            Verdict::Refuted
        );
        assert_eq!(verdict(&seen(flat(6), 50), &window, &seen(flat(20), 90)), Verdict::Refuted);
        for open in [
            rule(&ngram, &window, &seen(flat(20), 53)),
            rule(&Seen::default(), &window, &seen(flat(20), 90)),
        ] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains("undecided: train longer and take a longer test text"));
            assert!(open.reason.zh.contains("尚无定论:需要更长的训练"));
        }
    }
}
