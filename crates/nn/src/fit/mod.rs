//! The training loop of every neural model.
//!
//! A [`Task`] says what one step, one epoch and one validation are; [`fit`] owns everything around them: clipping, the
//! optimizer, the schedule, early stopping with the best weights kept, recovery from divergence, checkpoints, progress.
//!
//! Same task, options and seed ⇒ same bits, interrupted and resumed or not: whatever influences the run is in a
//! [`Snapshot`], taken at fixed steps; a checkpoint is a snapshot in a file, and recovery goes back to one.

mod average;
mod config;
mod run;
mod snapshot;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::optim::Method;
use crate::params::{Name, Params};
use crate::schedule::Schedule;

pub use config::{Config, OptimizerName};
pub use run::fit;
pub use snapshot::{Averaging, Position, Snapshot};

/// A loss as sums: they merge exactly and are divided last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// −Σ ln p, or any other sum of losses.
    pub sum: f64,
    /// Over so many targets.
    pub targets: u64,
}

impl Loss {
    /// Per target.
    pub fn mean(&self) -> f64 {
        self.sum / self.targets as f64
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Loss) {
        self.sum += other.sum;
        self.targets += other.targets;
    }
}

/// Where training stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Epoch from 0.
    pub epoch: u64,
    /// Batch in the epoch from 0.
    pub batch: u64,
    /// Step of the run from 0: the counter of dropout masks.
    pub step: u64,
}

/// A model in training, with its data and its scratch.
pub trait Task {
    /// The weights, and the gradient.
    type Model: Params;

    /// Optimizer steps an epoch.
    fn batches(&self) -> u64;

    /// Prepares epoch `epoch` from 0: order of examples, initial carried state.
    fn begin_epoch(&mut self, epoch: u64);

    /// Adds the gradient of the mean loss of one batch into `grad`; returns the loss.
    fn loss_grad(&mut self, model: &Self::Model, at: At, grad: &mut Self::Model) -> Loss;

    /// A tensor and the squared norm of its gradient, where the last [`loss_grad`](Self::loss_grad), into zeros, has summed
    /// it on the way: clipping leaves out its pass over that tensor.
    fn squared_norm(&self) -> Option<(Name, f64)> {
        None
    }

    /// The loss on the validation data.
    fn valid(&mut self, model: &Self::Model) -> Loss;

    /// Replaces `out` by what is carried from one step to the next (the recurrent state); nothing by default.
    fn carried(&self, out: &mut Vec<<Self::Model as Params>::Num>) {
        out.clear();
    }

    /// Takes back what [`carried`](Self::carried) gave; called after `begin_epoch`.
    fn restore(&mut self, _carried: &[<Self::Model as Params>::Num]) {}
}

/// What is done to a gradient before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clip {
    /// Nothing.
    None,
    /// Scaled down to this norm (lecture §7).
    Norm(f64),
    /// Every element limited to ± this.
    Element(f64),
}

/// How a model is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Passes over the training data.
    pub epochs: u64,
    /// Learning rate.
    pub rate: f64,
    /// Its schedule.
    pub schedule: Schedule,
    /// The optimizer.
    pub method: Method,
    /// Clipping.
    pub clip: Clip,
    /// Validations an epoch, at least 1, evenly spaced; the last one ends the epoch.
    pub validations: u64,
    /// Stop after so many validations without a new best.
    pub patience: Option<u64>,
    /// NT-ASGD: average the weights from the first validation on that is worse than one more than so many before it.
    pub average: Option<u64>,
    /// Steps between snapshots.
    pub snapshot_steps: u64,
    /// How often a run goes back to a snapshot, at half the rate, before a number that is not finite ends it.
    pub recoveries: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            epochs: 1,
            rate: 2e-3,
            schedule: Schedule::Constant,
            method: Method::ADAM,
            clip: Clip::Norm(1.0),
            validations: 1,
            patience: None,
            average: None,
            snapshot_steps: 256,
            recoveries: 3,
        }
    }
}

/// One point of the learning curve; losses are mean nats a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Passes over the data so far.
    pub epoch: f64,
    /// Steps so far.
    pub step: u64,
    /// Training targets so far.
    pub targets: u64,
    /// Seconds of training so far, over all sessions of a resumed run.
    pub seconds: f64,
    /// Mean training loss since the last point.
    pub train: f64,
    /// Mean validation loss.
    pub valid: f64,
    /// Learning rate of the last step.
    pub rate: f64,
    /// Mean gradient norm before clipping since the last point.
    pub grad_norm: f64,
    /// Share of clipped steps since the last point (elementwise clipping is not counted).
    pub clipped: f64,
}

/// What training says on its way.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// So many of the steps are done.
    Step {
        /// Steps done.
        done: u64,
        /// Steps in all.
        total: u64,
        /// Mean loss of this step.
        loss: f64,
        /// Gradient norm before clipping.
        grad_norm: f64,
    },
    /// A validation took place (after a resume the earlier ones are told again).
    Point(&'a Point),
    /// A number was not finite; training went back to the last snapshot with half the rate.
    Recovered {
        /// The step that failed, from 1.
        step: u64,
        /// `loss`, or the first tensor whose gradient is not finite.
        tensor: &'a str,
        /// Its value or norm.
        value: f64,
        /// The share of the given rate that is left.
        rate_scale: f64,
    },
}

/// Where events go; `Break` stops training ([`crate::Error::Interrupted`]) after a checkpoint, if there is to be one.
pub type Listener<'a> = dyn FnMut(Event<'_>) -> ControlFlow<()> + 'a;

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// All epochs done.
    Complete,
    /// No new best for as long as [`Options::patience`] allows.
    Patience,
    /// The schedule said so.
    Schedule,
}

/// What training came to. The model holds the weights of the best validation.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Mean validation loss of the best weights.
    pub best: f64,
    /// The learning curve.
    pub points: Vec<Point>,
    /// Steps taken.
    pub steps: u64,
    /// How often it went back to a snapshot.
    pub recoveries: u64,
    /// The epochs behind it when averaging of the weights began.
    pub averaged_from: Option<f64>,
    /// Why it ended.
    pub ended: Ended,
}
