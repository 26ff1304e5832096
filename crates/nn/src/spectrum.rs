//! Singular values and eigenvalues of small dense matrices, by faer: the norms and powers of lecture §7.

use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, c64};
use ndarray::{Array2, ArrayView2};

/// The singular values of a matrix, largest first.
///
/// # Panics
/// When a number is not finite.
pub fn singular_values(a: ArrayView2<f64>) -> Vec<f64> {
    finite(a);
    // powers of a matrix get so small or large that their squares leave the numbers
    let scale = a.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    if scale == 0.0 {
        return vec![0.0; a.nrows().min(a.ncols())];
    }
    let scaled = Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]] / scale);
    let values = scaled.singular_values().expect("finite matrices have singular values");
    values.into_iter().map(|value| value * scale).collect()
}

/// The spectral norm ‖A‖₂: the largest singular value.
///
/// # Panics
/// When a number is not finite.
pub fn spectral_norm(a: ArrayView2<f64>) -> f64 {
    singular_values(a).first().copied().unwrap_or(0.0)
}

/// A = P Λ P⁻¹ of a square matrix; eigenvalues may be complex.
pub struct Eigen {
    values: Vec<c64>,
    vectors: Mat<c64>,
    inverse: Mat<c64>,
}

impl Eigen {
    /// Decomposes. Where A has too few eigenvectors (a Jordan block), P⁻¹ is not finite, and neither is
    /// [`Eigen::power`].
    ///
    /// # Panics
    /// When A is not square or a number is not finite.
    pub fn new(a: ArrayView2<f64>) -> Self {
        finite(a);
        assert_eq!(a.nrows(), a.ncols(), "eigenvalues of a matrix {:?}", a.dim());
        let eigen = mat(a).eigen().expect("finite matrices have eigenvalues");
        let vectors = eigen.U().to_owned();
        let inverse = vectors.partial_piv_lu().inverse();
        Self { values: eigen.S().column_vector().iter().copied().collect(), vectors, inverse }
    }

    /// The eigenvalues as (real, imaginary) parts.
    pub fn values(&self) -> impl ExactSizeIterator<Item = (f64, f64)> + '_ {
        self.values.iter().map(|v| (v.re, v.im))
    }

    /// The spectral radius: the largest modulus of an eigenvalue.
    pub fn radius(&self) -> f64 {
        self.values.iter().map(|v| v.re.hypot(v.im)).fold(0.0, f64::max)
    }

    /// A^k = P Λ^k P⁻¹.
    pub fn power(&self, k: i32) -> Array2<f64> {
        let n = self.values.len();
        let scaled = Mat::from_fn(n, n, |i, j| self.vectors[(i, j)] * self.values[j].powi(k));
        let product = scaled * &self.inverse; // eq: 12
        Array2::from_shape_fn((n, n), |(i, j)| product[(i, j)].re)
    }
}

fn mat(a: ArrayView2<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

fn finite(a: ArrayView2<f64>) {
    assert!(a.iter().all(|x| x.is_finite()), "a matrix with a number that is not finite");
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn a_rotation_times_two() {
        let a = arr2(&[[0.0, -2.0], [2.0, 0.0]]);
        assert!(singular_values(a.view()).iter().all(|s| (s - 2.0).abs() < 1e-14));
        let eigen = Eigen::new(a.view());
        assert!((eigen.radius() - 2.0).abs() < 1e-14);
        assert!(eigen.values().all(|(re, im)| re.abs() < 1e-14 && (im.abs() - 2.0).abs() < 1e-14));
        let cube = a.dot(&a).dot(&a);
        eigen.power(3).iter().zip(&cube).for_each(|(x, y)| assert!((x - y).abs() < 1e-12));
    }

    #[test]
    fn tiny_huge_and_zero_matrices_have_norms() {
        for scale in [1e-250, 1e250, 0.0] {
            let norm = spectral_norm(arr2(&[[3.0 * scale, 0.0], [0.0, -4.0 * scale]]).view());
            assert!((norm - 4.0 * scale).abs() <= 1e-12 * scale, "{norm}");
        }
    }

    #[test]
    fn the_norm_of_a_shear_is_above_its_radius() {
        let a = arr2(&[[0.5, 3.0], [0.0, 0.4]]);
        assert!((Eigen::new(a.view()).radius() - 0.5).abs() < 1e-14);
        assert!(spectral_norm(a.view()) > 3.0);
    }
}
