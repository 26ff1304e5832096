//! Activation functions σ and their derivatives, the σ and σ' of lecture equations 8 to 10.
//!
//! The derivative is taken from the *output* y = σ(x), which is what back-propagation keeps:
//! tanh' = 1 − y², logistic' = y (1 − y), ReLU' = 1 for y > 0, identity' = 1.

use crate::real::Real;
use crate::simd::widest;
use serde::{Deserialize, Serialize};

/// A function applied to every element of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// tanh x; largest slope 1.
    Tanh,
    /// 1 / (1 + e⁻ˣ); largest slope 1/4.
    Sigmoid,
    /// max(0, x); largest slope 1.
    Relu,
    /// x; slope 1, the linear case of equation 11.
    Identity,
}

impl Activation {
    /// Every activation, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Tanh, Self::Sigmoid, Self::Relu, Self::Identity];

    /// The name in recipes and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Relu => "relu",
            Self::Identity => "identity",
        }
    }

    /// The largest slope, the lecture's β_h.
    pub fn max_slope(self) -> f64 {
        match self {
            Self::Sigmoid => 0.25,
            Self::Tanh | Self::Relu | Self::Identity => 1.0,
        }
    }

    /// x ← σ(x).
    pub fn apply<R: Real>(self, x: &mut [R]) {
        match self {
            Self::Tanh => R::tanh_slice(x),
            Self::Sigmoid => R::sigmoid_slice(x),
            // written so that NaN stays NaN: a broken network must be seen
            Self::Relu => {
                x.iter_mut().for_each(|x| *x = if *x < R::zero() { R::zero() } else { *x })
            }
            Self::Identity => {}
        }
    }

    /// σ'(x) of one element, from y = σ(x).
    #[inline(always)]
    pub fn slope<R: Real>(self, y: R) -> R {
        match self {
            Self::Tanh => R::one() - y * y,
            Self::Sigmoid => y * (R::one() - y),
            Self::Relu if y > R::zero() => R::one(),
            Self::Relu => R::zero(),
            Self::Identity => R::one(),
        }
    }

    /// d_y ← d_y ⊙ σ'(x), from y = σ(x): the gradient before the activation.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn back<R: Real>(self, y: &[R], d_y: &mut [R]) {
        assert_eq!(y.len(), d_y.len(), "activation: y against d_y");
        // one loop for each function: the choice is made outside
        match self {
            Self::Tanh => each(y, d_y, |y| Self::Tanh.slope(y)),
            Self::Sigmoid => each(y, d_y, |y| Self::Sigmoid.slope(y)),
            Self::Relu => each(y, d_y, |y| Self::Relu.slope(y)),
            Self::Identity => {}
        }
    }
}

/// d ← d · slope(y), element by element.
fn each<R: Real>(y: &[R], d_y: &mut [R], slope: impl Fn(R) -> R) {
    widest(
        #[inline(always)]
        || d_y.iter_mut().zip(y).for_each(|(d, &y)| *d *= slope(y)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_agree_with_central_differences() {
        const STEP: f64 = 1e-4;
        for activation in Activation::ALL {
            // 0 is left out: ReLU has no slope there
            for x in [-3.0, -0.7, -0.01, 0.02, 0.5, 2.0] {
                let mut y = [x - STEP, x, x + STEP];
                activation.apply(&mut y);
                let wanted = (y[2] - y[0]) / (2.0 * STEP);
                let mut d = [1.0];
                activation.back(&y[1..2], &mut d);
                assert!((d[0] - wanted).abs() < 1e-7, "{activation:?} at {x}: {} {wanted}", d[0]);
                assert_eq!(d[0], activation.slope(y[1]));
                assert!(d[0] <= activation.max_slope());
            }
        }
    }

    #[test]
    fn values_at_known_points_and_nan_is_kept() {
        let at = |activation: Activation, x: f32| {
            let mut x = [x];
            activation.apply(&mut x);
            x[0]
        };
        assert_eq!(at(Activation::Relu, -2.0), 0.0);
        assert_eq!(at(Activation::Relu, 2.0), 2.0);
        assert_eq!(at(Activation::Sigmoid, 0.0), 0.5);
        assert_eq!(at(Activation::Tanh, 0.0), 0.0);
        assert_eq!(at(Activation::Identity, -3.0), -3.0);
        for activation in Activation::ALL {
            assert!(at(activation, f32::NAN).is_nan(), "{activation:?}");
            assert_eq!(activation.name(), format!("{activation:?}").to_lowercase());
        }
    }
}
