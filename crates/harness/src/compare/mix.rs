//! A mixture of models already scored: its scores follow from theirs.
use std::sync::Arc;
use std::time::Instant;

use corpus::Corpus;
use lm::{
    BucketedMixture, ContextBuckets, LanguageModel, Mixture, Scores, bucketed_log_probs,
    em_bucket_weights, em_weights, mixture_nll,
};

use super::Plan;
use super::contender::{Contender, Fitted, Judged, found, timing_text};
use crate::alloc::Watch;
use crate::machine;
use crate::measure;
use crate::spec::Part;

/// One line: what it is.
pub fn describe(parts: &[Part], bucketed: bool) -> String {
    let names: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
    let by = if bucketed { " in buckets of the context's training count" } else { "" };
    format!("linear interpolation of {}, weights by EM on valid{by}", names.join(", "))
}

/// What EM found.
struct Learnt {
    model: Arc<dyn LanguageModel>,
    valid: Vec<f64>,
    test: Vec<f64>,
    note: String,
}

/// Learns the weights on the validation text and scores both texts.
pub fn mix(
    parts: &[Part],
    bucketed: bool,
    seed: u64,
    before: &[Contender],
    corpus: &Corpus,
    plan: &Plan,
) -> lm::Result<Fitted> {
    let fitted =
        parts.iter().map(|p| found(&p.id, seed, before)).collect::<lm::Result<Vec<&Fitted>>>()?;
    machine::reset_peak_rss();
    let (watch, start) = (Watch::start(), Instant::now());
    let learnt = if bucketed { in_buckets(parts, &fitted, corpus) } else { plain(parts, &fitted) };
    let em_s = start.elapsed().as_secs_f64();
    let train_peak_bytes =
        fitted.iter().map(|f| f.train_peak_bytes).fold(watch.peak_bytes(), u64::max);
    let test_s = fitted.iter().map(|f| f.test_s).sum();
    let head = timing_text(corpus, test_s);
    let scored = |log_probs| Scores { log_probs, context: plan.context };
    Ok(Fitted {
        score_peak_bytes: measure::score(&*learnt.model, &head, plan.context).peak_bytes,
        model: learnt.model,
        notes: vec![learnt.note, format!("training is that of the parts, and {em_s:.2} s of EM")],
        // without its parts there is no mixture: their training counts
        train_s: em_s + fitted.iter().map(|f| f.train_s).sum::<f64>(),
        train_peak_bytes,
        peak_rss_bytes: machine::peak_rss_bytes(),
        file_bytes: fitted.iter().map(|f| f.file_bytes).sum(),
        valid: Judged::new(scored(learnt.valid), &corpus.valid),
        test: Judged::new(scored(learnt.test), &corpus.test),
        test_s,
        activity: None,
        score_tok_s: Vec::new(),
        latency_us: Vec::new(),
    })
}

fn scores<'a>(fitted: &[&'a Fitted], pick: fn(&Fitted) -> &Judged) -> Vec<&'a [f64]> {
    fitted.iter().map(|f| pick(f).scores.log_probs.as_slice()).collect()
}

fn plain(parts: &[Part], fitted: &[&Fitted]) -> Learnt {
    let (valid, test) = (scores(fitted, |f| &f.valid), scores(fitted, |f| &f.test));
    let weights = em_weights(&valid);
    let models = weights.iter().copied().zip(fitted.iter().map(|f| f.model.clone()));
    Learnt {
        model: Arc::new(Mixture::new(models.collect())),
        valid: mixture_nll(&weights, &valid),
        test: mixture_nll(&weights, &test),
        note: sum(parts, &weights),
    }
}

fn in_buckets(parts: &[Part], fitted: &[&Fitted], corpus: &Corpus) -> Learnt {
    let (valid, test) = (scores(fitted, |f| &f.valid), scores(fitted, |f| &f.test));
    let buckets = ContextBuckets::new(&corpus.train, corpus.vocab.len(), corpus.vocab.eos());
    let (of_valid, of_test) = (buckets.of(&corpus.valid), buckets.of(&corpus.test));
    let weights = em_bucket_weights(&valid, &of_valid, lm::PRIOR);
    // the buckets that many validation targets lie in speak for the others
    let mut sizes = vec![0; weights.len()];
    of_valid.iter().for_each(|b| sizes[usize::from(*b)] += 1);
    let large = |b: &usize| sizes[*b] * 16 > of_valid.len();
    let said = (0..weights.len()).filter(large).map(|b| {
        let share = 100.0 * sizes[b] as f64 / of_valid.len() as f64;
        let context = ContextBuckets::describe(b);
        format!("{context} ({share:.0} %): {}", sum(parts, &weights[b]))
    });
    let note = said.collect::<Vec<_>>().join("; ");
    Learnt {
        valid: bucketed_log_probs(&weights, &of_valid, &valid),
        test: bucketed_log_probs(&weights, &of_test, &test),
        note,
        model: Arc::new(BucketedMixture::new(
            fitted.iter().map(|f| f.model.clone()).collect(),
            weights,
            buckets,
        )),
    }
}

/// "0.300 kn5 + 0.700 lstm".
fn sum(parts: &[Part], weights: &[f64]) -> String {
    let one = |(p, w): (&Part, &f64)| format!("{w:.3} {}", p.name);
    parts.iter().zip(weights).map(one).collect::<Vec<_>>().join(" + ")
}
