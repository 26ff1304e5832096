//! One file a verb.
pub mod chart;
pub mod compare;
pub mod convert;
pub mod data;
pub mod eval;
pub mod eval_adaptive;
pub mod explain;
pub mod generate;
pub mod inspect;
pub mod lab;
pub mod models;
pub mod prune;
pub mod query;
pub mod report;
pub mod speed;
pub mod train_neural;
pub mod train_ngram;

use std::io::{Write, stdout};

use anyhow::{Context as _, Result};
use clap::CommandFactory;

use crate::cli::{Cli, Command, TrainCommand};

/// Runs a parsed command line.
pub fn run(cli: Cli) -> Result<()> {
    let mut out = stdout().lock();
    match cli.command {
        None => compare::run(&cli.compare, &mut out)?,
        Some(Command::Compare(args)) => compare::run(&args, &mut out)?,
        Some(Command::Models) => models::run(&mut out)?,
        Some(Command::Data { command }) => data::run(command, &mut out)?,
        Some(Command::Lab(args)) => lab::run(&args, &mut out)?,
        Some(Command::Train { what }) => match what {
            TrainCommand::Ngram(args) => train_ngram::run(&args, &mut out)?,
            TrainCommand::Window(args) => train_neural::run("window", &args, &mut out)?,
            TrainCommand::Rnn(args) => train_neural::run("rnn", &args, &mut out)?,
            TrainCommand::Gru(args) => train_neural::run("gru", &args, &mut out)?,
            TrainCommand::Lstm(args) => train_neural::run("lstm", &args, &mut out)?,
        },
        Some(Command::Speed(args)) => speed::run(&args, &mut out)?,
        Some(Command::Query(args)) => query::run(&args, &mut out)?,
        Some(Command::Eval(args)) => eval::run(&args, &mut out)?,
        Some(Command::Generate(args)) => generate::run(&args, &mut out)?,
        Some(Command::Convert(args)) => convert::run(&args, &mut out)?,
        Some(Command::Prune(args)) => prune::run(&args, &mut out)?,
        Some(Command::Inspect(args)) => inspect::run(&args, &mut out)?,
        Some(Command::Report { dir, splice }) => report::run(&dir, splice.as_deref(), &mut out)?,
        Some(Command::Chart(args)) => chart::run(&args, &mut out)?,
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "harness", &mut script);
            out.write_all(&script)?;
        }
    }
    out.flush()?;
    Ok(())
}

/// As many threads as asked for; results do not depend on it.
fn set_threads(threads: Option<u16>) -> Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.into())
        .build_global()
        .context("starting the threads")
}
