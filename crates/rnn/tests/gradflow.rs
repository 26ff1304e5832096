//! The lecture's equations on gradients against each other, against back-propagation and against finite differences.

use ndarray::{Array1, Array2};
use nn::activation::Activation;
use nn::params::Params;
use nn::rng::{standard_normal, stream};
use nn::spectrum::{Eigen, spectral_norm};
use nn::{gradcheck, init};
use rnn::cell::Vanilla;
use rnn::gradflow::{
    Agreement, LagFlow, Path, eigen_lag, jacobian_bound, linear_lag, log_lag_bound, power_norms,
};
use rnn::{Architecture, Backbone, Batch, CellKind, Work};

const STEPS: usize = 12;

fn network(cell: CellKind, hidden: usize, seed: u64) -> Backbone<f64> {
    let a = Architecture {
        cell,
        vocab: 9,
        embedding: 5,
        hidden,
        layers: 1,
        tied: false,
        frozen: false,
    };
    let mut net = Backbone::zeros(&a);
    let mut rng = stream(seed, "test weights");
    net.tensors_mut(&mut |t| t.data.iter_mut().for_each(|x| *x = 0.5 * standard_normal(&mut rng)));
    net
}

fn text() -> (Vec<u32>, Vec<u32>) {
    let ids: Vec<u32> = (0..=STEPS as u32).map(|i| (i * i + 3) % 9).collect();
    (ids[..STEPS].to_vec(), ids[1..].to_vec())
}

fn start(hidden: usize) -> Array1<f64> {
    let mut rng = stream(3, "start");
    Array1::from_shape_simple_fn(hidden, || 0.5 * standard_normal(&mut rng))
}

/// The largest difference over the largest number.
fn relative(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let largest = b.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    (a - b).iter().fold(0.0f64, |m, x| m.max(x.abs())) / largest
}

/// Claims e1 and e2: equations 2–3 equal back-propagation to 1e-9, 5–7 to 1e-9, too, and both finite differences to 1e-6.
#[test]
fn copies_products_back_propagation_and_differences_agree() {
    for sigma in Activation::ALL {
        let net = network(CellKind::vanilla(sigma), 6, 1);
        let ((inputs, targets), start) = (text(), start(6));
        let path = Path::new(&net, &inputs, &targets, start.view());
        let (mut work, mut grad) = (Work::new(&net, 1, STEPS), net.zeros_like());
        let batch = Batch { steps: STEPS, inputs: &inputs, targets: &targets, resets: &[] };
        let mut loss = |net: &Backbone<f64>, grad: &mut Backbone<f64>| {
            work.restore(start.as_slice().unwrap());
            net.loss_grad(batch, None, &mut work, grad) / STEPS as f64
        };
        loss(&net, &mut grad);
        let through_time = &grad.layers[0].w_h;
        assert!(
            relative(&path.total_gradient(), through_time) < 1e-9,
            "{sigma:?}: equations 2 and 3"
        );
        assert!(
            relative(&path.explicit_gradient(), through_time) < 1e-9,
            "{sigma:?}: equations 5 to 7"
        );
        for t in 1..=STEPS {
            for (i, copy) in path.copies(t).iter().enumerate() {
                let explicit = path.copy_gradient(t, i + 1);
                assert!(relative(&explicit, copy) < 1e-9 || copy.iter().all(|x| x.abs() < 1e-14));
            }
        }
        let explicit = path.explicit_gradient();
        let (mut moved, mut sink) = (net.clone(), net.zeros_like());
        let w = net.layers[0].w_h.as_slice().unwrap();
        let worst = gradcheck::check_slice("w_h", w, explicit.as_slice().unwrap(), 6, &mut |w| {
            moved.layers[0].w_h.as_slice_mut().unwrap().copy_from_slice(w);
            loss(&moved, &mut sink)
        });
        worst.assert(&format!("{sigma:?}"));
    }
}

/// Equation 9 against differences of equation 8: one column of the Jacobian a unit of h^(j−1).
#[test]
fn the_jacobian_is_the_derivative_of_a_step() {
    for sigma in [Activation::Tanh, Activation::Sigmoid, Activation::Identity] {
        let net = network(CellKind::vanilla(sigma), 5, 4);
        let start = start(5);
        let jacobian = Path::new(&net, &[2], &[1], start.view()).jacobian(1);
        for k in 0..5 {
            let moved = |delta: f64| {
                let mut start = start.clone();
                start[k] += delta;
                Path::new(&net, &[2], &[1], start.view()).state(1).to_owned()
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            for i in 0..5 {
                assert!((difference[i] - jacobian[[i, k]]).abs() < 1e-8, "{sigma:?} [{i}, {k}]");
            }
        }
    }
}

/// Claim e3: with σ the identity the Jacobian over a lag is a power of w_h; the slope of its log norm against the lag is
/// the log of the spectral radius.
#[test]
fn the_linear_network_follows_the_eigenvalues() {
    for radius in [0.5, 0.9, 1.1, 1.5] {
        let mut net = network(CellKind::vanilla(Activation::Identity), 8, 5);
        let w = init::normal::<f64>((8, 8), 1.0, &mut stream(2, "w"));
        net.layers[0].w_h = &w * (radius / Eigen::new(w.view()).radius());
        let (w_h, (inputs, targets)) = (net.layers[0].w_h.clone(), text());
        let path = Path::new(&net, &inputs, &targets, start(8).view());
        for lag in 0..=STEPS {
            let power = linear_lag(w_h.view(), lag);
            assert!(relative(&path.lag_jacobian(STEPS - lag, STEPS), &power) < 1e-10, "lag {lag}");
            assert!(relative(&eigen_lag(w_h.view(), lag), &power) < 1e-9, "lag {lag}");
        }
        let eigen = Eigen::new(w_h.view());
        let log_norms = (100..900).map(|lag| spectral_norm(eigen.power(lag).view()).ln());
        // least squares: complex eigenvalues make the norm swing around its line
        let points: Vec<(f64, f64)> =
            log_norms.zip(-400..).map(|(y, x)| (f64::from(x) + 0.5, y)).collect();
        let slope = points.iter().map(|(x, y)| x * y).sum::<f64>()
            / points.iter().map(|(x, _)| x * x).sum::<f64>();
        assert!((slope - f64::ln(radius)).abs() < 1e-3, "{slope} for the radius {radius}");
    }
}

/// Claims e4 and e5: the bound holds for every σ, gain and lag; a matrix far from normal grows before it decays.
#[test]
fn the_bound_holds_and_eigenvalues_do_not_tell_everything() {
    for sigma in Activation::ALL {
        for gain in [0.3, 1.0, 2.0] {
            let mut net = network(CellKind::vanilla(sigma), 6, 6);
            net.layers[0].w_h *= gain;
            let (w_h, (inputs, targets), cell) = (&net.layers[0].w_h, text(), Vanilla { sigma });
            let path = Path::new(&net, &inputs, &targets, start(6).view());
            for j in 1..=STEPS {
                let measured = spectral_norm(path.jacobian(j).view());
                assert!(measured <= jacobian_bound(&cell, w_h.view()) * (1.0 + 1e-12));
            }
            for lag in 0..=STEPS {
                let measured = spectral_norm(path.lag_jacobian(STEPS - lag, STEPS).view());
                assert!(
                    measured.ln() <= log_lag_bound(&cell, w_h.view(), lag) + 1e-12,
                    "{sigma:?}, lag {lag}"
                );
            }
        }
    }
    let mut shear = Array2::<f64>::eye(5) * 0.8;
    (0..4).for_each(|i| shear[[i, i + 1]] = 2.0);
    let norms: Vec<f64> =
        [1, 4, 200].map(|lag| spectral_norm(linear_lag(shear.view(), lag).view())).into();
    assert!(norms[1] > 2.0 * norms[0] && norms[2] < 1e-8, "{norms:?}");
    let all = power_norms(shear.view(), 200);
    assert!(
        [1, 4, 200].iter().zip(&norms).all(|(lag, norm)| (all[*lag] / norm - 1.0).abs() < 1e-9)
    );
}

/// The norms at each lag against the explicit products where those exist, and against the gradient of an incoming state
/// for every cell.
#[test]
fn norms_by_lag_are_norms_of_state_gradients() {
    let (inputs, targets) = text();
    for cell in CellKind::all() {
        let net = network(cell, 6, 7);
        let norms = LagFlow::new(&net, &[&inputs], &targets[STEPS - 1..]).mean_norms();
        assert_eq!(norms.len(), STEPS + 1);
        if let CellKind::Vanilla(_) = cell {
            let path = Path::new(&net, &inputs, &targets, Array1::zeros(6).view());
            for (lag, norm) in norms.iter().enumerate() {
                let row = path.loss_to_state(STEPS).dot(&path.lag_jacobian(STEPS - lag, STEPS));
                assert!((row.dot(&row).sqrt() - norm).abs() <= 1e-9 * norm, "{cell:?}, lag {lag}");
            }
        }
        let loss_of = |state: &[f64]| {
            let mut work = Work::new(&net, 1, STEPS);
            work.restore(state);
            let batch = Batch { steps: STEPS, inputs: &inputs, targets: &targets, resets: &[] };
            let mut scores = vec![0.0; STEPS];
            net.score(batch, &mut work, &mut scores);
            -scores[STEPS - 1]
        };
        let zeros = vec![0.0; cell.rule::<f64>().states() * 6];
        let squares = (0..zeros.len()).map(|k| {
            let mut at = zeros.clone();
            at[k] = 1e-5;
            let up = loss_of(&at);
            at[k] = -1e-5;
            ((up - loss_of(&at)) / 2e-5).powi(2)
        });
        let difference = squares.sum::<f64>().sqrt();
        assert!((difference - norms[STEPS]).abs() < 1e-6 * norms[STEPS].max(1e-3), "{cell:?}");
    }
}

/// The chain is the explicit product at every lag; the loss is that of the network's own scoring.
#[test]
fn the_chain_and_the_loss_of_a_path() {
    let net = network(CellKind::vanilla(Activation::Tanh), 6, 8);
    let ((inputs, targets), start) = (text(), start(6));
    let path = Path::new(&net, &inputs, &targets, start.view());
    let (chain, norms): (Vec<_>, _) = (path.chain(9).collect(), path.chain_norms(9));
    assert_eq!((chain.len(), norms.len()), (10, 10));
    for (lag, product) in chain.iter().enumerate() {
        assert_eq!(norms[lag], spectral_norm(product.view()));
        assert!(relative(product, &path.lag_jacobian(9 - lag, 9)) < 1e-12, "lag {lag}");
    }
    let (mut work, mut scores) = (Work::new(&net, 1, STEPS), vec![0.0; STEPS]);
    work.restore(start.as_slice().unwrap());
    let batch = Batch { steps: STEPS, inputs: &inputs, targets: &targets, resets: &[] };
    net.score(batch, &mut work, &mut scores);
    let mean = -scores.iter().sum::<f64>() / STEPS as f64;
    assert!((path.loss() - mean).abs() < 1e-12, "{} {mean}", path.loss());
}

/// What the laboratory prints of claims e1 and e2: small for every σ, and of a ReLU it says where there is no slope.
#[test]
fn agreement_holds_for_every_sigma_and_counts_the_kinks() {
    for sigma in Activation::ALL {
        let net = network(CellKind::vanilla(sigma), 6, 9);
        let ((inputs, targets), start) = (text(), start(6));
        let found = Agreement::of(&net, &inputs, &targets, start.as_slice().unwrap());
        assert!(found.copies < 1e-9 && found.products < 1e-9, "{sigma:?}: {found:?}");
        assert!(found.differences < 1e-6 && found.kinks < 12, "{sigma:?}: {found:?}");
        assert!(sigma == Activation::Relu || found.kinks == 0);
    }
    // one unit that stands on its kink: h^(1) = ReLU(w h^(0)) with w = 0
    let mut net = network(CellKind::vanilla(Activation::Relu), 1, 9);
    (net.layers[0].w_h[[0, 0]], net.layers[0].b1[0]) = (0.0, 0.0);
    net.encoder.w.fill(0.0);
    let found = Agreement::of(&net, &[1], &[2], &[1.0]);
    assert_eq!((found.kinks, found.differences), (1, 0.0));
}

/// The copies' gradients of some texts' last losses add up to what back-propagation through the shared matrix gives, in
/// every cell.
#[test]
fn the_flow_by_lag_adds_up_to_the_gradient() {
    let (inputs, _) = text();
    let other: Vec<u32> = inputs.iter().map(|id| (id + 4) % 9).collect();
    let targets = [3, 5];
    for cell in CellKind::all() {
        let net = network(cell, 6, 10);
        let flow = LagFlow::new(&net, &[&inputs, &other], &targets);
        assert_eq!((flow.norms.len(), flow.copies.len()), (STEPS + 1, STEPS));
        let mut summed = Array2::zeros(net.layers[0].w_h.dim());
        for (text, target) in [&inputs, &other].into_iter().zip(targets) {
            // the loss of the last step alone: that of the whole text without that of all but the last step
            let gradient = |steps: usize| {
                let mut all = text[1..].to_vec();
                all.push(target);
                let (mut work, mut grad) = (Work::new(&net, 1, steps), net.zeros_like());
                let batch =
                    Batch { steps, inputs: &text[..steps], targets: &all[..steps], resets: &[] };
                net.loss_grad(batch, None, &mut work, &mut grad);
                grad.layers[0].w_h.clone() * steps as f64
            };
            summed = summed + (gradient(STEPS) - gradient(STEPS - 1)) / 2.0;
        }
        let whole = flow.copies.iter().fold(Array2::zeros(summed.dim()), |sum, copy| sum + copy);
        assert!(relative(&whole, &summed) < 1e-9, "{cell:?}");
        let shares = flow.near_shares();
        assert!((shares[STEPS - 1] - 1.0).abs() < 1e-12 && shares.len() == STEPS, "{cell:?}");
        let apart = [(&inputs, 3), (&other, 5)]
            .map(|(text, target)| LagFlow::new(&net, &[&text[..]], &[target]).mean_norms());
        for (lag, mean) in flow.mean_norms().iter().enumerate() {
            let expected = (apart[0][lag] + apart[1][lag]) / 2.0;
            assert!((mean - expected).abs() <= 1e-12 * expected, "{cell:?}, lag {lag}");
        }
    }
}
