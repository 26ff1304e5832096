//! Writes ARPA files: blocks of grams are formatted (and for `.gz` compressed) in parallel and written in order.
use std::io::Write;
use std::path::Path;

use corpus::{TokenId, Vocab};
use lm::{Error, Log, Result, silent};
use rayon::prelude::*;

use crate::backoff::{BackoffModel, GramTable};
use crate::file::write_atomically;
use crate::recipe::say;

const BLOCK: usize = 1 << 14; // grams a block
const AHEAD: usize = 32; // blocks in memory

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
    if model.vocab_len != vocab.len() {
        let what =
            format!("a model of {} words with a vocabulary of {}", model.vocab_len, vocab.len());
        return Err(Error::Unfit {
            what,
            cure: "use the vocabulary that the model was trained with".into(),
        });
    }
    let gzip = path.extension().is_some_and(|e| e == "gz");
    let total: usize = model.tables.iter().map(GramTable::len).sum();
    let (mut done, mut stopped) = (0, None);
    let written = write_atomically(path, |out| {
        let mut head = b"\\data\\\n".to_vec();
        for (k, table) in (1..).zip(&model.tables) {
            writeln!(head, "ngram {k}={}", table.len())?;
        }
        out.write_all(&packed(head, gzip)?)?;
        for (k, table) in (1..).zip(&model.tables) {
            out.write_all(&packed(format!("\n\\{k}-grams:\n").into_bytes(), gzip)?)?;
            let blocks: Vec<usize> = (0..table.len().div_ceil(BLOCK)).collect();
            for some in blocks.chunks(AHEAD) {
                let texts: Vec<std::io::Result<Vec<u8>>> =
                    some.par_iter().map(|&b| packed(block(table, k, b, vocab)?, gzip)).collect();
                texts.into_iter().try_for_each(|text| out.write_all(&text?))?;
                done += some.len() * BLOCK;
                if let Err(error) = say(log, "writing", done.min(total) as u64, total as u64) {
                    stopped = Some(error);
                    return Err(std::io::Error::other("stopped"));
                }
            }
        }
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

fn block(table: &GramTable, k: usize, block: usize, vocab: &Vocab) -> std::io::Result<Vec<u8>> {
    lines(table, k, block * BLOCK..((block + 1) * BLOCK).min(table.len()), vocab)
}

/// Some grams of an order as lines of an ARPA file.
pub(crate) fn lines(
    table: &GramTable,
    k: usize,
    grams: std::ops::Range<usize>,
    vocab: &Vocab,
) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(grams.len() * (24 + 8 * k));
    for i in grams {
        write_number(&mut out, table.log10_prob[i])?;
        for (j, &word) in table.words[i * k..][..k].iter().enumerate() {
            out.push(if j == 0 { b'\t' } else { b' ' });
            out.extend_from_slice(vocab.word(TokenId(word)).as_bytes());
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
    if value == f32::NEG_INFINITY { out.write_all(b"-99") } else { write!(out, "{value}") }
}
