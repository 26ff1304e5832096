//! A vocabulary as a small text file: a head that names tokenizer and fingerprint, then `count TAB word` in id order.
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::interner::Interner;
use crate::lines::Lines;
use crate::tokenizer::Tokenizer;
use crate::vocab::{EOS, UNK, Vocab};
use crate::whole_file;

const MAGIC: &str = "lmlab-vocab 1";
const DAMAGED: &str = "the file is damaged or was edited: train again, or restore it";

impl Vocab {
    /// The text form that [`from_text`](Self::from_text) reads.
    pub fn to_text(&self) -> String {
        let head =
            format!("{MAGIC}\t{}\t{}\t{}\n", self.tokenizer(), self.len(), self.fingerprint());
        self.words().enumerate().fold(head, |mut text, (i, word)| {
            text.push_str(&self.count(crate::TokenId(i as u32)).to_string());
            text.push('\t');
            text.push_str(word);
            text.push('\n');
            text
        })
    }

    /// Reads the text form; `name` stands for the file in messages.
    ///
    /// # Errors
    /// Where the text is no vocabulary, or not the one its fingerprint tells of.
    pub fn from_text(name: &str, text: &str) -> Result<Self> {
        Self::read(Lines::from_text(name, text)?)
    }

    /// Writes the text form: under a temporary name, renamed when complete.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        whole_file::replace(path, |file| file.write_all(self.to_text().as_bytes()))
            .map_err(|e| Error::io(path, e))
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// As [`from_text`](Self::from_text).
    pub fn load(path: &Path) -> Result<Self> {
        Self::read(Lines::open(path)?)
    }

    fn read(mut lines: Lines) -> Result<Self> {
        let head = lines.next_line()?.map(|l| l.text.to_owned()).unwrap_or_default();
        let fields: Vec<&str> = head.split('\t').collect();
        let [MAGIC, tokenizer, len, fingerprint] = fields[..] else {
            return Err(lines.bad(
                0,
                "this is no vocabulary file of this version",
                "name a file that lmlab wrote",
            ));
        };
        let tokenizer: Tokenizer = tokenizer.parse()?;
        let (mut words, mut entries) = (Interner::default(), Vec::new());
        while let Some(line) = lines.next_line()? {
            let (byte, expected) = (line.byte, entries.len());
            let entry = line
                .text
                .split_once('\t')
                .and_then(|(n, w)| Some((w.to_owned(), n.parse::<u64>().ok()?)));
            match entry {
                Some((word, count)) if words.intern(&word) as usize == expected => {
                    entries.push((word.into(), count))
                }
                Some((word, _)) => {
                    return Err(lines.bad(
                        byte,
                        &format!("the word `{word}` stands twice"),
                        DAMAGED,
                    ));
                }
                None => return Err(lines.bad(byte, "not a count, a tab and a word", DAMAGED)),
            }
        }
        let whole = |what: String| Error::File { path: lines.path().into(), what, cure: DAMAGED };
        if len.parse() != Ok(entries.len()) {
            return Err(whole(format!("{} words where {len} were written", entries.len())));
        }
        if let Some(mark) = [EOS, UNK].into_iter().find(|mark| words.get(mark).is_none()) {
            return Err(whole(format!("no {mark} among the words")));
        }
        let vocab = Vocab::new(entries, tokenizer);
        if vocab.fingerprint() != fingerprint {
            return Err(whole("the words are not those of the fingerprint".into()));
        }
        Ok(vocab)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::{VocabBuilder, VocabLimits};

    fn vocab() -> Vocab {
        let mut builder = VocabBuilder::default();
        "b a b 我 ␣ b".split(' ').for_each(|t| builder.add(t));
        builder.end_sentence();
        builder.finish(Tokenizer::Chars, VocabLimits::default())
    }

    #[test]
    fn what_is_saved_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.txt");
        vocab().save(&path).unwrap();
        let back = Vocab::load(&path).unwrap();
        assert_eq!(
            (back.fingerprint(), back.tokenizer()),
            (vocab().fingerprint(), Tokenizer::Chars)
        );
        assert_eq!(back.to_text(), vocab().to_text());
    }

    #[test]
    fn a_changed_file_is_refused() {
        let text = vocab().to_text();
        let error = |text: &str| Vocab::from_text("v", text).unwrap_err().to_string();
        assert!(error(&text.replace("\ta\n", "\tc\n")).contains("fingerprint"));
        assert!(error(&text.replace("\ta\n", "\tb\n")).contains("`b` stands twice"));
        assert!(
            error(&text.replace("1\ta\n", "")).contains("5 words where 6 were written"),
            "{}",
            error(&text.replace("1\ta\n", ""))
        );
        assert!(error(&text.replace("1\ta\n", "x a\n")).contains("line 4, byte"));
        assert!(error("hello\n").contains("no vocabulary file"));
        assert!(error("").contains("no vocabulary file"));
    }
}
