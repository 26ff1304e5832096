//! What a run says of a claim. The rules stand beside the experiments; this is what they are made of.
use serde::{Deserialize, Serialize};

use super::claim::claim;
use super::stats::Estimate;
use super::text::{Lang, Text};
use crate::record::figure;

/// A verdict, computed from a run's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The numbers show what the claim says.
    Confirmed,
    /// They show its opposite.
    Refuted,
    /// They show neither.
    Undecided,
}

impl Verdict {
    /// Confirmed where the whole interval is above, refuted where it is below, undecided where it includes the threshold.
    pub fn above(estimate: Estimate, threshold: f64) -> Self {
        match () {
            () if estimate.lo > threshold => Verdict::Confirmed,
            () if estimate.hi < threshold => Verdict::Refuted,
            () => Verdict::Undecided,
        }
    }

    /// [`above`](Self::above), mirrored.
    pub fn below(estimate: Estimate, threshold: f64) -> Self {
        let Estimate { value, lo, hi } = estimate;
        Self::above(Estimate { value: -value, lo: -hi, hi: -lo }, -threshold)
    }

    /// For facts without chance.
    pub fn of(holds: bool) -> Self {
        if holds { Verdict::Confirmed } else { Verdict::Refuted }
    }

    /// Of a claim of several parts: one refuted part refutes it, else one undecided part leaves it open.
    pub fn all(parts: impl IntoIterator<Item = Verdict>) -> Self {
        parts.into_iter().fold(Verdict::Confirmed, |all, part| match (all, part) {
            (Verdict::Refuted, _) | (_, Verdict::Refuted) => Verdict::Refuted,
            (Verdict::Undecided, _) | (_, Verdict::Undecided) => Verdict::Undecided,
            _ => Verdict::Confirmed,
        })
    }

    /// The word for it.
    pub fn word(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Verdict::Confirmed, Lang::En) => "confirmed",
            (Verdict::Refuted, Lang::En) => "refuted",
            (Verdict::Undecided, Lang::En) => "undecided",
            (Verdict::Confirmed, Lang::Zh) => "证实",
            (Verdict::Refuted, Lang::Zh) => "否定",
            (Verdict::Undecided, Lang::Zh) => "未定",
        }
    }
}

/// What a rule makes of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// The verdict.
    pub verdict: Verdict,
    /// The figure it rests on, where there is one.
    pub measured: Option<Estimate>,
    /// What that figure is, with its unit.
    pub figure: Text,
    /// Why, in a sentence; for the undecided: what it would take.
    pub reason: Text,
}

impl Ruling {
    /// Undecided without a figure.
    pub fn undecided(figure: Text, reason: Text) -> Self {
        Self { verdict: Verdict::Undecided, measured: None, figure, reason }
    }

    /// An open verdict's reason ends with what it would take to decide it; of others nothing changes.
    #[must_use]
    pub fn or_take(mut self, cure: Text) -> Self {
        if self.verdict == Verdict::Undecided {
            self.reason.en += &format!("; undecided: {}", cure.en);
            self.reason.zh += &format!(";尚无定论:{}", cure.zh);
        }
        self
    }
}

/// A claim's row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// The claim's id.
    pub id: String,
    /// The experiment that decided it.
    pub experiment: String,
    /// The text it was decided on.
    pub corpus: String,
    /// What [`measured`](Self::measured) is.
    pub figure: Text,
    /// The figure.
    #[serde(with = "figure")]
    pub measured: Option<f64>,
    /// Lower end of its interval.
    #[serde(with = "figure")]
    pub lo: Option<f64>,
    /// Upper end.
    #[serde(with = "figure")]
    pub hi: Option<f64>,
    /// How many seeds went into it; 0 where chance plays no part.
    pub seeds: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: Text,
}

impl ClaimRow {
    /// A row of a ruling.
    pub fn new(id: &str, experiment: &str, corpus: &str, seeds: u64, ruling: Ruling) -> Self {
        let Ruling { verdict, measured, figure, reason } = ruling;
        Self {
            id: id.into(),
            experiment: experiment.into(),
            corpus: corpus.into(),
            figure,
            measured: measured.map(|m| m.value),
            lo: measured.map(|m| m.lo),
            hi: measured.map(|m| m.hi),
            seeds,
            verdict,
            reason,
        }
    }
}

#[derive(Serialize)]
struct CsvRow<'a> {
    id: &'a str,
    claim: &'a str,
    equation: &'a str,
    experiment: &'a str,
    corpus: &'a str,
    expected: &'a str,
    #[serde(with = "figure")]
    measured: Option<f64>,
    #[serde(with = "figure")]
    lo: Option<f64>,
    #[serde(with = "figure")]
    hi: Option<f64>,
    seeds: u64,
    verdict: &'a str,
    reason: String,
}

/// `claims.csv`: always in English, so that its readers need one set of words; `reason` names the figure first.
///
/// # Errors
/// Those of the CSV writer.
pub fn csv(rows: &[ClaimRow]) -> anyhow::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    for row in rows {
        let Some(claim) = claim(&row.id) else { continue };
        out.serialize(CsvRow {
            id: &row.id,
            claim: &claim.title.en,
            equation: &claim.equation,
            experiment: &row.experiment,
            corpus: &row.corpus,
            expected: &claim.expected.en,
            measured: row.measured,
            lo: row.lo,
            hi: row.hi,
            seeds: row.seeds,
            verdict: row.verdict.word(Lang::En),
            reason: format!("{}: {}", row.figure.en, row.reason.en),
        })?;
    }
    Ok(out.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_decides() {
        use Verdict::{Confirmed, Refuted, Undecided};
        let e = |lo, hi| Estimate { value: (lo + hi) / 2.0, lo, hi };
        assert_eq!(Verdict::above(e(1.0, 2.0), 0.5), Confirmed);
        assert_eq!(Verdict::above(e(1.0, 2.0), 1.5), Undecided);
        assert_eq!(Verdict::above(e(1.0, 2.0), 2.5), Refuted);
        assert_eq!(Verdict::below(e(1.0, 2.0), 2.5), Confirmed);
        assert_eq!(Verdict::below(e(1.0, 2.0), 1.5), Undecided);
        assert_eq!(Verdict::below(e(1.0, 2.0), 0.5), Refuted);
        assert_eq!(Verdict::all([Confirmed, Undecided, Refuted]), Refuted);
        assert_eq!(Verdict::all([Confirmed, Undecided]), Undecided);
        assert_eq!(Verdict::all([Confirmed, Confirmed]), Confirmed);
    }

    #[test]
    fn rows_keep_infinity_in_csv_and_json() {
        let ruling = Ruling {
            verdict: Verdict::Confirmed,
            measured: Some(Estimate::exact(f64::INFINITY)),
            figure: Text::new("perplexity, raw counts", "原始计数的困惑度"),
            reason: Text::new("one zero, \"quoted\", is enough", "一个零就够了"),
        };
        let row = ClaimRow::new("a3", "smoothing", "toy", 0, ruling);
        let text = String::from_utf8(csv(std::slice::from_ref(&row)).unwrap()).unwrap();
        let header =
            "id,claim,equation,experiment,corpus,expected,measured,lo,hi,seeds,verdict,reason\n";
        assert!(text.starts_with(header), "{text}");
        assert!(
            text.contains(",inf,inf,inf,0,confirmed,")
                && text.contains("\"perplexity, raw counts: one zero, \"\"quoted\"\""),
            "{text}"
        );
        let back: ClaimRow = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
        assert_eq!(back, row);
    }
}
