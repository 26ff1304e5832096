//! d4: tokens a second against batch, length and threads.
//!
//! *Reading* scores B sequences side by side, *training* makes one epoch with B sequences of 35 steps for each update (the
//! window: as many examples). All are measured in turn, round after round after one to warm up, so that a change of the
//! machine's speed meets all alike; verdicts rest on ratios within a round.
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use corpus::{Tokens, TrainSet};
use lm::{Context, Family, LanguageModel, Recipe, Scores};
use ngram::{NgramRecipe, Smoothing};
use nn::fit::Config;
use rayon::{ThreadPool, ThreadPoolBuilder};
use rnn::{RnnConfig, RnnRecipe};
use window::{WindowConfig, WindowRecipe};

use super::common::{self, head, model};
use super::parts::{self, Part};
use crate::lab::stats::student;
use crate::lab::*;

const FAMILIES: [Family; 3] = [Family::Ngram, Family::Window, Family::Rnn];
/// Steps that training unrolls.
const STEPS: usize = 35;
const READ_BATCHES: [usize; 6] = [1, 2, 4, 8, 16, 32];
const TRAIN_BATCHES: [usize; 4] = [1, 4, 16, 64];
const LENGTHS: [usize; 4] = [8, 32, 128, 512];

/// Tokens a second at batch 1, one a round, of n-gram, window and RNN.
struct Rates<'a> {
    reading: [&'a [f64]; 3],
    training: [&'a [f64]; 3],
}

/// Confirmed where, at batch 1, the RNN reads and trains more slowly than window and n-gram; refuted where it is faster than
/// one of them; undecided where an interval over the rounds includes equal speed.
fn rule(rates: &Rates<'_>) -> Ruling {
    let what = Text::new(
        "speed of the RNN over another family's at batch 1",
        "批大小为 1 时 RNN 与其他模型的速度之比",
    );
    let mut all = Vec::new();
    for (rates, en, zh) in
        [(&rates.reading, "reading", "打分"), (&rates.training, "training", "训练")]
    {
        for (other, family) in rates.iter().zip(FAMILIES).take(2) {
            let ratios = rates[2].iter().zip(*other).map(|(r, o)| r / o);
            let family = common::family(family);
            let name = Text::new(
                format!("{en}, over the {}", family.en),
                format!("{zh},相对{}", family.zh),
            );
            all.extend(student(&ratios.collect::<Vec<_>>()).map(|e| Part::below(name, e, 1.0)));
        }
    }
    parts::all(what, if all.len() == 4 { &all } else { &[] })
}

/// Something to be timed.
struct Job<'a> {
    sweep: &'static str,
    x: usize,
    family: Family,
    tokens: usize,
    work: Box<dyn Fn() -> Result<()> + 'a>,
}

/// Its tokens a second, one a round.
struct Measured {
    sweep: &'static str,
    x: usize,
    family: Family,
    rates: Vec<f64>,
}

impl Measured {
    fn sorted(&self) -> Vec<f64> {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates
    }

    fn median(&self) -> f64 {
        let rates = self.sorted();
        (rates[(rates.len() - 1) / 2] + rates[rates.len() / 2]) / 2.0
    }
}

fn measure(lab: &Lab<'_>, jobs: &[Job<'_>], rounds: usize) -> Result<Vec<Measured>> {
    let mut rates = vec![Vec::new(); jobs.len()];
    for round in 0..=rounds {
        for (i, job) in jobs.iter().enumerate() {
            lab.step("rounds", round * jobs.len() + i, (rounds + 1) * jobs.len())?;
            let start = Instant::now();
            (job.work)()?;
            let rate = job.tokens as f64 / start.elapsed().as_secs_f64();
            if round > 0 {
                rates[i].push(rate);
            }
        }
    }
    let measured = jobs.iter().zip(rates);
    Ok(measured
        .map(|(job, rates)| Measured { sweep: job.sweep, x: job.x, family: job.family, rates })
        .collect())
}

/// The head of a text in sequences of one length.
fn sequences(text: &Tokens, tokens: usize, length: usize) -> Tokens {
    let mut out = Tokens::default();
    text.flat()[..tokens].chunks_exact(length).for_each(|piece| out.push_sentence(piece, 0));
    out
}

/// 1, 2, 4, … as many as the machine runs.
fn threads() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (0..).map(|i| 1 << i).take_while(|&n| n <= cores).collect()
}

/// The experiment.
pub struct Speed;

impl Speed {
    fn window(lab: &Lab<'_>, batch: usize) -> WindowConfig {
        let size = lab.size(24, 128, 200);
        WindowConfig {
            emsize: size,
            nhid: size,
            dropout: 0.0,
            batch_size: batch * STEPS,
            seed: lab.seed,
            training: Config { epochs: 1, ..Config::default() },
            ..WindowConfig::default()
        }
    }

    fn rnn(lab: &Lab<'_>, batch: usize) -> RnnConfig {
        RnnConfig {
            nhid: lab.size(24, 128, 200),
            dropout: 0.0,
            batch_size: batch,
            bptt: STEPS,
            seed: lab.seed,
            training: Config { epochs: 1, ..Config::default() },
            ..RnnConfig::default()
        }
    }
}

impl Experiment for Speed {
    fn name(&self) -> &'static str {
        "speed"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["d4"]
    }

    fn about(&self) -> &'static str {
        "tokens a second of n-gram, window and RNN against batch, length and threads"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let (vocab, batch) = (lab.corpus.vocab.len(), TRAIN_BATCHES[3]);
        let networks = Self::window(lab, batch).training_bytes(vocab)
            + Self::rnn(lab, batch).training_bytes(vocab);
        2 * networks + common::count_bytes(lab, 5)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (corpus, rounds) = (lab.corpus, lab.size(3, 5, 9));
        let (read, trained) = (lab.size(2_048, 8_192, 16_384), lab.size(2_500, 6_000, 30_000));
        anyhow::ensure!(
            corpus.train.targets() >= read.max(trained),
            "the training text has {} tokens, {} are needed to time anything; take a longer text",
            corpus.train.targets(),
            read.max(trained)
        );
        let (train, valid) = (head(&corpus.train, trained), corpus.valid.head(2));
        let data = TrainSet { vocab: &corpus.vocab, train: &train, valid: &valid };
        let recipes = |batch: usize| -> [(Family, Box<dyn Recipe>, TrainSet<'_>); 3] {
            [
                (
                    Family::Ngram,
                    Box::new(NgramRecipe::new(Smoothing::ModifiedKneserNey, 5)),
                    corpus.train_set(),
                ),
                (Family::Window, Box::new(WindowRecipe::new(Self::window(lab, batch))), data),
                (Family::Rnn, Box::new(RnnRecipe::new(Self::rnn(lab, batch))), data),
            ]
        };
        let mut models: Vec<(Family, Arc<dyn LanguageModel>)> = Vec::new();
        for (family, recipe, data) in recipes(16) {
            models.push((family, model(lab, &*recipe, data)?));
        }
        let of_batch = READ_BATCHES.map(|b| sequences(&corpus.train, read, read / b));
        let of_length = LENGTHS.map(|l| sequences(&corpus.train, read, l));
        let pools: Vec<ThreadPool> = threads()
            .into_iter()
            .map(|n| ThreadPoolBuilder::new().num_threads(n).build())
            .collect::<Result<_, _>>()?;
        let mut readings: Vec<(&'static str, usize, &Tokens, Option<&ThreadPool>)> = Vec::new();
        readings.extend(
            READ_BATCHES.iter().zip(&of_batch).map(|(&x, t)| ("reading by batch", x, t, None)),
        );
        readings.extend(
            LENGTHS.iter().zip(&of_length).map(|(&x, t)| ("reading by length", x, t, None)),
        );
        let pooled = threads().into_iter().zip(&pools);
        readings
            .extend(pooled.map(|(x, pool)| ("reading by threads", x, &of_batch[0], Some(pool))));
        let mut jobs: Vec<Job<'_>> = Vec::new();
        for (family, model) in &models {
            for &(sweep, x, text, pool) in &readings {
                let score = move || Scores::of(&**model, text, Context::Sentence);
                let work = move || {
                    pool.map_or_else(score, |pool| pool.install(score));
                    Ok(())
                };
                jobs.push(Job { sweep, x, family: *family, tokens: read, work: Box::new(work) });
            }
        }
        for batch in TRAIN_BATCHES {
            for (family, recipe, data) in recipes(batch) {
                // Counting knows no batch: it is timed once a round.
                if family == Family::Ngram && batch > 1 {
                    continue;
                }
                let work = move || model(lab, &*recipe, data).map(drop);
                let tokens = data.train.targets();
                jobs.push(Job {
                    sweep: "training by batch",
                    x: batch,
                    family,
                    tokens,
                    work: Box::new(work),
                });
            }
        }
        let measured = measure(lab, &jobs, rounds)?;
        let mut table = Table::new(
            "speed",
            &["sweep", "x", "model", "median_tok_s", "lowest_tok_s", "highest_tok_s", "rounds"],
        );
        for m in &measured {
            let (sorted, median) = (m.sorted(), m.median());
            table.push(&[
                &m.sweep,
                &m.x,
                &m.family,
                &median,
                &sorted[0],
                &sorted[sorted.len() - 1],
                &rounds,
            ]);
        }
        let at_one = |sweep: &str| {
            FAMILIES.map(|f| {
                let one = measured.iter().find(|m| m.sweep == sweep && m.x == 1 && m.family == f);
                one.map_or(&[][..], |m| &m.rates)
            })
        };
        let ruling = rule(&Rates {
            reading: at_one("reading by batch"),
            training: at_one("training by batch"),
        });
        let row = lab.row("d4", self, 0, ruling);
        Ok(Outcome { rows: vec![row], tables: vec![table], charts: charts(&measured) })
    }
}

fn charts(measured: &[Measured]) -> Vec<Chart> {
    let chart = |id: &str, sweep: &str, title: Text, x: Text| {
        let series = FAMILIES.map(|family| {
            let of = measured.iter().filter(|m| m.sweep == sweep && m.family == family);
            let mut points: Vec<Point> = of
                .map(|m| {
                    let (sorted, value) = (m.sorted(), m.median());
                    let estimate = Estimate { value, lo: sorted[0], hi: sorted[sorted.len() - 1] };
                    Point::with_interval(m.x as f64, estimate)
                })
                .collect();
            if let ([only], true) = (&points[..], sweep == "training by batch") {
                points.push(Point { x: TRAIN_BATCHES[3] as f64, ..*only });
            }
            Series { name: common::family(family), look: Look::Family(family), points }
        });
        Chart {
            id: id.into(),
            claims: vec!["d4".into()],
            table: "speed".into(),
            title,
            x: Axis::log(x),
            y: Axis::log(Text::new("tokens a second, median and range", "每秒词数(中位数与范围)")),
            shape: Shape::Lines { series: series.into(), rules: vec![] },
        }
    };
    let batch = || Text::new("batch: sequences side by side", "批大小:并排处理的序列数");
    vec![
        chart(
            "reading",
            "reading by batch",
            Text::new("Reading speed by batch", "打分速度随批大小的变化"),
            batch(),
        ),
        chart(
            "training",
            "training by batch",
            Text::new("Training speed by batch", "训练速度随批大小的变化"),
            batch(),
        ),
        chart(
            "lengths",
            "reading by length",
            Text::new("Reading speed by the length of the sequences", "打分速度随序列长度的变化"),
            Text::new("length, tokens", "长度(词)"),
        ),
        chart(
            "threads",
            "reading by threads",
            Text::new("Reading speed at batch 1 by threads", "批大小为 1 时打分速度随线程数的变化"),
            Text::new("threads", "线程数"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_outcomes() {
        let (ngram, window): (&[f64], &[f64]) = (&[9e6, 8e6, 9e6], &[2e5, 1e5, 2e5]);
        let verdict = |reading: &[f64], training: &[f64]| {
            let rates =
                Rates { reading: [ngram, window, reading], training: [ngram, window, training] };
            rule(&rates).verdict
        };
        // the machine halves its speed in the second round: the ratio within each round stays
        let (slow, fast, unclear) = ([1e5, 0.52e5, 1.04e5], [4e5, 2.1e5, 4e5], [1e5, 2e5, 1.9e5]);
        assert_eq!(verdict(&slow, &slow), Verdict::Confirmed);
        assert_eq!(verdict(&slow, &fast), Verdict::Refuted);
        assert_eq!(verdict(&unclear, &slow), Verdict::Undecided);
        assert_eq!(
            rule(&Rates { reading: [&[]; 3], training: [&[]; 3] }).verdict,
            Verdict::Undecided
        );
    }

    #[test]
    fn sequences_have_one_length_and_the_median_is_the_middle() {
        let mut text = Tokens::default();
        (0..20).for_each(|i| text.push_sentence(&[corpus::TokenId(i); 3], 1));
        let cut = sequences(&text, 40, 8);
        assert!(cut.sentence_count() == 5 && cut.sentences().all(|s| s.len() == 8));
        let of = |rates: &[f64]| {
            Measured { sweep: "", x: 1, family: Family::Rnn, rates: rates.into() }.median()
        };
        assert_eq!((of(&[3.0, 1.0, 2.0]), of(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
    }
}
