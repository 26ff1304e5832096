//! `harness query`: lines of text in, KenLM's lines out.
//!
//! ```text
//! word=id length log10 TAB … </s>=id length log10 TAB Total: log10 OOV: count
//! ```
//! `id` is 0 for an unknown word and, as in KenLM's probing tables, the word's number from 1 otherwise; `length` that of the
//! longest stored n-gram. After the last line follow the perplexities with and without unknown words and two counts.
use std::io::{IsTerminal, Write, stdin, stdout};
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use corpus::{TokenId, Vocab};
use lm::{Perplexity, Progress};
use ngram::table::{Answers, Marks, Match, Source, TextSummary};

use super::explain;
use crate::cli::TextArgs;
use crate::commands::train_ngram::SmoothingArg;
use crate::error::Failure;
use crate::interrupt;
use crate::model_file::{self, Model};
use crate::progress::Bar;

/// Options of `harness query`.
#[derive(Args, Clone, Debug)]
pub struct QueryArgs {
    /// The n-gram model: a table or an ARPA file (.gz too)
    pub file: PathBuf,
    /// The text, a sentence a line (.gz too) [default: standard input]
    pub text_file: Option<PathBuf>,
    /// Print the perplexities with and without unknown words, and nothing of single lines
    #[arg(long)]
    pub summary: bool,
    /// Print the total of every line, and nothing of single words
    #[arg(long)]
    pub sentences: bool,
    /// Lines are no sentences: no <s> before and no </s> after them, except their own
    #[arg(short, long)]
    pub no_sentence: bool,
    /// Answer every line before the next is read
    #[arg(short = 'b', long)]
    pub unbuffered: bool,
    /// Show the arithmetic of one probability: the context and then the word, as in "the cat sat"; without it, of every line of the text
    #[arg(long, value_name = "WORDS", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["summary", "sentences", "no_sentence", "unbuffered"])]
    pub explain: Option<String>,
    /// Explain from the counts, too: the text that the model was trained on
    #[arg(long, value_name = "NAME|FILE", requires = "explain")]
    pub corpus: Option<String>,
    /// How the counts became probabilities [default: what the table says, mkn for an ARPA file]
    #[arg(long, value_enum, requires = "corpus")]
    pub smoothing: Option<SmoothingArg>,
    /// What was left out by count [default: what the table says]
    #[arg(long, value_name = "COUNT", num_args = 1.., requires = "corpus")]
    pub prune: Option<Vec<u32>>,
    /// How the text of --corpus is read; --tokenizer also says how an ARPA file's text is split [default: space].
    #[command(flatten)]
    pub text: TextArgs,
}

/// Asks.
///
/// # Errors
/// Those of the model's file and of the text.
pub fn run(args: &QueryArgs, out: &mut dyn Write) -> Result<()> {
    let saved = model_file::open(&args.file, args.text.tokenizer)?;
    let Model::Table(table) = &saved.model else {
        let what = "is a neural model, which has no n-grams to print; `harness eval` takes it";
        return Err(Failure::Usage(format!("{} {what}", args.file.display())).into());
    };
    if args.explain.is_some() {
        return explain::run(args, table, &saved.vocab, out);
    }
    let path = args.text_file.clone().unwrap_or_else(|| PathBuf::from("-"));
    let mut input = corpus::open_text(&path)?;
    let typed = args.text_file.is_none() && stdin().is_terminal();
    let name = if args.text_file.is_some() { path.clone() } else { "standard input".into() };
    let source = Source { input: &mut input, name: &name, by_line: args.unbuffered || typed };
    let by_line = source.by_line;
    let all = !args.summary && !args.sentences;
    let print = Print { words: all, sentences: all || args.sentences, vocab: &saved.vocab };
    let marks = if args.no_sentence { Marks::AsTheyAre } else { Marks::Added };
    // a bar between the lines of a terminal would be in the way
    let bar = (!stdout().is_terminal()).then(|| Bar::new("query"));
    let length = std::fs::metadata(&path).map_or(0, |m| m.len());
    let (mut total, mut read) = (TextSummary::default(), 0);
    let mut failed = None;
    let asked = table.query(
        &saved.vocab,
        marks,
        source,
        |answers| print.block(answers),
        |(text, part), bytes| {
            total.add(&part);
            read += bytes;
            if let Err(error) =
                out.write_all(&text).and_then(|()| if by_line { out.flush() } else { Ok(()) })
            {
                failed = Some(error);
                return Ok(ControlFlow::Break(()));
            }
            let step = Progress::Step { stage: "", done: read, total: length.max(read) };
            Ok(bar.as_ref().map_or_else(interrupt::flow, |bar| bar.log(&step)))
        },
    );
    drop(bar);
    if let Some(error) = failed {
        return Err(error.into());
    }
    asked?;
    if all || args.summary {
        out.write_all(&summary(&total))?;
    }
    Ok(())
}

/// What is printed of the lines.
struct Print<'a> {
    words: bool,
    sentences: bool,
    vocab: &'a Vocab,
}

/// A line while it is printed.
struct Line {
    out: Vec<u8>,
    total: f64,
    unk: u64,
}

impl Print<'_> {
    /// The lines of a block, and their sums.
    fn block(&self, answers: &Answers<'_>) -> (Vec<u8>, TextSummary) {
        let sums = answers.summary();
        if !self.words && !self.sentences {
            return (Vec::new(), sums);
        }
        let mut line =
            Line { out: Vec::with_capacity(24 * sums.tokens as usize), total: 0.0, unk: 0 };
        answers.each(
            &mut line,
            |l, word, id, found| self.word(l, word, id, found),
            |l| self.end(l),
        );
        (line.out, sums)
    }

    fn word(&self, line: &mut Line, word: &str, id: TokenId, found: Match) {
        line.total += found.log10_prob;
        line.unk += u64::from(id == self.vocab.unk());
        if self.words {
            line.out.extend_from_slice(word.as_bytes());
            line.out.push(b'=');
            integer(&mut line.out, number_of(self.vocab, id));
            line.out.push(b' ');
            integer(&mut line.out, found.length as u64);
            line.out.push(b' ');
            float(&mut line.out, found.log10_prob as f32);
            line.out.push(b'\t');
        }
    }

    fn end(&self, line: &mut Line) {
        if self.sentences {
            line.out.extend_from_slice(b"Total: ");
            float(&mut line.out, line.total as f32);
            line.out.extend_from_slice(b" OOV: ");
            integer(&mut line.out, line.unk);
            line.out.push(b'\n');
        }
        (line.total, line.unk) = (0.0, 0);
    }
}

/// KenLM's number of a word: 0 is the unknown word, the others count from 1 in their order.
pub fn number_of(vocab: &Vocab, id: TokenId) -> u64 {
    match id.cmp(&vocab.unk()) {
        std::cmp::Ordering::Less => u64::from(id.0) + 1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => u64::from(id.0),
    }
}

/// The four lines at the end.
fn summary(sums: &TextSummary) -> Vec<u8> {
    let mut out = Vec::new();
    let perplexities = [("including", sums.mean_nll()), ("excluding", sums.mean_nll_without_unk())];
    for (which, loss) in perplexities {
        out.extend_from_slice(format!("Perplexity {which} OOVs:\t").as_bytes());
        float(&mut out, Perplexity::of_mean_nll(loss));
        out.push(b'\n');
    }
    out.extend_from_slice(format!("OOVs:\t{}\nTokens:\t{}\n", sums.unk, sums.tokens).as_bytes());
    out
}

fn integer(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The shortest digits that read back as the same number; with an exponent where KenLM has one, below 1e-6 and from 1e21.
fn float<F: Copy + Into<f64> + std::fmt::Display + std::fmt::LowerExp>(
    out: &mut Vec<u8>,
    value: F,
) {
    let magnitude = value.into().abs();
    // writing to a vector does not fail
    let _ = match magnitude {
        m if m == 0.0 || (1e-5..1e21).contains(&m) || !m.is_finite() => write!(out, "{value}"),
        m => {
            let digits = format!("{value:e}");
            match m < 1.0 && digits.ends_with("e-6") {
                true => write!(out, "{value}"),
                false => out.write_all(digits.as_bytes()),
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_kenlm_writes_them() {
        let text = |f: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            f(&mut out);
            String::from_utf8(out).unwrap()
        };
        for (value, expected) in [
            (-1.5f32, "-1.5"),
            (0.0, "0"),
            (-4.2e-7, "-4.2e-7"),
            (-0.000001, "-0.000001"),
            (-100.1, "-100.1"),
            (f32::INFINITY, "inf"),
        ] {
            assert_eq!(text(&|out| float(out, value)), expected);
        }
        assert_eq!(text(&|out| float(out, 141.186_123_456_789f64)), "141.186123456789");
        assert_eq!(text(&|out| float(out, 1e21f64)), "1e21");
        assert_eq!(text(&|out| float(out, f64::NAN)), "NaN");
        for value in [0, 7, 10, 4_294_967_296] {
            assert_eq!(text(&|out| integer(out, value)), value.to_string());
        }
    }
}
