//! A fully connected layer: y = x wᵀ + b, with the weights as PyTorch keeps them.
//!
//! Shapes: x [B, in], w [out, in], b [out], y [B, out].

use crate::gemm::gemm;
use crate::real::Real;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};

/// The weights of a fully connected layer, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<R> {
    /// Weights [out, in].
    pub w: Array2<R>,
    /// Bias [out].
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
        gemm(R::one(), x, self.w.t(), R::one(), y);
    }

    /// From d_y: adds d_yᵀ x into `grad.w` and the column sums of d_y into `grad.b`, and writes d_x ← d_y w.
    pub fn backward(
        &self,
        x: ArrayView2<R>,
        d_y: ArrayView2<R>,
        d_x: Option<ArrayViewMut2<R>>,
        grad: &mut Self,
    ) {
        gemm(R::one(), d_y.t(), x, R::one(), grad.w.view_mut());
        for row in d_y.rows() {
            grad.b += &row;
        }
        if let Some(d_x) = d_x {
            gemm(R::one(), d_y, self.w.view(), R::zero(), d_x);
        }
    }
}
