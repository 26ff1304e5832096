//! What every tokenizer promises, on any text: no empty token, no white space within, and the same tokens again from the
//! joined ones.
use corpus::Tokenizer;
use proptest::prelude::*;

fn split(tokenizer: Tokenizer, text: &str) -> Vec<String> {
    let mut out = Vec::new();
    tokenizer.tokens(text, |t| out.push(t.to_owned()));
    out
}

/// Words, marks, emoji, several scripts, white space of every kind, and what our own marks are made of.
fn awkward() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "B",
        "é",
        "e\u{301}",
        "\u{301}",
        "Å",
        "ﬁ",
        "ς",
        "Σ",
        "İ",
        "ß",
        "我",
        "们",
        "ア",
        "ｱ",
        "한",
        "\u{1112}\u{1161}",
        "नि",
        "ש",
        "ل",
        "👩",
        "\u{200d}",
        "🔬",
        "🇫",
        "🇷",
        "\u{fe0f}",
        "1",
        "2",
        ".",
        ",",
        "'",
        "’",
        "-",
        "_",
        "$",
        "%",
        "<",
        ">",
        "unk",
        "<unk>",
        "␣",
        " ",
        "  ",
        "\t",
        "\r",
        "\u{a0}",
        "\u{3000}",
        "\u{2028}",
        "\u{200b}",
        "\u{feff}",
        "\u{85}",
    ]);
    prop_oneof![prop::collection::vec(pieces, 0..24).prop_map(|v| v.concat()), any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tokens_are_never_empty_and_hold_no_white_space(text in awkward()) {
        for tokenizer in Tokenizer::ALL {
            for token in split(tokenizer, &text) {
                prop_assert!(!token.is_empty() && !token.contains(char::is_whitespace), "{tokenizer}: {token:?}");
            }
        }
    }

    #[test]
    fn joined_tokens_split_into_themselves(text in awkward()) {
        for tokenizer in Tokenizer::ALL {
            let tokens = split(tokenizer, &text);
            let joined = tokenizer.join(tokens.iter().map(String::as_str));
            prop_assert_eq!(&split(tokenizer, &joined), &tokens, "{} {:?}", tokenizer, joined);
        }
    }

    #[test]
    fn canonically_equal_texts_have_equal_tokens(text in awkward()) {
        use unicode_normalization::UnicodeNormalization;
        let decomposed: String = text.nfd().collect();
        for tokenizer in Tokenizer::ALL.into_iter().filter(|&t| t != Tokenizer::Space) {
            prop_assert_eq!(split(tokenizer, &decomposed), split(tokenizer, &text), "{}", tokenizer);
        }
    }

    #[test]
    fn space_is_splitting_at_white_space(text in awkward()) {
        prop_assert_eq!(split(Tokenizer::Space, &text), text.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn ascii_is_split_like_any_other_text(text in "[ -~\t\r\x0b\x0c\x1c-\x1f]{0,40}") {
        prop_assert_eq!(split(Tokenizer::Space, &text), text.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn names_are_read_back(index in 0..Tokenizer::ALL.len()) {
        let tokenizer = Tokenizer::ALL[index];
        prop_assert_eq!(tokenizer.to_string().parse::<Tokenizer>().unwrap(), tokenizer);
    }
}

#[test]
fn an_unknown_tokenizer_gets_the_nearest_name() {
    let message = "word".parse::<Tokenizer>().unwrap_err().to_string();
    assert_eq!(
        message,
        "unknown tokenizer `word`, did you mean `words`?; choose space, words, words-lower or chars"
    );
}
