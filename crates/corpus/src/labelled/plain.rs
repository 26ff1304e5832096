//! Labels by file: translations line by line, and one file a class.
use super::some;
use crate::error::{Error, Result};
use crate::lines::Lines;

/// A sentence and its translation, ends trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The sentence of the first file.
    pub source: String,
    /// The sentence of the second.
    pub target: String,
}

/// A sentence and the number of its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    /// The sentence, ends trimmed.
    pub text: String,
    /// Which of the files it stood in, from 0.
    pub class: usize,
}

/// Reads two files of which line i translates line i; a pair blank on both sides is skipped.
///
/// # Errors
/// Files of different length, a line blank on one side only; what [`Lines`] refuses.
pub fn parallel(mut source: Lines, mut target: Lines) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    let (mut number, mut byte) = (0, 0);
    loop {
        let left = source.next_line()?.map(|l| (l.text.trim().to_owned(), l.byte));
        let right = target.next_line()?.map(|l| (l.text.trim().to_owned(), l.byte));
        let same = "give two files of which each line translates the line of the same number";
        match (left, right) {
            (Some((a, at)), Some((b, bt))) => {
                (number, byte) = (number + 1, at);
                match (a.is_empty(), b.is_empty()) {
                    (false, false) => pairs.push(Pair { source: a, target: b }),
                    (true, true) => {}
                    (true, false) => {
                        return Err(source.bad(
                            at,
                            "a blank line, but its translation is not",
                            same,
                        ));
                    }
                    (false, true) => {
                        return Err(target.bad(bt, "a blank line, but its source is not", same));
                    }
                }
            }
            (None, None) => return some(pairs, &source),
            (left, _) => {
                let (short, long) =
                    if left.is_none() { (&source, &target) } else { (&target, &source) };
                let what =
                    format!("the file ends here, but {} has more lines", long.path().display());
                return Err(Error::Line {
                    path: short.path().into(),
                    line: number,
                    byte,
                    what,
                    cure: same,
                });
            }
        }
    }
}

/// Reads one file a class, in the order given; blank lines are skipped.
///
/// # Errors
/// A file without a sentence; what [`Lines`] refuses.
pub fn classes(files: Vec<Lines>) -> Result<Vec<Classified>> {
    let mut all = Vec::new();
    for (class, mut lines) in files.into_iter().enumerate() {
        let mut sentences = Vec::new();
        while let Some(line) = lines.next_line()? {
            let text = line.text.trim();
            if !text.is_empty() {
                sentences.push(Classified { text: text.into(), class });
            }
        }
        all.append(&mut some(sentences, &lines)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str, text: &str) -> Lines {
        Lines::from_text(name, text).unwrap()
    }

    #[test]
    fn pairs_line_by_line() {
        let pairs = parallel(lines("a", "one \n\ntwo\n"), lines("b", "eins\r\n\r\nzwei")).unwrap();
        let flat: Vec<_> = pairs.iter().map(|p| (p.source.as_str(), p.target.as_str())).collect();
        assert_eq!(flat, [("one", "eins"), ("two", "zwei")]);
    }

    #[test]
    fn line_counts_must_agree() {
        let message =
            parallel(lines("a", "1\n2\n3\n"), lines("b", "1\n2\n")).unwrap_err().to_string();
        assert!(
            message.starts_with("b, line 2, byte 2: the file ends here, but a has more lines"),
            "{message}"
        );
        let message = parallel(lines("a", "1\n"), lines("b", "1\n2\n")).unwrap_err().to_string();
        assert!(
            message.starts_with("a, line 1, byte 0: the file ends here, but b has more"),
            "{message}"
        );
        let message = parallel(lines("a", "1\n \n"), lines("b", "1\n2\n")).unwrap_err().to_string();
        assert!(message.starts_with("a, line 2, byte 2: a blank line"), "{message}");
    }

    #[test]
    fn classes_are_numbered_by_file() {
        let read =
            classes(vec![lines("neg", "bad .\n"), lines("pos", "good .\n\nfine\n")]).unwrap();
        assert_eq!(read.iter().map(|c| c.class).collect::<Vec<_>>(), [0, 1, 1]);
        assert!(classes(vec![lines("neg", "bad\n"), lines("pos", "\n")]).is_err());
    }
}
