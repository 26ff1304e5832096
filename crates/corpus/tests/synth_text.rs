//! The embedded languages as text: same seed, same bytes; what is drawn is what the forward pass says.
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use corpus::synth::{Forward, Language, Seen, probe, write_text};
use corpus::{Corpus, CorpusOptions, Kind, Part, Tokenizer, VocabScope};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn text(language: &Language, seed: u64, tokens: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write_text(language, seed, tokens, &mut out).unwrap();
    out
}

fn on_threads<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

/// Changes with the grammar and with the way of drawing; both are changes of the language and stand in the changelog.
#[test]
fn the_first_ten_thousand_tokens_are_known() {
    let sum = |name: &str| {
        let sum = Sha256::digest(text(&Language::embedded(name).unwrap(), 1, 10_000));
        sum.iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    assert_eq!(sum("synth"), "0bef738653bd857af7cf0ffa2092730cb146552c1da3fc720d1957c0335e6706");
    assert_eq!(sum("tiny"), "80e6871117f48b637752cd00ccdfa026f6d8a98ab1e579a51c731e351816e8d1");
}

#[test]
fn threads_do_not_change_the_text() {
    let language = Language::embedded("synth").unwrap();
    let one = on_threads(1, || text(&language, 7, 600_000));
    let four = on_threads(4, || text(&language, 7, 600_000));
    assert!(one == four, "1 and 4 threads differ");
}

#[test]
fn the_language_has_the_size_it_claims() {
    let language = Language::embedded("synth").unwrap();
    assert!(language.len() >= 3_000, "{} forms", language.len());
    let sentences = language.sentences(5, 300_000);
    let mean = sentences.iter().map(<[_]>::len).sum::<usize>() as f64 / sentences.len() as f64;
    assert!((12.0..20.0).contains(&mean), "mean length {mean}");
    assert!(
        (mean - language.mean_sentence()).abs() < 0.3,
        "{mean}, expected {}",
        language.mean_sentence()
    );
}

#[test]
fn the_cross_entropy_of_the_text_is_the_entropy_of_the_forward_pass() {
    for (name, tokens) in [("synth", 12_000), ("tiny", 60_000)] {
        let language = Language::embedded(name).unwrap();
        let mut forward = Forward::new(&language);
        let mut distribution = vec![0.0; language.len() + 1];
        // difference between surprise and entropy at each word: mean zero under the true distribution only
        let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
        for sentence in language.sentences(11, tokens).iter() {
            let ids = sentence
                .iter()
                .map(|&f| (f.index(), Seen::Form(f)))
                .chain([(language.len(), Seen::End)]);
            for (id, seen) in ids {
                forward.distribution(&mut distribution);
                let total: f64 = distribution.iter().sum();
                assert!((total - 1.0).abs() < 1e-12, "{name}: the distribution sums to {total}");
                let entropy: f64 =
                    distribution.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
                let p = forward.read(seen);
                assert!(
                    (p - distribution[id]).abs() <= 1e-12 * p,
                    "{name}: one word {p}, all words {}",
                    distribution[id]
                );
                let difference = -p.ln() - entropy;
                (sum, squares, n) = (sum + difference, squares + difference * difference, n + 1.0);
            }
        }
        let (mean, error) = (sum / n, (squares / n / n).sqrt());
        assert!(mean.abs() < 4.0 * error, "{name}: surprise minus entropy {mean} ± {error} nats");
    }
}

#[test]
fn words_are_drawn_as_often_as_the_forward_pass_says() {
    let language = Language::embedded("tiny").unwrap();
    let sentences = language.sentences(2, 400_000);
    let mut counts = HashMap::new();
    sentences.iter().for_each(|s| *counts.entry(s).or_insert(0u32) += 1);
    for (sentence, count) in counts.into_iter().filter(|c| c.1 > 400) {
        let mut forward = Forward::new(&language);
        let p = sentence.iter().map(|&f| forward.read(Seen::Form(f))).product::<f64>()
            * forward.read(Seen::End);
        let n = sentences.len() as f64;
        let error = (p * (1.0 - p) / n).sqrt();
        let share = f64::from(count) / n;
        assert!(
            (share - p).abs() < 5.0 * error,
            "{}: {share}, expected {p} ± {error}",
            language.text(sentence)
        );
    }
}

#[test]
fn what_is_impossible_is_skipped() {
    let language = Language::embedded("tiny").unwrap();
    let form = |word: &str| {
        Seen::Form(corpus::synth::FormId(language.forms().position(|f| f == word).unwrap() as u32))
    };
    let mut forward = Forward::new(&language);
    forward.read(form("a"));
    let before = forward.p(form("fox"));
    assert_eq!(forward.read(form("that")), 0.0);
    assert_eq!(forward.p(form("fox")), before);
    assert_eq!(forward.read(Seen::End), 0.0);
    assert!(forward.p(form("ann")) > 0.0, "after the end a sentence begins");
}

#[test]
fn a_corpus_of_the_language_is_the_corpus_of_its_text() {
    let language = Arc::new(Language::embedded("synth").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.txt");
    std::fs::write(&path, text(&language, 3, 30_000)).unwrap();
    for (tokenizer, scope) in [
        (Tokenizer::Space, VocabScope::Train),
        (Tokenizer::Space, VocabScope::Whole),
        (Tokenizer::Chars, VocabScope::Whole),
    ] {
        let options = CorpusOptions { tokenizer, scope, ..CorpusOptions::default() };
        let generated = Corpus::from_language(Arc::clone(&language), 3, 30_000, options).unwrap();
        let read = Corpus::from_file(&path, options).unwrap();
        assert_eq!(generated.vocab.fingerprint(), read.vocab.fingerprint());
        for part in [Part::Train, Part::Valid, Part::Test] {
            assert_eq!(generated.part(part), read.part(part), "{tokenizer} {part}");
        }
        assert!(generated.synthetic() && !read.synthetic());
        assert_eq!(generated.name, "synth");
        assert_eq!(generated.split, format!("generated with seed 3; {}", read.split));
    }
    let tokens = |part| {
        Corpus::from_language(Arc::clone(&language), 3, 30_000, CorpusOptions::default())
            .unwrap()
            .part(part)
            .targets()
    };
    let all = tokens(Part::Train) + tokens(Part::Valid) + tokens(Part::Test);
    assert!((30_000..30_100).contains(&all), "{all} tokens");
    let few = Corpus::from_language(Arc::clone(&language), 3, 100, CorpusOptions::default());
    assert_eq!(few.unwrap_err().kind(), Kind::Data);
}

#[test]
fn agreement_items_are_right_and_reach_far() {
    let language = Language::embedded("synth").unwrap();
    let items = probe::agreement_by_distance(&language, 1, 0..=20, 5);
    assert_eq!(items.len(), 21 * 5, "every distance from 0 to 20 occurs");
    assert!(items.iter().any(|i| i.attractors >= 2));
    for item in &items {
        assert_eq!(item.distance, item.verb_at - item.subject_at - 1);
        let mut forward = Forward::new(&language);
        for &word in &item.words[..item.verb_at] {
            assert!(forward.read(Seen::Form(word)) > 0.0);
        }
        assert!(forward.p(Seen::Form(item.words[item.verb_at])) > 0.0);
        let wrong = forward.p(Seen::Form(item.wrong));
        // after a noun of one form and an open determiner both numbers are possible, and only then
        assert!(
            wrong == 0.0 || forward.hypotheses() > 1,
            "{} / {}",
            language.text(&item.words),
            language.form(item.wrong)
        );
    }
    assert_eq!(probe::agreement(&language, 4, 30), probe::agreement(&language, 4, 30));
}

#[test]
fn bad_grammars_are_refused_by_file_and_key() {
    let tiny = include_str!("../../../datasets/synth/tiny.toml");
    let cases = [
        ("\"verb\" = 3", "\"verbs\" = 3", "rules.action: `verbs`"),
        ("depth = 2", "depth = 200", "depth: 200"),
        ("depth = 2", "depths = 2", "line 7"),
        ("\"^(clause)\" = 1", "\"(clause)\" = 1", "symbols may be waiting at once"),
        ("\"'so'\" = 1", "\"modifiers\" = 1", "rules.modifiers: it may begin with itself"),
        ("\"'so'\" = 1", "\"'so' modifiers\" = 1e6", "rules: sentences would not end"),
        ("\"'so'\" = 1", "\"'so'\" = -1", "rules.modifiers.\"'so'\": a weight of -1"),
        ("\"(clause)\" = 5", "\"\" = 5", "start: "),
        ("weight = 2, topics = { night = 3 }", "weight = nan", "beast.weight: a weight of NaN"),
        ("topics = { night = 3 }", "topics = { noon = 3 }", "`noon` is not defined"),
        ("hunt = { beast = 5 }", "hunt = { beest = 5 }", "`beest` is no class of noun"),
        ("words = [\"ann\", \"bo\"]", "words = [\"</s>\"]", "`</s>` cannot be a word"),
        ("words = [\"ann\", \"bo\"]", "lemmas = 9999", "enough different words"),
        ("start = \"sentence\"", "start = \"x\"", "start: `x`"),
    ];
    for (from, to, expected) in cases {
        assert!(tiny.contains(from), "{from}");
        let error = Language::parse(Path::new("mine.toml"), &tiny.replace(from, to)).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("mine.toml") && message.contains(expected),
            "{from} -> {to}: {message}"
        );
        assert_eq!(error.kind(), Kind::Data);
    }
    assert_eq!(Language::load(Path::new("no/such.toml")).unwrap_err().kind(), Kind::Missing);
    assert_eq!(Language::embedded("sinth").unwrap_err().kind(), Kind::Usage);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_longer_text_begins_with_the_shorter_one(seed: u64, tokens in 1u64..40_000, more in 1u64..40_000) {
        let language = Language::embedded("tiny").unwrap();
        let short = text(&language, seed, tokens);
        prop_assert_eq!(&short, &on_threads(3, || text(&language, seed, tokens)));
        let long = text(&language, seed, tokens + more);
        prop_assert!(long.starts_with(&short));
        let count: u64 = short.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| l.split(|b| *b == b' ').count() as u64 + 1).sum();
        prop_assert!((tokens..tokens + 60).contains(&count), "{} tokens for {}", count, tokens);
    }
}
