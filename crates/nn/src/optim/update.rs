//! The element-wise updates, one block of memory at a time. Constants are worked out once a step, in `f64`.

use super::Method;
use crate::real::Real;
use crate::simd::widest;

/// Gradient descent, with or without momentum.
#[derive(Clone, Copy)]
pub(super) struct Sgd {
    rate: f64,
    scale: f64,
    momentum: f64,
    weight_decay: f64,
}

impl Sgd {
    /// The constants of one step; those of a method that is not SGD are zero and unused.
    pub(super) fn new(method: Method, rate: f64, scale: f64) -> Self {
        let (momentum, weight_decay) = match method {
            Method::Sgd { momentum, weight_decay } => (momentum, weight_decay),
            Method::Adam { .. } | Method::AdamW { .. } => (0.0, 0.0),
        };
        Self { rate, scale, momentum, weight_decay }
    }

    /// w ← w − rate (scale g + λ w).
    pub(super) fn update<R: Real>(&self, w: &mut [R], g: &[R]) {
        let step = R::of(-self.rate * self.scale);
        let keep = R::of(1.0 - self.rate * self.weight_decay);
        widest(
            #[inline(always)]
            || w.iter_mut().zip(g).for_each(|(w, &g)| *w = *w * keep + step * g),
        );
    }

    /// v ← μ v + scale g + λ w; w ← w − rate v.
    pub(super) fn update_with_momentum<R: Real>(&self, w: &mut [R], g: &[R], v: &mut [R]) {
        let [rate, scale, momentum, decay] =
            [self.rate, self.scale, self.momentum, self.weight_decay].map(R::of);
        widest(
            #[inline(always)]
            || {
                for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
                    *v = momentum * *v + scale * g + decay * *w;
                    *w -= rate * *v;
                }
            },
        );
    }
}

/// Adam and AdamW: one formula, whose two decays are zero in turn.
#[derive(Clone, Copy)]
pub(super) struct Adam {
    scale: f64,
    /// λ of Adam, 0 in AdamW.
    coupled: f64,
    /// 1 − rate · λ of AdamW, 1 in Adam.
    keep: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    /// rate / (1 − β₁ᵗ).
    step: f64,
    /// 1 / √(1 − β₂ᵗ).
    unbias: f64,
}

impl Adam {
    /// The constants of step t = `steps`, counted from 1; those of a method that is not Adam are zero and unused.
    pub(super) fn new(method: Method, rate: f64, scale: f64, steps: u64) -> Self {
        let (beta1, beta2, eps, coupled, decoupled) = match method {
            Method::Adam { beta1, beta2, eps, weight_decay } => {
                (beta1, beta2, eps, weight_decay, 0.0)
            }
            Method::AdamW { beta1, beta2, eps, weight_decay } => {
                (beta1, beta2, eps, 0.0, weight_decay)
            }
            Method::Sgd { .. } => (0.0, 0.0, 0.0, 0.0, 0.0),
        };
        let t = steps as f64;
        let step = rate / (1.0 - beta1.powf(t));
        let unbias = 1.0 / (1.0 - beta2.powf(t)).sqrt();
        Self { scale, coupled, keep: 1.0 - rate * decoupled, beta1, beta2, eps, step, unbias }
    }

    /// g ← scale g + λ w; m, v, w as [`Method::Adam`] says.
    pub(super) fn update<R: Real>(&self, w: &mut [R], g: &[R], m: &mut [R], v: &mut [R]) {
        let [scale, coupled, keep] = [self.scale, self.coupled, self.keep].map(R::of);
        let [beta1, beta2, rest1, rest2] =
            [self.beta1, self.beta2, 1.0 - self.beta1, 1.0 - self.beta2].map(R::of);
        let [eps, step, unbias] = [self.eps, self.step, self.unbias].map(R::of);
        widest(
            #[inline(always)]
            || {
                for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
                    let g = scale * g + coupled * *w;
                    *m = beta1 * *m + rest1 * g;
                    *v = beta2 * *v + rest2 * g * g;
                    *w = *w * keep - step * *m / (v.sqrt() * unbias + eps);
                }
            },
        );
    }
}
