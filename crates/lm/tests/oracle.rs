//! The oracle keeps the contract of a language model, whatever the vocabulary, and nothing is below it.
use std::path::Path;
use std::sync::Arc;

use corpus::synth::Language;
use corpus::{Corpus, CorpusOptions, TokenId, Tokenizer, Tokens, Vocab, VocabLimits};
use lm::{
    Context, Error, LanguageModel, Oracle, OracleRecipe, Recipe, UnigramRecipe, conformance,
    evaluate, silent,
};

fn corpus(name: &str, tokens: u64, limits: VocabLimits, tokenizer: Tokenizer) -> Corpus {
    let language = Arc::new(Language::embedded(name).unwrap());
    let options = CorpusOptions { tokenizer, limits, ..CorpusOptions::default() };
    Corpus::from_language(language, 1, tokens, options).unwrap()
}

fn train(recipe: &dyn Recipe, corpus: &Corpus) -> Arc<dyn LanguageModel> {
    recipe.train(corpus.train_set(), &mut silent).unwrap().model
}

fn oracle(corpus: &Corpus) -> Arc<dyn LanguageModel> {
    train(&OracleRecipe { language: corpus.language.clone().unwrap() }, corpus)
}

#[test]
fn the_contract_holds_for_whole_and_for_cut_vocabularies() {
    let all = VocabLimits::default();
    let cases = [
        ("synth", 60_000, all),
        ("synth", 30_000, VocabLimits { min_count: 2, max_size: 0 }),
        ("tiny", 30_000, all),
    ];
    for (name, tokens, limits) in cases {
        let corpus = corpus(name, tokens, limits, Tokenizer::Space);
        let model = oracle(&corpus);
        conformance::check(&*model, &corpus.test);
        let mut scores = Vec::new();
        model.score(&corpus.test, Context::Stream, &mut scores);
        assert!(scores.iter().all(|s| s.is_finite()), "{name}: its own text is possible");
    }
}

#[test]
fn many_hidden_words_are_summed_over() {
    let corpus =
        corpus("synth", 12_000, VocabLimits { min_count: 1, max_size: 500 }, Tokenizer::Space);
    let unk = corpus.vocab.unk();
    let share = corpus.test.flat().iter().filter(|t| **t == unk).count() as f64
        / corpus.test.targets() as f64;
    assert!(share > 0.2, "{share} of the words are hidden");
    conformance::check(&*oracle(&corpus), &corpus.test.head(8));
}

#[test]
fn the_floor_is_in_range_and_below_the_unigram() {
    let corpus = corpus("synth", 200_000, VocabLimits::default(), Tokenizer::Space);
    let unk = corpus.vocab.unk();
    let perplexity = |model: &dyn LanguageModel, context| {
        evaluate(model, &corpus.test, context, unk).perplexity()
    };
    let model = oracle(&corpus);
    let floor = perplexity(&*model, Context::Sentence);
    assert!((38.0..45.0).contains(&floor), "oracle {floor}");
    assert_eq!(floor, perplexity(&*model, Context::Stream));
    assert!(floor * 5.0 < perplexity(&*train(&UnigramRecipe, &corpus), Context::Sentence));
}

#[test]
fn threads_do_not_change_the_scores() {
    let corpus =
        corpus("synth", 60_000, VocabLimits { min_count: 3, max_size: 0 }, Tokenizer::Space);
    let model = oracle(&corpus);
    let score = |threads| {
        let mut out = Vec::new();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| model.score(&corpus.train, Context::Stream, &mut out));
        out
    };
    assert_eq!(score(1), score(4));
}

#[test]
fn text_of_no_grammar_keeps_the_distribution_whole() {
    let language = Arc::new(Language::embedded("tiny").unwrap());
    let words = ["</s>", "the", "fox", "zebra", "<unk>", "falls"];
    let vocab = Vocab::new(words.iter().map(|w| ((*w).into(), 1)).collect(), Tokenizer::Space);
    let model = Oracle::new(language, &vocab);
    let mut text = Tokens::default();
    let ids = |sentence: &str| sentence.split(' ').map(|w| vocab.id(w)).collect::<Vec<TokenId>>();
    for sentence in [
        "zebra falls falls </s>",
        "</s>",
        "the zebra fox fox falls </s>",
        "<unk> <unk> <unk> <unk> </s>",
        "the fox falls </s>",
    ] {
        text.push_sentence(&ids(sentence), sentence.len() as u64);
    }
    conformance::check(&model, &text);
    let mut scores = Vec::new();
    model.score(&text, Context::Sentence, &mut scores);
    assert_eq!(scores[0], f64::NEG_INFINITY, "`zebra` is no word of the grammar");
    assert!(scores[scores.len() - 4..].iter().all(|s| s.is_finite()));
}

#[test]
fn the_oracle_needs_its_words_and_has_no_file() {
    let corpus = corpus("tiny", 10_000, VocabLimits::default(), Tokenizer::Chars);
    let recipe = OracleRecipe { language: corpus.language.clone().unwrap() };
    let error = recipe.train(corpus.train_set(), &mut silent).err().unwrap();
    assert!(matches!(error, Error::Unfit { .. }) && error.to_string().contains("chars"), "{error}");
    let model = Oracle::new(corpus.language.clone().unwrap(), &corpus.vocab);
    assert!(matches!(model.save(Path::new("x"), &corpus.vocab), Err(Error::NotSaved { .. })));
}
