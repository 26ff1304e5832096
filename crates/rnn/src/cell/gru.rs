//! Gated recurrent unit (Cho 2014) in PyTorch's variant, which resets *after* the recurrent product, so that the n gate's
//! recurrent part has a bias of its own; gates in the order r, z, n.
//!
//! ```text
//! r = sigmoid(w_e[r] e + b[r] + w_h[r] h + b_h[r])      z likewise
//! q = w_h[n] h + b_h[n]                                 n = tanh(w_e[n] e + b[n] + r ⊙ q)
//! h' = (1 − z) ⊙ n + z ⊙ h
//! ```
//! Shapes: w_e [3H, E], w_h [3H, H], b and b_h [3H]; `pre` holds r z n; `extra` q, and after the backward step its
//! gradient.

use ndarray::s;
use nn::Real;
use nn::gemm::gemm;

use super::{Backward, Cell, Forward};
use crate::layer::Layer;

/// The gated recurrent unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gru;

impl<R: Real> Cell<R> for Gru {
    fn gates(&self) -> usize {
        3
    }

    fn states(&self) -> usize {
        1
    }

    fn extra(&self) -> usize {
        1
    }

    fn splits(&self) -> bool {
        true
    }

    fn forward(&self, layer: &Layer<R>, step: Forward<'_, R>) {
        let Forward { mut pre, extra: mut q, prev, w_h_t, mut next } = step;
        let (width, one) = (layer.hidden(), R::one());
        let b_h = layer.b_h.as_ref().expect("a GRU has a recurrent bias");
        let (w_rz_t, w_n_t) = w_h_t.split_at(ndarray::Axis(1), 2 * width);
        let mut rz = pre.slice_mut(s![.., ..2 * width]);
        rz += &b_h.slice(s![..2 * width]);
        gemm(one, prev, w_rz_t, one, rz);
        q.assign(&b_h.slice(s![2 * width..]));
        gemm(one, prev, w_n_t, one, q.view_mut());
        for b in 0..pre.nrows() {
            let gates = pre.row_mut(b).into_slice().expect("a row");
            R::sigmoid_slice(&mut gates[..2 * width]);
            let (r, rest) = gates.split_at_mut(width);
            let (z, n) = rest.split_at_mut(width);
            for ((n, r), q) in n.iter_mut().zip(r).zip(q.row(b)) {
                *n += *r * *q;
            }
            R::tanh_slice(n);
            for (((h, h_prev), z), n) in next.row_mut(b).iter_mut().zip(prev.row(b)).zip(z).zip(n) {
                *h = (one - *z) * *n + *z * *h_prev; // eq: gru
            }
        }
    }

    fn backward(&self, layer: &Layer<R>, step: Backward<'_, R>) {
        let Backward { mut pre, extra: mut q, prev, mut d_state } = step;
        let (width, one) = (layer.hidden(), R::one());
        for b in 0..pre.nrows() {
            let (r, rest) = pre.row_mut(b).into_slice().expect("a row").split_at_mut(width);
            let (z, n) = rest.split_at_mut(width);
            let q = q.row_mut(b).into_slice().expect("a row");
            let d_h = d_state.row_mut(b).into_slice().expect("a row");
            for (k, &h_prev) in prev.row(b).iter().enumerate() {
                let d_n = d_h[k] * (one - z[k]) * (one - n[k] * n[k]);
                let d_z = d_h[k] * (h_prev - n[k]) * z[k] * (one - z[k]);
                let d_r = d_n * q[k] * r[k] * (one - r[k]);
                q[k] = d_n * r[k];
                d_h[k] *= z[k];
                (r[k], z[k], n[k]) = (d_r, d_z, d_n);
            }
        }
        let (w_rz, w_n) = layer.w_h.view().split_at(ndarray::Axis(0), 2 * width);
        gemm(one, pre.slice(s![.., ..2 * width]), w_rz, one, d_state.view_mut());
        gemm(one, q.view(), w_n, one, d_state.view_mut());
    }
}
