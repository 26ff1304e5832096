//! Gradient clipping (lecture §7): if ‖g‖ ≥ threshold then g ← (threshold / ‖g‖) g.

use crate::real::Real;

/// ‖g‖ of all the slices together, summed in f64 in a fixed order.
pub fn norm<R: Real>(grads: &[&mut [R]]) -> f64 {
    grads.iter().map(|g| squared_norm(g)).sum::<f64>().sqrt()
}

/// ‖g‖² of one slice, summed in f64 in a fixed order.
pub fn squared_norm<R: Real>(g: &[R]) -> f64 {
    g.iter().map(|x| x.as_f64() * x.as_f64()).sum()
}

/// Scales the gradient down to norm `threshold` if it is longer; returns the norm before clipping.
/// A norm that is not finite changes nothing: the caller sees it in the result.
// eq: clip
pub fn clip_norm<R: Real>(grads: &mut [&mut [R]], threshold: f64) -> f64 {
    let norm = norm(grads);
    if norm >= threshold && norm.is_finite() {
        let factor = R::of(threshold / norm);
        grads.iter_mut().for_each(|g| g.iter_mut().for_each(|x| *x *= factor));
    }
    norm
}

/// Limits every element to [−bound, bound]; NaN stays NaN.
pub fn clip_elementwise<R: Real>(grads: &mut [&mut [R]], bound: f64) {
    let bound = R::of(bound);
    for x in grads.iter_mut().flat_map(|g| g.iter_mut()) {
        *x = if *x > bound {
            bound
        } else if *x < -bound {
            -bound
        } else {
            *x
        };
    }
}
