//! The contract, causality, determinism, the choice of settings.
use super::*;
use crate::config::{CellName, RnnConfig};
use crate::recipe::RnnRecipe;
use corpus::{Corpus, CorpusOptions};
use nn::fit::Config;
use nn::softmax::SoftmaxName;

/// A chain over nine words, each with two successors; the texts after training use four of the words only.
fn corpus() -> Corpus {
    let sentence = |i: usize, words: usize| {
        let chance = |n: usize| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let mut word = i % words;
        let mut next = |j: usize| {
            word = (word * 2 + 1 + chance(i * 16 + j) % 2) % words;
            format!("w{word}")
        };
        (0..3 + i % 6).map(&mut next).collect::<Vec<_>>().join(" ")
    };
    let text = |n, words| (0..n).map(|i| sentence(i, words)).collect::<Vec<_>>();
    let parts = [text(300, 9), text(150, 4), text(150, 4)];
    Corpus::from_sentences("chain", &parts, "made".into(), CorpusOptions::default())
}

fn trained(config: RnnConfig, corpus: &Corpus) -> Arc<RnnModel> {
    let training = Config { epochs: 2, lr: 1e-2, ..Config::default() };
    let config = RnnConfig { nhid: 12, batch_size: 5, bptt: 8, training, ..config };
    let recipe = RnnRecipe::new(config);
    Arc::new(recipe.train_model(corpus.train_set(), &mut lm::silent).unwrap().0)
}

fn configs() -> [RnnConfig; 6] {
    let base = RnnConfig::default;
    let clusters = || RnnConfig { softmax: SoftmaxName::Adaptive, cutoffs: vec![3, 6], ..base() };
    [
        RnnConfig { cell: CellName::Lstm, ..clusters() },
        RnnConfig { tied: true, ..clusters() },
        base(),
        RnnConfig { cell: CellName::Gru, nlayers: 2, tied: true, ..base() },
        RnnConfig { cell: CellName::Lstm, emsize: 7, ..base() },
        RnnConfig { cell: CellName::Lstm, frozen: true, ..base() },
    ]
}

fn adaptation(normalised: bool) -> Adaptation {
    Adaptation { rate: 0.05, decay: 0.002, segment: 4, normalised }
}

fn dynamic(base: &Arc<RnnModel>, normalised: bool, corpus: &Corpus) -> DynamicModel {
    let gradients = Gradients::of(base, &corpus.train, &mut lm::silent).unwrap();
    DynamicModel::new(base.clone(), adaptation(normalised), Some(Arc::new(gradients)))
}

#[test]
fn it_keeps_the_contract_and_learns_which_words_are_in_use() {
    let corpus = corpus();
    for config in configs() {
        let base = trained(config, &corpus);
        let nll = |model: &dyn LanguageModel| {
            let mut scores = Vec::new();
            model.score(&corpus.test, Context::Stream, &mut scores);
            -scores.iter().sum::<f64>() / scores.len() as f64
        };
        for normalised in [false, true] {
            let model = dynamic(&base, normalised, &corpus);
            lm::conformance::check_within(&model, &corpus.valid.head(40), 1e-5, 1e-4);
            let (still, moving) = (nll(&*base), nll(&model));
            assert!(moving < still - 0.05, "{:?}: {still} {moving}", base.config.cell);
        }
    }
}

#[test]
fn a_rate_of_zero_is_the_network_itself() {
    let corpus = corpus();
    let base = trained(RnnConfig::default(), &corpus);
    let still = Adaptation { rate: 0.0, ..adaptation(false) };
    let (mut a, mut b) = (Vec::new(), Vec::new());
    DynamicModel::new(base.clone(), still, None).score(&corpus.test, Context::Stream, &mut a);
    base.score(&corpus.test, Context::Stream, &mut b);
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5));
}

/// Other tokens from place `p` on: all scores before are the same, bit for bit, and so is the distribution at `p`.
#[test]
fn a_token_is_scored_before_it_is_learnt_from() {
    let corpus = corpus();
    let base = trained(RnnConfig { cell: CellName::Lstm, ..RnnConfig::default() }, &corpus);
    let model = dynamic(&base, true, &corpus);
    let text = corpus.test.head(20);
    let mut whole = Vec::new();
    model.score(&text, Context::Stream, &mut whole);
    for place in [1, 4, 5, 11, 40] {
        let mut changed = Tokens::default();
        let ids = text.flat().iter().enumerate();
        let other = |(i, t): (usize, &TokenId)| {
            if i < place { *t } else { TokenId((t.0 + 1 + i as u32 % 3) % 9) }
        };
        changed.push_sentence(&ids.map(other).collect::<Vec<_>>(), 1);
        let mut scores = Vec::new();
        model.score(&changed, Context::Stream, &mut scores);
        assert_eq!(scores[..place], whole[..place]);
        assert_ne!(scores[place..], whole[place..]);
    }
}

#[test]
fn same_bits_on_any_number_of_threads_and_a_wild_rate_stays_finite() {
    let corpus = corpus();
    let base = trained(RnnConfig::default(), &corpus);
    let score = |threads, rate| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let gradients = Gradients::of(&base, &corpus.train, &mut lm::silent).unwrap();
            let adaptation = Adaptation { rate, ..adaptation(true) };
            let model = DynamicModel::new(base.clone(), adaptation, Some(Arc::new(gradients)));
            let mut scores = Vec::new();
            model.score(&corpus.test, Context::Stream, &mut scores);
            scores
        })
    };
    assert_eq!(score(1, 0.2), score(3, 0.2));
    assert!(score(2, 1e6).iter().all(|s| s.is_finite()));
}

#[test]
fn tuning_takes_what_is_best_on_the_validation_text_and_can_be_stopped() {
    let corpus = corpus();
    let base = trained(RnnConfig::default(), &corpus);
    let tuned =
        |log: &mut Log<'_>| tune(&base, Some(&corpus.train), &corpus.valid, Context::Stream, log);
    let model = tuned(&mut lm::silent).unwrap();
    let nll = |model: &dyn LanguageModel| {
        let mut scores = Vec::new();
        model.score(&corpus.valid, Context::Stream, &mut scores);
        -scores.iter().sum::<f64>() / scores.len() as f64
    };
    assert!(nll(&model) < nll(&dynamic(&base, false, &corpus)) + 1e-9, "{:?}", model.adaptation);
    let mut left = 30;
    let stopped = tuned(&mut |_| {
        left -= 1;
        if left > 0 {
            std::ops::ControlFlow::Continue(())
        } else {
            std::ops::ControlFlow::Break(())
        }
    });
    assert!(matches!(stopped, Err(Error::Interrupted)));
}

/// Word vectors that catch up when they are read end where they would be if all moved at every step.
#[test]
fn vectors_that_catch_up_are_where_the_formula_has_them() {
    let corpus = corpus();
    let base = trained(RnnConfig { emsize: 5, ..RnnConfig::default() }, &corpus);
    for normalised in [false, true] {
        let strong = Adaptation { rate: 0.5, decay: 0.05, ..adaptation(normalised) };
        let model = DynamicModel { adaptation: strong, ..dynamic(&base, normalised, &corpus) };
        let (mut lazy, mut eager) = (model.learner(), model.learner());
        eager.moved.clear(); // as for tied weights: every vector takes part in every step
        for segment in corpus.test.head(60).flat().chunks_exact(strong.segment) {
            for learner in [&mut lazy, &mut eager] {
                model.read(learner, segment);
                model.learn(learner);
            }
        }
        let all: Vec<usize> = (0..base.net.vocab()).collect();
        model.catch_up(&mut lazy, &all);
        assert!(lazy.steps > 20 && lazy.net.encoder.w != base.net.encoder.w);
        let difference = (&lazy.net.encoder.w - &eager.net.encoder.w).mapv(f32::abs);
        assert!(difference.iter().all(|d| *d < 1e-4), "{difference}");
    }
}
