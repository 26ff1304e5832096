//! Everything that the rest of a run depends on.

use serde::{Deserialize, Serialize};

use super::{Ended, Loss, Point};
use crate::optim::Optimizer;
use crate::params::Params;
use crate::schedule;

/// Where a run stands, apart from its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Epoch from 0.
    pub epoch: u64,
    /// The next batch in it.
    pub batch: u64,
    /// Steps taken.
    pub step: u64,
    /// Training targets seen.
    pub targets: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// What recoveries left of the learning rate.
    pub rate_scale: f64,
    /// Recoveries so far.
    pub recoveries: u64,
    /// What the schedule remembers.
    pub schedule: schedule::State,
    /// The best validation loss.
    pub best: Option<f64>,
    /// Validations since then.
    pub since_best: u64,
    /// When averaging of the weights began, if it did.
    #[serde(default)]
    pub averaging: Option<Averaging>,
    /// Why it ended, if it did.
    pub ended: Option<Ended>,
    /// The learning curve.
    pub points: Vec<Point>,
    /// Training loss since the last point.
    pub train: Loss,
    /// Sum of gradient norms since the last point.
    pub norms: f64,
    /// Steps since the last point.
    pub steps: u64,
    /// Clipped steps since the last point.
    pub clipped: u64,
}

/// Where averaging of the weights stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Averaging {
    /// Epochs behind it when it began.
    pub from: f64,
    /// Steps in the mean.
    pub steps: u64,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            epoch: 0,
            batch: 0,
            step: 0,
            targets: 0,
            seconds: 0.0,
            rate_scale: 1.0,
            recoveries: 0,
            schedule: schedule::State::default(),
            best: None,
            since_best: 0,
            averaging: None,
            ended: None,
            points: Vec::new(),
            train: Loss::default(),
            norms: 0.0,
            steps: 0,
            clipped: 0,
        }
    }
}

/// Weights, optimizer, carried state and position at one step.
#[derive(Clone, Debug)]
pub struct Snapshot<M: Params> {
    /// The weights.
    pub model: M,
    /// The mean of the weights, if one may be kept.
    pub mean: Option<M>,
    /// The optimizer with its moments.
    pub optimizer: Optimizer<M::Num>,
    /// What the task carries.
    pub carried: Vec<M::Num>,
    /// Where the run stands.
    pub position: Position,
}

impl<M: Params> Snapshot<M> {
    /// Takes over the present state, in the memory it has.
    pub fn take(
        &mut self,
        model: &M,
        mean: Option<&M>,
        optimizer: &Optimizer<M::Num>,
        position: &Position,
    ) {
        self.model.copy_from(model);
        copy_mean(self.mean.as_mut(), mean, position);
        copy_optimizer(&mut self.optimizer, optimizer);
        self.position.clone_from(position);
    }

    /// Gives it back. Recoveries and the rate are the caller's affair.
    pub fn put_back(&self, model: &mut M, mean: Option<&mut M>, optimizer: &mut Optimizer<M::Num>) {
        model.copy_from(&self.model);
        copy_mean(mean, self.mean.as_ref(), &self.position);
        copy_optimizer(optimizer, &self.optimizer);
    }
}

/// Before averaging has begun there is nothing in a mean.
fn copy_mean<M: Params>(to: Option<&mut M>, from: Option<&M>, position: &Position) {
    if let (Some(to), Some(from), Some(_)) = (to, from, position.averaging) {
        to.copy_from(from);
    }
}

fn copy_optimizer<R: crate::Real>(to: &mut Optimizer<R>, from: &Optimizer<R>) {
    to.steps = from.steps;
    for (to, from) in to.moments.iter_mut().flatten().zip(from.moments.iter().flatten()) {
        to.copy_from_slice(from);
    }
}
