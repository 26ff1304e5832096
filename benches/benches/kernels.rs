//! The kernels under every neural model, one thread each: matrix products at the shapes of a language model, the
//! fused output layer, the vectorised functions, the optimizers. Throughput is in multiply-adds or numbers a second.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array1, Array2};
use nn::gemm::gemm;
use nn::init::uniform;
use nn::optim::{Method, Optimizer};
use nn::rng::stream;
use nn::softmax::{OutputScratch, log_probs, loss_grad, score};
use nn::{Real, clip};

/// (name, M, K, N, a transposed, b transposed).
const PRODUCTS: [(&str, usize, usize, usize, bool, bool); 8] = [
    ("logits tile", 256, 200, 700, false, false),
    ("dU tile", 256, 700, 200, false, false),
    ("dh tile", 700, 256, 200, true, false),
    ("input projection", 700, 200, 200, false, true),
    ("recurrence 200", 20, 200, 200, false, false),
    ("recurrence 200, transposed weights", 20, 200, 200, false, true),
    ("recurrence LSTM 200", 20, 200, 800, false, false),
    ("recurrent weights' gradient", 200, 700, 200, true, false),
];

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("gemm");
    for (name, m, k, n, a_t, b_t) in PRODUCTS {
        let mut rng = stream(1, name);
        let mut matrix = |rows: usize, cols: usize, transposed: bool| -> Array2<f32> {
            if transposed {
                uniform((cols, rows), 1.0, &mut rng).reversed_axes()
            } else {
                uniform((rows, cols), 1.0, &mut rng)
            }
        };
        let (a, b) = (matrix(m, k, a_t), matrix(k, n, b_t));
        let mut out = Array2::zeros((m, n));
        group.throughput(Throughput::Elements((m * k * n) as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| gemm(1.0, a.view(), b.view(), 0.0, out.view_mut()));
        });
    }
    group.finish();
}

fn output_layer(c: &mut Criterion) {
    const ROWS: usize = 700;
    const VOCAB: usize = 10_000;
    let mut group = c.benchmark_group("output layer");
    group.sample_size(20).throughput(Throughput::Elements(ROWS as u64));
    for hidden in [100, 200, 512] {
        let mut rng = stream(1, "output layer");
        let u = uniform::<f32>((VOCAB, hidden), 0.1, &mut rng);
        let h = uniform::<f32>((ROWS, hidden), 1.0, &mut rng);
        let b2 = Array1::zeros(VOCAB);
        let targets: Vec<u32> = (0..ROWS as u32).map(|i| i * 7919 % VOCAB as u32).collect();
        let (mut d_h, mut d_u, mut d_b2) = (h.clone(), u.clone(), b2.clone());
        let mut scratch = OutputScratch::new(ROWS, hidden, VOCAB);
        for threads in [1, 2] {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let id = BenchmarkId::new(format!("loss and gradients, H {hidden}"), threads);
            group.bench_function(id, |bench| {
                pool.install(|| {
                    bench.iter(|| {
                        let out = (d_h.view_mut(), d_u.view_mut(), d_b2.view_mut());
                        let (u, b2, h) = (u.view(), b2.view(), h.view());
                        loss_grad(u, b2, h, &targets, 1e-3, out.0, out.1, out.2, &mut scratch)
                    });
                });
            });
            let mut ln_p = vec![0.0; ROWS];
            group.bench_function(
                BenchmarkId::new(format!("score, H {hidden}"), threads),
                |bench| {
                    pool.install(|| {
                        bench.iter(|| {
                            score(u.view(), b2.view(), h.view(), &targets, &mut ln_p, &mut scratch)
                        });
                    });
                },
            );
        }
    }
    group.finish();

    let mut rng = stream(1, "one row");
    let u = uniform::<f32>((VOCAB, 200), 0.1, &mut rng);
    let h = uniform::<f32>((1, 200), 1.0, &mut rng);
    let b2 = Array1::zeros(VOCAB);
    let mut out = vec![0.0; VOCAB];
    c.bench_function("log_probs of one row, H 200", |bench| {
        bench.iter(|| log_probs(u.view(), b2.view(), h.row(0), &mut out));
    });
}

fn functions(c: &mut Criterion) {
    const LENGTH: usize = 16_384;
    let start: Vec<f32> = (0..LENGTH).map(|i| i as f32 / 2000.0 - 4.0).collect();
    let mut group = c.benchmark_group("functions");
    group.throughput(Throughput::Elements(LENGTH as u64));
    type InPlace = fn(&mut [f32]);
    let all: [(&str, InPlace); 3] =
        [("exp", f32::exp_slice), ("tanh", f32::tanh_slice), ("sigmoid", f32::sigmoid_slice)];
    for (name, function) in all {
        group.bench_function(name, |bench| {
            let mut x = start.clone();
            bench.iter(|| {
                x.copy_from_slice(&start);
                function(&mut x);
            });
        });
    }
    group.finish();
}

fn optimizers(c: &mut Criterion) {
    const LENGTH: usize = 4_000_000;
    let mut group = c.benchmark_group("optimizer");
    group.sample_size(20).throughput(Throughput::Elements(LENGTH as u64));
    let momentum = Method::Sgd { momentum: 0.9, weight_decay: 0.0 };
    for (name, method) in [("sgd", Method::SGD), ("momentum", momentum), ("adam", Method::ADAM)] {
        let mut optimizer = Optimizer::<f32>::new(method, &[LENGTH]);
        let mut w = vec![0.1; LENGTH];
        group.bench_function(name, |bench| {
            bench.iter_batched_ref(
                || vec![1e-3; LENGTH],
                |g| optimizer.step(&mut [&mut w], &mut [g], 1e-3),
                BatchSize::LargeInput,
            );
        });
    }
    let g = vec![1e-3f32; LENGTH];
    group.bench_function("norm", |bench| bench.iter(|| clip::squared_norm(&g)));
    group.finish();
}

criterion_group!(kernels, products, output_layer, functions, optimizers);
criterion_main!(kernels);
