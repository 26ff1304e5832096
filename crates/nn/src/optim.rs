//! Optimizers over flat slices of parameters: SGD with momentum, Adam (Kingma and Ba 2015), AdamW (Loshchilov and
//! Hutter 2019), as PyTorch defines them.

use crate::real::Real;
use serde::{Deserialize, Serialize};

/// Which optimizer, with its constants; the rate is given at every step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "method")]
pub enum Method {
    /// v ← μ v + (g + λ w); w ← w − rate · v (no v is kept when μ = 0).
    Sgd {
        /// μ, 0 for plain gradient descent.
        #[serde(default)]
        momentum: f64,
        /// λ, added to the gradient as λ w.
        #[serde(default)]
        weight_decay: f64,
    },
    /// m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; w ← w − rate · m̂ / (√v̂ + ε), with g + λ w in place of g.
    Adam {
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// ε.
        eps: f64,
        /// λ.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam with decoupled decay: w ← (1 − rate · λ) w before the step of Adam.
    AdamW {
        /// β₁.
        beta1: f64,
        /// β₂.
        beta2: f64,
        /// ε.
        eps: f64,
        /// λ.
        weight_decay: f64,
    },
}

impl Method {
    /// Plain gradient descent.
    pub const SGD: Self = Self::Sgd { momentum: 0.0, weight_decay: 0.0 };
    /// Adam with the constants of its paper.
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };

    /// How many numbers of state a parameter has: 0, 1 or 2.
    pub fn moments(&self) -> usize {
        match self {
            Self::Sgd { momentum, .. } => usize::from(*momentum != 0.0),
            Self::Adam { .. } | Self::AdamW { .. } => 2,
        }
    }
}

/// An optimizer and its state, which a checkpoint keeps: the number of steps and the moments.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer<R> {
    /// The rule and its constants.
    pub method: Method,
    /// Steps taken.
    pub steps: u64,
    /// `moments[k][i]`: the k-th moment (m and v of Adam, v of SGD) of parameter slice i.
    pub moments: Vec<Vec<Vec<R>>>,
}

impl<R: Real> Optimizer<R> {
    /// State for slices of these lengths, all zero.
    pub fn new(method: Method, lengths: &[usize]) -> Self {
        let zeros = || lengths.iter().map(|&n| vec![R::zero(); n]).collect();
        Self { method, steps: 0, moments: (0..method.moments()).map(|_| zeros()).collect() }
    }

    /// One step against the gradient with this learning rate.
    ///
    /// # Panics
    /// When the slices are not those of [`Optimizer::new`].
    pub fn step(&mut self, params: &mut [&mut [R]], grads: &[&[R]], rate: f64) {
        assert_eq!(params.len(), grads.len());
        self.steps += 1;
        for (i, (w, g)) in params.iter_mut().zip(grads).enumerate() {
            assert_eq!(w.len(), g.len(), "slice {i}");
            for j in 0..w.len() {
                let (mut x, mut d) = (w[j].as_f64(), g[j].as_f64());
                match self.method {
                    Method::Sgd { momentum, weight_decay } => {
                        d += weight_decay * x;
                        if momentum != 0.0 {
                            let v = &mut self.moments[0][i][j];
                            d += momentum * v.as_f64();
                            *v = R::of(d);
                        }
                        x -= rate * d;
                    }
                    Method::Adam { beta1, beta2, eps, weight_decay }
                    | Method::AdamW { beta1, beta2, eps, weight_decay } => {
                        if matches!(self.method, Method::Adam { .. }) {
                            d += weight_decay * x;
                        } else {
                            x *= 1.0 - rate * weight_decay;
                        }
                        let m = beta1 * self.moments[0][i][j].as_f64() + (1.0 - beta1) * d;
                        let v = beta2 * self.moments[1][i][j].as_f64() + (1.0 - beta2) * d * d;
                        self.moments[0][i][j] = R::of(m);
                        self.moments[1][i][j] = R::of(v);
                        let t = self.steps as i32;
                        x -= rate * (m / (1.0 - beta1.powi(t)))
                            / ((v / (1.0 - beta2.powi(t))).sqrt() + eps);
                    }
                }
                w[j] = R::of(x);
            }
        }
    }
}
