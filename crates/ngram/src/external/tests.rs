//! The same model as in memory, from many runs and many parts; nothing left behind.
use std::ops::ControlFlow;

use corpus::{TokenId, Tokenizer, Vocab};
use lm::silent;
use proptest::prelude::*;

use super::*;
use crate::write_arpa;

fn text(sentences: &[Vec<u32>]) -> Tokens {
    let mut text = Tokens::default();
    for sentence in sentences {
        let ids: Vec<_> = sentence.iter().copied().chain([0]).map(TokenId).collect();
        text.push_sentence(&ids, 1);
    }
    text
}

/// Sentences as a stream of small blocks.
fn blocks(sentences: &[Vec<u32>]) -> impl Iterator<Item = corpus::Result<Tokens>> {
    sentences.chunks(3).map(|some| Ok(text(some)))
}

/// Some words often, most seldom.
fn sentences(n: u32, v: u32) -> Vec<Vec<u32>> {
    let word = |i: u32, j: u32| 1 + (i * i + 3 * j * j * (i % 5) + i / 7 * j) % (1 + (i * j) % v);
    (0..n).map(|i| (0..i % 11).map(|j| word(i, j) % v).map(|w| w.max(1)).collect()).collect()
}

fn stored(
    recipe: &NgramRecipe,
    sentences: &[Vec<u32>],
    v: usize,
    sizes: Sizes,
    temp: &Path,
    wide: bool,
) -> Result<StoredEstimate> {
    let job = Job { recipe, vocab_len: v, tokens: 0, sizes, temp };
    match wide {
        true => job.run::<Wide>(blocks(sentences), &mut silent),
        false => job.run::<u128>(blocks(sentences), &mut silent),
    }
}

fn assert_same(recipe: &NgramRecipe, sentences: &[Vec<u32>], v: usize, sizes: Sizes, wide: bool) {
    let temp = tempfile::tempdir().unwrap();
    let whole = text(sentences);
    let counts = GramCounts::new(&whole, v, recipe.order).unwrap();
    let inside = recipe.estimate(counts, &whole, &mut silent).unwrap();
    let outside = stored(recipe, sentences, v, sizes, temp.path(), wide).unwrap();
    let made = outside.to_backoff(&mut silent).unwrap();
    assert_eq!(made, inside.to_backoff(), "{recipe} {sizes:?}");
    assert_eq!(outside.discounts(), inside.discounts());
    assert_eq!(outside.notes(), inside.notes());
    let counts: Vec<u64> = made.gram_counts().iter().map(|&n| n as u64).collect();
    assert_eq!(outside.gram_counts(), counts);
}

const TINY: Sizes = Sizes { run: 60, cells: 16, range: 120_000 };

#[test]
fn many_runs_and_parts_make_the_same_model() {
    let sentences = sentences(400, 40);
    for smoothing in [Smoothing::ModifiedKneserNey, Smoothing::KneserNey, Smoothing::WittenBell] {
        for order in [1, 2, 3, 5] {
            let recipe = NgramRecipe::new(smoothing, order);
            assert_same(&recipe, &sentences, 40, TINY, order == 3);
        }
    }
    let temp = tempfile::tempdir().unwrap();
    let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, 5);
    let made = stored(&recipe, &sentences, 40, TINY, temp.path(), false).unwrap();
    assert!(made.runs() > 20 && made.parts() > 2, "{} runs, {} parts", made.runs(), made.parts());
    assert!(made.peak_disk() > 0);
}

#[test]
fn pruned_models_are_the_same() {
    let sentences = sentences(600, 40);
    for (order, thresholds) in [(2, &[0, 1][..]), (4, &[0, 0, 1]), (5, &[0, 1, 1, 2, 3])] {
        for smoothing in [Smoothing::ModifiedKneserNey, Smoothing::WittenBell] {
            for counting in [Counting::Lmplz, Counting::Adjusted] {
                let cutoff = Cutoff::new(thresholds).unwrap();
                let recipe = NgramRecipe { cutoff, counting, ..NgramRecipe::new(smoothing, order) };
                assert_same(&recipe, &sentences, 40, TINY, false);
            }
        }
    }
}

#[test]
fn files_are_the_same() {
    let (temp, sentences) = (tempfile::tempdir().unwrap(), sentences(300, 30));
    let words =
        ["</s>", "<unk>"].map(String::from).into_iter().chain((2..30).map(|i| format!("w{i}")));
    let vocab = Vocab::new(words.map(|w| (w.into(), 1)).collect(), Tokenizer::default());
    let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, 4);
    let counts = GramCounts::new(&text(&sentences), 30, 4).unwrap();
    let inside = recipe.estimate(counts, &text(&sentences), &mut silent).unwrap();
    let outside = stored(&recipe, &sentences, 30, TINY, temp.path(), false).unwrap();
    let [one, two] = ["one.arpa", "two.arpa"].map(|name| temp.path().join(name));
    write_arpa(&one, &inside.to_backoff(), &vocab).unwrap();
    outside.write_arpa(&two, &vocab, &mut silent).unwrap();
    assert!(std::fs::read(&one).unwrap() == std::fs::read(&two).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_text_and_any_budget(
        sentences in prop::collection::vec(prop::collection::vec(1u32..9, 0..9), 1..40),
        run in 1usize..200,
        cells in 1usize..9,
        range in 3_000u64..60_000,
        order in 1usize..7,
        narrow in 0u32..8,
    ) {
        // all words above `narrow` become one: from nine words to a single one
        let sentences: Vec<Vec<u32>> =
            sentences.iter().map(|s| s.iter().map(|&w| w.min(narrow + 1)).collect()).collect();
        let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, order);
        let temp = tempfile::tempdir().unwrap();
        match stored(&recipe, &sentences, 12, Sizes { run, cells, range }, temp.path(), false) {
            // a word that does not fit is refused, and only for that reason
            Err(error) => prop_assert!(error.to_string().contains("--memory"), "{error}"),
            Ok(_) => assert_same(&recipe, &sentences, 12, Sizes { run, cells, range }, true),
        }
    }
}

#[test]
fn interruption_leaves_nothing() {
    let (temp, sentences) = (tempfile::tempdir().unwrap(), sentences(400, 40));
    let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, 3);
    let out = temp.path().join("model.arpa");
    let words =
        ["</s>", "<unk>"].map(String::from).into_iter().chain((2..40).map(|i| format!("w{i}")));
    let vocab = Vocab::new(words.map(|w| (w.into(), 1)).collect(), Tokenizer::default());
    let mut stops = 0;
    for after in 0.. {
        let mut heard = 0;
        let log: &mut Log<'_> = &mut |_| {
            heard += 1;
            if heard > after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let job = Job { recipe: &recipe, vocab_len: 40, tokens: 0, sizes: TINY, temp: temp.path() };
        let made = job.run::<u64>(blocks(&sentences), log);
        match made.and_then(|made| made.write_arpa(&out, &vocab, log)) {
            Ok(()) => break,
            Err(error) => assert!(matches!(error, Error::Interrupted), "{error}"),
        }
        stops += 1;
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    }
    assert!(stops > 100 && out.exists());
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn refusals_say_what_to_do() {
    let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, 3);
    let temp = tempfile::tempdir().unwrap();
    let budget = |memory| Budget { memory, temp: temp.path().into() };
    let refused = |recipe: &NgramRecipe, budget: &Budget, sentences: &[Vec<u32>]| {
        let made = recipe.estimate_stored(blocks(sentences), 40, 0, budget, &mut silent);
        made.map(|_| ()).unwrap_err().to_string()
    };
    let some = sentences(50, 40);
    assert!(refused(&recipe, &budget(1000), &some).contains("--memory"));
    let sbo = NgramRecipe::new(Smoothing::StupidBackoff, 3);
    assert!(refused(&sbo, &budget(1 << 30), &some).contains("`sbo` is estimated in memory only"));
    assert!(refused(&recipe, &budget(1 << 30), &[]).contains("0 tokens"));
    let gone = Budget { temp: temp.path().join("gone"), ..budget(1 << 30) };
    assert!(refused(&recipe, &gone, &some).contains("gone"));
    let heavy = Sizes { range: 2000, ..TINY };
    let message = stored(&recipe, &some, 40, heavy, temp.path(), false).map(|_| ()).unwrap_err();
    assert!(message.to_string().contains("--memory"), "{message}");
}
