//! The window language model against the contract of a language model: every structure, trained on a small Markov text.

use std::ops::ControlFlow;
use std::time::Duration;

use corpus::{Corpus, CorpusOptions};
use lm::{Context, LanguageModel, Progress, Recipe, Unigram, conformance, evaluate, silent};
use nn::checkpoint::Checkpoints;
use nn::fit::Config;
use nn::params::Params;
use nn::rng::{stream, unit};
use nn::softmax::SoftmaxName;
use window::{WindowConfig, WindowModel, WindowNet, WindowRecipe};

/// Sentences of a chain over 12 words in which two successors of each word are likely.
fn corpus() -> Corpus {
    let mut rng = stream(7, "markov text");
    let mut sentence = || {
        let (mut word, mut text) = (0, Vec::new());
        for _ in 0..4 + (unit(&mut rng) * 9.0) as usize {
            let chance = unit(&mut rng);
            word = match chance {
                c if c < 0.6 => (word * 5 + 1) % 12,
                c if c < 0.9 => (word * 7 + 4) % 12,
                _ => (unit(&mut rng) * 12.0) as usize,
            };
            text.push(format!("w{word}"));
        }
        text.join(" ")
    };
    let parts = [600, 60, 60].map(|n| (0..n).map(|_| sentence()).collect());
    Corpus::from_sentences("markov", &parts, "made".into(), CorpusOptions::default())
}

fn configs() -> Vec<WindowConfig> {
    let base = WindowConfig {
        n: 4,
        emsize: 8,
        nhid: 24,
        batch_size: 150, // two blocks of rows, the second one short
        dropout: 0.1,
        training: Config { epochs: 3, lr: 1e-2, validations: 2, ..Config::default() },
        ..WindowConfig::default()
    };
    let direct = WindowConfig { direct: true, dropout_embedding: 0.1, ..base.clone() };
    let tied = WindowConfig { tied_positions: true, n: 2, reset: true, ..base.clone() };
    let frozen = WindowConfig { frozen: true, init_range: 1.0, ..base.clone() };
    let softmax = SoftmaxName::Adaptive;
    let clusters = WindowConfig { softmax, cutoffs: vec![4, 9], div_value: 3, ..base.clone() };
    let by_rule = WindowConfig { softmax, direct: true, ..base.clone() };
    vec![base, direct, tied, frozen, clusters, by_rule]
}

fn train(config: &WindowConfig, corpus: &Corpus) -> WindowModel {
    WindowRecipe::new(config.clone()).train_model(corpus.train_set(), &mut silent).unwrap().0
}

fn bits(net: &WindowNet<f32>) -> Vec<u32> {
    let mut bits = Vec::new();
    net.tensors(&mut |t| bits.extend(t.data.iter().map(|x| x.to_bits())));
    bits
}

#[test]
fn every_model_keeps_the_contract_and_beats_the_unigram_model() {
    let corpus = corpus();
    let mut counts = vec![0; corpus.vocab.len()];
    corpus.train.flat().iter().for_each(|t| counts[t.index()] += 1);
    let unk = corpus.vocab.unk();
    let unigram =
        evaluate(&Unigram::from_counts(&counts), &corpus.test, Context::Stream, unk).perplexity();
    for config in configs() {
        let model = train(&config, &corpus);
        conformance::check_within(&model, &corpus.test, 1e-5, 1e-4);
        for context in [Context::Stream, Context::Sentence] {
            let perplexity = evaluate(&model, &corpus.test, context, unk).perplexity();
            assert!(
                perplexity < 0.8 * unigram,
                "{config:?}: {perplexity} in {context}, unigram {unigram}"
            );
        }
        let activity = model.activity(&corpus.test).unwrap();
        assert_eq!(activity.units, config.nhid as u64);
        assert!(activity.silent < activity.units);
        let footprint = model.footprint();
        assert_eq!(
            (footprint.params, footprint.bytes),
            (model.net.numbers() as u64, model.net.numbers() as u64 * 4)
        );
    }
}

#[test]
fn a_unit_cut_off_is_silent_and_its_weights_are_zero() {
    let corpus = corpus();
    let mut model = train(&configs()[0], &corpus);
    let before = (model.activity(&corpus.test).unwrap().silent, model.footprint().zero);
    model.net.w.row_mut(3).fill(0.0);
    model.net.b1[3] = 0.5;
    let after = (model.activity(&corpus.test).unwrap().silent, model.footprint().zero);
    assert_eq!(after, (before.0 + 1, before.1 + 24));
}

#[test]
fn same_seed_same_bits_on_any_number_of_threads() {
    let corpus = corpus();
    for config in configs() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let model = train(&config, &corpus);
                let mut scores = Vec::new();
                model.score(&corpus.test, Context::Sentence, &mut scores);
                (bits(&model.net), scores.iter().map(|s| s.to_bits()).collect::<Vec<_>>())
            })
        };
        let one = run(1);
        assert!(run(2) == one && run(4) == one, "{config:?}");
        assert!(run(1) == one, "{config:?}: the same run twice");
    }
    let other = WindowConfig { seed: 2, ..configs()[0].clone() };
    assert!(bits(&train(&other, &corpus).net) != bits(&train(&configs()[0], &corpus).net));
}

/// Breaks off after every few steps, again and again, each time from the file alone.
#[test]
fn an_interrupted_run_resumed_ends_in_the_same_bits() {
    let corpus = corpus();
    let folder = tempfile::tempdir().unwrap();
    for (i, config) in configs().into_iter().enumerate() {
        let whole = bits(&train(&config, &corpus).net);
        let path = folder.path().join(format!("run{i}"));
        let checkpoints =
            |resume| Some(Checkpoints { path: path.clone(), every: Duration::ZERO, resume });
        let mut sessions = 0;
        let resumed = loop {
            let recipe = WindowRecipe {
                checkpoints: checkpoints(sessions > 0),
                ..WindowRecipe::new(config.clone())
            };
            let mut points = 0;
            // stops at the second point it had not been told before
            let result = recipe.train_model(corpus.train_set(), &mut |progress| match progress {
                Progress::Point(_) => {
                    points += 1;
                    if points > sessions + 1 {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                }
                Progress::Step { .. } => ControlFlow::Continue(()),
            });
            sessions += 1;
            match result {
                Ok((model, _)) => break model,
                Err(lm::Error::Interrupted) => assert!(sessions < 10, "no end"),
                Err(error) => panic!("{error}"),
            }
        };
        assert!(sessions > 2, "{sessions} sessions test nothing");
        assert!(bits(&resumed.net) == whole, "{config:?}");
    }
}

#[test]
fn another_run_is_refused_with_the_difference() {
    let corpus = corpus();
    let folder = tempfile::tempdir().unwrap();
    let config = WindowConfig {
        training: Config { epochs: 1, ..Config::default() },
        nhid: 8,
        ..WindowConfig::default()
    };
    let train = |config: &WindowConfig, corpus: &Corpus| {
        let checkpoints =
            Checkpoints { path: folder.path().join("run"), every: Duration::ZERO, resume: true };
        let recipe =
            WindowRecipe { checkpoints: Some(checkpoints), ..WindowRecipe::new(config.clone()) };
        recipe.train_model(corpus.train_set(), &mut silent).map(|(model, _)| bits(&model.net))
    };
    let first = train(&config, &corpus).unwrap();
    assert!(train(&config, &corpus).unwrap() == first, "a finished run is not run again");
    let error =
        train(&WindowConfig { dropout: 0.5, ..config.clone() }, &corpus).unwrap_err().to_string();
    assert!(error.contains("config.dropout is 0.2 there and 0.5 here"), "{error}");
    let mut shorter = corpus.clone();
    shorter.train = corpus.train.head(500);
    let error = train(&config, &shorter).unwrap_err().to_string();
    assert!(error.contains("corpus is"), "{error}");
}

#[test]
fn a_saved_model_is_read_back_and_damage_is_seen() {
    let corpus = corpus();
    let folder = tempfile::tempdir().unwrap();
    for config in configs() {
        let model = train(&config, &corpus);
        let path = folder.path().join("model");
        model.save(&path, &corpus.vocab).unwrap();
        let read = WindowModel::load(&path).unwrap();
        assert_eq!((bits(&read.net), &read.config), (bits(&model.net), &config));
        assert_eq!(read.vocab().fingerprint(), corpus.vocab.fingerprint());
    }
    let path = folder.path().join("model");
    let whole = std::fs::read(&path).unwrap();
    for damage in
        [whole[..whole.len() / 2].to_vec(), Vec::new(), b"what is this".to_vec(), flipped(&whole)]
    {
        std::fs::write(&path, damage).unwrap();
        let error = WindowModel::load(&path).unwrap_err();
        assert!(matches!(error, lm::Error::File { .. }), "{error}");
    }
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    bytes
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    let corpus = corpus();
    let default = WindowConfig::default;
    let cases = [
        ("nhid", WindowConfig { nhid: 0, ..default() }),
        ("dropout", WindowConfig { dropout: 1.0, ..default() }),
        ("n", WindowConfig { n: 1, ..default() }),
        ("cutoffs", WindowConfig { cutoffs: vec![5], ..default() }),
        (
            "cutoffs",
            WindowConfig { softmax: SoftmaxName::Adaptive, cutoffs: vec![99], ..default() },
        ),
        (
            "training.lr",
            WindowConfig { training: Config { lr: f64::NAN, ..Config::default() }, ..default() },
        ),
    ];
    for (option, config) in cases {
        let error = WindowRecipe::new(config).train(corpus.train_set(), &mut silent).err().unwrap();
        assert!(matches!(&error, lm::Error::Config { option: o, .. } if o == option), "{error}");
    }
    let huge = WindowConfig { nhid: 1 << 30, ..default() };
    let error =
        WindowRecipe::new(huge).train(corpus.train_set(), &mut silent).err().unwrap().to_string();
    assert!(error.contains("memory"), "{error}");
    assert_eq!(
        WindowRecipe::new(WindowConfig { direct: true, ..default() }).id(),
        "window-n5-100-direct"
    );
}
