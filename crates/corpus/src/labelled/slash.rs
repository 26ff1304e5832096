//! `word/tag` separated by white space, one sentence a line, as in the Brown corpus.
use super::{TaggedSentence, some};
use crate::error::Result;
use crate::lines::Lines;

/// Reads sentences of `word/tag`; a token is split at its last `/`, since words may hold one (`1/2/cd`).
///
/// # Errors
/// A token without `/`, word or tag; what [`Lines`] refuses.
pub fn slash_tagged(mut lines: Lines) -> Result<Vec<TaggedSentence>> {
    let mut sentences = Vec::new();
    while let Some(line) = lines.next_line()? {
        let mut sentence = TaggedSentence::new();
        let mut bad = None;
        for token in line.text.split_whitespace() {
            match token.rsplit_once('/') {
                Some((word, tag)) if !word.is_empty() && !tag.is_empty() => {
                    sentence.push((word.into(), tag.into()))
                }
                _ => {
                    let at =
                        line.byte + (token.as_ptr() as usize - line.text.as_ptr() as usize) as u64;
                    bad = Some((at, format!("`{token}` is not word/tag")));
                    break;
                }
            }
        }
        if let Some((at, what)) = bad {
            return Err(lines.bad(
                at,
                &what,
                "write each token as word/tag, with neither part empty",
            ));
        }
        if !sentence.is_empty() {
            sentences.push(sentence);
        }
    }
    some(sentences, &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_last_slash() {
        let read =
            slash_tagged(Lines::from_text("t", "a/x 1/2/cd\n\n  ./.\t\r\n").unwrap()).unwrap();
        let pair = |w: &str, t: &str| (w.to_owned(), t.to_owned());
        assert_eq!(read, [vec![pair("a", "x"), pair("1/2", "cd")], vec![pair(".", ".")]]);
    }

    #[test]
    fn names_what_is_no_pair() {
        for (text, at, token) in
            [("é/x b\n", 5, "b"), ("a/x\nb/x /nn\n", 8, "/nn"), ("a/\n", 0, "a/")]
        {
            let message =
                slash_tagged(Lines::from_text("t", text).unwrap()).unwrap_err().to_string();
            assert!(
                message.contains(&format!("byte {at}: `{token}` is not word/tag")),
                "{message}"
            );
        }
        let message = slash_tagged(Lines::from_text("t", " \n").unwrap()).unwrap_err().to_string();
        assert!(message.contains("no sentence in this file"), "{message}");
    }
}
