//! Bars with an estimate, on standard error, hidden when it is no terminal.
use std::ops::ControlFlow;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lm::Progress;

use crate::interrupt;

/// One model's bar.
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar for a named piece of work, "3/17 kn5".
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style =
            "{prefix:<24!} {wide_bar:.cyan/dim} {percent:>3}%  {elapsed:>4}, {eta:>4} left  {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is constant"));
        bar.set_prefix(name.to_owned());
        Self { bar }
    }

    /// Takes a report of training.
    pub fn log(&self, progress: &Progress) -> ControlFlow<()> {
        match progress {
            Progress::Step { stage, done, total } => {
                self.bar.set_length(*total);
                self.bar.set_position(*done);
                if !self.bar.message().contains("ppl") {
                    self.bar.set_message(*stage);
                }
            }
            Progress::Point(point) => {
                let rate = point.tokens as f64 / point.seconds.max(1e-9);
                let valid = lm::Perplexity::of_mean_nll(point.valid_nll);
                self.bar.set_message(format!("valid ppl {valid:.1}, {rate:.0} tokens/s"));
            }
        }
        interrupt::flow()
    }

    /// Runs work that tells nothing of itself: the bar goes on by the time that it is expected to take. Ctrl-C ends the
    /// process at once, so it is for work that has no file half written.
    pub fn during<T>(&self, stage: &'static str, expected_s: f64, work: impl FnOnce() -> T) -> T {
        const STEPS: f64 = 1000.0;
        let (working, ended) = mpsc::channel::<()>();
        let started = Instant::now();
        self.bar.set_message(stage);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while ended.recv_timeout(Duration::from_millis(100))
                    == Err(RecvTimeoutError::Timeout)
                {
                    if interrupt::asked() {
                        self.bar.finish_and_clear();
                        std::process::exit(interrupt::EXIT);
                    }
                    // the last hundredth is for work that takes longer than expected
                    let done = started.elapsed().as_secs_f64() / expected_s.max(1e-3);
                    self.bar.set_length(STEPS as u64);
                    self.bar.set_position((STEPS * done.min(0.99)) as u64);
                }
            });
            let made = work();
            drop(working);
            made
        })
    }

    /// Prints above the bar, which is out of the way meanwhile.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Says what goes on after training.
    pub fn say(&self, what: &'static str) {
        self.bar.set_message(what);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
