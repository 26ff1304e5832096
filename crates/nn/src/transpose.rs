//! A transpose in fixed blocks, which are rayon's units of work.

use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use crate::real::Real;

/// Columns of the source in a unit: a cache line of each of its rows.
const COLUMNS: usize = 16;

/// to ← fromᵀ: from [M, N]; to has N rows of `pitch` numbers, of which the first M are written.
///
/// # Panics
/// When `to` has other rows.
pub fn transpose<R: Real>(from: ArrayView2<R>, to: &mut [R], pitch: usize) {
    let (m, n) = from.dim();
    assert!(m <= pitch && to.len() == n * pitch, "transpose: {m} × {n} into rows of {pitch}");
    if to.is_empty() {
        return;
    }
    to.par_chunks_mut(COLUMNS * pitch).enumerate().for_each(|(block, to)| {
        let first = block * COLUMNS;
        let from = from.slice(s![.., first..first + to.len() / pitch]);
        for (i, row) in from.rows().into_iter().enumerate() {
            row.iter().enumerate().for_each(|(j, &x)| to[j * pitch + i] = x);
        }
    });
}

/// fromᵀ, row-major.
pub fn transposed<R: Real>(from: ArrayView2<R>) -> Array2<R> {
    let mut to = Array2::zeros((from.ncols(), from.nrows()));
    transpose(from, to.as_slice_mut().expect("standard layout"), from.nrows());
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_and_the_padding_stays() {
        for (m, n) in [(1, 1), (3, 16), (5, 33), (40, 7), (0, 3), (3, 0)] {
            let from = Array2::from_shape_fn((m, n), |(i, j)| (i * 100 + j) as f32);
            assert_eq!(transposed(from.view()), from.t());
            let mut padded = vec![-1.0; n * (m + 2)];
            transpose(from.view(), &mut padded, m + 2);
            let padded = Array2::from_shape_vec((n, m + 2), padded).expect("rows of m + 2");
            assert_eq!(padded.slice(s![.., ..m]), from.t());
            assert!(padded.slice(s![.., m..]).iter().all(|&x| x == -1.0));
        }
    }
}
