//! The recurrent language model against the contract of a language model: every cell, trained on a small Markov text.

use std::time::Duration;

use corpus::Corpus;
use lm::{LanguageModel, Recipe, silent};
use neural::testing::{
    bits, damage_is_seen, in_many_sessions, keeps_the_contract, knows_a_squared_norm, markov,
    same_on_any_number_of_threads, scores,
};
use nn::activation::Activation;
use nn::checkpoint::Checkpoints;
use nn::fit::{Config, OptimizerName};
use nn::schedule::Schedule;
use nn::softmax::SoftmaxName;
use nn::tensorfile::{Entry, TensorFile, entries, write};
use rnn::{Backbone, CellName, LmTask, RnnConfig, RnnModel, RnnRecipe};

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
    let shared = RnnConfig { tied: true, cutoffs: Vec::new(), ..clusters.clone() };
    let averaging = Config {
        optimizer: OptimizerName::Sgd,
        lr: 2.0,
        schedule: Schedule::Constant,
        average: 1,
        epochs: 4,
        ..base.training.clone()
    };
    let averaged = RnnConfig { training: averaging, ..base.clone() };
    let by_rule = RnnConfig { softmax, cell: CellName::Lstm, dropout_weights: 0.1, ..base };
    vanilla.into_iter().chain(gated).chain([deep, clusters, shared, by_rule, averaged]).collect()
}

fn train(config: &RnnConfig, corpus: &Corpus) -> RnnModel {
    RnnRecipe::new(config.clone()).train_model(corpus.train_set(), &mut silent).unwrap().0
}

#[test]
fn the_norm_of_the_output_matrix_is_summed_on_the_way() {
    let corpus = markov();
    for config in configs() {
        let a = config.architecture(corpus.vocab.len());
        let layout = config.layout(&corpus.vocab).unwrap();
        let net = Backbone::start_with(&a, &layout, &config.start());
        let known = knows_a_squared_norm(&mut LmTask::new(&net, &config, corpus.train_set()), &net);
        assert_eq!(known, config.softmax == SoftmaxName::Full && !config.tied);
    }
}

#[test]
fn every_model_keeps_the_contract_and_beats_the_unigram_model() {
    let corpus = markov();
    for config in configs() {
        let model = train(&config, &corpus);
        keeps_the_contract(&model, &model.net, &corpus);
        let activity = model.activity(&corpus.test).unwrap();
        assert_eq!(activity.units, (config.nhid * config.nlayers) as u64);
        assert!(activity.silent < activity.units);
    }
}

/// Whoever looks at the weights on the way sees the start first, every step once, and changes nothing.
#[test]
fn a_watched_run_is_the_same_run() {
    let corpus = markov();
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
    let corpus = markov();
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
    let corpus = markov();
    for config in configs() {
        same_on_any_number_of_threads(|| {
            let model = train(&config, &corpus);
            (bits(&model.net), scores(&model, &corpus.test))
        });
    }
    let other = RnnConfig { seed: 2, ..configs()[0].clone() };
    assert!(bits(&train(&other, &corpus).net) != bits(&train(&configs()[0], &corpus).net));
}

/// Breaks off after every few steps, again and again, each time from the file alone.
#[test]
fn an_interrupted_run_resumed_ends_in_the_same_bits() {
    let corpus = markov();
    let folder = tempfile::tempdir().unwrap();
    for (i, config) in configs().into_iter().enumerate() {
        let whole = bits(&train(&config, &corpus).net);
        let path = folder.path().join(format!("run{i}"));
        let resumed = in_many_sessions(&path, |checkpoints, log| {
            let recipe =
                RnnRecipe { checkpoints: Some(checkpoints), ..RnnRecipe::new(config.clone()) };
            Ok(recipe.train_model(corpus.train_set(), log)?.0)
        });
        assert!(bits(&resumed.net) == whole, "{config:?}");
    }
}

#[test]
fn another_run_is_refused_with_the_difference() {
    let corpus = markov();
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
    let corpus = markov();
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
    damage_is_seen(&train(&configs()[0], &corpus), &corpus.vocab, &path, RnnModel::load);
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

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    let corpus = markov();
    let default = RnnConfig::default;
    let cases = [
        ("nhid", RnnConfig { nhid: 0, ..default() }),
        ("dropout", RnnConfig { dropout: 1.0, ..default() }),
        ("tied", RnnConfig { tied: true, emsize: 3, ..default() }),
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
