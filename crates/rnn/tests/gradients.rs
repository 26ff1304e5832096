//! Back-propagation through time against central differences, in f64, with every tensor drawn at random: every cell, one
//! and two layers, tied embeddings, resets, dropout; the gradients of the inputs and of the incoming state, too.

use std::sync::Arc;

use ndarray::Array2;
use nn::dropout::Dropout;
use nn::gradcheck::{self, check, check_slice};
use nn::params::Params;
use nn::rng::{standard_normal, stream};
use nn::softmax::{Clusters, Layout};
use rnn::{Architecture, Backbone, Batch, CellKind, Noise, Work};

const LANES: usize = 3;
const STEPS: usize = 4;

fn architecture(cell: CellKind) -> Architecture {
    Architecture { cell, vocab: 7, embedding: 5, hidden: 4, layers: 1, tied: false, frozen: false }
}

/// Every number random, so that no structure of a start hides a mistake.
fn random(a: &Architecture, output: &Layout, seed: u64) -> Backbone<f64> {
    let mut net = Backbone::zeros_with(a, output);
    let mut rng = stream(seed, "test weights");
    net.tensors_mut(&mut |t| t.data.iter_mut().for_each(|x| *x = 0.6 * standard_normal(&mut rng)));
    net
}

struct Case {
    inputs: Vec<u32>,
    targets: Vec<u32>,
    resets: Vec<bool>,
    state: Vec<f64>,
    sites: Vec<Dropout>,
    variational: bool,
    words: Dropout,
}

impl Case {
    fn new(a: &Architecture, dropout: f64, reset: bool) -> Self {
        let n = (LANES * STEPS) as u32;
        let mut rng = stream(5, "test state");
        let states = a.cell.rule::<f64>().states() * a.hidden * a.layers * LANES;
        Self {
            inputs: (0..n).map(|i| i * 3 % 7).collect(),
            targets: (0..n).map(|i| (i * 5 + 1) % 7).collect(),
            resets: if reset { (0..n).map(|i| i % 5 == 2).collect() } else { Vec::new() },
            state: (0..states).map(|_| 0.5 * standard_normal(&mut rng)).collect(),
            sites: (0..=a.layers as u64).map(|site| Dropout::new(dropout, 3, site)).collect(),
            // with tied weights the other kinds of dropout have their turn
            variational: a.tied,
            words: Dropout::new(if a.tied { dropout } else { 0.0 }, 3, 99),
        }
    }

    fn batch(&self) -> Batch<'_> {
        Batch { steps: STEPS, inputs: &self.inputs, targets: &self.targets, resets: &self.resets }
    }

    fn loss_grad(
        &self,
        net: &Backbone<f64>,
        state: &[f64],
        grad: &mut Backbone<f64>,
        work: &mut Work<f64>,
    ) -> f64 {
        work.restore(state);
        let noise = Some(Noise {
            sites: &self.sites,
            variational: self.variational,
            words: self.words,
            step: 9,
        });
        net.loss_grad(self.batch(), noise, work, grad) / self.inputs.len() as f64
    }
}

fn check_all(a: &Architecture, dropout: f64, reset: bool) {
    check_with(a, &Layout::Full, dropout, reset);
}

fn check_with(a: &Architecture, output: &Layout, dropout: f64, reset: bool) {
    let what = format!("{a:?}, {output:?}, dropout {dropout}, resets {reset}");
    let (net, case) = (random(a, output, 1), Case::new(a, dropout, reset));
    let mut work = Work::new(&net, LANES, STEPS);
    let mut grad = net.zeros_like();
    case.loss_grad(&net, &case.state, &mut grad, &mut work);
    let mut d_state = Vec::new();
    for layer in 0..a.layers {
        d_state.extend(work.d_state_mut(0, layer).iter().copied());
    }
    let mut sink = net.zeros_like();
    check(&net, &grad, &mut |net| case.loss_grad(net, &case.state, &mut sink, &mut work))
        .assert(&what);
    let row = a.cell.rule::<f64>().states() * a.hidden;
    check_slice("state", &case.state, &d_state, row, &mut |s| {
        case.loss_grad(&net, s, &mut sink, &mut work)
    })
    .assert(&what);
}

#[test]
fn every_cell_every_tensor_and_the_incoming_state() {
    for cell in CellKind::all() {
        check_all(&architecture(cell), 0.0, false);
    }
}

#[test]
fn two_layers_with_dropout_and_resets() {
    for cell in CellKind::all() {
        check_all(&Architecture { layers: 2, ..architecture(cell) }, 0.3, true);
    }
}

#[test]
fn tied_embeddings() {
    for cell in CellKind::all() {
        check_all(&Architecture { tied: true, hidden: 5, ..architecture(cell) }, 0.2, false);
    }
}

#[test]
fn adaptive_softmax() {
    let clusters = Clusters::new(vec![3, 0, 6, 2, 5, 1, 4], &[2, 5]).unwrap();
    let output = Layout::Adaptive { clusters: Arc::new(clusters), div_value: 2 };
    let in_order = Clusters::new((0..7).collect(), &[2, 5]).unwrap();
    let tied = Layout::Adaptive { clusters: Arc::new(in_order), div_value: 2 };
    for cell in CellKind::all() {
        check_with(&architecture(cell), &output, 0.2, true);
        check_with(&Architecture { tied: true, hidden: 5, ..architecture(cell) }, &tied, 0.2, true);
    }
}

/// With a vocabulary as large as the batch, every row of the embedding is one input: its gradient is d_x.
#[test]
fn inputs() {
    for cell in CellKind::all() {
        let a = Architecture { vocab: LANES * STEPS, ..architecture(cell) };
        let (net, mut case) = (random(&a, &Layout::Full, 2), Case::new(&a, 0.0, false));
        case.inputs = (0..(LANES * STEPS) as u32).collect();
        let (mut work, mut grad) = (Work::new(&net, LANES, STEPS), net.zeros_like());
        case.loss_grad(&net, &case.state, &mut grad, &mut work);
        let d_x: Array2<f64> = work.d_inputs(0, STEPS).to_owned();
        let (mut moved, mut sink) = (net.clone(), net.zeros_like());
        let x = net.encoder.w.as_slice().unwrap();
        let worst = check_slice("x", x, d_x.as_slice().unwrap(), a.embedding, &mut |x| {
            moved.encoder.w.as_slice_mut().unwrap().copy_from_slice(x);
            case.loss_grad(&moved, &case.state, &mut sink, &mut work)
        });
        worst.assert(&format!("{cell:?}"));
    }
}

/// The check itself must be able to fail: one wrong sign in one row is seen.
#[test]
fn a_wrong_row_is_seen() {
    let a = architecture(CellKind::all()[0]);
    let (net, case) = (random(&a, &Layout::Full, 1), Case::new(&a, 0.0, false));
    let (mut work, mut grad) = (Work::new(&net, LANES, STEPS), net.zeros_like());
    case.loss_grad(&net, &case.state, &mut grad, &mut work);
    grad.layers[0].w_h.row_mut(2).mapv_inplace(|x| -x);
    let mut sink = net.zeros_like();
    let worst =
        check(&net, &grad, &mut |net| case.loss_grad(net, &case.state, &mut sink, &mut work));
    assert!(worst.error > 100.0 * gradcheck::TOLERANCE && worst.row == 2, "{worst:?}");
}
