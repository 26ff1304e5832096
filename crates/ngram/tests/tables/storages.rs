//! Every storage answers as the definition does.
use corpus::TokenId;
use lm::{Context, LanguageModel, conformance};
use ngram::BackoffModel;
use ngram::table::{
    PackedOptions, PackedTable, State, Table, TableKind, TableModel, estimate_sizes,
};
use proptest::prelude::*;

use crate::oracle::{self, Sample};

/// The state after `context`, word by word from the empty one.
pub fn state_after(table: &dyn Table, context: &[u32]) -> State {
    let bos = table.meta().vocab_len as u32;
    let mut state = State::default();
    for &word in context {
        let mut next = State::default();
        if word == bos {
            next = table.sentence_start();
        } else {
            table.look_up(&state, TokenId(word), &mut next);
        }
        state = next;
    }
    state
}

/// The model as a file of this kind, written and opened again.
pub fn through_file(kind: TableKind, sample: &Sample) -> TableModel {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.table");
    TableModel::build(kind, &sample.model, &sample.vocab, &[("smoothing".into(), "none".into())])
        .unwrap()
        .save(&path, &sample.vocab)
        .unwrap();
    TableModel::open(&path).unwrap()
}

/// Look-ups, lengths, distributions and sums of one table against the definition.
fn check(table: &dyn Table, sample: &Sample, tolerance: f64) {
    let values = oracle::values(&sample.model);
    let mut distribution = vec![0.0; sample.model.vocab_len];
    let mut scratch = Vec::new();
    for context in oracle::contexts(sample, 7) {
        let state = state_after(table, &context);
        table.distribution(&state, &mut scratch, &mut distribution);
        let mut sum = 0.0;
        for (word, ln) in (0..).zip(&distribution) {
            let (expected, length) =
                oracle::naive(&values, &[context.as_slice(), &[word]].concat());
            let found = table.look_up(&state, TokenId(word), &mut State::default());
            assert_eq!(found.length, length, "{context:?} {word}");
            assert!(
                (found.log10_prob - expected).abs() <= tolerance,
                "{context:?} {word}: {found:?}, not {expected}"
            );
            assert!(
                (found.log10_prob * std::f64::consts::LN_10 - ln).abs() < 1e-9,
                "{context:?} {word}: {found:?}, {ln}"
            );
            sum += ln.exp();
        }
        assert!((sum - 1.0).abs() < 1e-6, "after {context:?}: {sum}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn storages_follow_the_definition(seed in any::<u64>(), vocab in 3usize..20, order in 1usize..6, sentences in 1usize..25) {
        let sample = oracle::sample(seed, vocab, order, sentences);
        for kind in [TableKind::Hash, TableKind::Trie] {
            check(through_file(kind, &sample).table(), &sample, 1e-12);
        }
        // 16 bits hold every value of so small a model: only the derived weights differ, by the rounding of f32.
        let exact = PackedTable::build(&sample.model, &sample.vocab, &[], PackedOptions { prob_bits: 16 }).unwrap();
        check(&exact, &sample, 1e-4);
    }

    #[test]
    fn coarse_tables_sum_to_one(seed in any::<u64>(), vocab in 3usize..20, order in 2usize..5, bits in 2u32..9) {
        let sample = oracle::sample(seed, vocab, order, 25);
        let table = PackedTable::build(&sample.model, &sample.vocab, &[], PackedOptions { prob_bits: bits }).unwrap();
        check(&table, &sample, f64::INFINITY);
    }
}

#[test]
fn the_models_of_all_storages_keep_the_contract() {
    let sample = oracle::sample(5, 30, 4, 2_000);
    for kind in TableKind::ALL {
        let model = through_file(kind, &sample);
        conformance::check_within(&model, &sample.text, 1e-6, 1e-9);
        assert_eq!((model.kind(), model.vocab_len()), (kind, 30));
        assert_eq!(model.vocab().unwrap().fingerprint(), sample.vocab.fingerprint());
        assert_eq!(model.meta().notes, [("smoothing".into(), "none".into())]);
        let params = model.footprint().params;
        assert!(
            params >= sample.model.gram_counts().iter().sum::<usize>() as u64,
            "{kind}: {params}"
        );
    }
}

#[test]
fn blocks_and_threads_do_not_change_scores() {
    let sample = oracle::sample(6, 25, 5, 4_000);
    assert!(sample.text.targets() > 3 * 4096, "several blocks");
    for kind in TableKind::ALL {
        let model = through_file(kind, &sample);
        let scores = |threads: usize, context| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = Vec::new();
            pool.install(|| model.score(&sample.text, context, &mut out));
            out
        };
        for context in [Context::Sentence, Context::Stream] {
            assert_eq!(scores(1, context), scores(4, context));
        }
        assert_eq!(
            scores(1, Context::Sentence),
            scores(1, Context::Stream),
            "every sentence ends in </s>"
        );
    }
}

#[test]
fn eight_bits_are_close() {
    let sample = oracle::sample(8, 120, 4, 3_000);
    let (trie, packed) =
        (through_file(TableKind::Trie, &sample), through_file(TableKind::Packed, &sample));
    let perplexity = |m: &TableModel| {
        lm::evaluate(m, &sample.text, Context::Sentence, sample.vocab.unk()).perplexity()
    };
    let ratio = perplexity(&packed) / perplexity(&trie);
    assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
}

#[test]
fn sizes_are_known_before() {
    for (vocab, order, sentences) in [(20, 1, 10), (40, 3, 300), (150, 5, 3_000)] {
        let sample = oracle::sample(9, vocab, order, sentences);
        let estimates = estimate_sizes(
            &sample.model,
            &sample.vocab,
            &[("smoothing".into(), "none".into())],
            PackedOptions::default(),
        )
        .unwrap();
        for (kind, estimate) in TableKind::ALL.into_iter().zip(estimates) {
            let actual = through_file(kind, &sample).table().file().bytes();
            let ratio = estimate.bytes as f64 / actual as f64;
            assert!(
                estimate.kind == kind && (ratio - 1.0).abs() < 0.05,
                "{kind}, order {order}: {ratio}"
            );
        }
    }
}

#[test]
fn unnormalised_models_keep_their_weights() {
    let mut sample = oracle::sample(10, 12, 3, 100);
    for table in &mut sample.model.tables {
        table.log10_backoff.iter_mut().for_each(|b| *b = 0.4f32.log10());
    }
    let values = oracle::values(&sample.model);
    let packed =
        PackedTable::build(&sample.model, &sample.vocab, &[], PackedOptions { prob_bits: 16 })
            .unwrap();
    for model in [
        through_file(TableKind::Hash, &sample),
        through_file(TableKind::Trie, &sample),
        packed.into(),
    ] {
        for context in oracle::contexts(&sample, 3) {
            let state = state_after(model.table(), &context);
            for word in 0..12 {
                let (expected, _) = oracle::naive(&values, &[context.as_slice(), &[word]].concat());
                let found =
                    model.table().look_up(&state, TokenId(word), &mut State::default()).log10_prob;
                assert!(
                    (found - expected).abs() <= 1e-12,
                    "{} {context:?} {word}: {found}, not {expected}",
                    model.kind()
                );
            }
        }
    }
}

#[test]
fn models_that_are_not_closed_are_refused() {
    let sample = oracle::sample(11, 10, 3, 50);
    let build = |model: &BackoffModel| {
        TableModel::build(TableKind::Trie, model, &sample.vocab, &[]).err().map(|e| e.to_string())
    };
    let without = |order: usize, gram: &[u32]| {
        let mut model = sample.model.clone();
        let table = &mut model.tables[order - 1];
        let at = table.words.chunks_exact(order).position(|g| g == gram).unwrap();
        table.words.drain(at * order..(at + 1) * order);
        table.log10_prob.remove(at);
        table.log10_backoff.remove(at);
        model
    };
    let longer = sample.model.tables[2].words.chunks_exact(3).find(|g| g[0] != 10).unwrap();
    assert!(build(&without(2, &longer[..2])).unwrap().contains("is not stored"));
    assert!(build(&without(2, &longer[1..])).unwrap().contains("is not stored"));
    let mut unsorted = sample.model.clone();
    unsorted.tables[1].words.swap(0, 2);
    assert!(build(&unsorted).unwrap().contains("suffix order"));
    assert_eq!(build(&sample.model), None);
    let other = oracle::vocab(11);
    assert!(TableModel::build(TableKind::Hash, &sample.model, &other, &[]).is_err());
}
