//! Made-up results that look like a run on PTB: every kind of row, and strings that want to be markup or formulas.
#![allow(dead_code)] // each test file uses its part
use harness::record::*;
use lm::{Family, PairedVerdict};

/// A model name that would be markup, a table border and a formula.
pub const HOSTILE: &str = "=<script>alert(1)</script>|`x`";

/// One model of the fixture.
#[derive(Clone)]
pub struct Made {
    pub name: &'static str,
    pub family: Family,
    pub ppl: f64,
    pub bytes: u64,
    pub params: u64,
    pub train_s: f64,
    pub score: f64,
    pub p50: f64,
    pub status: Status,
    pub error: &'static str,
}

/// A finished model.
pub fn made(
    name: &'static str,
    family: Family,
    ppl: f64,
    bytes: u64,
    train_s: f64,
    score: f64,
    p50: f64,
) -> Made {
    Made {
        name,
        family,
        ppl,
        bytes,
        params: bytes / 4,
        train_s,
        score,
        p50,
        status: Status::Ok,
        error: "",
    }
}

/// A model that did not finish.
pub fn lost(name: &'static str, family: Family, status: Status, error: &'static str) -> Made {
    Made { status, error, ..made(name, family, f64::NAN, 0, 0.0, 0.0, 0.0) }
}

/// PTB-like figures.
pub fn models() -> Vec<Made> {
    use Family::*;
    vec![
        made("uniform", Baseline, 10_000.0, 8, 0.0001, 9.1e7, 0.9),
        made("unigram", Baseline, 683.4, 80_016, 0.0021, 7.9e7, 1.1),
        made("mle3", Ngram, f64::INFINITY, 21_400_000, 0.42, 3.9e6, 31.0),
        made("addk3", Ngram, 402.7, 21_400_000, 0.43, 3.6e6, 33.0),
        made("backoff5", Ngram, 171.3, 51_200_000, 1.02, 3.1e6, 41.0),
        made("wb5", Ngram, 152.4, 51_200_000, 1.1, 2.2e6, 44.0),
        made("kn5", Ngram, 143.9, 51_290_000, 1.2, 2.4e6, 47.0),
        made("mkn5", Ngram, 141.19, 51_290_000, 1.31, 2.4e6, 46.0),
        made("mkn2", Ngram, 189.0, 6_900_000, 0.31, 4.9e6, 38.0),
        made("mkn3", Ngram, 148.3, 22_900_000, 0.66, 3.3e6, 41.0),
        made("window-4", Window, 147.8, 10_880_000, 83.0, 41_000.0, 512.0),
        made("rnn-200", Rnn, 131.9, 16_200_000, 172.0, 52_000.0, 402.0),
        made("gru-200", Gru, 118.7, 16_700_000, 241.0, 44_000.0, 433.0),
        made("lstm-200", Lstm, 114.6, 17_000_000, 288.0, 39_000.0, 455.0),
        made("mix(mkn5,lstm-200)", Mixture, 99.8, 68_290_000, 289.4, 31_000.0, 507.0),
        lost(
            HOSTILE,
            Rnn,
            Status::Diverged,
            "diverged at step 311: <b>w_h</b> is inf; lower the learning rate | clip",
        ),
        lost("window-8", Window, Status::Interrupted, ""),
    ]
}

/// Results of the models on an English corpus, with pairs, buckets, sparsity and curves.
pub fn results(models: &[Made], synthetic: bool, seeds: &[u64]) -> Results {
    let mut out = Results { run: run(synthetic, seeds), ..Results::default() };
    for m in models {
        for (i, &seed) in seeds.iter().enumerate() {
            // seeds of trained models differ a little
            let wobble =
                if matches!(m.family, Family::Window | Family::Rnn | Family::Gru | Family::Lstm) {
                    1.0 + 0.012 * i as f64
                } else {
                    1.0
                };
            let ppl = m.ppl * wobble;
            out.records.push(record(m, seed, ppl, "test"));
            out.validation.push(record(m, seed, ppl * 1.04, "valid"));
            out.details.push(detail(m, seed, ppl, synthetic));
            if m.status == Status::Ok {
                buckets(&mut out.buckets, m, seed, ppl);
                curve(&mut out.curves, m, seed, ppl);
            }
        }
    }
    let ok: Vec<&Made> = models.iter().filter(|m| m.status == Status::Ok).collect();
    for (i, a) in ok.iter().enumerate() {
        for b in &ok[i + 1..] {
            out.pairs.extend(seeds.iter().map(|&seed| pair(a, b, seed)));
        }
    }
    let orders = [
        (10_000, 0.07, 0.0, 0.0, 0.0),
        (290_000, 0.71, 0.21, 0.38, 0.0),
        (600_000, 0.88, 0.57, 0.75, 0.21),
        (760_000, 0.94, 0.79, 0.9, 0.57),
        (830_000, 0.97, 0.88, 0.95, 0.79),
    ];
    for (i, (distinct, single, unseen, types, contexts)) in orders.into_iter().enumerate() {
        out.sparsity.push(Sparsity {
            order: i + 1,
            distinct,
            singletons: (distinct as f64 * single) as u64,
            singleton_share: single,
            fill: distinct as f64 / 1e4f64.powi(i as i32 + 1),
            test_tokens: 82_430,
            unseen_token_share: unseen,
            test_types: 60_000,
            unseen_type_share: types,
            unseen_context_share: contexts,
        });
    }
    out
}

/// All of it, the usual case.
pub fn ptb() -> Results {
    results(&models(), false, &[1])
}

/// Generated text: with an oracle.
pub fn synthetic(seeds: &[u64]) -> Results {
    let mut all = models();
    all.push(made("oracle", Family::Oracle, 71.2, 412_000, 0.0, 181_000.0, 22.0));
    results(&all, true, seeds)
}

fn run(synthetic: bool, seeds: &[u64]) -> Run {
    Run {
        schema: SCHEMA,
        version: "0.1.0".into(),
        command: "harness compare --corpus ptb --report reports/ptb".into(),
        started: "2026-11-23T10:28:00Z".into(),
        seconds: 782.5,
        preset: "default".into(),
        corpus: if synthetic { "embedded (english-like)".into() } else { "ptb".into() },
        synthetic,
        split: "train/valid/test as published".into(),
        tokenizer: "space".into(),
        context: "sentence".into(),
        vocab: 10_000,
        vocab_rule: "every type of the training text".into(),
        vocab_sha256: "5f2a".repeat(16),
        test_sha256: "9c41".repeat(16),
        train_sentences: 42_068,
        train_tokens: 929_589,
        valid_tokens: 73_760,
        test_tokens: 82_430,
        test_bytes: 449_945,
        seeds: seeds.to_vec(),
        threads: 2,
        cpu: "Imagined CPU @ 2.50GHz".into(),
        cores: 2,
        memory_bytes: 8_000_000_000,
        os: "linux x86_64".into(),
        interrupted: false,
    }
}

fn record(m: &Made, seed: u64, ppl: f64, split: &str) -> Record {
    let ok = m.status == Status::Ok;
    let some = |v: f64| ok.then_some(v);
    let whole = |v: u64| ok.then_some(v);
    let trained = ok && m.family != Family::Oracle;
    let neural = matches!(m.family, Family::Window | Family::Rnn | Family::Gru | Family::Lstm);
    Record {
        model: m.name.into(),
        family: m.family,
        corpus: "ptb".into(),
        split: split.into(),
        context: "sentence".into(),
        seed,
        threads: 2,
        tokens: 929_589,
        targets: 82_430,
        nll: some(ppl.ln() * 82_430.0),
        perplexity: some(ppl),
        ppl_lo: some(ppl * 0.982),
        ppl_hi: some(ppl * 1.018),
        unk_targets: 4_794,
        unk_nll: some(4_794.0 * 3.1),
        bits_per_byte: some(ppl.log2() * 82_430.0 / 449_945.0),
        vocab: 10_000,
        params: whole(m.params),
        model_bytes: whole(m.bytes),
        file_bytes: whole(m.bytes + 312),
        train_peak_bytes: whole(m.bytes * 3),
        score_peak_bytes: whole(m.bytes / 9 + 70_000),
        train_s: trained.then_some(m.train_s),
        train_tok_s: trained
            .then_some(929_589.0 * if neural { 6.0 } else { 1.0 } / m.train_s.max(1e-9)),
        score_tok_s: some(m.score),
        latency_p50_us: some(m.p50),
        latency_p95_us: some(m.p50 * 1.31),
        latency_p99_us: some(m.p50 * 1.92),
        unseen_share: (ok && m.family == Family::Ngram).then_some(0.88),
        zero_prob_share: some(if ppl == f64::INFINITY { 0.5713 } else { 0.0 }),
        zero_weight_share: neural.then_some(0.0),
        status: m.status,
        error: m.error.into(),
        vocab_sha256: "5f2a".repeat(16),
        test_sha256: "9c41".repeat(16),
        command: "harness compare --corpus ptb --report reports/ptb".into(),
        version: "0.1.0".into(),
    }
}

fn detail(m: &Made, seed: u64, ppl: f64, synthetic: bool) -> Detail {
    let ok = m.status == Status::Ok;
    let some = |v: f64| ok.then_some(v);
    let neural =
        ok && matches!(m.family, Family::Window | Family::Rnn | Family::Gru | Family::Lstm);
    Detail {
        model: m.name.into(),
        seed,
        description: format!("a {} model of the fixture, with *stars* & <angles>", m.family),
        normalised: m.name != "backoff5",
        valid_perplexity: some(ppl * 1.04),
        ppl_without_unk: some(ppl * 1.12),
        ppl_without_zeros: some(if ppl.is_finite() { ppl } else { 19.4 }),
        bits_per_token: some(ppl.log2()),
        gap_to_oracle_bits: (ok && synthetic).then(|| (ppl / 71.2).log2()),
        negligible_weight_share: neural.then_some(0.0371),
        silent_unit_share: neural.then_some(0.015),
        peak_rss_bytes: ok.then_some(312_000_000),
        score_tok_s_min: some(m.score * 0.96),
        score_tok_s_max: some(m.score * 1.03),
        notes: if m.name == "mkn5" {
            "order 1: discounts undefined (n3 = 0), fell back to one discount".into()
        } else {
            String::new()
        },
    }
}

fn buckets(out: &mut Vec<Bucket>, m: &Made, seed: u64, ppl: f64) {
    let edges = [
        (0, Some(0), 47_000u64),
        (1, Some(1), 7_900),
        (2, Some(3), 6_800),
        (4, Some(7), 5_900),
        (8, Some(15), 4_800),
        (16, Some(63), 6_100),
        (64, None, 3_930),
    ];
    let steep = if m.family == Family::Ngram { 1.35 } else { 1.1 };
    for (i, (lo, hi, targets)) in edges.into_iter().enumerate() {
        let value = if m.family == Family::Baseline && ppl > 9_000.0 {
            ppl
        } else {
            (ppl * 6.5 * (-steep * (i as f64).powf(0.8)).exp()).max(1.4)
        };
        let value = if ppl == f64::INFINITY && i > 0 { 9.0 / i as f64 + 1.0 } else { value };
        out.push(Bucket {
            model: m.name.into(),
            seed,
            order: 3,
            lo,
            hi,
            targets,
            nll: Some(value.ln() * targets as f64),
            perplexity: Some(value),
        });
    }
}

fn curve(out: &mut Vec<Curve>, m: &Made, seed: u64, ppl: f64) {
    if !matches!(m.family, Family::Window | Family::Rnn | Family::Gru | Family::Lstm) {
        return;
    }
    for epoch in 0..=6u64 {
        let left = (-0.9 * epoch as f64).exp();
        let valid = ppl * 1.04 * (1.0 + 2.6 * left);
        out.push(Curve {
            model: m.name.into(),
            seed,
            epoch: epoch as f64,
            step: epoch * 1_200,
            tokens: epoch * 929_589,
            seconds: m.train_s * epoch as f64 / 6.0,
            train_perplexity: (epoch > 0).then_some(valid * 0.9),
            valid_perplexity: Some(if epoch == 0 { 9_998.0 } else { valid }),
            rate: 1.0,
            grad_norm: (epoch > 0).then_some(0.8),
            clipped: 0.02,
        });
    }
}

/// A paired test with an interval of ± 1.5 %.
pub fn pair(a: &Made, b: &Made, seed: u64) -> Pair {
    let ratio = if a.ppl == b.ppl { 1.0 } else { a.ppl / b.ppl };
    let (lo, hi) = (ratio * 0.985, ratio * 1.015);
    let verdict = match () {
        () if hi < 1.0 => PairedVerdict::Better,
        () if lo > 1.0 => PairedVerdict::Worse,
        () => PairedVerdict::NoDifferenceShown,
    };
    Pair {
        a: a.name.into(),
        b: b.name.into(),
        seed,
        ratio: Some(ratio),
        ratio_lo: Some(lo),
        ratio_hi: Some(hi),
        verdict,
    }
}
