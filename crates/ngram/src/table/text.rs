//! Text in, log-probability out: lines are cut into blocks that are split, looked up and summed in parallel.
use std::io::Read;
use std::path::Path;

use corpus::{TokenId, Tokenizer, Vocab};
use lm::Result;
use rayon::prelude::*;

use super::{Table, score};

const BLOCK: usize = 1 << 17; // bytes a unit of work: from the text, never from the number of threads
const AHEAD: usize = 16; // blocks in memory

/// What a text is under a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TextSummary {
    /// Lines; each is a sentence, an empty one too (as KenLM's `query` has it).
    pub sentences: u64,
    /// Predicted tokens, `</s>` included.
    pub tokens: u64,
    /// Σ log10 p of all of them.
    pub log10_prob: f64,
    /// Tokens that are no word of the vocabulary, or `<unk>` itself.
    pub unk: u64,
    /// Σ log10 p of those.
    pub unk_log10_prob: f64,
}

impl TextSummary {
    /// Mean natural-log loss a token: its exponential is the perplexity.
    pub fn mean_nll(&self) -> f64 {
        -self.log10_prob * std::f64::consts::LN_10 / self.tokens as f64
    }

    /// The same without the tokens that are `<unk>`.
    pub fn mean_nll_without_unk(&self) -> f64 {
        -(self.log10_prob - self.unk_log10_prob) * std::f64::consts::LN_10
            / (self.tokens - self.unk) as f64
    }

    fn add(&mut self, other: &Self) {
        self.sentences += other.sentences;
        self.tokens += other.tokens;
        self.log10_prob += other.log10_prob;
        self.unk += other.unk;
        self.unk_log10_prob += other.unk_log10_prob;
    }
}

/// Sums over a stream of lines; `name` stands for it in messages.
pub(super) fn summarise<T: Table>(
    table: &T,
    vocab: &Vocab,
    input: &mut dyn Read,
    name: &Path,
) -> Result<TextSummary> {
    let mut total = TextSummary::default();
    let (mut rest, mut byte) = (Vec::new(), 0u64);
    loop {
        let (mut blocks, mut ended) = (Vec::new(), false);
        while blocks.len() < AHEAD && !ended {
            ended = fill(input, &mut rest).map_err(|e| corpus::Error::io(name, e))?;
            let cut = if ended {
                rest.len()
            } else {
                rest.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1)
            };
            let after = rest.split_off(cut);
            blocks.push(std::mem::replace(&mut rest, after));
        }
        let summaries: Vec<Result<TextSummary, Damage>> =
            blocks.par_iter().map(|block| of_block(table, vocab, block)).collect();
        for (block, summary) in blocks.iter().zip(summaries) {
            let summary =
                summary.map_err(|damage| damage.error(name, total.sentences, byte, block))?;
            total.add(&summary);
            byte += block.len() as u64;
        }
        if ended {
            return Ok(total);
        }
    }
}

/// Reads up to one block more; true at the end.
fn fill(input: &mut dyn Read, rest: &mut Vec<u8>) -> std::io::Result<bool> {
    Ok(input.take(BLOCK as u64).read_to_end(rest)? < BLOCK)
}

/// A byte that no text has, by its place in the block.
struct Damage(usize);

impl Damage {
    fn error(self, name: &Path, lines: u64, byte: u64, block: &[u8]) -> corpus::Error {
        let before = block[..self.0].iter().filter(|&&b| b == b'\n').count() as u64;
        corpus::Error::Line {
            path: name.into(),
            line: lines + before + 1,
            byte: byte + self.0 as u64,
            what: format!("the byte {:#04x}, which no UTF-8 text has here", block[self.0]),
            cure: "convert the text to UTF-8",
        }
    }
}

fn of_block<T: Table>(table: &T, vocab: &Vocab, block: &[u8]) -> Result<TextSummary, Damage> {
    let text = std::str::from_utf8(block).map_err(|e| Damage(e.valid_up_to()))?;
    let (eos, unk) = (vocab.eos(), vocab.unk());
    let mut ids: Vec<TokenId> = Vec::with_capacity(block.len() / 4);
    let mut sentences = 0;
    for line in text.lines() {
        if vocab.tokenizer() == Tokenizer::Space && line.is_ascii() {
            // The same words as `split_whitespace` finds, without decoding.
            let words =
                line.split(|c: char| matches!(c, '\t'..='\r' | ' ')).filter(|w| !w.is_empty());
            ids.extend(words.map(|w| vocab.id(w)));
        } else {
            vocab.tokenizer().tokens(line, |w: &str| ids.push(vocab.id(w)));
        }
        ids.push(eos);
        sentences += 1;
    }
    if let Some(at) = block.iter().position(|&b| b == 0) {
        return Err(Damage(at));
    }
    let mut log10 = vec![0.0; ids.len()];
    score::matches(table, &ids, 0, &mut log10, |m| m.log10_prob);
    let mut summary = TextSummary { sentences, tokens: ids.len() as u64, ..TextSummary::default() };
    for (&id, log10) in ids.iter().zip(log10) {
        summary.log10_prob += log10;
        if id == unk {
            summary.unk += 1;
            summary.unk_log10_prob += log10;
        }
    }
    Ok(summary)
}
