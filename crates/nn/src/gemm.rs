//! Matrix products, one thread each: units of work are the caller's.
//!
//! `c ← α a·b + β c` over row-major views; a transposed view (`w.t()`) is accepted in either place, so `a·b`, `a·bᵀ`
//! and `aᵀ·b` need no copies.

use crate::real::Real;
use ndarray::{ArrayView2, ArrayViewMut2};

/// c ← α a·b + β c, with a [M, K], b [K, N], c [M, N], on the calling thread. With β = 0 the old c is not read.
///
/// # Panics
/// When the shapes do not fit together.
pub fn gemm<R: Real>(alpha: R, a: ArrayView2<R>, b: ArrayView2<R>, beta: R, c: ArrayViewMut2<R>) {
    assert_eq!(a.ncols(), b.nrows(), "gemm: a is {:?}, b is {:?}", a.dim(), b.dim());
    assert_eq!((a.nrows(), b.ncols()), c.dim(), "gemm: a is {:?}, b is {:?}", a.dim(), b.dim());
    R::gemm(alpha, a, b, beta, c);
}
