//! The window network's gradients against central differences, in f64, with every tensor drawn at random: positions tied
//! and untied, with and without direct connections, dropout on.

use std::sync::Arc;

use nn::dropout::Dropout;
use nn::gradcheck::check;
use nn::params::Params;
use nn::rng::{standard_normal, stream};
use nn::softmax::{Clusters, Layout};
use window::{Architecture, Noise, WindowNet, Work};

const EXAMPLES: usize = 5;
const SHAPE: Architecture = Architecture {
    vocab: 7,
    context: 3,
    bags: 0,
    embedding: 4,
    hidden: 5,
    tied_positions: false,
    direct: false,
    tied: false,
    frozen: false,
};

#[test]
fn every_tensor() {
    let clusters = Clusters::new(vec![3, 0, 6, 2, 5, 1, 4], &[2, 5]).unwrap();
    let clusters = Layout::Adaptive { clusters: Arc::new(clusters), div_value: 2 };
    for (tied_positions, direct) in [(false, false), (false, true), (true, false), (true, true)] {
        let shape = Architecture { tied_positions, direct, ..SHAPE };
        check_all(shape, &Layout::Full);
        check_all(Architecture { frozen: true, ..shape }, &Layout::Full);
        check_all(shape, &clusters);
        check_all(Architecture { bags: 2, ..shape }, &Layout::Full);
    }
}

#[test]
fn tied_embeddings() {
    let in_order = Clusters::new((0..7).collect(), &[2, 5]).unwrap();
    let in_order = Layout::Adaptive { clusters: Arc::new(in_order), div_value: 2 };
    for output in [Layout::Full, in_order] {
        check_all(Architecture { tied: true, embedding: 5, ..SHAPE }, &output);
    }
}

fn check_all(shape: Architecture, output: &Layout) {
    let mut net = WindowNet::<f64>::zeros_with(&shape, output);
    let mut rng = stream(1, "test weights");
    net.tensors_mut(&mut |t| t.data.iter_mut().for_each(|x| *x = 0.6 * standard_normal(&mut rng)));
    let contexts: Vec<u32> = (0..(EXAMPLES * shape.reach()) as u32).map(|i| i * i % 7).collect();
    let targets: Vec<u32> = (0..EXAMPLES as u32).map(|i| (i * 3 + 1) % 7).collect();
    let noise = Noise {
        words: Dropout::new(0.2, 1, 2),
        embedding: Dropout::new(0.2, 1, 0),
        hidden: Dropout::new(0.3, 1, 1),
        step: 4,
    };
    let mut work = Work::new(&net, EXAMPLES);
    let mut loss = |net: &WindowNet<f64>, grad: &mut WindowNet<f64>| {
        net.loss_grad(&contexts, &targets, Some(noise), &mut work, grad) / EXAMPLES as f64
    };
    let (mut grad, mut sink) = (net.zeros_like(), net.zeros_like());
    loss(&net, &mut grad);
    check(&net, &grad, &mut |net| loss(net, &mut sink)).assert(&format!("{shape:?}, {output:?}"));
    let still = grad.encoder.w.iter().all(|&g| g == 0.0);
    assert_eq!(shape.frozen, still, "a frozen embedding has no gradient");
}
