//! The embedding: e = E x of the lecture, where x is a one-hot vector, is the look-up of a row.
//!
//! Shapes: w [V, E]; N ids give out [N, E].

use crate::real::Real;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// The table of word vectors, or its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding<R> {
    /// One row a word: [V, E].
    pub w: Array2<R>,
}

impl<R: Real> Embedding<R> {
    /// A table of zeros.
    pub fn zeros(vocab: usize, width: usize) -> Self {
        Self { w: Array2::zeros((vocab, width)) }
    }

    /// out[n] ← w[ids[n]].
    ///
    /// # Panics
    /// When an id is V or more, or the shapes differ.
    pub fn gather(&self, ids: &[u32], mut out: ArrayViewMut2<R>) {
        assert_eq!((ids.len(), self.w.ncols()), out.dim());
        for (&id, mut row) in ids.iter().zip(out.rows_mut()) {
            row.assign(&self.w.row(id as usize));
        }
    }
}

/// grad_w[ids[n]] += d_out[n], in the order of n: the transpose of [`Embedding::gather`].
///
/// # Panics
/// When an id is V or more, or the shapes differ.
pub fn scatter_add<R: Real>(ids: &[u32], d_out: ArrayView2<R>, mut grad_w: ArrayViewMut2<R>) {
    assert_eq!((ids.len(), grad_w.ncols()), d_out.dim());
    for (&id, d) in ids.iter().zip(d_out.rows()) {
        let mut row = grad_w.row_mut(id as usize);
        row += &d;
    }
}
