//! A text as fixed blocks of whole lines, worked on in parallel and handed on in their order.
//!
//! Blocks are cut by the bytes of the text alone (at the last line end within 512 KiB), a batch has a fixed number of
//! them, and results come back in block order: what is made of a text does not depend on the number of threads.
//! Memory: two batches of blocks, whatever the size of the text.
use std::collections::VecDeque;
use std::io::Read;
use std::path::Path;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::input::{Input, MAX_LINE, check_bytes, long_line, read_error, whole};
use crate::vocab::{BOS, EOS, reserved};

const BLOCK: usize = 1 << 19;
const BATCH: usize = 32;

/// Whole lines of a text, bytes not checked yet.
#[derive(Debug)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// The number of its first line, from 1.
    line: u64,
    /// The offset of its first byte in the (decompressed) file.
    byte: u64,
}

impl Block {
    /// Calls `f` with the text of each non-blank line, line ends removed.
    ///
    /// # Errors
    /// Where the bytes are no text, or hold a literal `<s>` or `</s>`.
    pub(crate) fn sentences(&self, path: &Path, mut f: impl FnMut(&str)) -> Result<()> {
        let text =
            check_bytes(&self.bytes).map_err(|(at, what, cure)| self.bad(path, at, what, cure))?;
        let suspicious = text.contains(BOS) || text.contains(EOS);
        for line in text.split_terminator('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if let Some((at, mark)) = reserved(line).filter(|_| suspicious) {
                let at = line.as_ptr() as usize - text.as_ptr() as usize + at;
                let cure = "sentence marks are added by the suite: remove them from the text";
                return Err(self.bad(path, at, format!("the reserved word `{mark}`"), cure));
            }
            // Most lines start with a letter: the test is over at once.
            if line.chars().any(|c| !c.is_whitespace()) {
                f(line);
            }
        }
        Ok(())
    }

    fn bad(&self, path: &Path, at: usize, what: String, cure: &'static str) -> Error {
        let line = self.line + newlines(&self.bytes[..at]);
        Error::Line { path: path.into(), line, byte: self.byte + at as u64, what, cure }
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&b| b == b'\n').count() as u64
}

/// Cuts a text into blocks.
struct Blocks {
    input: Input,
    carry: Vec<u8>,
    line: u64,
    byte: u64,
}

impl Blocks {
    fn next(&mut self) -> Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.carry);
        loop {
            let from = bytes.len();
            bytes.reserve(BLOCK);
            let read = (&mut self.input.bytes).take(BLOCK as u64).read_to_end(&mut bytes);
            let read = read.map_err(|e| {
                let (line, byte) = (self.line + newlines(&bytes), self.byte + bytes.len() as u64);
                read_error(&self.input.path, e, line, byte)
            })?;
            if read == 0 {
                break;
            }
            if let Some(last) = bytes[from..].iter().rposition(|&b| b == b'\n') {
                self.carry = bytes.split_off(from + last + 1);
                break;
            }
            if bytes.len() > MAX_LINE {
                return Err(long_line(&self.input.path, self.line, self.byte));
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let block = Block { line: self.line, byte: self.byte, bytes };
        self.line += newlines(&block.bytes);
        self.byte += block.bytes.len() as u64;
        Ok(Some(block))
    }

    fn batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        while batch.blocks.len() < BATCH {
            match self.next() {
                Ok(Some(block)) => batch.blocks.push(block),
                Ok(None) => break,
                Err(error) => {
                    batch.error = Some(error);
                    break;
                }
            }
        }
        batch
    }
}

#[derive(Default)]
struct Batch {
    blocks: Vec<Block>,
    /// What ended the reading; reported after the blocks before it.
    error: Option<Error>,
}

/// The results of `map` for each block of a text, in order; the next batch is read while one is worked on.
/// Ends after the first error.
pub(crate) struct MapBlocks<T, F> {
    blocks: Blocks,
    batch: Batch,
    map: F,
    ready: VecDeque<Result<T>>,
    failed: bool,
}

impl<T: Send, F: Fn(&Block) -> Result<T> + Sync> MapBlocks<T, F> {
    /// Starts on a text; an empty one is an error.
    pub(crate) fn new(input: Input, map: F) -> Result<Self> {
        let byte = input.skipped;
        let mut blocks = Blocks { input, carry: Vec::new(), line: 1, byte };
        let batch = blocks.batch();
        if batch.blocks.is_empty() && batch.error.is_none() {
            return Err(whole(
                &blocks.input.path,
                "the file is empty",
                "give a text with at least one word",
            ));
        }
        Ok(Self { blocks, batch, map, ready: VecDeque::new(), failed: false })
    }

    /// The error for a text whose lines are all blank.
    pub(crate) fn blank(&self) -> Error {
        let what = format!(
            "no text in this file, only {} blank line(s)",
            self.blocks.line.saturating_sub(1).max(1)
        );
        whole(&self.blocks.input.path, &what, "give a text with at least one word")
    }
}

impl<T: Send, F: Fn(&Block) -> Result<T> + Sync> Iterator for MapBlocks<T, F> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.failed {
            return None;
        }
        if self.ready.is_empty() {
            let Batch { blocks: work, error } = std::mem::take(&mut self.batch);
            let ended = error.is_some();
            let (blocks, map) = (&mut self.blocks, &self.map);
            let read = || if ended { Batch::default() } else { blocks.batch() };
            let (next, done) = rayon::join(read, || work.par_iter().map(map).collect::<Vec<_>>());
            self.batch = next;
            self.ready = done.into();
            self.ready.extend(error.map(Err));
        }
        let result = self.ready.pop_front();
        self.failed = matches!(result, Some(Err(_)));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: Vec<u8>) -> Result<Vec<String>> {
        let input = Input::from_reader("t", std::io::Cursor::new(text))?;
        let collect = |block: &Block| {
            let mut out = Vec::new();
            block.sentences(Path::new("t"), |s| out.push(s.to_owned())).map(|()| out)
        };
        MapBlocks::new(input, collect)?.collect::<Result<Vec<_>>>().map(|v| v.concat())
    }

    #[test]
    fn no_line_is_lost_or_cut_at_a_border() {
        // Lines of 1 to 1,000 characters: borders of blocks fall anywhere; the last one has no end mark.
        let lines: Vec<String> =
            (0..9_000).map(|i| format!("{i} {}", "é".repeat(i * 7 % 500))).collect();
        assert_eq!(sentences(lines.join("\n").into_bytes()).unwrap(), lines);
    }

    #[test]
    fn a_line_longer_than_a_block_is_one_sentence() {
        let long = "ab ".repeat(BLOCK);
        let text = format!("x\n{long}\ny\n").into_bytes();
        let found = sentences(text).unwrap();
        assert_eq!((found.len(), found[1].len()), (3, long.len()));
    }

    #[test]
    fn errors_far_into_a_text_have_their_line_and_byte() {
        let mut text = b"\xef\xbb\xbf".to_vec();
        (0..300_000).for_each(|_| text.extend(b"word word\r\n"));
        let at = text.len() + 2;
        text.extend(b"a \xe9 b\n");
        let message = sentences(text.clone()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("line 300001, byte {at}: invalid UTF-8 (byte 0xe9)")),
            "{message}"
        );
        text.splice(3 + 11 * 200_000.., *b"the </s>\n");
        let message = sentences(text).unwrap_err().to_string();
        assert!(
            message.contains(&format!("line 200001, byte {}: the reserved", 3 + 11 * 200_000 + 4)),
            "{message}"
        );
    }
}
