//! `harness inspect`: what a model file is, and how large its tables would be.
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use corpus::Vocab;
use ngram::TableModel;
use ngram::table::estimate_sizes;

use super::convert::options;
use crate::model_file::{self, BUILD_S, Format, Grams, Saved};
use crate::progress::Bar;

/// Options of `harness inspect`.
#[derive(Args, Clone, Debug)]
pub struct InspectArgs {
    /// The model: a table, an ARPA file (.gz too), a network
    pub file: PathBuf,
    /// Estimate a packed table with so many bits a probability
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=16))]
    pub bits: u32,
}

/// Looks and prints.
///
/// # Errors
/// Those of the file.
pub fn run(args: &InspectArgs, out: &mut dyn Write) -> Result<()> {
    let path = args.file.as_path();
    let bytes = std::fs::metadata(path).map_or(0, |m| m.len());
    match model_file::recognise(path)? {
        Format::Table => {
            let table = TableModel::open(path)?;
            let version = table.table().file().version();
            writeln!(
                out,
                "{}: {} table, format {version}, {bytes} bytes, every checksum is right",
                path.display(),
                table.kind()
            )?;
            let vocab = table.vocab()?;
            words(&vocab, out)?;
            for (key, value) in &table.meta().notes {
                writeln!(out, "{key}: {value}")?;
            }
            counts(&table.meta().gram_counts, out)?;
            writeln!(out, "\n{:>14}  section", "bytes")?;
            for (name, bytes) in table.table().file().sections() {
                writeln!(out, "{bytes:>14}  {name}")?;
            }
            drop(table);
            sizes(args, path, out)
        }
        Format::Arpa => {
            writeln!(out, "{}: ARPA file, {bytes} bytes", path.display())?;
            sizes(args, path, out)
        }
        Format::Recurrent | Format::Window => {
            network(&model_file::open(path, None)?, path, bytes, out)
        }
    }
}

fn words(vocab: &Vocab, out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "{} words, tokenizer {}, sha256 {}",
        vocab.len(),
        vocab.tokenizer(),
        vocab.fingerprint()
    )?;
    Ok(())
}

fn counts(counts: &[usize], out: &mut dyn Write) -> Result<()> {
    writeln!(out, "order       n-grams")?;
    for (k, count) in (1..).zip(counts) {
        writeln!(out, "{k:>5}  {count:>12}")?;
    }
    writeln!(out, "  all  {:>12}", counts.iter().sum::<usize>())?;
    Ok(())
}

/// The sizes of all storages, before any is built.
fn sizes(args: &InspectArgs, path: &Path, out: &mut dyn Write) -> Result<()> {
    let bar = Bar::new("inspect");
    let Grams { model, vocab, notes, remarks } = model_file::grams(path, None, &bar)?;
    let options = options(Some(args.bits));
    let grams: usize = model.gram_counts().iter().sum();
    let estimate = || estimate_sizes(&model, &vocab, &notes, options);
    let sizes = bar.during("estimating sizes", BUILD_S * grams as f64, estimate)?;
    drop(bar);
    if notes.is_empty() && model_file::recognise(path)? == Format::Arpa {
        words(&vocab, out)?;
        counts(&model.gram_counts(), out)?;
    }
    for remark in remarks {
        writeln!(out, "note: {remark}")?;
    }
    writeln!(out, "\n{:>14}  {:>9}  as a table (harness convert --table)", "bytes", "an n-gram")?;
    for size in sizes {
        let bits = match size.kind {
            ngram::TableKind::Packed => format!(", {} bits a probability", args.bits),
            _ => String::new(),
        };
        writeln!(out, "{:>14}  {:>9.2}  {}{bits}", size.bytes, size.bytes_per_gram, size.kind)?;
    }
    Ok(())
}

fn network(saved: &Saved, path: &Path, bytes: u64, out: &mut dyn Write) -> Result<()> {
    let footprint = saved.language_model().footprint();
    writeln!(
        out,
        "{}: {}, {bytes} bytes, its checksum is right",
        path.display(),
        saved.describe()
    )?;
    words(&saved.vocab, out)?;
    writeln!(
        out,
        "{} weights, {} bytes in memory, {} zero, {} negligible",
        footprint.params, footprint.bytes, footprint.zero, footprint.negligible
    )?;
    Ok(())
}
