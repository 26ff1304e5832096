//! The loop itself.

use std::time::Instant;

use super::average::{Average, triggered};
use super::{
    Averaging, Clip, Ended, Event, Listener, Loss, Options, Outcome, Point, Position, Snapshot,
    Task,
};
use crate::checkpoint::Keeper;
use crate::clip;
use crate::error::{Error, Result};
use crate::fit::At;
use crate::optim::Optimizer;
use crate::params::{Params, recycle};
use crate::schedule::Verdict;

/// Trains `model`; it ends with the weights of the best validation. With a `keeper`, snapshots go to its file, and
/// training goes on from what is there.
///
/// # Errors
/// [`Error::Diverged`] after [`Options::recoveries`], [`Error::Interrupted`] when `listen` breaks off, and whatever the
/// checkpoint file gives.
///
/// # Panics
/// When the task has no batches.
pub fn fit<T: Task + Send>(
    task: &mut T,
    model: &mut T::Model,
    options: &Options,
    keeper: Option<&mut Keeper>,
    listen: &mut Listener<'_>,
) -> Result<Outcome> {
    assert!(task.batches() > 0 && options.validations > 0, "nothing to train on");
    let mut run = Run::start(task, model, options, keeper)?;
    for i in 0..run.position.points.len() {
        if listen(Event::Point(&run.position.points[i])).is_break() {
            return Err(Error::Interrupted);
        }
    }
    while run.position.ended.is_none() {
        run.advance(listen)?;
    }
    run.finish()
}

/// A number that is not finite, and where it was found.
struct Bad {
    tensor: String,
    value: f64,
}

struct Run<'a, T: Task + Send> {
    task: &'a mut T,
    model: &'a mut T::Model,
    options: &'a Options,
    keeper: Option<&'a mut Keeper>,
    /// Zero between steps: the optimizer leaves it so.
    grad: T::Model,
    optimizer: Optimizer<<T::Model as Params>::Num>,
    /// The weights of the best validation: with a keeper from the start on, without from the first validation on.
    best: Option<T::Model>,
    average: Option<Average<T::Model>>,
    /// Where a checkpoint or a recovery starts from; a run that wants neither keeps no copy of its state.
    good: Option<Snapshot<T::Model>>,
    position: Position,
    /// When this session began, and the seconds of the ones before.
    clock: (Instant, f64),
    rate: f64,
    weights_list: Vec<&'static mut [<T::Model as Params>::Num]>,
    grads_list: Vec<&'static mut [<T::Model as Params>::Num]>,
}

impl<'a, T: Task + Send> Run<'a, T> {
    fn start(
        task: &'a mut T,
        model: &'a mut T::Model,
        options: &'a Options,
        mut keeper: Option<&'a mut Keeper>,
    ) -> Result<Self> {
        let mut lengths = Vec::new();
        model.tensors(&mut |t| lengths.extend(t.trained.then_some(t.data.len())));
        let mut optimizer = Optimizer::new(options.method, &lengths);
        let mut average = options.average.map(|_| Average::new(model));
        let mut good = (keeper.is_some() || options.recoveries > 0).then(|| Snapshot {
            model: model.clone(),
            mean: options.average.map(|_| model.clone()),
            optimizer: optimizer.clone(),
            carried: Vec::new(),
            position: Position::default(),
        });
        let mut best = None;
        if let (Some(keeper), Some(good)) = (keeper.as_deref_mut(), &mut good) {
            keeper.resume(good, best.insert(model.clone()))?;
        }
        let mut position = Position::default();
        if let Some(good) = &good {
            good.put_back(model, average.as_mut().map(|a| &mut a.mean), &mut optimizer);
            position.clone_from(&good.position);
        }
        task.begin_epoch(position.epoch);
        if let Some(good) = &mut good {
            match position.step {
                0 => task.carried(&mut good.carried),
                _ => task.restore(&good.carried),
            }
        }
        Ok(Self {
            grad: model.zeros_like(),
            clock: (Instant::now(), position.seconds),
            rate: options.rate,
            weights_list: Vec::new(),
            grads_list: Vec::new(),
            task,
            model,
            options,
            keeper,
            optimizer,
            best,
            average,
            good,
            position,
        })
    }

    fn total_steps(&self) -> u64 {
        self.options.epochs * self.task.batches()
    }

    /// One step, and what is due after it.
    fn advance(&mut self, listen: &mut Listener<'_>) -> Result<()> {
        if self.position.epoch >= self.options.epochs {
            self.position.ended = Some(Ended::Complete);
            return Ok(());
        }
        // one hand-over to rayon's threads a step, not one for each of its loops
        let (stepped, ()) = rayon::join(|| self.step(), || ());
        let (loss, norm) = match stepped {
            Ok(done) => done,
            Err(bad) => return self.recover(bad, listen),
        };
        let event = Event::Step {
            done: self.position.step,
            total: self.total_steps(),
            loss,
            grad_norm: norm,
        };
        let mut stop = listen(event).is_break();

        let (batch, batches) = (self.position.batch, self.task.batches());
        let share = |b: u64| b * self.options.validations / batches;
        let validated = share(batch) > share(batch - 1);
        if validated {
            match self.validate() {
                Ok(point) => stop |= listen(Event::Point(point)).is_break(),
                Err(bad) => return self.recover(bad, listen),
            }
        }
        if batch == batches {
            self.position.epoch += 1;
            self.position.batch = 0;
            self.task.begin_epoch(self.position.epoch);
        }
        if validated || self.position.step.is_multiple_of(self.options.snapshot_steps) {
            self.position.seconds = self.clock.1 + self.clock.0.elapsed().as_secs_f64();
            self.take_snapshot();
            if let Some(good) = &mut self.good {
                self.task.carried(&mut good.carried);
            }
        }
        if stop || self.keeper.as_deref().is_some_and(Keeper::due) {
            self.save()?;
        }
        if stop { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Gradient, clipping, update; returns the mean loss and the norm before clipping.
    fn step(&mut self) -> Result<(f64, f64), Bad> {
        let at =
            At { epoch: self.position.epoch, batch: self.position.batch, step: self.position.step };
        let loss = self.task.loss_grad(self.model, at, &mut self.grad);
        if !loss.sum.is_finite() {
            return Err(Bad { tensor: "loss".into(), value: loss.mean() });
        }
        let norm = self.norm();
        if !norm.is_finite() {
            return Err(self.first_bad());
        }
        let mut grads = recycle(std::mem::take(&mut self.grads_list));
        self.grad.tensors_mut(&mut |t| grads.extend(t.trained.then_some(t.data)));
        let scale = match self.options.clip {
            Clip::Norm(threshold) => clip::factor(norm, threshold),
            Clip::None => 1.0,
            Clip::Element(bound) => {
                clip::clip_elementwise(&mut grads, bound);
                1.0
            }
        };
        let total = self.options.epochs * self.task.batches();
        let factor =
            self.options.schedule.factor(&self.position.schedule, at.step, total, at.epoch);
        self.rate = self.options.rate * self.position.rate_scale * factor;
        let mut weights = recycle(std::mem::take(&mut self.weights_list));
        self.model.tensors_mut(&mut |t| weights.extend(t.trained.then_some(t.data)));
        self.optimizer.step_scaled(&mut weights, &mut grads, self.rate, scale);
        self.weights_list = recycle(weights);
        self.grads_list = recycle(grads);

        let p = &mut self.position;
        if let (Some(average), Some(at)) = (&mut self.average, &mut p.averaging) {
            at.steps += 1;
            average.add(self.model, at.steps);
        }
        p.batch += 1;
        p.step += 1;
        p.steps += 1;
        p.targets += loss.targets;
        p.train.merge(loss);
        p.norms += norm;
        p.clipped +=
            u64::from(matches!(self.options.clip, Clip::Norm(threshold) if norm >= threshold));
        Ok((loss.mean(), norm))
    }

    fn norm(&self) -> f64 {
        let (mut sum, known) = (0.0, self.task.squared_norm());
        self.grad.tensors(&mut |t| match known {
            _ if !t.trained => {}
            Some((name, square)) if name == t.name => sum += square,
            _ => sum += clip::squared_norm(t.data),
        });
        sum.sqrt()
    }

    fn first_bad(&self) -> Bad {
        let mut bad = Bad { tensor: "gradient".into(), value: f64::INFINITY };
        let mut found = false;
        self.grad.tensors(&mut |t| {
            let norm = clip::squared_norm(t.data).sqrt();
            if !found && !norm.is_finite() {
                (bad, found) = (Bad { tensor: t.name.to_string(), value: norm }, true);
            }
        });
        bad
    }

    /// Validates, keeps the best weights, hears the schedule.
    fn validate(&mut self) -> Result<&Point, Bad> {
        let averaged = self.position.averaging.and(self.average.as_ref());
        let candidate = averaged.map_or(&*self.model, |average| &average.mean);
        let valid = self.task.valid(candidate).mean();
        if !valid.is_finite() {
            return Err(Bad { tensor: "validation loss".into(), value: valid });
        }
        let p = &mut self.position;
        p.points.push(Point {
            epoch: p.epoch as f64 + p.batch as f64 / self.task.batches() as f64,
            step: p.step,
            targets: p.targets,
            seconds: self.clock.1 + self.clock.0.elapsed().as_secs_f64(),
            train: p.train.mean(),
            valid,
            rate: self.rate,
            grad_norm: p.norms / p.steps as f64,
            clipped: p.clipped as f64 / p.steps as f64,
        });
        (p.train, p.norms, p.steps, p.clipped) = (Loss::default(), 0.0, 0, 0);
        if p.best.is_none_or(|best| valid < best) {
            (p.best, p.since_best) = (Some(valid), 0);
            match &mut self.best {
                Some(best) => best.copy_from(candidate),
                best => *best = Some(candidate.clone()),
            }
        } else {
            p.since_best += 1;
        }
        if let Some(interval) = self.options.average
            && p.averaging.is_none()
            && triggered(&p.points, interval)
        {
            p.averaging = Some(Averaging { from: p.points[p.points.len() - 1].epoch, steps: 0 });
        }
        if self.options.schedule.observe(&mut p.schedule, valid) == Verdict::Stop {
            p.ended = Some(Ended::Schedule);
        } else if self.options.patience.is_some_and(|patience| p.since_best >= patience) {
            p.ended = Some(Ended::Patience);
        }
        Ok(&p.points[p.points.len() - 1])
    }

    /// Back to the last snapshot with half the rate, or the error if that has been tried often enough.
    fn recover(&mut self, bad: Bad, listen: &mut Listener<'_>) -> Result<()> {
        let step = self.position.step + 1;
        let more = self.position.recoveries < self.options.recoveries;
        let Some(good) = self.good.as_mut().filter(|_| more) else {
            return Err(Error::Diverged { step, tensor: bad.tensor, value: bad.value });
        };
        let (scale, recoveries) = (self.position.rate_scale * 0.5, self.position.recoveries + 1);
        good.position.rate_scale = scale;
        good.position.recoveries = recoveries;
        self.grad.set_zero();
        let mean = self.average.as_mut().map(|a| &mut a.mean);
        good.put_back(self.model, mean, &mut self.optimizer);
        self.position.clone_from(&good.position);
        self.task.begin_epoch(self.position.epoch);
        self.task.restore(&good.carried);
        let event =
            Event::Recovered { step, tensor: &bad.tensor, value: bad.value, rate_scale: scale };
        if listen(event).is_break() { Err(Error::Interrupted) } else { Ok(()) }
    }

    fn take_snapshot(&mut self) {
        let mean = self.average.as_ref().map(|a| &a.mean);
        if let Some(good) = &mut self.good {
            good.take(self.model, mean, &self.optimizer, &self.position);
        }
    }

    /// The last snapshot, to the file if there is to be one.
    fn save(&mut self) -> Result<()> {
        match (self.keeper.as_deref_mut(), &self.good, &self.best) {
            (Some(keeper), Some(good), Some(best)) => keeper.save(good, best),
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Outcome> {
        self.take_snapshot();
        self.save()?;
        if let Some(best) = &self.best {
            self.model.copy_from(best);
        }
        let p = self.position;
        Ok(Outcome {
            best: p.best.unwrap_or(f64::INFINITY),
            points: p.points,
            steps: p.step,
            recoveries: p.recoveries,
            averaged_from: p.averaging.map(|a| a.from),
            ended: p.ended.unwrap_or(Ended::Complete),
        })
    }
}
