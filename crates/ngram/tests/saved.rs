//! A trained model as sorted tables and as a file: the same answers, or a refusal that says why.
use corpus::{TokenId, Tokenizer, Tokens, Vocab};
use lm::{Context, LanguageModel, silent};
use ngram::{GramCounts, NgramModel, NgramRecipe, Smoothing, TableModel};

fn text() -> Tokens {
    let mut text = Tokens::default();
    for i in 0..300u32 {
        let ids: Vec<_> = (0..i % 9)
            .map(|j| TokenId(1 + (i * i + 3 * j * j + i / 7 * j) % 11))
            .chain([TokenId(0)])
            .collect();
        text.push_sentence(&ids, 1);
    }
    text
}

fn vocab() -> Vocab {
    let words =
        ["</s>", "<unk>"].map(String::from).into_iter().chain((2..12).map(|i| format!("w{i}")));
    Vocab::new(words.map(|w| (w.into(), 1)).collect(), Tokenizer::default())
}

fn model(smoothing: Smoothing, order: usize) -> (NgramModel, ngram::BackoffModel) {
    let counts = GramCounts::new(&text(), vocab().len(), order).unwrap();
    let made = NgramRecipe::new(smoothing, order).estimate(counts, &text(), &mut silent).unwrap();
    let tables = made.to_backoff();
    (NgramModel::new(made, vocab().eos()), tables)
}

#[test]
fn context_order_and_back_again() {
    for smoothing in Smoothing::ALL {
        for order in 1..=5 {
            let (model, tables) = model(smoothing, order);
            assert_eq!(model.to_backoff(), tables, "{smoothing}{order}");
        }
    }
}

#[test]
fn a_saved_model_answers_as_before() {
    let folder = tempfile::tempdir().unwrap();
    for smoothing in [Smoothing::ModifiedKneserNey, Smoothing::KneserNey, Smoothing::WittenBell] {
        for order in [1, 2, 4] {
            let (model, _) = model(smoothing, order);
            let path = folder.path().join(format!("{smoothing}{order}"));
            model.save(&path, &vocab()).unwrap();
            let saved = TableModel::open(&path).unwrap();
            let (mut before, mut after) = (Vec::new(), Vec::new());
            model.score(&text(), Context::Sentence, &mut before);
            saved.score(&text(), Context::Sentence, &mut after);
            let close = before.iter().zip(&after).all(|(b, a)| (b - a).abs() < 1e-9);
            assert!(close && before.len() == after.len(), "{smoothing}{order}");
            assert_eq!(LanguageModel::order(&saved), Some(order));
            assert_eq!(LanguageModel::order(&model), Some(order));
            assert!(model.normalised());
        }
    }
}

#[test]
fn what_is_no_back_off_model_is_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    for (smoothing, why) in [
        (Smoothing::StupidBackoff, "stupid back-off"),
        (Smoothing::AddK, "add-k"),
        (Smoothing::CountRatio, "count ratio"),
    ] {
        let (model, _) = model(smoothing, 3);
        let path = folder.path().join("model");
        let message = model.save(&path, &vocab()).unwrap_err().to_string();
        assert!(message.contains(why) && !path.exists(), "{message}");
        assert_eq!(model.normalised(), smoothing.normalised());
    }
}

/// What is cut goes to the back-off weights: the sums stay one.
#[test]
fn pruned_models_sum_to_one() {
    for smoothing in [Smoothing::ModifiedKneserNey, Smoothing::KneserNey, Smoothing::WittenBell] {
        let counts = GramCounts::new(&text(), vocab().len(), 4).unwrap();
        let whole = counts.distinct();
        let recipe = NgramRecipe {
            cutoff: ngram::Cutoff::new(&[0, 1, 4]).unwrap(),
            ..NgramRecipe::new(smoothing, 4)
        };
        let model =
            NgramModel::new(recipe.estimate(counts, &text(), &mut silent).unwrap(), vocab().eos());
        let kept = model.gram_counts();
        assert!(kept[1..].iter().zip(&whole[1..]).all(|(k, w)| 0 < *k && k < w), "{kept:?}");
        let mut out = vec![0.0; vocab().len()];
        for sentence in text().sentences().take(60) {
            let mut reader = model.reader();
            for &token in sentence {
                reader.log_probs(&mut out);
                let sum: f64 = out.iter().map(|l| l.exp()).sum();
                assert!((sum - 1.0).abs() < 1e-6, "{smoothing}: {sum}");
                reader.feed(token);
            }
        }
    }
    let addk = NgramRecipe {
        cutoff: ngram::Cutoff::new(&[0, 1]).unwrap(),
        ..NgramRecipe::new(Smoothing::AddK, 2)
    };
    let counts = GramCounts::new(&text(), vocab().len(), 2).unwrap();
    let message = addk.estimate(counts, &text(), &mut silent).unwrap_err().to_string();
    assert!(message.contains("--prune"), "{message}");
}
