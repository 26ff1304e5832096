//! The number type of a computation: `f32` for work, `f64` for gradient checks and the gradient laboratory.
//!
//! Models are generic over [`Real`]; what differs between the two types (the matrix product, the vectorised
//! functions) hangs on the trait, so that no code asks which type it has.

use ndarray::{ArrayView2, ArrayViewMut2, NdFloat};

/// A floating-point number that a network can be built of: `f32` or `f64`.
///
/// The functions over slices work in place, element by element.
pub trait Real: NdFloat + bytemuck::Pod + Default + std::iter::Sum {
    /// The name in files and reports: `f32` or `f64`.
    const NAME: &'static str;

    /// The nearest number of this type.
    fn of(x: f64) -> Self;

    /// The number as `f64`, exactly. (`to_f64` belongs to `num_traits` and returns an option.)
    fn as_f64(self) -> f64;

    /// x ← eˣ.
    fn exp_slice(x: &mut [Self]);

    /// x ← tanh x.
    fn tanh_slice(x: &mut [Self]);

    /// x ← 1 / (1 + e⁻ˣ), the logistic function.
    fn sigmoid_slice(x: &mut [Self]);

    /// c ← α a·b + β c, on the calling thread; see [`crate::gemm::gemm`].
    #[doc(hidden)]
    fn gemm(
        alpha: Self,
        a: ArrayView2<Self>,
        b: ArrayView2<Self>,
        beta: Self,
        c: ArrayViewMut2<Self>,
    );
}

macro_rules! real {
    ($t:ident) => {
        impl Real for $t {
            const NAME: &'static str = stringify!($t);

            fn of(x: f64) -> Self {
                x as Self
            }

            fn as_f64(self) -> f64 {
                f64::from(self)
            }

            fn exp_slice(x: &mut [Self]) {
                x.iter_mut().for_each(|x| *x = x.exp());
            }

            fn tanh_slice(x: &mut [Self]) {
                x.iter_mut().for_each(|x| *x = x.tanh());
            }

            fn sigmoid_slice(x: &mut [Self]) {
                x.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp()));
            }

            fn gemm(
                alpha: Self,
                a: ArrayView2<Self>,
                b: ArrayView2<Self>,
                beta: Self,
                c: ArrayViewMut2<Self>,
            ) {
                let mut c = c;
                ndarray::linalg::general_mat_mul(alpha, &a, &b, beta, &mut c);
            }
        }
    };
}
real!(f32);
real!(f64);
