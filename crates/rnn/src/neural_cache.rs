//! The continuous cache (Grave, Joulin & Usunier 2017): words that followed states like the present one are likely to
//! follow again.
//!
//! `p(w) = (1 − λ) p_network(w) + λ p_cache(w)`, `p_cache(w) ∝ Σ_{i: x_{i+1} = w} exp(θ h_t·h_i)` over the last W states h_i,
//! h being the last layer's output. Before any state is remembered, the network alone. Nothing is trained: θ, λ and W are
//! chosen on the validation text ([`tune`]), all in one pass.
//!
//! A text is scored in blocks of `N` rows: one product h [N, H] · keysᵀ [H, W + N] holds every dot product that its rows need,
//! each row looking at the W keys before its own.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use corpus::{TokenId, Tokens, Vocab};
use lm::{Context, Error, Footprint, LanguageModel, Reader, Result};
use ndarray::{Array2, ArrayView2, s};
use nn::Real;
use nn::gemm::par_gemm;
use rayon::prelude::*;

use crate::model::{RnnModel, RnnReader, SCORE_ROWS, score_rows};

mod tune;

pub use tune::{HEAD, tune};

/// What a cache is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CacheSettings {
    /// W: states remembered.
    pub window: usize,
    /// θ: how much nearer states count more.
    pub theta: f32,
    /// λ: the weight of the cache.
    pub lambda: f64,
}

impl CacheSettings {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check(&self) -> Result<()> {
        let wrong = |option: &str, what: String, cure: &str| {
            Err(Error::Config { option: option.into(), what, cure: cure.into() })
        };
        if self.window == 0 {
            return wrong("window", "0 states are no cache".into(), "give at least 1");
        }
        if !self.theta.is_finite() {
            return wrong("theta", format!("{} is no number", self.theta), "0.3 is usual");
        }
        if !(0.0..=1.0).contains(&self.lambda) {
            return wrong("lambda", format!("{} is no weight", self.lambda), "give 0 to 1");
        }
        Ok(())
    }
}

impl std::fmt::Display for CacheSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { window, theta, lambda } = self;
        write!(f, "the last {window} states, θ = {theta}, λ = {lambda:.3}")
    }
}

/// A trained network with a cache.
#[derive(Clone, Debug)]
pub struct CachedModel {
    base: Arc<RnnModel>,
    settings: CacheSettings,
}

impl CachedModel {
    /// # Panics
    /// When the window is empty or λ is no weight.
    pub fn new(base: Arc<RnnModel>, settings: CacheSettings) -> Self {
        assert!(settings.window > 0 && (0.0..=1.0).contains(&settings.lambda));
        Self { base, settings }
    }

    /// What its cache is like.
    pub fn settings(&self) -> &CacheSettings {
        &self.settings
    }

    /// ln((1 − λ) p + λ q).
    // eq: cache
    fn mixed(&self, log_p: f64, q: f64) -> f64 {
        ((1.0 - self.settings.lambda) * log_p.exp() + self.settings.lambda * q).ln()
    }
}

/// The keys h_i and the words that followed them, oldest first: the last W before a block, then the block's own.
struct History {
    window: usize,
    /// [W + N, H]
    keys: Array2<f32>,
    words: Vec<u32>,
    /// Dot products of a block [N, W + N].
    dots: Array2<f32>,
}

impl History {
    fn new(window: usize, hidden: usize) -> Self {
        let width = window + SCORE_ROWS;
        Self {
            window,
            keys: Array2::zeros((width, hidden)),
            words: Vec::with_capacity(width),
            dots: Array2::zeros((SCORE_ROWS, width)),
        }
    }

    /// Takes the next rows of a text and calls `each` with a row's number, the dot products with the at most W states before
    /// it, the words that followed these, and its own word; `out[n]` is for what row n has to say.
    fn read<T: Send>(
        &mut self,
        h: ArrayView2<f32>,
        targets: &[u32],
        out: &mut [T],
        each: impl Fn(&mut [f32], &[u32], u32, &mut T) + Sync,
    ) {
        let (kept, rows) = (self.words.len(), targets.len());
        let width = kept + rows;
        self.keys.slice_mut(s![kept..width, ..]).assign(&h);
        self.words.extend_from_slice(targets);
        let keys = self.keys.slice(s![..width, ..]);
        par_gemm(1.0, h, keys.t(), 0.0, self.dots.slice_mut(s![..rows, ..width]));
        let pitch = self.dots.ncols();
        let dots = self.dots.as_slice_mut().expect("standard layout")[..rows * pitch]
            .par_chunks_mut(pitch);
        dots.zip(out.par_iter_mut()).enumerate().for_each(|(n, (dots, out))| {
            let seen = (kept + n).saturating_sub(self.window)..kept + n;
            each(&mut dots[seen.clone()], &self.words[seen], targets[n], out);
        });
        let left = width.saturating_sub(self.window);
        let numbers = self.keys.ncols();
        let keys = self.keys.as_slice_mut().expect("standard layout");
        keys.copy_within(left * numbers..width * numbers, 0);
        self.words.drain(..left);
    }
}

/// Σ exp(θ d − max) over some states, and the part of it whose word was the target.
#[derive(Clone, Copy)]
struct Mass {
    max: f32,
    all: f64,
    target: f64,
}

impl Mass {
    const NONE: Self = Self { max: f32::NEG_INFINITY, all: 0.0, target: 0.0 };

    /// Replaces the dot products by θ d, and those by their exponentials.
    fn of(dots: &mut [f32], words: &[u32], target: u32, theta: f32) -> Self {
        dots.iter_mut().for_each(|d| *d *= theta);
        let max = dots.iter().fold(f32::NEG_INFINITY, |max, d| max.max(*d));
        dots.iter_mut().for_each(|d| *d -= max);
        f32::exp_slice(dots);
        let (mut all, mut hit) = (0.0, 0.0);
        for (&e, &word) in dots.iter().zip(words) {
            all += f64::from(e);
            hit += if word == target { f64::from(e) } else { 0.0 };
        }
        Self { max, all, target: hit }
    }

    /// Of the states of both.
    fn with(self, other: Self) -> Self {
        let max = self.max.max(other.max);
        let scale = |m: Self| if m.all > 0.0 { f64::from(m.max - max).exp() } else { 0.0 };
        let (a, b) = (scale(self), scale(other));
        Self { max, all: a * self.all + b * other.all, target: a * self.target + b * other.target }
    }

    /// p_cache of the target; `None` of no states.
    fn share(self) -> Option<f64> {
        (self.all > 0.0).then(|| self.target / self.all)
    }
}

impl LanguageModel for CachedModel {
    fn vocab_len(&self) -> usize {
        self.base.vocab_len()
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(CachedReader {
            model: self,
            base: RnnReader::new(&self.base.net, self.base.vocab().eos()),
            past: VecDeque::with_capacity(self.settings.window + 1),
            weights: Vec::with_capacity(self.settings.window),
            cache: vec![0.0; self.vocab_len()],
        })
    }

    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        if context == Context::Sentence {
            return lm::walk(self, text, context, out); // a cache a sentence: nothing to put side by side
        }
        let CacheSettings { window, theta, .. } = self.settings;
        let mut history = History::new(window, self.base.net.hidden());
        let each = &mut |h: ArrayView2<f32>, targets: &[u32], scores: &mut [f64]| {
            history.read(h, targets, scores, |dots, words, target, score| {
                if let Some(share) = Mass::of(dots, words, target, theta).share() {
                    *score = self.mixed(*score, share);
                }
            });
        };
        score_rows(&self.base.net, self.base.vocab().eos(), text, context, out, each);
    }

    fn footprint(&self) -> Footprint {
        let base = self.base.footprint();
        let key = (self.base.net.hidden() + 1) * size_of::<f32>();
        Footprint { bytes: base.bytes + (self.settings.window * key) as u64, ..base }
    }

    fn save(&self, _: &Path, _: &Vocab) -> Result<()> {
        Err(Error::NotSaved { what: "network with a cache" })
    }
}

/// One token at a time.
struct CachedReader<'a> {
    model: &'a CachedModel,
    base: RnnReader<'a>,
    /// States, and the words that followed them.
    past: VecDeque<(Vec<f32>, TokenId)>,
    weights: Vec<f32>,
    cache: Vec<f64>,
}

impl Reader for CachedReader<'_> {
    fn feed(&mut self, token: TokenId) {
        let full = self.past.len() == self.model.settings.window;
        let oldest = if full { self.past.pop_front() } else { None };
        let mut h = oldest.map_or(Vec::new(), |(h, _)| h);
        h.clear();
        h.extend_from_slice(self.base.output());
        self.past.push_back((h, token));
        self.base.feed(token);
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        self.base.log_probs(out);
        if self.past.is_empty() {
            return;
        }
        let (h, theta) = (self.base.output(), self.model.settings.theta);
        let dot = |key: &[f32]| theta * key.iter().zip(h).map(|(a, b)| a * b).sum::<f32>();
        self.weights.clear();
        self.weights.extend(self.past.iter().map(|(key, _)| dot(key)));
        let max = self.weights.iter().fold(f32::NEG_INFINITY, |max, d| max.max(*d));
        self.weights.iter_mut().for_each(|d| *d -= max);
        f32::exp_slice(&mut self.weights);
        let all: f64 = self.weights.iter().map(|w| f64::from(*w)).sum();
        self.cache.fill(0.0);
        for (weight, (_, word)) in self.weights.iter().zip(&self.past) {
            self.cache[word.index()] += f64::from(*weight) / all;
        }
        out.iter_mut().zip(&self.cache).for_each(|(p, q)| *p = self.model.mixed(*p, *q));
    }
}

#[cfg(test)]
mod tests;
