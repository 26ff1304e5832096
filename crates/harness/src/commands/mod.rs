//! One file a verb.
pub mod compare;
pub mod convert;
pub mod data;
pub mod eval;
pub mod explain;
pub mod inspect;
pub mod lab;
pub mod models;
pub mod prune;
pub mod query;
pub mod report;
pub mod train_ngram;

use std::io::{Write, stdout};

use anyhow::Result;
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
        Some(Command::Train { what: TrainCommand::Ngram(args) }) => {
            train_ngram::run(&args, &mut out)?
        }
        Some(Command::Query(args)) => query::run(&args, &mut out)?,
        Some(Command::Eval(args)) => eval::run(&args, &mut out)?,
        Some(Command::Convert(args)) => convert::run(&args, &mut out)?,
        Some(Command::Prune(args)) => prune::run(&args, &mut out)?,
        Some(Command::Inspect(args)) => inspect::run(&args, &mut out)?,
        Some(Command::Report { dir, splice }) => report::run(&dir, splice.as_deref(), &mut out)?,
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "harness", &mut script);
            out.write_all(&script)?;
        }
    }
    out.flush()?;
    Ok(())
}
