//! Opening a text: plain or `.gz`, a file, a FIFO or standard input (`-`), and the checks on its first bytes.
//!
//! A text is UTF-8 without NUL. What a stranger is likely to hand over instead (an archive, a picture, UTF-16) is named.
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Standard input, where a file is asked for.
pub(crate) const STDIN: &str = "-";
/// No line may be longer: 64 MiB.
pub(crate) const MAX_LINE: usize = 1 << 26;
const BUFFER: usize = 1 << 17;
const TO_UTF8: &str = "convert it to UTF-8, for instance with `iconv -f LATIN1 -t UTF-8`";
const FROM_UTF16: &str = "convert it, for instance with `iconv -f UTF-16 -t UTF-8`";

/// First bytes of files that are no text, what they are, and what to do.
const MAGIC: [(&[u8], &str, &str); 15] = [
    (
        b"\x1f\x8b",
        "gzip data",
        "give the file a name that ends in .gz, and it will be unpacked on the way",
    ),
    (b"BZh", "a bzip2 file", "unpack it first, with `bunzip2`"),
    (b"\xfd7zXZ\0", "an xz file", "unpack it first, with `unxz`"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it first, with `unzstd`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and name the text file inside"),
    (
        b"PK\x03\x04",
        "a zip archive (or an office document)",
        "unpack it, or save the document as plain UTF-8 text",
    ),
    (b"\x89PNG", "a PNG picture", "name a text file"),
    (b"\xff\xd8\xff", "a JPEG picture", "name a text file"),
    (b"GIF8", "a GIF picture", "name a text file"),
    (b"%PDF-", "a PDF document", "extract its text first, for instance with `pdftotext`"),
    (b"\x7fELF", "a program (ELF)", "name a text file"),
    (b"MZ\x90\0", "a Windows program", "name a text file"),
    (b"\xcf\xfa\xed\xfe", "a program (Mach-O)", "name a text file"),
    (b"SQLite format 3\0", "an SQLite database", "export its text first"),
    (b"PAR1", "a Parquet file", "export its text column first"),
];

/// The bytes of a text for those who check them: a file, `.gz` decompressed, or standard input (`-`), without a leading
/// byte-order mark. Files that are recognised as something else by their first bytes are refused.
///
/// # Errors
/// If it cannot be opened, or is no text.
pub fn open_text(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    Input::open(path).map(|input| input.bytes)
}

/// Bytes of a text after decompression, its leading byte-order mark removed.
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Box<dyn BufRead + Send>,
    /// How many bytes of byte-order mark were skipped.
    pub(crate) skipped: u64,
}

impl Input {
    /// Opens a file, `.gz` decompressed; `-` is standard input.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if path.as_os_str() == STDIN {
            return Self::new(
                Path::new("standard input"),
                Box::new(BufReader::with_capacity(BUFFER, std::io::stdin())),
            );
        }
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        if file.metadata().map_err(|e| Error::io(path, e))?.is_dir() {
            return Err(whole(path, "this is a folder", "name the text file itself"));
        }
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
            let mut packed = BufReader::with_capacity(BUFFER, file);
            let head = packed.fill_buf().map_err(|e| Error::io(path, e))?;
            if !head.starts_with(b"\x1f\x8b") {
                let cure = "compress it with `gzip`, or take .gz off its name";
                return Err(whole(path, "the name ends in .gz, but this is no gzip data", cure));
            }
            let plain = flate2::bufread::MultiGzDecoder::new(packed);
            return Self::new(path, Box::new(BufReader::with_capacity(BUFFER, plain)));
        }
        Self::new(path, Box::new(BufReader::with_capacity(BUFFER, file)))
    }

    /// Reads a stream; `path` stands for it in messages.
    pub(crate) fn new(path: &Path, mut bytes: Box<dyn BufRead + Send>) -> Result<Self> {
        let head = bytes.fill_buf().map_err(|e| read_error(path, e, 1, 0))?;
        check_head(path, head)?;
        let skipped = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        bytes.consume(skipped);
        Ok(Self { path: path.into(), bytes, skipped: skipped as u64 })
    }

    /// Reads a stream that is not buffered yet.
    pub(crate) fn from_reader(name: &str, input: impl Read + Send + 'static) -> Result<Self> {
        Self::new(Path::new(name), Box::new(BufReader::with_capacity(BUFFER, input)))
    }
}

/// Refuses what is recognised as no text by its first bytes.
fn check_head(path: &Path, head: &[u8]) -> Result<()> {
    if head.starts_with(b"\xff\xfe\0\0") || head.starts_with(b"\0\0\xfe\xff") {
        let cure = "convert it, for instance with `iconv -f UTF-32 -t UTF-8`";
        return Err(whole(path, "the text is UTF-32", cure));
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || looks_utf16(head) {
        return Err(whole(path, "the text is UTF-16", FROM_UTF16));
    }
    if let Some((_, what, cure)) = MAGIC.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Err(whole(path, &format!("this is not text but {what}"), cure));
    }
    // A stray NUL is reported with its line; many odd bytes mean that no line is worth naming.
    let sample = &head[..head.len().min(4096)];
    let odd = sample.iter().filter(|&&b| b < 9 || (14..27).contains(&b) || b == 127).count();
    if sample.contains(&0) && odd >= 8 && odd * 20 > sample.len() {
        return Err(whole(path, "this is not text but binary data", "name a UTF-8 text file"));
    }
    Ok(())
}

/// UTF-16 without a mark: of the first bytes nearly every second one is zero, the others hardly ever.
fn looks_utf16(head: &[u8]) -> bool {
    let sample = &head[..head.len().min(256) & !1];
    let zeros = |first: usize| sample.iter().skip(first).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), sample.len() / 2);
    pairs >= 2
        && ((odd * 10 > pairs * 8 && even * 10 < pairs)
            || (even * 10 > pairs * 8 && odd * 10 < pairs))
}

/// What is wrong with the bytes of lines, if anything: offset, what, cure.
pub(crate) fn check_bytes(bytes: &[u8]) -> Result<&str, (usize, String, &'static str)> {
    // `contains` is many bytes a step, `position` one: it runs only where there is something to find.
    let nul = if bytes.contains(&0) { bytes.iter().position(|&b| b == 0) } else { None };
    match std::str::from_utf8(bytes) {
        Err(e) if nul.is_none_or(|at| e.valid_up_to() < at) => {
            let at = e.valid_up_to();
            Err((at, format!("invalid UTF-8 (byte {:#04x})", bytes[at]), TO_UTF8))
        }
        Ok(text) if nul.is_none() => Ok(text),
        _ => Err((
            nul.unwrap_or(0),
            "a NUL byte".into(),
            "remove it, or convert the text to UTF-8 if it is UTF-16",
        )),
    }
}

/// A failed read at a line and byte of the text.
pub(crate) fn read_error(path: &Path, error: std::io::Error, line: u64, byte: u64) -> Error {
    let what = match error.kind() {
        ErrorKind::UnexpectedEof => "the compressed data end too early",
        ErrorKind::InvalidInput | ErrorKind::InvalidData => "the compressed data are damaged",
        _ => return Error::io(path, error),
    };
    Error::Line {
        path: path.into(),
        line,
        byte,
        what: what.into(),
        cure: "fetch or copy the file again",
    }
}

/// A line over [`MAX_LINE`].
pub(crate) fn long_line(path: &Path, line: u64, byte: u64) -> Error {
    let what = format!("a line of more than {} MiB", MAX_LINE >> 20);
    Error::Line {
        path: path.into(),
        line,
        byte,
        what,
        cure: "break the text into sentences, one a line",
    }
}

pub(crate) fn whole(path: &Path, what: &str, cure: &'static str) -> Error {
    Error::File { path: path.into(), what: what.into(), cure }
}
