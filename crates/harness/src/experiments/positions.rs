//! c3: a word pair that training shows at one distance only, asked for at another.
use anyhow::Result;
use corpus::synth::pairs::{Pairs, Shown};
use corpus::synth::tasks::TaskItem;
use corpus::{Tokens, Vocab};
use lm::{Context, Family, LanguageModel, Recipe, Scores};
use nn::fit::Config;
use rnn::{RnnConfig, RnnRecipe};
use window::{WindowConfig, WindowRecipe};

use super::asked::{accuracy, answers, of_task};
use super::common::{model, number_list};
use crate::lab::stats::student;
use crate::lab::*;

const PAIRS: Pairs = Pairs { each: 8, near: 2, far: 5 };
/// Distances asked for; the window reaches over the longest.
const DISTANCES: std::ops::RangeInclusive<usize> = 1..=6;

/// Losses in nats of one model and seed: of pairs shown at both distances; of the others at the distance where they were
/// shown, and at the other one.
#[derive(Clone, Copy, Debug)]
struct Losses {
    both: f64,
    shown: f64,
    other: f64,
}

/// Over seeds, of untied window, tied window and RNN; `chance` is a guess's loss. What is kept is the gain over a guess at
/// the other distance as a share of the gain at the distance shown. Confirmed where the untied window keeps less than half
/// and the RNN more than half; refuted where the window keeps more or the RNN less; undecided where the interval includes a
/// half, and where a model has not even learnt what training shows.
fn rule(models: [&[Losses]; 3], chance: f64) -> Ruling {
    let figure = Text::new(
        "untied window: share of the gain over a guess that is kept at the other distance",
        "不共享参数的窗口:换一个距离后,相对随机猜测的收益所保留的比例",
    );
    if models.iter().any(|m| m.iter().any(|l| l.both.max(l.shown) > chance / 2.0)) {
        let reason = Text::new(
            "a model has not learnt the pairs where training shows them: train longer",
            "有的模型连训练中出现过的距离都没有学会:需要更长的训练",
        );
        return Ruling::undecided(figure, reason);
    }
    let kept = models.map(|m| {
        let shares = m.iter().map(|l| (chance - l.other) / (chance - l.shown));
        student(&shares.collect::<Vec<_>>())
    });
    let [Some(untied), Some(tied), Some(rnn)] = kept else {
        return Ruling::undecided(figure, Text::new("no runs", "没有运行"));
    };
    let losses = models.map(|m| m.iter().map(|l| l.other).sum::<f64>() / m.len().max(1) as f64);
    let (losses, kept) = (number_list(&losses), number_list(&[tied.value, rnn.value]));
    let reason = Text::new(
        format!(
            "tied window and RNN keep {kept}; loss of untied window, tied window, RNN at the other distance: {losses} nats, of a guess {}",
            number(chance)
        ),
        format!(
            "共享参数的窗口与 RNN 分别保留 {kept};换距离后,不共享、共享参数的窗口与 RNN 的损失:{losses} 奈特,随机猜测为 {}",
            number(chance)
        ),
    );
    let verdict = Verdict::all([Verdict::below(untied, 0.5), Verdict::above(rnn, 0.5)]);
    Ruling { verdict, measured: Some(untied), figure, reason }
}

/// The experiment.
pub struct Positions;

impl Positions {
    fn training(lab: &Lab<'_>) -> Config {
        Config { epochs: lab.size(6, 10, 30), lr: 4e-3, ..Config::default() }
    }

    fn window(lab: &Lab<'_>, tied_positions: bool, seed: u64) -> WindowConfig {
        WindowConfig {
            n: DISTANCES.end() + 2,
            emsize: 32,
            nhid: 64,
            tied_positions,
            dropout: 0.0,
            batch_size: 50,
            reset: true,
            seed,
            training: Self::training(lab),
            ..WindowConfig::default()
        }
    }

    fn rnn(lab: &Lab<'_>, seed: u64) -> RnnConfig {
        RnnConfig {
            emsize: 32,
            nhid: 64,
            dropout: 0.0,
            batch_size: 5,
            bptt: 10,
            reset: true,
            seed,
            training: Self::training(lab),
            ..RnnConfig::default()
        }
    }
}

/// Mean loss in nats at the asked places.
fn loss(model: &dyn LanguageModel, items: &[TaskItem], vocab: &Vocab) -> f64 {
    let (mut text, mut scratch, mut places) = (Tokens::default(), Vec::new(), Vec::new());
    for item in items {
        places.extend(item.asked.iter().map(|a| text.targets() + a.at));
        vocab.push_sentence(&item.text(), &mut scratch, &mut text);
    }
    let scores = Scores::of(model, &text, Context::Sentence);
    -places.iter().map(|&p| scores.log_probs[p]).sum::<f64>() / places.len() as f64
}

fn names() -> [(Text, Look); 3] {
    [
        (Text::new("window, untied", "窗口(不共享参数)"), Look::Family(Family::Window)),
        (Text::new("window, tied", "窗口(共享参数)"), Look::Family(Family::Mixture)),
        (Text::same("RNN"), Look::Family(Family::Rnn)),
    ]
}

impl Experiment for Positions {
    fn name(&self) -> &'static str {
        "positions"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["c3"]
    }

    fn about(&self) -> &'static str {
        "word pairs shown at one distance only: loss at others, untied and tied window, RNN"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        // the generated text has fewer than a hundred words
        let window = Self::window(lab, false, 1).training_bytes(100);
        window.max(Self::rnn(lab, 1).training_bytes(100)) + (1 << 24)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let seeds = lab.seeds(lab.size(2, 3, 10));
        let chance = (PAIRS.values() as f64).ln();
        let mut table = Table::new(
            "pairs",
            &["model", "seed", "pairs_shown_at", "distance", "loss_nats", "accuracy"],
        );
        let mut losses = [const { Vec::new() }; 3];
        // Of each model: by distance, over seeds, the loss on pairs shown near only.
        let mut curves = [const { Vec::new() }; 3].map(|_: Vec<f64>| vec![Vec::new(); 6]);
        for (i, &seed) in seeds.iter().enumerate() {
            let text = PAIRS.corpus(seed, lab.size(1_500, 3_000, 10_000));
            let recipes: [&dyn Recipe; 3] = [
                &WindowRecipe::new(Self::window(lab, false, seed)),
                &WindowRecipe::new(Self::window(lab, true, seed)),
                &RnnRecipe::new(Self::rnn(lab, seed)),
            ];
            for (m, recipe) in recipes.into_iter().enumerate() {
                lab.step("training", 3 * i + m, 3 * seeds.len())?;
                let model = model(lab, recipe, text.train_set())?;
                let mut found = |group, distance| {
                    let items = PAIRS.items(seed, group, distance, 200);
                    let loss = loss(&*model, &items, &text.vocab);
                    let answers = answers(&*model, &of_task(&items, &text.vocab));
                    let share = accuracy(&answers, DISTANCES).map_or(0.0, |a| a.value);
                    let shown = format!("{group:?}").to_lowercase();
                    table.push(&[&recipe.id(), &seed, &shown, &distance, &loss, &share]);
                    loss
                };
                let mut by_group = [[0.0; 6]; 3];
                for (g, group) in Shown::ALL.into_iter().enumerate() {
                    for d in DISTANCES {
                        by_group[g][d - 1] = found(group, d);
                    }
                }
                let [both, near, far] = by_group;
                let (n, f) = (PAIRS.near - 1, PAIRS.far - 1);
                losses[m].push(Losses {
                    both: both[n].max(both[f]),
                    shown: (near[n] + far[f]) / 2.0,
                    other: (near[f] + far[n]) / 2.0,
                });
                curves[m].iter_mut().zip(near).for_each(|(curve, loss)| curve.push(loss));
            }
        }
        let series = names().into_iter().zip(&curves).map(|((name, look), curve)| {
            let points =
                curve.iter().zip(1..).filter_map(|(l, d)| Some((f64::from(d), student(l)?)));
            Series::with_intervals(name, look, points)
        });
        let chart = Chart {
            id: "loss".into(),
            claims: vec!["c3".into()],
            table: "pairs".into(),
            title: Text::new(
                "Pairs that training shows at distance 2 only, asked for at others",
                "训练中只在距离 2 出现过的词对,在其他距离上的损失",
            ),
            x: Axis::linear(Text::new("distance, words", "距离(词)")),
            y: Axis::linear(Text::new("loss, nats", "损失(奈特)")),
            shape: Shape::Lines {
                series: series.collect(),
                rules: vec![Rule { name: Text::new("a guess", "随机猜测"), y: chance }],
            },
        };
        let ruling = rule([&losses[0], &losses[1], &losses[2]], chance);
        let row = lab.row("c3", self, seeds.len() as u64, ruling);
        Ok(Outcome { rows: vec![row], tables: vec![table], charts: vec![chart] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_outcomes() {
        let runs = |others: [f64; 3]| others.map(|other| Losses { both: 0.02, shown: 0.01, other });
        let verdict =
            |untied, rnn| rule([&runs(untied), &runs([0.03, 0.02, 0.02]), &runs(rnn)], 3.0).verdict;
        let (known, unknown, noisy) = ([0.05, 0.1, 0.04], [4.0, 3.9, 4.1], [0.1, 3.0, 2.5]);
        assert_eq!(verdict(unknown, known), Verdict::Confirmed);
        assert_eq!(verdict(known, known), Verdict::Refuted);
        assert_eq!(verdict(unknown, unknown), Verdict::Refuted);
        assert_eq!(verdict(noisy, known), Verdict::Undecided);
        let unlearnt = [Losses { both: 2.9, shown: 2.8, other: 3.0 }; 3];
        assert_eq!(rule([&unlearnt, &unlearnt, &unlearnt], 3.0).verdict, Verdict::Undecided);
        assert_eq!(rule([&[], &[], &[]], 3.0).verdict, Verdict::Undecided);
    }
}
