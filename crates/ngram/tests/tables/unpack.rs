//! Out of every storage comes what went in, and texts are read line by line.
use std::ops::ControlFlow;
use std::path::Path;

use corpus::{TokenId, Vocab};
use lm::{Context, LanguageModel};
use ngram::table::{Marks, PackedOptions, Source, TableKind, TableModel, TextSummary};

use crate::oracle;

#[test]
fn exact_storages_give_the_model_back() {
    for (seed, vocab, order, sentences) in [(1, 12, 1, 20), (2, 30, 2, 200), (3, 90, 5, 2_000)] {
        let sample = oracle::sample(seed, vocab, order, sentences);
        for kind in [TableKind::Hash, TableKind::Trie] {
            let table = TableModel::build(kind, &sample.model, &sample.vocab, &[]).unwrap();
            assert!(table.to_backoff().unwrap() == sample.model, "{kind}, order {order}");
        }
    }
}

#[test]
fn a_packed_model_gives_back_what_it_answers() {
    let sample = oracle::sample(4, 60, 4, 1_000);
    let options = PackedOptions { prob_bits: 6 };
    let packed =
        TableModel::build_with(TableKind::Packed, &sample.model, &sample.vocab, &[], options)
            .unwrap();
    let back = packed.to_backoff().unwrap();
    assert_eq!(back.gram_counts(), sample.model.gram_counts());
    for (there, here) in back.tables.iter().zip(&sample.model.tables) {
        assert_eq!(there.words, here.words);
    }
    let trie = TableModel::build(TableKind::Trie, &back, &sample.vocab, &[]).unwrap();
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    packed.score(&sample.text, Context::Sentence, &mut expected);
    trie.score(&sample.text, Context::Sentence, &mut found);
    for (e, f) in expected.iter().zip(&found) {
        assert!((e - f).abs() < 1e-5, "{e} became {f}");
    }
}

/// What `query` says of a text, word by word.
fn answers(model: &TableModel, vocab: &Vocab, marks: Marks, text: &str) -> lm::Result<Vec<String>> {
    let mut out = Vec::new();
    let each = |answers: &ngram::table::Answers<'_>| {
        let mut lines = vec![String::new()];
        let word = |lines: &mut Vec<String>, word: &str, id: TokenId, m: ngram::table::Match| {
            let line = lines.last_mut().unwrap();
            line.push_str(&format!("{word}={} {} {:.6};", id.0, m.length, m.log10_prob));
        };
        answers.each(&mut lines, word, |lines| lines.push(String::new()));
        lines.pop();
        lines
    };
    let (mut input, name) = (text.as_bytes(), Path::new("t"));
    let source = Source { input: &mut input, name, by_line: text.len().is_multiple_of(2) };
    model.query(vocab, marks, source, each, |lines, _| {
        out.extend(lines);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(out)
}

#[test]
fn lines_are_sentences_or_stand_as_they_are() {
    let sample = oracle::sample(5, 30, 3, 400);
    let vocab = &sample.vocab;
    for kind in TableKind::ALL {
        let model = TableModel::build(kind, &sample.model, vocab, &[]).unwrap();
        let ask = |marks, text: &str| answers(&model, vocab, marks, text).unwrap();
        // any ASCII white space, CRLF, an empty line, no newline at the end
        let text = "w3  w1\tzzz\r\n\n w4";
        let lines = ask(Marks::Added, text);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].contains("zzz=1 ") && lines[0].contains("</s>=0 "), "{lines:?}");
        assert_eq!(lines[1].matches(';').count(), 1, "{lines:?}");
        // marks of its own give the same words the same answers
        let own = ask(Marks::AsTheyAre, "<s> w3 w1 zzz </s>\n<s> </s>\n<s> w4 </s>\n");
        for (added, own) in lines.iter().zip(&own) {
            assert_eq!(own.split_once(';').unwrap().1, added, "{kind}");
            assert!(own.starts_with("<s>=30 1 0.000000;"), "{own}");
        }
        // without a mark there is no context
        let bare = ask(Marks::AsTheyAre, "w3\nw3\n");
        assert!(
            bare[0] == bare[1] && bare[0].contains("=2 1 ") || bare[0].contains(" 1 "),
            "{bare:?}"
        );
        let message = answers(&model, vocab, Marks::Added, "a\nb <s> c\n").unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("--no-sentence"), "{message}");
    }
}

#[test]
fn the_sums_are_those_of_the_words() {
    let sample = oracle::sample(6, 40, 4, 900);
    let model = TableModel::build(TableKind::Hash, &sample.model, &sample.vocab, &[]).unwrap();
    let mut text = String::new();
    for _ in 0..40 {
        for sentence in sample.text.sentences() {
            let words = sentence[..sentence.len() - 1].iter().map(|&w| sample.vocab.word(w));
            text.push_str(&words.collect::<Vec<_>>().join(" "));
            text.push('\n');
        }
    }
    assert!(text.len() > 3 << 17, "several blocks");
    let sums = |marks| {
        let source = Source { input: &mut text.as_bytes(), name: Path::new("t"), by_line: false };
        model.summarise(&sample.vocab, marks, source)
    };
    let TextSummary { sentences, tokens, log10_prob, unk, .. } = sums(Marks::Added).unwrap();
    assert_eq!((sentences, tokens), (40 * 900, 40 * sample.text.targets() as u64));
    let mut scores = Vec::new();
    model.score(&sample.text, Context::Sentence, &mut scores);
    let expected: f64 = scores.iter().sum::<f64>() * 40.0 / std::f64::consts::LN_10;
    assert!((log10_prob / expected - 1.0).abs() < 1e-12, "{log10_prob}, not {expected}");
    assert!(unk > 0 && unk < tokens);
    let bare = sums(Marks::AsTheyAre).unwrap();
    assert_eq!((bare.sentences, bare.tokens), (sentences, tokens - sentences));
}
