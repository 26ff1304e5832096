//! The recall task as an experiment's text: a word is shown, fillers follow, the word is asked for.
use anyhow::Result;
use corpus::synth::tasks::{Task, TaskItem};
use corpus::{Corpus, Tokens, TrainSet};
use lm::{LanguageModel, Recipe};
use nn::activation::Activation;
use nn::fit::Config;
use nn::schedule::Schedule;
use rnn::{CellName, Init, RnnConfig};

use crate::interrupt;
use crate::lab::Lab;

/// Words to choose from.
pub const SYMBOLS: usize = 8;
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
    /// At this lag, of the size of the preset.
    pub fn of(lab: &Lab<'_>, lag: usize) -> Self {
        let task = Task::Recall { lag, symbols: SYMBOLS };
        let corpus = task.corpus(lab.seed, lab.size(400, 4_000, 20_000));
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

    /// Questions.
    pub fn asked(&self) -> usize {
        self.items.len()
    }

    /// A network for it: whole sentences in every back-propagation, the state from zero at each.
    pub fn network(&self, lab: &Lab<'_>, cell: CellName, seed: u64) -> RnnConfig {
        let sentence = self.lag + 3;
        RnnConfig {
            cell,
            sigma: Activation::Tanh,
            init: Init::Orthogonal(1.0),
            emsize: 16,
            nhid: lab.size(16, 32, 64),
            // Small word vectors would drown one word among the fillers before training finds it.
            init_range: 1.0,
            dropout: 0.0,
            batch_size: LANES,
            bptt: sentence * (70 / sentence).max(1),
            reset: true,
            seed,
            training: Config {
                epochs: lab.size(2, 16, 60),
                lr: 1e-2,
                schedule: Schedule::Cosine { warmup: 0.0, floor: 0.05 },
                ..Config::default()
            },
            ..RnnConfig::default()
        }
    }

    /// Trains and asks: how many of the questions are answered right; `None` where training left the numbers.
    ///
    /// # Errors
    /// Every other error of training.
    pub fn right(&self, recipe: &dyn Recipe) -> Result<Option<usize>> {
        match recipe.train(self.train_set(), &mut |_| interrupt::flow()) {
            Ok(trained) => Ok(Some(self.ask(&*trained.model))),
            Err(lm::Error::Diverged { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// How many of the questions a model answers right.
    pub fn ask(&self, model: &dyn LanguageModel) -> usize {
        let (vocab, mut out) = (&self.corpus.vocab, vec![0.0; model.vocab_len()]);
        let answers = self.items.iter().flat_map(|item| item.asked.iter().map(move |q| (item, q)));
        answers
            .filter(|(item, asked)| {
                let mut reader = model.reader();
                item.words[..asked.at].iter().for_each(|word| reader.feed(vocab.id(word)));
                reader.log_probs(&mut out);
                let of = |word: &str| out[vocab.id(word).index()];
                asked.wrong.iter().all(|wrong| of(wrong) < of(&item.words[asked.at]))
            })
            .count()
    }
}
