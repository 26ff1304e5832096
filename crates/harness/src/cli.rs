//! The command line.
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use corpus::Tokenizer;

use crate::commands::chart::ChartArgs;
use crate::commands::convert::ConvertArgs;
use crate::commands::data::DataCommand;
use crate::commands::eval::EvalArgs;
use crate::commands::generate::GenerateArgs;
use crate::commands::inspect::InspectArgs;
use crate::commands::lab::LabArgs;
use crate::commands::prune::PruneArgs;
use crate::commands::query::QueryArgs;
use crate::commands::speed::SpeedArgs;
use crate::commands::train_neural::NeuralArgs;
use crate::commands::train_ngram::NgramArgs;
use crate::registry::Preset;

/// The text where none is named: the embedded language.
pub const DEFAULT_CORPUS: &str = "synth";

/// Compares n-gram, fixed-window and recurrent language models: one tokenizer, one perplexity.
///
/// Without a command it compares: `harness --report reports/` and `harness compare --report reports/` are one.
#[derive(Debug, Parser)]
#[command(name = "harness", version, args_conflicts_with_subcommands = true, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do; to compare is the default.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The comparison's options.
    #[command(flatten)]
    pub compare: CompareArgs,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 done, but a model failed (its row says why); 2 wrong command line; 65 malformed data; \
66 missing file or data set; 73 output cannot be created; 74 reading or writing failed; 130 interrupted.\n\n\
Data sets are looked for in the folder that LMLAB_DATA names, then in datasets/.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train every model, score it, write the report (the default)
    Compare(CompareArgs),
    /// List the models that can be compared
    Models,
    /// List, describe, fetch and generate data sets
    Data {
        /// What to do with them.
        #[command(subcommand)]
        command: DataCommand,
    },
    /// Measure the lecture's claims, each with a verdict
    Lab(LabArgs),
    /// Train one model and save it
    Train {
        /// The kind of model.
        #[command(subcommand)]
        what: TrainCommand,
    },
    /// Measure a network's training speed against the machine's ceiling: one JSON line
    Speed(SpeedArgs),
    /// Ask an n-gram model for every word of a text, in KenLM's format
    Query(QueryArgs),
    /// The perplexity of a saved model on a text
    Eval(EvalArgs),
    /// Write sentences with a saved model of any family
    Generate(GenerateArgs),
    /// Convert between ARPA files and tables
    Convert(ConvertArgs),
    /// Make an n-gram model smaller by relative entropy
    Prune(PruneArgs),
    /// Say what a model file is, and how large its tables would be
    Inspect(InspectArgs),
    /// Draw a report again from its records
    Report {
        /// The folder of an earlier run.
        dir: PathBuf,
        /// Also put its table and chart between the lmlab markers of this Markdown file.
        #[arg(long, value_name = "FILE")]
        splice: Option<PathBuf>,
    },
    /// Draw two columns of a CSV file as an SVG
    Chart(ChartArgs),
    /// Write a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// What can be trained by itself.
#[derive(Debug, Subcommand)]
pub enum TrainCommand {
    /// An n-gram model of any order, in memory or larger than memory
    Ngram(NgramArgs),
    /// A fixed-window network
    Window(NeuralArgs),
    /// A vanilla recurrent network
    Rnn(NeuralArgs),
    /// A gated recurrent network
    Gru(NeuralArgs),
    /// A long short-term memory
    Lstm(NeuralArgs),
}

/// Options of a comparison.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// Folder for the report
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub report: PathBuf,
    /// A registered data set, a UTF-8 text file (one sentence a line, .gz too), or the embedded language `synth`
    #[arg(long, value_name = "NAME|FILE", default_value = DEFAULT_CORPUS)]
    pub corpus: String,
    /// Models to compare, by the names of `harness models`; `a+b` is a mixture, `rnn:nhid=400,epochs=8` changes options, a
    /// TOML file is a recipe, `bucketed(a+b)`, `cached(lstm)` and `dynamic(lstm)` are explained there [default: the preset's list]
    #[arg(long, value_name = "A,B,...", default_value = "", hide_default_value = true)]
    pub models: String,
    /// How much work
    #[arg(long, value_enum, default_value_t)]
    pub preset: Preset,
    /// Where readers start anew
    #[arg(long, value_enum, default_value_t)]
    pub context: ContextArg,
    /// First seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Train the models in which chance plays a part with so many seeds [default: what the preset's
    /// recipes say: 1, and in `full` 3 for window and rnn]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    pub seeds: Option<u64>,
    /// Threads [default: one a core]; results do not depend on it, measured times do
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// How the text is read.
    #[command(flatten)]
    pub text: TextArgs,
}

/// How a text becomes a corpus.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct TextArgs {
    /// space, words, words-lower or chars [default: the data set's own, `words` for a file]
    #[arg(long)]
    pub tokenizer: Option<Tokenizer>,
    /// Words rarer than this in the training text are one unknown word [default: 2 for a file, the data set's own rule otherwise]
    #[arg(long, value_name = "N")]
    pub min_count: Option<u64>,
    /// Keep at most so many words, `</s>` and `<unk>` included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(4..))]
    pub max_vocab: Option<u64>,
    /// The text whose words make the vocabulary [default: train]
    #[arg(long, value_enum)]
    pub vocab_scope: Option<ScopeArg>,
    /// Tokens of generated text [default: the preset's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10_000..=1_000_000_000))]
    pub tokens: Option<u64>,
}

impl TextArgs {
    /// What to type for the same text at the same preset; defaults are left out.
    pub fn words(&self, corpus: &str, preset: Preset) -> Vec<String> {
        // all of them by name: a new option must not be forgotten here
        let Self { tokenizer, min_count, max_vocab, vocab_scope, tokens } = *self;
        let quote = if corpus.contains(' ') { "'" } else { "" };
        let given = [
            (preset != Preset::Default).then(|| format!("--preset {preset}")),
            (corpus != DEFAULT_CORPUS).then(|| format!("--corpus {quote}{corpus}{quote}")),
            tokenizer.map(|t| format!("--tokenizer {t}")),
            min_count.map(|n| format!("--min-count {n}")),
            max_vocab.map(|n| format!("--max-vocab {n}")),
            vocab_scope.map(|s| format!("--vocab-scope {s}")),
            tokens.map(|n| format!("--tokens {n}")),
        ];
        given.into_iter().flatten().collect()
    }
}

/// [`lm::Context`] on the command line.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum ContextArg {
    /// At every sentence.
    Sentence,
    /// Once: the text is one stream.
    #[default]
    Stream,
}

impl From<ContextArg> for lm::Context {
    fn from(arg: ContextArg) -> Self {
        match arg {
            ContextArg::Sentence => lm::Context::Sentence,
            ContextArg::Stream => lm::Context::Stream,
        }
    }
}

/// [`corpus::VocabScope`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ScopeArg {
    /// The training text alone.
    Train,
    /// The whole corpus, test included: the rule of some papers.
    Whole,
}

impl std::fmt::Display for ScopeArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ScopeArg::Train => "train",
            ScopeArg::Whole => "whole",
        })
    }
}

impl From<ScopeArg> for corpus::VocabScope {
    fn from(arg: ScopeArg) -> Self {
        match arg {
            ScopeArg::Train => corpus::VocabScope::Train,
            ScopeArg::Whole => corpus::VocabScope::Whole,
        }
    }
}
