//! Saved models of every kind, told apart by their first bytes.
//!
//! | first bytes | what | opened as |
//! |---|---|---|
//! | `LMLABNGT` | a table: hash, trie, packed | itself, mapped |
//! | `\data\` at a line's start (`.gz`: by the name) | an ARPA file, any program's | a hash table in memory |
//! | the header of a safetensors file with our description | a recurrent or fixed-window network | itself |
//!
//! Anything else is refused by what it looks like.
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::Result;
use corpus::{Tokenizer, Vocab};
use lm::LanguageModel;
use ngram::{BackoffModel, TableKind, TableModel, read_arpa_logged};
use rnn::RnnModel;
use window::WindowModel;

use crate::error::Failure;
use crate::progress::Bar;

/// What a model file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One of our tables.
    Table,
    /// A back-off model as text.
    Arpa,
    /// A recurrent network.
    Recurrent,
    /// A fixed-window network.
    Window,
}

/// An open model.
pub enum Model {
    /// An n-gram table, mapped, or made in memory from an ARPA file.
    Table(Box<TableModel>),
    /// A recurrent network.
    Recurrent(Box<RnnModel>),
    /// A fixed-window network.
    Window(Box<WindowModel>),
}

/// An open model with its vocabulary.
pub struct Saved {
    /// What the file is.
    pub format: Format,
    /// The model.
    pub model: Model,
    /// Its words.
    pub vocab: Vocab,
}

impl Saved {
    /// As what every model is.
    pub fn language_model(&self) -> &dyn LanguageModel {
        match &self.model {
            Model::Table(table) => table.as_ref(),
            Model::Recurrent(net) => net.as_ref(),
            Model::Window(net) => net.as_ref(),
        }
    }

    /// In a few words: "5-gram, hash table".
    pub fn describe(&self) -> String {
        match (&self.model, self.format) {
            (Model::Table(t), Format::Arpa) => format!("{}-gram, ARPA file", t.meta().order()),
            (Model::Table(t), _) => format!("{}-gram, {} table", t.meta().order(), t.kind()),
            (Model::Recurrent(net), _) => {
                let cell = format!("{:?}", net.config.cell).to_lowercase();
                format!("{cell}, {} hidden units", net.config.nhid)
            }
            (Model::Window(net), _) => format!(
                "fixed window of {} words, {} hidden units",
                net.net.shape.context, net.config.nhid
            ),
        }
    }
}

/// The n-grams of a table or an ARPA file.
pub struct Grams {
    /// The model.
    pub model: BackoffModel,
    /// Its words.
    pub vocab: Vocab,
    /// Remarks that a table carries, such as the smoothing.
    pub notes: Vec<(String, String)>,
    /// What reading had to put right.
    pub remarks: Vec<String>,
}

/// Opens a model for scoring. `tokenizer` is for ARPA files, which do not tell theirs (without one: `space`).
///
/// # Errors
/// A file that is missing, is no model, or is damaged.
pub fn open(path: &Path, tokenizer: Option<Tokenizer>) -> Result<Saved> {
    let format = recognise(path)?;
    let (model, vocab) = match format {
        Format::Table => {
            let table = TableModel::open(path)?;
            let vocab = table.vocab()?;
            (Model::Table(Box::new(table)), vocab)
        }
        Format::Arpa => {
            let bar = Bar::new("opening");
            let Grams { model, vocab, .. } = arpa(path, tokenizer, &bar)?;
            let grams: usize = model.gram_counts().iter().sum();
            let table = bar.during("building a table", BUILD_S * grams as f64, || {
                TableModel::build(TableKind::Hash, &model, &vocab, &[])
            })?;
            (Model::Table(Box::new(table)), vocab)
        }
        Format::Recurrent => {
            let net = RnnModel::load(path)?;
            let vocab = net.vocab().clone();
            (Model::Recurrent(Box::new(net)), vocab)
        }
        Format::Window => {
            let net = WindowModel::load(path)?;
            let vocab = net.vocab().clone();
            (Model::Window(Box::new(net)), vocab)
        }
    };
    check_tokenizer(path, &vocab, tokenizer)?;
    Ok(Saved { format, model, vocab })
}

/// Reads the n-grams of a table or an ARPA file.
///
/// # Errors
/// Those of [`open`]; a neural model has none.
pub fn grams(path: &Path, tokenizer: Option<Tokenizer>, bar: &Bar) -> Result<Grams> {
    match recognise(path)? {
        Format::Arpa => arpa(path, tokenizer, bar),
        Format::Table => {
            let table = TableModel::open(path)?;
            let (vocab, notes) = (table.vocab()?, table.meta().notes.clone());
            check_tokenizer(path, &vocab, tokenizer)?;
            let grams: usize = table.meta().gram_counts.iter().sum();
            let model = bar.during("unpacking", UNPACK_S * grams as f64, || table.to_backoff())?;
            Ok(Grams { model, vocab, notes, remarks: Vec::new() })
        }
        Format::Recurrent | Format::Window => {
            let what = "a neural model has no n-grams: name a table or an ARPA file";
            Err(Failure::Usage(format!("{}: {what}", path.display())).into())
        }
    }
}

/// About how long it takes to build a table, seconds an n-gram.
pub const BUILD_S: f64 = 3e-7;
/// About how long it takes to take one apart.
const UNPACK_S: f64 = 2e-7;

fn arpa(path: &Path, tokenizer: Option<Tokenizer>, bar: &Bar) -> Result<Grams> {
    let tokenizer = tokenizer.unwrap_or_default();
    let read = read_arpa_logged(path, None, tokenizer, &mut |progress| bar.log(&progress))?;
    let mut remarks = Vec::new();
    if read.unk_absent {
        remarks.push("the file has no <unk>: it got log10 p = -100, as KenLM has it".to_owned());
    }
    if read.filled > 0 {
        remarks.push(format!(
            "{} shortened n-grams were put back that longer ones end in; the answers stay what they were",
            read.filled
        ));
    }
    Ok(Grams { model: read.model, vocab: read.vocab, notes: Vec::new(), remarks })
}

fn check_tokenizer(path: &Path, vocab: &Vocab, asked: Option<Tokenizer>) -> Result<()> {
    match asked {
        Some(asked) if asked != vocab.tokenizer() => Err(Failure::Usage(format!(
            "{}: this model was made with the tokenizer `{}`; leave --tokenizer out",
            path.display(),
            vocab.tokenizer()
        ))
        .into()),
        _ => Ok(()),
    }
}

const HEAD: usize = 1 << 16;

/// What a file is.
///
/// # Errors
/// If it cannot be read, or is no model; the message says what it looks like.
pub fn recognise(path: &Path) -> Result<Format> {
    let io = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => corpus::Error::NotFound { path: path.into() }.into(),
        _ => anyhow::Error::from(lm::Error::Io { path: path.into(), source }),
    };
    if path.is_dir() {
        return Err(refused(path, "this is a folder", "name the model file inside"));
    }
    let mut file = File::open(path).map_err(io)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(io)?;
    if head.starts_with(b"LMLABNGT") {
        return Ok(Format::Table);
    }
    let gz = path.extension().is_some_and(|e| e == "gz");
    if gz && head.starts_with(b"\x1f\x8b") || has_data_mark(&head) {
        return Ok(Format::Arpa);
    }
    if let Some(length) = safetensors_header(&head) {
        file.take(length.saturating_sub(HEAD as u64 - 8)).read_to_end(&mut head).map_err(io)?;
        return neural(path, head.get(8..8 + length as usize));
    }
    let (what, cure) = looks_like(&head);
    Err(refused(path, what, cure))
}

fn refused(path: &Path, what: &str, cure: &str) -> anyhow::Error {
    lm::Error::File { path: path.into(), what: what.into(), cure: cure.into() }.into()
}

/// A line that begins an ARPA file's counts.
fn has_data_mark(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.split(|&b| b == b'\n').any(|line| line.trim_ascii().eq_ignore_ascii_case(b"\\data\\"))
}

/// Length of the JSON object that a safetensors file begins with.
fn safetensors_header(head: &[u8]) -> Option<u64> {
    let (length, rest) = head.split_first_chunk::<8>()?;
    let length = u64::from_le_bytes(*length);
    (rest.first() == Some(&b'{') && (2..=100_000_000).contains(&length)).then_some(length)
}

fn neural(path: &Path, header: Option<&[u8]>) -> Result<Format> {
    const AGAIN: &str = "write the model again";
    let header = header.ok_or_else(|| refused(path, "this weights file is cut short", AGAIN))?;
    let parse = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).ok();
    let header = parse(header)
        .ok_or_else(|| refused(path, "the header of this weights file is damaged", AGAIN))?;
    let ours = header["__metadata__"]["lmlab"].as_str().and_then(|text| parse(text.as_bytes()));
    let format = ours.as_ref().and_then(|o| o["format"].as_str()).unwrap_or_default();
    match format.split(' ').next() {
        Some("lmlab-rnn") => Ok(Format::Recurrent),
        Some("lmlab-window") => Ok(Format::Window),
        Some("lmlab-checkpoint") => Err(refused(
            path,
            "this is a checkpoint of a training run",
            "resume the run, or name the model that it saved",
        )),
        _ => Err(refused(
            path,
            "these are another program's weights (safetensors)",
            "name a model that this suite saved",
        )),
    }
}

/// What a file that is no model of ours seems to be, and what to do.
fn looks_like(head: &[u8]) -> (&'static str, &'static str) {
    const KINDS: [(&[u8], &str, &str); 6] = [
        (
            b"mmap lm http://kheafield.com/code",
            "this is a binary file of KenLM's build_binary",
            "name the ARPA file that it was built from",
        ),
        (
            b"SRILM_BINARY",
            "this is a binary model of SRILM",
            "write it as ARPA: ngram -lm FILE -write-lm OUT",
        ),
        (b"\x1f\x8b", "this is gzip data", "give the ARPA file a name that ends in .gz"),
        (
            b"PK\x03\x04",
            "this is a zip archive (PyTorch's .pt files are)",
            "unpack it, or save its weights as safetensors",
        ),
        (b"lmlab-vocab", "this is a vocabulary, not a model", "name the model file beside it"),
        (b"LMLAB", "this is a table of this suite, cut short or damaged", "write the table again"),
    ];
    const KNOWN: &str = "a model is a table or a network that this suite saved, or an ARPA file";
    if head.is_empty() {
        return ("the file is empty", KNOWN);
    }
    if let Some((_, what, cure)) = KINDS.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return (what, cure);
    }
    let whole = std::str::from_utf8(head).is_ok_and(|_| true);
    let cut = std::str::from_utf8(head).is_err_and(|e| e.error_len().is_none());
    if (whole || cut) && !head.contains(&0) {
        return (
            "this is a text, not a model",
            "train one: harness train ngram --corpus TEXT --out MODEL",
        );
    }
    ("this is no model: its first bytes are unknown", KNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            recognise(&path).map_err(|e| e.to_string())
        };
        assert_eq!(of("a", b"LMLABNGT and more"), Ok(Format::Table));
        assert_eq!(of("b", b"\xef\xbb\xbfmade by hand\n\n\\DATA\\\r\nngram 1=2"), Ok(Format::Arpa));
        assert_eq!(of("c.arpa.gz", b"\x1f\x8b\x08"), Ok(Format::Arpa));
        let weights = |format: &str| {
            let ours = serde_json::json!({ "format": format }).to_string();
            let header = serde_json::json!({ "__metadata__": { "lmlab": ours } }).to_string();
            [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()
        };
        assert_eq!(of("d", &weights("lmlab-rnn 1")), Ok(Format::Recurrent));
        assert_eq!(of("e", &weights("lmlab-window 1")), Ok(Format::Window));
        for (bytes, words) in [
            (b"".as_slice(), "empty"),
            (b"the cat sat\n", "a text"),
            (b"\x1f\x8b\x08", ".gz"),
            (b"mmap lm http://kheafield.com/code format version 5\n\0", "KenLM"),
            (b"LMLABNG", "cut short"),
            (b"\x00\x01\x02\xff", "unknown"),
            (&weights("lmlab-checkpoint 1"), "checkpoint"),
            (&weights("other"), "another program"),
            (&weights("lmlab-rnn 1")[..30], "cut short"),
        ] {
            let message = of("f", bytes).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
    }
}
