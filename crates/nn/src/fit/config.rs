//! The training part of a recipe file, in the field's terms.

use serde::{Deserialize, Serialize};

use super::{Clip, Options};
use crate::optim::Method;
use crate::schedule::Schedule;

/// An optimizer by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerName {
    /// Stochastic gradient descent.
    Sgd,
    /// Adam.
    Adam,
    /// Adam with decoupled weight decay.
    AdamW,
}

/// How a model is trained; every field may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Passes over the training text.
    pub epochs: u64,
    /// The optimizer.
    pub optimizer: OptimizerName,
    /// Learning rate, for the gradient of the mean loss of a step's tokens.
    pub lr: f64,
    /// Momentum of SGD.
    pub momentum: f64,
    /// Adam's mean of gradients forgets at this rate: β₁.
    pub beta1: f64,
    /// Adam's mean of squares forgets at this rate: β₂. A rare word's row hardly moves the mean of squares, so that its
    /// few steps are up to (1 − β₂)^−½ rates long: less than the paper's 0.999 steadies them.
    pub beta2: f64,
    /// Adam's ε.
    pub eps: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Gradient clipping threshold; 0: none.
    pub clip: f64,
    /// Clip every element to ± `clip` instead of the norm.
    pub clip_elementwise: bool,
    /// The rate's schedule.
    pub schedule: Schedule,
    /// Validations an epoch.
    pub validations: u64,
    /// Stop after so many validations without a new best; 0: never.
    pub patience: u64,
    /// NT-ASGD (Merity 2018): from the first validation on that is worse than one more than so many before it, the mean of
    /// the steps' weights is what counts; 0: never.
    pub average: u64,
    /// How often training goes back to its last good state, at half the rate, when a number is not finite; 0: the first
    /// such number is the end.
    pub recoveries: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            epochs: 4,
            optimizer: OptimizerName::Adam,
            lr: 2e-3,
            momentum: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            clip: 1.0,
            clip_elementwise: false,
            schedule: Schedule::Cosine { warmup: 0.02, floor: 0.0 },
            validations: 1,
            patience: 0,
            average: 0,
            recoveries: 3,
        }
    }
}

/// The cure for a number out of range.
const SHARE: &str = "give a number from 0 to below 1";

impl Config {
    /// What [`super::fit`] takes.
    pub fn options(&self) -> Options {
        let (momentum, weight_decay) = (self.momentum, self.weight_decay);
        let (beta1, beta2, eps) = (self.beta1, self.beta2, self.eps);
        Options {
            epochs: self.epochs,
            rate: self.lr,
            schedule: self.schedule,
            method: match self.optimizer {
                OptimizerName::Sgd => Method::Sgd { momentum, weight_decay },
                OptimizerName::Adam => Method::Adam { beta1, beta2, eps, weight_decay },
                OptimizerName::AdamW => Method::AdamW { beta1, beta2, eps, weight_decay },
            },
            clip: match self.clip {
                0.0 => Clip::None,
                bound if self.clip_elementwise => Clip::Element(bound),
                threshold => Clip::Norm(threshold),
            },
            validations: self.validations,
            patience: (self.patience > 0).then_some(self.patience),
            average: (self.average > 0).then_some(self.average),
            recoveries: self.recoveries,
            ..Options::default()
        }
    }

    /// How many times the size of the weights training holds: weights, gradient, best weights, and a snapshot of weights
    /// and moments; with averaging a mean and its snapshot.
    pub fn copies(&self) -> usize {
        let averages = if self.average > 0 { 2 } else { 0 };
        4 + 2 * self.options().method.moments() + averages
    }

    /// The first option that makes no sense: (name, what is wrong, cure).
    pub fn mistake(&self) -> Option<(&'static str, String, &'static str)> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let share = |x: f64| (0.0..1.0).contains(&x);
        let not_negative = |x: f64| x >= 0.0 && x.is_finite();
        let checks = [
            ("epochs", self.epochs > 0, self.epochs.to_string(), "give at least 1"),
            ("lr", positive(self.lr), self.lr.to_string(), "give a positive number, such as 0.002"),
            ("momentum", share(self.momentum), self.momentum.to_string(), SHARE),
            ("beta1", share(self.beta1), self.beta1.to_string(), SHARE),
            ("beta2", share(self.beta2), self.beta2.to_string(), SHARE),
            (
                "eps",
                positive(self.eps),
                self.eps.to_string(),
                "give a positive number, such as 1e-8",
            ),
            (
                "weight_decay",
                not_negative(self.weight_decay),
                self.weight_decay.to_string(),
                "give 0 or a positive number",
            ),
            (
                "clip",
                not_negative(self.clip),
                self.clip.to_string(),
                "give 0 (none) or a positive number",
            ),
            ("validations", self.validations > 0, self.validations.to_string(), "give at least 1"),
        ];
        checks
            .into_iter()
            .find(|c| !c.1)
            .map(|(name, _, value, cure)| (name, format!("{value} makes no sense"), cure))
    }
}
