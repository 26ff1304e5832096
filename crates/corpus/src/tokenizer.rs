//! The one tokenizer a comparison shares: text of a sentence to its tokens.
//!
//! | name | rule |
//! |---|---|
//! | `space` | split at white space: text already tokenised, as PTB |
//! | `words` | NFC, white space, then Unicode word boundaries (UAX 29) |
//! | `words-lower` | the same, lower-cased |
//! | `chars` | NFC, then grapheme clusters; a white-space character becomes [`Tokenizer::SPACE`] |
//!
//! White space is Unicode's `White_Space` (tab, no-break and ideographic space are in it, zero-width space is not).
//! In every rule a literal `<unk>` between white space stays one token, so that a text whose rare words were replaced
//! already means the same to all of them; `<s>` and `</s>` so placed are refused when the text is read.
//! No token is empty or holds white space, and `tokens(join(tokens(s))) = tokens(s)`.
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use unicode_normalization::{UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

use crate::error::{Error, nearest};
use crate::vocab::UNK;

/// How a sentence becomes tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub enum Tokenizer {
    /// Split at white space.
    #[default]
    Space,
    /// Unicode word boundaries after NFC.
    Words {
        /// Lower-case first.
        lowercase: bool,
    },
    /// Grapheme clusters after NFC.
    Chars,
}

impl Tokenizer {
    /// How `chars` writes white space, which no token may contain (files of n-grams are split at it).
    /// A literal one in the text counts as white space.
    pub const SPACE: &'static str = "␣";

    /// Every tokenizer, by the names that [`FromStr`] takes.
    pub const ALL: [Tokenizer; 4] = [
        Tokenizer::Space,
        Tokenizer::Words { lowercase: false },
        Tokenizer::Words { lowercase: true },
        Tokenizer::Chars,
    ];

    /// Calls `f` with each token of a sentence, in order.
    #[inline]
    pub fn tokens(&self, sentence: &str, mut f: impl FnMut(&str)) {
        match self {
            Tokenizer::Space => space(sentence, &mut f),
            Tokenizer::Words { lowercase } => words(sentence, *lowercase, &mut f),
            Tokenizer::Chars => chars(sentence, &mut f),
        }
    }

    /// Writes tokens as readable text: the inverse of [`tokens`](Self::tokens) up to white space.
    pub fn join<'a>(&self, tokens: impl Iterator<Item = &'a str>) -> String {
        let mut out = String::new();
        for token in tokens {
            match self {
                Tokenizer::Chars if token == Self::SPACE => out.push(' '),
                Tokenizer::Chars => out.push_str(token),
                _ => {
                    if !out.is_empty() {
                        out.push(' ');
                    }
                    out.push_str(token);
                }
            }
        }
        out
    }
}

#[inline]
fn space(sentence: &str, f: &mut impl FnMut(&str)) {
    if !sentence.is_ascii() {
        return sentence.split_whitespace().for_each(f);
    }
    // The common case at a third of the cost: one comparison a byte, no decoding.
    let mut start = 0;
    for (at, byte) in sentence.bytes().enumerate() {
        if byte == b' ' || (9..=13).contains(&byte) {
            if start < at {
                f(&sentence[start..at]);
            }
            start = at + 1;
        }
    }
    if start < sentence.len() {
        f(&sentence[start..]);
    }
}

fn words(sentence: &str, lowercase: bool, f: &mut impl FnMut(&str)) {
    // White space first: a combining mark after a space would otherwise carry the space into its token.
    for chunk in sentence.split_whitespace() {
        if chunk == UNK {
            f(chunk);
            continue;
        }
        let text = match (chunk.is_ascii(), lowercase) {
            (true, true) if chunk.bytes().any(|b| b.is_ascii_uppercase()) => {
                chunk.to_ascii_lowercase().into()
            }
            (true, _) => chunk.into(),
            (false, false) => normal(chunk),
            // Lower case can leave normal form again.
            (false, true) => normal(&normal(chunk).to_lowercase()).into_owned().into(),
        };
        // No boundary falls between ASCII letters and digits: the rules need not be asked.
        if text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            f(&text);
            continue;
        }
        text.split_word_bounds().for_each(&mut *f);
    }
}

fn chars(sentence: &str, f: &mut impl FnMut(&str)) {
    let blank = |c: char| c.is_whitespace() || c == '␣';
    let mut rest = sentence.trim_matches(blank);
    while !rest.is_empty() {
        let end = rest.find(blank).unwrap_or(rest.len());
        match &rest[..end] {
            UNK => f(UNK),
            chunk => normal(chunk).graphemes(true).for_each(&mut *f),
        }
        rest = &rest[end..];
        while let Some(c) = rest.chars().next().filter(|&c| blank(c)) {
            f(Tokenizer::SPACE);
            rest = &rest[c.len_utf8()..];
        }
    }
}

fn normal(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        unicode_normalization::IsNormalized::Yes => text.into(),
        _ => text.nfc().collect::<String>().into(),
    }
}

impl fmt::Display for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tokenizer::Space => "space",
            Tokenizer::Words { lowercase: false } => "words",
            Tokenizer::Words { lowercase: true } => "words-lower",
            Tokenizer::Chars => "chars",
        })
    }
}

impl FromStr for Tokenizer {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self, Error> {
        Tokenizer::ALL.into_iter().find(|t| t.to_string() == name).ok_or_else(|| Error::Unknown {
            what: "tokenizer",
            name: name.into(),
            nearest: nearest(name, ["space", "words", "words-lower", "chars"].into_iter()),
            cure: "choose space, words, words-lower or chars",
        })
    }
}

impl TryFrom<String> for Tokenizer {
    type Error = Error;
    fn try_from(name: String) -> Result<Self, Error> {
        name.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(name: &str, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        name.parse::<Tokenizer>().unwrap().tokens(text, |t| out.push(t.into()));
        out
    }

    #[test]
    fn each_tokenizer_on_mixed_scripts() {
        assert_eq!(split("space", "  Don't  stop.\t"), ["Don't", "stop."]);
        assert_eq!(split("words", "Don't stop."), ["Don't", "stop", "."]);
        assert_eq!(split("words-lower", "ÉCOLE"), ["école"]);
        assert_eq!(split("chars", "我们 e\u{301}👩‍🔬"), ["我", "们", "␣", "é", "👩‍🔬"]);
    }

    #[test]
    fn white_space_is_unicodes() {
        for name in ["space", "words"] {
            assert_eq!(split(name, "a\u{a0}b\u{3000}c\td\re"), ["a", "b", "c", "d", "e"], "{name}");
        }
        assert_eq!(split("chars", "\u{3000}a\u{a0}\tb "), ["a", "␣", "␣", "b"]);
        assert_eq!(split("space", "a\u{200b}b"), ["a\u{200b}b"]);
        assert_eq!(split("space", " \t "), [""; 0]);
    }

    #[test]
    fn a_mark_after_a_space_takes_no_space_along() {
        assert_eq!(split("words", "a \u{301}b"), ["a", "\u{301}", "b"]);
        assert_eq!(split("chars", "a \u{301}b"), ["a", "␣", "\u{301}", "b"]);
    }

    #[test]
    fn right_to_left_full_width_and_flags() {
        assert_eq!(split("words", "שלום, עולם"), ["שלום", ",", "עולם"]);
        assert_eq!(split("words", "ＡＢＣ，１２"), ["ＡＢＣ", "，", "１２"]);
        assert_eq!(split("chars", "🇫🇷🇩🇪नि"), ["🇫🇷", "🇩🇪", "नि"]);
    }

    #[test]
    fn a_literal_unk_is_one_token_in_every_rule() {
        assert_eq!(split("space", "a <unk> b"), ["a", "<unk>", "b"]);
        assert_eq!(split("words", "A <unk> b"), ["A", "<unk>", "b"]);
        assert_eq!(split("words-lower", "A <unk> b"), ["a", "<unk>", "b"]);
        assert_eq!(split("chars", "a <unk> b"), ["a", "␣", "<unk>", "␣", "b"]);
        assert_eq!(split("words", "x<unk>"), ["x", "<", "unk", ">"]);
    }

    #[test]
    fn chars_join_back() {
        let text = "语言 模型";
        let tokens = split("chars", text);
        assert_eq!(Tokenizer::Chars.join(tokens.iter().map(String::as_str)), text);
    }
}
