//! `harness eval`: the comparison's figures, for models of every kind.
use std::fs;

use crate::desk::{Desk, message, number};

#[test]
fn eval_is_the_comparisons_perplexity() {
    let desk = Desk::new();
    let compare = "--corpus synth --tokens 20000 --models kn3 --context sentence --report report";
    desk.says(compare);
    let records = fs::read_to_string(desk.path("report/records.csv")).unwrap();
    let row = |name: &str| -> f64 {
        let at = records.lines().next().unwrap().split(',').position(|c| c == name).unwrap();
        records.lines().nth(1).unwrap().split(',').nth(at).unwrap().parse().unwrap()
    };
    let args = harness::cli::TextArgs {
        tokens: Some(20_000),
        tokenizer: None,
        min_count: None,
        max_vocab: None,
        vocab_scope: None,
    };
    let corpus = harness::text::load("synth", args, harness::registry::Preset::Default).unwrap();
    let mut test = String::new();
    for sentence in corpus.test.sentences() {
        let words = sentence[..sentence.len() - 1].iter().map(|&w| corpus.vocab.word(w));
        test.push_str(&words.collect::<Vec<_>>().join(" "));
        test.push('\n');
    }
    desk.file("test.txt", test);
    desk.says("train ngram --order 3 --corpus synth --tokens 20000 --out m --arpa m.arpa");
    for model in ["m", "m.arpa"] {
        let said = desk.says(&format!("eval {model} --text test.txt --context sentence --json"));
        let json: serde_json::Value = serde_json::from_str(&said).unwrap();
        for (key, column) in [
            ("nll", "nll"),
            ("perplexity", "perplexity"),
            ("ppl_lo", "ppl_lo"),
            ("ppl_hi", "ppl_hi"),
            ("targets", "targets"),
            ("unk_targets", "unk_targets"),
        ] {
            let ratio = json[key].as_f64().unwrap() / row(column);
            assert!(
                (ratio - 1.0).abs() < 1e-6,
                "{model}, {key}: {}, not {}",
                json[key],
                row(column)
            );
        }
    }
    let said = desk.says("eval m --text test.txt");
    assert!((number(&said, "perplexity") / row("perplexity") - 1.0).abs() < 1e-4, "{said}");
    assert!(number(&said, "without <unk>") > 1.0 && said.contains("95 % interval"));
    let summary = desk.says("query --summary m test.txt");
    assert!((number(&summary, "including OOVs:") / row("perplexity") - 1.0).abs() < 1e-6);
}

#[test]
fn eval_takes_networks() {
    use corpus::{Tokenizer, Vocab};
    use lm::LanguageModel;
    let desk = Desk::new();
    desk.file("t.txt", "a b\nb zzz a\n");
    let words = ["</s>", "<unk>", "a", "b", "c"].map(|w| (w.into(), 1u64));
    let vocab = Vocab::new(words.to_vec(), Tokenizer::Space);
    // all weights zero: every word is equally likely, and the perplexity is the vocabulary's size
    let config = rnn::RnnConfig { nhid: 4, ..rnn::RnnConfig::default() };
    let net = rnn::Backbone::zeros(&config.architecture(vocab.len()));
    rnn::RnnModel::new(net, config, vocab.clone()).save(&desk.path("r"), &vocab).unwrap();
    let config = window::WindowConfig { nhid: 4, ..window::WindowConfig::default() };
    let net = window::WindowNet::zeros(&config.architecture(vocab.len()));
    window::WindowModel::new(net, config, vocab.clone()).save(&desk.path("w"), &vocab).unwrap();
    for (model, words) in [("r", "rnn, 4 hidden"), ("w", "fixed window")] {
        for context in ["sentence", "stream"] {
            let said = desk.says(&format!("eval {model} --text t.txt --context {context}"));
            assert!((number(&said, "perplexity") - 5.0).abs() < 1e-4, "{said}");
            assert!(said.contains("2 sentences, 7 targets") && said.contains("1 <unk>"), "{said}");
        }
        assert!(desk.says(&format!("inspect {model}")).contains(words));
        let output = desk.run(&format!("query {model} t.txt"));
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains("harness eval"), "{}", message(&output));
        assert_eq!(desk.run(&format!("convert {model} out")).status.code(), Some(2));
        let bytes = desk.bytes(model);
        desk.file("cut", &bytes[..bytes.len() - 1]);
        assert_eq!(desk.run("eval cut --text t.txt").status.code(), Some(65));
    }
}
