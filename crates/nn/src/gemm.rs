//! Matrix products, one thread each: units of work are the caller's.
//!
//! `c ← α a·b + β c` over row-major views; a transposed view (`w.t()`) is accepted in any place, so `a·b`, `a·bᵀ`
//! and `aᵀ·b` need no copies. `f32` runs our own register tiles (`simd::matmul`), which at the shapes of a language
//! model beat faer's; `f64`, the type of gradient checks, runs faer's product.
//!
//! What is fast: b row-major (unit stride along its columns), a any way round. A transposed b is packed on the fly,
//! which a tall a pays back and 20 rows do not: transpose such a b once, outside the loop.

use crate::real::Real;
use crate::simd::matmul::{Product, Raw};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use std::sync::Barrier;
use std::time::Instant;

/// c ← α a·b + β c, with a [M, K], b [K, N], c [M, N], on the calling thread. With β = 0 the old c is not read.
///
/// For `f32`, the bits of an element of c depend on its row of a, its column of b, K, α and β alone.
///
/// # Panics
/// When the shapes do not fit together, or c has unit stride along neither axis.
pub fn gemm<R: Real>(
    alpha: R,
    a: ArrayView2<R>,
    b: ArrayView2<R>,
    beta: R,
    mut c: ArrayViewMut2<R>,
) {
    assert_eq!(a.ncols(), b.nrows(), "gemm: a is {:?}, b is {:?}", a.dim(), b.dim());
    assert_eq!((a.nrows(), b.ncols()), c.dim(), "gemm: a is {:?}, b is {:?}", a.dim(), b.dim());
    if c.is_empty() {
        return;
    }
    if a.ncols() == 0 {
        if beta == R::zero() {
            c.fill(R::zero());
        } else {
            c.mapv_inplace(|x| x * beta);
        }
        return;
    }
    if c.ncols() == 1 || c.strides()[1] == 1 {
        R::gemm(alpha, a, b, beta, c);
    } else {
        assert!(c.nrows() == 1 || c.strides()[0] == 1, "gemm: c has strides {:?}", c.strides());
        // cᵀ = bᵀ aᵀ, and cᵀ has unit stride along its columns
        R::gemm(alpha, b.reversed_axes(), a.reversed_axes(), beta, c.reversed_axes());
    }
}

/// Rows of c in one unit of [`par_gemm`]'s work: whole register tiles, and enough to pay for a packed panel.
const UNIT_ROWS: usize = 96;
/// Products with fewer multiplications than this are one unit: a job costs rayon microseconds.
const UNIT_WORK: usize = 1 << 20;

/// [`gemm`] cut into fixed blocks of rows of c, rayon's units of work. For `f32` the bits are those of [`gemm`].
///
/// # Panics
/// As [`gemm`].
pub fn par_gemm<R: Real>(
    alpha: R,
    a: ArrayView2<R>,
    b: ArrayView2<R>,
    beta: R,
    c: ArrayViewMut2<R>,
) {
    assert_eq!((a.nrows(), b.ncols()), c.dim(), "gemm: a is {:?}, b is {:?}", a.dim(), b.dim());
    let (m, n, k) = (a.nrows(), b.ncols(), a.ncols());
    if m <= UNIT_ROWS || m * n * k <= UNIT_WORK {
        return gemm(alpha, a, b, beta, c);
    }
    let middle = m.div_ceil(UNIT_ROWS) / 2 * UNIT_ROWS;
    let (upper, lower) = a.split_at(Axis(0), middle);
    let (upper_c, lower_c) = c.split_at(Axis(0), middle);
    rayon::join(
        || par_gemm(alpha, upper, b, beta, upper_c),
        || par_gemm(alpha, lower, b, beta, lower_c),
    );
}

/// The product of `f32`, shapes checked.
#[allow(unsafe_code)]
pub(crate) fn single(
    alpha: f32,
    a: ArrayView2<f32>,
    b: ArrayView2<f32>,
    beta: f32,
    mut c: ArrayViewMut2<f32>,
) {
    let product = Product {
        m: a.nrows(),
        n: b.ncols(),
        k: a.ncols(),
        a: Raw { ptr: a.as_ptr(), row: a.strides()[0], col: a.strides()[1] },
        b: Raw { ptr: b.as_ptr(), row: b.strides()[0], col: b.strides()[1] },
        c: Raw { ptr: c.as_mut_ptr(), row: c.strides()[0], col: 1 },
        alpha,
        beta,
    };
    // SAFETY: the views vouch for their memory, c is borrowed alone, and `gemm` checked shapes and c's stride
    unsafe { product.run() };
}

/// The product of `f64`, shapes checked.
#[allow(unsafe_code)]
pub(crate) fn double(
    alpha: f64,
    a: ArrayView2<f64>,
    b: ArrayView2<f64>,
    beta: f64,
    mut c: ArrayViewMut2<f64>,
) {
    if beta != 0.0 && beta != 1.0 {
        c.mapv_inplace(|x| x * beta);
    }
    let accumulate = if beta == 0.0 { Accum::Replace } else { Accum::Add };
    // SAFETY: the views vouch for their memory at their strides, and c is borrowed alone
    unsafe {
        let view = |x: &ArrayView2<f64>| {
            let strides = (x.strides()[0], x.strides()[1]);
            (x.as_ptr(), x.nrows(), x.ncols(), strides.0, strides.1)
        };
        let (p, m, n, r, s) = view(&a);
        let a = MatRef::from_raw_parts(p, m, n, r, s);
        let (p, m, n, r, s) = view(&b);
        let b = MatRef::from_raw_parts(p, m, n, r, s);
        let (m, n, r, s) = (c.nrows(), c.ncols(), c.strides()[0], c.strides()[1]);
        let c = MatMut::from_raw_parts_mut(c.as_mut_ptr(), m, n, r, s);
        matmul(c, accumulate, a, b, alpha, Par::Seq);
    }
}

/// A product c ← a·b of [`SIDE`] × [`SIDE`] matrices, row-major.
type Multiply = dyn Fn(&[f32], &[f32], &mut [f32]) + Sync;

/// Rows and columns of the matrices that [`measure_ceiling`] multiplies.
const SIDE: usize = 768;

/// The matrix products of this machine in GFLOP/s, the ceiling that a model's speed is measured against: `threads`
/// threads at once each multiply 768 × 768 `f32` matrices of their own, with faer's product and with ours, for
/// `seconds` each; the better sum of the threads' medians counts.
pub fn measure_ceiling(threads: usize, seconds: f64) -> f64 {
    let ours = measure(threads, seconds, &|a, b, c| {
        let view = |x| ArrayView2::from_shape((SIDE, SIDE), x).expect("a square");
        let c = ArrayViewMut2::from_shape((SIDE, SIDE), c).expect("a square");
        gemm(1.0, view(a), view(b), 0.0, c);
    });
    let faer = measure(threads, seconds, &|a, b, c| {
        let c = MatMut::from_row_major_slice_mut(c, SIDE, SIDE);
        let a = MatRef::from_row_major_slice(a, SIDE, SIDE);
        let b = MatRef::from_row_major_slice(b, SIDE, SIDE);
        matmul(c, Accum::Replace, a, b, 1.0, Par::Seq);
    });
    ours.max(faer)
}

/// The sum of the threads' median speeds, in GFLOP/s.
fn measure(threads: usize, seconds: f64, multiply: &Multiply) -> f64 {
    let threads = threads.max(1);
    let start = Barrier::new(threads);
    let work = || {
        let numbers = |n| (0..SIDE * SIDE).map(|i| (i % n) as f32 / n as f32 - 0.5).collect();
        let (a, b): (Vec<f32>, Vec<f32>) = (numbers(61), numbers(67));
        let mut c = vec![0.0; SIDE * SIDE];
        multiply(&a, &b, &mut c);
        start.wait();
        let (mut rates, begin) = (Vec::new(), Instant::now());
        while rates.len() < 3 || begin.elapsed().as_secs_f64() < seconds {
            let begin = Instant::now();
            multiply(&a, &b, &mut c);
            rates.push(2e-9 * (SIDE * SIDE * SIDE) as f64 / begin.elapsed().as_secs_f64());
        }
        std::hint::black_box(&c);
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().filter_map(|thread| thread.join().ok()).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::uniform;
    use crate::rng::stream;
    use ndarray::{Array2, s};

    /// The definition, in f64.
    fn oracle<R: Real>(
        alpha: R,
        a: ArrayView2<R>,
        b: ArrayView2<R>,
        beta: R,
        c: ArrayView2<R>,
    ) -> Array2<f64> {
        Array2::from_shape_fn(c.dim(), |(i, j)| {
            let sum: f64 = (0..a.ncols()).map(|k| a[[i, k]].as_f64() * b[[k, j]].as_f64()).sum();
            alpha.as_f64() * sum + beta.as_f64() * c[[i, j]].as_f64()
        })
    }

    fn check<R: Real>(tolerance: f64) {
        let mut rng = stream(1, R::NAME);
        let sizes = [1, 2, 3, 5, 12, 13, 20, 31, 32, 33, 49];
        // many rows are copied, and more than one block of them; a single row takes wider panels
        for &m in sizes.iter().chain(&[300]) {
            for &n in sizes.iter().chain(&[150]) {
                for k in [1, 7, 32, 300] {
                    for layout in 0..8 {
                        // more columns and rows than needed: views with gaps
                        let mut matrix = |rows: usize, cols: usize, transposed: bool| {
                            let shape =
                                if transposed { (cols, rows + 3) } else { (rows, cols + 3) };
                            uniform::<R>(shape, 1.0, &mut rng)
                        };
                        let turned = [layout & 1 == 1, layout & 2 == 2, layout & 4 == 4];
                        let (a, b, mut c) = (
                            matrix(m, k, turned[0]),
                            matrix(k, n, turned[1]),
                            matrix(m, n, turned[2]),
                        );
                        let a = if turned[0] {
                            a.slice(s![.., ..m]).reversed_axes()
                        } else {
                            a.slice(s![.., ..k])
                        };
                        let b = if turned[1] {
                            b.slice(s![.., ..k]).reversed_axes()
                        } else {
                            b.slice(s![.., ..n])
                        };
                        let before = c.clone();
                        let cut = |c: ArrayViewMut2<R>| -> Array2<R> { c.to_owned() };
                        let (alpha, beta) = [
                            (R::one(), R::zero()),
                            (R::of(0.5), R::one()),
                            (R::of(-1.5), R::of(0.25)),
                        ][(m + n + layout) % 3];
                        let view = |c: &mut Array2<R>, f: &mut dyn FnMut(ArrayViewMut2<R>)| {
                            if turned[2] {
                                f(c.slice_mut(s![.., ..m]).reversed_axes());
                            } else {
                                f(c.slice_mut(s![.., ..n]));
                            }
                        };
                        let mut old = Array2::zeros((0, 0));
                        view(&mut c, &mut |c| old = cut(c));
                        if beta == R::zero() {
                            view(&mut c, &mut |mut c| c.fill(R::nan()));
                        }
                        view(&mut c, &mut |c| gemm(alpha, a, b, beta, c));
                        let wanted = oracle(alpha, a, b, beta, old.view());
                        let mut got = Array2::zeros((0, 0));
                        view(&mut c, &mut |c| got = cut(c));
                        for ((i, j), &x) in wanted.indexed_iter() {
                            let error = (got[[i, j]].as_f64() - x).abs();
                            assert!(
                                error < tolerance,
                                "[{m}, {k}] [{k}, {n}] layout {layout} at [{i}, {j}]: {error}"
                            );
                        }
                        // the gap beside c is untouched
                        let edge = if turned[2] { m } else { n };
                        assert_eq!(c.slice(s![.., edge..]), before.slice(s![.., edge..]));
                    }
                }
            }
        }
    }

    #[test]
    fn every_shape_and_layout_agrees_with_the_definition() {
        check::<f32>(1e-4);
        check::<f64>(1e-12);
    }

    #[test]
    fn an_element_has_the_same_bits_in_every_batch() {
        let mut rng = stream(2, "rows");
        let (a, b) =
            (uniform::<f32>((37, 300), 1.0, &mut rng), uniform::<f32>((300, 290), 1.0, &mut rng));
        let mut whole = Array2::zeros((37, 290));
        gemm(1.0, a.view(), b.view(), 0.0, whole.view_mut());
        for (rows, columns) in [(0..1, 0..290), (3..20, 5..6), (36..37, 33..70), (10..12, 1..49)] {
            let b = b.slice(s![.., columns.clone()]);
            let b_copy = b.t().to_owned();
            for b in [b, b_copy.t()] {
                let mut part = Array2::zeros((rows.len(), columns.len()));
                gemm(1.0, a.slice(s![rows.clone(), ..]), b, 0.0, part.view_mut());
                assert_eq!(part, whole.slice(s![rows.clone(), columns.clone()]));
            }
        }
    }

    #[test]
    fn blocks_of_rows_change_no_bit() {
        let mut rng = stream(3, "blocks");
        let (a, b) =
            (uniform::<f32>((500, 70), 1.0, &mut rng), uniform::<f32>((70, 90), 1.0, &mut rng));
        let mut one: Array2<f32> = uniform((500, 90), 1.0, &mut rng);
        let mut blocks = one.clone();
        gemm(1.0, a.view(), b.view(), 0.5, one.view_mut());
        par_gemm(1.0, a.view(), b.view(), 0.5, blocks.view_mut());
        assert_eq!(one, blocks);
        let mut transposed = Array2::<f32>::zeros((90, 500));
        par_gemm(1.0, a.view(), b.view(), 0.0, transposed.view_mut().reversed_axes());
        gemm(1.0, a.view(), b.view(), 0.0, one.view_mut());
        assert_eq!(one, transposed.t());
    }

    #[test]
    fn no_depth_means_beta_c() {
        let mut c = Array2::from_elem((2, 3), 2.0f32);
        gemm(1.0, Array2::zeros((2, 0)).view(), Array2::zeros((0, 3)).view(), 0.5, c.view_mut());
        assert_eq!(c, Array2::from_elem((2, 3), 1.0));
    }

    #[test]
    fn the_ceiling_is_a_speed() {
        let ceiling = measure_ceiling(1, 0.01);
        assert!(ceiling.is_finite() && ceiling > 0.0, "{ceiling} GFLOP/s");
    }
}
