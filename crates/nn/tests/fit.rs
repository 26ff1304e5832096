//! The training loop on a problem small enough to know the answer: a line through points.

use std::ops::ControlFlow;
use std::time::Duration;

use nn::checkpoint::{Checkpoints, Identity, Keeper};
use nn::fit::{At, Clip, Ended, Event, Loss, Options, Point, Task, fit};
use nn::optim::Method;
use nn::params::{Name, Params, Shape, Tensor, TensorMut};
use nn::schedule::Schedule;

#[derive(Clone, Debug, PartialEq)]
struct Line {
    w: [f64; 2],
    fixed: [f64; 1],
}

impl Params for Line {
    type Num = f64;

    fn tensors<'a>(&'a self, each: &mut dyn FnMut(Tensor<'a, f64>)) {
        each(Tensor {
            name: Name::new("w"),
            shape: Shape::Matrix(1, 2),
            data: &self.w,
            trained: true,
        });
        each(Tensor {
            name: Name::new("fixed"),
            shape: Shape::Vector(1),
            data: &self.fixed,
            trained: false,
        });
    }

    fn tensors_mut<'a>(&'a mut self, each: &mut dyn FnMut(TensorMut<'a, f64>)) {
        each(TensorMut {
            name: Name::new("w"),
            shape: Shape::Matrix(1, 2),
            data: &mut self.w,
            trained: true,
        });
        each(TensorMut {
            name: Name::new("fixed"),
            shape: Shape::Vector(1),
            data: &mut self.fixed,
            trained: false,
        });
    }
}

/// y = 3 x − 1 in ten batches an epoch; carries a number from step to step that the gradient depends on a little.
#[derive(Default)]
struct Points {
    carried: f64,
    /// Steps (from 0) at which the gradient is not a number, however often they are tried: (step, how often).
    broken: Vec<(u64, u32)>,
    /// Weights at which the gradient is not a number: divergence as a function of the state, as in earnest.
    poisoned: Option<[f64; 2]>,
    /// How far the points lie off the line: with a rate that does not fall the weights jump about it.
    noise: f64,
    /// The weights before each step.
    seen: Vec<[f64; 2]>,
    /// The weights of each validation.
    validated: Vec<[f64; 2]>,
}

impl Task for Points {
    type Model = Line;

    fn batches(&self) -> u64 {
        10
    }

    fn begin_epoch(&mut self, epoch: u64) {
        self.carried = epoch as f64 * 1e-3;
    }

    fn loss_grad(&mut self, model: &Line, at: At, grad: &mut Line) -> Loss {
        let x = (at.batch as f64 - 4.5) / 5.0 + 1e-3 * self.carried;
        self.carried = 0.5 * self.carried + x;
        let error = model.w[0] * x + model.w[1] - (3.0 * x - 1.0);
        let error = error + self.noise * ((at.step * 7 % 13) as f64 / 6.0 - 1.0);
        grad.w[0] += 2.0 * error * x;
        grad.w[1] += 2.0 * error;
        if let Some((_, left)) =
            self.broken.iter_mut().find(|(step, left)| *step == at.step && *left > 0)
        {
            *left -= 1;
            grad.w[1] = f64::NAN;
        }
        if self.poisoned == Some(model.w) {
            grad.w[0] = f64::INFINITY;
        }
        self.seen.push(model.w);
        Loss { sum: error * error, targets: 1 }
    }

    fn valid(&mut self, model: &Line) -> Loss {
        self.validated.push(model.w);
        let (a, b) = (model.w[0] - 3.0, model.w[1] + 1.0);
        Loss { sum: 0.1 + a * a + b * b, targets: 1 }
    }

    fn carried(&self, out: &mut Vec<f64>) {
        out.clear();
        out.push(self.carried);
    }

    fn restore(&mut self, carried: &[f64]) {
        self.carried = carried[0];
    }
}

fn line() -> Line {
    Line { w: [0.0, 0.0], fixed: [7.0] }
}

fn options() -> Options {
    Options {
        epochs: 20,
        rate: 0.1,
        method: Method::SGD,
        clip: Clip::None,
        snapshot_steps: 4,
        ..Options::default()
    }
}

fn quiet(_: Event<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn finds_the_line_and_leaves_frozen_tensors_alone() {
    for (method, clip) in [
        (Method::SGD, Clip::None),
        (Method::Sgd { momentum: 0.5, weight_decay: 0.0 }, Clip::Norm(1.0)),
        (Method::ADAM, Clip::Element(0.5)),
    ] {
        let mut model = line();
        let options = Options { epochs: 60, method, clip, ..options() };
        let outcome = fit(&mut Points::default(), &mut model, &options, None, &mut quiet).unwrap();
        assert!(
            (model.w[0] - 3.0).abs() < 0.02 && (model.w[1] + 1.0).abs() < 0.02,
            "{method:?}: {model:?}"
        );
        assert_eq!((model.fixed, outcome.points.len(), outcome.steps), ([7.0], 60, 600));
        assert_eq!(outcome.ended, Ended::Complete);
    }
}

#[test]
fn keeps_the_best_weights_and_stops_when_patience_ends() {
    // a rate at which the loss first falls, then explodes is simulated by a schedule that only grows
    let schedule = Schedule::Exponential { after: 3, factor: 1.6 };
    let options = Options { schedule, patience: Some(3), epochs: 40, ..options() };
    let (mut model, mut task) = (line(), Points::default());
    let outcome = fit(&mut task, &mut model, &options, None, &mut quiet).unwrap();
    assert_eq!(outcome.ended, Ended::Patience);
    assert_eq!(task.valid(&model).mean(), outcome.best, "the model holds the best weights");
    let last = outcome.points.last().unwrap();
    assert!(last.valid > outcome.best && outcome.points.len() < 40, "{last:?}");
    assert!(outcome.points.iter().all(|p| p.valid >= outcome.best));
}

fn averaging() -> Options {
    Options { rate: 0.3, average: Some(2), epochs: 12, ..options() }
}

fn noisy() -> Points {
    Points { noise: 1.0, ..Points::default() }
}

#[test]
fn once_validation_gains_nothing_the_mean_of_all_later_weights_is_kept() {
    let (mut model, mut task) = (line(), noisy());
    let outcome = fit(&mut task, &mut model, &averaging(), None, &mut quiet).unwrap();
    let from = outcome.averaged_from.expect("validation rose") as usize;
    assert!((3..10).contains(&from), "{from}");
    assert_eq!(task.validated[from - 1], task.seen[10 * from], "the weights themselves before");
    for epoch in from + 1..12 {
        let steps = &task.seen[10 * from + 1..=10 * epoch];
        for (i, mean) in task.validated[epoch - 1].iter().enumerate() {
            let literal = steps.iter().map(|w| w[i]).sum::<f64>() / steps.len() as f64;
            assert!((mean - literal).abs() < 1e-12, "epoch {epoch}: {mean}, {literal}");
        }
    }
    let alone = Options { average: None, ..averaging() };
    let best = fit(&mut noisy(), &mut line(), &alone, None, &mut quiet).unwrap().best;
    assert!(outcome.best < best, "the mean lies nearer to the line: {} {best}", outcome.best);
}

#[test]
fn goes_back_from_a_gradient_that_is_no_number_and_gives_up_after_three_times() {
    let mut told = Vec::new();
    let mut task = Points { broken: vec![(27, 2)], ..Points::default() };
    let mut model = line();
    let outcome = fit(&mut task, &mut model, &options(), None, &mut |event| {
        if let Event::Recovered { step, tensor, value, rate_scale } = event {
            told.push((step, tensor.to_owned(), value.is_nan(), rate_scale));
        }
        ControlFlow::Continue(())
    });
    let outcome = outcome.unwrap();
    assert_eq!(told, [(28, "w".to_owned(), true, 0.5), (28, "w".to_owned(), true, 0.25)]);
    assert_eq!((outcome.recoveries, outcome.steps), (2, 200));
    assert!((outcome.points.last().unwrap().rate - 0.025).abs() < 1e-12);

    // without recoveries the first such number is the end
    let mut task = Points { broken: vec![(27, 1)], ..Points::default() };
    let options_of_none = Options { recoveries: 0, ..options() };
    let error = fit(&mut task, &mut line(), &options_of_none, None, &mut quiet).unwrap_err();
    assert!(matches!(error, nn::Error::Diverged { step: 28, .. }), "{error}");

    let mut task = Points { broken: vec![(27, 9)], ..Points::default() };
    let error = fit(&mut task, &mut line(), &options(), None, &mut quiet).unwrap_err();
    assert!(
        matches!(&error, nn::Error::Diverged { step: 28, tensor, .. } if tensor == "w"),
        "{error}"
    );
}

#[test]
fn resumes_to_the_same_bits_from_any_step_even_across_a_recovery() {
    let method = Method::ADAM;
    let options = Options { method, schedule: Schedule::Mikolov { min_gain: 0.003 }, ..options() };
    let mut sound = Points::default();
    fit(&mut sound, &mut line(), &options, None, &mut quiet).unwrap();
    let poisoned = Some(sound.seen[54]); // two steps after a snapshot
    let broken = || Points { poisoned, ..Points::default() };
    let mut whole = line();
    let expected = fit(&mut broken(), &mut whole, &options, None, &mut quiet).unwrap();
    assert_eq!(expected.recoveries, 1);
    let stops = [1, 3, 4, 9, 10, 11, 51, 52, 53, 54, 55, 56, 57, 77, 100];
    resumes(&options, &stops, broken, &expected.points, &whole);

    let mut whole = line();
    let expected = fit(&mut noisy(), &mut whole, &averaging(), None, &mut quiet).unwrap();
    let from = 10 * expected.averaged_from.unwrap() as u64;
    let stops = [from - 1, from, from + 1, from + 5, from + 10, from + 13];
    resumes(&averaging(), &stops, noisy, &expected.points, &whole);
}

/// Stopped after each of `stops` and resumed, a run ends with the learning curve and in the bits of the undisturbed one.
fn resumes(
    options: &Options,
    stops: &[u64],
    task: impl Fn() -> Points,
    expected: &[Point],
    whole: &Line,
) {
    let folder = tempfile::tempdir().unwrap();
    let identity =
        || Identity { config: serde_json::json!({"a": 1}), vocab: "v".into(), corpus: "c".into() };
    for &stop in stops {
        let path = folder.path().join(format!("stop{stop}"));
        let session = |stop: u64, resume| {
            let mut keeper = Keeper::new(
                &Checkpoints { path: path.clone(), every: Duration::from_secs(3600), resume },
                identity(),
            );
            let mut model = line();
            let mut steps = 0;
            let result = fit(&mut task(), &mut model, options, Some(&mut keeper), &mut |event| {
                steps += u64::from(matches!(event, Event::Step { .. }));
                if steps == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            (result, model)
        };
        assert!(matches!(session(stop, false).0, Err(nn::Error::Interrupted)));
        let (outcome, model) = session(u64::MAX, true);
        let outcome = outcome.unwrap();
        assert_eq!(
            model.w.map(f64::to_bits),
            whole.w.map(f64::to_bits),
            "stopped after {stop} steps"
        );
        let curve = |points: &[Point]| {
            points.iter().map(|p| (p.step, p.valid.to_bits())).collect::<Vec<_>>()
        };
        assert_eq!(curve(&outcome.points), curve(expected));
    }
}
