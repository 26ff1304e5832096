//! `harness eval`: the perplexity of a saved model, of any kind, on a text.
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use corpus::{Tokenizer, Tokens};
use lm::{Context, LanguageModel, Perplexity, Resampled, Scores};
use serde::Serialize;

use super::eval_adaptive::AdaptiveArgs;
use crate::cli::ContextArg;
use crate::model_file;
use crate::progress::Bar;
use crate::record::number;

/// Options of `harness eval`.
#[derive(Args, Clone, Debug)]
pub struct EvalArgs {
    /// The model: a table, an ARPA file (.gz too), a network
    pub file: PathBuf,
    /// The text, a sentence a line (.gz too); - is standard input
    #[arg(long, value_name = "FILE")]
    pub text: PathBuf,
    /// Where readers start anew
    #[arg(long, value_enum, default_value_t)]
    pub context: ContextArg,
    /// How the text of an ARPA file is split; other models know it [default: space]
    #[arg(long)]
    pub tokenizer: Option<Tokenizer>,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
    /// What a network can do at test time.
    #[command(flatten)]
    pub adaptive: AdaptiveArgs,
}

/// What an evaluation says: METHODOLOGY.md defines each.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)] // the names are the columns; METHODOLOGY.md defines each
pub struct Evaluation {
    pub model: String,
    pub kind: String,
    pub text: String,
    pub context: String,
    pub tokenizer: String,
    pub vocab: u64,
    pub vocab_sha256: String,
    pub normalised: bool,
    pub sentences: u64,
    pub targets: u64,
    pub bytes: u64,
    pub unk_targets: u64,
    #[serde(with = "number")]
    pub nll: f64,
    #[serde(with = "number")]
    pub perplexity: f64,
    #[serde(with = "number")]
    pub ppl_lo: f64,
    #[serde(with = "number")]
    pub ppl_hi: f64,
    #[serde(with = "number")]
    pub ppl_without_unk: f64,
    #[serde(with = "number")]
    pub bits_per_token: f64,
    #[serde(with = "number")]
    pub bits_per_byte: f64,
    pub zero_targets: u64,
    #[serde(with = "number")]
    pub ppl_without_zeros: f64,
}

/// Evaluates and prints.
///
/// # Errors
/// Those of the model's file and of the text.
pub fn run(args: &EvalArgs, out: &mut dyn Write) -> Result<()> {
    let saved = model_file::open(&args.file, args.tokenizer)?;
    let context = args.context.into();
    let adapted = args.adaptive.adapted(&saved, context)?;
    let model = adapted.as_ref().map_or(saved.language_model(), |(model, _)| &**model);
    let said = adapted.as_ref().map(|(_, said)| format!(", {said}")).unwrap_or_default();
    let text = Tokens::from_file(&args.text, &saved.vocab)?;
    let scores = score(model, &text, context);
    let sums = scores.perplexity(&text, saved.vocab.unk());
    // the seed of the comparison's intervals: the same scores have the same interval everywhere
    let interval = Resampled::of(&scores, &text, 1).interval();
    let name = |path: &Path| path.display().to_string();
    let evaluation = Evaluation {
        model: name(&args.file),
        kind: saved.describe() + &said,
        text: name(&args.text),
        context: context.to_string(),
        tokenizer: saved.vocab.tokenizer().to_string(),
        vocab: saved.vocab.len() as u64,
        vocab_sha256: saved.vocab.fingerprint().into(),
        normalised: model.normalised(),
        sentences: text.sentence_count() as u64,
        targets: sums.targets,
        bytes: text.bytes(),
        unk_targets: sums.unk,
        nll: sums.nll,
        perplexity: sums.perplexity(),
        ppl_lo: interval.lo,
        ppl_hi: interval.hi,
        ppl_without_unk: sums.without_unk(),
        bits_per_token: sums.bits_per_token(),
        bits_per_byte: sums.bits_per_byte(text.bytes()),
        zero_targets: sums.zero,
        ppl_without_zeros: sums.without_zeros(),
    };
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&evaluation)?)?,
        false => print(&evaluation, &sums, out)?,
    }
    Ok(())
}

/// Scores a text; its head tells how long the whole will take.
pub fn score(model: &dyn LanguageModel, text: &Tokens, context: Context) -> Scores {
    const HEAD: usize = 2_000; // targets
    let bar = Bar::new("scoring");
    let sentences = (text.sentence_count() * HEAD / text.targets().max(1)).max(1);
    let (head, started) = (text.head(sentences), Instant::now());
    if 2 * head.targets() >= text.targets() {
        return Scores::of(model, text, context);
    }
    Scores::of(model, &head, context);
    let expected =
        started.elapsed().as_secs_f64() * text.targets() as f64 / head.targets().max(1) as f64;
    bar.during("scoring", expected, || Scores::of(model, text, context))
}

fn print(e: &Evaluation, sums: &Perplexity, out: &mut dyn Write) -> Result<()> {
    let share = 100.0 * sums.unk as f64 / sums.targets.max(1) as f64;
    let unit = if e.tokenizer == "chars" { "character" } else { "word" };
    writeln!(
        out,
        "model           {}: {}, {} words, tokenizer {}",
        e.model, e.kind, e.vocab, e.tokenizer
    )?;
    writeln!(
        out,
        "text            {}: {} sentences, {} targets, {} bytes, {} <unk> ({share:.2} %)",
        e.text, e.sentences, e.targets, e.bytes, e.unk_targets
    )?;
    writeln!(out, "context         {}", e.context)?;
    writeln!(
        out,
        "perplexity      {:.4}   95 % interval {:.2} to {:.2} (bootstrap over sentences)",
        e.perplexity, e.ppl_lo, e.ppl_hi
    )?;
    writeln!(out, "without <unk>   {:.4}", e.ppl_without_unk)?;
    writeln!(out, "bits a {unit:<9}{:.4}", e.bits_per_token)?;
    writeln!(out, "bits a byte     {:.4}", e.bits_per_byte)?;
    if e.zero_targets > 0 {
        writeln!(
            out,
            "impossible      {} targets have probability zero; {:.4} on the others",
            e.zero_targets, e.ppl_without_zeros
        )?;
    }
    if !e.normalised {
        writeln!(out, "not normalised: this perplexity is not comparable")?;
    }
    Ok(())
}
