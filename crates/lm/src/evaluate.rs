//! The one evaluator: every perplexity of the suite is made here.
use corpus::{TokenId, Tokens};

use crate::model::{Context, LanguageModel};
use crate::perplexity::Perplexity;

/// ln p of every target of a text, under one model.
#[derive(Clone, Debug)]
pub struct Scores {
    /// ln p, in text order.
    pub log_probs: Vec<f64>,
    /// The context they were scored in.
    pub context: Context,
}

impl Scores {
    /// Scores a text.
    ///
    /// # Panics
    /// If the model returns another number of scores than there are targets, or a NaN: both are bugs.
    pub fn of(model: &dyn LanguageModel, text: &Tokens, context: Context) -> Self {
        let mut log_probs = Vec::with_capacity(text.targets());
        model.score(text, context, &mut log_probs);
        Self::given(log_probs, text, context)
    }

    /// Scores that a model gave by another way than [`LanguageModel::score`].
    ///
    /// # Panics
    /// As [`Scores::of`].
    pub fn given(log_probs: Vec<f64>, text: &Tokens, context: Context) -> Self {
        assert_eq!(log_probs.len(), text.targets(), "one score for every target");
        assert!(!log_probs.iter().any(|l| l.is_nan()), "a log-probability is NaN");
        Self { log_probs, context }
    }

    /// The sums over the whole text.
    pub fn perplexity(&self, text: &Tokens, unk: TokenId) -> Perplexity {
        let mut sums = Perplexity::default();
        for (&log_prob, &target) in self.log_probs.iter().zip(text.flat()) {
            sums.add(log_prob, target == unk);
        }
        sums
    }

    /// One sum a sentence: what the bootstrap draws from.
    pub fn by_sentence(&self, text: &Tokens) -> Vec<Perplexity> {
        (0..text.sentence_count())
            .map(|i| {
                let start = text.sentence_start(i);
                let mut sums = Perplexity::default();
                self.log_probs[start..start + text.sentence(i).len()]
                    .iter()
                    .for_each(|&l| sums.add(l, false));
                sums
            })
            .collect()
    }
}

/// The perplexity of a model on a text; `unk` is counted apart, too.
pub fn evaluate(
    model: &dyn LanguageModel,
    text: &Tokens,
    context: Context,
    unk: TokenId,
) -> Perplexity {
    Scores::of(model, text, context).perplexity(text, unk)
}
