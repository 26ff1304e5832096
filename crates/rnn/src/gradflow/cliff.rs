//! The cliff in the loss of a network with one unit (Pascanu, Mikolov & Bengio 2013, figure 6).
//!
//! `h^(t) = σ(w h^(t−1) + b)` from h^(0) = 1/2, and J = (h^(T) − target)²: where the fixed point that attracts h changes, J
//! leaps, and its gradient by back-propagation is the product of T nearly equal factors larger than 1. A step of gradient
//! descent that meets the wall leaves the picture, unless the gradient is clipped.

use nn::activation::Activation;
use nn::clip::factor;

/// The network and its aim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneUnit {
    /// σ.
    pub sigma: Activation,
    /// T.
    pub steps: usize,
    /// h^(0).
    pub start: f64,
    /// What h^(T) shall be.
    pub target: f64,
}

impl Default for OneUnit {
    /// The figure's: sigmoid, 50 steps, from 1/2 to 0.7.
    fn default() -> Self {
        Self { sigma: Activation::Sigmoid, steps: 50, start: 0.5, target: 0.7 }
    }
}

impl OneUnit {
    /// J at (w, b).
    pub fn loss(&self, [w, b]: [f64; 2]) -> f64 {
        let mut h = self.start;
        (0..self.steps).for_each(|_| h = self.step(h, w, b));
        (h - self.target).powi(2)
    }

    /// ∂J/∂(w, b).
    pub fn gradient(&self, [w, b]: [f64; 2]) -> [f64; 2] {
        let mut states = vec![self.start];
        for t in 0..self.steps {
            states.push(self.step(states[t], w, b));
        }
        let (mut d_h, mut grad) = (2.0 * (states[self.steps] - self.target), [0.0; 2]);
        for t in (1..=self.steps).rev() {
            let d_pre = d_h * self.sigma.slope(states[t]);
            grad = [grad[0] + d_pre * states[t - 1], grad[1] + d_pre];
            d_h = d_pre * w;
        }
        grad
    }

    /// Gradient descent from `from`: the `steps + 1` places it visits, fewer where the numbers end. `clip` is the
    /// threshold; `None`: the gradient as it is.
    pub fn descend(
        &self,
        from: [f64; 2],
        rate: f64,
        clip: Option<f64>,
        steps: usize,
    ) -> Vec<[f64; 2]> {
        let mut places = vec![from];
        for i in 0..steps {
            let (at, grad) = (places[i], self.gradient(places[i]));
            let scale = clip.map_or(1.0, |threshold| factor(grad[0].hypot(grad[1]), threshold));
            let next = [0, 1].map(|k| at[k] - rate * scale * grad[k]);
            if next.iter().any(|x| !x.is_finite()) {
                break;
            }
            places.push(next);
        }
        places
    }

    fn step(&self, h: f64, w: f64, b: f64) -> f64 {
        let mut h = [w * h + b];
        self.sigma.apply(&mut h);
        h[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_slope_of_the_loss_on_the_plain_and_at_the_wall() {
        let net = OneUnit::default();
        for at in [[5.0, -2.3], [4.5, -2.1], [6.0, -2.9], [2.0, 0.5]] {
            let (grad, step) = (net.gradient(at), 1e-7);
            for k in 0..2 {
                let moved = |delta: f64| {
                    let mut at = at;
                    at[k] += delta;
                    net.loss(at)
                };
                let slope = (moved(step) - moved(-step)) / (2.0 * step);
                assert!((slope - grad[k]).abs() < 1e-6 * slope.abs().max(1.0), "{at:?}: {slope}");
            }
        }
    }

    #[test]
    fn the_wall_throws_a_step_out_and_clipping_holds_it() {
        let net = OneUnit::default();
        let away = |clip| {
            let places = net.descend([5.0, -2.3], 0.5, clip, 60);
            let steps = places.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1]));
            (steps.fold(0.0, f64::max), net.loss(places[places.len() - 1]))
        };
        let ((leap, loss), (clipped_leap, clipped_loss)) = (away(None), away(Some(1.0)));
        assert!(leap > 2.0 && clipped_leap <= 0.5 + 1e-12, "{leap} {clipped_leap}");
        assert!(clipped_loss < 0.1 * loss, "{clipped_loss} {loss}");
    }
}
