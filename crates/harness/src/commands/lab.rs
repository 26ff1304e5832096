//! `harness lab`: the lecture's claims as experiments.
use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::{DEFAULT_CORPUS, TextArgs};
use crate::lab::run::{Request, pick, run as run_lab};
use crate::lab::text::Lang;
use crate::registry::Preset;
use crate::{experiments, text};

/// Options of the laboratory.
#[derive(Args, Clone, Debug)]
pub struct LabArgs {
    /// Experiments, by name or by the id of a claim; `sparsity` and `storage` are all of the claims a and b [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Name the experiments with the claims they decide
    #[arg(long)]
    pub list: bool,
    /// Run finished experiments again
    #[arg(long)]
    pub fresh: bool,
    /// Language of the page
    #[arg(long, value_enum, default_value_t)]
    pub lang: Lang,
    /// How much work
    #[arg(long, value_enum, default_value_t)]
    pub preset: Preset,
    /// A registered data set, a UTF-8 text file, or the embedded language `synth`
    #[arg(long, value_name = "NAME|FILE", default_value = DEFAULT_CORPUS)]
    pub corpus: String,
    /// Folder for the page
    #[arg(long, value_name = "DIR", default_value = "reports/lab")]
    pub report: PathBuf,
    /// First seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Seeds where chance matters [default: each experiment's own number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    pub seeds: Option<u64>,
    /// Threads [default: one a core]; results do not depend on it, measured times do
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// How the text is read.
    #[command(flatten)]
    pub text: TextArgs,
}

/// Lists or runs.
///
/// # Errors
/// Those of [`crate::lab::run`].
pub fn run(args: &LabArgs, out: &mut dyn Write) -> Result<()> {
    let all = experiments::ALL;
    if args.list {
        return list(args, out);
    }
    // What can be refused is refused before any text is read.
    pick(all, &args.names)?;
    crate::report::check_writable(&args.report)?;
    if let Some(threads) = args.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
    }
    let corpus = text::load(&args.corpus, args.text, args.preset)?;
    let request = Request {
        names: args.names.clone(),
        fresh: args.fresh,
        lang: args.lang,
        dir: args.report.clone(),
        preset: args.preset,
        seed: args.seed,
        seeds: args.seeds,
        options: options(args),
    };
    run_lab(all, &corpus, &request, out)
}

fn list(args: &LabArgs, out: &mut dyn Write) -> Result<()> {
    for experiment in pick(experiments::ALL, &args.names)? {
        writeln!(
            out,
            "{:<14} {:<12} {}",
            experiment.name(),
            experiment.claims().join(", "),
            experiment.about()
        )?;
    }
    Ok(())
}

/// The options that differ from the defaults and matter to the numbers.
fn options(args: &LabArgs) -> String {
    let mut out = args.text.words(&args.corpus, args.preset);
    if args.seed != 1 {
        out.push(format!("--seed {}", args.seed));
    }
    out.extend(args.seeds.map(|n| format!("--seeds {n}")));
    out.join(" ")
}
