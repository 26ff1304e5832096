//! Buckets by hand, EM against a grid and against the plain mixture, the contract.
use super::*;
use crate::{Uniform, Unigram, UnigramCache, conformance, mixture_nll};

/// Sentences over words 0..4, `</s>` being 4.
fn text(seed: u32, sentences: u32) -> Tokens {
    let mut text = Tokens::default();
    for i in 0..sentences {
        let word = |j: u32| TokenId((i * i * 7 + i * j * 3 + seed + j * j) % 97 % 4);
        let ids: Vec<TokenId> = (0..1 + (i + seed) % 6).map(word).chain([TokenId(4)]).collect();
        text.push_sentence(&ids, 1);
    }
    text
}

/// Scores of three parts: one good where contexts are seldom, one where they are frequent, one never very.
fn scores(bucket_of: &[u8]) -> [Vec<f64>; 3] {
    let part = |good: fn(u8) -> bool, k: usize| {
        let one =
            |(t, &b): (usize, &u8)| -(if good(b) { 1.0 } else { 3.0 }) - (t * k % 13) as f64 * 0.1;
        bucket_of.iter().enumerate().map(one).collect::<Vec<f64>>()
    };
    [part(|b| b < 38, 5), part(|b| b >= 38, 7), part(|b| b % 2 == 0, 3)]
}

#[test]
fn buckets_are_powers_of_two_of_the_context_count() {
    let mut train = Tokens::default();
    (0..5).for_each(|_| train.push_sentence(&[0, 1, 4].map(TokenId), 1));
    let buckets = ContextBuckets::new(&train, 5, TokenId(4));
    let mut text = Tokens::default();
    // <s> <s> five times, <s> 0 five times, 0 1 five times; <s> 1 never, 1 five times; 1 2 never, 2 never
    text.push_sentence(&[0, 1, 4].map(TokenId), 1);
    text.push_sentence(&[1, 2, 4].map(TokenId), 1);
    let seen = LEVELS as u8 + 2;
    assert_eq!(buckets.of(&text), [seen, seen, seen, seen, 2, 0]);
    assert_eq!(ContextBuckets::describe(seen.into()), "last two words seen 3 to 6 times");
    assert_eq!(ContextBuckets::describe(0), "never together, the last word never");
}

#[test]
fn one_bucket_is_the_plain_mixture() {
    let bucket_of = ContextBuckets::new(&text(1, 40), 5, TokenId(4)).of(&text(2, 300));
    let scores = scores(&bucket_of);
    let scores: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
    let one = vec![3; bucket_of.len()];
    let weights = em_bucket_weights(&scores, &one, PRIOR);
    for (w, plain) in weights[3].iter().zip(em_weights(&scores)) {
        assert!((w - plain).abs() < 1e-3, "{weights:?}");
    }
    let (a, b) = (
        bucketed_log_probs(&weights, &one, &scores).iter().sum::<f64>(),
        mixture_nll(&em_weights(&scores), &scores).iter().sum::<f64>(),
    );
    assert!((a - b).abs() < 1e-4 * b.abs(), "{a} {b}");
}

#[test]
fn no_bucket_is_worse_than_the_plain_mixture_and_few_targets_move_little() {
    let bucket_of = ContextBuckets::new(&text(1, 40), 5, TokenId(4)).of(&text(2, 300));
    let scores = scores(&bucket_of);
    let scores: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
    let plain = em_weights(&scores);
    let global = mixture_nll(&plain, &scores);
    let mut gains = Vec::new();
    for prior in [1.0, PRIOR, 1e9] {
        let weights = em_bucket_weights(&scores, &bucket_of, prior);
        let own = bucketed_log_probs(&weights, &bucket_of, &scores);
        for bucket in 0..ContextBuckets::LEN as u8 {
            let of = |l: &[f64]| -> f64 {
                l.iter().zip(&bucket_of).filter(|(_, b)| **b == bucket).map(|(l, _)| l).sum()
            };
            assert!(of(&own) >= of(&global) - 1e-6, "bucket {bucket} at prior {prior}");
        }
        gains.push(own.iter().sum::<f64>() - global.iter().sum::<f64>());
    }
    assert!(gains[0] > gains[1] && gains[1] > gains[2], "{gains:?}");
    assert!(gains[0] > 10.0 && gains[2].abs() < 1e-3, "{gains:?}");
}

#[test]
fn em_towards_a_centre_meets_a_grid_search() {
    let (centre, prior) = ([0.3, 0.7], 20.0);
    let rows: Vec<f64> = (0..120).map(|i| 0.05 + (i * 37 % 11) as f64 * 0.08).collect();
    let objective = |w: f64| {
        let fit: f64 = rows.chunks(2).map(|r| (w * r[0] + (1.0 - w) * r[1]).ln()).sum();
        fit + prior * (centre[0] * w.ln() + centre[1] * (1.0 - w).ln())
    };
    let grid = (1..1000).map(|i| f64::from(i) / 1000.0);
    let best = grid.max_by(|a, b| objective(*a).total_cmp(&objective(*b))).unwrap();
    let found = em_towards(&centre, prior, &rows)[0];
    assert!((found - best).abs() < 2e-3 && (found - 0.3).abs() > 1e-2, "{found} {best}");
}

#[test]
fn it_is_a_model() {
    let parts: Vec<Arc<dyn LanguageModel>> = vec![
        Arc::new(Uniform { vocab_len: 5 }),
        Arc::new(Unigram::from_counts(&[5, 1, 2, 3, 4])),
        Arc::new(UnigramCache { vocab_len: 5, window: 7 }),
    ];
    let weights = (0..ContextBuckets::LEN).map(|b| {
        let w = (b % 10) as f64 / 20.0;
        vec![w, 0.5 - w, 0.5]
    });
    let buckets = ContextBuckets::new(&text(1, 40), 5, TokenId(4));
    let mixture = BucketedMixture::new(parts, weights.collect(), buckets);
    conformance::check(&mixture, &text(2, 30));
    let parts: u64 = mixture.parts.iter().map(|p| p.footprint().bytes).sum();
    assert!(mixture.footprint().bytes > parts, "the contexts are stored, too");
}
