//! Class-based n-grams keep the contract of a language model, and their classes depend on the text alone.
use corpus::{Corpus, CorpusOptions};
use lm::{Context, Recipe, conformance, evaluate, silent};
use ngram::ClassRecipe;

fn corpus() -> Corpus {
    let nouns = ["dog", "cat", "cow", "hen", "fox", "owl"];
    let verbs = ["barks", "sleeps", "eats", "runs"];
    let sentence = |i: usize| {
        let (a, b, c) = (nouns[i * 7 % 6], verbs[i * i % 4], ["a", "the"][i / 3 % 2]);
        if i.is_multiple_of(5) { format!("{c} {a} {b} and {b}") } else { format!("{c} {a} {b}") }
    };
    let train = (0..150).map(sentence).collect();
    let rest: Vec<String> = (150..190).map(|i| sentence(i * 3 + 1)).collect();
    Corpus::from_sentences(
        "toy",
        &[train, rest.clone(), rest],
        "by hand".into(),
        CorpusOptions::default(),
    )
}

#[test]
fn keeps_the_contract() {
    let corpus = corpus();
    for (order, classes) in [(1, 0), (2, 5), (3, 2), (3, 0), (2, 10_000)] {
        let trained =
            ClassRecipe { order, classes }.train(corpus.train_set(), &mut silent).unwrap();
        conformance::check_within(&*trained.model, &corpus.test, 1e-6, 1e-9);
    }
}

#[test]
fn classes_help_and_do_not_depend_on_threads() {
    let corpus = corpus();
    let train = |threads: usize, classes: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let trained =
                ClassRecipe { order: 2, classes }.train(corpus.train_set(), &mut silent).unwrap();
            let mut scores = Vec::new();
            trained.model.score(&corpus.test, Context::Stream, &mut scores);
            let ppl = evaluate(&*trained.model, &corpus.test, Context::Stream, corpus.vocab.unk())
                .perplexity();
            (scores, ppl)
        })
    };
    assert!(train(1, 5) == train(4, 5));
    assert!(train(1, 5).1 < 0.7 * train(1, 2).1, "five classes tell more than one");
}
