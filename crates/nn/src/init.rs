//! How weights start: uniform, normal, orthogonal, or a multiple of the identity.

use crate::real::Real;
use crate::rng::{standard_normal, unit};
use ndarray::Array2;
use rand::Rng;
use std::cmp::Ordering;

/// A matrix of independent numbers, uniform in [−bound, bound).
pub fn uniform<R: Real>(shape: (usize, usize), bound: f64, rng: &mut impl Rng) -> Array2<R> {
    Array2::from_shape_simple_fn(shape, || R::of(bound * (2.0 * unit(rng) - 1.0)))
}

/// A matrix of independent normal numbers with mean 0 and standard deviation `sd`.
pub fn normal<R: Real>(shape: (usize, usize), sd: f64, rng: &mut impl Rng) -> Array2<R> {
    Array2::from_shape_simple_fn(shape, || R::of(sd * standard_normal(rng)))
}

/// `gain` times a random orthogonal [n, n] matrix, uniform over all of them (Haar measure): the rows of a normal
/// matrix, made orthonormal one after another by Gram and Schmidt's method, twice for accuracy.
pub fn orthogonal<R: Real>(n: usize, gain: f64, rng: &mut impl Rng) -> Array2<R> {
    let mut q = Array2::from_shape_simple_fn((n, n), || standard_normal(rng));
    for i in 0..n {
        let (done, mut rest) = q.view_mut().split_at(ndarray::Axis(0), i);
        let mut row = rest.row_mut(0);
        for _ in 0..2 {
            for other in done.rows() {
                let overlap = other.dot(&row);
                row.scaled_add(-overlap, &other);
            }
            let norm = row.dot(&row).sqrt();
            row /= norm;
        }
    }
    q.mapv(|x| R::of(gain * x))
}

/// An [n, n] matrix far from normal: its largest eigenvalue is `radius` and the others are uniform in ±`radius`, yet its norm
/// is larger. In a random orthogonal basis it is triangular, with normal numbers of deviation `shear` above the diagonal.
pub fn sheared<R: Real>(n: usize, radius: f64, shear: f64, rng: &mut impl Rng) -> Array2<R> {
    let triangle = Array2::from_shape_fn((n, n), |(i, j)| match i.cmp(&j) {
        Ordering::Equal if i == 0 => radius,
        Ordering::Equal => radius * (2.0 * unit(rng) - 1.0),
        Ordering::Less => shear * standard_normal(rng),
        Ordering::Greater => 0.0,
    });
    let q = orthogonal::<f64>(n, 1.0, rng);
    q.t().dot(&triangle).dot(&q).mapv(R::of)
}

/// `gain` times the [n, n] identity matrix.
pub fn identity<R: Real>(n: usize, gain: f64) -> Array2<R> {
    Array2::from_diag_elem(n, R::of(gain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::stream;

    #[test]
    fn an_orthogonal_matrix_keeps_lengths() {
        let q: Array2<f64> = orthogonal(40, 2.0, &mut stream(3, "q"));
        let product = q.dot(&q.t());
        for ((i, j), &x) in product.indexed_iter() {
            let wanted = if i == j { 4.0 } else { 0.0 };
            assert!((x - wanted).abs() < 1e-12, "q qᵀ [{i}, {j}] = {x}");
        }
    }

    #[test]
    fn a_sheared_matrix_grows_before_it_decays() {
        let a: Array2<f64> = sheared(6, 0.5, 2.0, &mut stream(3, "a"));
        let size = |a: &Array2<f64>| a.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut powers = vec![a.clone()];
        (0..80).for_each(|k| powers.push(powers[k].dot(&a)));
        let last = size(&powers[80]);
        assert!(size(&powers[1]) > size(&a) && last < 1e-9);
        assert!((last / size(&powers[79]) - 0.5).abs() < 1e-6, "the largest eigenvalue rules");
    }

    #[test]
    fn bounds_and_deviations_hold() {
        let u: Array2<f32> = uniform((100, 100), 0.1, &mut stream(3, "u"));
        assert!(
            u.iter().all(|x| x.abs() <= 0.1)
                && u.iter().any(|&x| x < -0.09)
                && u.iter().any(|&x| x > 0.09)
        );
        let g: Array2<f64> = normal((100, 100), 0.1, &mut stream(3, "g"));
        assert!((g.std(0.0) - 0.1).abs() < 0.003, "standard deviation {}", g.std(0.0));
        assert_eq!(identity::<f32>(3, 0.5)[[1, 1]], 0.5);
        assert_eq!(identity::<f32>(3, 0.5)[[1, 2]], 0.0);
    }
}
