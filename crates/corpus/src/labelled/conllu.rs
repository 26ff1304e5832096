//! CoNLL-U, the format of Universal Dependencies (universaldependencies.org/format.html).
//!
//! Ten columns between tabs (ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC), a word a line, `#` comments before a
//! sentence, a blank line after it.
use super::{TaggedSentence, some};
use crate::error::Result;
use crate::lines::Lines;

/// Reads FORM and UPOS of the syntactic words; the lines of multi-word tokens (`1-2`) and empty nodes (`8.1`) are skipped.
///
/// # Errors
/// Not ten columns, words out of order, an empty FORM or UPOS; what [`Lines`] refuses.
pub fn conllu(mut lines: Lines) -> Result<Vec<TaggedSentence>> {
    let (mut sentences, mut sentence) = (Vec::new(), TaggedSentence::new());
    while let Some(line) = lines.next_line()? {
        let (text, byte) = (line.text, line.byte);
        if text.trim().is_empty() {
            if !sentence.is_empty() {
                sentences.push(std::mem::take(&mut sentence));
            }
            continue;
        }
        if text.starts_with('#') && sentence.is_empty() {
            continue;
        }
        match word(text, sentence.len() + 1) {
            Ok(Some(pair)) => sentence.push(pair),
            Ok(None) => {}
            Err((at, what)) => {
                let cure =
                    "give a CoNLL-U file, as universaldependencies.org/format.html describes it";
                return Err(lines.bad(byte + at as u64, &what, cure));
            }
        }
    }
    if !sentence.is_empty() {
        sentences.push(sentence);
    }
    some(sentences, &lines)
}

/// The pair of a line, `None` for a line that is no word, or an offset and what is wrong there.
fn word(line: &str, expected: usize) -> Result<Option<(String, String)>, (usize, String)> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, form, _, upos, _, _, _, _, _, _] = columns[..] else {
        return Err((0, format!("{} column(s) between tabs where CoNLL-U has 10", columns.len())));
    };
    let whole = |n: &str| n.parse::<usize>().is_ok();
    if id.split_once(['-', '.']).is_some_and(|(a, b)| whole(a) && whole(b)) {
        return Ok(None);
    }
    if id.parse() != Ok(expected) {
        return Err((0, format!("word number `{id}` where {expected} is next")));
    }
    let offset = |column: &str| column.as_ptr() as usize - line.as_ptr() as usize;
    if form.is_empty() {
        return Err((offset(form), "an empty FORM".into()));
    }
    if ["", "_"].contains(&upos) {
        return Err((offset(upos), "an empty UPOS".into()));
    }
    Ok(Some((form.into(), upos.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, form: &str, upos: &str) -> String {
        format!("{id}\t{form}\t_\t{upos}\t_\t_\t_\t_\t_\t_\n")
    }

    fn read(text: String) -> Result<Vec<TaggedSentence>> {
        conllu(Lines::from_text("t", text).unwrap())
    }

    #[test]
    fn words_only() {
        let head = "# sent_id = 1\n".to_owned();
        let range =
            head + &line("1-2", "don't", "_") + &line("1", "do", "AUX") + &line("2", "n't", "PART");
        let text = range + &line("2.1", "left", "VERB") + "\n\n# x\n" + &line("1", "#", "SYM");
        let pair = |w: &str, t: &str| (w.to_owned(), t.to_owned());
        assert_eq!(
            read(text).unwrap(),
            [vec![pair("do", "AUX"), pair("n't", "PART")], vec![pair("#", "SYM")]]
        );
    }

    #[test]
    fn malformed_lines_are_named() {
        let good = line("1", "a", "X");
        for (text, message) in [
            (good.clone() + "2\tb\n", "line 2, byte 20: 2 column(s)"),
            (
                good.clone() + &line("3", "b", "X"),
                "line 2, byte 20: word number `3` where 2 is next",
            ),
            (line("1", "ab", "_"), "line 1, byte 7: an empty UPOS"),
            (line("1", "", "X"), "line 1, byte 2: an empty FORM"),
            ("# only\n\n".into(), "no sentence"),
        ] {
            let found = read(text).unwrap_err().to_string();
            assert!(found.contains(message), "{found} | {message}");
        }
    }
}
