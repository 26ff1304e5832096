//! The n-gram family: counting and estimation, one look-up, a whole text, a next-word distribution.
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use benches::corpus_of;
use corpus::TokenId;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lm::{Context, LanguageModel, Recipe};
use ngram::{GramCounts, NgramRecipe, Smoothing};

fn count(c: &mut Criterion) {
    let corpus = corpus_of(200_000);
    let mut group = c.benchmark_group("ngram/count");
    group.throughput(Throughput::Elements(corpus.train.targets() as u64));
    for order in [2, 3, 5] {
        group.bench_with_input(BenchmarkId::from_parameter(order), &order, |b, &order| {
            b.iter(|| {
                GramCounts::new(&corpus.train, corpus.vocab.len(), order)
                    .expect("the text can be counted")
            });
        });
    }
    group.finish();
}

fn estimate(c: &mut Criterion) {
    let corpus = corpus_of(200_000);
    let mut group = c.benchmark_group("ngram/train");
    group.throughput(Throughput::Elements(corpus.train.targets() as u64));
    for smoothing in [Smoothing::ModifiedKneserNey, Smoothing::WittenBell, Smoothing::StupidBackoff]
    {
        let recipe = NgramRecipe::new(smoothing, 5);
        group.bench_with_input(BenchmarkId::from_parameter(recipe.id()), &recipe, |b, recipe| {
            b.iter(|| {
                recipe.train(corpus.train_set(), &mut lm::silent).expect("the recipe trains")
            });
        });
    }
    group.finish();
}

fn kn5(corpus: &corpus::Corpus) -> Arc<dyn LanguageModel> {
    let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, 5);
    recipe.train(corpus.train_set(), &mut lm::silent).expect("the recipe trains").model
}

fn ask(c: &mut Criterion) {
    let corpus = corpus_of(200_000);
    let model = kn5(&corpus);
    let mut group = c.benchmark_group("ngram/ask");
    group.throughput(Throughput::Elements(corpus.test.targets() as u64));
    group.bench_function("score a text", |b| {
        let mut out = Vec::new();
        b.iter(|| model.score(black_box(&corpus.test), Context::Sentence, &mut out));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("next-word distribution", |b| {
        let (mut reader, mut out) = (model.reader(), vec![0.0; model.vocab_len()]);
        let mut words = corpus.test.flat().iter().cycle();
        b.iter(|| {
            reader.feed(*words.next().unwrap_or(&TokenId(0)));
            reader.log_probs(black_box(&mut out));
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = count, estimate, ask
}
criterion_main!(benches);
