//! `harness [compare]`: the comparison, from a corpus to a report.
use std::io::{IsTerminal, Write, stdout};
use std::time::SystemTime;

use anyhow::Result;
use corpus::Corpus;

use crate::cli::CompareArgs;
use crate::compare::{Plan, compare};
use crate::error::Failure;
use crate::machine::Machine;
use crate::record::{Results, Run, SCHEMA, Status};
use crate::registry::{self, Setting};
use crate::{interrupt, report, terminal_table, text};

/// Runs the comparison and writes its report.
pub fn run(args: &CompareArgs, out: &mut dyn Write) -> Result<()> {
    // What can be refused is refused before anything is trained.
    super::set_threads(args.threads)?;
    report::check_writable(&args.report)?;
    let corpus = text::load(&args.corpus, args.text, args.preset)?;
    let models = registry::split(&args.models);
    for id in &models {
        registry::spec(id, &Setting::new(args.preset, args.seed, &corpus))?;
    }
    let plan = Plan {
        models,
        preset: args.preset,
        context: args.context.into(),
        seed: args.seed,
        seeds: args.seeds,
        // of this text: a report folder may be used again for another one
        checkpoints: args.report.join("checkpoints").join(&corpus.vocab.fingerprint()[..12]),
    };
    std::fs::create_dir_all(&plan.checkpoints)
        .map_err(|source| lm::Error::Io { path: plan.checkpoints.clone(), source })?;
    let run = describe(args, &corpus, &plan);
    let quiet = !stdout().is_terminal();
    if !quiet {
        introduce(&run, out)?;
    }
    let mut last = 0;
    let results = compare(&corpus, &plan, run, &mut |results: &Results| {
        // A killed run loses the model that it was at, nothing before.
        last = results.records.len();
        Ok(report::files::write(&args.report, results)?)
    })?;
    report::write(&args.report, &results)?;
    if !interrupt::asked() {
        // Every model has its row: there is nothing left to go on with.
        std::fs::remove_dir_all(args.report.join("checkpoints")).ok();
    }
    conclude(args, &results, out)
}

fn describe(args: &CompareArgs, corpus: &Corpus, plan: &Plan) -> Run {
    let machine = Machine::here();
    Run {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").into(),
        command: command_line(),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        preset: args.preset.to_string(),
        corpus: corpus.name.clone(),
        synthetic: corpus.synthetic(),
        split: corpus.split.clone(),
        tokenizer: corpus.vocab.tokenizer().to_string(),
        context: plan.context.to_string(),
        vocab: corpus.vocab.len() as u64,
        vocab_rule: text::vocab_rule(&args.corpus, args.text),
        vocab_sha256: corpus.vocab.fingerprint().into(),
        test_sha256: text::sha256(&corpus.test),
        train_sentences: corpus.train.sentence_count() as u64,
        train_tokens: corpus.train.targets() as u64,
        valid_tokens: corpus.valid.targets() as u64,
        test_tokens: corpus.test.targets() as u64,
        test_bytes: corpus.test.bytes(),
        threads: rayon::current_num_threads(),
        cpu: machine.cpu,
        cores: machine.cores,
        memory_bytes: machine.memory_bytes,
        os: machine.os,
        ..Run::default()
    }
}

/// The command as typed, without the folder of the program.
fn command_line() -> String {
    let words =
        std::env::args().skip(1).map(|w| if w.contains(' ') { format!("'{w}'") } else { w });
    std::iter::once("harness".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn introduce(run: &Run, out: &mut dyn Write) -> Result<()> {
    let label = if run.synthetic { " (SYNTHETIC text)" } else { "" };
    writeln!(
        out,
        "corpus {}{label}: {} train, {} valid, {} test tokens; split: {}",
        run.corpus, run.train_tokens, run.valid_tokens, run.test_tokens, run.split
    )?;
    writeln!(
        out,
        "vocabulary {} words ({}), tokenizer {}, context {}",
        run.vocab, run.vocab_rule, run.tokenizer, run.context
    )?;
    writeln!(out, "{} cores, {} threads: {}\n", run.cores, run.threads, run.cpu)?;
    Ok(())
}

/// The table, where the files are, and what to try next.
fn conclude(args: &CompareArgs, results: &Results, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{}", terminal_table::table(results, width()))?;
    let dir = &args.report;
    writeln!(
        out,
        "\nReport: {}   figures: {}   rows: {}",
        dir.join("index.html").display(),
        dir.join("figures").display(),
        dir.join("records.csv").display()
    )?;
    if results.run.synthetic {
        writeln!(
            out,
            "Next: harness --corpus YOUR.txt --report {}   harness models",
            dir.join("mine").display()
        )?;
    } else {
        writeln!(
            out,
            "Next: harness {} --seeds 3 --report {}   harness report {}",
            args.text.words(&args.corpus, args.preset).join(" "),
            dir.display(),
            dir.display()
        )?;
    }
    if interrupt::asked() {
        return Err(Failure::Interrupted.into());
    }
    match results.records.iter().filter(|r| r.status != Status::Ok).count() {
        0 => Ok(()),
        failed => Err(Failure::Models(failed).into()),
    }
}

/// Columns of the terminal; a file or a pipe is wide.
fn width() -> usize {
    match terminal_size::terminal_size() {
        Some((width, _)) if stdout().is_terminal() => width.0.into(),
        _ if stdout().is_terminal() => 80,
        _ => 160,
    }
}
