//! The ways to ∂J/∂w_h on one text, beside each other: back-propagation through time, the copies of equations 2 and 3, the
//! explicit products of equations 5 to 7, and differences of the loss.
//!
//! The difference quotient is the central one with the term of ε² taken out (Richardson 1911), because over dozens of steps
//! the third derivative of J is large: `(8 (J(ε) − J(−ε)) − (J(2ε) − J(−2ε))) / 12ε`.

use ndarray::{Array2, ArrayView1};
use nn::activation::Activation;
use nn::gradcheck::{FLOOR, STEP};
use nn::params::Params;

use super::Path;
use crate::backbone::Backbone;
use crate::cell::CellKind;
use crate::work::{Batch, Work};

/// How far the ways are apart on one text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Equations 2 and 3 against back-propagation: the largest difference over the gradient's largest number.
    pub copies: f64,
    /// Equations 5 to 7 against back-propagation, likewise.
    pub products: f64,
    /// Equations 5 to 7 against differences, row by row as in [`nn::gradcheck`].
    pub differences: f64,
    /// Numbers of w_h without a difference quotient: the step would switch a ReLU, where J has a kink.
    pub kinks: usize,
}

impl Agreement {
    /// Of a vanilla network on a text that is read from the state `start`.
    ///
    /// # Panics
    /// As [`Path::new`].
    pub fn of(net: &Backbone<f64>, inputs: &[u32], targets: &[u32], start: &[f64]) -> Self {
        let start = ArrayView1::from(start);
        let path = Path::new(net, inputs, targets, start);
        let through_time = through_time(net, inputs, targets, start);
        let explicit = path.explicit_gradient();
        let (differences, kinks) = differences(net, inputs, targets, start, &explicit);
        Self {
            copies: relative(&path.total_gradient(), &through_time),
            products: relative(&explicit, &through_time),
            differences,
            kinks,
        }
    }
}

/// ∂J/∂w_h by [`Backbone::loss_grad`].
fn through_time(
    net: &Backbone<f64>,
    inputs: &[u32],
    targets: &[u32],
    start: ArrayView1<f64>,
) -> Array2<f64> {
    let steps = inputs.len();
    let (mut work, mut grad) = (Work::new(net, 1, steps), net.zeros_like());
    work.restore(&start.to_vec());
    net.loss_grad(Batch { steps, inputs, targets, resets: &[] }, None, &mut work, &mut grad);
    grad.layers.swap_remove(0).w_h
}

/// The largest difference over the largest number; 0 of two zero matrices.
fn relative(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let largest = |m: f64, x: &f64| if x.is_nan() { *x } else { m.max(x.abs()) };
    match (a - b).iter().fold(0.0, largest) {
        0.0 => 0.0,
        difference => difference / b.iter().fold(0.0, largest),
    }
}

/// The worst row of `gradient` against differences, and how many numbers have none.
fn differences(
    net: &Backbone<f64>,
    inputs: &[u32],
    targets: &[u32],
    start: ArrayView1<f64>,
    gradient: &Array2<f64>,
) -> (f64, usize) {
    let (mut moved, mut worst, mut kinks) = (net.clone(), 0.0f64, 0);
    for (i, row) in gradient.rows().into_iter().enumerate() {
        let (mut largest, mut difference) = (FLOOR, 0.0f64);
        for (j, &analytic) in row.indexed_iter() {
            let w = net.layers[0].w_h[[i, j]];
            let mut at = |w: f64| {
                moved.layers[0].w_h[[i, j]] = w;
                let path = Path::new(&moved, inputs, targets, start);
                (path.loss(), switches(&path))
            };
            let [(down2, off), (down, _), (up, _), (up2, on)] =
                [-2.0, -1.0, 1.0, 2.0].map(|k| at(w + k * STEP));
            moved.layers[0].w_h[[i, j]] = w;
            if off != on {
                kinks += 1;
                continue;
            }
            let numeric = (8.0 * (up - down) - (up2 - down2)) / (12.0 * STEP);
            largest = largest.max(analytic.abs()).max(numeric.abs());
            let error = (analytic - numeric).abs();
            difference = if error.is_nan() { error } else { difference.max(error) };
        }
        let error = difference / largest;
        worst = if error.is_nan() { error } else { worst.max(error) };
    }
    (worst, kinks)
}

/// Which ReLUs are on along the path; nothing for smooth σ.
fn switches(path: &Path<'_>) -> Vec<bool> {
    match path.net.cell {
        CellKind::Vanilla(cell) if cell.sigma == Activation::Relu => {
            path.states[1..].iter().flat_map(|h| h.iter().map(|h| *h > 0.0)).collect()
        }
        _ => Vec::new(),
    }
}
