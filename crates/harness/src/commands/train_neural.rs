//! `harness train rnn|gru|lstm|window`: one network, trained and saved; a killed run goes on with `--resume`.
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use corpus::Corpus;
use lm::{CurvePoint, Perplexity, Progress, Recipe};
use nn::checkpoint::Checkpoints;
use toml::{Table, Value};

use crate::cli::{DEFAULT_CORPUS, TextArgs};
use crate::error::Failure;
use crate::presets;
use crate::progress::Bar;
use crate::registry::{self, Preset, Setting};
use crate::tensorboard::EventFile;
use crate::{output, text, vectors};

/// Options of `harness train rnn|gru|lstm|window`, named as in PyTorch's word language model.
#[derive(Args, Clone, Debug)]
pub struct NeuralArgs {
    /// A registered data set, a UTF-8 text file (one sentence a line, .gz too), or `synth`
    #[arg(long, value_name = "NAME|FILE", default_value = DEFAULT_CORPUS)]
    pub corpus: String,
    /// The file of the model; checkpoints stand beside it, as FILE.checkpoint, until training is done
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// A recipe: options as TOML; what the command line says goes before it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The preset that gives what nothing else says
    #[arg(long, value_enum, default_value_t)]
    pub preset: Preset,
    /// Go on from the checkpoint, if there is one
    #[arg(long)]
    pub resume: bool,
    /// Seconds between two checkpoints; Ctrl-C writes one, too
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub checkpoint_seconds: u64,
    /// Write the learning curve as an event file for TensorBoard
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// Threads [default: one a core]; results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Word vectors to start from: a word2vec or GloVe text file (.gz too); `--set frozen=true` keeps them as they are
    #[arg(long, value_name = "FILE")]
    pub vectors: Option<PathBuf>,
    /// Size of the word vectors [default: that of --vectors, or the preset's]
    #[arg(long, value_name = "N")]
    pub emsize: Option<i64>,
    /// Hidden units a layer
    #[arg(long, value_name = "N")]
    pub nhid: Option<i64>,
    /// Layers (not of a window)
    #[arg(long, value_name = "N")]
    pub nlayers: Option<i64>,
    /// Learning rate
    #[arg(long, value_name = "RATE")]
    pub lr: Option<f64>,
    /// Threshold of gradient clipping; 0: none
    #[arg(long, value_name = "NORM")]
    pub clip: Option<f64>,
    /// Passes over the training text
    #[arg(long, value_name = "N")]
    pub epochs: Option<i64>,
    /// Lanes, or a window's examples, a step
    #[arg(long, value_name = "N")]
    pub batch_size: Option<i64>,
    /// Steps of truncated back-propagation through time (not of a window)
    #[arg(long, value_name = "N")]
    pub bptt: Option<i64>,
    /// Dropout probability
    #[arg(long, value_name = "P")]
    pub dropout: Option<f64>,
    /// Output matrix and embedding are one (not of a window)
    #[arg(long)]
    pub tied: bool,
    /// Any other option of a recipe: name=value,name=value
    #[arg(long, value_name = "OPTIONS", default_value = "", hide_default_value = true)]
    pub set: String,
    /// How the text is read.
    #[command(flatten)]
    pub text: TextArgs,
}

impl NeuralArgs {
    /// What the recipe file and then the command line say.
    fn options(&self, model: &str) -> Result<Table> {
        let mut options = match &self.config {
            Some(path) => match presets::read(path)? {
                (of, options) if of == model => options,
                (of, _) => {
                    let what = format!("{}: a recipe of `{of}`, not of `{model}`", path.display());
                    return Err(Failure::Usage(what).into());
                }
            },
            None => Table::new(),
        };
        let whole = [
            ("emsize", self.emsize),
            ("nhid", self.nhid),
            ("nlayers", self.nlayers),
            ("epochs", self.epochs),
            ("batch_size", self.batch_size),
            ("bptt", self.bptt),
        ];
        let real = [("lr", self.lr), ("clip", self.clip), ("dropout", self.dropout)];
        let mut put = |name: &str, value: Option<Value>| {
            options.extend(value.map(|v| (name.to_owned(), v)));
        };
        whole.into_iter().for_each(|(name, n)| put(name, n.map(Value::Integer)));
        real.into_iter().for_each(|(name, x)| put(name, x.map(Value::Float)));
        put("tied", self.tied.then_some(Value::Boolean(true)));
        options.extend(presets::options(&self.set)?);
        Ok(options)
    }

    fn checkpoints(&self) -> Checkpoints {
        let mut path = self.out.clone().into_os_string();
        path.push(".checkpoint");
        let every = Duration::from_secs(self.checkpoint_seconds);
        Checkpoints { path: path.into(), every, resume: self.resume }
    }
}

/// Trains and writes; `model` is a name of the registry.
pub fn run(model: &str, args: &NeuralArgs, out: &mut dyn Write) -> Result<()> {
    super::set_threads(args.threads)?;
    output::check(&args.out)?;
    let corpus = text::load(&args.corpus, args.text, args.preset)?;
    let mut options = args.options(model)?;
    let vectors = match &args.vectors {
        Some(path) => Some(vectors::load(path, &corpus.vocab, args.seed)?),
        None => None,
    };
    if let Some((table, _)) = &vectors {
        let width = Value::Integer(table.w.ncols() as i64);
        options.entry("emsize").or_insert(width);
    }
    let setting = Setting { options, ..Setting::new(args.preset, args.seed, &corpus) };
    let Some(mut neural) = registry::neural(model, &setting)? else {
        unreachable!("the command line names networks only")
    };
    let checkpoints = args.checkpoints();
    neural.keep(checkpoints.clone());
    if let (Some((table, found)), Some(path)) = (vectors, &args.vectors) {
        neural.embed(table);
        let words = corpus.vocab.len();
        writeln!(
            out,
            "{}: vectors for {found} of {words} words, the others start at random",
            path.display()
        )?;
    }
    train(args, &corpus, neural.recipe(), out)?;
    for file in [checkpoints.path.clone(), previous(&checkpoints.path)] {
        // The model is saved: what led to it may go, and may have gone.
        std::fs::remove_file(file).ok();
    }
    Ok(())
}

fn previous(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".previous");
    name.into()
}

fn train(
    args: &NeuralArgs,
    corpus: &Corpus,
    recipe: &dyn Recipe,
    out: &mut dyn Write,
) -> Result<()> {
    writeln!(out, "{}: {}", recipe.id(), recipe.describe())?;
    let mut events = args.tensorboard.as_deref().map(EventFile::create).transpose()?;
    let (start, bar) = (Instant::now(), Bar::new(&recipe.id()));
    let (mut curve, mut broken) = (Vec::<CurvePoint>::new(), None);
    let trained = recipe.train(corpus.train_set(), &mut |progress| {
        if let Progress::Point(point) = &progress {
            let written = events.as_mut().map_or(Ok(()), |file| file.point(point));
            let told = bar.above(|| tell(point, out));
            broken = broken.take().or(written.err()).or(told.err().map(Into::into));
            curve.push(point.clone());
        }
        bar.log(&progress)
    });
    drop(bar);
    let trained = match trained {
        Err(lm::Error::Interrupted) => {
            writeln!(out, "go on with --resume from {}", args.checkpoints().path.display())?;
            return Err(Failure::Interrupted.into());
        }
        other => other?,
    };
    if let Some(error) = broken {
        return Err(error);
    }
    trained.model.save(&args.out, &corpus.vocab)?;
    for note in &trained.notes {
        writeln!(out, "note: {note}")?;
    }
    let seconds = curve.last().map_or(0.0, |p| p.seconds).max(start.elapsed().as_secs_f64());
    let tokens = curve.last().map_or(0, |p| p.tokens);
    let best = curve.iter().map(|p| p.valid_nll).fold(f64::INFINITY, f64::min);
    writeln!(
        out,
        "{} parameters, valid perplexity {:.2}, {seconds:.1} s, {:.0} tokens/s",
        trained.model.footprint().params,
        Perplexity::of_mean_nll(best),
        tokens as f64 / seconds.max(1e-9)
    )?;
    writeln!(out, "{}", args.out.display())?;
    writeln!(out, "Next: harness eval {0} --text TEXT   harness generate {0}", args.out.display())?;
    Ok(())
}

/// A line of the learning curve.
fn tell(point: &CurvePoint, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "epoch {:>5.1}  train {:>8.2}  valid {:>8.2}  rate {:.2e}  gradient {:.3}  {:.1} s",
        point.epoch,
        Perplexity::of_mean_nll(point.train_nll),
        Perplexity::of_mean_nll(point.valid_nll),
        point.rate,
        point.grad_norm,
        point.seconds
    )?;
    out.flush()
}
