//! d4: tokens a second against batch, length and threads.
//!
//! *Reading* scores B sequences side by side; *training* makes one epoch with B sequences of 35 steps for each update (the
//! window: as many examples). Both networks have layers of one width. Where the vocabulary is large, the output layer and
//! the update of its weights, which both have, hide what the recurrence costs: training is timed with a small one, too.
use std::sync::Arc;

use anyhow::Result;
use corpus::synth::Language;
use corpus::{Corpus, CorpusOptions, Tokens, TrainSet};
use lm::{Context, Family, LanguageModel, Recipe, Scores};
use ngram::{NgramRecipe, Smoothing};
use nn::fit::Config;
use rayon::{ThreadPool, ThreadPoolBuilder};
use rnn::{RnnConfig, RnnRecipe};
use window::{WindowConfig, WindowRecipe};

use super::common::{self, head, model};
use super::parts::{self, Part};
use super::timing::{Job, Measured, measure, rates, ratio};
use crate::lab::*;
use crate::text::DATA_SEED;

const FAMILIES: [Family; 3] = [Family::Ngram, Family::Window, Family::Rnn];
/// Steps that training unrolls.
const STEPS: usize = 35;
const READ_BATCHES: [usize; 6] = [1, 2, 4, 8, 16, 32];
const TRAIN_BATCHES: [usize; 4] = [1, 4, 16, 64];
const LENGTHS: [usize; 4] = [8, 32, 128, 512];

const READING: &str = "reading by batch";
const BY_LENGTH: &str = "reading by length";
const BY_THREADS: &str = "reading by threads";
const TRAINING: &str = "training by batch";
const SMALL: &str = "training by batch, small vocabulary";

/// Tokens a second at batch 1, one a round, of n-gram, window and RNN; and of window and RNN with the small vocabulary.
struct Rates<'a> {
    reading: [&'a [f64]; 3],
    training: [&'a [f64]; 3],
    small: [&'a [f64]; 2],
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
            let family = common::family(family);
            let name = Text::new(
                format!("{en}, over the {}", family.en),
                format!("{zh},相对{}", family.zh),
            );
            all.extend(ratio(rates[2], other).map(|e| Part::below(name, e, 1.0)));
        }
    }
    let cure = Text::new(
        "take more rounds on a quiet machine (--preset full)",
        "需要在空闲的机器上测更多轮(--preset full)",
    );
    let mut ruling = parts::all(what, if all.len() == 4 { &all } else { &[] }, cure);
    if let Some(small) = ratio(rates.small[1], rates.small[0]) {
        let ratio = number(small.value);
        ruling.reason.en += &format!(
            "; where the vocabulary is small, so that the output layer does not outweigh the recurrence, training runs at {ratio} of the window's speed"
        );
        ruling.reason.zh +=
            &format!(";词表很小、输出层不掩盖循环部分时,RNN 的训练速度是固定窗口的 {ratio} 倍");
    }
    ruling
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

    fn recipe(lab: &Lab<'_>, family: Family, batch: usize) -> Box<dyn Recipe> {
        match family {
            Family::Window => Box::new(WindowRecipe::new(Self::window(lab, batch))),
            Family::Rnn => Box::new(RnnRecipe::new(Self::rnn(lab, batch))),
            _ => Box::new(NgramRecipe::new(Smoothing::ModifiedKneserNey, 5)),
        }
    }

    /// One epoch of a family's training.
    fn training<'a>(
        lab: &'a Lab<'a>,
        sweep: &'static str,
        (family, batch): (Family, usize),
        data: TrainSet<'a>,
    ) -> Job<'a> {
        let recipe = Self::recipe(lab, family, batch);
        let work = Box::new(move || model(lab, &*recipe, data).map(drop));
        Job { sweep, x: batch, family, tokens: data.train.targets(), work }
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
        let (read, trained) = (lab.size(2_048, 8_192, 16_384), lab.size(2_500, 6_000, 10_000));
        anyhow::ensure!(
            corpus.train.targets() >= read.max(trained),
            "the training text has {} tokens, {} are needed to time anything; take a longer text",
            corpus.train.targets(),
            read.max(trained)
        );
        // Two sentences to validate on: that time is no part of what is asked.
        let (train, valid) = (head(&corpus.train, trained), corpus.valid.head(2));
        let data = TrainSet { vocab: &corpus.vocab, train: &train, valid: &valid };
        let language = Arc::new(Language::embedded("agreement")?);
        let options = CorpusOptions::default();
        let small = Corpus::from_language(language, DATA_SEED, 2 * trained as u64, options)?;
        let few = (head(&small.train, trained), small.valid.head(2));
        let small = TrainSet { vocab: &small.vocab, train: &few.0, valid: &few.1 };

        let mut models: Vec<(Family, Arc<dyn LanguageModel>)> = Vec::new();
        for family in FAMILIES {
            let data = if family == Family::Ngram { corpus.train_set() } else { data };
            models.push((family, model(lab, &*Self::recipe(lab, family, 16), data)?));
        }
        let of_batch = READ_BATCHES.map(|b| sequences(&corpus.train, read, read / b));
        let of_length = LENGTHS.map(|l| sequences(&corpus.train, read, l));
        let pools: Vec<(usize, ThreadPool)> = threads()
            .into_iter()
            .map(|n| Ok((n, ThreadPoolBuilder::new().num_threads(n).build()?)))
            .collect::<Result<_>>()?;
        let mut readings: Vec<(&'static str, usize, &Tokens, Option<&ThreadPool>)> = Vec::new();
        readings.extend(READ_BATCHES.iter().zip(&of_batch).map(|(&x, t)| (READING, x, t, None)));
        readings.extend(LENGTHS.iter().zip(&of_length).map(|(&x, t)| (BY_LENGTH, x, t, None)));
        readings.extend(pools.iter().map(|(n, pool)| (BY_THREADS, *n, &of_batch[0], Some(pool))));

        // What is compared stands side by side in time.
        let mut jobs: Vec<Job<'_>> = Vec::new();
        for &(sweep, x, text, pool) in &readings {
            for (family, model) in &models {
                let score = move || Scores::of(&**model, text, Context::Sentence);
                let work = Box::new(move || {
                    pool.map_or_else(score, |pool| pool.install(score));
                    Ok(())
                });
                jobs.push(Job { sweep, x, family: *family, tokens: read, work });
            }
        }
        // Counting knows no batch: it is timed once a round.
        jobs.push(Self::training(lab, TRAINING, (Family::Ngram, 1), corpus.train_set()));
        for batch in TRAIN_BATCHES {
            for (sweep, data) in [(TRAINING, data), (SMALL, small)] {
                for family in [Family::Window, Family::Rnn] {
                    jobs.push(Self::training(lab, sweep, (family, batch), data));
                }
            }
        }
        let measured = measure(lab, &jobs, rounds)?;
        let mut table = Table::new(
            "speed",
            &["sweep", "x", "model", "median_tok_s", "lowest_tok_s", "highest_tok_s", "rounds"],
        );
        for m in &measured {
            let Estimate { value, lo, hi } = m.range();
            table.push(&[&m.sweep, &m.x, &m.family, &value, &lo, &hi, &rounds]);
        }
        let ruling = rule(&Rates {
            reading: FAMILIES.map(|f| rates(&measured, READING, 1, f)),
            training: FAMILIES.map(|f| rates(&measured, TRAINING, 1, f)),
            small: [Family::Window, Family::Rnn].map(|f| rates(&measured, SMALL, 1, f)),
        });
        let row = lab.row("d4", self, 0, ruling);
        Ok(Outcome { rows: vec![row], tables: vec![table], charts: charts(&measured) })
    }
}

fn charts(measured: &[Measured]) -> Vec<Chart> {
    let batch = || Text::new("batch: sequences side by side", "批大小:并排处理的序列数");
    let chart = |id: &str, title: Text, x: Text, y: Axis, shape: Shape| Chart {
        id: id.into(),
        claims: vec!["d4".into()],
        table: "speed".into(),
        title,
        x: Axis::log(x),
        y,
        shape,
    };
    let rate = |id: &str, sweep: &str, title: Text, x: Text| {
        let series = FAMILIES.map(|family| {
            let of = measured.iter().filter(|m| m.sweep == sweep && m.family == family);
            let mut points: Vec<Point> =
                of.map(|m| Point::with_interval(m.x as f64, m.range())).collect();
            // Counting is as fast at any batch.
            if let ([only], TRAINING) = (&points[..], sweep) {
                points.push(Point { x: TRAIN_BATCHES[3] as f64, ..*only });
            }
            Series { name: common::family(family), look: Look::Family(family), points }
        });
        let y = Axis::log(Text::new("tokens a second, median and range", "每秒词数(中位数与范围)"));
        chart(id, title, x, y, Shape::Lines { series: series.into(), rules: vec![] })
    };
    let ratios = [
        (READING, Text::new("reading", "打分")),
        (TRAINING, Text::new("training", "训练")),
        (SMALL, Text::new("training, few words", "训练(小词表)")),
    ];
    let ratios = ratios.into_iter().enumerate().map(|(i, (sweep, name))| {
        let xs: &[usize] = if sweep == READING { &READ_BATCHES } else { &TRAIN_BATCHES };
        let at = |x, family| rates(measured, sweep, x, family);
        let points = xs
            .iter()
            .filter_map(|&x| Some((x as f64, ratio(at(x, Family::Rnn), at(x, Family::Window))?)));
        Series::with_intervals(name, Look::Plain(i), points)
    });
    let equal = Rule { name: Text::new("equally fast", "速度相等"), y: 1.0 };
    vec![
        chart(
            "ratio",
            Text::new(
                "Speed of the RNN over the window's, by batch",
                "RNN 与固定窗口的速度之比随批大小的变化",
            ),
            batch(),
            Axis::linear(Text::new(
                "RNN over window, tokens a second",
                "RNN 与固定窗口每秒词数之比",
            )),
            Shape::Lines { series: ratios.collect(), rules: vec![equal] },
        ),
        rate(
            "reading",
            READING,
            Text::new("Reading speed by batch", "打分速度随批大小的变化"),
            batch(),
        ),
        rate(
            "training",
            TRAINING,
            Text::new("Training speed by batch", "训练速度随批大小的变化"),
            batch(),
        ),
        rate(
            "lengths",
            BY_LENGTH,
            Text::new("Reading speed by the length of the sequences", "打分速度随序列长度的变化"),
            Text::new("length, tokens", "长度(词)"),
        ),
        rate(
            "threads",
            BY_THREADS,
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
            rule(&Rates {
                reading: [ngram, window, reading],
                training: [ngram, window, training],
                small: [window, training],
            })
            .verdict
        };
        let (slow, fast, unclear) = ([1e5, 0.52e5, 1.04e5], [4e5, 2.1e5, 4e5], [1e5, 2e5, 1.9e5]);
        assert_eq!(verdict(&slow, &slow), Verdict::Confirmed);
        assert_eq!(verdict(&slow, &fast), Verdict::Refuted);
        assert_eq!(verdict(&unclear, &slow), Verdict::Undecided);
        let none = Rates { reading: [&[]; 3], training: [&[]; 3], small: [&[]; 2] };
        assert_eq!(rule(&none).verdict, Verdict::Undecided);
    }

    #[test]
    fn sequences_have_one_length() {
        let mut text = Tokens::default();
        (0..20).for_each(|i| text.push_sentence(&[corpus::TokenId(i); 3], 1));
        let cut = sequences(&text, 40, 8);
        assert!(cut.sentence_count() == 5 && cut.sentences().all(|s| s.len() == 8));
    }
}
