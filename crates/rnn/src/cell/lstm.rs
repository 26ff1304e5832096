//! Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers 2000), no peepholes; gates in
//! PyTorch's order i, f, g, o.
//!
//! ```text
//! i = sigmoid(w_e[i] e + w_h[i] h + b[i])      f, o likewise      g = tanh(w_e[g] e + w_h[g] h + b[g])
//! c' = f ⊙ c + i ⊙ g                           h' = o ⊙ tanh(c')
//! ```
//! Shapes: w_e [4H, E], w_h [4H, H], b [4H]; a state row is [h | c]; `pre` holds i f g o, `extra` tanh(c').

use ndarray::s;
use nn::Real;
use nn::gemm::gemm;

use super::{Backward, Cell, Forward};
use crate::layer::Layer;

/// The long short-term memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lstm;

impl<R: Real> Cell<R> for Lstm {
    fn gates(&self) -> usize {
        4
    }

    fn states(&self) -> usize {
        2
    }

    fn extra(&self) -> usize {
        1
    }

    fn splits(&self) -> bool {
        false
    }

    fn forward(&self, layer: &Layer<R>, step: Forward<'_, R>) {
        let Forward { mut pre, mut extra, prev, w_h_t, mut next } = step;
        let width = layer.hidden();
        gemm(R::one(), prev.slice(s![.., ..width]), w_h_t, R::one(), pre.view_mut());
        for b in 0..pre.nrows() {
            let gates = row_mut(&mut pre, b);
            R::sigmoid_slice(&mut gates[..2 * width]);
            R::tanh_slice(&mut gates[2 * width..3 * width]);
            R::sigmoid_slice(&mut gates[3 * width..]);
            let (i, rest) = gates.split_at(width);
            let (f, rest) = rest.split_at(width);
            let (g, o) = rest.split_at(width);
            let c_prev = &prev.row(b).to_slice().expect("a row")[width..];
            let (h, c) = row_mut(&mut next, b).split_at_mut(width);
            let tanh_c = row_mut(&mut extra, b);
            for k in 0..width {
                c[k] = f[k] * c_prev[k] + i[k] * g[k]; // eq: lstm
            }
            tanh_c.copy_from_slice(c);
            R::tanh_slice(tanh_c);
            for k in 0..width {
                h[k] = o[k] * tanh_c[k];
            }
        }
    }

    fn backward(&self, layer: &Layer<R>, step: Backward<'_, R>) {
        let Backward { mut pre, mut extra, prev, mut d_state } = step;
        let (width, one) = (layer.hidden(), R::one());
        for b in 0..pre.nrows() {
            let (i, rest) = row_mut(&mut pre, b).split_at_mut(width);
            let (f, rest) = rest.split_at_mut(width);
            let (g, o) = rest.split_at_mut(width);
            let c_prev = &prev.row(b).to_slice().expect("a row")[width..];
            let tanh_c = row_mut(&mut extra, b);
            let (d_h, d_c) = row_mut(&mut d_state, b).split_at_mut(width);
            for k in 0..width {
                let d_c_new = d_c[k] + d_h[k] * o[k] * (one - tanh_c[k] * tanh_c[k]);
                let d_o = d_h[k] * tanh_c[k] * o[k] * (one - o[k]);
                let d_i = d_c_new * g[k] * i[k] * (one - i[k]);
                let d_g = d_c_new * i[k] * (one - g[k] * g[k]);
                d_c[k] = d_c_new * f[k];
                let d_f = d_c_new * c_prev[k] * f[k] * (one - f[k]);
                (i[k], f[k], g[k], o[k]) = (d_i, d_f, d_g, d_o);
            }
        }
        gemm(R::one(), pre.view(), layer.w_h.view(), R::zero(), d_state.slice_mut(s![.., ..width]));
    }
}

fn row_mut<'a, R>(matrix: &'a mut ndarray::ArrayViewMut2<'_, R>, row: usize) -> &'a mut [R] {
    matrix.row_mut(row).into_slice().expect("rows are contiguous")
}
