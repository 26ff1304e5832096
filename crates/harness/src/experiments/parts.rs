//! Claims of several inequalities: each with its own interval; the weakest is the figure of the row.
use crate::lab::{Estimate, Lang, Ruling, Text, Verdict, number};

/// One inequality.
#[derive(Clone, Debug)]
pub struct Part {
    name: Text,
    estimate: Estimate,
    verdict: Verdict,
    /// From the threshold to the interval's near end, positive where the inequality holds; infinite for a fact that holds.
    slack: f64,
}

impl Part {
    /// `estimate` lies above the threshold.
    pub fn above(name: Text, estimate: Estimate, threshold: f64) -> Self {
        let verdict = Verdict::above(estimate, threshold);
        Self { name, estimate, verdict, slack: slack(estimate, verdict, estimate.lo - threshold) }
    }

    /// `estimate` lies below the threshold.
    pub fn below(name: Text, estimate: Estimate, threshold: f64) -> Self {
        let verdict = Verdict::below(estimate, threshold);
        Self { name, estimate, verdict, slack: slack(estimate, verdict, threshold - estimate.hi) }
    }

    /// A ratio of perplexities lies below one, by more than the grain of probabilities in f32 (METHODOLOGY.md, "Intervals").
    pub fn ratio(name: Text, ratio: Estimate) -> Self {
        const GRAIN: f64 = 1e-4;
        let verdict = match () {
            () if ratio.hi < 1.0 - GRAIN => Verdict::Confirmed,
            () if ratio.lo > 1.0 + GRAIN => Verdict::Refuted,
            () => Verdict::Undecided,
        };
        Self { name, estimate: ratio, verdict, slack: 1.0 - ratio.hi }
    }

    fn say(&self, lang: Lang) -> String {
        let Estimate { value, lo, hi } = self.estimate;
        let interval =
            if lo == hi { String::new() } else { format!(" [{}, {}]", number(lo), number(hi)) };
        format!("{} {}{interval}", self.name.get(lang), number(value))
    }
}

/// A figure without chance holds or does not: there is no near miss.
fn slack(estimate: Estimate, verdict: Verdict, slack: f64) -> f64 {
    let fact = estimate.lo == estimate.hi && verdict == Verdict::Confirmed;
    if fact { f64::INFINITY } else { slack }
}

/// All inequalities must hold; `what` names the quantity that each of them bounds, `cure` says what would decide the open
/// ones.
pub fn all(what: Text, parts: &[Part], cure: Text) -> Ruling {
    let severity = |v: Verdict| match v {
        Verdict::Refuted => 0,
        Verdict::Undecided => 1,
        Verdict::Confirmed => 2,
    };
    let weakest = parts.iter().min_by(|a, b| {
        severity(a.verdict).cmp(&severity(b.verdict)).then(a.slack.total_cmp(&b.slack))
    });
    let Some(weakest) = weakest else {
        let nothing = Text::new("nothing was measured", "没有测量结果");
        return Ruling::undecided(what, nothing).or_take(cure);
    };
    let verdict = Verdict::all(parts.iter().map(|p| p.verdict));
    let list = |lang| parts.iter().map(|p| p.say(lang)).collect::<Vec<_>>();
    Ruling {
        verdict,
        measured: Some(weakest.estimate),
        figure: Text::new(
            format!("{}, {}", what.en, weakest.name.en),
            format!("{},{}", what.zh, weakest.name.zh),
        ),
        reason: Text::new(list(Lang::En).join("; "), list(Lang::Zh).join(";")),
    }
    .or_take(cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn e(lo: f64, hi: f64) -> Estimate {
        Estimate { value: (lo + hi) / 2.0, lo, hi }
    }

    #[test]
    fn the_weakest_part_decides_and_is_the_figure() {
        let part = |name: &str, lo, hi| Part::above(Text::same(name), e(lo, hi), 0.0);
        let ruling = |parts: &[Part]| all(Text::same("gain"), parts, Text::same("take more"));
        let good = ruling(&[part("a", 1.0, 2.0), part("b", 0.1, 9.0)]);
        assert_eq!((good.verdict, good.figure.en.as_str()), (Verdict::Confirmed, "gain, b"));
        assert_eq!(good.reason.en, "a 1.500 [1.000, 2.000]; b 4.550 [0.100, 9.000]");
        // an open part is weaker than a held one, however near, and a refuted one weaker than both
        let open = ruling(&[part("a", 0.001, 0.002), part("b", -5.0, 9.0)]);
        assert_eq!((open.verdict, open.figure.en.as_str()), (Verdict::Undecided, "gain, b"));
        assert!(open.reason.en.ends_with("; undecided: take more"));
        let fact = ruling(&[part("a", 0.001, 0.001), part("b", 5.0, 9.0)]);
        assert_eq!((fact.verdict, fact.figure.en.as_str()), (Verdict::Confirmed, "gain, b"));
        let bad = ruling(&[part("a", -0.2, -0.1), part("b", -5.0, 9.0)]);
        assert_eq!((bad.verdict, bad.measured), (Verdict::Refuted, Some(e(-0.2, -0.1))));
        assert_eq!(ruling(&[]).verdict, Verdict::Undecided);
        let grain = ruling(&[Part::ratio(Text::same("a"), e(1.00001, 1.00002))]);
        assert_eq!(grain.verdict, Verdict::Undecided);
        let below = ruling(&[Part::below(Text::same("a"), e(0.8, 0.9), 1.0)]);
        assert_eq!(below.verdict, Verdict::Confirmed);
    }
}
