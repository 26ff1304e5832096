//! The contract every model of the registry is tested against.
use corpus::Tokens;

use crate::model::{Context, LanguageModel, walk};

/// Checks a normalised model on a text, in both contexts: every distribution sums to one, no NaN, and `score` equals the
/// walk of its reader. Tolerances are absolute, in nats; `score_tolerance` is 1e-9 for models in f64, more for f32.
///
/// # Panics
/// Where the contract is broken.
pub fn check_within(
    model: &dyn LanguageModel,
    text: &Tokens,
    sum_tolerance: f64,
    score_tolerance: f64,
) {
    let mut reader = model.reader();
    let mut log_probs = vec![0.0; model.vocab_len()];
    for &token in text.flat().iter().take(200) {
        reader.log_probs(&mut log_probs);
        let sum: f64 = log_probs.iter().map(|l| l.exp()).sum();
        assert!((sum - 1.0).abs() <= sum_tolerance, "the distribution sums to {sum}");
        reader.feed(token);
    }
    check_scores(model, text, score_tolerance);
}

/// The part of the contract that unnormalised models (stupid back-off) keep, too: `score` equals the walk.
///
/// # Panics
/// Where the contract is broken.
pub fn check_scores(model: &dyn LanguageModel, text: &Tokens, tolerance: f64) {
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    for context in [Context::Sentence, Context::Stream] {
        model.score(text, context, &mut fast);
        walk(model, text, context, &mut slow);
        assert_eq!(fast.len(), text.targets());
        for (i, (f, s)) in fast.iter().zip(&slow).enumerate() {
            assert!(
                f == s || (f - s).abs() <= tolerance,
                "{context}, target {i}: score {f}, reader {s}"
            );
        }
    }
}

/// [`check_within`] at 1e-9.
///
/// # Panics
/// Where the contract is broken.
pub fn check(model: &dyn LanguageModel, text: &Tokens) {
    check_within(model, text, 1e-9, 1e-9);
}
