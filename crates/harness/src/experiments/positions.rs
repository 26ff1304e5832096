//! c3: a word pair that training shows at one distance only, asked for at another.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Result;
use corpus::synth::pairs::{Pairs, Shown};
use corpus::synth::tasks::TaskItem;
use corpus::{Corpus, Tokens, Vocab};
use lm::{Context, Family, LanguageModel, Recipe, Scores};
use nn::fit::Config;
use rayon::prelude::*;
use rnn::{CellName, RnnConfig, RnnRecipe};
use window::{WindowConfig, WindowRecipe};

use super::asked::{DIVERGED, accuracy, answers, of_task, take_more_seeds, tell_diverged, trained};
use super::common::number_list;
use super::parts::{self, Part};
use crate::lab::stats::student;
use crate::lab::*;

const PAIRS: Pairs = Pairs { everywhere: 16, held: 4, near: 2, far: 5, longest: 6 };
/// Distances asked for; the window reaches over the longest.
const DISTANCES: std::ops::RangeInclusive<usize> = 1..=6;

/// Losses in nats of one model and seed: of pairs shown everywhere; of the others at the distance where they were shown,
/// and at the other one.
#[derive(Clone, Copy, Debug)]
struct Losses {
    everywhere: f64,
    shown: f64,
    other: f64,
}

/// The models in this order.
const UNTIED: usize = 0;
const TIED: usize = 1;
const RNN: usize = 2;

/// Over seeds; `chance` is a guess's loss. What a model keeps is its gain over a guess at the other distance as a share of
/// its gain at the distance shown. Confirmed where the untied window keeps less than half, tied window and RNN more; refuted
/// where one of these is the other way round; undecided where an interval includes a half, and where one of the three has
/// not even learnt what training shows. Of `runs` in all those that diverged have no losses here.
fn rule(models: &[Vec<Losses>; 5], chance: f64, runs: usize) -> Ruling {
    let diverged = runs - models.iter().map(Vec::len).sum::<usize>();
    let what = Text::new(
        "share of what was learnt at one distance that is kept at another",
        "在一个距离上学到的东西换一个距离后保留的比例",
    );
    let unlearnt = |l: &Losses| l.everywhere.max(l.shown) > chance / 2.0;
    if models[..=RNN].iter().flatten().any(unlearnt) {
        let reason = Text::new(
            "a model has not learnt the pairs where training shows them",
            "有的模型连训练中出现过的距离都没有学会",
        );
        let cure = Text::new(
            "train longer on more text (--preset full)",
            "需要在更多语料上训练更久(--preset full)",
        );
        return tell_diverged(Ruling::undecided(what, reason), diverged, runs).or_take(cure);
    }
    let kept = |m: &[Losses]| {
        let shares = m.iter().map(|l| (chance - l.other) / (chance - l.shown));
        student(&shares.collect::<Vec<_>>())
    };
    let parts: Option<Vec<Part>> = [UNTIED, TIED, RNN]
        .into_iter()
        .map(|m| {
            let (name, e) = (names()[m].0.clone(), kept(&models[m])?);
            Some(if m == UNTIED { Part::below(name, e, 0.5) } else { Part::above(name, e, 0.5) })
        })
        .collect();
    let cure = take_more_seeds();
    let mut ruling = parts::all(what, &parts.unwrap_or_default(), cure);
    let gated: Vec<f64> =
        models[RNN + 1..].iter().filter_map(|m| kept(m).map(|e| e.value)).collect();
    let mean = |m: &Vec<Losses>| m.iter().map(|l| l.other).sum::<f64>() / m.len().max(1) as f64;
    let losses: Vec<f64> = models.iter().map(mean).collect();
    let (gated, losses, chance) = (number_list(&gated), number_list(&losses), number(chance));
    ruling.reason.en += &format!(
        "; GRU and LSTM keep {gated}; loss at the other distance, untied and tied window, RNN, GRU, LSTM: {losses} nats, of a guess {chance}"
    );
    ruling.reason.zh += &format!(
        ";GRU、LSTM 保留 {gated};换距离后的损失(不共享、共享参数的窗口,RNN,GRU,LSTM):{losses} 奈特,随机猜测为 {chance}"
    );
    if kept(&models[RNN]).is_some_and(|e| e.hi < 0.5) {
        ruling.reason.en += ". An RNN shares its matrices, but a word d steps back reaches it through the d-th power of W_h: what it computes still depends on the distance";
        ruling.reason.zh += "。RNN 虽然共享矩阵,但 d 步之前的词要经过 W_h 的 d 次方才能到达:它所计算的仍然取决于距离";
    }
    tell_diverged(ruling, diverged, runs)
}

/// The experiment.
pub struct Positions;

impl Positions {
    fn training(lab: &Lab<'_>) -> Config {
        Config { epochs: lab.size(6, 10, 20), lr: 4e-3, ..Config::default() }
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

    fn recurrent(lab: &Lab<'_>, cell: CellName, seed: u64) -> RnnConfig {
        RnnConfig {
            cell,
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

    /// The models in the order of [`names`].
    fn recipe(lab: &Lab<'_>, model: usize, seed: u64) -> Box<dyn Recipe> {
        let cells = [CellName::Rnn, CellName::Gru, CellName::Lstm];
        match model.checked_sub(2) {
            Some(k) => Box::new(RnnRecipe::new(Self::recurrent(lab, cells[k], seed))),
            None => Box::new(WindowRecipe::new(Self::window(lab, model == 1, seed))),
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

fn names() -> [(Text, Look); 5] {
    [
        (Text::new("window, untied", "窗口(不共享参数)"), Look::Family(Family::Window)),
        (Text::new("window, tied", "窗口(共享参数)"), Look::Family(Family::Mixture)),
        (Text::same("RNN"), Look::Family(Family::Rnn)),
        (Text::same("GRU"), Look::Family(Family::Gru)),
        (Text::same("LSTM"), Look::Family(Family::Lstm)),
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
        "word pairs shown at one distance only: loss at others, untied and tied window, RNN, GRU, LSTM"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        // the generated text has fewer than a hundred words
        let window = Self::window(lab, false, 1).training_bytes(100);
        window.max(Self::recurrent(lab, CellName::Lstm, 1).training_bytes(100)) + (1 << 24)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let seeds = lab.seeds(lab.size(2, 3, 5));
        let chance = (PAIRS.values() as f64).ln();
        let mut table = Table::new(
            "pairs",
            &["model", "seed", "pairs_shown_at", "distance", "loss_nats", "accuracy"],
        );
        let mut losses = [const { Vec::new() }; 5];
        // For pairs shown near only, far only: of each model, by distance, the losses over seeds.
        let mut curves = vec![vec![vec![Vec::new(); 6]; 5]; 2];
        let texts: Vec<Corpus> =
            seeds.iter().map(|s| PAIRS.corpus(*s, lab.size(1_500, 6_000, 8_000))).collect();
        let grid: Vec<(usize, usize)> =
            (0..seeds.len()).flat_map(|i| (0..5).map(move |m| (i, m))).collect();
        let done = AtomicUsize::new(0);
        let models: Vec<Result<Option<Arc<dyn LanguageModel>>>> = grid
            .par_iter()
            .map(|&(i, m)| {
                lab.step("training", done.fetch_add(1, Relaxed), grid.len())?;
                trained(lab, &*Self::recipe(lab, m, seeds[i]), texts[i].train_set())
            })
            .collect();
        let mut models = models.into_iter();
        for (&seed, text) in seeds.iter().zip(&texts) {
            for (m, model) in models.by_ref().take(5).enumerate() {
                let recipe = Self::recipe(lab, m, seed);
                let Some(model) = model? else {
                    table.push(&[&recipe.id(), &seed, &"", &"", &DIVERGED, &DIVERGED]);
                    continue;
                };
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
                let [everywhere, near, far] = by_group;
                let (n, f) = (PAIRS.near - 1, PAIRS.far - 1);
                losses[m].push(Losses {
                    everywhere: everywhere.iter().sum::<f64>() / 6.0,
                    shown: (near[n] + far[f]) / 2.0,
                    other: (near[f] + far[n]) / 2.0,
                });
                for (curves, by_distance) in curves.iter_mut().zip([near, far]) {
                    curves[m].iter_mut().zip(by_distance).for_each(|(c, loss)| c.push(loss));
                }
            }
        }
        let ruling = rule(&losses, chance, 5 * seeds.len());
        let row = lab.row("c3", self, seeds.len() as u64, ruling);
        Ok(Outcome { rows: vec![row], tables: vec![table], charts: charts(&curves, chance) })
    }
}

fn charts(curves: &[Vec<Vec<Vec<f64>>>], chance: f64) -> Vec<Chart> {
    let chart = |id: &str, shown: usize, curves: &[Vec<Vec<f64>>]| {
        let series = names().into_iter().zip(curves).map(|((name, look), curve)| {
            let points = curve.iter().zip(1..);
            let points = points.filter_map(|(l, d)| Some((f64::from(d), student(l)?)));
            Series::with_intervals(name, look, points)
        });
        Chart {
            id: id.into(),
            claims: vec!["c3".into()],
            table: "pairs".into(),
            title: Text::new(
                format!("Pairs that training shows at distance {shown} only, asked for at others"),
                format!("训练中只在距离 {shown} 出现过的词对,在其他距离上的损失"),
            ),
            x: Axis::linear(Text::new("distance, words", "距离(词)")),
            y: Axis::linear(Text::new("loss, nats", "损失(奈特)")),
            shape: Shape::Lines {
                series: series.collect(),
                rules: vec![Rule { name: Text::new("a guess", "随机猜测"), y: chance }],
            },
        }
    };
    vec![chart("near", PAIRS.near, &curves[0]), chart("far", PAIRS.far, &curves[1])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_outcomes() {
        let runs = |others: [f64; 3]| -> Vec<Losses> {
            others.map(|other| Losses { everywhere: 0.02, shown: 0.01, other }).into()
        };
        let (known, unknown, noisy) = ([0.05, 0.1, 0.04], [4.0, 3.9, 4.1], [0.1, 3.0, 2.5]);
        let ruling = |untied, tied, rnn| {
            rule(&[runs(untied), runs(tied), runs(rnn), runs(known), runs(known)], 3.0, 15)
        };
        let verdict = |untied, tied, rnn| ruling(untied, tied, rnn).verdict;
        assert_eq!(verdict(unknown, known, known), Verdict::Confirmed);
        assert_eq!(verdict(known, known, known), Verdict::Refuted);
        assert_eq!(verdict(unknown, known, unknown), Verdict::Refuted);
        let open = ruling(noisy, known, known);
        assert_eq!(open.verdict, Verdict::Undecided);
        assert!(open.reason.en.contains("undecided: take more seeds (--seeds N)"));
        assert!(open.reason.zh.contains("尚无定论:需要更多随机种子(--seeds N)"));
        let unlearnt = || vec![Losses { everywhere: 2.9, shown: 2.8, other: 3.0 }; 3];
        let models = [unlearnt(), runs(known), runs(known), vec![], vec![]];
        let open = rule(&models, 3.0, 15);
        assert_eq!(open.verdict, Verdict::Undecided);
        assert!(open.reason.en.contains("6 of 15 runs diverged"), "{}", open.reason.en);
        assert!(open.reason.en.ends_with("undecided: train longer on more text (--preset full)"));
        let nothing = rule(&Default::default(), 3.0, 0);
        assert_eq!(nothing.verdict, Verdict::Undecided);
        assert!(nothing.reason.en.contains("undecided: take more seeds"));
    }
}
