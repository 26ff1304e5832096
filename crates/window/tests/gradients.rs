//! The window network's gradients against central differences, in f64, with every tensor drawn at random: positions tied
//! and untied, with and without direct connections, dropout on.

use nn::dropout::Dropout;
use nn::gradcheck::check;
use nn::params::Params;
use nn::rng::{standard_normal, stream};
use window::{Architecture, Noise, WindowNet, Work};

const EXAMPLES: usize = 5;

#[test]
fn every_tensor() {
    for (tied_positions, direct) in [(false, false), (false, true), (true, false), (true, true)] {
        for frozen in [false, true] {
            let shape = Architecture {
                vocab: 7,
                context: 3,
                embedding: 4,
                hidden: 5,
                tied_positions,
                direct,
                frozen,
            };
            let mut net = WindowNet::<f64>::zeros(&shape);
            let mut rng = stream(1, "test weights");
            net.tensors_mut(&mut |t| {
                t.data.iter_mut().for_each(|x| *x = 0.6 * standard_normal(&mut rng))
            });
            let contexts: Vec<u32> = (0..EXAMPLES as u32 * 3).map(|i| i * i % 7).collect();
            let targets: Vec<u32> = (0..EXAMPLES as u32).map(|i| (i * 3 + 1) % 7).collect();
            let noise = Noise {
                embedding: Dropout::new(0.2, 1, 0),
                hidden: Dropout::new(0.3, 1, 1),
                step: 4,
            };
            let mut work = Work::new(&shape, EXAMPLES);
            let mut loss = |net: &WindowNet<f64>, grad: &mut WindowNet<f64>| {
                net.loss_grad(&contexts, &targets, Some(noise), &mut work, grad) / EXAMPLES as f64
            };
            let (mut grad, mut sink) = (net.zeros_like(), net.zeros_like());
            loss(&net, &mut grad);
            check(&net, &grad, &mut |net| loss(net, &mut sink)).assert(&format!("{shape:?}"));
            assert_eq!(
                frozen,
                grad.encoder.w.iter().all(|&g| g == 0.0),
                "a frozen embedding has no gradient"
            );
        }
    }
}
