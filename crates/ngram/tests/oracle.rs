//! The formulas transcribed literally and slowly, from the papers, against the fast path, on random corpora of odd shapes.
//!
//! Sources: Chen & Goodman 1998 (TR-10-98) for Kneser-Ney (§4.1.6, eq. 20, 26, 27) and Witten-Bell (eq. 16); Brants et al.
//! 2007 (eq. 5) for stupid back-off; Lidstone 1920 for add-k; a ratio of counts as the lecture has it.
mod formulas;

use corpus::{TokenId, Tokens};
use formulas::{Corpus, Oracle};
use lm::{Context, LanguageModel, conformance, silent};
use ngram::{Counting, DiscountSource, GramCounts, NgramModel, NgramRecipe, Smoothing};
use proptest::prelude::*;

/// `</s>` in every corpus here.
const EOS: u32 = 0;

fn tokens(sentences: &[Vec<u32>]) -> Tokens {
    let mut tokens = Tokens::default();
    for sentence in sentences {
        let ids: Vec<TokenId> = sentence.iter().copied().chain([EOS]).map(TokenId).collect();
        tokens.push_sentence(&ids, ids.len() as u64);
    }
    tokens
}

/// Random corpora: any, skewed, deduplicated, of characters, one word repeated, capped to few words, all singletons, each
/// sentence twice (no singletons).
fn corpora() -> impl Strategy<Value = (usize, Vec<Vec<u32>>)> {
    let any = |v: u32, sentences, length| {
        prop::collection::vec(prop::collection::vec(1..v, 0..length), 1..sentences)
    };
    prop_oneof![
        any(4, 3, 4).prop_map(|s| (4, s)),
        any(30, 20, 12).prop_map(|s| (30, s)),
        any(30, 20, 12).prop_map(|s| (
            30,
            s.into_iter().map(|s| s.into_iter().map(|w| 1 + w * w / 31).collect()).collect()
        )),
        any(9, 20, 6).prop_map(|mut s| {
            s.sort();
            s.dedup();
            (9, s)
        }),
        any(12, 6, 60).prop_map(|s| (12, s)),
        (1..30usize, 1..5usize).prop_map(|(n, m)| (3, vec![vec![1; n]; m])),
        any(200, 20, 10).prop_map(|s| (
            5,
            s.into_iter().map(|s| s.into_iter().map(|w| w.min(4)).collect()).collect()
        )),
        (5..80u32).prop_map(|n| (n as usize + 2, vec![(1..=n).collect()])),
        any(20, 10, 8).prop_map(|s| (25, s.iter().chain(&s).cloned().collect())),
    ]
}

fn check(
    vocab_len: usize,
    sentences: &[Vec<u32>],
    order: usize,
    smoothing: Smoothing,
    counting: Counting,
) {
    let (train, corpus) = (tokens(sentences), Corpus::new(sentences, EOS, vocab_len, order));
    let recipe = NgramRecipe { counting, ..NgramRecipe::new(smoothing, order) };
    let counts = GramCounts::new(&train, vocab_len, order).unwrap();
    // k is tuned on the training text itself here; the oracle is told which k it was
    let made = recipe.estimate(counts, &train, &mut silent).unwrap();
    let k = made
        .notes()
        .iter()
        .find_map(|n| n.strip_prefix("k = ")?.split(',').next()?.parse().ok())
        .unwrap_or(f64::NAN);
    let oracle = match smoothing {
        Smoothing::ModifiedKneserNey => Oracle::kneser_ney(&corpus, counting == Counting::Lmplz, 3),
        Smoothing::KneserNey => Oracle::kneser_ney(&corpus, counting == Counting::Lmplz, 1),
        Smoothing::WittenBell => Oracle::WittenBell,
        Smoothing::StupidBackoff => Oracle::StupidBackoff,
        Smoothing::AddK => Oracle::AddK(k),
        Smoothing::CountRatio => Oracle::CountRatio,
    };
    if let Oracle::KneserNey { discounts, .. } = &oracle {
        for (made, expected) in made.discounts().iter().zip(discounts) {
            made.amount
                .iter()
                .zip(expected)
                .for_each(|(m, e)| assert!((m - e).abs() < 1e-9, "{made:?} for {expected:?}"));
        }
        let wanted = if smoothing == Smoothing::KneserNey {
            DiscountSource::Absolute
        } else {
            DiscountSource::ChenGoodman
        };
        let fallen = made.discounts().iter().filter(|d| d.source != wanted).count();
        assert_eq!(made.notes().len(), fallen, "every fallback is named");
        let strict = NgramRecipe { strict_discounts: true, ..recipe };
        let counts = GramCounts::new(&train, vocab_len, order).unwrap();
        assert_eq!(strict.estimate(counts, &train, &mut silent).is_err(), fallen > 0);
    }
    let model = NgramModel::new(made, TokenId(EOS));
    // sentences seen and unseen, <s> alone, contexts that were never followed by anything
    let mut contexts: Vec<Vec<u32>> = sentences.iter().take(4).cloned().collect();
    contexts.push((1..vocab_len as u32).rev().cycle().take(order + 1).collect());
    contexts.push(vec![vocab_len as u32 - 1; order]);
    let mut out = vec![0.0; vocab_len];
    for sentence in &contexts {
        let mut reader = model.reader();
        for t in 0..=sentence.len().min(8) {
            reader.log_probs(&mut out);
            let sum: f64 = out.iter().map(|l| l.exp()).sum();
            if smoothing.normalised() {
                assert!(
                    (sum - 1.0).abs() < 1e-6,
                    "{smoothing}{order}: {sum} after {:?}",
                    &sentence[..t]
                );
            }
            let history = corpus.history(&sentence[..t]);
            for w in 0..vocab_len as u32 {
                let (made, expected) = (out[w as usize].exp(), oracle.p(&corpus, &history, w));
                let close = (made - expected).abs() <= 3e-6 * expected;
                assert!(
                    close,
                    "{smoothing}{order} p({w} | {history:?}) = {made}, by the formula {expected}"
                );
                let alone = reader.log_prob(TokenId(w), &mut []);
                assert!(
                    alone == out[w as usize],
                    "{alone} alone, {} in the distribution",
                    out[w as usize]
                );
            }
            if let Some(&w) = sentence.get(t) {
                reader.feed(TokenId(w));
            }
        }
    }
    match smoothing.normalised() {
        true => conformance::check_within(&model, &train, 1e-6, 1e-9),
        false => conformance::check_scores(&model, &train, 1e-9),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn the_fast_path_is_the_formula((vocab_len, sentences) in corpora(), order in 1usize..=6) {
        for smoothing in Smoothing::ALL {
            check(vocab_len, &sentences, order, smoothing, Counting::Lmplz);
        }
        check(vocab_len, &sentences, order, Smoothing::ModifiedKneserNey, Counting::Adjusted);
    }

    #[test]
    fn counts_are_counts((vocab_len, sentences) in corpora(), order in 1usize..=10) {
        let counts = GramCounts::new(&tokens(&sentences), vocab_len, order).unwrap();
        let corpus = Corpus::new(&sentences, EOS, vocab_len, order);
        let mut distinct = vec![0; order];
        for (gram, &count) in &corpus.raw {
            distinct[gram.len() - 1] += 1;
            prop_assert_eq!(u64::from(counts.count(gram)), count, "{:?}", gram);
        }
        prop_assert_eq!(counts.distinct(), distinct);
    }

    #[test]
    fn blocks_of_a_text_score_like_the_whole(seed in 0u64..1000, eos_share in 0.0..0.3f64) {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut text = Tokens::default();
        while text.targets() < 9000 {
            let n = rng.random_range(1..60);
            // sentences need not end in </s>, and may have it inside: a stream of words is a text, too
            let word = |rng: &mut rand_chacha::ChaCha8Rng| if rng.random_bool(eos_share) { EOS } else { rng.random_range(1..6) };
            let ids: Vec<TokenId> = (0..n).map(|_| TokenId(word(&mut rng))).collect();
            text.push_sentence(&ids, 1);
        }
        let counts = GramCounts::new(&text.head(40), 6, 4).unwrap();
        let made = NgramRecipe::new(Smoothing::WittenBell, 4).estimate(counts, &text, &mut silent).unwrap();
        conformance::check_within(&NgramModel::new(made, TokenId(EOS)), &text, 1e-6, 0.0);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let word =
        |rng: &mut rand_chacha::ChaCha8Rng| (1.0 + 300.0 * rng.random::<f64>().powi(4)) as u32;
    let sentences: Vec<Vec<u32>> =
        (0..6000).map(|_| (0..rng.random_range(0..30)).map(|_| word(&mut rng)).collect()).collect();
    let text = tokens(&sentences);
    for smoothing in Smoothing::ALL {
        let train = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let counts = GramCounts::new(&text, 302, 4).unwrap();
                let made =
                    NgramRecipe::new(smoothing, 4).estimate(counts, &text, &mut silent).unwrap();
                let tables = made.to_backoff();
                let mut scores = Vec::new();
                NgramModel::new(made, TokenId(EOS)).score(&text, Context::Stream, &mut scores);
                (tables, scores)
            })
        };
        let one = train(1);
        assert!(one == train(2) && one == train(4), "{smoothing}");
    }
}
