//! A mixture whose weights depend on how well the training text knows the context (Jelinek & Mercer 1980):
//! `p(w | h) = Σ_i λ_i(b(h)) p_i(w | h)`.
//!
//! The bucket b(h) is ⌊log₂(1 + c)⌋, c being how often the previous two words stand side by side in the training text; where
//! they never do, the same of the previous word alone, in buckets of their own. A sentence starts at `<s> <s>`. The weights
//! look at the context only, so that a mixture of distributions is one.
//!
//! Each bucket's weights are learnt by EM on the validation text with a Dirichlet prior at the weights of all buckets
//! together: λ_i ← (Σ_t γ_ti + κ λ⁰_i) / (n + κ), as if κ more targets had been seen that say what all say. A bucket with few
//! targets stays near λ⁰, and none is worse on the text learnt from than with λ⁰.
use std::path::Path;
use std::sync::Arc;

use corpus::{TokenId, Tokens, Vocab};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::mixture::{em_towards, em_weights, total};
use crate::model::{Context, Footprint, LanguageModel, Reader};

/// κ: the weight of the prior, in targets. How it was chosen: METHODOLOGY.md.
pub const PRIOR: f64 = 20.0;

/// Buckets of the contexts whose last two words were never seen together; as many again for those that were.
const LEVELS: usize = 33;

/// What the training text knows of contexts.
#[derive(Clone, Debug)]
pub struct ContextBuckets {
    /// How often two words stand side by side inside `<s> <s> w1 … wn`.
    pairs: HashMap<u64, u32, FixedState>,
    /// How often a word stands in the text.
    words: Vec<u32>,
    /// `</s>`, which stands for `<s>` in contexts.
    eos: TokenId,
}

impl ContextBuckets {
    /// How many buckets there are.
    pub const LEN: usize = 2 * LEVELS;

    /// Counts the contexts of a training text.
    pub fn new(train: &Tokens, vocab_len: usize, eos: TokenId) -> Self {
        let mut pairs: HashMap<u64, u32, FixedState> = HashMap::default();
        let mut words = vec![0; vocab_len];
        for_contexts(train, eos, |context| *pairs.entry(key(context)).or_default() += 1);
        train.flat().iter().for_each(|t| words[t.index()] += 1);
        Self { pairs, words, eos }
    }

    /// The bucket of every target of a text.
    pub fn of(&self, text: &Tokens) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.targets());
        for_contexts(text, self.eos, |context| out.push(self.bucket(context)));
        out
    }

    /// The contexts of a bucket in words.
    pub fn describe(bucket: usize) -> String {
        let range = |level: u32| match level {
            0 => "never".to_owned(),
            1 => "once or twice".to_owned(),
            _ => format!("{} to {} times", (1u64 << level) - 1, (2u64 << level) - 2),
        };
        match bucket.checked_sub(LEVELS) {
            Some(level) => format!("last two words seen {}", range(level as u32)),
            None => format!("never together, the last word {}", range(bucket as u32)),
        }
    }

    /// Bytes in memory.
    fn bytes(&self) -> u64 {
        (self.pairs.allocation_size() + self.words.len() * size_of::<u32>()) as u64
    }

    fn bucket(&self, context: [TokenId; 2]) -> u8 {
        let level = |count: u32| (u64::from(count) + 1).ilog2() as usize;
        let bucket = match self.pairs.get(&key(context)) {
            Some(&count) => LEVELS + level(count),
            None => level(self.words[context[1].index()]),
        };
        bucket as u8
    }
}

fn key([a, b]: [TokenId; 2]) -> u64 {
    u64::from(a.0) << 32 | u64::from(b.0)
}

/// Calls `each` with the last two words before every target.
fn for_contexts(text: &Tokens, eos: TokenId, mut each: impl FnMut([TokenId; 2])) {
    for sentence in text.sentences() {
        let mut context = [eos; 2];
        for &token in sentence {
            each(context);
            context = [context[1], token];
        }
    }
}

/// Weights for every bucket, from the scores of the parts on a text and the bucket of each of its targets.
///
/// # Panics
/// Unless there is a part and all have scores of the same text.
pub fn em_bucket_weights(scores: &[&[f64]], bucket_of: &[u8], prior: f64) -> Vec<Vec<f64>> {
    assert!(scores.iter().all(|s| s.len() == bucket_of.len()), "scores of one text");
    let all = em_weights(scores);
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); ContextBuckets::LEN];
    for (t, &bucket) in bucket_of.iter().enumerate() {
        rows[usize::from(bucket)].extend(scores.iter().map(|s| s[t].exp()));
    }
    rows.par_iter().map(|rows| em_towards(&all, prior, rows)).collect()
}

/// ln of the mixture's probability of every target, from the parts' scores and the targets' buckets.
// eq: bucketed
pub fn bucketed_log_probs(weights: &[Vec<f64>], bucket_of: &[u8], scores: &[&[f64]]) -> Vec<f64> {
    let one = |(t, &bucket): (usize, &u8)| {
        let weights = weights[usize::from(bucket)].iter();
        weights.zip(scores).map(|(w, s)| w * s[t].exp()).sum::<f64>().ln()
    };
    bucket_of.iter().enumerate().map(one).collect()
}

/// Models, their weights in every bucket, and the buckets.
pub struct BucketedMixture {
    parts: Vec<Arc<dyn LanguageModel>>,
    weights: Vec<Vec<f64>>,
    buckets: ContextBuckets,
}

impl BucketedMixture {
    /// # Panics
    /// Unless there is a part, all have one vocabulary, and every bucket's weights are a distribution over them.
    pub fn new(
        parts: Vec<Arc<dyn LanguageModel>>,
        weights: Vec<Vec<f64>>,
        buckets: ContextBuckets,
    ) -> Self {
        let distribution = |w: &Vec<f64>| {
            let sum: f64 = w.iter().sum();
            w.len() == parts.len() && (sum - 1.0).abs() < 1e-9 && w.iter().all(|w| *w >= 0.0)
        };
        assert!(
            weights.len() == ContextBuckets::LEN && weights.iter().all(distribution),
            "weights must be a distribution in every bucket"
        );
        let vocab = buckets.words.len();
        assert!(
            !parts.is_empty() && parts.iter().all(|p| p.vocab_len() == vocab),
            "one vocabulary"
        );
        Self { parts, weights, buckets }
    }
}

impl LanguageModel for BucketedMixture {
    fn vocab_len(&self) -> usize {
        self.buckets.words.len()
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(BucketedReader {
            mixture: self,
            readers: self.parts.iter().map(|part| part.reader()).collect(),
            context: [self.buckets.eos; 2],
            one: vec![0.0; self.vocab_len()],
        })
    }

    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        let bucket_of = self.buckets.of(text);
        out.clear();
        out.resize(text.targets(), 0.0);
        let mut part = Vec::new();
        for (i, model) in self.parts.iter().enumerate() {
            model.score(text, context, &mut part);
            for ((sum, l), &bucket) in out.iter_mut().zip(&part).zip(&bucket_of) {
                *sum += self.weights[usize::from(bucket)][i] * l.exp();
            }
        }
        out.iter_mut().for_each(|p| *p = p.ln());
    }

    fn footprint(&self) -> Footprint {
        let mut sum = total(self.parts.iter());
        sum.bytes += self.buckets.bytes();
        sum
    }

    fn save(&self, _: &Path, _: &Vocab) -> Result<()> {
        Err(Error::NotSaved { what: "mixture" })
    }
}

struct BucketedReader<'a> {
    mixture: &'a BucketedMixture,
    readers: Vec<Box<dyn Reader + 'a>>,
    context: [TokenId; 2],
    one: Vec<f64>,
}

impl BucketedReader<'_> {
    fn weights(&self) -> std::slice::Iter<'_, f64> {
        let mixture = &self.mixture;
        mixture.weights[usize::from(mixture.buckets.bucket(self.context))].iter()
    }
}

impl Reader for BucketedReader<'_> {
    fn feed(&mut self, token: TokenId) {
        self.readers.iter_mut().for_each(|reader| reader.feed(token));
        let eos = self.mixture.buckets.eos;
        self.context = if token == eos { [eos; 2] } else { [self.context[1], token] };
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        out.fill(0.0);
        let weights: Vec<f64> = self.weights().copied().collect();
        for (weight, reader) in weights.iter().zip(&mut self.readers) {
            reader.log_probs(&mut self.one);
            out.iter_mut().zip(&self.one).for_each(|(sum, l)| *sum += weight * l.exp());
        }
        out.iter_mut().for_each(|p| *p = p.ln());
    }

    fn log_prob(&mut self, token: TokenId, scratch: &mut [f64]) -> f64 {
        let weights: Vec<f64> = self.weights().copied().collect();
        let parts = weights.iter().zip(&mut self.readers);
        parts.map(|(w, reader)| w * reader.log_prob(token, scratch).exp()).sum::<f64>().ln()
    }
}

#[cfg(test)]
mod tests;
