//! The one tokenizer a comparison shares: text of a sentence to its tokens.
//!
//! | name | rule |
//! |---|---|
//! | `space` | split at white space: text already tokenised, as PTB |
//! | `words` | NFC, then Unicode word boundaries (UAX 29), white space dropped |
//! | `words-lower` | the same, lower-cased |
//! | `chars` | NFC, then grapheme clusters; white space becomes [`Tokenizer::SPACE`] |
use std::fmt;
use std::str::FromStr;

use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_segmentation::UnicodeSegmentation;

use crate::error::Error;

/// How a sentence becomes tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
    pub const SPACE: &'static str = "␣";

    /// Every tokenizer, by the names that [`FromStr`] takes.
    pub const ALL: [Tokenizer; 4] =
        [Tokenizer::Space, Tokenizer::Words { lowercase: false }, Tokenizer::Words { lowercase: true }, Tokenizer::Chars];

    /// Calls `f` with each token of a sentence, in order.
    pub fn tokens(&self, sentence: &str, f: &mut dyn FnMut(&str)) {
        match self {
            Tokenizer::Space => sentence.split_whitespace().for_each(f),
            Tokenizer::Words { lowercase } => {
                let text = normal(sentence);
                let text = if *lowercase { text.to_lowercase().into() } else { text };
                text.split_word_bounds().filter(|t| !t.chars().all(char::is_whitespace)).for_each(f);
            }
            Tokenizer::Chars => {
                let text = normal(sentence);
                let blank = |t: &str| t.chars().all(char::is_whitespace);
                text.trim().graphemes(true).map(|t| if blank(t) { Self::SPACE } else { t }).for_each(f);
            }
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

fn normal(text: &str) -> std::borrow::Cow<'_, str> {
    if is_nfc(text) { text.into() } else { text.nfc().collect::<String>().into() }
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
            nearest: None,
            cure: "choose space, words, words-lower or chars",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(name: &str, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        name.parse::<Tokenizer>().unwrap().tokens(text, &mut |t| out.push(t.into()));
        out
    }

    #[test]
    fn each_tokenizer_on_mixed_scripts() {
        assert_eq!(split("space", "  Don't  stop. "), ["Don't", "stop."]);
        assert_eq!(split("words", "Don't stop."), ["Don't", "stop", "."]);
        assert_eq!(split("words-lower", "ÉCOLE"), ["école"]);
        assert_eq!(split("chars", "我们 e\u{301}👩‍🔬"), ["我", "们", "␣", "é", "👩‍🔬"]);
    }

    #[test]
    fn chars_join_back() {
        let text = "语言 模型";
        let tokens = split("chars", text);
        assert_eq!(Tokenizer::Chars.join(tokens.iter().map(String::as_str)), text);
    }
}
