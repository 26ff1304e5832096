//! Checked lines of a text file, plain or `.gz`: the only way text enters the suite.
//!
//! Accepted as if they were not there: a leading byte-order mark, CR before LF, a missing last newline.
//! Refused with file, line and byte: invalid UTF-8, NUL, UTF-16, binary files.
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

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
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    number: u64,
    byte: u64,
}

impl Lines {
    /// Opens a file; `.gz` is decompressed.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        if file.metadata().map_err(|e| Error::io(path, e))?.is_dir() {
            let cure = "name the text file itself";
            return Err(Error::File { path: path.into(), what: "this is a folder".into(), cure });
        }
        let input: Box<dyn BufRead + Send> = if path.extension().is_some_and(|e| e == "gz") {
            Box::new(BufReader::with_capacity(1 << 17, flate2::read::MultiGzDecoder::new(file)))
        } else {
            Box::new(BufReader::with_capacity(1 << 17, file))
        };
        Self::new(path, input)
    }

    /// Reads from memory; `name` stands for the path in messages.
    pub fn from_text(name: &str, text: impl Into<Vec<u8>>) -> Result<Self> {
        Self::new(Path::new(name), Box::new(std::io::Cursor::new(text.into())))
    }

    /// Reads from any stream, such as standard input; `name` stands for the path in messages.
    pub fn from_reader(name: &str, input: impl Read + Send + 'static) -> Result<Self> {
        Self::new(Path::new(name), Box::new(BufReader::with_capacity(1 << 17, input)))
    }

    fn new(path: &Path, mut input: Box<dyn BufRead + Send>) -> Result<Self> {
        let head = input.fill_buf().map_err(|e| Error::io(path, e))?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            let cure = "convert it, for instance with `iconv -f UTF-16 -t UTF-8`";
            return Err(Error::File { path: path.into(), what: "the text is UTF-16".into(), cure });
        }
        let bom = if head.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
        input.consume(bom);
        Ok(Self { path: path.into(), input, buffer: Vec::new(), number: 0, byte: bom as u64 })
    }

    /// The path in messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next line, `None` at the end.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        self.buffer.clear();
        let read = self.input.read_until(b'\n', &mut self.buffer).map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => {
                let cure = "the compressed file is damaged or cut short: fetch it again";
                Error::File { path: self.path.clone(), what: e.to_string(), cure }
            }
            _ => Error::io(&self.path, e),
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let byte = self.byte;
        self.byte += read as u64;
        let mut line = self.buffer.as_slice();
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(text) if !line.contains(&0) => Ok(Some(Line { text, number: self.number, byte })),
            Ok(_) => {
                let at = line.iter().position(|&b| b == 0).unwrap_or(0);
                Err(self.bad(byte + at as u64, "a NUL byte", "this is no text file, or it is UTF-16: convert it to UTF-8"))
            }
            Err(e) => Err(self.bad(
                byte + e.valid_up_to() as u64,
                &format!("invalid UTF-8 (byte {:#04x})", line[e.valid_up_to()]),
                "convert it to UTF-8, for instance with `iconv -f LATIN1 -t UTF-8`",
            )),
        }
    }

    /// An error at a byte of the current line.
    pub fn bad(&self, byte: u64, what: &str, cure: &'static str) -> Error {
        Error::Line { path: self.path.clone(), line: self.number, byte, what: what.into(), cure }
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
        assert!(all(b"\xff\xfea\0").unwrap_err().to_string().contains("UTF-16"));
    }
}
