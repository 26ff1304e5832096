//! `harness data`: what data sets there are, what is in them, how to get them, and text of the embedded language.
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use corpus::dataset::{DataFile, Fetch, FileState, search_path};
use corpus::synth::{Language, write_text};
use corpus::whole_file;
use corpus::{Corpus, DataSet, Part};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::TextArgs;
use crate::error::Failure;
use crate::registry::Preset;
use crate::{interrupt, text};

/// The verbs of `harness data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// List the data sets, and where they are on this machine
    List {
        /// Read every file and compare its SHA-256 with the registered one
        #[arg(long)]
        verify: bool,
    },
    /// Count sentences, tokens and unknown words of each split
    Stats {
        /// A data set, a text file, or an embedded language [default: every data set on this machine]
        #[arg(value_name = "NAME|FILE")]
        name: Option<String>,
        /// How the text is read.
        #[command(flatten)]
        text: TextArgs,
    },
    /// Download a data set and check it
    Fetch {
        /// The data set
        name: String,
        /// Where to put it [default: the folder that LMLAB_DATA names, else datasets]
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// Write SYNTHETIC text of an embedded language, one sentence a line
    Synth {
        /// An embedded language, or a grammar file (.toml)
        #[arg(long, value_name = "NAME|FILE", default_value = "synth")]
        language: String,
        /// Words and sentence ends to write
        #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
        tokens: u64,
        /// The seed: same seed, same bytes
        #[arg(long, value_name = "N", default_value_t = text::DATA_SEED)]
        seed: u64,
        /// The file to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Runs a verb.
pub fn run(command: DataCommand, out: &mut dyn Write) -> Result<()> {
    match command {
        DataCommand::List { verify } => list(verify, out),
        DataCommand::Stats { name: Some(name), text } => {
            stats(&text::load(&name, text, Preset::Default)?, out)
        }
        DataCommand::Stats { name: None, text } => all_stats(text, out),
        DataCommand::Fetch { name, to } => fetch(&name, to, out),
        DataCommand::Synth { language, tokens, seed, out: path } => {
            synth(&language, tokens, seed, path.as_deref(), out)
        }
    }
}

fn list(verify: bool, out: &mut dyn Write) -> Result<()> {
    let mut wrong = None;
    for set in DataSet::all() {
        let bytes: u64 = set.files.iter().map(|f| f.bytes).sum();
        writeln!(out, "{:<12} {}", set.name, set.title)?;
        writeln!(
            out,
            "{:<12} {:.1} MB, {} file(s), {}",
            "",
            bytes as f64 / 1e6,
            set.files.len(),
            set.license
        )?;
        match set.locate() {
            Ok(folder) if verify => {
                for file in &set.files {
                    writeln!(
                        out,
                        "{:<12} {} {}",
                        "",
                        folder.join(&file.path).display(),
                        verdict(set, file, &folder)?
                    )?;
                }
                wrong = wrong.or(set.verify(&folder).err());
            }
            Ok(folder) => {
                writeln!(out, "{:<12} found in {}", "", folder.join(&set.name).display())?
            }
            Err(_) if set.fetch == Fetch::Files => {
                writeln!(out, "{:<12} not here: `harness data fetch {}`", "", set.name)?
            }
            Err(_) => {
                writeln!(out, "{:<12} not here: by hand from {}", "", set.source)?;
                writeln!(out, "{:<12} ({})", "", set.note.as_deref().unwrap_or_default())?;
            }
        }
    }
    for name in Language::names() {
        writeln!(out, "{name:<12} SYNTHETIC: {}", Language::embedded(name)?.about())?;
    }
    let folders: Vec<String> = search_path().iter().map(|f| f.display().to_string()).collect();
    writeln!(out, "\nLooked in {}.", folders.join(", then in "))?;
    wrong.map_or(Ok(()), |error| Err(error.into()))
}

fn verdict(set: &DataSet, file: &DataFile, folder: &Path) -> Result<&'static str> {
    Ok(match file.state(folder)? {
        FileState::Good => "ok",
        FileState::Differs(_) if set.exact => "DIFFERS from the registered bytes",
        FileState::Differs(_) => "differs from the registered bytes (another release)",
        FileState::Missing => "missing",
    })
}

fn all_stats(text: TextArgs, out: &mut dyn Write) -> Result<()> {
    let here: Vec<&DataSet> = DataSet::all().iter().filter(|set| set.locate().is_ok()).collect();
    if here.is_empty() {
        let folders: Vec<String> = search_path().iter().map(|f| f.display().to_string()).collect();
        writeln!(
            out,
            "No data set in {}; `harness data list` says how to get one.",
            folders.join(" or ")
        )?;
    }
    for (i, set) in here.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        stats(&text::load(&set.name, text, Preset::Default)?, out)?;
    }
    Ok(())
}

fn stats(corpus: &Corpus, out: &mut dyn Write) -> Result<()> {
    let vocab = &corpus.vocab;
    writeln!(out, "{}: {}", corpus.name, corpus.split)?;
    writeln!(
        out,
        "tokenizer {}, {} words in the vocabulary, sha256 {}",
        vocab.tokenizer(),
        vocab.len(),
        vocab.fingerprint()
    )?;
    let head =
        ["split", "sentences", "targets", "bytes", "a sentence", "<unk> %", "bytes a target"];
    let [split, sentences, targets, bytes, mean, unk, ratio] = head;
    writeln!(
        out,
        "{split:<6}{sentences:>11}{targets:>13}{bytes:>13}{mean:>12}{unk:>9}{ratio:>16}"
    )?;
    for part in [Part::Train, Part::Valid, Part::Test] {
        let tokens = corpus.part(part);
        let (n, t) = (tokens.sentence_count(), tokens.targets());
        let unknown = tokens.flat().iter().filter(|&&id| id == vocab.unk()).count();
        let share = |a: f64| a / t.max(1) as f64;
        writeln!(
            out,
            "{:<6}{n:>11}{t:>13}{:>13}{:>12.1}{:>9.2}{:>16.2}",
            part.to_string(),
            tokens.bytes(),
            t as f64 / n.max(1) as f64,
            100.0 * share(unknown as f64),
            share(tokens.bytes() as f64)
        )?;
    }
    Ok(())
}

fn fetch(name: &str, to: Option<PathBuf>, out: &mut dyn Write) -> Result<()> {
    let set = DataSet::named(name)?;
    let folder =
        to.or_else(|| search_path().into_iter().next()).unwrap_or_else(|| "datasets".into());
    writeln!(out, "{}\nlicense: {}\nsource:  {}", set.title, set.license, set.source)?;
    out.flush()?;
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style =
        "{prefix:<36!} {wide_bar:.cyan/dim} {bytes}/{total_bytes}  {bytes_per_sec}  {eta:>4} left";
    bar.set_style(ProgressStyle::with_template(style).expect("the template is constant"));
    let done = set.fetch(&folder, &mut |file, done, total| {
        bar.set_prefix(file.path.clone());
        bar.set_length(total);
        bar.set_position(done);
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    bar.finish_and_clear();
    match done {
        Err(_) if interrupt::asked() => return Err(Failure::Interrupted.into()),
        other => other?,
    }
    for file in &set.files {
        writeln!(
            out,
            "{}  {} bytes, sha256 as registered",
            folder.join(&file.path).display(),
            file.bytes
        )?;
    }
    if !search_path().contains(&folder) {
        writeln!(out, "To use it: LMLAB_DATA={} harness --corpus {name}", folder.display())?;
    }
    Ok(())
}

fn synth(
    name: &str,
    tokens: u64,
    seed: u64,
    path: Option<&Path>,
    out: &mut dyn Write,
) -> Result<()> {
    let file = name.ends_with(".toml");
    let language = if file { Language::load(Path::new(name))? } else { Language::embedded(name)? };
    let Some(path) = path else {
        return interruptible(write_text(&language, seed, tokens, &mut Stoppable(out)));
    };
    let create =
        || format!("{}: this file cannot be made; name another with --out", path.display());
    let mut part = whole_file::temporary(path).with_context(create)?;
    interruptible(write_text(
        &language,
        seed,
        tokens,
        &mut Stoppable(&mut BufWriter::new(part.as_file_mut())),
    ))?;
    whole_file::keep(part, path).with_context(create)?;
    writeln!(out, "{}: {tokens} tokens of SYNTHETIC text, seed {seed}", path.display())?;
    Ok(())
}

fn interruptible<T>(result: corpus::Result<T>) -> Result<()> {
    match result {
        Err(_) if interrupt::asked() => Err(Failure::Interrupted.into()),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

/// A writer that fails once the user asked to stop: what writes for minutes ends within a block.
struct Stoppable<'a>(&'a mut dyn Write);

impl Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if interrupt::asked() {
            // Not ErrorKind::Interrupted, which `write_all` takes as a reason to try again.
            return Err(std::io::Error::other("stopped"));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
