//! What the gradient laboratory's experiments share: text over a small vocabulary, stretches of it, one-layer networks, and
//! training runs that may leave the numbers.
use anyhow::{Result, bail};
use corpus::{TokenId, Tokens, TrainSet, Vocab, VocabBuilder, VocabLimits};
use lm::{Progress, Recipe};
use nn::activation::Activation;
use nn::fit::Config;
use nn::schedule::Schedule;
use rayon::prelude::*;
use rnn::{Backbone, CellName, Init, RnnConfig, RnnModel, RnnRecipe, Watch};

use super::common::head;
use crate::interrupt;
use crate::lab::{Estimate, Lab, Text};

/// The head of the corpus with all but its most frequent words as `<unk>`: the laws under test do not depend on the
/// vocabulary, but the time of hundreds of small runs does.
pub struct FewWords {
    /// The frequent words.
    pub vocab: Vocab,
    /// To train on.
    pub train: Tokens,
    /// To choose and to measure on.
    pub valid: Tokens,
}

impl FewWords {
    /// At most so many words and training tokens.
    pub fn of(lab: &Lab<'_>, words: usize, tokens: usize) -> Self {
        let (full, corpus) = (&lab.corpus.vocab, lab.corpus);
        let mut builder = VocabBuilder::default();
        full.words().enumerate().for_each(|(id, word)| {
            builder.add_many(word, full.count(TokenId(id as u32)));
        });
        let limits = VocabLimits { max_size: words, ..VocabLimits::default() };
        let vocab = builder.finish(full.tokenizer(), limits);
        let ids: Vec<TokenId> = full.words().map(|word| vocab.id(word)).collect();
        let map = |text: &Tokens| {
            let mut out = Tokens::default();
            for sentence in text.sentences() {
                let mapped: Vec<TokenId> = sentence.iter().map(|id| ids[id.index()]).collect();
                // Bits per byte are asked of no such text.
                out.push_sentence(&mapped, 0);
            }
            out
        };
        let train = map(&head(&corpus.train, tokens));
        let valid = map(&head(&corpus.valid, lab.size(3_000, 5_000, 50_000)));
        Self { vocab, train, valid }
    }

    /// What a recipe sees of it.
    pub fn train_set(&self) -> TrainSet<'_> {
        TrainSet { vocab: &self.vocab, train: &self.train, valid: &self.valid }
    }

    /// `n` stretches of the validation text, evenly spread, each of `steps` tokens and one more to predict.
    ///
    /// # Errors
    /// Where the text is shorter than that.
    pub fn stretches(&self, n: usize, steps: usize) -> Result<Vec<Stretch>> {
        let text: Vec<u32> = self.valid.flat().iter().map(|id| id.0).collect();
        let Some(room) = text.len().checked_sub(steps + 1) else {
            bail!(
                "the validation text has {} tokens, {} are read in one piece; give more text",
                text.len(),
                steps + 1
            );
        };
        let stretch = |i: usize| {
            let at = room * i / n.saturating_sub(1).max(1);
            Stretch {
                inputs: text[at..at + steps].to_vec(),
                targets: text[at + 1..=at + steps].to_vec(),
            }
        };
        Ok((0..n).map(stretch).collect())
    }
}

/// A piece of text as a network reads it.
pub struct Stretch {
    /// What goes in.
    pub inputs: Vec<u32>,
    /// What follows each of them.
    pub targets: Vec<u32>,
}

impl Stretch {
    /// What follows the last of them.
    pub fn last_target(&self) -> u32 {
        self.targets[self.targets.len() - 1]
    }
}

/// A one-layer network without dropout; SGD and the rest are the experiment's affair.
pub fn one_layer(
    cell: CellName,
    sigma: Activation,
    init: Init,
    size: usize,
    seed: u64,
) -> RnnConfig {
    RnnConfig {
        cell,
        sigma,
        init,
        emsize: size,
        nhid: size,
        dropout: 0.0,
        batch_size: 10,
        bptt: 35,
        seed,
        training: Config { schedule: Schedule::Constant, epochs: 1, ..Config::default() },
        ..RnnConfig::default()
    }
}

/// What a run came to that may diverge.
pub struct Run {
    /// The weights of the best validation; `None` where the numbers ended.
    pub model: Option<RnnModel>,
    /// Mean loss at the last validation, nats a token; infinite where the numbers ended.
    pub valid: f64,
    /// Share of steps that clipping shortened, up to the last validation; `None` where the numbers ended before the first.
    pub clipped: Option<f64>,
    /// A number was not finite, or at the end the model was worse than one that knows nothing (ln |V| nats).
    pub diverged: bool,
}

/// Trains; divergence is a result.
///
/// # Errors
/// Every other error of training.
pub fn run(config: RnnConfig, data: TrainSet<'_>, watch: Option<&mut Watch<'_>>) -> Result<Run> {
    let (mut clipped, mut steps, mut valid) = (0.0, 0, f64::INFINITY);
    let mut log = |progress: Progress| {
        if let Progress::Point(point) = progress {
            clipped += point.clipped * (point.step - steps) as f64;
            (steps, valid) = (point.step, point.valid_nll);
        }
        interrupt::flow()
    };
    let trained = RnnRecipe::new(config).train_watched(data, &mut log, watch);
    let share = (steps > 0).then(|| clipped / steps as f64);
    match trained {
        Ok((model, _)) => {
            let diverged = valid.is_nan() || valid > (data.vocab.len() as f64).ln();
            Ok(Run { model: Some(model), valid, clipped: share, diverged })
        }
        Err(lm::Error::Diverged { .. }) => {
            Ok(Run { model: None, valid: f64::INFINITY, clipped: share, diverged: true })
        }
        Err(error) => Err(error.into()),
    }
}

/// Trains; divergence is an error.
///
/// # Errors
/// Those of training.
pub fn trained(config: RnnConfig, data: TrainSet<'_>) -> Result<RnnModel> {
    let recipe = RnnRecipe::new(config);
    match recipe.train_model(data, &mut |_| interrupt::flow()) {
        Ok((model, _)) => Ok(model),
        Err(error) => Err(anyhow::Error::from(error).context(recipe.id())),
    }
}

/// A network before and after its training, in f64.
///
/// # Errors
/// Those of training.
pub fn fresh_and_trained(config: RnnConfig, words: &FewWords) -> Result<[Backbone<f64>; 2]> {
    let fresh = Backbone::start(&config.architecture(words.vocab.len()), &config.start());
    Ok([fresh, trained(config, words.train_set())?.net.cast()])
}

/// `of` a network before (`false`) and after its training, for every σ and seed, side by side; in the grid's order.
///
/// # Errors
/// Those of training.
pub fn of_fresh_and_trained<T: Send>(
    words: &FewWords,
    seeds: &[u64],
    config: impl Fn(Activation, u64) -> RnnConfig + Sync,
    of: impl Fn(Activation, u64, bool, Backbone<f64>) -> T + Sync,
) -> Result<Vec<T>> {
    let grid: Vec<(Activation, u64)> = Activation::ALL
        .into_iter()
        .flat_map(|sigma| seeds.iter().map(move |seed| (sigma, *seed)))
        .collect();
    let pairs: Vec<Result<[T; 2]>> = grid
        .into_par_iter()
        .map(|(sigma, seed)| {
            let [fresh, trained] = fresh_and_trained(config(sigma, seed), words)?;
            Ok([of(sigma, seed, false, fresh), of(sigma, seed, true, trained)])
        })
        .collect();
    let pairs: Vec<[T; 2]> = pairs.into_iter().collect::<Result<_>>()?;
    Ok(pairs.into_iter().flatten().collect())
}

/// A figure with the wider of two intervals around it, at both ends.
pub fn wider(figure: Estimate, other: Estimate) -> Estimate {
    Estimate { lo: figure.lo.min(other.lo), hi: figure.hi.max(other.hi), ..figure }
}

/// What decides where only the seeds' chance stands in the way.
pub fn more_seeds() -> Text {
    Text::new("more seeds (`--seeds N`)", "更多随机种子(`--seeds N`)")
}

/// What helps where a number is missing.
pub fn other_seeds() -> Text {
    Text::new("other seeds (`--seed N`, `--seeds N`)", "更换随机种子(`--seed N`、`--seeds N`)")
}

/// σ as tables and charts name it.
pub fn sigma_name(sigma: Activation) -> Text {
    match sigma {
        Activation::Identity => Text::new("identity", "恒等"),
        Activation::Relu => Text::same("ReLU"),
        other => Text::same(other.name()),
    }
}

#[cfg(test)]
mod tests {
    use corpus::{Corpus, CorpusOptions};

    use super::*;
    use crate::progress::Bar;
    use crate::registry::Preset;

    fn corpus() -> Corpus {
        let part = |n: usize| (0..n).map(|i| format!("a b c{} a", i % 7)).collect();
        let parts = [part(200), part(40), part(40)];
        Corpus::from_sentences("toy", &parts, "made up".into(), CorpusOptions::default())
    }

    #[test]
    fn rare_words_become_unknown_and_stretches_are_spread_over_the_text() {
        let (corpus, bar) = (corpus(), Bar::new("test"));
        let lab = Lab { corpus: &corpus, preset: Preset::Quick, seed: 1, seeds: None, bar: &bar };
        let few = FewWords::of(&lab, 5, 100);
        assert_eq!((few.vocab.len(), few.train.targets()), (5, 100));
        let unknown = few.train.flat().iter().filter(|id| **id == few.vocab.unk()).count();
        assert!((14..=20).contains(&unknown), "{unknown} of 20 words in the third place");
        let stretches = few.stretches(3, 10).unwrap();
        assert_eq!(stretches.len(), 3);
        for stretch in &stretches {
            assert_eq!(stretch.inputs[1..], stretch.targets[..9]);
        }
        let last = few.valid.flat()[few.valid.targets() - 1].0;
        assert_eq!(stretches[2].last_target(), last, "the last stretch ends the text");
        let error = few.stretches(1, 10_000).err().unwrap().to_string();
        assert!(error.contains("10001 are read in one piece"), "{error}");
    }

    #[test]
    fn a_run_without_brakes_is_counted_as_diverged() {
        let (corpus, bar) = (corpus(), Bar::new("test"));
        let lab = Lab { corpus: &corpus, preset: Preset::Quick, seed: 1, seeds: None, bar: &bar };
        let few = FewWords::of(&lab, 100, 1000);
        let at = |lr: f64| {
            let init = Init::Orthogonal(1.0);
            let mut config = one_layer(CellName::Rnn, Activation::Relu, init, 8, 1);
            config.training = Config {
                optimizer: nn::fit::OptimizerName::Sgd,
                lr,
                clip: 0.0,
                recoveries: 0,
                ..config.training
            };
            run(config, few.train_set(), None).unwrap()
        };
        let (calm, wild) = (at(0.1), at(1e6));
        assert!(!calm.diverged && calm.model.is_some() && calm.valid.is_finite());
        assert!(wild.diverged, "{}", wild.valid);
    }
}
