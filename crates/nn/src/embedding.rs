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

    /// `out[n] ← w[ids[n]]`.
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

/// `grad_w[ids[n]] += d_out[n]`, in the order of n: the transpose of [`Embedding::gather`].
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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn scatter_is_the_transpose_of_gather() {
        let table = Embedding { w: arr2(&[[1.0f64, 2.0], [3.0, 4.0], [5.0, 6.0]]) };
        let mut out = Array2::zeros((3, 2));
        table.gather(&[2, 0, 2], out.view_mut());
        assert_eq!(out, arr2(&[[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]));

        let mut grad = Embedding::zeros(3, 2);
        grad.w[[1, 1]] = 7.0;
        let d_out = arr2(&[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]);
        scatter_add(&[2, 0, 2], d_out.view(), grad.w.view_mut());
        assert_eq!(grad.w, arr2(&[[2.0, 20.0], [0.0, 7.0], [4.0, 40.0]]));
    }
}
