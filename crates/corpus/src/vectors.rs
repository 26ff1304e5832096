//! Word vectors as text, as word2vec and GloVe write them: `word v_1 … v_E` a line, before them perhaps `count width`.
//!
//! `.gz` is decompressed. Only the vectors of a vocabulary are kept; a word that stands twice keeps its first vector. Every
//! line must have as many numbers as the first; the numbers of words outside the vocabulary are counted, not read. GloVe's
//! large files have a few words with blanks in them: no tokenizer makes such a word, so they are passed over.
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::input::whole;
use crate::lines::Lines;
use crate::tokens::TokenId;
use crate::vocab::Vocab;

/// No published vectors are wider: more is a mistaken file, not a table to allocate.
const MAX_WIDTH: usize = 1 << 14;
const BLANKS: [char; 2] = [' ', '\t'];
const CURE: &str = "give word vectors as text: a word and its numbers a line, separated by blanks";

/// The vectors that a file has for the words of a vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct WordVectors {
    width: usize,
    /// By id; zeros where the file has none.
    values: Vec<f32>,
    known: Vec<bool>,
}

/// Where in a line, what, cure.
type Mistake = (usize, String, &'static str);

impl WordVectors {
    /// Reads a file.
    ///
    /// # Errors
    /// Those of [`Lines`]; [`Error::Line`] where a line is no vector of the file's width; [`Error::File`] where there is
    /// none, or not as many as the file's head promises.
    pub fn read(path: &Path, vocab: &Vocab) -> Result<Self> {
        Self::parse(Lines::open(path)?, vocab)
    }

    /// E: numbers a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many words of the vocabulary have a vector.
    pub fn found(&self) -> usize {
        self.known.iter().filter(|k| **k).count()
    }

    /// The vector of a word, if the file has one.
    pub fn row(&self, id: TokenId) -> Option<&[f32]> {
        let at = id.index() * self.width;
        self.known[id.index()].then(|| &self.values[at..at + self.width])
    }

    /// Every word's vector in the order of ids.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Option<&[f32]>> + Clone {
        (0..self.known.len() as u32).map(|id| self.row(TokenId(id)))
    }

    fn parse(mut lines: Lines, vocab: &Vocab) -> Result<Self> {
        let mut vectors = Self { width: 0, values: Vec::new(), known: vec![false; vocab.len()] };
        let (mut promised, mut read) = (None, 0u64);
        while let Some(line) = lines.next_line()? {
            let (text, byte, number) = (line.text.trim_end(), line.byte, line.number);
            if text.is_empty() {
                continue;
            }
            let taken = match header(text).filter(|_| number == 1) {
                Some((count, width)) => {
                    promised = Some(count);
                    vectors.widen(width)
                }
                None => {
                    read += 1;
                    vectors.take(text, vocab)
                }
            };
            if let Err((at, what, cure)) = taken {
                return Err(lines.bad(byte + at as u64, &what, cure));
            }
        }
        let path = lines.path();
        match promised {
            _ if read == 0 => Err(whole(path, "no word vectors in this file", CURE)),
            Some(count) if count != read => {
                let what = format!("{read} vectors, but its first line promises {count}");
                Err(whole(path, &what, "fetch or copy the file again"))
            }
            _ => Ok(vectors),
        }
    }

    fn widen(&mut self, width: usize) -> Result<(), Mistake> {
        if width == 0 || width > MAX_WIDTH {
            return Err((0, format!("vectors of {width} numbers"), CURE));
        }
        self.width = width;
        self.values = vec![0.0; width * self.known.len()];
        Ok(())
    }

    /// Takes the vector of a line.
    fn take(&mut self, text: &str, vocab: &Vocab) -> Result<(), Mistake> {
        let blanks = text.matches(BLANKS).count();
        if self.width == 0 {
            self.widen(blanks)?;
        }
        let (word, numbers) = text.split_once(BLANKS).unwrap_or((text, ""));
        if blanks != self.width {
            let mut surplus = numbers.split(BLANKS).take(blanks.saturating_sub(self.width));
            if blanks > self.width && surplus.any(|field| field.parse::<f32>().is_err()) {
                return Ok(());
            }
            let what = format!("{blanks} numbers, not {}", self.width);
            return Err((0, what, CURE));
        }
        if word.is_empty() {
            return Err((0, "no word before the numbers".into(), CURE));
        }
        let Some(id) = vocab.get(word).filter(|id| !self.known[id.index()]) else { return Ok(()) };
        let row = &mut self.values[id.index() * self.width..][..self.width];
        for (value, field) in row.iter_mut().zip(numbers.split(BLANKS)) {
            match field.parse::<f32>() {
                Ok(number) if number.is_finite() => *value = number,
                _ => {
                    let at = field.as_ptr() as usize - text.as_ptr() as usize;
                    return Err((at, format!("`{field}` is no finite number"), CURE));
                }
            }
        }
        self.known[id.index()] = true;
        Ok(())
    }
}

/// `count width`, word2vec's first line. A file of one-number vectors whose first word is a number would be mistaken for
/// one; there is no such file.
fn header(text: &str) -> Option<(u64, usize)> {
    let (count, width) = text.split_once(BLANKS)?;
    Some((count.parse().ok()?, width.parse().ok()?))
}

/// Writes a vector for every word of a vocabulary as word2vec does, head included; reading gives the same numbers back.
/// The file is written under a temporary name and renamed when complete.
///
/// # Errors
/// Where the folder cannot be written.
///
/// # Panics
/// Unless there are as many vectors as words.
pub fn write_vectors<'a>(
    path: &Path,
    vocab: &Vocab,
    width: usize,
    rows: impl ExactSizeIterator<Item = &'a [f32]>,
) -> Result<()> {
    assert_eq!(rows.len(), vocab.len(), "a vector for every word");
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut out = BufWriter::new(&mut file);
        writeln!(out, "{} {width}", vocab.len())?;
        for (word, row) in vocab.words().zip(rows) {
            write!(out, "{word}")?;
            row.iter().try_for_each(|x| write!(out, " {x}"))?;
            writeln!(out)?;
        }
        out.flush()?;
        drop(out);
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|e| Error::io(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tokenizer, VocabBuilder, VocabLimits};

    fn vocab() -> Vocab {
        let mut builder = VocabBuilder::default();
        ["cat", "cat", "dog"].iter().for_each(|w| builder.add(w));
        builder.finish(Tokenizer::Space, VocabLimits::default())
    }

    fn parse(text: &str) -> Result<WordVectors> {
        WordVectors::parse(Lines::from_text("v.txt", text)?, &vocab())
    }

    #[test]
    fn glove_and_word2vec_files_give_the_same_vectors() {
        let vocab = vocab();
        let glove = parse("cow 9 9\ncat 0.5 -1e-3\nat a@b.c 1 2\ncat 7 7\n</s>\t1 2\n").unwrap();
        assert_eq!((glove.width(), glove.found()), (2, 2));
        assert_eq!(glove.row(vocab.id("cat")), Some(&[0.5, -1e-3][..]));
        assert_eq!(
            (glove.row(vocab.eos()), glove.row(vocab.id("dog"))),
            (Some(&[1.0, 2.0][..]), None)
        );
        let word2vec = parse("3 2\r\ncow 9 9 \ncat 0.5 -0.001 \n</s> 1 2 \n\n").unwrap();
        assert_eq!(word2vec, glove);
        assert_eq!(glove.rows().len(), vocab.len());
    }

    #[test]
    fn malformed_lines_are_refused_with_line_and_byte() {
        for (text, message) in [
            ("cow 1 2\ncat 1\n", "v.txt, line 2, byte 8: 1 numbers, not 2; give"),
            ("cow 1 2\ncat 1 2 3\n", "line 2, byte 8: 3 numbers, not 2"),
            ("cow 1 2\ncat 1 x\n", "line 2, byte 14: `x` is no finite number"),
            ("cow 1 2\ncat inf 1\n", "line 2, byte 12: `inf` is no finite number"),
            ("cow 1 2\n 1 2\n", "line 2, byte 8: no word before the numbers"),
            ("cow\n", "line 1, byte 0: vectors of 0 numbers"),
            ("2 99999999999\n", "line 1, byte 0: vectors of 99999999999 numbers"),
            ("", "no word vectors in this file"),
            ("5 2\ncat 1 2\n", "1 vectors, but its first line promises 5"),
            ("cow 1 2\ncat \0 1\n", "line 2, byte 12: a NUL byte"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains(message), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_bit_for_bit_and_from_gzip() {
        let (vocab, folder) = (vocab(), tempfile::tempdir().unwrap());
        let path = folder.path().join("v.txt");
        let values: Vec<f32> = (0..vocab.len() * 3).map(|i| (i as f32 - 4.0) / 7.0).collect();
        write_vectors(&path, &vocab, 3, values.chunks_exact(3)).unwrap();
        let back = WordVectors::read(&path, &vocab).unwrap();
        assert_eq!((back.values.clone(), back.found()), (values, vocab.len()));
        let packed = folder.path().join("v.txt.gz");
        let mut out = flate2::write::GzEncoder::new(
            std::fs::File::create(&packed).unwrap(),
            flate2::Compression::fast(),
        );
        out.write_all(&std::fs::read(&path).unwrap()).unwrap();
        out.finish().unwrap();
        assert_eq!(WordVectors::read(&packed, &vocab).unwrap(), back);
    }
}
