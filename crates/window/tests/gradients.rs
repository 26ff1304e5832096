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

#[test]
fn every_tensor() {
    for (tied_positions, direct) in [(false, false), (false, true), (true, false), (true, true)] {
        for (frozen, adaptive) in [(false, false), (true, false), (false, true)] {
            let clusters = Clusters::new(vec![3, 0, 6, 2, 5, 1, 4], &[2, 5]).unwrap();
            let output = match adaptive {
                true => Layout::Adaptive { clusters: Arc::new(clusters), div_value: 2 },
                false => Layout::Full,
            };
            let shape = Architecture {
                vocab: 7,
                context: 3,
                embedding: 4,
                hidden: 5,
                tied_positions,
                direct,
                frozen,
            };
            let mut net = WindowNet::<f64>::zeros_with(&shape, &output);
            let mut rng = stream(1, "test weights");
            net.tensors_mut(&mut |t| {
                t.data.iter_mut().for_each(|x| *x = 0.6 * standard_normal(&mut rng))
            });
            let contexts: Vec<u32> = (0..EXAMPLES as u32 * 3).map(|i| i * i % 7).collect();
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
            check(&net, &grad, &mut |net| loss(net, &mut sink))
                .assert(&format!("{shape:?}, {output:?}"));
            assert_eq!(
                frozen,
                grad.encoder.w.iter().all(|&g| g == 0.0),
                "a frozen embedding has no gradient"
            );
        }
    }
}
