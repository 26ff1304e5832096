//! The number type of a computation: `f32` for work, `f64` for gradient checks and the gradient laboratory.
//!
//! Models are generic over [`Real`]; what differs between the two types (the matrix product, the vectorised
//! functions) hangs on the trait, so that no code asks which type it has.

use crate::gemm;
use crate::simd::{math, widest};
use ndarray::{ArrayView2, ArrayViewMut2, NdFloat};

/// A floating-point number that a network can be built of: `f32` or `f64`.
///
/// The functions over slices work in place, element by element; an element's result does not depend on its place.
pub trait Real: NdFloat + bytemuck::Pod + Default + std::iter::Sum {
    /// The name in files and reports: `f32` or `f64`.
    const NAME: &'static str;

    /// The nearest number of this type.
    fn of(x: f64) -> Self;

    /// The number as `f64`, exactly. (`to_f64` belongs to `num_traits` and returns an option.)
    fn as_f64(self) -> f64;

    /// eˣ without branches, for loops inside [`widest`]; `f32`: within 2 ulp.
    #[doc(hidden)]
    fn fast_exp(self) -> Self;

    /// tanh x, likewise.
    #[doc(hidden)]
    fn fast_tanh(self) -> Self;

    /// 1 / (1 + e⁻ˣ), likewise.
    #[doc(hidden)]
    fn fast_sigmoid(self) -> Self;

    /// c ← α a·b + β c, on the calling thread; see [`crate::gemm::gemm`].
    #[doc(hidden)]
    fn gemm(
        alpha: Self,
        a: ArrayView2<Self>,
        b: ArrayView2<Self>,
        beta: Self,
        c: ArrayViewMut2<Self>,
    );

    /// x ← eˣ. For `f32`: SIMD, within 2 units in the last place.
    fn exp_slice(x: &mut [Self]) {
        widest(
            #[inline(always)]
            || x.iter_mut().for_each(|x| *x = x.fast_exp()),
        );
    }

    /// x ← tanh x. For `f32`: SIMD, within 2 units in the last place.
    fn tanh_slice(x: &mut [Self]) {
        widest(
            #[inline(always)]
            || x.iter_mut().for_each(|x| *x = x.fast_tanh()),
        );
    }

    /// x ← 1 / (1 + e⁻ˣ), the logistic function. For `f32`: SIMD, within 2 units in the last place.
    fn sigmoid_slice(x: &mut [Self]) {
        widest(
            #[inline(always)]
            || x.iter_mut().for_each(|x| *x = x.fast_sigmoid()),
        );
    }
}

impl Real for f32 {
    const NAME: &'static str = "f32";

    #[inline(always)]
    fn of(x: f64) -> Self {
        x as Self
    }

    #[inline(always)]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn fast_exp(self) -> Self {
        math::exp_f32(self)
    }

    #[inline(always)]
    fn fast_tanh(self) -> Self {
        math::tanh_f32(self)
    }

    #[inline(always)]
    fn fast_sigmoid(self) -> Self {
        math::sigmoid_f32(self)
    }

    fn gemm(
        alpha: Self,
        a: ArrayView2<Self>,
        b: ArrayView2<Self>,
        beta: Self,
        c: ArrayViewMut2<Self>,
    ) {
        gemm::single(alpha, a, b, beta, c);
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";

    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn as_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn fast_exp(self) -> Self {
        self.exp()
    }

    #[inline(always)]
    fn fast_tanh(self) -> Self {
        self.tanh()
    }

    #[inline(always)]
    fn fast_sigmoid(self) -> Self {
        1.0 / (1.0 + (-self).exp())
    }

    fn gemm(
        alpha: Self,
        a: ArrayView2<Self>,
        b: ArrayView2<Self>,
        beta: Self,
        c: ArrayViewMut2<Self>,
    ) {
        gemm::double(alpha, a, b, beta, c);
    }
}
