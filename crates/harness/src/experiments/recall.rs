//! The recall task as an experiment's text: a word is shown, fillers follow, the word is asked for.
//!
//! Small word vectors drown one word among the fillers, large ones saturate a plain tanh network: every network takes the
//! better of two starts, by its validation loss, so that none is judged by a start that suits another.
use anyhow::Result;
use corpus::synth::tasks::{Task, TaskItem};
use corpus::{Corpus, Tokens, TrainSet};
use lm::{LanguageModel, Progress};
use nn::fit::Config;
use nn::schedule::Schedule;
use rnn::{CellName, RnnConfig, RnnModel, RnnRecipe};

use crate::interrupt;
use crate::lab::Lab;

/// Words to choose from.
pub const SYMBOLS: usize = 8;
/// The starts of word vectors and other inputs: uniform in ± this.
const RANGES: [f64; 2] = [0.3, 1.0];
/// Sentences read side by side.
const LANES: usize = 18;
/// Seed of the questions, away from those of the training text.
const ASKED: u64 = 1_000_003;

/// Training text and questions at one lag.
pub struct Recall {
    corpus: Corpus,
    /// As many sentences as fill the lanes: no sentence is cut by a lane's end or by truncation.
    train: Tokens,
    items: Vec<TaskItem>,
    lag: usize,
}

impl Recall {
    /// So many sentences at this lag, split into the three texts.
    pub fn of(lab: &Lab<'_>, lag: usize, sentences: usize) -> Self {
        let task = Task::Recall { lag, symbols: SYMBOLS };
        let corpus = task.corpus(lab.seed, sentences);
        let whole = corpus.train.sentence_count() / LANES * LANES;
        let train = corpus.train.head(whole);
        Self { train, items: task.items(ASKED, lab.size(60, 200, 1_000)), corpus, lag }
    }

    /// Accuracy without memory.
    pub fn chance() -> f64 {
        Task::Recall { lag: 1, symbols: SYMBOLS }.chance()
    }

    /// What a recipe sees of it.
    pub fn train_set(&self) -> TrainSet<'_> {
        TrainSet { vocab: &self.corpus.vocab, train: &self.train, valid: &self.corpus.valid }
    }

    /// Units of its networks.
    pub fn hidden(lab: &Lab<'_>) -> usize {
        lab.size(16, 32, 32)
    }

    /// A network for it: whole sentences in every back-propagation, the state from zero at each.
    pub fn network(&self, lab: &Lab<'_>, cell: CellName, seed: u64) -> RnnConfig {
        let sentence = self.lag + 3;
        RnnConfig {
            cell,
            emsize: 16,
            nhid: Self::hidden(lab),
            dropout: 0.0,
            batch_size: LANES,
            bptt: sentence * (70 / sentence).max(1),
            reset: true,
            seed,
            training: Config {
                epochs: lab.size(1, 16, 20),
                lr: 1e-2,
                schedule: Schedule::Cosine { warmup: 0.0, floor: 0.05 },
                ..Config::default()
            },
            ..RnnConfig::default()
        }
    }

    /// Trains from each of the starts and asks the one with the better validation loss: the share of right answers, 0 where
    /// every run left the numbers.
    ///
    /// # Errors
    /// Every other error of training.
    pub fn accuracy(&self, network: &RnnConfig) -> Result<f64> {
        let mut best: Option<(f64, RnnModel)> = None;
        for init_range in RANGES {
            let mut valid = f64::INFINITY;
            let mut log = |progress: Progress| {
                if let Progress::Point(point) = progress {
                    valid = valid.min(point.valid_nll);
                }
                interrupt::flow()
            };
            let recipe = RnnRecipe::new(RnnConfig { init_range, ..network.clone() });
            match recipe.train_model(self.train_set(), &mut log) {
                Ok((model, _)) if best.as_ref().is_none_or(|(least, _)| valid < *least) => {
                    best = Some((valid, model));
                }
                Ok(_) | Err(lm::Error::Diverged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(best.map_or(0.0, |(_, model)| self.ask(&model)))
    }

    /// The share of the questions that a model answers right.
    pub fn ask(&self, model: &dyn LanguageModel) -> f64 {
        let (vocab, mut out) = (&self.corpus.vocab, vec![0.0; model.vocab_len()]);
        let answers = self.items.iter().flat_map(|item| item.asked.iter().map(move |q| (item, q)));
        let right = answers
            .filter(|(item, asked)| {
                let mut reader = model.reader();
                item.words[..asked.at].iter().for_each(|word| reader.feed(vocab.id(word)));
                reader.log_probs(&mut out);
                let of = |word: &str| out[vocab.id(word).index()];
                asked.wrong.iter().all(|wrong| of(wrong) < of(&item.words[asked.at]))
            })
            .count();
        right as f64 / self.items.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use lm::Recipe;
    use ngram::{NgramRecipe, Smoothing};

    use super::*;
    use crate::progress::Bar;
    use crate::registry::Preset;

    /// Counts answer where the order reaches back to the word, and guess one word short of it.
    #[test]
    fn an_n_gram_answers_as_far_as_its_order() {
        let parts = [40, 10, 10].map(|n| vec!["a b".to_owned(); n]);
        let options = corpus::CorpusOptions::default();
        let (corpus, bar) =
            (Corpus::from_sentences("toy", &parts, "made".into(), options), Bar::new("test"));
        let lab = Lab { corpus: &corpus, preset: Preset::Quick, seed: 1, seeds: None, bar: &bar };
        let accuracy = |lag: usize| {
            let recall = Recall::of(&lab, lag, 400);
            assert_eq!(
                recall.train.targets() % (LANES * (lag + 3)),
                0,
                "lanes hold whole sentences"
            );
            let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, 5);
            recall.ask(&*recipe.train(recall.train_set(), &mut lm::silent).unwrap().model)
        };
        assert!(accuracy(3) > 0.9, "{}", accuracy(3));
        assert!(accuracy(4) < 0.4, "{}", accuracy(4));
    }
}
