//! Optimizers over flat slices of parameters: SGD with momentum, Adam (Kingma and Ba 2015), AdamW (Loshchilov and
//! Hutter 2019), with the formulas and the order of operations of PyTorch.
//!
//! One pass over memory a step: gradient, moments and weights are read and written once, in fixed blocks that are
//! rayon's units of work.

use crate::clip::BLOCK;
use crate::real::Real;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

mod update;

use update::{Adam, Sgd};

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

    /// One step against the gradient with this learning rate. The gradient is zero afterwards, ready to be added into:
    /// what is in the cache costs no pass of its own.
    ///
    /// # Panics
    /// When the slices are not those of [`Optimizer::new`].
    pub fn step(&mut self, params: &mut [&mut [R]], grads: &mut [&mut [R]], rate: f64) {
        self.step_scaled(params, grads, rate, 1.0);
    }

    /// [`Optimizer::step`] with every gradient multiplied by `scale` on the way, such as [`crate::clip::factor`].
    ///
    /// # Panics
    /// When the slices are not those of [`Optimizer::new`].
    pub fn step_scaled(
        &mut self,
        params: &mut [&mut [R]],
        grads: &mut [&mut [R]],
        rate: f64,
        scale: f64,
    ) {
        assert_eq!(params.len(), grads.len(), "optimizer: slices of parameters and of gradients");
        let known = self.moments.first().map_or(params.len(), Vec::len);
        assert_eq!(params.len(), known, "optimizer: slices of parameters and of state");
        self.steps += 1;
        let sgd = Sgd::new(self.method, rate, scale);
        let adam = Adam::new(self.method, rate, scale, self.steps);
        for (i, (w, g)) in params.iter_mut().zip(grads).enumerate() {
            assert_eq!(w.len(), g.len(), "optimizer: slice {i}");
            for moment in &self.moments {
                assert_eq!(w.len(), moment[i].len(), "optimizer: slice {i}");
            }
            let (w, g) = (w.par_chunks_mut(BLOCK), g.par_chunks_mut(BLOCK));
            match self.moments.as_mut_slice() {
                [m, v] => {
                    let (m, v) = (m[i].par_chunks_mut(BLOCK), v[i].par_chunks_mut(BLOCK));
                    (w, g, m, v).into_par_iter().for_each(|(w, g, m, v)| {
                        adam.update(w, g, m, v);
                        g.fill(R::zero());
                    });
                }
                [v] => {
                    let v = v[i].par_chunks_mut(BLOCK);
                    (w, g, v).into_par_iter().for_each(|(w, g, v)| {
                        sgd.update_with_momentum(w, g, v);
                        g.fill(R::zero());
                    });
                }
                _ => (w, g).into_par_iter().for_each(|(w, g)| {
                    sgd.update(w, g);
                    g.fill(R::zero());
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every method, with constants that all matter.
    const METHODS: [Method; 5] = [
        Method::Sgd { momentum: 0.0, weight_decay: 0.01 },
        Method::Sgd { momentum: 0.9, weight_decay: 0.01 },
        Method::ADAM,
        Method::Adam { beta1: 0.8, beta2: 0.95, eps: 1e-3, weight_decay: 0.1 },
        Method::AdamW { beta1: 0.9, beta2: 0.99, eps: 1e-6, weight_decay: 0.1 },
    ];

    /// The formulas of [`Method`] for one number, in f64.
    fn oracle(method: Method, w: &mut f64, state: &mut [f64; 2], t: i32, g: f64, rate: f64) {
        match method {
            Method::Sgd { momentum, weight_decay } => {
                state[0] = momentum * state[0] + g + weight_decay * *w;
                *w -= rate * state[0];
            }
            Method::Adam { beta1, beta2, eps, weight_decay }
            | Method::AdamW { beta1, beta2, eps, weight_decay } => {
                let coupled = matches!(method, Method::Adam { .. });
                let g = if coupled { g + weight_decay * *w } else { g };
                if !coupled {
                    *w *= 1.0 - rate * weight_decay;
                }
                state[0] = beta1 * state[0] + (1.0 - beta1) * g;
                state[1] = beta2 * state[1] + (1.0 - beta2) * g * g;
                let m = state[0] / (1.0 - beta1.powi(t));
                let v = state[1] / (1.0 - beta2.powi(t));
                *w -= rate * m / (v.sqrt() + eps);
            }
        }
    }

    fn check<R: Real>(tolerance: f64) {
        let lengths = [3, 0, BLOCK + 5];
        for method in METHODS {
            let mut optimizer = Optimizer::<R>::new(method, &lengths);
            let start = |n| (0..n).map(|i| R::of((i % 13) as f64 * 0.1 - 0.6)).collect::<Vec<_>>();
            let mut params: Vec<Vec<R>> = lengths.iter().map(|&n| start(n)).collect();
            let mut wanted: Vec<Vec<(f64, [f64; 2])>> =
                params.iter().map(|p| p.iter().map(|x| (x.as_f64(), [0.0; 2])).collect()).collect();
            for t in 1..=4 {
                let grad =
                    |n| (0..n).map(|i| R::of(((i * t) % 7) as f64 * 0.5 - 1.4)).collect::<Vec<_>>();
                let grads: Vec<Vec<R>> = lengths.iter().map(|&n| grad(n)).collect();
                let mut spent = grads.clone();
                let mut views: Vec<&mut [R]> = params.iter_mut().map(|p| &mut p[..]).collect();
                let mut slices: Vec<&mut [R]> = spent.iter_mut().map(|g| &mut g[..]).collect();
                optimizer.step_scaled(&mut views, &mut slices, 0.05, 0.5);
                assert!(spent.iter().flatten().all(|g| *g == R::zero()), "{method:?}");
                for (slice, g) in wanted.iter_mut().zip(&grads) {
                    for ((w, state), g) in slice.iter_mut().zip(g) {
                        oracle(method, w, state, t as i32, 0.5 * g.as_f64(), 0.05);
                    }
                }
            }
            for (got, wanted) in params.iter().flatten().zip(wanted.iter().flatten()) {
                let error = (got.as_f64() - wanted.0).abs();
                assert!(error < tolerance, "{method:?}: {got} instead of {}", wanted.0);
            }
        }
    }

    #[test]
    fn steps_follow_the_formulas() {
        check::<f32>(2e-6);
        check::<f64>(1e-13);
    }

    #[test]
    fn methods_are_written_by_name_in_recipes() {
        let sgd: Method = serde_json::from_str(r#"{"method": "sgd"}"#).expect("plain SGD");
        assert_eq!(sgd, Method::SGD);
        let text = serde_json::to_string(&Method::ADAM).expect("JSON");
        assert_eq!(serde_json::from_str::<Method>(&text).expect("Adam"), Method::ADAM);
    }
}
