//! `harness speed`: training speed of a network as one JSON line, with the share of the machine's ceiling.
//!
//! The fields are those that a PyTorch script of the same model prints: steps after the first twenty, the optimizer
//! included, validation left out.
use std::io::Write;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use lm::{Context, Progress};
use serde_json::json;

use crate::cli::{DEFAULT_CORPUS, TextArgs};
use crate::error::Failure;
use crate::neural::Neural;
use crate::registry::{self, Preset, Setting};
use crate::{interrupt, machine, measure, text};

/// Steps that warm up.
const WARM_UP: u64 = 20;
/// For so long the machine's matrix products are measured.
const CEILING_SECONDS: f64 = 2.0;

/// Options of `harness speed`.
#[derive(Args, Clone, Debug)]
pub struct SpeedArgs {
    /// A neural model with options, as in rnn:hidden=200,batch=20,bptt=35, or a recipe file
    #[arg(long, value_name = "MODEL")]
    pub model: String,
    /// A registered data set, a UTF-8 text file, or `synth`
    #[arg(long, value_name = "NAME|FILE", default_value = DEFAULT_CORPUS)]
    pub corpus: String,
    /// How long to train
    #[arg(long, value_name = "N", default_value_t = 30.0)]
    pub seconds: f64,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How the text is read.
    #[command(flatten)]
    pub text: TextArgs,
}

/// Steps and the time they took.
#[derive(Default)]
struct Clock {
    steps: u64,
    timed: Duration,
    timed_steps: u64,
    total: u64,
    last: Option<Instant>,
}

impl Clock {
    fn hear(&mut self, progress: &Progress) {
        let now = Instant::now();
        match progress {
            Progress::Step { total, .. } => {
                self.steps += 1;
                self.total = *total;
                if let Some(last) = self.last.filter(|_| self.steps > WARM_UP) {
                    self.timed += now - last;
                    self.timed_steps += 1;
                }
                self.last = Some(now);
            }
            // a validation lies before the next step
            Progress::Point(_) => self.last = None,
        }
    }
}

/// Measures and prints.
pub fn run(args: &SpeedArgs, out: &mut dyn Write) -> Result<()> {
    super::set_threads(args.threads)?;
    let corpus = text::load(&args.corpus, args.text, Preset::Default)?;
    let setting = Setting::new(Preset::Default, args.seed, &corpus);
    let Some(mut neural) = registry::neural(&args.model, &setting)? else {
        let what = format!("`{}` has no training steps; name window, rnn, gru or lstm", args.model);
        return Err(Failure::Usage(what).into());
    };
    // as long as the seconds last; the step alone, as the PyTorch script's: no copy of the state to go back to
    let training = neural.training();
    (training.epochs, training.recoveries) = (1_000_000, 0);
    machine::reset_peak_rss();
    let (mut clock, start) = (Clock::default(), Instant::now());
    let ended = neural.recipe().train(corpus.train_set(), &mut |progress| {
        clock.hear(&progress);
        match interrupt::asked() || start.elapsed().as_secs_f64() > args.seconds {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    match ended {
        Err(lm::Error::Interrupted) if interrupt::asked() => {
            return Err(Failure::Interrupted.into());
        }
        Ok(_) | Err(lm::Error::Interrupted) => {}
        Err(error) => return Err(error.into()),
    }
    let peak_rss = machine::peak_rss_bytes();
    if clock.timed_steps == 0 {
        let what = format!(
            "not one step after the first {WARM_UP} in {} s; give more --seconds",
            args.seconds
        );
        return Err(Failure::Usage(what).into());
    }
    let epochs = clock.total as f64 / 1e6;
    let tokens_a_step = corpus.train.targets() as f64 / epochs;
    let train_tok_s = tokens_a_step * clock.timed_steps as f64 / clock.timed.as_secs_f64();
    let flops = neural.training_flops(&corpus.vocab)? as f64;
    let threads = rayon::current_num_threads();
    let ceiling = nn::gemm::measure_ceiling(threads, CEILING_SECONDS);
    let config = neural.config();
    let (batched, stream) = scoring(&mut neural, &corpus)?;
    let gflops = train_tok_s * flops * 1e-9;
    let line = json!({
        "model": args.model,
        "recipe": neural.recipe().id(),
        "config": config,
        "corpus": corpus.name,
        "threads": threads,
        "lmlab": env!("CARGO_PKG_VERSION"),
        "params": batched.params,
        "steps": clock.steps,
        "train_tok_s": train_tok_s.round(),
        "flop_per_token": flops,
        "gflop_s": round(gflops),
        "ceiling_gflop_s": round(ceiling),
        "share_of_ceiling": (1e3 * gflops / ceiling).round() / 1e3,
        "eval_tok_s": batched.tokens_s.round(),
        "eval_stream_tok_s": stream.round(),
        "peak_rss_mib": peak_rss.map(|b| b >> 20),
    });
    writeln!(out, "{line}")?;
    Ok(())
}

fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

struct Batched {
    params: u64,
    tokens_s: f64,
}

/// Tokens a second of scoring the validation text: sentences side by side, and as one stream.
fn scoring(neural: &mut Neural, corpus: &corpus::Corpus) -> Result<(Batched, f64)> {
    // the weights do not matter: the shortest training that makes a model
    let head = corpus.train.head(200);
    neural.training().epochs = 1;
    *neural.batch_size() = 10;
    let data = corpus::TrainSet { train: &head, ..corpus.train_set() };
    let model = neural.recipe().train(data, &mut |_| interrupt::flow())?.model;
    let text = corpus.valid.head(1_000);
    let median = |context| {
        let mut speeds: Vec<f64> = (0..6)
            .map(|_| text.targets() as f64 / measure::score(&*model, &text, context).seconds)
            .collect();
        // the first one warms up
        speeds.remove(0);
        measure::quantile(&speeds, 0.5).expect("five runs")
    };
    let params = model.footprint().params;
    Ok((Batched { params, tokens_s: median(Context::Sentence) }, median(Context::Stream)))
}
