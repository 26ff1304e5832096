//! What was just estimated goes into files without the sorted tables between, and they are the same files.
use std::path::Path;

use corpus::{TokenId, Tokenizer, Tokens, Vocab};
use lm::{LanguageModel, silent};
use ngram::table::{TableKind, TableModel};
use ngram::{
    Cutoff, Estimate, GramCounts, NgramRecipe, Smoothing, write_arpa, write_arpa_estimate,
};

const WORDS: u32 = 1_500;

fn vocab() -> Vocab {
    let words = (2..WORDS).map(|i| format!("w{i}"));
    let all = ["</s>", "<unk>"].map(String::from).into_iter().chain(words);
    Vocab::new(all.map(|w| (w.into(), 1)).collect(), Tokenizer::Space)
}

/// Large enough for several blocks of grams and parts of a table.
fn text() -> Tokens {
    let (mut text, mut state) = (Tokens::default(), 1u64);
    let mut next = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..9_000 {
        let words = (0..next(16)).map(|_| {
            let most = 1 + next(u64::from(WORDS) - 2); // small ids are frequent
            TokenId(2 + next(most) as u32)
        });
        let ids: Vec<TokenId> = words.collect();
        text.push_sentence(&[ids.as_slice(), &[TokenId(0)]].concat(), 1);
    }
    text
}

fn estimate(order: usize, prune: &[u32]) -> Estimate {
    let cutoff = Cutoff::new(prune).unwrap();
    let recipe = NgramRecipe { cutoff, ..NgramRecipe::new(Smoothing::ModifiedKneserNey, order) };
    let text = text();
    let counts = GramCounts::new(&text, WORDS as usize, order).unwrap();
    recipe.estimate(counts, &text, &mut silent).unwrap()
}

fn saved(table: &TableModel, folder: &Path, vocab: &Vocab) -> Vec<u8> {
    let path = folder.join("table");
    table.save(&path, vocab).unwrap();
    assert_eq!(TableModel::open(&path).unwrap().kind(), table.kind());
    std::fs::read(path).unwrap()
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let (vocab, folder) = (vocab(), tempfile::tempdir().unwrap());
    for (order, prune) in [(4, &[0][..]), (3, &[0, 0, 1]), (2, &[0]), (1, &[0])] {
        let model = estimate(order, prune).to_backoff();
        assert!(order < 4 || model.gram_counts()[2] > 50_000, "{:?}", model.gram_counts());
        let arpa = folder.path().join("way.arpa");
        write_arpa(&arpa, &model, &vocab).unwrap();
        let expected_arpa = std::fs::read(&arpa).unwrap();
        for kind in TableKind::ALL {
            let table = TableModel::build(kind, &model, &vocab, &[]).unwrap();
            let expected = saved(&table, folder.path(), &vocab);
            if kind == TableKind::Hash {
                assert!(table.to_backoff().unwrap() == model, "order {order}: other grams");
            }
            for threads in [1, 2, 4] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let made = estimate(order, prune);
                    let table = TableModel::of_estimate(kind, &made, &vocab, &[]).unwrap();
                    let found = saved(&table, folder.path(), &vocab);
                    assert!(found == expected, "{kind}, order {order}, {threads} threads");
                    write_arpa_estimate(&arpa, &made, &vocab).unwrap();
                    assert!(std::fs::read(&arpa).unwrap() == expected_arpa, "order {order}");
                });
            }
        }
    }
}

#[test]
fn another_vocabulary_is_refused() {
    let (made, folder) = (estimate(2, &[0]), tempfile::tempdir().unwrap());
    let other = Vocab::new(
        [("</s>", 1), ("<unk>", 1)].map(|(w, n)| (w.into(), n)).into(),
        Tokenizer::Space,
    );
    for kind in TableKind::ALL {
        let error = TableModel::of_estimate(kind, &made, &other, &[]).err().unwrap().to_string();
        assert!(error.contains("vocabulary of 2"), "{error}");
    }
    let path = folder.path().join("none.arpa");
    assert!(write_arpa_estimate(&path, &made, &other).is_err() && !path.exists());
}
