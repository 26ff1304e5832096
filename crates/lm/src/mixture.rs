//! Linear interpolation `p(w | h) = Σ_i λ_i p_i(w | h)` (Jelinek & Mercer 1980), weights by EM on validation text.
use std::path::Path;
use std::sync::Arc;

use corpus::{TokenId, Tokens, Vocab};

use crate::error::{Error, Result};
use crate::model::{Context, Footprint, LanguageModel, Reader};

/// Models and their weights.
pub struct Mixture {
    parts: Vec<(f64, Arc<dyn LanguageModel>)>,
}

impl Mixture {
    /// # Panics
    /// Unless there is a part, all have one vocabulary, and the weights are a distribution.
    pub fn new(parts: Vec<(f64, Arc<dyn LanguageModel>)>) -> Self {
        let sum: f64 = parts.iter().map(|(weight, _)| weight).sum();
        assert!(
            (sum - 1.0).abs() < 1e-9 && parts.iter().all(|(w, _)| *w >= 0.0),
            "weights must be a distribution"
        );
        assert!(
            parts.windows(2).all(|p| p[0].1.vocab_len() == p[1].1.vocab_len()),
            "one vocabulary"
        );
        Self { parts }
    }

    /// The weights in order.
    pub fn weights(&self) -> impl Iterator<Item = f64> + '_ {
        self.parts.iter().map(|(weight, _)| *weight)
    }
}

impl LanguageModel for Mixture {
    fn vocab_len(&self) -> usize {
        self.parts[0].1.vocab_len()
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        let readers = self.parts.iter().map(|(weight, model)| (*weight, model.reader())).collect();
        Box::new(MixtureReader { readers, one: vec![0.0; self.vocab_len()] })
    }

    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        out.clear();
        out.resize(text.targets(), 0.0);
        let mut part = Vec::new();
        for (weight, model) in &self.parts {
            model.score(text, context, &mut part);
            out.iter_mut().zip(&part).for_each(|(sum, l)| *sum += weight * l.exp());
        }
        out.iter_mut().for_each(|p| *p = p.ln());
    }

    fn footprint(&self) -> Footprint {
        total(self.parts.iter().map(|(_, model)| model))
    }

    fn save(&self, _: &Path, _: &Vocab) -> Result<()> {
        Err(Error::NotSaved { what: "mixture" })
    }
}

/// What models store together.
pub(crate) fn total<'a>(parts: impl Iterator<Item = &'a Arc<dyn LanguageModel>>) -> Footprint {
    parts.map(|model| model.footprint()).fold(Footprint::default(), |a, b| Footprint {
        params: a.params + b.params,
        bytes: a.bytes + b.bytes,
        zero: a.zero + b.zero,
        negligible: a.negligible + b.negligible,
    })
}

struct MixtureReader<'a> {
    readers: Vec<(f64, Box<dyn Reader + 'a>)>,
    one: Vec<f64>,
}

impl Reader for MixtureReader<'_> {
    fn feed(&mut self, token: TokenId) {
        self.readers.iter_mut().for_each(|(_, reader)| reader.feed(token));
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        out.fill(0.0);
        for (weight, reader) in &mut self.readers {
            reader.log_probs(&mut self.one);
            out.iter_mut().zip(&self.one).for_each(|(sum, l)| *sum += *weight * l.exp());
        }
        out.iter_mut().for_each(|p| *p = p.ln());
    }

    fn log_prob(&mut self, token: TokenId, scratch: &mut [f64]) -> f64 {
        self.readers
            .iter_mut()
            .map(|(weight, reader)| *weight * reader.log_prob(token, scratch).exp())
            .sum::<f64>()
            .ln()
    }
}

/// Weights that maximise the likelihood of a text whose scores under each part are given
/// (Dempster, Laird & Rubin 1977): `λ_i ← mean over t of λ_i p_i / Σ_j λ_j p_j`, from equal weights, until the mean
/// log-likelihood gains less than 1e-9 nats.
///
/// # Panics
/// Unless there is a part and all have scores of the same text.
pub fn em_weights(scores: &[&[f64]]) -> Vec<f64> {
    let targets = scores[0].len();
    assert!(scores.iter().all(|s| s.len() == targets), "scores of one text");
    let rows: Vec<f64> =
        (0..targets).flat_map(|t| scores.iter().map(move |s| s[t].exp())).collect();
    em_towards(&vec![1.0 / scores.len() as f64; scores.len()], 0.0, &rows)
}

/// EM from the weights `centre`, and towards them as if `prior` more targets had been seen that say just that:
/// `λ_i ← (Σ_t λ_i p_i / Σ_j λ_j p_j + prior · centre_i) / (targets + prior)`; `rows` holds every target's probability under
/// each part. Targets that no part gives a probability say nothing.
pub(crate) fn em_towards(centre: &[f64], prior: f64, rows: &[f64]) -> Vec<f64> {
    let mut weights = centre.to_vec();
    let mut before = f64::NEG_INFINITY;
    let mut sums = vec![0.0; centre.len()];
    for _ in 0..1_000 {
        let (mut objective, mut counted) = (0.0, 0.0);
        sums.fill(0.0);
        for row in rows.chunks_exact(centre.len()) {
            let p: f64 = weights.iter().zip(row).map(|(w, p)| w * p).sum();
            if p > 0.0 {
                let shares = weights.iter().zip(row).map(|(w, q)| w * q / p);
                sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
                objective += p.ln();
                counted += 1.0;
            }
        }
        let pull = |(c, w): (&f64, &f64)| if prior * c > 0.0 { prior * c * w.ln() } else { 0.0 };
        objective += centre.iter().zip(&weights).map(pull).sum::<f64>();
        if counted + prior == 0.0 || objective - before < 1e-9 * (counted + prior) {
            break;
        }
        before = objective;
        for (weight, (sum, c)) in weights.iter_mut().zip(sums.iter().zip(centre)) {
            *weight = (sum + prior * c) / (counted + prior);
        }
        // rounding: weights that sum to one to the last bit but one
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
    }
    weights
}

/// ln of the mixture's probability of every target, from the parts' scores.
pub fn mixture_nll(weights: &[f64], scores: &[&[f64]]) -> Vec<f64> {
    (0..scores[0].len())
        .map(|t| weights.iter().zip(scores).map(|(w, s)| w * s[t].exp()).sum::<f64>().ln())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Uniform, Unigram, conformance};

    #[test]
    fn em_finds_the_share_of_each_part() {
        // Two thirds of the targets are certain under a, one third under b.
        let (yes, no) = (0f64, f64::NEG_INFINITY);
        let weights = em_weights(&[&[yes, yes, no], &[no, no, yes]]);
        assert!((weights[0] - 2.0 / 3.0).abs() < 1e-9, "{weights:?}");
    }

    #[test]
    fn em_meets_a_grid_search() {
        let a: Vec<f64> = (0..200).map(|i| -1.0 - (i * 37 % 11) as f64 * 0.3).collect();
        let b: Vec<f64> = (0..200).map(|i| -1.0 - (i * 53 % 13) as f64 * 0.25).collect();
        let mean = |w: f64| mixture_nll(&[w, 1.0 - w], &[&a, &b]).iter().sum::<f64>();
        let grid = (1..1000)
            .map(|i| i as f64 / 1000.0)
            .max_by(|x, y| mean(*x).total_cmp(&mean(*y)))
            .unwrap();
        assert!((em_weights(&[&a, &b])[0] - grid).abs() < 2e-3);
    }

    #[test]
    fn a_mixture_is_a_model() {
        let (a, b): (Arc<dyn LanguageModel>, Arc<dyn LanguageModel>) =
            (Arc::new(Uniform { vocab_len: 3 }), Arc::new(Unigram::from_counts(&[5, 1, 2])));
        let mixture = Mixture::new(vec![(0.25, a), (0.75, b)]);
        let mut text = Tokens::default();
        text.push_sentence(&[0, 1, 2, 2].map(TokenId), 1);
        conformance::check(&mixture, &text);
    }
}
