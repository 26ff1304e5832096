//! e9: recall over a lag: the vanilla network against gated ones, an LSTM's forget bias, and models of bounded context.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Result;
use ngram::{NgramRecipe, Smoothing};
use nn::fit::Config;
use rayon::prelude::*;
use rnn::{CellName, RnnConfig};
use window::{WindowConfig, WindowRecipe};

use super::common::model;
use super::recall::Recall;
use crate::lab::stats::student;
use crate::lab::*;

/// Words that the n-gram and the window see.
const ORDER: usize = 5;

/// The models: key, cell and forget bias; none for those of bounded context.
const MODELS: [(&str, Option<(CellName, f64)>); 7] = [
    ("rnn", Some((CellName::Rnn, 0.0))),
    ("gru", Some((CellName::Gru, 0.0))),
    ("lstm-forget-0", Some((CellName::Lstm, 0.0))),
    ("lstm-forget-1", Some((CellName::Lstm, 1.0))),
    ("lstm-forget-3", Some((CellName::Lstm, 3.0))),
    ("ngram-5", None),
    ("window-5", None),
];
const RNN: usize = 0;
const GRU: usize = 1;
const LSTM: usize = 3;
const NGRAM: usize = 5;

fn name(model: usize) -> Text {
    match model {
        RNN => Text::new("vanilla, tanh", "普通 RNN(tanh)"),
        GRU => Text::same("GRU"),
        NGRAM => Text::same("5-gram"),
        6 => Text::new("window of 4", "窗口 4 词"),
        k => {
            let bias = k - 2 + usize::from(k == 4);
            Text::new(format!("LSTM, forget bias {bias}"), format!("LSTM,遗忘门偏置 {bias}"))
        }
    }
}

/// `accuracy[model][lag][seed]`. Confirmed where GRU and LSTM (forget bias 1) answer more than the vanilla network on the mean
/// over the lags, seed by seed, refuted where one of them answers less, both beyond the seeds' chance (Student).
fn rule(lags: &[usize], accuracy: &[Vec<Vec<f64>>]) -> Ruling {
    let figure = Text::new(
        "LSTM's share of right answers minus the vanilla network's, mean over the lags",
        "LSTM 与普通 RNN 答对比例之差(各间隔的平均)",
    );
    let cure = Text::new(
        "more seeds (`--seeds N`) or the longer lags of `--preset full`",
        "更多随机种子(`--seeds N`),或 `--preset full` 的更长间隔",
    );
    let mean = |model: usize, seed: usize| {
        accuracy[model].iter().map(|lag| lag[seed]).sum::<f64>() / lags.len() as f64
    };
    let seeds = accuracy.first().and_then(|m| m.first()).map_or(0, Vec::len);
    let gap =
        |a: usize| student(&(0..seeds).map(|s| mean(a, s) - mean(RNN, s)).collect::<Vec<_>>());
    let (Some(gru), Some(lstm)) = (gap(GRU), gap(LSTM)) else {
        let why = Text::new("no runs", "没有运行");
        return Ruling::undecided(figure, why).or_take(cure);
    };
    // The longest lag up to which nine of ten questions are answered.
    let reach = |model: usize| {
        let at = |lag: &Vec<f64>| lag.iter().sum::<f64>() / lag.len() as f64;
        let within = accuracy[model].iter().take_while(|lag| at(lag) >= 0.9).count();
        within.checked_sub(1).map_or("–".to_owned(), |i| lags[i].to_string())
    };
    let [rnn, gru_reach, zero, one, three] = [RNN, GRU, 2, LSTM, 4].map(reach);
    let [gain, lo, hi] = [gru.value, gru.lo, gru.hi].map(number);
    let reason = Text::new(
        format!(
            "longest lag with nine of ten answers right: vanilla {rnn}, GRU {gru_reach}, LSTM with forget bias 0, 1, 3: {zero}, {one}, {three}; GRU answers {gain} more [{lo}, {hi}]"
        ),
        format!(
            "答对九成的最长间隔:普通 RNN {rnn},GRU {gru_reach},遗忘门偏置 0、1、3 的 LSTM:{zero}、{one}、{three};GRU 答对的比例高出 {gain} [{lo}, {hi}]"
        ),
    );
    let verdict = Verdict::all([Verdict::above(gru, 0.0), Verdict::above(lstm, 0.0)]);
    Ruling { verdict, measured: Some(lstm), figure, reason }.or_take(cure)
}

/// The experiment.
pub struct Gates;

fn lags(lab: &Lab<'_>) -> &'static [usize] {
    lab.size(&[3, 6], &[3, 6, 12, 24, 48], &[3, 6, 12, 24, 48, 96])
}

fn sentences(lab: &Lab<'_>) -> usize {
    lab.size(400, 4_000, 4_000)
}

impl Experiment for Gates {
    fn name(&self) -> &'static str {
        "gates"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["e9"]
    }

    fn about(&self) -> &'static str {
        "recall over growing lags: vanilla, GRU, LSTM with forget bias 0, 1, 3, and bounded contexts"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let longest = lags(lab)[lags(lab).len() - 1];
        let hidden = Recall::hidden(lab) as u64;
        // A run's states and gates of 70 steps or a sentence, weights, and the text of every lag.
        let run = 18 * (longest as u64 + 70) * 16 * hidden * 8 + 64 * hidden * hidden;
        let texts: u64 =
            lags(lab).iter().map(|lag| sentences(lab) as u64 * (*lag as u64 + 3)).sum();
        run * rayon::current_num_threads() as u64 + 64 * texts
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (lags, seeds) = (lags(lab), lab.seeds(lab.size(2, 3, 3)));
        let texts: Vec<Recall> =
            lags.iter().map(|lag| Recall::of(lab, *lag, sentences(lab))).collect();
        let mut grid = Vec::new();
        // The longest runs first, so that no thread is left with one at the end.
        for lag in (0..lags.len()).rev() {
            for model in 0..MODELS.len() {
                // Counts know no chance.
                let seeds = if model == NGRAM { &seeds[..1] } else { &seeds[..] };
                grid.extend(seeds.iter().map(|seed| (model, lag, *seed)));
            }
        }
        let (done, total) = (AtomicUsize::new(0), grid.len());
        let found: Vec<Result<f64>> = grid
            .par_iter()
            .map(|&(which, lag, seed)| {
                lab.step("recall", done.fetch_add(1, Relaxed), total)?;
                answers(lab, which, &texts[lag], seed)
            })
            .collect();
        let mut accuracy = vec![vec![Vec::new(); lags.len()]; MODELS.len()];
        let mut table = Table::new("recall", &["model", "lag", "seed", "accuracy"]);
        for (&(model, lag, seed), share) in grid.iter().zip(found) {
            let share = share?;
            accuracy[model][lag].push(share);
            table.push(&[&MODELS[model].0, &lags[lag], &seed, &share]);
        }
        let ruling = rule(lags, &accuracy);
        let series = accuracy.iter().enumerate().map(|(k, by_lag)| {
            let points = lags.iter().zip(by_lag).filter_map(|(lag, shares)| {
                let estimate = match &shares[..] {
                    [one] => Estimate::exact(*one),
                    several => student(several)?,
                };
                Some((*lag as f64, estimate.share()))
            });
            Series::with_intervals(name(k), Look::Plain(k), points)
        });
        let chart = Chart {
            id: "recall".into(),
            claims: vec!["e9".into()],
            table: "recall".into(),
            title: Text::new("Recall by lag", "记忆准确率随间隔的变化"),
            x: Axis::log(Text::new("lag of recall, words", "记忆间隔(词)")),
            y: Axis::linear(Text::new("share of right answers", "答对的比例")),
            shape: Shape::Lines {
                series: series.collect(),
                rules: vec![Rule {
                    name: Text::new("chance", "随机水平"), y: Recall::chance()
                }],
            },
        };
        let rows = vec![lab.row("e9", self, seeds.len() as u64, ruling)];
        Ok(Outcome { rows, tables: vec![table], charts: vec![chart] })
    }
}

/// The share of right answers of a model.
fn answers(lab: &Lab<'_>, which: usize, text: &Recall, seed: u64) -> Result<f64> {
    let (key, kind) = MODELS[which];
    if let Some((cell, forget_bias)) = kind {
        let network = text.network(lab, cell, seed);
        return text.accuracy(&RnnConfig { forget_bias, ..network });
    }
    let bounded = if key == MODELS[NGRAM].0 {
        let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, ORDER);
        model(lab, &recipe, text.train_set())?
    } else {
        let recipe = WindowRecipe::new(WindowConfig {
            n: ORDER,
            emsize: 16,
            nhid: Recall::hidden(lab),
            dropout: 0.0,
            batch_size: 200,
            reset: true,
            init_range: 0.3,
            seed,
            training: Config { epochs: lab.size(1, 4, 10), lr: 1e-2, ..Config::default() },
            ..WindowConfig::default()
        });
        model(lab, &recipe, text.train_set())?
    };
    Ok(text.ask(&*bounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everybody the same at the first lag; at the second the vanilla network, GRU and LSTM as given.
    fn ruling(rnn: f64, gru: f64, lstm: f64, noise: f64) -> Ruling {
        let of = |x: f64| vec![vec![1.0; 3], vec![x, x + noise, x - noise]];
        let flat = |x: f64| vec![vec![1.0; 3], vec![x; 3]];
        let accuracy = [flat(rnn), of(gru), of(lstm), of(lstm), of(lstm), flat(0.1), flat(0.1)];
        rule(&[3, 6], &accuracy)
    }

    #[test]
    fn three_outcomes() {
        let clear = ruling(0.2, 0.9, 0.8, 0.02);
        // a difference of 0.6 at one of two lags
        assert_eq!(
            (clear.verdict, number(clear.measured.unwrap().value)),
            (Verdict::Confirmed, "0.300".into())
        );
        assert_eq!(ruling(0.6, 0.9, 0.3, 0.02).verdict, Verdict::Refuted);
        let none = rule(&[3, 6], &vec![vec![Vec::new(); 2]; 7]);
        for open in [ruling(0.2, 0.9, 0.3, 0.20), none] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains("--seeds N") && open.reason.zh.contains("--seeds N"));
        }
    }

    #[test]
    fn names_say_the_forget_bias_of_the_keys() {
        for (k, (key, kind)) in MODELS.iter().enumerate() {
            if let Some((CellName::Lstm, bias)) = kind {
                assert!(
                    key.ends_with(&bias.to_string()) && name(k).en.ends_with(&bias.to_string())
                );
            }
        }
        assert_eq!((MODELS[RNN].0, MODELS[GRU].0, MODELS[LSTM].0), ("rnn", "gru", "lstm-forget-1"));
    }
}
