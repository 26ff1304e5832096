//! What a run leaves behind: the only input of every report.
//!
//! A [`Results`] is written as CSV files that a spreadsheet opens and as one `results.json`. Figures that may be missing or
//! infinite are [`Option<f64>`] under [`figure`]: an empty cell or `null` says "not measured", `inf` says infinite.
use lm::{CurvePoint, Family, PairedVerdict};
use serde::{Deserialize, Serialize};

/// Version of the schema of `results.json` and of the CSV columns.
pub const SCHEMA: u32 = 1;

/// How a model's row came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Trained and measured.
    Ok,
    /// Training left the finite numbers.
    Diverged,
    /// Another error; see the column `error`.
    Failed,
    /// Ctrl-C came first.
    Interrupted,
}

/// One model on one split: a row of `records.csv` (test) or of `validation.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are the columns; METHODOLOGY.md defines each
pub struct Record {
    pub model: String,
    pub family: Family,
    pub corpus: String,
    pub split: String,
    pub context: String,
    pub seed: u64,
    pub threads: usize,
    /// Training tokens.
    pub tokens: u64,
    pub targets: u64,
    #[serde(with = "figure")]
    pub nll: Option<f64>,
    #[serde(with = "figure")]
    pub perplexity: Option<f64>,
    #[serde(with = "figure")]
    pub ppl_lo: Option<f64>,
    #[serde(with = "figure")]
    pub ppl_hi: Option<f64>,
    pub unk_targets: u64,
    #[serde(with = "figure")]
    pub unk_nll: Option<f64>,
    #[serde(with = "figure")]
    pub bits_per_byte: Option<f64>,
    pub vocab: u64,
    pub params: Option<u64>,
    pub model_bytes: Option<u64>,
    pub file_bytes: Option<u64>,
    pub train_peak_bytes: Option<u64>,
    pub score_peak_bytes: Option<u64>,
    #[serde(with = "figure")]
    pub train_s: Option<f64>,
    #[serde(with = "figure")]
    pub train_tok_s: Option<f64>,
    #[serde(with = "figure")]
    pub score_tok_s: Option<f64>,
    #[serde(with = "figure")]
    pub latency_p50_us: Option<f64>,
    #[serde(with = "figure")]
    pub latency_p95_us: Option<f64>,
    #[serde(with = "figure")]
    pub latency_p99_us: Option<f64>,
    /// Share of the test n-grams of the model's own order that training never showed (n-gram models).
    #[serde(with = "figure")]
    pub unseen_share: Option<f64>,
    #[serde(with = "figure")]
    pub zero_prob_share: Option<f64>,
    #[serde(with = "figure")]
    pub zero_weight_share: Option<f64>,
    pub status: Status,
    pub error: String,
    pub vocab_sha256: String,
    pub test_sha256: String,
    pub command: String,
    pub version: String,
}

/// What else is known of a model: a row of `details.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are the columns; METHODOLOGY.md defines each
pub struct Detail {
    pub model: String,
    pub seed: u64,
    /// One line: what the model is.
    pub description: String,
    /// False for models whose probabilities do not sum to one: no perplexity of theirs is comparable.
    pub normalised: bool,
    #[serde(with = "figure")]
    pub valid_perplexity: Option<f64>,
    #[serde(with = "figure")]
    pub ppl_without_unk: Option<f64>,
    /// Over the targets of non-zero probability.
    #[serde(with = "figure")]
    pub ppl_without_zeros: Option<f64>,
    #[serde(with = "figure")]
    pub bits_per_token: Option<f64>,
    /// Bits a token above the true distribution (generated text only).
    #[serde(with = "figure")]
    pub gap_to_oracle_bits: Option<f64>,
    #[serde(with = "figure")]
    pub negligible_weight_share: Option<f64>,
    #[serde(with = "figure")]
    pub silent_unit_share: Option<f64>,
    pub peak_rss_bytes: Option<u64>,
    /// Lowest and highest of the repeated scoring runs, tokens a second (`score_tok_s` is their median).
    #[serde(with = "figure")]
    pub score_tok_s_min: Option<f64>,
    #[serde(with = "figure")]
    pub score_tok_s_max: Option<f64>,
    /// Remarks of the training: fallbacks taken, constants chosen on validation, mixture weights.
    pub notes: String,
}

/// Perplexity on the test tokens whose n-gram was seen `lo..=hi` times in training: a row of `buckets.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are the columns; METHODOLOGY.md defines each
pub struct Bucket {
    pub model: String,
    pub seed: u64,
    /// n of the n-gram whose training count is the bucket.
    pub order: usize,
    pub lo: u64,
    /// Empty: no upper end.
    pub hi: Option<u64>,
    pub targets: u64,
    #[serde(with = "figure")]
    pub nll: Option<f64>,
    #[serde(with = "figure")]
    pub perplexity: Option<f64>,
}

/// Facts about n-grams of one order in the corpus: a row of `sparsity.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are the columns; METHODOLOGY.md defines each
pub struct Sparsity {
    pub order: usize,
    /// Distinct n-grams in the training text.
    pub distinct: u64,
    pub singletons: u64,
    #[serde(with = "number")]
    pub singleton_share: f64,
    /// distinct / |V|^n.
    #[serde(with = "number")]
    pub fill: f64,
    /// Test n-grams (tokens) and the share of them unseen in training.
    pub test_tokens: u64,
    #[serde(with = "number")]
    pub unseen_token_share: f64,
    pub test_types: u64,
    #[serde(with = "number")]
    pub unseen_type_share: f64,
    /// Share of test contexts (the first n−1 words) unseen in training; 0 for n = 1.
    #[serde(with = "number")]
    pub unseen_context_share: f64,
}

/// A point of a learning curve: a row of `curves.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are the columns; METHODOLOGY.md defines each
pub struct Curve {
    pub model: String,
    pub seed: u64,
    #[serde(with = "number")]
    pub epoch: f64,
    pub step: u64,
    pub tokens: u64,
    #[serde(with = "number")]
    pub seconds: f64,
    #[serde(with = "figure")]
    pub train_perplexity: Option<f64>,
    #[serde(with = "figure")]
    pub valid_perplexity: Option<f64>,
    #[serde(with = "number")]
    pub rate: f64,
    #[serde(with = "figure")]
    pub grad_norm: Option<f64>,
    #[serde(with = "number")]
    pub clipped: f64,
}

impl Curve {
    /// From the training loop's point.
    pub fn new(model: &str, seed: u64, point: &CurvePoint) -> Self {
        let perplexity = |nll: f64| (!nll.is_nan()).then(|| lm::Perplexity::of_mean_nll(nll));
        Self {
            model: model.into(),
            seed,
            epoch: point.epoch,
            step: point.step,
            tokens: point.tokens,
            seconds: point.seconds,
            train_perplexity: perplexity(point.train_nll),
            valid_perplexity: perplexity(point.valid_nll),
            rate: point.rate,
            grad_norm: (!point.grad_norm.is_nan()).then_some(point.grad_norm),
            clipped: point.clipped,
        }
    }
}

/// A paired bootstrap of two models of one seed on the test text: a row of `pairs.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are the columns; METHODOLOGY.md defines each
pub struct Pair {
    pub a: String,
    pub b: String,
    pub seed: u64,
    /// Perplexity of a over that of b, with its 95 % interval.
    #[serde(with = "figure")]
    pub ratio: Option<f64>,
    #[serde(with = "figure")]
    pub ratio_lo: Option<f64>,
    #[serde(with = "figure")]
    pub ratio_hi: Option<f64>,
    /// What it says of a.
    pub verdict: PairedVerdict,
}

/// What is the same for all rows of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are the columns; METHODOLOGY.md defines each
pub struct Run {
    pub schema: u32,
    pub version: String,
    pub command: String,
    /// RFC 3339, UTC.
    pub started: String,
    #[serde(with = "number")]
    pub seconds: f64,
    pub preset: String,
    pub corpus: String,
    /// Generated text: every figure is labelled SYNTHETIC.
    pub synthetic: bool,
    pub split: String,
    pub tokenizer: String,
    pub context: String,
    pub vocab: u64,
    /// How the vocabulary was closed, in words.
    pub vocab_rule: String,
    pub vocab_sha256: String,
    pub test_sha256: String,
    pub train_sentences: u64,
    pub train_tokens: u64,
    pub valid_tokens: u64,
    pub test_tokens: u64,
    pub test_bytes: u64,
    pub seeds: Vec<u64>,
    pub threads: usize,
    pub cpu: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub os: String,
    pub interrupted: bool,
}

/// Everything a report is drawn from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are the columns; METHODOLOGY.md defines each
pub struct Results {
    pub run: Run,
    /// Test rows: one a model and seed.
    pub records: Vec<Record>,
    /// The same models on the validation text.
    pub validation: Vec<Record>,
    pub details: Vec<Detail>,
    pub pairs: Vec<Pair>,
    pub buckets: Vec<Bucket>,
    pub sparsity: Vec<Sparsity>,
    pub curves: Vec<Curve>,
}

/// Serde of a figure that may be missing or infinite: numbers stay numbers, infinity is the word `inf` (JSON has none).
pub mod figure {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    /// `None`, a finite number, or "inf". A NaN is a bug of the measurement and is written as missing.
    pub fn serialize<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(v) if v.is_finite() => to.serialize_f64(*v),
            Some(v) if !v.is_nan() => to.serialize_str(if *v > 0.0 { "inf" } else { "-inf" }),
            _ => to.serialize_none(),
        }
    }

    /// The inverse.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        struct Figure;
        impl<'de> Visitor<'de> for Figure {
            type Value = Option<f64>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, \"inf\" or nothing")
            }
            fn visit_f64<E: Error>(self, v: f64) -> Result<Self::Value, E> {
                Ok(Some(v))
            }
            fn visit_u64<E: Error>(self, v: u64) -> Result<Self::Value, E> {
                Ok(Some(v as f64))
            }
            fn visit_i64<E: Error>(self, v: i64) -> Result<Self::Value, E> {
                Ok(Some(v as f64))
            }
            fn visit_str<E: Error>(self, v: &str) -> Result<Self::Value, E> {
                match v {
                    "" => Ok(None),
                    _ => v.parse().map(Some).map_err(|_| E::custom(format!("`{v}` is no number"))),
                }
            }
            fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
                from.deserialize_any(self)
            }
        }
        from.deserialize_any(Figure)
    }
}

/// Serde of a figure that is always there: as [`figure`], but NaN is the word `nan` instead of a hole.
pub mod number {
    use serde::{Deserializer, Serializer};

    /// A finite number, or "inf", "-inf", "nan".
    pub fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        if value.is_nan() {
            to.serialize_str("nan")
        } else {
            super::figure::serialize(&Some(*value), to)
        }
    }

    /// The inverse; nothing at all is an error.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        super::figure::deserialize(from)?
            .ok_or_else(|| serde::de::Error::custom("a number is missing"))
    }
}
