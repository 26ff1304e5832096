//! A fully connected layer: y = x wᵀ + b, with the weights as PyTorch keeps them.
//!
//! Shapes: x [B, in], w [out, in], b `[out]`, y [B, out]. Products are cut into fixed blocks of rows, which rayon may
//! run in parallel.

use crate::gemm::par_gemm;
use crate::real::Real;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};

/// The weights of a fully connected layer, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<R> {
    /// Weights [out, in].
    pub w: Array2<R>,
    /// Bias `[out]`.
    pub b: Array1<R>,
}

impl<R: Real> Linear<R> {
    /// A layer of zeros.
    pub fn zeros(out: usize, input: usize) -> Self {
        Self { w: Array2::zeros((out, input)), b: Array1::zeros(out) }
    }

    /// y ← x wᵀ + b.
    pub fn forward(&self, x: ArrayView2<R>, mut y: ArrayViewMut2<R>) {
        y.assign(&self.b);
        par_gemm(R::one(), x, self.w.t(), R::one(), y);
    }

    /// From d_y: adds d_yᵀ x into `grad.w` and the column sums of d_y into `grad.b`, and writes d_x ← d_y w.
    pub fn backward(
        &self,
        x: ArrayView2<R>,
        d_y: ArrayView2<R>,
        d_x: Option<ArrayViewMut2<R>>,
        grad: &mut Self,
    ) {
        par_gemm(R::one(), d_y.t(), x, R::one(), grad.w.view_mut());
        for row in d_y.rows() {
            grad.b += &row;
        }
        if let Some(d_x) = d_x {
            par_gemm(R::one(), d_y, self.w.view(), R::zero(), d_x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::uniform;
    use crate::rng::stream;

    /// Σ y ⊙ d_y: the loss whose gradients `backward` gives.
    fn loss(layer: &Linear<f64>, x: &Array2<f64>, d_y: &Array2<f64>) -> f64 {
        let mut y = Array2::zeros(d_y.dim());
        layer.forward(x.view(), y.view_mut());
        (&y * d_y).sum()
    }

    #[test]
    fn forward_by_hand() {
        let layer = Linear {
            w: ndarray::arr2(&[[1.0f32, 2.0], [3.0, 4.0]]),
            b: ndarray::arr1(&[0.5, -0.5]),
        };
        let mut y = Array2::zeros((1, 2));
        layer.forward(ndarray::arr2(&[[10.0, 1.0]]).view(), y.view_mut());
        assert_eq!(y, ndarray::arr2(&[[12.5, 33.5]]));
    }

    #[test]
    fn gradients_agree_with_central_differences_and_add() {
        let rng = &mut stream(4, "linear");
        let mut layer =
            Linear { w: uniform((3, 5), 1.0, rng), b: uniform((1, 3), 1.0, rng).row(0).to_owned() };
        let mut x: Array2<f64> = uniform((4, 5), 1.0, rng);
        let d_y: Array2<f64> = uniform((4, 3), 1.0, rng);
        let mut grad = Linear::zeros(3, 5);
        let mut d_x = Array2::zeros((4, 5));
        layer.backward(x.view(), d_y.view(), None, &mut grad);
        layer.backward(x.view(), d_y.view(), Some(d_x.view_mut()), &mut grad);

        const STEP: f64 = 1e-4;
        let close = |name: &str, got: f64, plus: f64, minus: f64| {
            let wanted = (plus - minus) / (2.0 * STEP);
            let error = (got - wanted).abs() / (got.abs() + wanted.abs()).max(1e-3);
            assert!(error < 1e-6, "{name}: {got}, by differences {wanted}");
        };
        for i in 0..15 {
            let mut at = |delta: f64| {
                layer.w[[i / 5, i % 5]] += delta;
                let loss = loss(&layer, &x, &d_y);
                layer.w[[i / 5, i % 5]] -= delta;
                loss
            };
            // two calls have added the same gradient twice
            close("d_w", grad.w[[i / 5, i % 5]] / 2.0, at(STEP), at(-STEP));
        }
        for i in 0..3 {
            let mut at = |delta: f64| {
                layer.b[i] += delta;
                let loss = loss(&layer, &x, &d_y);
                layer.b[i] -= delta;
                loss
            };
            close("d_b", grad.b[i] / 2.0, at(STEP), at(-STEP));
        }
        for i in 0..20 {
            let mut at = |delta: f64| {
                x[[i / 5, i % 5]] += delta;
                let loss = loss(&layer, &x, &d_y);
                x[[i / 5, i % 5]] -= delta;
                loss
            };
            close("d_x", d_x[[i / 5, i % 5]], at(STEP), at(-STEP));
        }
    }
}
