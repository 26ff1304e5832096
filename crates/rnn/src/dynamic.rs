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
use rayon::prelude::*;

use crate::backbone::Backbone;
use crate::model::RnnModel;
use crate::work::{Batch, Work};

mod tune;

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
        let mut learner = Learner::new(&model.net, model.vocab().eos(), STRETCH);
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
            learner.read(&text[start..end]);
            learner.gradient();
            let (mut to, from) = (numbers_mut(&mut squares), numbers_mut(&mut learner.grad));
            for (to, from) in to.iter_mut().zip(from) {
                blocks(to).zip(blocks(from)).for_each(|(to, from)| {
                    to.iter_mut().zip(from).for_each(|(s, g)| {
                        *s += *g * *g;
                        *g = 0.0;
                    });
                });
            }
        }
        let mut sum = 0.0;
        squares.tensors(&mut |t| sum += t.data.iter().map(|s| f64::from(s.sqrt())).sum::<f64>());
        // all zero: no text to learn from; r is then zero everywhere
        let unit = (squares.numbers() as f64 / sum.max(f64::MIN_POSITIVE)).min(1e30) as f32;
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
                learner.read(segment);
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
        Learner::new(&self.base.net, self.base.vocab().eos(), self.adaptation.segment)
    }

    fn restart(&self, learner: &mut Learner) {
        if learner.moved {
            learner.net.copy_from(&self.base.net);
            learner.moved = false;
        }
        learner.clear_state(self.base.vocab().eos());
    }

    /// One step on the segment read last, if it is a whole one.
    fn learn(&self, learner: &mut Learner) {
        if learner.targets.len() < self.adaptation.segment {
            return;
        }
        let norm = learner.gradient();
        if !norm.is_finite() {
            learner.grad.set_zero();
            return;
        }
        learner.moved = true;
        let step = (self.adaptation.rate * clip::factor(norm, CLIP)) as f32;
        let decay = self.adaptation.decay as f32;
        let r = self.gradients.as_ref().map(|g| numbers(&g.0));
        let (mut w, start) = (numbers_mut(&mut learner.net), numbers(&self.base.net));
        for (i, (w, g)) in w.iter_mut().zip(numbers_mut(&mut learner.grad)).enumerate() {
            let of = blocks(w).zip(blocks(g)).zip(start[i].par_chunks(BLOCK));
            match &r {
                None => of.for_each(|((w, g), start)| {
                    for ((w, g), start) in w.iter_mut().zip(g).zip(start) {
                        *w += decay * (start - *w) - step * *g;
                        *g = 0.0;
                    }
                }),
                Some(r) => of.zip(r[i].par_chunks(BLOCK)).for_each(|(((w, g), start), r)| {
                    for (((w, g), start), r) in w.iter_mut().zip(g).zip(start).zip(r) {
                        *w += (decay * r).min(1.0) * (start - *w) - step / (r + 1.0) * *g;
                        *g = 0.0;
                    }
                }),
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

/// A network in motion: its weights, its state, and the segment that it read last.
struct Learner {
    net: Backbone<f32>,
    grad: Backbone<f32>,
    work: Work<f32>,
    /// The token before the segment.
    last: TokenId,
    inputs: Vec<u32>,
    targets: Vec<u32>,
    scores: Vec<f64>,
    /// Whether the weights are others than the trained ones.
    moved: bool,
}

impl Learner {
    fn new(net: &Backbone<f32>, eos: TokenId, segment: usize) -> Self {
        let buffer = || Vec::with_capacity(segment);
        Self {
            work: Work::new(net, 1, segment),
            grad: net.zeros_like(),
            net: net.clone(),
            last: eos,
            inputs: buffer(),
            targets: buffer(),
            scores: Vec::with_capacity(segment),
            moved: false,
        }
    }

    fn clear_state(&mut self, last: TokenId) {
        self.work.clear_state();
        self.inputs.clear();
        self.targets.clear();
        self.last = last;
    }

    /// Moves on behind the segment read last, and scores the next one.
    fn read(&mut self, segment: &[TokenId]) {
        self.work.carry(self.targets.len());
        self.forward(segment);
        self.scores.resize(segment.len(), 0.0);
        self.net.score_outputs(&self.targets, &mut self.work, &mut self.scores);
        self.last = segment.last().copied().unwrap_or(self.last);
    }

    /// Passes forward through a segment that follows the state.
    fn forward(&mut self, segment: &[TokenId]) {
        self.inputs.clear();
        self.targets.clear();
        self.targets.extend(segment.iter().map(|t| t.0));
        self.inputs.push(self.last.0);
        self.inputs.extend(&self.targets[..segment.len() - 1]);
        let Self { net, work, inputs, targets, .. } = self;
        work.forward(net, batch(inputs, targets), None);
    }

    /// ln p of the segment's tokens, by the weights before it.
    fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Adds the gradient of the segment's mean loss into `grad`; returns its norm.
    fn gradient(&mut self) -> f64 {
        let Self { net, grad, work, inputs, targets, .. } = self;
        net.loss_grad_outputs(batch(inputs, targets), None, work, grad);
        clip::norm(numbers(grad))
    }
}

fn batch<'a>(inputs: &'a [u32], targets: &'a [u32]) -> Batch<'a> {
    Batch { steps: targets.len(), inputs, targets, resets: &[] }
}

/// The numbers of all tensors that are trained.
fn numbers(net: &Backbone<f32>) -> Vec<&[f32]> {
    let mut list = Vec::new();
    net.tensors(&mut |t| list.extend(t.trained.then_some(t.data)));
    list
}

fn numbers_mut(net: &mut Backbone<f32>) -> Vec<&mut [f32]> {
    let mut list = Vec::new();
    net.tensors_mut(&mut |t| list.extend(t.trained.then_some(t.data)));
    list
}

/// The unit of work of passes over the weights, in numbers.
const BLOCK: usize = 16_384;

fn blocks(x: &mut [f32]) -> rayon::slice::ChunksMut<'_, f32> {
    x.par_chunks_mut(BLOCK)
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
        self.here.forward(&self.learner.net, batch(&[token.0], &[0]), None);
    }
}

impl Reader for DynamicReader<'_> {
    fn feed(&mut self, token: TokenId) {
        self.segment.push(token);
        if self.segment.len() == self.model.adaptation.segment {
            self.learner.read(&self.segment);
            self.model.learn(&mut self.learner);
            self.here.go_on_from(&self.learner.work, self.segment.len());
            self.segment.clear();
        } else {
            self.here.carry(1);
        }
        self.step(token);
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        self.learner.net.log_probs(self.here.outputs(1).row(0), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CellName, RnnConfig};
    use crate::recipe::RnnRecipe;
    use corpus::{Corpus, CorpusOptions};
    use nn::fit::Config;

    /// A chain over nine words, each with two successors; the texts after training use four of the words only.
    fn corpus() -> Corpus {
        let sentence = |i: usize, words: usize| {
            let chance = |n: usize| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            let mut word = i % words;
            let mut next = |j: usize| {
                word = (word * 2 + 1 + chance(i * 16 + j) % 2) % words;
                format!("w{word}")
            };
            (0..3 + i % 6).map(&mut next).collect::<Vec<_>>().join(" ")
        };
        let text = |n, words| (0..n).map(|i| sentence(i, words)).collect::<Vec<_>>();
        let parts = [text(300, 9), text(150, 4), text(150, 4)];
        Corpus::from_sentences("chain", &parts, "made".into(), CorpusOptions::default())
    }

    fn trained(config: RnnConfig, corpus: &Corpus) -> Arc<RnnModel> {
        let training = Config { epochs: 2, lr: 1e-2, ..Config::default() };
        let config = RnnConfig { nhid: 12, batch_size: 5, bptt: 8, training, ..config };
        let recipe = RnnRecipe::new(config);
        Arc::new(recipe.train_model(corpus.train_set(), &mut lm::silent).unwrap().0)
    }

    fn configs() -> [RnnConfig; 4] {
        let base = RnnConfig::default;
        [
            base(),
            RnnConfig { cell: CellName::Gru, nlayers: 2, tied: true, ..base() },
            RnnConfig { cell: CellName::Lstm, emsize: 7, ..base() },
            RnnConfig { cell: CellName::Lstm, frozen: true, ..base() },
        ]
    }

    fn adaptation(normalised: bool) -> Adaptation {
        Adaptation { rate: 0.05, decay: 0.002, segment: 4, normalised }
    }

    fn dynamic(base: &Arc<RnnModel>, normalised: bool, corpus: &Corpus) -> DynamicModel {
        let gradients = Gradients::of(base, &corpus.train, &mut lm::silent).unwrap();
        DynamicModel::new(base.clone(), adaptation(normalised), Some(Arc::new(gradients)))
    }

    #[test]
    fn it_keeps_the_contract_and_learns_which_words_are_in_use() {
        let corpus = corpus();
        for config in configs() {
            let base = trained(config, &corpus);
            let nll = |model: &dyn LanguageModel| {
                let mut scores = Vec::new();
                model.score(&corpus.test, Context::Stream, &mut scores);
                -scores.iter().sum::<f64>() / scores.len() as f64
            };
            for normalised in [false, true] {
                let model = dynamic(&base, normalised, &corpus);
                lm::conformance::check_within(&model, &corpus.valid.head(40), 1e-5, 1e-4);
                let (still, moving) = (nll(&*base), nll(&model));
                assert!(moving < still - 0.05, "{:?}: {still} {moving}", base.config.cell);
            }
        }
    }

    #[test]
    fn a_rate_of_zero_is_the_network_itself() {
        let corpus = corpus();
        let base = trained(RnnConfig::default(), &corpus);
        let still = Adaptation { rate: 0.0, ..adaptation(false) };
        let (mut a, mut b) = (Vec::new(), Vec::new());
        DynamicModel::new(base.clone(), still, None).score(&corpus.test, Context::Stream, &mut a);
        base.score(&corpus.test, Context::Stream, &mut b);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    /// Other tokens from place `p` on: all scores before are the same, bit for bit, and so is the distribution at `p`.
    #[test]
    fn a_token_is_scored_before_it_is_learnt_from() {
        let corpus = corpus();
        let base = trained(RnnConfig { cell: CellName::Lstm, ..RnnConfig::default() }, &corpus);
        let model = dynamic(&base, true, &corpus);
        let text = corpus.test.head(20);
        let mut whole = Vec::new();
        model.score(&text, Context::Stream, &mut whole);
        for place in [1, 4, 5, 11, 40] {
            let mut changed = Tokens::default();
            let ids = text.flat().iter().enumerate();
            let other = |(i, t): (usize, &TokenId)| {
                if i < place { *t } else { TokenId((t.0 + 1 + i as u32 % 3) % 9) }
            };
            changed.push_sentence(&ids.map(other).collect::<Vec<_>>(), 1);
            let mut scores = Vec::new();
            model.score(&changed, Context::Stream, &mut scores);
            assert_eq!(scores[..place], whole[..place]);
            assert_ne!(scores[place..], whole[place..]);
        }
    }

    #[test]
    fn same_bits_on_any_number_of_threads_and_a_wild_rate_stays_finite() {
        let corpus = corpus();
        let base = trained(RnnConfig::default(), &corpus);
        let score = |threads, rate| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let gradients = Gradients::of(&base, &corpus.train, &mut lm::silent).unwrap();
                let adaptation = Adaptation { rate, ..adaptation(true) };
                let model = DynamicModel::new(base.clone(), adaptation, Some(Arc::new(gradients)));
                let mut scores = Vec::new();
                model.score(&corpus.test, Context::Stream, &mut scores);
                scores
            })
        };
        assert_eq!(score(1, 0.2), score(3, 0.2));
        assert!(score(2, 1e6).iter().all(|s| s.is_finite()));
    }

    #[test]
    fn tuning_takes_what_is_best_on_the_validation_text_and_can_be_stopped() {
        let corpus = corpus();
        let base = trained(RnnConfig::default(), &corpus);
        let tuned = |log: &mut Log<'_>| {
            tune(&base, Some(&corpus.train), &corpus.valid, Context::Stream, log)
        };
        let model = tuned(&mut lm::silent).unwrap();
        let nll = |model: &dyn LanguageModel| {
            let mut scores = Vec::new();
            model.score(&corpus.valid, Context::Stream, &mut scores);
            -scores.iter().sum::<f64>() / scores.len() as f64
        };
        assert!(nll(&model) < nll(&dynamic(&base, false, &corpus)) + 1e-9, "{:?}", model.adaptation);
        let mut left = 30;
        let stopped = tuned(&mut |_| {
            left -= 1;
            if left > 0 { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
        });
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }
}
