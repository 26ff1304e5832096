//! d1, d2: sequences far longer than those of training; parameters by the length of the context.
use anyhow::Result;
use corpus::{Tokens, TrainSet};
use lm::{Context, Family, LanguageModel, Recipe, Scores};
use ngram::{MAX_ORDER, NgramRecipe, Smoothing};
use nn::fit::Config;
use rnn::{CellName, RnnConfig, RnnRecipe};
use window::{WindowConfig, WindowRecipe};

use super::asked;
use super::common::{self, Texts, head, model, number_list};
use crate::lab::stats::student;
use crate::lab::*;

/// Steps that training unrolls: the length that the network was trained on.
const TRAINED: usize = 16;
/// Lengths read, in units of the trained one.
const TIMES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// What counts as flat, in nats: two percent of perplexity.
const FLAT: f64 = 0.02;
/// Words of context.
const CONTEXTS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Mean losses in nats of the last unit of sequences of each length, on the same targets, one a seed. Confirmed where all
/// are finite and those of the longest are at most 0.02 above those of twice the trained length (where the start is no
/// longer felt); refuted where they are higher, or one is not finite.
fn any_length(losses: &[Vec<f64>; 7]) -> Ruling {
    let figure = Text::new(
        "rise of the loss from 2 to 64 times the training length, nats a token",
        "序列长度从训练长度的 2 倍增至 64 倍时损失的上升(每词奈特)",
    );
    let means: Vec<f64> =
        losses.iter().map(|l| l.iter().sum::<f64>() / l.len().max(1) as f64).collect();
    let reason = Text::new(
        format!(
            "loss at the end of 1 (nothing read before), 2, 4, …, 64 times the training length: {}",
            number_list(&means)
        ),
        format!(
            "序列长度为训练长度的 1(之前未读任何词)、2、4、…、64 倍时末段的损失:{}",
            number_list(&means)
        ),
    );
    let rises: Vec<f64> =
        losses[6].iter().zip(&losses[1]).map(|(long, short)| long - short).collect();
    if losses.iter().flatten().any(|l| !l.is_finite()) {
        let measured = Some(Estimate::exact(f64::INFINITY));
        return Ruling { verdict: Verdict::Refuted, measured, figure, reason };
    }
    match student(&rises) {
        Some(rise) => {
            Ruling { verdict: Verdict::below(rise, FLAT), measured: Some(rise), figure, reason }
        }
        None => Ruling::undecided(figure, Text::new("no runs", "没有运行")),
    }
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
        return Ruling::undecided(figure, Text::new("fewer than two lengths", "长度不足两档"));
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

/// Of blocks of TRAINED targets, spread over the text: the mean loss where reading began so many units before their end.
fn losses(model: &dyn LanguageModel, text: &Tokens, most: usize) -> [f64; 7] {
    let longest = TIMES[6] * TRAINED;
    let ends: Vec<usize> = (longest..=text.targets()).step_by(TRAINED).collect();
    let every = ends.len().div_ceil(most).max(1);
    TIMES.map(|times| {
        let mut sequences = Tokens::default();
        for &end in ends.iter().step_by(every) {
            sequences.push_sentence(&text.flat()[end - times * TRAINED..end], 0);
        }
        let scores = Scores::of(model, &sequences, Context::Sentence);
        let last = scores.log_probs.chunks(times * TRAINED).flat_map(|s| &s[s.len() - TRAINED..]);
        -last.sum::<f64>() / (ends.iter().step_by(every).len() * TRAINED) as f64
    })
}

impl Experiment for Length {
    fn name(&self) -> &'static str {
        "length"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["d1", "d2"]
    }

    fn about(&self) -> &'static str {
        "an RNN reads 64 times the length it was trained on; parameters by context length"
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
        let mut read = Table::new("lengths", &["times_trained", "tokens", "seed", "loss_nats"]);
        let mut by_length = [const { Vec::new() }; 7];
        for (i, &seed) in seeds.iter().enumerate() {
            lab.step("training", i, steps)?;
            let recipe = RnnRecipe::new(Self::rnn(lab, TRAINED, seed));
            let model = model(lab, &recipe, texts.train_set(lab))?;
            let found = losses(&*model, &texts.test, lab.size(20, 60, 200));
            for (k, loss) in found.into_iter().enumerate() {
                read.push(&[&TIMES[k], &(TIMES[k] * TRAINED), &seed, &loss]);
                by_length[k].push(loss);
            }
        }
        // What a network stores does not depend on its training: a short one tells.
        let short = head(&texts.train, 5_000);
        let data = TrainSet { vocab: &lab.corpus.vocab, train: &short, valid: &texts.valid };
        let once = Config { epochs: 1, ..Config::default() };
        let mut table =
            Table::new("parameters", &["context_words", "model", "parameters", "bytes"]);
        let mut sizes = [const { Vec::new() }; 3];
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
                let stored = model(lab, recipe, data)?.footprint();
                table.push(&[&words, &recipe.id(), &stored.params, &stored.bytes]);
                sizes.push((words, stored.params));
            }
        }
        let charts = charts(&by_length, &sizes);
        let [ngram, window, rnn] = &sizes;
        let rows = vec![
            lab.row("d1", self, seeds.len() as u64, any_length(&by_length)),
            lab.row("d2", self, 0, constant(ngram, window, rnn)),
        ];
        Ok(Outcome { rows, tables: vec![read, table], charts })
    }
}

fn charts(by_length: &[Vec<f64>; 7], sizes: &[Vec<Size>; 3]) -> Vec<Chart> {
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
            shape: Shape::Lines {
                series: vec![Series::with_intervals(
                    common::family(Family::Rnn),
                    Look::Family(Family::Rnn),
                    points,
                )],
                rules: vec![],
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
        let verdict = |rises: [f64; 3]| {
            let mut losses = [const { Vec::new() }; 7].map(|_: Vec<f64>| vec![4.5, 4.6, 4.4]);
            losses[6].iter_mut().zip(rises).for_each(|(l, rise)| *l += rise);
            any_length(&losses).verdict
        };
        assert_eq!(verdict([0.001, 0.0, -0.002]), Verdict::Confirmed);
        assert_eq!(verdict([0.04, 0.0, 0.02]), Verdict::Undecided);
        assert_eq!(verdict([0.4, 0.38, 0.41]), Verdict::Refuted);
        assert_eq!(verdict([f64::INFINITY, 0.0, 0.0]), Verdict::Refuted);
        assert_eq!(any_length(&Default::default()).verdict, Verdict::Undecided);
    }

    #[test]
    fn sizes_have_three_outcomes() {
        let (grows, same) = ([(1, 10), (2, 20), (4, 40)], [(1, 30), (2, 30), (64, 30)]);
        assert_eq!(constant(&grows, &grows, &same).verdict, Verdict::Confirmed);
        assert_eq!(constant(&grows, &grows, &grows).verdict, Verdict::Refuted);
        assert_eq!(constant(&grows, &same, &same).verdict, Verdict::Refuted);
        assert_eq!(constant(&grows, &[], &same).verdict, Verdict::Undecided);
    }

    #[test]
    fn every_length_is_scored_on_the_same_targets() {
        let mut text = Tokens::default();
        for i in 0..1100 {
            text.push_sentence(&[corpus::TokenId(i % 7)], 1);
        }
        // p of a word depends on nothing but the word: reading further back changes nothing
        struct Plain;
        impl LanguageModel for Plain {
            fn vocab_len(&self) -> usize {
                7
            }
            fn reader(&self) -> Box<dyn lm::Reader + '_> {
                Box::new(Plain)
            }
            fn footprint(&self) -> lm::Footprint {
                lm::Footprint::default()
            }
            fn save(&self, _: &std::path::Path, _: &corpus::Vocab) -> lm::Result<()> {
                Ok(())
            }
        }
        impl lm::Reader for Plain {
            fn feed(&mut self, _: corpus::TokenId) {}
            fn log_probs(&mut self, out: &mut [f64]) {
                out.iter_mut().zip(1..).for_each(|(p, i)| *p = -f64::from(i));
            }
        }
        let found = losses(&Plain, &text, 3);
        assert!(found.iter().all(|l| (l - found[0]).abs() < 1e-12 && *l > 3.0), "{found:?}");
    }
}
