//! `harness prune`: a smaller model by relative entropy (Stolcke 1998), and what it costs.
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use corpus::{Tokenizer, Tokens, Vocab};
use lm::{Context, LanguageModel};
use ngram::{BackoffModel, TableKind, TableModel, prune_entropy};

use super::convert::{StorageArgs, Target, report};
use super::eval::score;
use crate::model_file::{self, BUILD_S};
use crate::progress::Bar;
use crate::text;

/// Options of `harness prune`.
#[derive(Args, Clone, Debug)]
pub struct PruneArgs {
    /// The model: a table or an ARPA file (.gz too)
    pub input: PathBuf,
    /// The file to write: an ARPA file if its name ends in .arpa or .gz, a table otherwise
    pub output: PathBuf,
    /// Remove the n-grams without which the perplexity rises by a smaller part than this, as in 1e-8
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub threshold: f64,
    /// Report the perplexity on this text, a sentence a line, before and after
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    /// How the model is stored.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// How texts of an ARPA file's words are split [default: space]
    #[arg(long)]
    pub tokenizer: Option<Tokenizer>,
}

/// About how long pruning takes, seconds an n-gram.
const PRUNE_S: f64 = 5e-7;

/// Prunes.
///
/// # Errors
/// Those of the files; a model that cannot be pruned.
pub fn run(args: &PruneArgs, out: &mut dyn Write) -> Result<()> {
    let target = Target::new(&args.output, args.storage)?;
    let bar = Bar::new("prune");
    let grams = model_file::grams(&args.input, args.tokenizer, &bar)?;
    let text = match &args.text {
        Some(path) => Some(Tokens::from_file(path, &grams.vocab)?),
        None => None,
    };
    let n: usize = grams.model.gram_counts().iter().sum();
    let prune = || prune_entropy(&grams.model, args.threshold, grams.vocab.eos());
    let (pruned, counts) = bar.during("pruning", PRUNE_S * n as f64, prune)?;
    let mut notes = grams.notes.clone();
    notes.push(("pruned".into(), format!("relative entropy below {:e}", args.threshold)));
    target.write(&pruned, &grams.vocab, &notes, &bar)?;
    for remark in &grams.remarks {
        writeln!(out, "note: {remark}")?;
    }
    writeln!(out, "order        before         after")?;
    for (k, (before, after)) in (1..).zip(counts.before.iter().zip(&counts.after)) {
        writeln!(out, "{k:>5}  {before:>12}  {after:>12}")?;
    }
    if let Some(text) = &text {
        let before = perplexity(&in_memory(&grams.model, &grams.vocab, &bar)?, &grams.vocab, text);
        // what was written is what is judged: a packed table rounds, an ARPA file numbers its words anew
        let written = model_file::open(&args.output, args.tokenizer)?;
        let text = &text::translated(text, &grams.vocab, &written.vocab);
        let after = perplexity(written.language_model(), &written.vocab, text);
        let rise = 100.0 * (after / before - 1.0);
        let name = args.text.as_deref().unwrap_or(Path::new("")).display().to_string();
        writeln!(out, "perplexity on {name}: {before:.4} before, {after:.4} after ({rise:+.2} %)")?;
    }
    drop(bar);
    report(&args.output, &counts.after, out)
}

fn perplexity(model: &dyn LanguageModel, vocab: &Vocab, text: &Tokens) -> f64 {
    score(model, text, Context::Sentence).perplexity(text, vocab.unk()).perplexity()
}

fn in_memory(model: &BackoffModel, vocab: &Vocab, bar: &Bar) -> Result<TableModel> {
    let grams: usize = model.gram_counts().iter().sum();
    let build = || TableModel::build(TableKind::Hash, model, vocab, &[]);
    Ok(bar.during("building a table", BUILD_S * grams as f64, build)?)
}
