//! Lines of text in, answers out: the text is cut into blocks that are split into words, looked up and handed on in parallel.
//!
//! Words are split as KenLM splits them, at ASCII white space, where the model's tokenizer is `space`; other tokenizers
//! split for themselves. Every line is a sentence, an empty one too.
use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use std::path::Path;

use corpus::{BOS, EOS, TokenId, Tokenizer, Vocab};
use lm::{Error, Result};
use rayon::prelude::*;

use super::score::{self, Walk};
use super::{Match, Table};

const BLOCK: usize = 1 << 17; // bytes a unit of work: from the text, never from the number of threads
const AHEAD: usize = 16; // blocks in memory

/// What stands around the words of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// `<s>` before them and a predicted `</s>` after them; a line that has one of its own is refused.
    #[default]
    Added,
    /// Nothing: a line starts without a context (KenLM's null context). A `<s>` of the line's own is a context, scored as
    /// the certain word that it is (log10 p = 0); a `</s>` of its own is predicted.
    AsTheyAre,
}

/// A stream of lines.
pub struct Source<'a> {
    /// Its bytes.
    pub input: &'a mut dyn BufRead,
    /// What it is called in messages.
    pub name: &'a Path,
    /// Answer every line before the next is read: for a user who waits, or another program.
    pub by_line: bool,
}

/// What a text is under a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TextSummary {
    /// Lines.
    pub sentences: u64,
    /// Scored tokens, `</s>` included.
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

    /// Adds the next part of the text.
    pub fn add(&mut self, other: &Self) {
        self.sentences += other.sentences;
        self.tokens += other.tokens;
        self.log10_prob += other.log10_prob;
        self.unk += other.unk;
        self.unk_log10_prob += other.unk_log10_prob;
    }
}

/// Some lines with their answers.
pub struct Answers<'a> {
    text: &'a str,
    vocab: &'a Vocab,
    marks: Marks,
    ids: &'a [TokenId],
    matches: &'a [Match],
}

impl Answers<'_> {
    /// The sums over these lines.
    pub fn summary(&self) -> TextSummary {
        let mut sums = TextSummary::default();
        for (&id, found) in self.ids.iter().zip(self.matches) {
            sums.sentences += u64::from(self.ends_line(id));
            if id != score::BREAK {
                sums.tokens += 1;
                sums.log10_prob += found.log10_prob;
                if id == self.vocab.unk() {
                    sums.unk += 1;
                    sums.unk_log10_prob += found.log10_prob;
                }
            }
        }
        sums
    }

    /// Calls `word` with every scored token as it stands in the text, its id and its answer, and `end` after every line.
    /// Both get `to`.
    pub fn each<T>(
        &self,
        to: &mut T,
        mut word: impl FnMut(&mut T, &str, TokenId, Match),
        mut end: impl FnMut(&mut T),
    ) {
        let mut next = self.ids.iter().zip(self.matches);
        for line in self.text.split_terminator('\n') {
            split(self.vocab.tokenizer(), line, |token| {
                if let Some((&id, &found)) = next.next() {
                    word(to, token, id, found);
                }
            });
            if let (Some((&id, &found)), Marks::Added) = (next.next(), self.marks) {
                word(to, EOS, id, found);
            }
            end(to);
        }
    }

    fn ends_line(&self, id: TokenId) -> bool {
        match self.marks {
            Marks::Added => id == self.vocab.eos(),
            Marks::AsTheyAre => id == score::BREAK,
        }
    }
}

/// The words of a line.
#[inline]
fn split(tokenizer: Tokenizer, line: &str, mut word: impl FnMut(&str)) {
    if tokenizer != Tokenizer::Space {
        return tokenizer.tokens(line, word);
    }
    let mut start = 0;
    for (at, byte) in line.bytes().enumerate() {
        if byte == b' ' || (9..=13).contains(&byte) {
            if start < at {
                word(&line[start..at]);
            }
            start = at + 1;
        }
    }
    if start < line.len() {
        word(&line[start..]);
    }
}

/// Asks for every line of a stream: `each` makes something of a block of lines, in parallel, `take` gets what it made in
/// the order of the text, with the number of bytes, and may end the work.
pub(super) fn query<T: Table, R: Send>(
    table: &T,
    vocab: &Vocab,
    marks: Marks,
    source: Source<'_>,
    each: impl Fn(&Answers<'_>) -> R + Sync,
    mut take: impl FnMut(R, u64) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let (mut rest, mut byte, mut line) = (Vec::new(), 0u64, 1u64);
    let (input, ahead) = (source.input, if source.by_line { 1 } else { AHEAD });
    loop {
        let (mut blocks, mut ended) = (Vec::new(), false);
        while blocks.len() < ahead && !ended {
            ended = match source.by_line {
                true => input.read_until(b'\n', &mut rest).map(|read| read == 0),
                false => fill(input, &mut rest),
            }
            .map_err(|e| corpus::Error::io(source.name, e))?;
            let cut = if ended {
                rest.len()
            } else {
                rest.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1)
            };
            let after = rest.split_off(cut);
            blocks.push(std::mem::replace(&mut rest, after));
        }
        let made: Vec<Result<R, Damage>> = blocks
            .par_iter()
            .map(|block| answer(table, vocab, marks, block, |answers| each(answers)))
            .collect();
        for (block, made) in blocks.iter().zip(made) {
            let made = made.map_err(|damage| damage.error(source.name, line, byte, block))?;
            line += block.iter().filter(|&&b| b == b'\n').count() as u64;
            byte += block.len() as u64;
            if take(made, block.len() as u64)?.is_break() {
                return Err(Error::Interrupted);
            }
        }
        if ended {
            return Ok(());
        }
    }
}

/// Reads up to one block more; true at the end.
fn fill(input: &mut dyn BufRead, rest: &mut Vec<u8>) -> std::io::Result<bool> {
    Ok(input.take(BLOCK as u64).read_to_end(rest)? < BLOCK)
}

/// Bytes that cannot be asked for: where in the block, what, and the cure.
struct Damage(usize, String, &'static str);

impl Damage {
    fn error(self, name: &Path, line: u64, byte: u64, block: &[u8]) -> corpus::Error {
        let before = block[..self.0].iter().filter(|&&b| b == b'\n').count() as u64;
        corpus::Error::Line {
            path: name.into(),
            line: line + before,
            byte: byte + self.0 as u64,
            what: self.1,
            cure: self.2,
        }
    }
}

const TO_UTF8: &str = "convert the text to UTF-8";
const OWN_MARKS: &str =
    "remove the marks, which are added around every line, or ask for none with --no-sentence";

fn answer<T: Table, R>(
    table: &T,
    vocab: &Vocab,
    marks: Marks,
    block: &[u8],
    each: impl Fn(&Answers<'_>) -> R,
) -> Result<R, Damage> {
    let odd = |at: usize| {
        Damage(at, format!("the byte {:#04x}, which no UTF-8 text has here", block[at]), TO_UTF8)
    };
    let text = std::str::from_utf8(block).map_err(|e| odd(e.valid_up_to()))?;
    if block.contains(&0) {
        return Err(odd(block.iter().position(|&b| b == 0).unwrap_or_default()));
    }
    let (eos, bos, unk) = (vocab.eos(), vocab.bos(), vocab.unk());
    let mut ids: Vec<TokenId> = Vec::with_capacity(block.len() / 4);
    let mut own_mark = None;
    for line in text.split_terminator('\n') {
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        split(vocab.tokenizer(), line, |word| {
            let id = match vocab.get(word) {
                Some(id) if id != eos => id,
                None if word != BOS => unk,
                mark => {
                    own_mark.get_or_insert(start);
                    mark.unwrap_or(bos)
                }
            };
            ids.push(id);
        });
        ids.push(if marks == Marks::Added { eos } else { score::BREAK });
    }
    let walk = match marks {
        Marks::Added => Walk::sentences(table),
        Marks::AsTheyAre => Walk::bare(table),
    };
    if let (Some(at), Marks::Added) = (own_mark, marks) {
        return Err(Damage(at, "a sentence mark of the line's own".into(), OWN_MARKS));
    }
    let mut matches = vec![Match { log10_prob: 0.0, length: 0 }; ids.len()];
    score::matches(table, walk, &ids, 0, &mut matches, |m| m);
    Ok(each(&Answers { text, vocab, marks, ids: &ids, matches: &matches }))
}
