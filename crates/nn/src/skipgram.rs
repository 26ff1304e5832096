//! Word vectors by skip-gram with negative sampling (Mikolov and others 2013, "Distributed representations of words and
//! phrases and their compositionality").
//!
//! For every word c of the text, every word o within a window around it, and K noise words n_k:
//!
//! ```text
//! J = −ln σ(u_o · v_c) − Σ_k ln σ(−u_{n_k} · v_c)
//! ∂J/∂x = σ(x) − y,  x = u · v_c,  y = 1 for o and 0 for noise
//! ```
//!
//! v are the word vectors, u the context vectors, which are thrown away in the end. As in the authors' program: noise is
//! drawn by unigram count^0.75, a noise word that is o itself is left out; the window of each word is uniform in
//! 1..=window; a word of share f is kept with probability √(t/f) + t/f; the rate falls linearly with the tokens read; v
//! starts uniform in ±1/2E, u at zero. Unlike there, one thread makes every step, one after another: that is the
//! algorithm, and the bits do not depend on the number of threads.
//!
//! Shapes: `V` words, `E` width; v, u [V, E].

use std::ops::ControlFlow;

use ndarray::{Array1, Array2};
use rand::Rng;

use crate::error::{Error, Result};
use crate::init;
use crate::params::{Name, Params, Shape, Tensor, TensorMut};
use crate::real::Real;
use crate::rng::{stream, unit};

/// How word vectors are trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// E.
    pub width: usize,
    /// Words on either side that count as context, at most.
    pub window: usize,
    /// K: noise words for each pair.
    pub negatives: usize,
    /// Passes over the text.
    pub epochs: u64,
    /// The rate at the start.
    pub rate: f64,
    /// t: words of a larger share are thinned out; 0: none.
    pub subsample: f64,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            width: 100,
            window: 5,
            negatives: 5,
            epochs: 5,
            rate: 0.025,
            subsample: 1e-3,
            seed: 1,
        }
    }
}

impl Config {
    /// Bytes that training needs for a vocabulary of this size: both tables and what a word needs besides.
    pub fn training_bytes(&self, vocab: usize) -> u64 {
        (2 * vocab * self.width * size_of::<f32>() + 4 * vocab * size_of::<f64>()) as u64
    }
}

/// Word and context vectors, or their gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct SkipGram<R> {
    /// Word vectors [V, E].
    pub v: Array2<R>,
    /// Context vectors [V, E].
    pub u: Array2<R>,
}

impl<R: Real> SkipGram<R> {
    /// The start of a seed.
    pub fn start(vocab: usize, width: usize, seed: u64) -> Self {
        let bound = 0.5 / width as f64;
        Self {
            v: init::uniform((vocab, width), bound, &mut stream(seed, "skipgram/start")),
            u: Array2::zeros((vocab, width)),
        }
    }

    /// J of one pair and its noise.
    pub fn loss(&self, centre: u32, context: u32, noise: &[u32]) -> f64 {
        let v = self.v.row(centre as usize);
        let x = |word: u32| self.u.row(word as usize).dot(&v).as_f64();
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        softplus(-x(context)) + noise.iter().map(|&n| softplus(x(n))).sum::<f64>()
    }

    /// One step of gradient descent on J of one pair and its noise; `d_v` `[E]` is scratch.
    // eq: skip-gram
    pub fn step(&mut self, centre: u32, context: u32, noise: &[u32], rate: R, d_v: &mut Array1<R>) {
        let mut v = self.v.row_mut(centre as usize);
        d_v.fill(R::zero());
        let words =
            std::iter::once((context, R::one())).chain(noise.iter().map(|&n| (n, R::zero())));
        for (word, y) in words {
            let mut u = self.u.row_mut(word as usize);
            let d_x = u.dot(&v).fast_sigmoid() - y;
            d_v.scaled_add(d_x, &u);
            u.scaled_add(-rate * d_x, &v);
        }
        v.scaled_add(-rate, d_v);
    }
}

impl<R: Real> Params for SkipGram<R> {
    type Num = R;

    fn tensors<'a>(&'a self, each: &mut dyn FnMut(Tensor<'a, R>)) {
        for (name, w) in [("vectors", &self.v), ("contexts", &self.u)] {
            let shape = Shape::Matrix(w.nrows(), w.ncols());
            let data = w.as_slice().expect("standard layout");
            each(Tensor { name: Name::new(name), shape, data, trained: true });
        }
    }

    fn tensors_mut<'a>(&'a mut self, each: &mut dyn FnMut(TensorMut<'a, R>)) {
        for (name, w) in [("vectors", &mut self.v), ("contexts", &mut self.u)] {
            let shape = Shape::Matrix(w.nrows(), w.ncols());
            let data = w.as_slice_mut().expect("standard layout");
            each(TensorMut { name: Name::new(name), shape, data, trained: true });
        }
    }
}

/// Draws words by count^0.75.
struct Noise {
    /// Sums of the weights up to each word.
    sums: Vec<f64>,
}

impl Noise {
    fn new(counts: &[u64]) -> Self {
        let weights = counts.iter().map(|&c| (c as f64).powf(0.75));
        let sums = weights.scan(0.0, |sum, w| {
            *sum += w;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    fn draw(&self, rng: &mut impl Rng) -> u32 {
        let at = unit(rng) * self.sums.last().copied().unwrap_or(0.0);
        (self.sums.partition_point(|&sum| sum <= at) as u32).min(self.sums.len() as u32 - 1)
    }
}

/// Vectors of the words 0..vocab from a text of sentences, which end at `ends`; windows do not reach over them. `listen`
/// hears how many tokens of all epochs are read and may stop the run.
///
/// # Errors
/// [`Error::Interrupted`] where `listen` breaks, [`Error::Diverged`] where the numbers leave the finite ones,
/// [`Error::Memory`] before anything is allocated.
///
/// # Panics
/// If an id is `vocab` or more, the last sentence does not end the text, or a size is 0.
pub fn train(
    text: &[u32],
    ends: &[usize],
    vocab: usize,
    config: &Config,
    listen: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<SkipGram<f32>> {
    assert!(config.width > 0 && config.window > 0 && config.epochs > 0, "sizes of {config:?}");
    assert_eq!(ends.last().copied().unwrap_or(0), text.len(), "the last sentence ends the text");
    crate::memory::check(config.training_bytes(vocab))?;
    let mut counts = vec![0u64; vocab];
    text.iter().for_each(|&w| counts[w as usize] += 1);
    let (noise, total) = (Noise::new(&counts), config.epochs * text.len() as u64);
    let keep = |word: u32| {
        let share = counts[word as usize] as f64 / text.len() as f64 / config.subsample;
        (1.0 / share).sqrt() + 1.0 / share
    };
    let mut net = SkipGram::start(vocab, config.width, config.seed);
    let (mut d_v, mut kept, mut drawn) = (Array1::zeros(config.width), Vec::new(), Vec::new());
    let (mut read, mut steps) = (0u64, 0u64);
    for epoch in 0..config.epochs {
        let mut rng = stream(config.seed, &format!("skipgram/{epoch}"));
        let mut start = 0;
        for (i, &end) in ends.iter().enumerate() {
            kept.clear();
            for &word in &text[start..end] {
                if config.subsample == 0.0 || unit(&mut rng) < keep(word) {
                    kept.push(word);
                }
            }
            let rate = config.rate * (1.0 - read as f64 / total as f64).max(1e-4);
            for (at, &centre) in kept.iter().enumerate() {
                let reach = 1 + (unit(&mut rng) * config.window as f64) as usize;
                let near = at.saturating_sub(reach)..(at + reach + 1).min(kept.len());
                for context in near.filter(|&j| j != at).map(|j| kept[j]) {
                    drawn.clear();
                    drawn.extend((0..config.negatives).map(|_| noise.draw(&mut rng)));
                    drawn.retain(|&n| n != context);
                    net.step(centre, context, &drawn, rate as f32, &mut d_v);
                    steps += 1;
                }
            }
            read += (end - start) as u64;
            start = end;
            if i % 256 == 0 && listen(read, total).is_break() {
                return Err(Error::Interrupted);
            }
        }
        if let Some(&wrong) = net.v.iter().chain(&net.u).find(|x| !x.is_finite()) {
            let (tensor, value) = ("word vectors".into(), f64::from(wrong));
            return Err(Error::Diverged { step: steps, tensor, value });
        }
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck;

    #[test]
    fn the_step_is_the_gradient_of_the_loss() {
        let mut rng = stream(5, "check");
        let random = |rng: &mut _| init::uniform((6, 4), 1.0, rng);
        let net = SkipGram::<f64> { v: random(&mut rng), u: random(&mut rng) };
        // a centre that is its own context, too: v and u are different tables
        for (centre, context, noise) in [(1, 2, &[0, 3, 5][..]), (4, 4, &[1]), (0, 5, &[])] {
            let mut after = net.clone();
            after.step(centre, context, noise, 1.0, &mut Array1::zeros(4));
            let grad = SkipGram { v: &net.v - &after.v, u: &net.u - &after.u };
            gradcheck::check(&net, &grad, &mut |net| net.loss(centre, context, noise))
                .assert("skip-gram");
        }
    }

    #[test]
    fn noise_follows_the_counts_to_three_quarters() {
        let noise = Noise::new(&[16, 0, 1, 81]);
        let (mut rng, mut drawn) = (stream(1, "noise"), [0f64; 4]);
        (0..36_000).for_each(|_| drawn[noise.draw(&mut rng) as usize] += 1.0);
        for (drawn, weight) in drawn.into_iter().zip([8.0, 0.0, 1.0, 27.0]) {
            let error: f64 = drawn / 1000.0 - weight;
            assert!(error.abs() < 0.5, "{drawn} for {weight}");
        }
    }

    /// `a_i x b_i x`: words of one kind stand among the same words.
    fn text() -> (Vec<u32>, Vec<usize>) {
        let mut rng = stream(9, "text");
        let mut below = |n: u32| (unit(&mut rng) * f64::from(n)) as u32;
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..1500 {
            let side = below(2) * 6;
            text.extend([side + below(3), side + 3 + below(3), side + below(3)]);
            ends.push(text.len());
        }
        (text, ends)
    }

    #[test]
    fn words_of_one_context_come_together_on_any_number_of_threads() {
        let (text, ends) = text();
        let config = Config { width: 8, window: 2, subsample: 0.0, ..Config::default() };
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                train(&text, &ends, 12, &config, &mut |_, _| ControlFlow::Continue(())).unwrap()
            })
        };
        let net = run(1);
        assert_eq!(net, run(4));
        let cosine = |a: usize, b: usize| {
            let (a, b) = (net.v.row(a), net.v.row(b));
            a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
        };
        for (near, far) in [((0, 1), (0, 7)), ((9, 10), (9, 3)), ((3, 5), (3, 11))] {
            assert!(cosine(near.0, near.1) > cosine(far.0, far.1) + 0.3, "{near:?} {far:?}");
        }
        let other = Config { seed: 2, ..config };
        let other = train(&text, &ends, 12, &other, &mut |_, _| ControlFlow::Continue(())).unwrap();
        assert_ne!(net, other);
    }

    #[test]
    fn a_run_can_be_stopped_and_says_where_it_diverged() {
        let (text, ends) = text();
        let config = Config { width: 4, ..Config::default() };
        let stopped = train(&text, &ends, 12, &config, &mut |_, _| ControlFlow::Break(()));
        assert!(matches!(stopped, Err(Error::Interrupted)));
        let wild = Config { rate: 1e30, ..config };
        let wild = train(&text, &ends, 12, &wild, &mut |_, _| ControlFlow::Continue(()));
        assert!(matches!(wild, Err(Error::Diverged { .. })));
    }
}
