//! The plain recurrent network, lecture §4:
//!
//! `h^(t) = σ(w_h h^(t-1) + w_e e^(t) + b1)`    (8)
//!
//! and its Jacobian, `∂h^(t)/∂h^(t-1) = diag(σ'(w_h h^(t-1) + w_e e^(t) + b1)) · w_h` (9), of which the backward step is
//! the transpose. σ' is taken from the output h.
//!
//! Shapes: w_h [H, H], w_e [H, E], b1 [H], e [B, E], h [B, H]; `pre` is w_e e + b1 before a step and h after it.

use ndarray::{Array2, ArrayView1};
use nn::Real;
use nn::activation::Activation;
use nn::gemm::gemm;

use super::{Backward, Cell, Forward};
use crate::layer::Layer;

/// Equation (8) with a choice of σ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vanilla {
    /// σ.
    pub sigma: Activation,
}

impl<R: Real> Cell<R> for Vanilla {
    fn gates(&self) -> usize {
        1
    }

    fn states(&self) -> usize {
        1
    }

    fn extra(&self) -> usize {
        0
    }

    fn splits(&self) -> bool {
        false
    }

    fn forward(&self, _: &Layer<R>, step: Forward<'_, R>) {
        let (mut h, h_prev) = (step.pre, step.prev);
        gemm(R::one(), h_prev, step.w_h_t, R::one(), h.view_mut()); // eq: 8
        self.sigma.apply(h.as_slice_mut().expect("rows of a step are contiguous"));
        { step.next }.assign(&h);
    }

    fn backward(&self, layer: &Layer<R>, step: Backward<'_, R>) {
        let (mut h, mut d_h) = (step.pre, step.d_state);
        for (h, &d) in h.iter_mut().zip(&d_h) {
            *h = d * self.sigma.slope(*h); // from here on `h` holds the gradient of w_h h_prev + w_e e + b1
        }
        gemm(R::one(), h.view(), layer.w_h.view(), R::zero(), d_h.view_mut());
    }
}

impl Vanilla {
    /// The Jacobian ∂h^(j)/∂h^(j-1) [H, H] at the new state h^(j) `[H]`.
    pub fn jacobian<R: Real>(&self, layer: &Layer<R>, h: ArrayView1<R>) -> Array2<R> {
        let mut jacobian = layer.w_h.clone();
        for (mut row, &h) in jacobian.rows_mut().into_iter().zip(&h) {
            row *= self.sigma.slope(h); // eq: 9
        }
        jacobian
    }
}
