//! From measured models to rows.
use corpus::{Corpus, Tokens};
use lm::{Family, Perplexity};

use super::contender::{Contender, Fitted, Judged};
use super::{Plan, buckets};
use crate::measure::quantile;
use crate::record::{Curve, Detail, Pair, Record, Results, Run, Status};

/// Everything known so far.
pub fn results(
    run: Run,
    all: &[Contender],
    corpus: &Corpus,
    counts: &buckets::Counts,
    plan: &Plan,
) -> Results {
    let reported: Vec<&Contender> = all.iter().filter(|c| c.reported).collect();
    let record = |c: &&Contender, split: &str| record(&run, c, corpus, counts, plan, split);
    let oracle =
        reported.iter().find(|c| c.family == Family::Oracle).and_then(|c| c.outcome.as_ref().ok());
    Results {
        records: reported.iter().map(|c| record(c, "test")).collect(),
        validation: reported.iter().map(|c| record(c, "valid")).collect(),
        details: reported.iter().map(|c| detail(c, corpus, oracle)).collect(),
        pairs: pairs(&reported, corpus),
        buckets: reported.iter().flat_map(|c| counts.buckets(c)).collect(),
        sparsity: counts.sparsity.clone(),
        curves: reported
            .iter()
            .flat_map(|c| c.curve.iter().map(|p| Curve::new(&c.id, c.seed, p)))
            .collect(),
        run,
    }
}

fn sums(judged: &Judged, text: &Tokens, corpus: &Corpus) -> Perplexity {
    judged.scores.perplexity(text, corpus.vocab.unk())
}

fn record(
    run: &Run,
    c: &Contender,
    corpus: &Corpus,
    counts: &buckets::Counts,
    plan: &Plan,
    split: &str,
) -> Record {
    let text = if split == "test" { &corpus.test } else { &corpus.valid };
    let fitted = c.outcome.as_ref().ok();
    let judged = fitted.map(|f| if split == "test" { &f.test } else { &f.valid });
    let sum = judged.map(|s| sums(s, text, corpus));
    let interval = judged.map(|j| j.resampled.interval());
    let footprint = fitted.map(|f| f.model.footprint());
    let (status, error) = match &c.outcome {
        Ok(_) => (Status::Ok, String::new()),
        Err((status, error)) => (*status, error.clone()),
    };
    let latency = |q| fitted.and_then(|f| quantile(&f.latency_us, q));
    let order = fitted.and_then(|f| f.model.order());
    let unseen =
        |n: usize| counts.sparsity.iter().find(|s| s.order == n).map(|s| s.unseen_token_share);
    Record {
        model: c.id.clone(),
        family: c.family,
        corpus: corpus.name.clone(),
        split: split.into(),
        context: plan.context.to_string(),
        seed: c.seed,
        threads: run.threads,
        tokens: corpus.train.targets() as u64,
        targets: text.targets() as u64,
        nll: sum.map(|s| s.nll),
        perplexity: sum.map(|s| s.perplexity()),
        ppl_lo: interval.map(|i| i.lo),
        ppl_hi: interval.map(|i| i.hi),
        unk_targets: sum.map_or(0, |s| s.unk),
        unk_nll: sum.map(|s| s.unk_nll),
        bits_per_byte: sum.map(|s| s.bits_per_byte(text.bytes())),
        vocab: corpus.vocab.len() as u64,
        params: footprint.map(|f| f.params),
        model_bytes: footprint.map(|f| f.bytes),
        file_bytes: fitted.and_then(|f| f.file_bytes),
        train_peak_bytes: fitted.map(|f| f.train_peak_bytes),
        score_peak_bytes: fitted.map(|f| f.score_peak_bytes),
        train_s: fitted.map(|f| f.train_s),
        train_tok_s: fitted.and_then(|f| train_speed(c, f, corpus)),
        score_tok_s: fitted.and_then(|f| quantile(&f.score_tok_s, 0.5)),
        latency_p50_us: latency(0.5),
        latency_p95_us: latency(0.95),
        latency_p99_us: latency(0.99),
        unseen_share: order.and_then(unseen),
        zero_prob_share: sum.map(|s| s.zero_share()),
        zero_weight_share: footprint
            .filter(|f| f.params > 0)
            .map(|f| f.zero as f64 / f.params as f64),
        status,
        error,
        vocab_sha256: run.vocab_sha256.clone(),
        test_sha256: run.test_sha256.clone(),
        command: run.command.clone(),
        version: run.version.clone(),
    }
}

/// Training tokens a second: every token that training visited (all epochs) over its time. Baselines read no text: their
/// counts are the vocabulary's.
fn train_speed(c: &Contender, fitted: &Fitted, corpus: &Corpus) -> Option<f64> {
    let visited = match c.family {
        Family::Baseline | Family::Mixture | Family::Oracle | Family::Adaptive => return None,
        _ => c.curve.last().map_or(corpus.train.targets() as u64, |p| p.tokens),
    };
    (fitted.train_s > 0.0).then(|| visited as f64 / fitted.train_s)
}

fn detail(c: &Contender, corpus: &Corpus, oracle: Option<&Fitted>) -> Detail {
    let fitted = c.outcome.as_ref().ok();
    let test = fitted.map(|f| sums(&f.test, &corpus.test, corpus));
    let floor = oracle.map(|f| sums(&f.test, &corpus.test, corpus).bits_per_token());
    let footprint = fitted.map(|f| f.model.footprint()).filter(|f| f.params > 0);
    let speeds = fitted.map(|f| f.score_tok_s.as_slice()).unwrap_or_default();
    Detail {
        model: c.id.clone(),
        seed: c.seed,
        description: c.description.clone(),
        normalised: fitted.is_none_or(|f| f.model.normalised()),
        valid_perplexity: fitted.map(|f| sums(&f.valid, &corpus.valid, corpus).perplexity()),
        ppl_without_unk: test.map(|s| s.without_unk()),
        ppl_without_zeros: test.map(|s| s.without_zeros()),
        bits_per_token: test.map(|s| s.bits_per_token()),
        gap_to_oracle_bits: test.zip(floor).map(|(s, floor)| s.bits_per_token() - floor),
        negligible_weight_share: footprint.map(|f| f.negligible as f64 / f.params as f64),
        silent_unit_share: fitted
            .and_then(|f| f.activity)
            .map(|a| a.silent as f64 / a.units as f64),
        peak_rss_bytes: fitted.and_then(|f| f.peak_rss_bytes),
        score_tok_s_min: quantile(speeds, 0.0),
        score_tok_s_max: quantile(speeds, 1.0),
        notes: fitted.map(|f| f.notes.join("; ")).unwrap_or_default(),
    }
}

/// Every two models of one seed (a model without chance meets all seeds).
fn pairs(reported: &[&Contender], corpus: &Corpus) -> Vec<Pair> {
    let mut out = Vec::new();
    for (i, a) in reported.iter().enumerate() {
        for b in &reported[i + 1..] {
            let (Ok(fa), Ok(fb)) = (&a.outcome, &b.outcome) else { continue };
            let first = reported.first().map_or(0, |c| c.seed);
            if a.id == b.id || (a.seed != b.seed && a.seed != first && b.seed != first) {
                continue;
            }
            let (interval, verdict) = fa.test.resampled.against(&fb.test.resampled);
            let mean =
                |f: &Fitted| sums(&f.test, &corpus.test, corpus).nll / corpus.test.targets() as f64;
            let ratio = Perplexity::of_mean_nll(mean(fa) - mean(fb));
            out.push(Pair {
                a: a.id.clone(),
                b: b.id.clone(),
                seed: a.seed.max(b.seed),
                ratio: (!ratio.is_nan()).then_some(ratio),
                ratio_lo: Some(interval.lo),
                ratio_hi: Some(interval.hi),
                verdict,
            });
        }
    }
    out
}
