//! The gradient laboratory: lecture §6 and §7, equation by equation, in f64.
//!
//! A [`Path`] is a vanilla network read along one text, with everything the equations speak of kept: h^(0) … h^(T). On it,
//! the gradient of the loss with respect to `w_h` is computed in three ways that must agree: by back-propagation through
//! the shared matrix ([`crate::Backbone::loss_grad`]), by back-propagation into a copy of the matrix for every step
//! ([`Path::copies`], equations 2 to 4), and by the explicit products of Jacobians (equations 5 to 7). Jacobians, their
//! norms and bounds are equations 9 to 14. [`Agreement`] compares the three ways and finite differences; [`LagFlow`] says
//! for every cell how much of the gradient arrives at which lag; [`OneUnit`] is the cliff of the clipping figure.
//!
//! Shapes: `T` steps, `H` hidden, `V` vocabulary; h `[H]`, w_h [H, H], u [V, H]; steps count from 1, as in the lecture, and
//! h^(0) is the state that the text starts from. Norms are spectral norms.

mod agree;
mod cliff;
mod lags;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use nn::spectrum::{Eigen, spectral_norm};

use crate::backbone::Backbone;
use crate::cell::{CellKind, Vanilla};
use crate::layer::Layer;
pub use agree::Agreement;
pub use cliff::OneUnit;
pub use lags::LagFlow;
use lags::unroll;

/// A vanilla network of one layer along a text.
pub struct Path<'a> {
    net: &'a Backbone<f64>,
    /// The output layer.
    u: ArrayView2<'a, f64>,
    b2: ArrayView1<'a, f64>,
    cell: Vanilla,
    /// h^(0) … h^(T).
    states: Vec<Array1<f64>>,
    /// What is predicted at the steps 1 … T.
    targets: &'a [u32],
}

impl<'a> Path<'a> {
    /// Reads `inputs` from the state `start`.
    ///
    /// # Panics
    /// When the network is not vanilla, has more than one layer or no full softmax, or the lengths differ.
    pub fn new(
        net: &'a Backbone<f64>,
        inputs: &[u32],
        targets: &'a [u32],
        start: ArrayView1<f64>,
    ) -> Self {
        let CellKind::Vanilla(cell) = net.cell else {
            panic!("the equations are the vanilla network's")
        };
        assert!(
            net.layers.len() == 1 && inputs.len() == targets.len(),
            "one layer, a target a step"
        );
        let (u, b2) = net.full_softmax().expect("a full softmax: the equations are about it");
        let steps = unroll(net, &[inputs], start.insert_axis(Axis(0)).to_owned());
        let states = steps.into_iter().map(|step| step.state.row(0).to_owned()).collect();
        Self { net, u, b2, cell, states, targets }
    }

    /// Reads `inputs` from the zero state.
    ///
    /// # Panics
    /// As [`Path::new`].
    pub fn fresh(net: &'a Backbone<f64>, inputs: &[u32], targets: &'a [u32]) -> Self {
        Self::new(net, inputs, targets, Array1::zeros(net.hidden()).view())
    }

    /// T.
    pub fn steps(&self) -> usize {
        self.targets.len()
    }

    /// h^(t), t from 0.
    pub fn state(&self, t: usize) -> ArrayView1<'_, f64> {
        self.states[t].view()
    }

    fn layer(&self) -> &Layer<f64> {
        &self.net.layers[0]
    }

    /// J = 1/T Σ_t −ln ŷ^(t) of the target.
    pub fn loss(&self) -> f64 {
        let losses = (1..=self.steps()).map(|t| -self.y_hat(t)[self.target(t)].ln());
        losses.sum::<f64>() / self.steps() as f64
    }

    /// ŷ^(t) `[V]`.
    fn y_hat(&self, t: usize) -> Array1<f64> {
        let mut y = self.u.dot(&self.states[t]) + self.b2;
        let largest = y.fold(f64::NEG_INFINITY, |m, &x| m.max(x));
        y.mapv_inplace(|x| (x - largest).exp());
        y /= y.sum();
        y
    }

    fn target(&self, t: usize) -> usize {
        self.targets[t - 1] as usize
    }

    /// ∂J^(t)/∂ŷ^(t) · ∂ŷ^(t)/∂h^(t): for cross-entropy and softmax, (ŷ − y)ᵀ u.
    pub fn loss_to_state(&self, t: usize) -> Array1<f64> {
        let mut error = self.y_hat(t);
        error[self.target(t)] -= 1.0;
        error.dot(&self.u)
    }

    /// ∂h^(j)/∂h^(j−1) [H, H]: equation 9 at step j.
    pub fn jacobian(&self, j: usize) -> Array2<f64> {
        self.cell.jacobian(self.layer(), self.state(j))
    }

    /// ∂h^(t)/∂h^(i) [H, H] = Π_{j=i+1}^t diag(σ'(…)) · w_h.
    pub fn lag_jacobian(&self, i: usize, t: usize) -> Array2<f64> {
        let factors = (i + 1..=t).map(|j| self.jacobian(j)); // eq: 10
        product(factors, self.layer().hidden())
    }

    /// ∂h^(t)/∂h^(t−lag) for lag = 0 … t, each from the one before.
    pub fn chain(&self, t: usize) -> impl Iterator<Item = Array2<f64>> + '_ {
        (0..=t).scan(Array2::eye(self.layer().hidden()), move |product, lag| {
            if lag > 0 {
                *product = product.dot(&self.jacobian(t + 1 - lag));
            }
            Some(product.clone())
        })
    }

    /// ‖∂h^(t)/∂h^(t−lag)‖ for lag = 0 … t.
    pub fn chain_norms(&self, t: usize) -> Vec<f64> {
        self.chain(t).map(|jacobian| spectral_norm(jacobian.view())).collect()
    }

    /// ∂J^(t)/∂w_h |_i, the gradient of step t's loss with respect to step i's copy of w_h:
    /// ∂J^(t)/∂ŷ^(t) · ∂ŷ^(t)/∂h^(t) · ∂h^(t)/∂h^(i) · ∂h^(i)/∂w_h, whose last factor is σ'(…) ⊗ h^(i−1).
    pub fn copy_gradient(&self, t: usize, i: usize) -> Array2<f64> {
        let mut row = self.loss_to_state(t).dot(&self.lag_jacobian(i, t)); // eq: 5
        row.zip_mut_with(&self.states[i], |d, &h| *d *= self.cell.sigma.slope(h));
        outer(row.view(), self.state(i - 1))
    }

    /// ∂J/∂w_h = 1/T Σ_t Σ_{i≤t} of the explicit products.
    pub fn explicit_gradient(&self) -> Array2<f64> {
        let steps = 1..=self.steps();
        let terms = steps.flat_map(|t| (1..=t).map(move |i| self.copy_gradient(t, i)));
        self.sum(terms) / self.steps() as f64 // eq: 7
    }

    /// ∂J^(t)/∂w_h |_i for i = 1 … t by back-propagation, as if each step had a matrix of its own.
    pub fn copies(&self, t: usize) -> Vec<Array2<f64>> {
        let mut d_h = self.loss_to_state(t);
        let mut gradients = Vec::with_capacity(t);
        for i in (1..=t).rev() {
            d_h.zip_mut_with(&self.states[i], |d, &h| *d *= self.cell.sigma.slope(h));
            gradients.push(outer(d_h.view(), self.state(i - 1)));
            d_h = d_h.dot(&self.layer().w_h);
        }
        gradients.reverse();
        gradients
    }

    /// ∂J^(t)/∂w_h = Σ_{i≤t} ∂J^(t)/∂w_h |_i, each copy's own derivative with respect to w_h being 1 (equation 4).
    pub fn step_gradient(&self, t: usize) -> Array2<f64> {
        self.sum(self.copies(t)) // eq: 3
    }

    /// ∂J/∂w_h = 1/T Σ_t ∂J^(t)/∂w_h.
    pub fn total_gradient(&self) -> Array2<f64> {
        self.sum((1..=self.steps()).map(|t| self.step_gradient(t))) / self.steps() as f64 // eq: 2
    }

    fn sum(&self, terms: impl IntoIterator<Item = Array2<f64>>) -> Array2<f64> {
        let zero = Array2::zeros(self.layer().w_h.dim());
        terms.into_iter().fold(zero, |sum, term| sum + term) // eq: 4
    }
}

fn outer(column: ArrayView1<f64>, row: ArrayView1<f64>) -> Array2<f64> {
    column.insert_axis(Axis(1)).dot(&row.insert_axis(Axis(0)))
}

/// ∂h^(t)/∂h^(i) = Π_{j=i+1}^t ∂h^(j)/∂h^(j−1), the Jacobians given in the order of the steps i+1 … t: the latest stands
/// leftmost. [H, H]
pub fn product(jacobians: impl IntoIterator<Item = Array2<f64>>, hidden: usize) -> Array2<f64> {
    jacobians.into_iter().fold(Array2::eye(hidden), |earlier, jacobian| jacobian.dot(&earlier)) // eq: 6
}

/// With σ the identity, ∂h^(t)/∂h^(i) = w_h^(t−i): the power, multiplied out.
pub fn linear_lag(w_h: ArrayView2<f64>, lag: usize) -> Array2<f64> {
    product((0..lag).map(|_| w_h.to_owned()), w_h.nrows()) // eq: 11
}

/// ‖w_h^lag‖ for lag = 0 … `last`, each power from the one before.
pub fn power_norms(w_h: ArrayView2<f64>, last: usize) -> Vec<f64> {
    let powers = std::iter::successors(Some(linear_lag(w_h, 0)), |power| Some(w_h.dot(power)));
    powers.take(last + 1).map(|power| spectral_norm(power.view())).collect()
}

/// The same power by eigenvalues, P Λ^(t−i) P⁻¹ (equation 12).
pub fn eigen_lag(w_h: ArrayView2<f64>, lag: usize) -> Array2<f64> {
    Eigen::new(w_h).power(lag as i32)
}

/// β_h β_W, which bounds ‖∂h^(j)/∂h^(j−1)‖: the largest slope of σ times the norm of w_h.
pub fn jacobian_bound(cell: &Vanilla, w_h: ArrayView2<f64>) -> f64 {
    cell.sigma.max_slope() * spectral_norm(w_h) // eq: 13
}

/// ln (β_W β_h)^(t−i), which bounds ln ‖∂h^(t)/∂h^(i)‖; in logarithms, because over long lags the bound is beyond all
/// numbers.
pub fn log_lag_bound(cell: &Vanilla, w_h: ArrayView2<f64>, lag: usize) -> f64 {
    lag as f64 * jacobian_bound(cell, w_h).ln() // eq: 14
}
