//! Gradient checks: back-propagation against central differences, in f64, one row of a tensor at a time.
//!
//! `g_i ≈ (J(θ + ε e_i) − J(θ − ε e_i)) / 2ε` with ε = 1e-4. The error of a row is the largest difference over the
//! largest magnitude of that row's gradient, or over 1e-3 if the row has less. Rows, because one large tensor hides a
//! small wrong row. Draw every tensor at random first: a start of zeros or of the identity hides mistakes.

use crate::params::Params;

/// ε.
pub const STEP: f64 = 1e-4;
/// The least magnitude that an error is measured against.
pub const FLOOR: f64 = 1e-3;
/// What a correct gradient keeps.
pub const TOLERANCE: f64 = 1e-6;

/// The worst row of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// Tensor.
    pub tensor: String,
    /// Row of it.
    pub row: usize,
    /// Relative error.
    pub error: f64,
}

impl Worst {
    fn none() -> Self {
        Self { tensor: String::new(), row: 0, error: 0.0 }
    }

    fn or(self, other: Worst) -> Self {
        // NaN is worse than anything
        if other.error > self.error || other.error.is_nan() { other } else { self }
    }

    /// Asserts that the gradient is right.
    ///
    /// # Panics
    /// When the error is [`TOLERANCE`] or more, or NaN.
    pub fn assert(&self, what: &str) {
        let Self { tensor, row, error } = self;
        assert!(
            *error < TOLERANCE,
            "{what}: gradient of {tensor}, row {row}: relative error {error:e}"
        );
    }
}

/// Compares `grad` with central differences of `loss` in every number of every trained tensor of `params`.
pub fn check<P: Params<Num = f64>>(params: &P, grad: &P, loss: &mut dyn FnMut(&P) -> f64) -> Worst {
    let mut analytic = Vec::new();
    grad.tensors(&mut |t| analytic.push(t));
    let mut moved = params.clone();
    let mut worst = Worst::none();
    for (k, tensor) in analytic.iter().enumerate().filter(|(_, t)| t.trained) {
        let numeric: Vec<f64> = (0..tensor.data.len())
            .map(|i| {
                central(|delta| {
                    shift(&mut moved, k, i, delta);
                    let value = loss(&moved);
                    shift(&mut moved, k, i, -delta);
                    value
                })
            })
            .collect();
        worst =
            worst.or(compare(&tensor.name.to_string(), tensor.data, &numeric, tensor.shape.row()));
    }
    worst
}

/// Compares `grad` with central differences of `loss` in every number of `x`, rows of length `row`: for inputs and
/// incoming states, which are no parameters.
pub fn check_slice(
    name: &str,
    x: &[f64],
    grad: &[f64],
    row: usize,
    loss: &mut dyn FnMut(&[f64]) -> f64,
) -> Worst {
    let mut moved = x.to_vec();
    let numeric: Vec<f64> = (0..x.len())
        .map(|i| {
            central(|delta| {
                moved[i] = x[i] + delta;
                let value = loss(&moved);
                moved[i] = x[i];
                value
            })
        })
        .collect();
    compare(name, grad, &numeric, row)
}

fn central(mut loss_at: impl FnMut(f64) -> f64) -> f64 {
    (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP)
}

fn shift<P: Params<Num = f64>>(params: &mut P, tensor: usize, index: usize, delta: f64) {
    let mut k = 0;
    params.tensors_mut(&mut |t| {
        if k == tensor {
            t.data[index] += delta;
        }
        k += 1;
    });
}

fn compare(name: &str, analytic: &[f64], numeric: &[f64], row: usize) -> Worst {
    assert_eq!(analytic.len(), numeric.len(), "{name}");
    let mut worst = Worst::none();
    for (i, (a, n)) in analytic.chunks(row).zip(numeric.chunks(row)).enumerate() {
        let largest = a.iter().chain(n).fold(FLOOR, |m, x| m.max(x.abs()));
        let difference = a
            .iter()
            .zip(n)
            .map(|(a, n)| (a - n).abs())
            .fold(0.0, |m: f64, d| if d.is_nan() { d } else { m.max(d) });
        worst = worst.or(Worst { tensor: name.to_owned(), row: i, error: difference / largest });
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_a_wrong_row_beside_a_large_right_one() {
        let x = [1.0, 2.0, 0.01, 0.02];
        let mut square = |x: &[f64]| 1e3 * (x[0] * x[0] + x[1] * x[1]) + x[2] * x[2] + x[3] * x[3];
        let right = [2e3, 4e3, 0.02, 0.04];
        check_slice("x", &x, &right, 2, &mut square).assert("right");
        let wrong = [2e3, 4e3, 0.02, 0.0401];
        let worst = check_slice("x", &x, &wrong, 2, &mut square);
        assert!(worst.row == 1 && worst.error > 1e-3, "{worst:?}");
        assert!(check_slice("x", &x, &[f64::NAN; 4], 2, &mut square).error.is_nan());
    }
}
