//! The embedding: e = E x of the lecture, where x is a one-hot vector, is the look-up of a row.
//!
//! Shapes: w [V, E]; N ids give out [N, E].

use crate::init;
use crate::real::Real;
use crate::rng::stream;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

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

impl Embedding<f32> {
    /// A table of given vectors, such as pre-trained ones; words without one start uniform, as large as the given ones
    /// are (root mean square; where there is none at all, in ±0.1).
    ///
    /// # Panics
    /// When a vector is not `width` long.
    pub fn given<'a>(
        width: usize,
        rows: impl ExactSizeIterator<Item = Option<&'a [f32]>> + Clone,
        seed: u64,
    ) -> Self {
        let known = || rows.clone().flatten().flatten().map(|&x| f64::from(x));
        let squares: f64 = known().map(|x| x * x).sum();
        let bound = match known().count() {
            0 => 0.1,
            n => (3.0 * squares / n as f64).sqrt(),
        };
        let mut w = init::uniform((rows.len(), width), bound, &mut stream(seed, "unknown vectors"));
        for (mut row, given) in w.rows_mut().into_iter().zip(rows) {
            if let Some(given) = given {
                row.assign(&ArrayView1::from(given));
            }
        }
        Self { w }
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

    #[test]
    fn given_vectors_stay_and_the_others_are_as_large() {
        let given = [0.5f32, -0.5, 0.5, 0.5];
        let rows: Vec<Option<&[f32]>> = (0..200).map(|i| (i == 3).then_some(&given[..])).collect();
        let table = Embedding::given(4, rows.iter().copied(), 1);
        assert_eq!(table.w.row(3).as_slice().unwrap(), given);
        let square = table.w.iter().map(|x| x * x).sum::<f32>() / table.w.len() as f32;
        assert!((square.sqrt() - 0.5).abs() < 0.02 && table.w.row(2) != table.w.row(4));
        assert_eq!(table, Embedding::given(4, rows.into_iter(), 1));
    }
}
