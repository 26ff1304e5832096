//! Training, a whole short run: tokens a second of every family at its quick size, optimizer and validation included.
use std::time::Duration;

use benches::corpus_of;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use harness::registry::{self, Preset, Setting};

fn families(c: &mut Criterion) {
    let corpus = corpus_of(10_000);
    let setting = Setting::new(Preset::Quick, 1, &corpus);
    let mut group = c.benchmark_group("train");
    group.throughput(Throughput::Elements(corpus.train.targets() as u64));
    for id in ["kn5", "window", "rnn", "gru", "lstm"] {
        let recipe = registry::recipe(id, &setting).expect("the registry knows its models");
        group.bench_with_input(BenchmarkId::from_parameter(id), &recipe, |b, recipe| {
            b.iter(|| {
                recipe.train(corpus.train_set(), &mut lm::silent).expect("the recipe trains")
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5));
    targets = families
}
criterion_main!(benches);
