//! What a table file says of itself: sizes, vocabulary, tokenizer, where the model comes from.
use corpus::{EOS, TokenId, Tokenizer, Vocab};
use lm::Result;

use crate::file::Image;

/// A model's description, stored in its table file.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// |V|: the predictable words; `<s>` is the id after the last.
    pub vocab_len: usize,
    /// N-grams of the orders 1, 2, ….
    pub gram_counts: Vec<usize>,
    /// The tokenizer of the text.
    pub tokenizer: Tokenizer,
    /// The vocabulary's fingerprint ([`Vocab::fingerprint`]).
    pub fingerprint: String,
    /// Remarks in order, such as ("smoothing", "modified Kneser-Ney").
    pub notes: Vec<(String, String)>,
    /// `</s>`.
    pub eos: TokenId,
    /// `<unk>`.
    pub unk: TokenId,
}

impl Meta {
    /// The highest n.
    pub fn order(&self) -> usize {
        self.gram_counts.len()
    }

    /// Of a model over `vocab`.
    pub(super) fn new(vocab: &Vocab, gram_counts: Vec<usize>, notes: &[(String, String)]) -> Self {
        Self {
            vocab_len: vocab.len(),
            gram_counts,
            tokenizer: vocab.tokenizer(),
            fingerprint: vocab.fingerprint().into(),
            notes: notes.into(),
            eos: vocab.eos(),
            unk: vocab.unk(),
        }
    }

    /// The section's bytes; `shape` are numbers of the storage itself.
    pub(super) fn encode(&self, shape: &[u64]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.vocab_len as u64);
        put(&mut out, self.gram_counts.len() as u64);
        self.gram_counts.iter().for_each(|&n| put(&mut out, n as u64));
        put(&mut out, u64::from(self.eos.0));
        put(&mut out, u64::from(self.unk.0));
        put_str(&mut out, &self.tokenizer.to_string());
        put_str(&mut out, &self.fingerprint);
        put(&mut out, self.notes.len() as u64);
        for (key, value) in &self.notes {
            put_str(&mut out, key);
            put_str(&mut out, value);
        }
        put(&mut out, shape.len() as u64);
        shape.iter().for_each(|&n| put(&mut out, n));
        out
    }

    /// Reads section 0 of an image: the description and the storage's numbers.
    pub(super) fn decode(image: &Image) -> Result<(Self, Vec<u64>)> {
        let mut bytes = image.section(0)?;
        let parsed = parse(&mut bytes).filter(|(meta, _)| {
            let ids = meta.eos.index() < meta.vocab_len && meta.unk.index() < meta.vocab_len;
            ids && bytes.is_empty()
                && (1..=super::MAX_ORDER).contains(&meta.order())
                && meta.gram_counts[0] == meta.vocab_len + 1
        });
        parsed.ok_or_else(|| image.refused("the description of the table makes no sense".into()))
    }
}

fn parse(bytes: &mut &[u8]) -> Option<(Meta, Vec<u64>)> {
    let vocab_len = take(bytes)? as usize;
    let gram_counts = take_list(bytes)?.into_iter().map(|n| n as usize).collect();
    let (eos, unk) = (TokenId(take(bytes)? as u32), TokenId(take(bytes)? as u32));
    let tokenizer = take_str(bytes)?.parse().ok()?;
    let fingerprint = take_str(bytes)?;
    let notes = (0..take(bytes)?)
        .map(|_| Some((take_str(bytes)?, take_str(bytes)?)))
        .collect::<Option<_>>()?;
    let shape = take_list(bytes)?;
    Some((Meta { vocab_len, gram_counts, tokenizer, fingerprint, notes, eos, unk }, shape))
}

/// The vocabulary's words, each with its length before it.
pub(super) fn encode_words(vocab: &Vocab) -> Vec<u8> {
    let mut out = Vec::new();
    vocab.words().for_each(|w| put_str(&mut out, w));
    out
}

/// The vocabulary of section 1 (training counts are not kept: they are zero).
pub(super) fn decode_words(image: &Image, meta: &Meta) -> Result<Vocab> {
    let mut bytes = image.section(1)?;
    let words: Option<Vec<String>> = (0..meta.vocab_len).map(|_| take_str(&mut bytes)).collect();
    let damaged = || image.refused("the vocabulary is not the one the file was made with".into());
    let words = words.filter(|_| bytes.is_empty()).ok_or_else(damaged)?;
    let mut sorted: Vec<&String> = words.iter().collect();
    sorted.sort_unstable();
    let good = sorted.windows(2).all(|w| w[0] != w[1])
        && words[meta.eos.index()] == EOS
        && words[meta.unk.index()] == corpus::UNK;
    let vocab = if good {
        Some(Vocab::new(words.into_iter().map(|w| (w.into(), 0)).collect(), meta.tokenizer))
    } else {
        None
    };
    vocab.filter(|v| v.fingerprint() == meta.fingerprint).ok_or_else(damaged)
}

/// Bytes of the words' section.
pub(super) fn words_bytes(vocab: &Vocab) -> usize {
    vocab.words().map(|w| w.len() + varint_len(w.len() as u64)).sum()
}

fn varint_len(value: u64) -> usize {
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// LEB128.
fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take_list(bytes: &mut &[u8]) -> Option<Vec<u64>> {
    let len = take(bytes)?;
    (0..len).map(|_| take(bytes)).collect() // a wrong length ends at the first missing number
}

fn take_str(bytes: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(take(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(std::str::from_utf8(text).ok()?.to_owned())
}
