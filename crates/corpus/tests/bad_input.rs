//! What a stranger may hand over instead of a text: each is refused with what, where and the cure, and nothing panics.
use std::io::Write;
use std::path::{Path, PathBuf};

use corpus::{Corpus, CorpusOptions, Kind, Tokenizer, Tokens, Vocab, VocabLimits};
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The message about a file, its folder taken off, from every way to read a text.
    fn refusal(&self, path: &Path) -> (String, Kind) {
        let error = Corpus::from_file(path, CorpusOptions::default()).unwrap_err();
        let vocab = Vocab::new(vec![("</s>".into(), 1), ("<unk>".into(), 0)], Tokenizer::Space);
        for other in [
            Vocab::from_file(path, Tokenizer::Space, VocabLimits::default()).map(|_| ()),
            Tokens::from_file(path, &vocab).map(|_| ()),
        ] {
            // The streams take texts that a corpus is too short for, but what both refuse they refuse alike.
            if let Err(other) = other {
                assert_eq!(other.to_string(), error.to_string());
            }
        }
        (error.to_string().replace(&format!("{}/", self.0.path().display()), ""), error.kind())
    }

    fn refuses(&self, name: &str, bytes: &[u8], message: &str) {
        let path = self.file(name, bytes);
        assert_eq!(self.refusal(&path), (message.to_owned(), Kind::Data), "{name}");
    }
}

/// Twenty good lines of 12 bytes, then something else.
fn after_good_lines(rest: &[u8]) -> Vec<u8> {
    let mut text = b"the cat sat\n".repeat(20);
    text.extend(rest);
    text
}

#[test]
fn malformed_text_is_named_by_line_and_byte() {
    let folder = Folder::new();
    let latin1 = "convert it to UTF-8, for instance with `iconv -f LATIN1 -t UTF-8`";
    let text = after_good_lines(b"a caf\xe9\n");
    folder.refuses(
        "a.txt",
        &text,
        &format!("a.txt, line 21, byte 245: invalid UTF-8 (byte 0xe9); {latin1}"),
    );
    let text = after_good_lines("é".as_bytes());
    folder.refuses(
        "b.txt",
        &text[..text.len() - 1],
        &format!("b.txt, line 21, byte 240: invalid UTF-8 (byte 0xc3); {latin1}"),
    );
    let nul = "a NUL byte; remove it, or convert the text to UTF-8 if it is UTF-16";
    folder.refuses(
        "c.txt",
        &after_good_lines(b"x\0y\n"),
        &format!("c.txt, line 21, byte 241: {nul}"),
    );
    let mark = "sentence marks are added by the suite: remove them from the text";
    let text = after_good_lines("é <s> a </s>\n".as_bytes());
    folder.refuses(
        "d.txt",
        &text,
        &format!("d.txt, line 21, byte 243: the reserved word `<s>`; {mark}"),
    );
    folder.refuses(
        "e.txt",
        &after_good_lines(b"x\r\n</s>\r\n"),
        &format!("e.txt, line 22, byte 243: the reserved word `</s>`; {mark}"),
    );
}

#[test]
fn texts_without_text_are_told_apart() {
    let folder = Folder::new();
    let cure = "give a text with at least one word";
    folder.refuses("a.txt", b"", &format!("a.txt: the file is empty; {cure}"));
    folder.refuses("b.txt", b"\xef\xbb\xbf", &format!("b.txt: the file is empty; {cure}"));
    folder.refuses(
        "c.txt",
        b"\n \t\n\r\n",
        &format!("c.txt: no text in this file, only 3 blank line(s); {cure}"),
    );
    let few = "too few for three splits; give at least 20 lines of text, one sentence a line";
    folder.refuses(
        "d.txt",
        b"a b\nc d\n",
        &format!("d.txt: 2 sentence(s) (lines with text): {few}"),
    );
    let one = "nothing to predict; give a text of at least two different words, or lower the vocabulary's minimum count";
    folder.refuses(
        "e.txt",
        &b"same same\n".repeat(30),
        &format!("e.txt: a vocabulary of 1 word(s): {one}"),
    );
    folder.refuses(
        "f.txt",
        &b"<unk>\n".repeat(30),
        &format!("f.txt: a vocabulary of 0 word(s): {one}"),
    );
}

#[test]
fn files_that_are_no_text_are_recognised() {
    let folder = Folder::new();
    let utf16 = "the text is UTF-16; convert it, for instance with `iconv -f UTF-16 -t UTF-8`";
    let text = "Stately, plump Buck Mulligan\n".repeat(30);
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    folder.refuses("a.txt", &[b"\xff\xfe", little.as_slice()].concat(), &format!("a.txt: {utf16}"));
    folder.refuses("b.txt", &[b"\xfe\xff", big.as_slice()].concat(), &format!("b.txt: {utf16}"));
    folder.refuses("c.txt", &little, &format!("c.txt: {utf16}"));
    folder.refuses("d.txt", &big, &format!("d.txt: {utf16}"));
    folder.refuses(
        "e.txt",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "e.txt: this is not text but a PNG picture; name a text file",
    );
    folder.refuses(
        "f.txt",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0",
        "f.txt: this is not text but a program (ELF); name a text file",
    );
    let gz = "this is not text but gzip data; give the file a name that ends in .gz, and it will be unpacked on the way";
    folder.refuses("g.txt", &packed(b"some text"), &format!("g.txt: {gz}"));
    let noise: Vec<u8> = (0..2_000u32).map(|i| (i * i % 251) as u8).collect();
    folder.refuses(
        "h.txt",
        &noise,
        "h.txt: this is not text but binary data; name a UTF-8 text file",
    );
    let zip = "this is not text but a zip archive (or an office document); unpack it, or save the document as plain UTF-8 text";
    folder.refuses("i.txt", b"PK\x03\x04\x14\0", &format!("i.txt: {zip}"));
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(text).unwrap();
    gz.finish().unwrap()
}

#[test]
fn damaged_archives_are_named_with_where_the_text_ends() {
    let folder = Folder::new();
    let text =
        (0..3_000).map(|i| format!("{} is a number\n", i * 7919 % 10_007)).collect::<String>();
    let gz = packed(text.as_bytes());
    let whole = folder.file("good.txt.gz", &gz);
    let corpus = Corpus::from_file(&whole, CorpusOptions::default()).unwrap();
    assert_eq!(
        corpus.train.bytes() + corpus.valid.bytes() + corpus.test.bytes(),
        text.len() as u64
    );

    let cut = folder.file("cut.gz", &gz[..gz.len() / 2]);
    let (message, kind) = folder.refusal(&cut);
    let end = "the compressed data end too early; fetch or copy the file again";
    assert!(
        message.starts_with("cut.gz, line ") && message.ends_with(end) && kind == Kind::Data,
        "{message}"
    );
    let byte: usize =
        message.split("byte ").nth(1).and_then(|m| m.split(':').next()).unwrap().parse().unwrap();
    let line: usize =
        message.split("line ").nth(1).and_then(|m| m.split(',').next()).unwrap().parse().unwrap();
    assert_eq!(line, 1 + text[..byte].matches('\n').count(), "{message}");
    assert!(byte > 0 && byte < text.len(), "{message}");

    let mut wrong = gz.clone();
    let at = wrong.len() - 8;
    wrong[at] ^= 1;
    let (message, _) = folder.refusal(&folder.file("crc.gz", &wrong));
    assert!(
        message.contains("the compressed data are damaged; fetch or copy the file again"),
        "{message}"
    );
    let named = "plain.gz: the name ends in .gz, but this is no gzip data; compress it with `gzip`, or take .gz off its name";
    folder.refuses("plain.gz", b"plain text\n", named);
}

#[test]
fn what_is_not_a_file() {
    let folder = Folder::new();
    let (message, kind) = folder.refusal(&folder.0.path().join("absent.txt"));
    assert_eq!(
        (message.as_str(), kind),
        ("absent.txt: no such file; check the path", Kind::Missing)
    );
    std::fs::create_dir(folder.0.path().join("inner")).unwrap();
    let (message, kind) = folder.refusal(&folder.0.path().join("inner"));
    assert_eq!(
        (message.as_str(), kind),
        ("inner: this is a folder; name the text file itself", Kind::Data)
    );
}

#[test]
fn line_ends_marks_and_blank_lines_do_not_matter() {
    let folder = Folder::new();
    let lines: Vec<String> = (0..60).map(|i| format!("word{} and word{}", i % 7, i % 11)).collect();
    let plain = Corpus::from_file(
        &folder.file("a.txt", (lines.join("\n") + "\n").as_bytes()),
        CorpusOptions::default(),
    )
    .unwrap();
    for text in
        [lines.join("\n"), format!("\u{feff}{}", lines.join("\r\n")), lines.join("\n\n \r\n")]
    {
        let other =
            Corpus::from_file(&folder.file("b.txt", text.as_bytes()), CorpusOptions::default())
                .unwrap();
        assert_eq!(other.vocab.fingerprint(), plain.vocab.fingerprint());
        assert_eq!(
            (&other.train, &other.valid, &other.test),
            (&plain.train, &plain.valid, &plain.test)
        );
    }
}

#[test]
fn a_line_without_end_is_refused_before_memory_is() {
    let folder = Folder::new();
    let text = b"word ".repeat(14 << 20);
    folder.refuses(
        "a.txt",
        &text,
        "a.txt, line 1, byte 0: a line of more than 64 MiB; break the text into sentences, one a line",
    );
}

#[cfg(unix)]
#[test]
fn a_fifo_is_read_like_a_file() {
    let folder = Folder::new();
    let path = folder.0.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let text = (0..500).map(|i| format!("line {} of it\n", i % 13)).collect::<String>();
    let plain = folder.file("plain.txt", text.as_bytes());
    let writer = std::thread::spawn({
        let path = path.clone();
        move || std::fs::write(path, text).unwrap()
    });
    let piped = Corpus::from_file(&path, CorpusOptions::default()).unwrap();
    writer.join().unwrap();
    assert_eq!(piped.test, Corpus::from_file(&plain, CorpusOptions::default()).unwrap().test);
}
