//! The window language model against the contract of a language model: every structure, trained on a small Markov text.

use std::time::Duration;

use corpus::Corpus;
use lm::{LanguageModel, Recipe, silent};
use neural::testing::{
    bits, damage_is_seen, in_many_sessions, keeps_the_contract, knows_a_squared_norm, markov,
    same_on_any_number_of_threads, scores,
};
use nn::checkpoint::Checkpoints;
use nn::fit::Config;
use nn::softmax::SoftmaxName;
use window::{LmTask, WindowConfig, WindowModel, WindowNet, WindowRecipe};

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
    let direct =
        WindowConfig { direct: true, dropout_embedding: 0.1, dropout_words: 0.1, ..base.clone() };
    let tied = WindowConfig { tied_positions: true, n: 2, reset: true, ..base.clone() };
    let bags = WindowConfig { bags: 3, dropout_words: 0.1, ..base.clone() };
    let tied_bags = WindowConfig { tied_positions: true, direct: true, ..bags.clone() };
    let frozen = WindowConfig { frozen: true, init_range: 1.0, ..base.clone() };
    let softmax = SoftmaxName::Adaptive;
    let clusters = WindowConfig { softmax, cutoffs: vec![4, 9], div_value: 3, ..base.clone() };
    let by_rule = WindowConfig { softmax, direct: true, ..base.clone() };
    let shared = WindowConfig { softmax, tied: true, nhid: 8, ..base.clone() };
    vec![base, direct, tied, bags, tied_bags, frozen, clusters, by_rule, shared]
}

fn train(config: &WindowConfig, corpus: &Corpus) -> WindowModel {
    WindowRecipe::new(config.clone()).train_model(corpus.train_set(), &mut silent).unwrap().0
}

#[test]
fn the_norm_of_the_output_matrix_is_summed_on_the_way() {
    let corpus = markov();
    for config in configs() {
        let a = config.architecture(corpus.vocab.len());
        let layout = config.layout(&corpus.vocab).unwrap();
        let net = WindowNet::start_with(&a, &layout, config.seed, config.init_range);
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
        assert_eq!(activity.units, config.nhid as u64);
        assert!(activity.silent < activity.units);
    }
}

#[test]
fn a_unit_cut_off_is_silent_and_its_weights_are_zero() {
    let corpus = markov();
    let mut model = train(&configs()[0], &corpus);
    let before = (model.activity(&corpus.test).unwrap().silent, model.footprint().zero);
    model.net.w.row_mut(3).fill(0.0);
    model.net.b1[3] = 0.5;
    let after = (model.activity(&corpus.test).unwrap().silent, model.footprint().zero);
    assert_eq!(after, (before.0 + 1, before.1 + 24));
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
    let other = WindowConfig { seed: 2, ..configs()[0].clone() };
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
            let recipe = WindowRecipe {
                checkpoints: Some(checkpoints),
                ..WindowRecipe::new(config.clone())
            };
            Ok(recipe.train_model(corpus.train_set(), log)?.0)
        });
        assert!(bits(&resumed.net) == whole, "{config:?}");
    }
}

#[test]
fn another_run_is_refused_with_the_difference() {
    let corpus = markov();
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
    let corpus = markov();
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
    damage_is_seen(&train(&configs()[0], &corpus), &corpus.vocab, &path, WindowModel::load);
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    let corpus = markov();
    let default = WindowConfig::default;
    let cases = [
        ("nhid", WindowConfig { nhid: 0, ..default() }),
        ("dropout", WindowConfig { dropout: 1.0, ..default() }),
        ("n", WindowConfig { n: 1, ..default() }),
        ("cutoffs", WindowConfig { cutoffs: vec![5], ..default() }),
        ("tied", WindowConfig { tied: true, ..default() }),
        ("direct", WindowConfig { tied: true, direct: true, nhid: 60, ..default() }),
        ("frozen", WindowConfig { tied: true, frozen: true, nhid: 60, ..default() }),
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
