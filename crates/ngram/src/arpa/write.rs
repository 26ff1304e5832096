//! Writes ARPA files: blocks of grams are formatted (and for `.gz` compressed) in parallel and written in order.
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use corpus::{BOS, Vocab};
use lm::{Error, Log, Result, silent};
use rayon::prelude::*;

use crate::backoff::{BackoffModel, GramTable};
use crate::estimate::Estimate;
use crate::file::write_atomically;
use crate::recipe::say;

const BLOCK: usize = 1 << 14; // grams a block
const AHEAD: usize = 16; // blocks made together; as many wait to be written

/// Writes a model as an ARPA file, compressed if the name ends in `.gz`. Numbers are the shortest that read back as the
/// same f32; weights of 0 are left out, as in other programs' files.
///
/// # Errors
/// If the vocabulary is not the model's, or the file cannot be written.
pub fn write_arpa(path: &Path, model: &BackoffModel, vocab: &Vocab) -> Result<()> {
    write_arpa_logged(path, model, vocab, &mut silent)
}

/// [`write_arpa`] with a listener, who may end the work: there is no file then.
///
/// # Errors
/// Those of [`write_arpa`]; interruption.
pub fn write_arpa_logged(
    path: &Path,
    model: &BackoffModel,
    vocab: &Vocab,
    log: &mut Log<'_>,
) -> Result<()> {
    check_vocab(model.vocab_len, vocab)?;
    let (counts, words) = (model.gram_counts(), Spelling::new(vocab));
    write(path, &counts, |k, grams| lines(&model.tables[k - 1], k, grams, &words), log)
}

/// [`write_arpa`] of what was just estimated, without the sorted tables between: the same bytes as from
/// [`Estimate::to_backoff`].
///
/// # Errors
/// Those of [`write_arpa`].
pub fn write_arpa_estimate(path: &Path, made: &Estimate, vocab: &Vocab) -> Result<()> {
    check_vocab(made.vocab_len, vocab)?;
    let words = Spelling::new(vocab);
    let block = |k: usize, grams: Range<usize>| {
        let table = made.table(k - 1, grams);
        lines(&table, k, 0..table.len(), &words)
    };
    write(path, &made.gram_counts(), block, &mut silent)
}

fn check_vocab(vocab_len: usize, vocab: &Vocab) -> Result<()> {
    if vocab_len != vocab.len() {
        let what = format!("a model of {vocab_len} words with a vocabulary of {}", vocab.len());
        return Err(Error::Unfit {
            what,
            cure: "use the vocabulary that the model was trained with".into(),
        });
    }
    Ok(())
}

/// The file of a model with so many n-grams; `text` makes the lines of some n-grams of an order.
fn write(
    path: &Path,
    counts: &[usize],
    text: impl Fn(usize, Range<usize>) -> std::io::Result<Vec<u8>> + Sync,
    log: &mut Log<'_>,
) -> Result<()> {
    let gzip = path.extension().is_some_and(|e| e == "gz");
    let total: usize = counts.iter().sum();
    let (mut done, mut stopped) = (0, None);
    let written = write_atomically(path, |out| {
        let mut head = b"\\data\\\n".to_vec();
        for (k, count) in (1..).zip(counts) {
            writeln!(head, "ngram {k}={count}")?;
        }
        out.write_all(&packed(head, gzip)?)?;
        let mut ready = Vec::new(); // written while the next blocks are made
        for (k, &count) in (1..).zip(counts) {
            ready.push(packed(format!("\n\\{k}-grams:\n").into_bytes(), gzip));
            let blocks: Vec<usize> = (0..count.div_ceil(BLOCK)).collect();
            for some in blocks.chunks(AHEAD) {
                let block = |b: usize| b * BLOCK..((b + 1) * BLOCK).min(count);
                let make = |&b: &usize| packed(text(k, block(b))?, gzip);
                let (written, made) = rayon::join(
                    || ready.drain(..).try_for_each(|text| out.write_all(&text?)),
                    || some.par_iter().map(make).collect::<Vec<_>>(),
                );
                written?;
                ready = made;
                done += some.len() * BLOCK;
                if let Err(error) = say(log, "writing", done.min(total) as u64, total as u64) {
                    stopped = Some(error);
                    return Err(std::io::Error::other("stopped"));
                }
            }
        }
        ready.into_iter().try_for_each(|text| out.write_all(&text?))?;
        out.write_all(&packed(b"\n\\end\\\n".to_vec(), gzip)?)
    });
    stopped.map_or(written, Err)
}

/// A gzip member of its own, or the text as it is.
pub(crate) fn packed(text: Vec<u8>, gzip: bool) -> std::io::Result<Vec<u8>> {
    if !gzip {
        return Ok(text);
    }
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(&text)?;
    out.finish()
}

/// The words, `<s>` included, one after the other: most are copied in one step of fixed length.
pub(crate) struct Spelling {
    /// Ends in [`STEP`](Self::STEP) bytes more.
    text: Vec<u8>,
    starts: Vec<usize>,
}

impl Spelling {
    const STEP: usize = 16;

    pub fn new(vocab: &Vocab) -> Self {
        let (mut text, mut starts) = (Vec::new(), vec![0]);
        for word in vocab.words().chain([BOS]) {
            text.extend_from_slice(word.as_bytes());
            starts.push(text.len());
        }
        text.extend_from_slice(&[0; Self::STEP]);
        Self { text, starts }
    }

    #[inline]
    fn push(&self, word: u32, out: &mut Vec<u8>) {
        let (start, end) = (self.starts[word as usize], self.starts[word as usize + 1]);
        if end - start <= Self::STEP {
            let after = out.len() + end - start;
            out.extend_from_slice(&self.text[start..start + Self::STEP]);
            out.truncate(after);
        } else {
            out.extend_from_slice(&self.text[start..end]);
        }
    }
}

/// Some grams of an order as lines of an ARPA file.
pub(crate) fn lines(
    table: &GramTable,
    k: usize,
    grams: Range<usize>,
    spelling: &Spelling,
) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(grams.len() * (24 + 8 * k));
    for i in grams {
        write_number(&mut out, table.log10_prob[i])?;
        for (j, &word) in table.words[i * k..][..k].iter().enumerate() {
            out.push(if j == 0 { b'\t' } else { b' ' });
            spelling.push(word, &mut out);
        }
        match table.log10_backoff.get(i) {
            Some(&backoff) if backoff != 0.0 => {
                out.push(b'\t');
                write_number(&mut out, backoff)?;
            }
            _ => {}
        }
        out.push(b'\n');
    }
    Ok(out)
}

/// Zero has a probability in ARPA files: −99.
fn write_number(out: &mut Vec<u8>, value: f32) -> std::io::Result<()> {
    if value == f32::NEG_INFINITY {
        return out.write_all(b"-99");
    }
    if !(1e-4..1e6).contains(&value.abs()) {
        return write!(out, "{value}"); // the quick way would write an exponent
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as what `Display` writes, and the same number.
    #[test]
    fn numbers_are_the_shortest() {
        let bits = (0..200_000u32).map(|i| f32::from_bits(i.wrapping_mul(0x9e37_79b1)));
        let logs = (0..200_000).map(|i| -(i as f32 * 0.000_137).powi(2) / 7.0);
        let few = [0.0, -0.0, -99.0, -0.31416, 1e-7, -1e16, -1e17, 1.5e-5, f32::MAX, -7.0];
        for value in bits.filter(|v| !v.is_nan() && *v != f32::NEG_INFINITY).chain(logs).chain(few)
        {
            let mut out = Vec::new();
            write_number(&mut out, value).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.parse(), Ok(value), "{text}");
            assert_eq!(text.len(), value.to_string().len(), "{text} for {value}");
        }
    }
}
