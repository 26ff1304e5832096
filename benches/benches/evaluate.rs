//! The one evaluator over a model of every family: scoring a text, and asking for one next word.
use std::hint::black_box;
use std::time::Duration;

use benches::corpus_of;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use harness::registry::{self, Preset, Setting};
use lm::{Context, evaluate};

/// A model of every family, at its quick size.
const MODELS: [&str; 7] = ["unigram", "oracle", "kn5", "window", "rnn", "gru", "lstm"];

fn families(c: &mut Criterion) {
    let corpus = corpus_of(20_000);
    let setting = Setting::new(Preset::Quick, 1, &corpus);
    let mut group = c.benchmark_group("evaluate");
    for id in MODELS {
        let recipe = registry::recipe(id, &setting).expect("the registry knows its models");
        let model =
            recipe.train(corpus.train_set(), &mut lm::silent).expect("the recipe trains").model;
        group.throughput(Throughput::Elements(corpus.test.targets() as u64));
        group.bench_with_input(BenchmarkId::new("text", id), &model, |b, model| {
            b.iter(|| {
                evaluate(&**model, black_box(&corpus.test), Context::Stream, corpus.vocab.unk())
            });
        });
        group.throughput(Throughput::Elements(1));
        group.bench_with_input(BenchmarkId::new("next word", id), &model, |b, model| {
            let (mut reader, mut out) = (model.reader(), vec![0.0; model.vocab_len()]);
            let mut words = corpus.test.flat().iter().cycle();
            b.iter(|| {
                reader.feed(*words.next().expect("the text goes round"));
                reader.log_probs(black_box(&mut out));
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2));
    targets = families
}
criterion_main!(benches);
