//! d1, d2: sequences far longer than those of training, at every position; parameters by the length of the context.
use anyhow::Result;
use corpus::TrainSet;
use lm::{Family, Recipe};
use ngram::{MAX_ORDER, NgramRecipe, Smoothing};
use nn::fit::Config;
use rnn::{CellName, RnnConfig, RnnRecipe};
use window::{WindowConfig, WindowRecipe};

use super::asked::{self, DIVERGED, take_more_seeds, tell_diverged, trained};
use super::common::{self, Texts, head, number_list};
use super::parts::{self, Part};
use super::reading::{SETTLED, TIMES, TRAINED, bins, read};
use crate::lab::stats::student;
use crate::lab::*;

/// What counts as flat, in nats: two percent of perplexity.
const FLAT: f64 = 0.02;
/// Words of context.
const CONTEXTS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Mean losses in nats of the last unit of sequences of each length, on the same targets, one a seed; and of each seed the
/// excess of the loss at every position (see [`Read`](super::reading::Read)).
///
/// Confirmed where all are finite, where the losses at the end of the longest sequences are less than [`FLAT`] above those of
/// twice the trained length (where the start is no longer felt), and where no position from there on has a larger excess;
/// refuted where one is larger, or not finite.
fn any_length(losses: &[Vec<f64>; 7], excess: &[Vec<f64>]) -> Ruling {
    let what = Text::new("rise of the loss, nats a token", "损失的上升(每词奈特)");
    let cure = take_more_seeds();
    let finite = losses.iter().chain(excess).flatten().all(|l| l.is_finite());
    let mut ruling = if finite {
        let rises = losses[6].iter().zip(&losses[1]).map(|(long, short)| long - short).collect();
        let largest = excess.iter().map(|of_seed| {
            let far = bins().zip(of_seed).filter(|(bin, _)| bin.0 > SETTLED);
            far.map(|(_, e)| *e).fold(f64::NEG_INFINITY, f64::max)
        });
        let far = Text::new(
            format!(
                "largest at a position after {SETTLED}, against the same words after all the text before them"
            ),
            format!("第 {SETTLED} 个位置之后的最大值(与读过此前全部文本时相同词的损失相比)"),
        );
        let times =
            Text::new("from 2 to 64 times the training length", "从训练长度的 2 倍到 64 倍");
        let parts: Option<Vec<Part>> = [(times, rises), (far, largest.collect::<Vec<_>>())]
            .into_iter()
            .map(|(name, values)| Some(Part::below(name, student(&values)?, FLAT)))
            .collect();
        parts::all(what, &parts.unwrap_or_default(), cure)
    } else {
        let reason = Text::new("a loss is not finite", "有的损失不是有限值");
        let measured = Some(Estimate::exact(f64::INFINITY));
        Ruling { verdict: Verdict::Refuted, measured, figure: what, reason }
    };
    let mean = |l: &Vec<f64>| l.iter().sum::<f64>() / l.len().max(1) as f64;
    let means = number_list(&losses.iter().map(mean).collect::<Vec<_>>());
    ruling.reason.en += &format!(
        "; loss at the end of 1 (nothing read before), 2, 4, …, 64 times the training length: {means}"
    );
    ruling.reason.zh +=
        &format!(";序列长度为训练长度的 1(之前未读任何词)、2、4、…、64 倍时末段的损失:{means}");
    ruling
}

/// A length of the context in words and the parameters of a model that sees it.
type Size = (usize, u64);

/// Confirmed where the RNN's parameters are as many at every length of the context while the others' grow with each step;
/// refuted where they are not.
fn constant(ngram: &[Size], window: &[Size], rnn: &[Size]) -> Ruling {
    let figure = Text::new(
        "RNN: parameters at the longest context over those at the shortest",
        "RNN:最长与最短上下文的参数数目之比",
    );
    let grown = |sizes: &[Size]| match sizes {
        [first, .., last] => Some((first.0, last.0, last.1 as f64 / first.1 as f64)),
        _ => None,
    };
    let (Some(n), Some(w), Some(r)) = (grown(ngram), grown(window), grown(rnn)) else {
        return Ruling::undecided(figure, Text::new("fewer than two lengths", "长度不足两档"))
            .or_take(Text::new("measure more lengths of context", "需要测量更多档上下文长度"));
    };
    let (times_n, times_w, params) = (number(n.2), number(w.2), rnn[0].1);
    let reason = Text::new(
        format!(
            "from {} to {} words the n-gram grows {times_n} times, from {} to {} the window {times_w} times; the RNN has {params} parameters from {} to {}",
            n.0, n.1, w.0, w.1, r.0, r.1
        ),
        format!(
            "上下文从 {} 词到 {} 词,n-gram 增大 {times_n} 倍;从 {} 词到 {} 词,固定窗口增大 {times_w} 倍;从 {} 词到 {} 词,RNN 都是 {params} 个参数",
            n.0, n.1, w.0, w.1, r.0, r.1
        ),
    );
    let grows = |sizes: &[Size]| sizes.windows(2).all(|s| s[1].1 > s[0].1);
    let same = rnn.iter().all(|s| s.1 == params);
    Ruling {
        verdict: Verdict::of(same && grows(ngram) && grows(window)),
        measured: Some(Estimate::exact(r.2)),
        figure,
        reason,
    }
}

/// The experiment.
pub struct Length;

impl Length {
    fn rnn(lab: &Lab<'_>, bptt: usize, seed: u64) -> RnnConfig {
        RnnConfig { bptt, ..asked::recurrent(lab, CellName::Rnn, seed) }
    }

    fn window(lab: &Lab<'_>, words: usize) -> WindowConfig {
        WindowConfig { n: words + 1, ..common::window(lab, lab.seed) }
    }
}

impl Experiment for Length {
    fn name(&self) -> &'static str {
        "length"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["d1", "d2"]
    }

    fn about(&self) -> &'static str {
        "an RNN reads 64 times the length it was trained on: loss by position; parameters by context length"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let vocab = lab.corpus.vocab.len();
        let networks = Self::window(lab, CONTEXTS[6])
            .training_bytes(vocab)
            .max(Self::rnn(lab, CONTEXTS[6], 1).training_bytes(vocab));
        networks + common::count_bytes(lab, MAX_ORDER)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (texts, seeds) = (Texts::of(lab), lab.seeds(lab.size(2, 3, 3)));
        anyhow::ensure!(
            texts.test.targets() >= TIMES[6] * TRAINED,
            "the test text has {} tokens, {} are needed to read 64 times the training length; take a longer text",
            texts.test.targets(),
            TIMES[6] * TRAINED
        );
        let steps = seeds.len() + CONTEXTS.len();
        let mut lengths = Table::new("lengths", &["times_trained", "tokens", "seed", "loss_nats"]);
        let mut positions =
            Table::new("positions", &["from", "to", "seed", "loss_nats", "excess_nats"]);
        let (mut by_length, mut excess) = ([const { Vec::new() }; 7], Vec::new());
        for (i, &seed) in seeds.iter().enumerate() {
            lab.step("training", i, steps)?;
            let recipe = RnnRecipe::new(Self::rnn(lab, TRAINED, seed));
            let Some(model) = trained(lab, &recipe, texts.train_set(lab))? else {
                lengths.push(&[&"", &"", &seed, &DIVERGED]);
                continue;
            };
            let found = read(&*model, &texts.test, lab.size(20, 60, 200));
            for (k, loss) in found.ends.into_iter().enumerate() {
                lengths.push(&[&TIMES[k], &(TIMES[k] * TRAINED), &seed, &loss]);
                by_length[k].push(loss);
            }
            for ((from, to), (loss, excess)) in bins().zip(&found.positions) {
                positions.push(&[&from, &to, &seed, loss, excess]);
            }
            excess.push(found.positions.iter().map(|p| p.1).collect::<Vec<_>>());
        }
        // What a network stores does not depend on its training: a short one tells.
        let short = head(&texts.train, 5_000);
        let data = TrainSet { vocab: &lab.corpus.vocab, train: &short, valid: &texts.valid };
        let once = Config { epochs: 1, ..Config::default() };
        let mut table =
            Table::new("parameters", &["context_words", "model", "parameters", "bytes"]);
        let (mut sizes, mut unknown) = ([const { Vec::new() }; 3], 0);
        for (i, words) in CONTEXTS.into_iter().enumerate() {
            lab.step("sizes", seeds.len() + i, steps)?;
            let counted = (words + 1).min(MAX_ORDER);
            let window = WindowConfig { training: once.clone(), ..Self::window(lab, words) };
            let rnn = RnnConfig { training: once.clone(), ..Self::rnn(lab, words, lab.seed) };
            let recipes: [(usize, &dyn Recipe, TrainSet<'_>); 3] = [
                (
                    counted - 1,
                    &NgramRecipe::new(Smoothing::ModifiedKneserNey, counted),
                    texts.train_set(lab),
                ),
                (words, &WindowRecipe::new(window), data),
                (words, &RnnRecipe::new(rnn), data),
            ];
            for (sizes, (words, recipe, data)) in sizes.iter_mut().zip(recipes) {
                // No n-gram is longer than the longest order.
                if sizes.last().is_some_and(|s: &Size| s.0 == words) {
                    continue;
                }
                let Some(model) = trained(lab, recipe, data)? else {
                    table.push(&[&words, &recipe.id(), &DIVERGED, &DIVERGED]);
                    unknown += 1;
                    continue;
                };
                let stored = model.footprint();
                table.push(&[&words, &recipe.id(), &stored.params, &stored.bytes]);
                sizes.push((words, stored.params));
            }
        }
        let charts = charts(&by_length, &excess, &sizes);
        let [ngram, window, rnn] = &sizes;
        let read = any_length(&by_length, &excess);
        let read = tell_diverged(read, seeds.len() - excess.len(), seeds.len());
        let stored = constant(ngram, window, rnn);
        let known: usize = sizes.iter().map(Vec::len).sum();
        let stored = tell_diverged(stored, unknown, unknown + known);
        let rows =
            vec![lab.row("d1", self, seeds.len() as u64, read), lab.row("d2", self, 0, stored)];
        Ok(Outcome { rows, tables: vec![lengths, positions, table], charts })
    }
}

fn charts(by_length: &[Vec<f64>; 7], excess: &[Vec<f64>], sizes: &[Vec<Size>; 3]) -> Vec<Chart> {
    let rnn = |points: Vec<(f64, Estimate)>| {
        let (name, look) = (common::family(Family::Rnn), Look::Family(Family::Rnn));
        vec![Series::with_intervals(name, look, points)]
    };
    let by_position = bins().enumerate().filter_map(|(b, (from, to))| {
        let over_seeds = excess.iter().map(|of_seed| of_seed[b]).collect::<Vec<_>>();
        Some(((from + to) as f64 / 2.0, student(&over_seeds)?))
    });
    let points = by_length
        .iter()
        .zip(TIMES)
        .filter_map(|(l, times)| Some(((times * TRAINED) as f64, student(l)?)));
    let families = [Family::Ngram, Family::Window, Family::Rnn];
    let curves = families.iter().zip(sizes).map(|(&family, sizes)| {
        let points = sizes.iter().map(|s| (s.0 as f64, s.1 as f64));
        Series::new(common::family(family), Look::Family(family), points)
    });
    vec![
        Chart {
            id: "loss".into(),
            claims: vec!["d1".into()],
            table: "lengths".into(),
            title: Text::new(
                format!("Loss at the end of sequences; training unrolls {TRAINED} steps"),
                format!("序列末段的损失(训练时展开 {TRAINED} 步)"),
            ),
            x: Axis::log(Text::new("tokens read from a zero state", "从零状态起读入的词数")),
            y: Axis::linear(Text::new("loss, nats a token", "损失(每词奈特)")),
            shape: Shape::Lines { series: rnn(points.collect()), rules: vec![] },
        },
        Chart {
            id: "positions".into(),
            claims: vec!["d1".into()],
            table: "positions".into(),
            title: Text::new(
                "Loss by position, above that of the same words after all the text before them",
                "各个位置上的损失(减去读过此前全部文本时相同词的损失)",
            ),
            x: Axis::log(Text::new("position from a zero state, words", "从零状态起的位置(词)")),
            y: Axis::linear(Text::new("excess of the loss, nats a token", "多出的损失(每词奈特)")),
            shape: Shape::Lines {
                series: rnn(by_position.collect()),
                rules: vec![Rule {
                    name: Text::new("flat below", "低于此线视为平稳"), y: FLAT
                }],
            },
        },
        Chart {
            id: "parameters".into(),
            claims: vec!["d2".into()],
            table: "parameters".into(),
            title: Text::new(
                "Parameters by the length of the context",
                "参数数目随上下文长度的变化",
            ),
            x: Axis::log(Text::new("context, words", "上下文(词)")),
            y: Axis::log(Text::new("stored values", "存储的数值个数")),
            shape: Shape::Lines { series: curves.collect(), rules: vec![] },
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_three_outcomes() {
        let ruling = |rises: [f64; 3], far: f64| {
            let mut losses = [const { Vec::new() }; 7].map(|_: Vec<f64>| vec![4.5, 4.6, 4.4]);
            losses[6].iter_mut().zip(rises).for_each(|(l, rise)| *l += rise);
            // near the start the loss is higher: that counts for nothing
            let excess = bins().map(|b| if b.0 > SETTLED { far } else { 0.3 }).collect::<Vec<_>>();
            any_length(&losses, &vec![excess; 3])
        };
        let verdict = |rises| ruling(rises, 0.001).verdict;
        assert_eq!(verdict([0.001, 0.0, -0.002]), Verdict::Confirmed);
        assert_eq!(verdict([0.04, 0.0, 0.02]), Verdict::Undecided);
        assert_eq!(verdict([0.4, 0.38, 0.41]), Verdict::Refuted);
        assert_eq!(verdict([f64::INFINITY, 0.0, 0.0]), Verdict::Refuted);
        assert_eq!(ruling([0.001, 0.0, -0.002], 0.1).verdict, Verdict::Refuted);
        assert_eq!(ruling([0.001, 0.0, -0.002], f64::INFINITY).verdict, Verdict::Refuted);
        for open in [ruling([0.04, 0.0, 0.02], 0.001), any_length(&Default::default(), &[])] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains("undecided: take more seeds (--seeds N)"));
            assert!(open.reason.zh.contains("尚无定论:需要更多随机种子"));
        }
    }

    #[test]
    fn sizes_have_three_outcomes() {
        let (grows, same) = ([(1, 10), (2, 20), (4, 40)], [(1, 30), (2, 30), (64, 30)]);
        assert_eq!(constant(&grows, &grows, &same).verdict, Verdict::Confirmed);
        assert_eq!(constant(&grows, &grows, &grows).verdict, Verdict::Refuted);
        assert_eq!(constant(&grows, &same, &same).verdict, Verdict::Refuted);
        let open = constant(&grows, &[], &same);
        assert_eq!(open.verdict, Verdict::Undecided);
        assert!(open.reason.en.ends_with("undecided: measure more lengths of context"));
    }
}
