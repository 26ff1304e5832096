//! `harness train ngram`: a text or its counts to an ARPA file, a table, or both.
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};
use corpus::{DataSet, Tokens, Vocab};
use lm::{LanguageModel as _, Log};
use ngram::{
    Budget, Counting, Cutoff, Estimate, GramCounts, NgramRecipe, Smoothing, StoredEstimate,
    TableKind, TableModel, read_counts, write_arpa_estimate,
};

use crate::cli::TextArgs;
use crate::error::Failure;
use crate::progress::Bar;
use crate::registry::Preset;
use crate::{output, text};

/// Options of `harness train ngram`.
#[derive(Args, Clone, Debug)]
pub struct NgramArgs {
    /// N, 1 to 10
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=ngram::MAX_ORDER as i64))]
    pub order: u8,
    /// How counts become probabilities
    #[arg(long, value_enum, default_value_t)]
    pub smoothing: SmoothingArg,
    /// Leave out n-grams that stand in the text so often or less, one count an order; the last holds for the rest
    #[arg(long, value_name = "COUNT", num_args = 1..)]
    pub prune: Vec<u32>,
    /// Refuse undefined discounts instead of falling back on simpler ones
    #[arg(long)]
    pub strict_discounts: bool,
    /// Use so much memory at most and temporary files beside it, as in 2G or 500M [default: all in memory]
    #[arg(long, value_name = "BYTES", value_parser = bytes, conflicts_with = "counts")]
    pub memory: Option<u64>,
    /// The folder of the temporary files [default: the system's]
    #[arg(long, value_name = "DIR", requires = "memory")]
    pub temp: Option<PathBuf>,
    /// The training split of a data set, all of a UTF-8 text file (one sentence a line, .gz too), or `synth`
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "counts")]
    pub corpus: Option<String>,
    /// Counts in SRILM's format (`ngram-count -write`) in place of a text
    #[arg(long, value_name = "FILE", conflicts_with = "corpus")]
    pub counts: Option<PathBuf>,
    /// Write the model as an ARPA file (.gz: compressed)
    #[arg(long, value_name = "FILE")]
    pub arpa: Option<PathBuf>,
    /// The storage of the table: fast, exact and small, or smallest
    #[arg(long, value_enum, default_value_t)]
    pub table: TableArg,
    /// Write the model as a table, a file to be asked
    #[arg(long, value_name = "FILE", required_unless_present = "arpa")]
    pub out: Option<PathBuf>,
    /// How the text is read.
    #[command(flatten)]
    pub text: TextArgs,
}

/// [`Smoothing`] on the command line.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum SmoothingArg {
    /// Interpolated modified Kneser-Ney.
    #[default]
    Mkn,
    /// Interpolated Kneser-Ney, one discount an order.
    Kn,
    /// Interpolated Witten-Bell.
    Wb,
}

impl From<SmoothingArg> for Smoothing {
    fn from(arg: SmoothingArg) -> Self {
        match arg {
            SmoothingArg::Mkn => Smoothing::ModifiedKneserNey,
            SmoothingArg::Kn => Smoothing::KneserNey,
            SmoothingArg::Wb => Smoothing::WittenBell,
        }
    }
}

/// [`TableKind`] on the command line.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum TableArg {
    /// One cache line a look-up.
    #[default]
    Hash,
    /// Sorted and bit-packed, exact.
    Trie,
    /// Quantised, the smallest.
    Packed,
}

impl From<TableArg> for TableKind {
    fn from(arg: TableArg) -> Self {
        match arg {
            TableArg::Hash => TableKind::Hash,
            TableArg::Trie => TableKind::Trie,
            TableArg::Packed => TableKind::Packed,
        }
    }
}

/// A number of bytes: `2G`, `1.5G`, `500M`, `64k`.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1u64,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        other => return Err(format!("`{other}` is no unit: write k, M, G or T")),
    };
    match digits.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok((number * unit as f64) as u64),
        _ => Err(format!("`{text}` is no number of bytes: write 2G or 500M")),
    }
}

/// Trains and writes.
pub fn run(args: &NgramArgs, out: &mut dyn Write) -> Result<()> {
    let order = usize::from(args.order);
    let recipe = NgramRecipe {
        strict_discounts: args.strict_discounts,
        cutoff: Cutoff::new(&args.prune)?,
        ..NgramRecipe::new(args.smoothing.into(), order)
    };
    // what can be refused is refused before anything is trained
    for path in args.arpa.iter().chain(&args.out) {
        output::check(path)?;
    }
    let (started, bar) = (Instant::now(), Bar::new(&recipe.to_string()));
    let log: &mut Log<'_> = &mut |progress| bar.log(&progress);
    let made = match (&args.counts, &args.corpus) {
        (Some(path), _) => {
            let (vocab, counts) = read_counts(path, order)?;
            // there is no last n-gram in a list of counts
            let recipe = NgramRecipe { counting: Counting::Adjusted, ..recipe };
            in_memory(&recipe, vocab, counts, &Tokens::default(), log)?
        }
        (None, Some(name)) => from_text(args, &recipe, name, log)?,
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let estimated = started.elapsed().as_secs_f64();
    let files = write(args, &made, log)?;
    drop(bar);
    summary(&recipe, &made, out)?;
    writeln!(
        out,
        "estimated in {estimated:.1} s, {:.1} s in all",
        started.elapsed().as_secs_f64()
    )?;
    for path in files {
        let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
        writeln!(out, "{:>14} bytes  {}", bytes, path.display())?;
    }
    Ok(())
}

/// A model, in memory or on disk.
enum Estimated {
    Held(Box<Estimate>),
    Stored(Box<StoredEstimate>),
}

struct Made {
    vocab: Vocab,
    estimated: Estimated,
}

fn in_memory(
    recipe: &NgramRecipe,
    vocab: Vocab,
    counts: GramCounts,
    text: &Tokens,
    log: &mut Log<'_>,
) -> Result<Made> {
    let made = recipe.estimate(counts, text, log)?;
    Ok(Made { vocab, estimated: Estimated::Held(Box::new(made)) })
}

/// A file is trained on as a whole, a data set on its training split.
fn from_text(
    args: &NgramArgs,
    recipe: &NgramRecipe,
    name: &str,
    log: &mut Log<'_>,
) -> Result<Made> {
    let path = Path::new(name);
    let registered = DataSet::all().iter().any(|d| d.name == name);
    let is_file = !registered && path.is_file() && path.extension().is_none_or(|e| e != "toml");
    let budget = args.memory.map(|memory| Budget {
        memory,
        temp: args.temp.clone().unwrap_or_else(std::env::temp_dir),
    });
    if !is_file {
        let corpus = text::load(name, args.text, Preset::Default)?;
        let (vocab, train) = (corpus.vocab, corpus.train);
        return match budget {
            None => {
                let counts = GramCounts::new(&train, vocab.len(), recipe.order)?;
                in_memory(recipe, vocab, counts, &train, log)
            }
            Some(budget) => {
                let tokens = train.targets() as u64;
                let text = std::iter::once(Ok(train));
                let made = recipe.estimate_stored(text, vocab.len(), tokens, &budget, log)?;
                Ok(Made { vocab, estimated: Estimated::Stored(Box::new(made)) })
            }
        };
    }
    if args.text.tokens.is_some() {
        let what = "--tokens is the length of generated text; a file has its own";
        return Err(Failure::Usage(what.into()).into());
    }
    let options = text::options(name, args.text);
    match budget {
        None => {
            let (vocab, train) = Tokens::with_vocab(path, options.tokenizer, options.limits)?;
            let counts = GramCounts::new(&train, vocab.len(), recipe.order)?;
            in_memory(recipe, vocab, counts, &train, log)
        }
        Some(budget) => {
            let vocab = Vocab::from_file(path, options.tokenizer, options.limits)?;
            let tokens = (0..vocab.len() as u32).map(|w| vocab.count(corpus::TokenId(w))).sum();
            let text = Tokens::stream(path, &vocab)?;
            let made = recipe.estimate_stored(text, vocab.len(), tokens, &budget, log)?;
            Ok(Made { vocab, estimated: Estimated::Stored(Box::new(made)) })
        }
    }
}

fn write(args: &NgramArgs, made: &Made, log: &mut Log<'_>) -> Result<Vec<PathBuf>> {
    let (vocab, kind) = (&made.vocab, TableKind::from(args.table));
    let notes = notes(args);
    match &made.estimated {
        Estimated::Held(made) => {
            let arpa = || match &args.arpa {
                Some(path) => write_arpa_estimate(path, made, vocab),
                None => Ok(()),
            };
            let table = || match &args.out {
                Some(path) => TableModel::of_estimate(kind, made, vocab, &notes)?.save(path, vocab),
                None => Ok(()),
            };
            let (arpa, table) = rayon::join(arpa, table);
            arpa.and(table)?;
        }
        Estimated::Stored(stored) => {
            if let Some(path) = &args.arpa {
                stored.write_arpa(path, vocab, log)?;
            }
            if let Some(path) = &args.out {
                check_fits(stored, args.memory)?;
                TableModel::build(kind, &stored.to_backoff(log)?, vocab, &notes)?
                    .save(path, vocab)?;
            }
        }
    }
    Ok(args.arpa.iter().chain(&args.out).cloned().collect())
}

/// What a table says of the model, and what else a derivation from the counts must know (query --explain --corpus).
fn notes(args: &NgramArgs) -> Vec<(String, String)> {
    let smoothing = Smoothing::from(args.smoothing).to_string();
    let mut notes = vec![("smoothing".to_owned(), smoothing)];
    if !args.prune.is_empty() {
        let thresholds: Vec<String> = args.prune.iter().map(u32::to_string).collect();
        notes.push(("prune".into(), thresholds.join(" ")));
    }
    if args.counts.is_some() {
        notes.push(("counting".into(), "adjusted".into()));
    }
    notes
}

/// Tables are built from the whole model in memory.
fn check_fits(stored: &StoredEstimate, memory: Option<u64>) -> Result<()> {
    // words, values and the links between orders
    let needed: u64 = (1..).zip(stored.gram_counts()).map(|(n, count)| (4 * n + 36) * count).sum();
    match memory {
        Some(memory) if needed > memory => Err(Failure::Usage(format!(
            "a table is built in memory and needs about {} MiB for this model; give more --memory, prune, or write --arpa alone",
            needed.div_ceil(1 << 20)
        ))
        .into()),
        _ => Ok(()),
    }
}

fn summary(recipe: &NgramRecipe, made: &Made, out: &mut dyn Write) -> Result<()> {
    let (counts, discounts, notes) = match &made.estimated {
        Estimated::Held(made) => {
            (made.gram_counts().iter().map(|&n| n as u64).collect(), made.discounts(), made.notes())
        }
        Estimated::Stored(s) => (s.gram_counts().to_vec(), s.discounts(), s.notes()),
    };
    writeln!(out, "{recipe}: {} words", made.vocab.len())?;
    writeln!(out, "order       n-grams        D1        D2       D3+")?;
    for (k, count) in counts.iter().enumerate() {
        write!(out, "{:>5}  {count:>12}", k + 1)?;
        for amount in discounts.get(k).iter().flat_map(|d| d.amount) {
            write!(out, "  {amount:>8.6}")?;
        }
        writeln!(out)?;
    }
    for note in notes {
        writeln!(out, "note: {note}")?;
    }
    if let Estimated::Stored(s) = &made.estimated {
        let mib = s.peak_disk().div_ceil(1 << 20);
        writeln!(
            out,
            "{} sorted runs, {} parts, {mib} MiB of temporary files",
            s.runs(),
            s.parts()
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_bytes() {
        assert_eq!(bytes("2G"), Ok(2 << 30));
        assert_eq!(bytes("1.5k"), Ok(1536));
        assert_eq!(bytes("500MiB"), Ok(500 << 20));
        assert_eq!(bytes("77"), Ok(77));
        assert!(bytes("2X").unwrap_err().contains("unit"));
        assert!(bytes("G").is_err() && bytes("-1G").is_err());
    }
}
