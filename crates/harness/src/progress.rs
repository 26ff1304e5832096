//! Bars with an estimate, on standard error, hidden when it is no terminal.
use std::ops::ControlFlow;

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
