//! The recurrent language model against the contract of a language model: every cell, trained on a small Markov text.

use std::ops::ControlFlow;
use std::time::Duration;

use corpus::{Corpus, CorpusOptions};
use lm::{Context, LanguageModel, Progress, Recipe, Unigram, conformance, evaluate, silent};
use nn::activation::Activation;
use nn::checkpoint::Checkpoints;
use nn::fit::Config;
use nn::params::Params;
use nn::rng::{stream, unit};
use nn::softmax::SoftmaxName;
use nn::tensorfile::{Entry, TensorFile, entries, write};
use rnn::{Backbone, CellName, RnnConfig, RnnModel, RnnRecipe};

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

fn configs() -> Vec<RnnConfig> {
    let base = RnnConfig {
        nhid: 24,
        batch_size: 21, // two unequal groups of lanes
        bptt: 8,
        dropout: 0.1,
        training: Config { epochs: 3, lr: 1e-2, validations: 2, ..Config::default() },
        ..RnnConfig::default()
    };
    let vanilla = [Activation::Tanh, Activation::Sigmoid, Activation::Relu]
        .map(|sigma| RnnConfig { sigma, ..base.clone() });
    let gated = [CellName::Gru, CellName::Lstm].map(|cell| RnnConfig { cell, ..base.clone() });
    let deep = RnnConfig { nlayers: 2, tied: true, reset: true, ..base.clone() };
    let softmax = SoftmaxName::Adaptive;
    let clusters = RnnConfig { softmax, cutoffs: vec![4, 9], div_value: 3, ..base.clone() };
    let by_rule = RnnConfig { softmax, cell: CellName::Lstm, dropout_weights: 0.1, ..base };
    vanilla.into_iter().chain(gated).chain([deep, clusters, by_rule]).collect()
}

fn train(config: &RnnConfig, corpus: &Corpus) -> RnnModel {
    RnnRecipe::new(config.clone()).train_model(corpus.train_set(), &mut silent).unwrap().0
}

fn bits(net: &Backbone<f32>) -> Vec<u32> {
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
        assert_eq!(activity.units, (config.nhid * config.nlayers) as u64);
        assert!(activity.silent < activity.units);
        let footprint = model.footprint();
        assert_eq!(
            (footprint.params, footprint.bytes),
            (model.net.numbers() as u64, model.net.numbers() as u64 * 4)
        );
    }
}

/// Whoever looks at the weights on the way sees the start first, every step once, and changes nothing.
#[test]
fn a_watched_run_is_the_same_run() {
    let corpus = corpus();
    let config = configs().swap_remove(0);
    let mut seen = Vec::new();
    let mut watch = |step: u64, net: &Backbone<f32>| seen.push((step, bits(net)));
    let recipe = RnnRecipe::new(config.clone());
    let (watched, _) =
        recipe.train_watched(corpus.train_set(), &mut silent, Some(&mut watch)).unwrap();
    assert_eq!(bits(&watched.net), bits(&train(&config, &corpus).net));
    let start = Backbone::start(&config.architecture(corpus.vocab.len()), &config.start());
    assert_eq!(seen[0].1, bits(&start));
    assert!(seen.iter().enumerate().all(|(i, (step, _))| *step == i as u64));
    assert!(seen.len() > 10 && seen.windows(2).all(|w| w[0].1 != w[1].1));
    let wide = watched.net.cast::<f64>();
    assert_eq!(bits(&wide.cast()), bits(&watched.net), "f64 holds every f32");
}

#[test]
fn a_unit_cut_off_is_silent_and_its_weights_are_zero() {
    let corpus = corpus();
    let mut model = train(&configs()[0], &corpus);
    let before = (model.activity(&corpus.test).unwrap().silent, model.footprint().zero);
    let layer = &mut model.net.layers[0];
    layer.w_e.row_mut(3).fill(0.0);
    layer.w_h.row_mut(3).fill(0.0);
    layer.b1[3] = 0.5;
    let after = (model.activity(&corpus.test).unwrap().silent, model.footprint().zero);
    assert_eq!(after, (before.0 + 1, before.1 + 48));
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
    let other = RnnConfig { seed: 2, ..configs()[0].clone() };
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
            let recipe = RnnRecipe {
                checkpoints: checkpoints(sessions > 0),
                ..RnnRecipe::new(config.clone())
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
    let config = RnnConfig {
        training: Config { epochs: 1, ..Config::default() },
        nhid: 8,
        ..RnnConfig::default()
    };
    let train = |config: &RnnConfig, corpus: &Corpus| {
        let checkpoints =
            Checkpoints { path: folder.path().join("run"), every: Duration::ZERO, resume: true };
        let recipe = RnnRecipe { checkpoints: Some(checkpoints), ..RnnRecipe::new(config.clone()) };
        recipe.train_model(corpus.train_set(), &mut silent).map(|(model, _)| bits(&model.net))
    };
    let first = train(&config, &corpus).unwrap();
    assert!(train(&config, &corpus).unwrap() == first, "a finished run is not run again");
    let error =
        train(&RnnConfig { dropout: 0.5, ..config.clone() }, &corpus).unwrap_err().to_string();
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
        let read = RnnModel::load(&path).unwrap();
        assert_eq!((bits(&read.net), &read.config), (bits(&model.net), &config));
        assert_eq!(read.vocab().fingerprint(), corpus.vocab.fingerprint());
    }
    let path = folder.path().join("model");
    ranks_of_another_model_are_refused(&train(&configs()[6], &corpus), &path);
    let whole = std::fs::read(&path).unwrap();
    for damage in
        [whole[..whole.len() / 2].to_vec(), Vec::new(), b"what is this".to_vec(), flipped(&whole)]
    {
        std::fs::write(&path, damage).unwrap();
        let error = RnnModel::load(&path).unwrap_err();
        assert!(matches!(error, lm::Error::File { .. }), "{error}");
    }
}

/// A file that is whole but says of two words that they have one rank, or cuts where its weights do not.
fn ranks_of_another_model_are_refused(model: &RnnModel, path: &std::path::Path) {
    model.save(path, model.vocab()).unwrap();
    for (tensor, place, number) in
        [("decoder.ranks", 3, 5.0), ("decoder.ranks", 3, 0.5), ("decoder.cutoffs", 0, 5.0)]
    {
        let (meta, mut tables) = (TensorFile::read(path).unwrap().meta, Vec::new());
        for (name, mut data) in model.net.output.layout().tables() {
            if name == tensor {
                data[place] = number;
            }
            tables.push((name, data));
        }
        let mut list = entries(&model.net, "");
        for (name, data) in &tables {
            list.push(Entry { name: (*name).into(), dims: vec![data.len()], data });
        }
        let other = path.with_extension("other");
        write(&other, list, meta).unwrap();
        let error = RnnModel::load(&other).unwrap_err().to_string();
        assert!(error.contains("rank") || error.contains("decoder.head"), "{error}");
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
    let default = RnnConfig::default;
    let cases = [
        ("nhid", RnnConfig { nhid: 0, ..default() }),
        ("dropout", RnnConfig { dropout: 1.0, ..default() }),
        ("tied", RnnConfig { tied: true, emsize: 3, ..default() }),
        ("tied", RnnConfig { tied: true, softmax: SoftmaxName::Adaptive, ..default() }),
        ("cutoffs", RnnConfig { cutoffs: vec![5], ..default() }),
        ("cutoffs", RnnConfig { softmax: SoftmaxName::Adaptive, cutoffs: vec![9, 5], ..default() }),
        ("div_value", RnnConfig { softmax: SoftmaxName::Adaptive, div_value: 0, ..default() }),
        (
            "training.lr",
            RnnConfig { training: Config { lr: f64::NAN, ..Config::default() }, ..default() },
        ),
    ];
    for (option, config) in cases {
        let error = RnnRecipe::new(config).train(corpus.train_set(), &mut silent).err().unwrap();
        assert!(matches!(&error, lm::Error::Config { option: o, .. } if o == option), "{error}");
    }
    let huge = RnnConfig { nhid: 1 << 30, ..default() };
    let error =
        RnnRecipe::new(huge).train(corpus.train_set(), &mut silent).err().unwrap().to_string();
    assert!(error.contains("memory"), "{error}");
    let error = toml::from_str::<RnnConfig>("nhidden = 3").unwrap_err().to_string();
    assert!(error.contains("nhidden") && error.contains("nhid"), "{error}");
    let text = "cell = 'lstm'\nnhid = 650\ninit = { uniform = 0.1 }\n[training]\nlr = 1.0\noptimizer = 'sgd'\n";
    let config: RnnConfig = toml::from_str(text).unwrap();
    assert_eq!(RnnRecipe::new(config).id(), "lstm-650");
    let config: RnnConfig = toml::from_str("softmax = 'adaptive'\ncutoffs = [1000, 4000]").unwrap();
    assert_eq!(RnnRecipe::new(config).id(), "rnn-200-adaptive");
}
