//! Checked lines of a text file, one at a time: plain or `.gz`, a FIFO, or standard input (`-`).
//!
//! Accepted as if they were not there: a leading byte-order mark, CR before LF, a missing last newline.
//! Refused with file, line and byte: invalid UTF-8, NUL, UTF-16, binary files, lines over 64 MiB.
use std::io::{BufRead, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::input::{Input, MAX_LINE, check_bytes, long_line, read_error};

/// One line without its end mark.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its text.
    pub text: &'a str,
    /// Its number from 1.
    pub number: u64,
    /// Offset of its first byte in the (decompressed) file.
    pub byte: u64,
}

/// A reader of checked lines.
pub struct Lines {
    input: Input,
    buffer: Vec<u8>,
    number: u64,
    byte: u64,
}

impl Lines {
    /// Opens a file; `.gz` is decompressed, `-` is standard input.
    pub fn open(path: &Path) -> Result<Self> {
        Input::open(path).map(Self::new)
    }

    /// Reads from memory; `name` stands for the path in messages.
    pub fn from_text(name: &str, text: impl Into<Vec<u8>>) -> Result<Self> {
        Input::new(Path::new(name), Box::new(std::io::Cursor::new(text.into()))).map(Self::new)
    }

    /// Reads from any stream; `name` stands for the path in messages.
    pub fn from_reader(name: &str, input: impl Read + Send + 'static) -> Result<Self> {
        Input::from_reader(name, input).map(Self::new)
    }

    fn new(input: Input) -> Self {
        let byte = input.skipped;
        Self { input, buffer: Vec::new(), number: 0, byte }
    }

    /// The path in messages.
    pub fn path(&self) -> &Path {
        &self.input.path
    }

    /// The next line, `None` at the end.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        self.buffer.clear();
        let mut input = (&mut self.input.bytes).take(MAX_LINE as u64 + 1);
        let read = input.read_until(b'\n', &mut self.buffer).map_err(|e| {
            let at = self.byte + self.buffer.len() as u64;
            read_error(&self.input.path, e, self.number + 1, at)
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let byte = self.byte;
        self.byte += read as u64;
        if read > MAX_LINE {
            return Err(long_line(&self.input.path, self.number, byte));
        }
        let mut line = self.buffer.as_slice();
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        match check_bytes(line) {
            Ok(text) => Ok(Some(Line { text, number: self.number, byte })),
            Err((at, what, cure)) => Err(self.bad(byte + at as u64, &what, cure)),
        }
    }

    /// An error at a byte of the current line.
    pub fn bad(&self, byte: u64, what: &str, cure: &'static str) -> Error {
        Error::Line { path: self.path().into(), line: self.number, byte, what: what.into(), cure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<String>> {
        let mut lines = Lines::from_text("t", bytes)?;
        let mut out = Vec::new();
        while let Some(line) = lines.next_line()? {
            out.push(line.text.to_owned());
        }
        Ok(out)
    }

    #[test]
    fn crlf_and_byte_order_mark_are_as_if_not_there() {
        assert_eq!(all(b"\xef\xbb\xbfa b\r\nc").unwrap(), all(b"a b\nc\n").unwrap());
    }

    #[test]
    fn bad_bytes_are_named_by_line_and_byte() {
        let message = all(b"ok\nab\xffc\n").unwrap_err().to_string();
        assert!(message.contains("line 2, byte 5") && message.contains("0xff"), "{message}");
        let message = all(b"ok\na\0b\n").unwrap_err().to_string();
        assert!(message.contains("line 2, byte 4") && message.contains("NUL"), "{message}");
        let message = all(b"\xef\xbb\xbfok\nab\xff").unwrap_err().to_string();
        assert!(message.contains("line 2, byte 8"), "{message}");
        assert!(all(b"\xff\xfea\0").unwrap_err().to_string().contains("UTF-16"));
    }
}
