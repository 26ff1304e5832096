//! Activation functions σ and their derivatives, the σ and σ' of lecture equations 8 to 10.
//!
//! The derivative is taken from the *output* y = σ(x), which is what back-propagation keeps:
//! tanh' = 1 − y², logistic' = y (1 − y), ReLU' = [y > 0], identity' = 1.

use crate::real::Real;
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
            Self::Relu => x.iter_mut().for_each(|x| *x = x.max(R::zero())),
            Self::Identity => {}
        }
    }

    /// σ'(x) of one element, from y = σ(x).
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
        assert_eq!(y.len(), d_y.len());
        if self != Self::Identity {
            d_y.iter_mut().zip(y).for_each(|(d, &y)| *d *= self.slope(y));
        }
    }
}
