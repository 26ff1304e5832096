//! The cache against a literal transcription of its formula.
use super::tune::{THETAS, WINDOWS};
use super::*;
use crate::config::{CellName, RnnConfig};
use crate::recipe::RnnRecipe;
use corpus::{Corpus, CorpusOptions};
use nn::fit::Config;
use nn::softmax::SoftmaxName;

/// A stretch of nine sentences has four words of thirty: what a cache likes.
fn corpus() -> Corpus {
    let sentence = |i: usize| {
        let chance = |n: usize| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let word = |j: usize| format!("w{}", chance(i / 9 * 4 + chance(i * 8 + j) % 4) % 30);
        (0..3 + i % 5).map(word).collect::<Vec<_>>().join(" ")
    };
    let part = |from: usize, n: usize| (from..from + n).map(sentence).collect::<Vec<_>>();
    let parts = [part(0, 200), part(500, 150), part(900, 150)];
    Corpus::from_sentences("topics", &parts, "made".into(), CorpusOptions::default())
}

fn trained(cell: CellName, corpus: &Corpus) -> Arc<RnnModel> {
    trained_with(RnnConfig { cell, ..RnnConfig::default() }, corpus)
}

fn trained_with(config: RnnConfig, corpus: &Corpus) -> Arc<RnnModel> {
    let training = Config { epochs: 2, lr: 1e-2, ..Config::default() };
    let config = RnnConfig { nhid: 12, batch_size: 5, bptt: 8, training, ..config };
    Arc::new(RnnRecipe::new(config).train_model(corpus.train_set(), &mut lm::silent).unwrap().0)
}

/// The states h_0, h_1, … along a text, by the network's reader.
fn states(model: &RnnModel, text: &Tokens) -> Vec<Vec<f64>> {
    let mut reader = RnnReader::new(&model.net, model.vocab().eos());
    let state = |token: &TokenId| {
        let h = reader.output().iter().map(|x| f64::from(*x)).collect();
        reader.feed(*token);
        h
    };
    text.flat().iter().map(state).collect()
}

/// The formula, word for word.
fn oracle(model: &CachedModel, text: &Tokens) -> Vec<f64> {
    let (h, x) = (states(&model.base, text), text.flat());
    let CacheSettings { window, theta, lambda } = model.settings;
    let mut network = Vec::new();
    model.base.score(text, Context::Stream, &mut network);
    let p = |t: usize| {
        let weight = |i: usize| {
            let dot: f64 = h[t].iter().zip(&h[i]).map(|(a, b)| a * b).sum();
            (f64::from(theta) * dot).exp()
        };
        let seen = t.saturating_sub(window)..t;
        let all: f64 = seen.clone().map(weight).sum();
        let hit: f64 = seen.filter(|i| x[*i] == x[t]).map(weight).sum();
        if t == 0 {
            network[0].exp()
        } else {
            (1.0 - lambda) * network[t].exp() + lambda * hit / all
        }
    };
    (0..x.len()).map(|t| p(t).ln()).collect()
}

#[test]
fn scores_are_those_of_the_formula() {
    let corpus = corpus();
    let text = &corpus.test;
    assert!(text.targets() > SCORE_ROWS + 100, "more than a block: {}", text.targets());
    let softmax = SoftmaxName::Adaptive;
    let clusters = RnnConfig { softmax, cutoffs: vec![5, 12], tied: true, ..RnnConfig::default() };
    let bases = [CellName::Rnn, CellName::Lstm].map(|cell| trained(cell, &corpus));
    for base in bases.into_iter().chain([trained_with(clusters, &corpus)]) {
        for (window, theta) in [(1, 1.0), (7, 0.3), (600, 0.1), (5_000, 2.0)] {
            let settings = CacheSettings { window, theta, lambda: 0.3 };
            let model = CachedModel::new(base.clone(), settings);
            let mut scores = Vec::new();
            model.score(text, Context::Stream, &mut scores);
            for (t, (score, wanted)) in scores.iter().zip(oracle(&model, text)).enumerate() {
                assert!((score - wanted).abs() < 1e-4, "{settings:?}, {t}: {score} {wanted}");
            }
        }
    }
}

#[test]
fn it_keeps_the_contract() {
    let corpus = corpus();
    let base = trained(CellName::Gru, &corpus);
    let settings = CacheSettings { window: 20, theta: 0.5, lambda: 0.4 };
    let model = CachedModel::new(base.clone(), settings);
    lm::conformance::check_within(&model, &corpus.valid, 1e-5, 1e-4);
    assert_eq!(model.footprint().bytes, base.footprint().bytes + 20 * 13 * 4);
}

#[test]
fn tuning_finds_a_cache_that_helps_and_no_other_of_the_grid_is_better() {
    let corpus = corpus();
    let base = trained(CellName::Lstm, &corpus);
    let model = tune(&base, &corpus.valid, &mut lm::silent).unwrap();
    let sum = |model: &dyn LanguageModel| {
        let mut scores = Vec::new();
        model.score(&corpus.valid, Context::Stream, &mut scores);
        scores.iter().sum::<f64>()
    };
    let best = sum(&model);
    assert!(best > sum(&*base) + 1.0, "{:?}: {best} {}", model.settings, sum(&*base));
    for theta in THETAS {
        for lambda in [0.02, 0.1, 0.3, 0.6] {
            let settings = CacheSettings { window: WINDOWS[0], theta, lambda };
            let other = sum(&CachedModel::new(base.clone(), settings));
            assert!(other < best + 1e-2, "{settings:?}: {other} {best}");
        }
    }
}

#[test]
fn same_bits_on_any_number_of_threads() {
    let corpus = corpus();
    let base = trained(CellName::Rnn, &corpus);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let model = tune(&base, &corpus.valid, &mut lm::silent).unwrap();
            let mut scores = Vec::new();
            model.score(&corpus.test, Context::Stream, &mut scores);
            (model.settings, scores)
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let good = CacheSettings { window: 5, theta: 0.3, lambda: 0.1 };
    assert!(good.check().is_ok());
    for (name, settings) in [
        ("window", CacheSettings { window: 0, ..good }),
        ("theta", CacheSettings { theta: f32::NAN, ..good }),
        ("lambda", CacheSettings { lambda: 1.5, ..good }),
    ] {
        let error = settings.check().unwrap_err();
        assert!(matches!(&error, Error::Config { option, .. } if option == name), "{error}");
    }
}
