//! What the experiments share: the sizes of their runs, training, scoring, paired ratios.
use anyhow::Result;
use corpus::{Tokens, TrainSet};
use lm::{Context, Family, LanguageModel, Perplexity, Recipe, Resampled, Scores};
use nn::fit::Config;
use nn::softmax::SoftmaxName;
use rnn::{CellName, RnnConfig};
use std::sync::Arc;
use window::WindowConfig;

use crate::lab::{Estimate, Lab, Text, Trial};
use crate::presets;

/// The texts of the neural experiments: heads of the corpus's, so that dozens of runs fit a short form.
pub struct Texts {
    /// To train on.
    pub train: Tokens,
    /// To choose on.
    pub valid: Tokens,
    /// To judge on.
    pub test: Tokens,
}

impl Texts {
    /// Those of the preset: 20,000, 100,000 or all training tokens.
    pub fn of(lab: &Lab<'_>) -> Self {
        let corpus = lab.corpus;
        Self {
            train: head(&corpus.train, lab.size(20_000, 100_000, usize::MAX)),
            valid: head(&corpus.valid, lab.size(2_000, 5_000, usize::MAX)),
            test: head(&corpus.test, lab.size(4_000, 20_000, usize::MAX)),
        }
    }

    /// What a recipe sees of them.
    pub fn train_set<'a>(&'a self, lab: &'a Lab<'_>) -> TrainSet<'a> {
        TrainSet { vocab: &lab.corpus.vocab, train: &self.train, valid: &self.valid }
    }
}

/// The first sentences of a text that together have at most so many tokens (one sentence at least).
pub fn head(text: &Tokens, most: usize) -> Tokens {
    let within = (0..text.sentence_count())
        .take_while(|&i| i == 0 || text.sentence_start(i) + text.sentence(i).len() <= most);
    text.head(within.count())
}

/// How the small networks of the experiments are trained.
fn training(lab: &Lab<'_>) -> Config {
    Config { epochs: lab.size(1, 3, 2), lr: 4e-3, ..Config::default() }
}

/// How the networks normalise: dozens of them are trained, for which the full softmax would take four times as long. The quick
/// form's few words are not worth cutting.
pub fn softmax(lab: &Lab<'_>) -> SoftmaxName {
    lab.size(SoftmaxName::Full, SoftmaxName::Adaptive, SoftmaxName::Adaptive)
}

/// A fixed-window network of the experiments' size.
pub fn window(lab: &Lab<'_>, seed: u64) -> WindowConfig {
    let full = presets::window(&lab.setting(seed)).expect("the embedded recipes are tested");
    let size = lab.size(24, 64, full.nhid);
    let (emsize, dropout) = (lab.size(24, 48, 100), lab.size(0.0, 0.0, full.dropout));
    WindowConfig {
        emsize,
        nhid: size,
        dropout,
        softmax: softmax(lab),
        batch_size: lab.size(200, 200, 500),
        seed,
        training: training(lab),
        ..WindowConfig::default()
    }
}

/// A recurrent network of the experiments' size.
pub fn recurrent(lab: &Lab<'_>, cell: CellName, seed: u64) -> RnnConfig {
    let full =
        presets::recurrent(cell, &lab.setting(seed)).expect("the embedded recipes are tested");
    let (nhid, dropout) = (lab.size(24, 64, full.nhid), lab.size(0.0, 0.0, full.dropout));
    RnnConfig {
        cell,
        nhid,
        dropout,
        softmax: softmax(lab),
        batch_size: lab.size(10, 16, 20),
        seed,
        training: training(lab),
        ..RnnConfig::default()
    }
}

/// Heap bytes of training the largest network on this text, and the text's counts.
pub fn bytes(lab: &Lab<'_>) -> u64 {
    let vocab = lab.corpus.vocab.len();
    let networks = [CellName::Rnn, CellName::Gru, CellName::Lstm]
        .map(|c| recurrent(lab, c, 1).training_bytes(vocab));
    let largest = networks.into_iter().max().unwrap_or(0).max(window(lab, 1).training_bytes(vocab));
    largest + count_bytes(lab, 5)
}

/// Heap bytes of counting the training text to an order: twelve bytes an n-gram and as much again to sort them.
pub fn count_bytes(lab: &Lab<'_>, order: usize) -> u64 {
    (lab.corpus.train.targets() * order * 32) as u64
}

/// Trains a model; divergence is an error here.
///
/// # Errors
/// Those of training.
pub fn model(
    lab: &Lab<'_>,
    recipe: &dyn Recipe,
    data: TrainSet<'_>,
) -> Result<Arc<dyn LanguageModel>> {
    match lab.train(recipe, data)? {
        Trial::Trained(model) => Ok(model),
        Trial::Diverged(step) => {
            anyhow::bail!("{} diverged at step {step}; lower its learning rate", recipe.id())
        }
    }
}

/// Scores in one stream.
pub fn scores(model: &dyn LanguageModel, text: &Tokens) -> Scores {
    Scores::of(model, text, Context::Stream)
}

/// The perplexity of scores.
pub fn perplexity(lab: &Lab<'_>, scores: &Scores, text: &Tokens) -> Perplexity {
    scores.perplexity(text, lab.corpus.vocab.unk())
}

/// Mean loss in nats a token.
pub fn mean_loss(scores: &Scores) -> f64 {
    -scores.log_probs.iter().sum::<f64>() / scores.log_probs.len() as f64
}

/// Perplexity of a over that of b with the paired bootstrap's interval.
pub fn ratio(a: &Scores, b: &Scores, text: &Tokens) -> Estimate {
    const BOOTSTRAP_SEED: u64 = 1;
    let resampled = |s: &Scores| Resampled::of(s, text, BOOTSTRAP_SEED);
    let (interval, _) = resampled(a).against(&resampled(b));
    Estimate {
        value: Perplexity::of_mean_nll(mean_loss(a) - mean_loss(b)),
        lo: interval.lo,
        hi: interval.hi,
    }
}

/// What a family is called in charts.
pub fn family(family: Family) -> Text {
    match family {
        Family::Ngram => Text::same("n-gram"),
        Family::Window => Text::new("window", "固定窗口"),
        Family::Rnn => Text::same("RNN"),
        Family::Gru => Text::same("GRU"),
        Family::Lstm => Text::same("LSTM"),
        Family::Oracle => Text::new("true distribution", "真实分布"),
        Family::Baseline => Text::new("baseline", "基线"),
        Family::Mixture => Text::new("mixture", "混合"),
        Family::Adaptive => Text::new("adaptive", "自适应"),
    }
}

/// A percentage.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Figures in a row.
pub fn number_list(values: &[f64]) -> String {
    values.iter().map(|v| crate::lab::number(*v)).collect::<Vec<_>>().join(", ")
}
