//! `token TAB tag`, a token a line, a blank line after each sentence, as in WNUT 2017.
use super::{TaggedSentence, some};
use crate::error::Result;
use crate::lines::Lines;

/// Reads sentences of a token and its tag; a line of white space alone ends a sentence.
///
/// # Errors
/// A line that is not a token, one tab and a tag; what [`Lines`] refuses.
pub fn token_tags(mut lines: Lines) -> Result<Vec<TaggedSentence>> {
    let (mut sentences, mut sentence) = (Vec::new(), TaggedSentence::new());
    while let Some(line) = lines.next_line()? {
        let byte = line.byte;
        if line.text.trim().is_empty() {
            if !sentence.is_empty() {
                sentences.push(std::mem::take(&mut sentence));
            }
            continue;
        }
        match line.text.split_once('\t').map(|(token, tag)| (token, tag.trim_end())) {
            Some((token, tag))
                if !token.trim().is_empty()
                    && !tag.is_empty()
                    && !tag.contains(char::is_whitespace) =>
            {
                sentence.push((token.into(), tag.into()));
            }
            _ => {
                let cure =
                    "write each line as token, tab, tag, with a blank line after each sentence";
                return Err(lines.bad(byte, "this line is not a token, a tab and a tag", cure));
            }
        }
    }
    if !sentence.is_empty() {
        sentences.push(sentence);
    }
    some(sentences, &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_end_sentences() {
        let text = "\na\tO\nb\tB-x\n\t\n\nc\tO";
        let read = token_tags(Lines::from_text("t", text).unwrap()).unwrap();
        let pair = |w: &str, t: &str| (w.to_owned(), t.to_owned());
        assert_eq!(read, [vec![pair("a", "O"), pair("b", "B-x")], vec![pair("c", "O")]]);
    }

    #[test]
    fn lines_without_token_or_tag_are_named() {
        for bad in ["b", "b\t", "\tO", "b\tO\tx"] {
            let message = token_tags(Lines::from_text("t", format!("a\tO\n{bad}\n")).unwrap())
                .unwrap_err()
                .to_string();
            assert!(message.contains("t, line 2, byte 4: this line is not"), "{message}");
        }
    }
}
