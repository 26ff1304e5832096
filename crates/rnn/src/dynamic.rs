//! Dynamic evaluation (Mikolov 2010; Krause, Kahembwe, Murray & Renals 2018): a trained network goes on learning from the
//! text that it scores.
//!
//! The text is read in segments of a few tokens. A segment is scored, and only then the weights take one step on its loss L:
//!
//! `θ ← θ − η g(r) ∇L + min(λ r, 1) (θ₀ − θ)`
//!
//! θ₀ are the trained weights, towards which θ decays. Plain: r = g = 1, stochastic gradient descent. Normalised (Krause's
//! "RMS + RMS decay"): r is the weight's root mean square gradient on training text over the mean of all weights' (so
//! that weights which learnt much learn slowly and forget fast), and g(r) = 1 / (r + 1): their ε at the mean. ‖∇L‖ is clipped
//! to [`CLIP`], so that no rate drives the weights out of the finite numbers.
//!
//! η, λ and the segment are chosen on the head of the validation text ([`tune`]).

use std::sync::Arc;

use corpus::{TokenId, Tokens, Vocab};
use lm::{Context, Error, Footprint, LanguageModel, Log, Progress, Reader, Result};
use nn::clip;
use nn::params::Params;

use crate::backbone::Backbone;
use crate::model::RnnModel;
use crate::work::Work;

mod learner;
mod tune;

use learner::{Learner, batch, blocks, numbers, numbers_mut};
pub use tune::{HEAD, tune};

/// Bound of a segment's gradient norm (lecture §7).
pub const CLIP: f64 = 10.0;

/// How the weights move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adaptation {
    /// η.
    pub rate: f64,
    /// λ: the share of the way back that the weights go after every segment.
    pub decay: f64,
    /// Tokens scored between two steps.
    pub segment: usize,
    /// Whether steps are normalised by the gradients of the training text.
    pub normalised: bool,
}

impl Adaptation {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check(&self) -> Result<()> {
        let wrong = |option: &str, what: String, cure: &str| {
            Err(Error::Config { option: option.into(), what, cure: cure.into() })
        };
        if !(self.rate >= 0.0 && self.rate.is_finite()) {
            return wrong("rate", format!("{} is no rate", self.rate), "give 0 or more");
        }
        if !(0.0..=1.0).contains(&self.decay) {
            return wrong("decay", format!("{} is no share", self.decay), "give 0 to 1");
        }
        if self.segment == 0 {
            return wrong("segment", "0 tokens are no segment".into(), "give at least 1");
        }
        Ok(())
    }
}

impl std::fmt::Display for Adaptation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rule = if self.normalised { "normalised" } else { "plain" };
        let Self { rate, decay, segment, .. } = self;
        write!(f, "rate {rate}, decay {decay}, segments of {segment}, {rule} steps")
    }
}

/// r of every weight: the root mean square of its gradient, over the mean of all.
pub struct Gradients(Backbone<f32>);

impl Gradients {
    /// From `SAMPLES` stretches of a training text, evenly spread, each from a zero state.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn of(model: &RnnModel, train: &Tokens, log: &mut Log<'_>) -> Result<Self> {
        const SAMPLES: usize = 500;
        const STRETCH: usize = 20;
        let mut learner = Learner::new(&model.net, model.config.tied, model.vocab().eos(), STRETCH);
        let mut squares = model.net.zeros_like();
        let text = train.flat();
        let samples = SAMPLES.min(text.len() / STRETCH).max(1);
        for i in 0..samples {
            let step = Progress::Step { stage: "gradients", done: i as u64, total: samples as u64 };
            if log(step).is_break() {
                return Err(Error::Interrupted);
            }
            let start = i * (text.len() / samples);
            learner.clear_state(start.checked_sub(1).map_or(model.vocab().eos(), |p| text[p]));
            let end = (start + STRETCH).min(text.len());
            learner.take(&text[start..end]);
            learner.score();
            learner.gradient();
            let (to, from) = (numbers_mut(&mut squares), numbers_mut(&mut learner.grad));
            for (to, from) in to.into_iter().zip(from) {
                blocks(to, from, |_, to, from| {
                    to.iter_mut().zip(from).for_each(|(s, g)| {
                        *s += *g * *g;
                        *g = 0.0;
                    });
                });
            }
        }
        let all = numbers(&squares);
        let sum: f64 = all.iter().flat_map(|x| *x).map(|s| f64::from(s.sqrt())).sum();
        let count: usize = all.iter().map(|x| x.len()).sum();
        // all zero: no text to learn from; r is then zero everywhere
        let unit = (count as f64 / sum.max(f64::MIN_POSITIVE)).min(1e30) as f32;
        squares.tensors_mut(&mut |t| t.data.iter_mut().for_each(|s| *s = s.sqrt() * unit));
        Ok(Self(squares))
    }
}

/// A network that learns from what it has scored.
#[derive(Clone)]
pub struct DynamicModel {
    base: Arc<RnnModel>,
    adaptation: Adaptation,
    gradients: Option<Arc<Gradients>>,
}

impl DynamicModel {
    /// A trained network and how it goes on.
    ///
    /// # Panics
    /// When the steps are to be normalised and there is nothing to do it by, or the segment is empty.
    pub fn new(
        base: Arc<RnnModel>,
        adaptation: Adaptation,
        gradients: Option<Arc<Gradients>>,
    ) -> Self {
        assert!(adaptation.segment > 0 && (!adaptation.normalised || gradients.is_some()));
        let gradients = gradients.filter(|_| adaptation.normalised);
        Self { base, adaptation, gradients }
    }

    /// How its weights move.
    pub fn adaptation(&self) -> &Adaptation {
        &self.adaptation
    }

    /// [`LanguageModel::score`] that can be stopped.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn score_logged(
        &self,
        text: &Tokens,
        context: Context,
        log: &mut Log<'_>,
        out: &mut Vec<f64>,
    ) -> Result<()> {
        out.clear();
        let mut learner = self.learner();
        let total = text.targets() as u64;
        let mut read = |learner: &mut Learner, tokens: &[TokenId]| {
            for segment in tokens.chunks(self.adaptation.segment) {
                let stage = "learning from what is scored";
                if log(Progress::Step { stage, done: out.len() as u64, total }).is_break() {
                    return Err(Error::Interrupted);
                }
                self.read(learner, segment);
                out.extend_from_slice(learner.scores());
                self.learn(learner);
            }
            Ok(())
        };
        match context {
            Context::Stream => read(&mut learner, text.flat()),
            Context::Sentence => text.sentences().try_for_each(|sentence| {
                self.restart(&mut learner);
                read(&mut learner, sentence)
            }),
        }
    }

    fn learner(&self) -> Learner {
        let (eos, segment) = (self.base.vocab().eos(), self.adaptation.segment);
        Learner::new(&self.base.net, self.base.config.tied, eos, segment)
    }

    fn restart(&self, learner: &mut Learner) {
        if learner.steps > 0 {
            learner.net.copy_from(&self.base.net);
            learner.steps = 0;
            learner.moved.fill(0);
        }
        learner.clear_state(self.base.vocab().eos());
    }

    /// One step on the segment read last, if it is a whole one.
    // eq: dynamic
    fn learn(&self, learner: &mut Learner) {
        if learner.targets.len() < self.adaptation.segment {
            return;
        }
        let norm = learner.gradient();
        if !norm.is_finite() {
            learner.grad.set_zero();
            return;
        }
        let step = (self.adaptation.rate * clip::factor(norm, CLIP)) as f32;
        let r = self.gradients.as_ref().map(|g| numbers(&g.0));
        let rows = learner.rows();
        let width = learner.net.encoder.w.ncols();
        let start = numbers(&self.base.net);
        let (w, g) = (numbers_mut(&mut learner.net), numbers_mut(&mut learner.grad));
        for (i, (w, g)) in w.into_iter().zip(g).enumerate() {
            let part = |place: usize, w: &mut [f32], g: &mut [f32]| {
                let own = place..place + w.len();
                let r = r.as_ref().map(|r| &r[i][own.clone()]);
                self.step(step, w, g, &start[i][own], r);
            };
            if i > 0 || learner.moved.is_empty() {
                blocks(w, g, part);
            } else {
                let row = |x: usize| x * width..(x + 1) * width;
                rows.iter().for_each(|&x| part(x * width, &mut w[row(x)], &mut g[row(x)]));
            }
        }
        learner.steps += 1;
        if !learner.moved.is_empty() {
            rows.iter().for_each(|&row| learner.moved[row] = learner.steps);
        }
    }

    /// The step of some weights; their gradient is used up.
    fn step(&self, step: f32, w: &mut [f32], g: &mut [f32], start: &[f32], r: Option<&[f32]>) {
        let decay = self.adaptation.decay as f32;
        let of = w.iter_mut().zip(g).zip(start);
        match r {
            None => of.for_each(|((w, g), start)| {
                *w += decay * (start - *w) - step * *g;
                *g = 0.0;
            }),
            Some(r) => of.zip(r).for_each(|(((w, g), start), r)| {
                *w += (decay * r).min(1.0) * (start - *w) - step / (r + 1.0) * *g;
                *g = 0.0;
            }),
        }
    }

    /// Moves on to a segment and scores it.
    fn read(&self, learner: &mut Learner, segment: &[TokenId]) {
        learner.take(segment);
        let rows = learner.rows();
        self.catch_up(learner, &rows);
        learner.score();
    }

    /// Takes the vectors of words back towards where they were trained to, for all steps since they last moved.
    fn catch_up(&self, learner: &mut Learner, rows: &[usize]) {
        let (width, decay) = (learner.net.encoder.w.ncols(), self.adaptation.decay as f32);
        if learner.moved.is_empty() || decay == 0.0 {
            return;
        }
        for &row in rows {
            let steps = (learner.steps - learner.moved[row]) as i32;
            if steps == 0 {
                continue;
            }
            learner.moved[row] = learner.steps;
            let own = row * width..(row + 1) * width;
            let start = &numbers(&self.base.net)[0][own.clone()];
            let r = self.gradients.as_ref().map(|g| &numbers(&g.0)[0][own.clone()]);
            let w = &mut numbers_mut(&mut learner.net)[0][own];
            for (i, (w, start)) in w.iter_mut().zip(start).enumerate() {
                let keep = 1.0 - r.map_or(decay, |r| (decay * r[i]).min(1.0));
                *w = start + keep.powi(steps) * (*w - start);
            }
        }
    }
}

impl LanguageModel for DynamicModel {
    fn vocab_len(&self) -> usize {
        self.base.vocab_len()
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(DynamicReader::new(self))
    }

    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        self.score_logged(text, context, &mut lm::silent, out).expect("a silent log stops nothing");
    }

    /// The weights are there twice, with their gradient, and once more if steps are normalised.
    fn footprint(&self) -> Footprint {
        let base = self.base.footprint();
        let copies = if self.gradients.is_some() { 4 } else { 3 };
        Footprint { bytes: copies * base.bytes, ..base }
    }

    fn save(&self, _: &std::path::Path, _: &Vocab) -> Result<()> {
        Err(Error::NotSaved { what: "dynamically evaluated network" })
    }
}

/// One token at a time: the weights move when a segment is full.
struct DynamicReader<'a> {
    model: &'a DynamicModel,
    learner: Learner,
    /// What was fed since the last step.
    segment: Vec<TokenId>,
    /// The state behind the last token.
    here: Work<f32>,
}

impl<'a> DynamicReader<'a> {
    fn new(model: &'a DynamicModel) -> Self {
        let learner = model.learner();
        let here = Work::new(&learner.net, 1, 1);
        let segment = Vec::with_capacity(model.adaptation.segment);
        let mut reader = Self { model, learner, segment, here };
        reader.step(model.base.vocab().eos());
        reader
    }

    /// Passes a token through the network; what is predicted behind it is not asked for here.
    fn step(&mut self, token: TokenId) {
        self.model.catch_up(&mut self.learner, &[token.index()]);
        self.here.forward(&self.learner.net, batch(&[token.0], &[0]), None);
    }
}

impl Reader for DynamicReader<'_> {
    fn feed(&mut self, token: TokenId) {
        self.segment.push(token);
        if self.segment.len() == self.model.adaptation.segment {
            self.model.read(&mut self.learner, &self.segment);
            self.model.learn(&mut self.learner);
            self.here.go_on_from(&self.learner.work, self.segment.len());
            self.segment.clear();
        } else {
            self.here.carry(1);
        }
        self.step(token);
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        let Work { h, output, .. } = &mut self.here;
        self.learner.net.log_probs(h.row(0), out, output);
    }
}

#[cfg(test)]
mod tests;
