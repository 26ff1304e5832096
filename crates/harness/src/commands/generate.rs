//! `harness generate`: sentences from a saved model of any family.
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use corpus::{TokenId, Vocab};
use lm::{Sampling, generate};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::Failure;
use crate::{interrupt, model_file};

/// Options of `harness generate`.
#[derive(Args, Clone, Debug)]
pub struct GenerateArgs {
    /// A saved model: a table, an ARPA file, or a network
    pub file: PathBuf,
    /// Words that every sentence begins with
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    pub prompt: String,
    /// How many sentences
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub sentences: usize,
    /// The most words a sentence
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub max_words: usize,
    /// Below 1: safer words, above: bolder ones; 0 takes the most likely word
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    pub temperature: f64,
    /// Draw from the K most likely words; 0: from all
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub top_k: usize,
    /// Draw from the most likely words that together have this probability
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    pub top_p: f64,
    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// A line a word: its probability under the model, and the most likely words in its place
    #[arg(long)]
    pub show_probs: bool,
}

/// Generates and prints a sentence a line.
pub fn run(args: &GenerateArgs, out: &mut dyn Write) -> Result<()> {
    if !(args.temperature >= 0.0 && args.temperature.is_finite()) {
        let what = format!("--temperature {} makes no sense: give 0 or more", args.temperature);
        return Err(Failure::Usage(what).into());
    }
    if !(args.top_p > 0.0 && args.top_p <= 1.0) {
        let what = format!("--top-p {} makes no sense: give more than 0, at most 1", args.top_p);
        return Err(Failure::Usage(what).into());
    }
    let saved = model_file::open(&args.file, None)?;
    let (model, vocab) = (saved.language_model(), &saved.vocab);
    if !model.normalised() {
        eprintln!("harness: the model's scores do not sum to one; words are drawn in proportion");
    }
    let prompt = encode(&args.prompt, vocab);
    let sampling = Sampling { temperature: args.temperature, top_k: args.top_k, top_p: args.top_p };
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let mut log_probs = vec![0.0; vocab.len()];
    for _ in 0..args.sentences {
        let mut reader = model.reader();
        for &word in &prompt {
            reader.log_probs(&mut log_probs);
            if args.show_probs {
                show(word, &log_probs, vocab, out)?;
            }
            reader.feed(word);
        }
        let mut failed = Ok(());
        let drawn = generate(
            &mut *reader,
            vocab.len(),
            vocab.eos(),
            args.max_words.saturating_sub(prompt.len()),
            sampling,
            &mut rng,
            &mut |word, log_probs| {
                if args.show_probs {
                    failed = show(word, log_probs, vocab, out);
                }
                if failed.is_ok() { interrupt::flow() } else { ControlFlow::Break(()) }
            },
        );
        failed?;
        if interrupt::asked() {
            return Err(Failure::Interrupted.into());
        }
        let words = prompt.iter().chain(&drawn).map(|&id| vocab.word(id));
        writeln!(out, "{}", vocab.tokenizer().join(words))?;
    }
    Ok(())
}

/// The prompt's words; unknown ones are told of.
fn encode(prompt: &str, vocab: &Vocab) -> Vec<TokenId> {
    let mut words = Vec::new();
    vocab.tokenizer().tokens(prompt, |word| {
        let id = vocab.id(word);
        if id == vocab.unk() && word != corpus::UNK {
            eprintln!("harness: `{word}` is not in the vocabulary; it stands for {}", corpus::UNK);
        }
        words.push(id);
    });
    words
}

/// One word's probability, and the five most likely words in its place.
fn show(word: TokenId, log_probs: &[f64], vocab: &Vocab, out: &mut dyn Write) -> Result<()> {
    const BEST: usize = 5;
    let mut order: Vec<u32> = (0..log_probs.len() as u32).collect();
    order.sort_by(|&a, &b| log_probs[b as usize].total_cmp(&log_probs[a as usize]).then(a.cmp(&b)));
    let said = |id: u32| format!("{} {:.4}", vocab.word(TokenId(id)), log_probs[id as usize].exp());
    let best: Vec<String> = order.iter().take(BEST).map(|&id| said(id)).collect();
    writeln!(out, "{:<24} {}", said(word.0), best.join("  "))?;
    Ok(())
}
