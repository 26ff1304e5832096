//! The columns of the tables of models: where a figure comes from, how it is printed, what it means, which end is better.
use super::number;
use super::summary::Model;

/// Heading of the column that says "failed" where there is no figure.
pub const PERPLEXITY: &str = "Perplexity";

/// Which end of a column is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // a name says all there is to say of each
pub enum Best {
    Low,
    High,
    None,
}

/// A column.
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Column {
    pub name: &'static str,
    pub unit: &'static str,
    pub about: &'static str,
    pub best: Best,
    pub value: fn(&Model) -> Option<f64>,
    pub text: fn(&Model, f64) -> String,
}

const fn column(
    name: &'static str,
    unit: &'static str,
    best: Best,
    value: fn(&Model) -> Option<f64>,
    text: fn(&Model, f64) -> String,
    about: &'static str,
) -> Column {
    Column { name, unit, about, best, value, text }
}

macro_rules! record {
    ($field:ident) => {
        |m| m.figure(|r| r.$field).map(|s| s.mean)
    };
    ($field:ident as f64) => {
        |m| m.figure(|r| r.$field.map(|v| v as f64)).map(|s| s.mean)
    };
}

macro_rules! detail {
    ($field:ident) => {
        |m| m.detail(|d| d.$field).map(|s| s.mean)
    };
    ($field:ident as f64) => {
        |m| m.detail(|d| d.$field.map(|v| v as f64)).map(|s| s.mean)
    };
}

const PPL: fn(&Model, f64) -> String = |_, v| number::perplexity(v);
const TEST_PPL: fn(&Model, f64) -> String = |m, v| match m.figure(|r| r.zero_prob_share) {
    Some(zeros) if v == f64::INFINITY => format!("∞ ({} zeros)", number::percent(zeros.mean)),
    _ => number::perplexity(v),
};
const BITS: fn(&Model, f64) -> String = |_, v| number::fixed(v, 3);
const SHARE: fn(&Model, f64) -> String = |_, v| number::percent(v);
const BYTES: fn(&Model, f64) -> String = |_, v| number::bytes(v.round() as u64);
const COUNT: fn(&Model, f64) -> String = |_, v| number::count(v.round() as u64);
const THREE: fn(&Model, f64) -> String = |_, v| number::three(v);
const SHORT: fn(&Model, f64) -> String = |_, v| number::short(v);
const INTERVAL: fn(&Model, f64) -> String =
    |m, _| m.interval().map_or(number::MISSING.into(), |(lo, hi)| interval(lo, hi));

fn interval(lo: f64, hi: f64) -> String {
    if lo.is_infinite() {
        number::MISSING.into()
    } else {
        format!("{}–{}", number::perplexity(lo), number::perplexity(hi))
    }
}

const TEST: Column = column(
    PERPLEXITY,
    "test",
    Best::Low,
    |m| m.perplexity().map(|p| p.mean),
    TEST_PPL,
    "exp of the mean negative log-probability of a test token; lower is better. ∞: that share of the test tokens has probability zero.",
);
const RANGE: Column = column(
    "95 % interval",
    "perplexity",
    Best::None,
    |m| m.interval().map(|i| i.0),
    INTERVAL,
    "Where perplexity falls in 95 of 100 redraws of the test sentences (bootstrap).",
);
const GAP: Column = column(
    "Gap",
    "bits/token",
    Best::Low,
    detail!(gap_to_oracle_bits),
    BITS,
    "Cross-entropy above that of the true distribution (generated text only).",
);
const PARAMS: Column = column(
    "Parameters",
    "",
    Best::Low,
    record!(params as f64),
    COUNT,
    "Stored numbers that training sets: weights, or probabilities and back-off weights.",
);
const BYTES_IN: Column = column(
    "In memory",
    "bytes",
    Best::Low,
    record!(model_bytes as f64),
    BYTES,
    "The trained model, ready to score.",
);
const TRAIN_S: Column =
    column("Training", "s", Best::Low, record!(train_s), THREE, "Wall-clock seconds of training.");
const TRAIN_RATE: Column = column(
    "Training",
    "tokens/s",
    Best::High,
    record!(train_tok_s),
    SHORT,
    "Training tokens processed a second, all passes counted.",
);
const SCORE_RATE: Column = column(
    "Scoring",
    "tokens/s",
    Best::High,
    record!(score_tok_s),
    SHORT,
    "Test tokens scored a second, in batch (median).",
);
const P50: Column = column(
    "Latency",
    "p50, µs",
    Best::Low,
    record!(latency_p50_us),
    THREE,
    "Time for one whole next-word distribution, one token at a time: median.",
);

/// The one table for those who read only one.
pub static OVERVIEW: [Column; 9] =
    [TEST, RANGE, GAP, PARAMS, BYTES_IN, TRAIN_S, TRAIN_RATE, SCORE_RATE, P50];

/// How well a model predicts.
pub static PREDICTION: [Column; 8] = [
    TEST,
    RANGE,
    column(
        "Validation",
        "perplexity",
        Best::Low,
        detail!(valid_perplexity),
        PPL,
        "Perplexity on the validation text, on which training may stop and constants are chosen.",
    ),
    column(
        "Without <unk>",
        "perplexity",
        Best::Low,
        detail!(ppl_without_unk),
        PPL,
        "Over the test tokens that are not <unk>.",
    ),
    column(
        "Without zeros",
        "perplexity",
        Best::None,
        |m| {
            m.figure(|r| r.zero_prob_share).filter(|s| s.mean > 0.0)?;
            m.detail(|d| d.ppl_without_zeros).map(|s| s.mean)
        },
        PPL,
        "Over the test tokens of non-zero probability: flatters models that have zeros.",
    ),
    column(
        "Cross-entropy",
        "bits/token",
        Best::Low,
        detail!(bits_per_token),
        BITS,
        "log2 of perplexity.",
    ),
    column(
        "Cross-entropy",
        "bits/byte",
        Best::Low,
        record!(bits_per_byte),
        BITS,
        "The same, spread over the bytes of the test text.",
    ),
    GAP,
];

/// Only where several seeds ran.
pub static SEEDS: [Column; 3] = [
    column(
        "Seeds",
        "finished",
        Best::None,
        |m| m.perplexity().map(|p| p.n as f64),
        COUNT,
        "How many seeds finished.",
    ),
    column(
        "Lowest seed",
        "perplexity",
        Best::None,
        |m| m.perplexity().map(|p| p.min),
        PPL,
        "Test perplexity of the best seed.",
    ),
    column(
        "Highest seed",
        "perplexity",
        Best::None,
        |m| m.perplexity().map(|p| p.max),
        PPL,
        "Test perplexity of the worst seed.",
    ),
];

/// What a model takes.
pub static MEMORY: [Column; 6] = [
    PARAMS,
    BYTES_IN,
    column("On disk", "bytes", Best::Low, record!(file_bytes as f64), BYTES, "The saved model."),
    column(
        "Peak heap",
        "training",
        Best::Low,
        record!(train_peak_bytes as f64),
        BYTES,
        "Highest heap while training, above what was there before.",
    ),
    column(
        "Peak heap",
        "scoring",
        Best::Low,
        record!(score_peak_bytes as f64),
        BYTES,
        "Highest heap while scoring the test text, above what was there before.",
    ),
    column(
        "Peak RSS",
        "process",
        Best::None,
        detail!(peak_rss_bytes as f64),
        BYTES,
        "Highest resident memory of the process until then.",
    ),
];

/// How fast it is.
pub static SPEED: [Column; 8] = [
    TRAIN_S,
    TRAIN_RATE,
    SCORE_RATE,
    column(
        "Lowest run",
        "tokens/s",
        Best::None,
        detail!(score_tok_s_min),
        SHORT,
        "Slowest of the repeated scoring runs.",
    ),
    column(
        "Highest run",
        "tokens/s",
        Best::None,
        detail!(score_tok_s_max),
        SHORT,
        "Fastest of the repeated scoring runs.",
    ),
    P50,
    column(
        "Latency",
        "p95, µs",
        Best::Low,
        record!(latency_p95_us),
        THREE,
        "The same: 95 of 100 are faster.",
    ),
    column(
        "Latency",
        "p99, µs",
        Best::Low,
        record!(latency_p99_us),
        THREE,
        "The same: 99 of 100 are faster.",
    ),
];

/// What it never saw and what of it does nothing.
pub static SPARSITY: [Column; 5] = [
    column(
        "Unseen",
        "n-grams",
        Best::None,
        record!(unseen_share),
        SHARE,
        "Share of the test n-grams of the model's own order that training never showed.",
    ),
    column(
        "Zero prob.",
        "of tokens",
        Best::None,
        record!(zero_prob_share),
        SHARE,
        "Share of test tokens to which the model gives probability zero.",
    ),
    column(
        "Zero weights",
        "share",
        Best::None,
        record!(zero_weight_share),
        SHARE,
        "Share of weights that are exactly zero.",
    ),
    column(
        "Negligible",
        "weights",
        Best::None,
        detail!(negligible_weight_share),
        SHARE,
        "Share of weights too small to matter (METHODOLOGY.md).",
    ),
    column(
        "Silent units",
        "share",
        Best::None,
        detail!(silent_unit_share),
        SHARE,
        "Share of hidden units that hardly move on the test text.",
    ),
];
