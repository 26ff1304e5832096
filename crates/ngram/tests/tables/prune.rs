//! Relative-entropy pruning against its definition.
use corpus::TokenId;
use lm::{Context, evaluate};
use ngram::prune_entropy;
use ngram::table::{TableKind, TableModel};

use crate::oracle::{self, Sample};

fn sums_to_one(sample: &Sample) {
    let values = oracle::values(&sample.model);
    for context in oracle::contexts(sample, 1) {
        let words = 0..sample.model.vocab_len as u32;
        let sum: f64 = words
            .map(|w| 10f64.powf(oracle::naive(&values, &[context.as_slice(), &[w]].concat()).0))
            .sum();
        assert!((sum - 1.0).abs() < 1e-6, "after {context:?}: {sum}");
    }
}

#[test]
fn the_pruned_model_is_smaller_closed_and_sums_to_one() {
    let sample = oracle::sample(21, 20, 4, 400);
    let perplexity = |s: &Sample| {
        let model = TableModel::build(TableKind::Trie, &s.model, &s.vocab, &[]).unwrap(); // refuses what is not closed
        evaluate(&model, &s.text, Context::Sentence, s.vocab.unk()).perplexity()
    };
    let mut last = (usize::MAX, 0);
    for threshold in [1e-6, 1e-5, 1e-4, 1e-3, 1.0] {
        let (model, report) = prune_entropy(&sample.model, threshold, TokenId(0)).unwrap();
        assert_eq!(
            (report.before, &report.after),
            (sample.model.gram_counts(), &model.gram_counts())
        );
        assert_eq!(report.after[0], sample.model.gram_counts()[0], "unigrams stay");
        let grams: usize = report.after.iter().sum();
        assert!(grams <= last.0, "a higher threshold keeps fewer");
        last = (grams, last.1 + usize::from(grams < last.0));
        let pruned = Sample { model, vocab: sample.vocab.clone(), text: sample.text.clone() };
        sums_to_one(&pruned);
        assert!(perplexity(&pruned).is_finite());
    }
    assert!(last.1 >= 4, "thresholds make a difference");
    assert_eq!(
        last.0,
        sample.model.gram_counts()[0],
        "at 1 nothing but unigrams is worth its place"
    );
}

#[test]
fn nothing_is_removed_for_nothing() {
    let sample = oracle::sample(22, 10, 3, 100);
    let (model, _) = prune_entropy(&sample.model, 0.0, TokenId(0)).unwrap();
    // Only a gram whose loss costs nothing or less may go at a threshold of 0, and none is below it.
    assert_eq!(model, sample.model);
    assert!(prune_entropy(&sample.model, f64::NAN, TokenId(0)).is_err());
}

/// Every kept or removed bigram by the divergence summed word by word, as the definition says it.
#[test]
fn the_rise_is_the_divergence_summed_over_all_words() {
    let (sample, threshold) = (oracle::sample(23, 15, 2, 200), 2e-4);
    let values = oracle::values(&sample.model);
    let (model, _) = prune_entropy(&sample.model, threshold, TokenId(0)).unwrap();
    let left = oracle::values(&model);
    let (p, v) = (|gram: &[u32]| 10f64.powf(oracle::naive(&values, gram).0), 15u32);
    let (mut kept, mut removed) = (0, 0);
    for gram in values.keys().filter(|g| g.len() == 2) {
        let (h, w) = (gram[0], gram[1]);
        let stored = |u: u32| values.contains_key(&vec![h, u]) && u != w;
        let rest = 1.0 - (0..v).filter(|&u| stored(u)).map(|u| p(&[h, u])).sum::<f64>();
        let below = 1.0 - (0..v).filter(|&u| stored(u)).map(|u| p(&[u])).sum::<f64>();
        let without = |u: u32| if stored(u) { p(&[h, u]) } else { rest / below * p(&[u]) };
        let divergence: f64 = (0..v).map(|u| p(&[h, u]) * (p(&[h, u]) / without(u)).ln()).sum();
        let p_context = if h == v { p(&[0]) } else { p(&[h]) };
        let rise = (p_context * divergence).exp() - 1.0;
        if (rise / threshold - 1.0).abs() > 1e-3 {
            assert_eq!(left.contains_key(gram), rise >= threshold, "{gram:?}: {rise}");
            *if rise >= threshold { &mut kept } else { &mut removed } += 1;
        }
    }
    assert!(kept > 10 && removed > 10, "{kept} kept, {removed} removed");
}
