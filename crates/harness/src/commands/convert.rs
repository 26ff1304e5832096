//! `harness convert`: ARPA files to tables, tables to ARPA files, one storage to another.
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use corpus::{Tokenizer, Vocab};
use lm::LanguageModel as _;
use ngram::table::PackedOptions;
use ngram::{BackoffModel, TableKind, TableModel, write_arpa_logged};

use crate::commands::train_ngram::TableArg;
use crate::error::Failure;
use crate::model_file::{self, BUILD_S, Grams};
use crate::output;
use crate::progress::Bar;

/// Options of `harness convert`.
#[derive(Args, Clone, Debug)]
pub struct ConvertArgs {
    /// The model: a table or an ARPA file (.gz too)
    pub input: PathBuf,
    /// The file to write: an ARPA file if its name ends in .arpa or .gz, a table otherwise
    pub output: PathBuf,
    /// How the model is stored.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// How texts of an ARPA file's words are split [default: space]
    #[arg(long)]
    pub tokenizer: Option<Tokenizer>,
}

/// How a table is stored.
#[derive(Args, Clone, Copy, Debug)]
pub struct StorageArgs {
    /// The storage of a table: fast, exact and small, or smallest [default: hash]
    #[arg(long, value_enum)]
    pub table: Option<TableArg>,
    /// Bits of a probability in a packed table [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=16))]
    pub bits: Option<u32>,
}

/// A file to be written.
pub struct Target<'a> {
    path: &'a Path,
    storage: Option<(TableKind, PackedOptions)>,
}

impl<'a> Target<'a> {
    /// What `path` will be; nothing is written yet, but that it can be is certain.
    ///
    /// # Errors
    /// [`Failure::Create`]; options that do not fit the name.
    pub fn new(path: &'a Path, args: StorageArgs) -> Result<Self> {
        let arpa = path.extension().is_some_and(|e| e == "arpa" || e == "gz");
        let kind = TableKind::from(args.table.unwrap_or_default());
        let storage = match (arpa, args.table, args.bits) {
            (true, None, None) => None,
            (true, ..) => {
                let what =
                    "an ARPA file by its name: leave --table and --bits out, or name it otherwise";
                return Err(Failure::Usage(format!("{}: {what}", path.display())).into());
            }
            (false, _, Some(_)) if kind != TableKind::Packed => {
                let what = "--bits is for packed tables only: add --table packed";
                return Err(Failure::Usage(what.into()).into());
            }
            (false, _, bits) => Some((kind, options(bits))),
        };
        output::check(path)?;
        Ok(Self { path, storage })
    }

    /// Writes the model: the whole file, or none.
    ///
    /// # Errors
    /// What building or writing refuses; interruption.
    pub fn write(
        &self,
        model: &BackoffModel,
        vocab: &Vocab,
        notes: &[(String, String)],
        bar: &Bar,
    ) -> Result<()> {
        match self.storage {
            None => write_arpa_logged(self.path, model, vocab, &mut |p| bar.log(&p))?,
            Some((kind, options)) => {
                let grams: usize = model.gram_counts().iter().sum();
                let build = || TableModel::build_with(kind, model, vocab, notes, options);
                let table = bar.during("building the table", BUILD_S * grams as f64, build)?;
                table.save(self.path, vocab)?;
            }
        }
        Ok(())
    }
}

/// The options of a packed table.
pub fn options(bits: Option<u32>) -> PackedOptions {
    bits.map_or_else(PackedOptions::default, |prob_bits| PackedOptions { prob_bits })
}

/// Converts.
///
/// # Errors
/// Those of both files.
pub fn run(args: &ConvertArgs, out: &mut dyn Write) -> Result<()> {
    let target = Target::new(&args.output, args.storage)?;
    let bar = Bar::new("convert");
    let Grams { model, vocab, notes, remarks } =
        model_file::grams(&args.input, args.tokenizer, &bar)?;
    target.write(&model, &vocab, &notes, &bar)?;
    drop(bar);
    for remark in remarks {
        writeln!(out, "note: {remark}")?;
    }
    report(&args.output, &model.gram_counts(), out)
}

/// What was written.
///
/// # Errors
/// Those of the output.
pub fn report(path: &Path, counts: &[usize], out: &mut dyn Write) -> Result<()> {
    let (bytes, grams) =
        (std::fs::metadata(path).map_or(0, |m| m.len()), counts.iter().sum::<usize>());
    let each = bytes as f64 / grams as f64;
    writeln!(out, "{}: {grams} n-grams, {bytes} bytes, {each:.2} an n-gram", path.display())?;
    Ok(())
}
