//! Baselines: the uniform distribution, which scores |V| by definition, and relative word frequencies.
use std::path::Path;

use corpus::{TokenId, Tokens, TrainSet, Vocab};

use crate::error::{Error, Result};
use crate::model::{Context, Footprint, LanguageModel, Reader};
use crate::recipe::{Family, Log, Recipe, Trained};

/// p(w) = 1/|V|.
#[derive(Clone, Copy, Debug)]
pub struct Uniform {
    /// |V|.
    pub vocab_len: usize,
}

impl LanguageModel for Uniform {
    fn vocab_len(&self) -> usize {
        self.vocab_len
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(*self)
    }

    fn score(&self, text: &Tokens, _: Context, out: &mut Vec<f64>) {
        out.clear();
        out.resize(text.targets(), -(self.vocab_len as f64).ln());
    }

    fn order(&self) -> Option<usize> {
        Some(1)
    }

    fn footprint(&self) -> Footprint {
        Footprint { params: 0, bytes: size_of::<Self>() as u64, ..Footprint::default() }
    }

    fn save(&self, _: &Path, _: &Vocab) -> Result<()> {
        Err(Error::NotSaved { what: "uniform distribution" })
    }
}

impl Reader for Uniform {
    fn feed(&mut self, _: TokenId) {}

    fn log_probs(&mut self, out: &mut [f64]) {
        out.fill(-(self.vocab_len as f64).ln());
    }
}

/// p(w) = (count(w) + 1) / Σ (count + 1): relative frequency with one added, so that no word is impossible.
#[derive(Clone, Debug)]
pub struct Unigram {
    log_probs: Vec<f64>,
}

impl Unigram {
    /// From the training counts in id order.
    pub fn from_counts(counts: &[u64]) -> Self {
        let total: u64 = counts.iter().map(|c| c + 1).sum();
        let log_total = (total as f64).ln();
        Self { log_probs: counts.iter().map(|&c| ((c + 1) as f64).ln() - log_total).collect() }
    }
}

impl LanguageModel for Unigram {
    fn vocab_len(&self) -> usize {
        self.log_probs.len()
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(UnigramReader(self))
    }

    fn score(&self, text: &Tokens, _: Context, out: &mut Vec<f64>) {
        out.clear();
        out.extend(text.flat().iter().map(|t| self.log_probs[t.index()]));
    }

    fn order(&self) -> Option<usize> {
        Some(1)
    }

    fn footprint(&self) -> Footprint {
        let params = self.log_probs.len() as u64;
        Footprint { params, bytes: params * size_of::<f64>() as u64, ..Footprint::default() }
    }

    fn save(&self, _: &Path, _: &Vocab) -> Result<()> {
        Err(Error::NotSaved { what: "unigram baseline (use `train ngram --order 1`)" })
    }
}

struct UnigramReader<'a>(&'a Unigram);

impl Reader for UnigramReader<'_> {
    fn feed(&mut self, _: TokenId) {}

    fn log_probs(&mut self, out: &mut [f64]) {
        out.copy_from_slice(&self.0.log_probs);
    }
}

/// Trains [`Uniform`].
#[derive(Clone, Copy, Debug)]
pub struct UniformRecipe;

impl Recipe for UniformRecipe {
    fn id(&self) -> String {
        "uniform".into()
    }

    fn family(&self) -> Family {
        Family::Baseline
    }

    fn describe(&self) -> String {
        "every word equally likely: perplexity = |V|".into()
    }

    fn train(&self, data: TrainSet<'_>, _: &mut Log<'_>) -> Result<Trained> {
        Ok(Trained::plain(Uniform { vocab_len: data.vocab.len() }))
    }
}

/// Trains [`Unigram`].
#[derive(Clone, Copy, Debug)]
pub struct UnigramRecipe;

impl Recipe for UnigramRecipe {
    fn id(&self) -> String {
        "unigram".into()
    }

    fn family(&self) -> Family {
        Family::Baseline
    }

    fn describe(&self) -> String {
        "relative word frequency, one added: no context at all".into()
    }

    fn train(&self, data: TrainSet<'_>, _: &mut Log<'_>) -> Result<Trained> {
        let mut counts = vec![0; data.vocab.len()];
        data.train.flat().iter().for_each(|t| counts[t.index()] += 1);
        Ok(Trained::plain(Unigram::from_counts(&counts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conformance, evaluate};

    #[test]
    fn uniform_scores_the_vocabulary() {
        for v in [2usize, 3, 10, 9_999] {
            let mut text = Tokens::default();
            text.push_sentence(
                &(0..500).map(|i| TokenId((i * 7 % v) as u32)).collect::<Vec<_>>(),
                1,
            );
            let model = Uniform { vocab_len: v };
            let ppl = evaluate(&model, &text, Context::Stream, TokenId(0)).perplexity();
            assert!((ppl / v as f64 - 1.0).abs() < 1e-12, "{v}: {ppl}");
            conformance::check(&model, &text);
        }
    }

    #[test]
    fn unigram_by_hand() {
        let model = Unigram::from_counts(&[3, 0, 1]);
        let mut text = Tokens::default();
        text.push_sentence(&[TokenId(0), TokenId(1), TokenId(2)], 1);
        let mut out = Vec::new();
        model.score(&text, Context::Sentence, &mut out);
        let expected = [4.0 / 7.0, 1.0 / 7.0, 2.0 / 7.0f64];
        out.iter().zip(expected).for_each(|(o, e)| assert!((o - e.ln()).abs() < 1e-15));
        conformance::check(&model, &text);
    }
}
