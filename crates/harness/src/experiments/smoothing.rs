//! a3, a4: what smoothing does, and how far n goes.
use std::collections::BTreeMap;

use anyhow::Result;
use lm::{Family, Scores};
use ngram::{NgramRecipe, Smoothing};

use super::common::{count_bytes, model, perplexity, ratio, scores};
use crate::lab::*;

/// Losses on the validation text, in nats, by smoothing and order.
type Losses = BTreeMap<(&'static str, usize), f64>;

/// The order of a smoothing that has the lowest loss on the validation text, with that loss: the test text chooses nothing.
fn best_order(valid: &Losses, key: &str) -> Option<(usize, f64)> {
    let own = valid.iter().filter(|((k, _), _)| *k == key).map(|(&(_, n), &loss)| (n, loss));
    own.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Each smoothing at the order that the validation text chose, judged on the test text.
///
/// Confirmed where raw counts are infinitely surprised and modified Kneser-Ney beats the next best smoothing beyond the
/// bootstrap's interval; refuted where raw counts are finite or another smoothing beats it.
fn smoothing_rule(raw: f64, zero_share: f64, against_next: Option<(&str, Estimate)>) -> Ruling {
    let Some((next, ratio)) = against_next else {
        return Ruling::undecided(
            Text::new("perplexity ratio", "困惑度之比"),
            Text::new("no other smoothing was measured", "没有测量其他平滑方法"),
        )
        .or_take(Text::new("measure another smoothing", "需要测量其他平滑方法"));
    };
    let infinite = Verdict::of(raw.is_infinite());
    let best = Verdict::below(ratio, 1.0);
    let figure = Text::new(
        format!("perplexity of modified Kneser-Ney over that of the next best, {next}"),
        format!("修正 Kneser-Ney 与次优方法({next})的困惑度之比"),
    );
    let share = super::common::percent(zero_share);
    let reason = Text::new(
        format!(
            "raw trigram counts: perplexity {}, {share} of the test tokens have probability zero",
            number(raw)
        ),
        format!("原始三元计数:困惑度 {},{share} 的测试词概率为零", number(raw)),
    );
    Ruling { verdict: Verdict::all([infinite, best]), measured: Some(ratio), figure, reason }
        .or_take(longer())
}

/// What narrows intervals of the bootstrap over test sentences.
fn longer() -> Text {
    Text::new("take a longer test text", "需要更长的测试集")
}

/// Confirmed where the sixth word changes modified Kneser-Ney by less than one percent and add-k at n = 5 is worse than at
/// its best n (of the validation text); refuted where it gains more, or add-k goes on gaining to n = 5.
fn order_rule(sixth_over_fifth: Estimate, add_k_fifth_over_best: Estimate, best: usize) -> Ruling {
    let saturates = Verdict::above(sixth_over_fifth, 0.99);
    let worse =
        if best >= 5 { Verdict::Refuted } else { Verdict::above(add_k_fifth_over_best, 1.0) };
    let figure = Text::new(
        "modified Kneser-Ney: perplexity at n = 6 over n = 5",
        "修正 Kneser-Ney:n = 6 与 n = 5 的困惑度之比",
    );
    let reason = Text::new(
        format!(
            "add-k at n = 5 has {} times the perplexity of its best n on the validation text, {best}",
            number(add_k_fifth_over_best.value)
        ),
        format!(
            "add-k 在 n = 5 时的困惑度是其在验证集上最佳的 n = {best} 时的 {} 倍",
            number(add_k_fifth_over_best.value)
        ),
    );
    Ruling {
        verdict: Verdict::all([saturates, worse]),
        measured: Some(sixth_over_fifth),
        figure,
        reason,
    }
    .or_take(longer())
}

/// The experiment.
pub struct Smoothings;

const ORDERS: std::ops::RangeInclusive<usize> = 1..=8;
const MOST_OF_OTHERS: usize = 5;

fn name(smoothing: Smoothing) -> Text {
    match smoothing {
        Smoothing::CountRatio => Text::new("raw counts", "原始计数"),
        Smoothing::StupidBackoff => Text::same("stupid back-off"),
        Smoothing::ModifiedKneserNey => Text::new("modified KN", "修正 KN"),
        Smoothing::KneserNey => Text::same("Kneser-Ney"),
        Smoothing::WittenBell => Text::same("Witten-Bell"),
        Smoothing::AddK => Text::same("add-k"),
    }
}

impl Experiment for Smoothings {
    fn name(&self) -> &'static str {
        "smoothing"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["a3", "a4"]
    }

    fn about(&self) -> &'static str {
        "six smoothings, n = 1 to 8: perplexity, bytes, share of impossible test tokens"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        2 * count_bytes(lab, *ORDERS.end())
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (valid, test) = (&lab.corpus.valid, &lab.corpus.test);
        let mut table = Table::new(
            "smoothing",
            &[
                "smoothing",
                "n",
                "valid_perplexity",
                "perplexity",
                "zero_share",
                "normalised",
                "bytes",
            ],
        );
        let mut all: BTreeMap<(&str, usize), Scores> = BTreeMap::new();
        let mut chosen_on = Losses::new();
        let (mut series, mut sizes) = (Vec::new(), Vec::new());
        for (i, smoothing) in Smoothing::ALL.into_iter().enumerate() {
            let mut curve = Vec::new();
            for n in ORDERS {
                let long = matches!(smoothing, Smoothing::ModifiedKneserNey | Smoothing::AddK);
                if n > MOST_OF_OTHERS && !long {
                    continue;
                }
                lab.step("smoothings", i * 8 + n, 48)?;
                let recipe = NgramRecipe::new(smoothing, n);
                let model = model(lab, &recipe, lab.corpus.train_set())?;
                let scored = scores(&*model, test);
                let (sum, bytes) = (perplexity(lab, &scored, test), model.footprint().bytes);
                let validated = perplexity(lab, &scores(&*model, valid), valid);
                table.push(&[
                    &smoothing.key(),
                    &n,
                    &validated.perplexity(),
                    &sum.perplexity(),
                    &sum.zero_share(),
                    &smoothing.normalised(),
                    &bytes,
                ]);
                curve.push((n as f64, sum.perplexity()));
                if smoothing == Smoothing::ModifiedKneserNey {
                    sizes.push((n as f64, bytes as f64));
                }
                chosen_on.insert((smoothing.key(), n), validated.nll);
                all.insert((smoothing.key(), n), scored);
            }
            // Without a distribution there is no perplexity to compare: such curves stay in the table.
            if smoothing != Smoothing::StupidBackoff {
                series.push(Series::new(name(smoothing), Look::Plain(i), curve));
            }
        }
        let kn = |n| &all[&("kn", n)];
        let best = |key: &str| best_order(&chosen_on, key);
        let best_kn = best("kn").map_or(5, |b| b.0);
        let next = ["ikn", "wb", "addk"].into_iter().filter_map(|key| Some((key, best(key)?)));
        let next = next.min_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let raw = perplexity(lab, &all[&("count", 3)], test);
        let smoothing = smoothing_rule(
            raw.perplexity(),
            raw.zero_share(),
            next.map(|(key, (n, _))| (key, ratio(kn(best_kn), &all[&(key, n)], test))),
        );
        let best_add = best("addk").map_or(1, |b| b.0);
        let order = order_rule(
            ratio(kn(6), kn(5), test),
            ratio(&all[&("addk", 5)], &all[&("addk", best_add)], test),
            best_add,
        );
        let x = || Axis::linear(Text::new("order n, words", "阶数 n(词)"));
        let charts = vec![
            Chart {
                id: "perplexity".into(),
                claims: vec!["a3".into(), "a4".into()],
                table: "smoothing".into(),
                title: Text::new("Perplexity by smoothing and order", "不同平滑方法与阶数的困惑度"),
                x: x(),
                y: Axis::log(Text::new("test perplexity", "测试集困惑度")),
                shape: Shape::Lines { series, rules: vec![] },
            },
            Chart {
                id: "bytes".into(),
                claims: vec!["a4".into()],
                table: "smoothing".into(),
                title: Text::new("Size of the Kneser-Ney model", "Kneser-Ney 模型的大小"),
                x: x(),
                y: Axis::linear(Text::new("bytes in memory", "内存占用(字节)")),
                shape: Shape::Lines {
                    series: vec![Series::new(
                        name(Smoothing::ModifiedKneserNey),
                        Look::Family(Family::Ngram),
                        sizes,
                    )],
                    rules: vec![],
                },
            },
        ];
        let rows = vec![lab.row("a3", self, 0, smoothing), lab.row("a4", self, 0, order)];
        Ok(Outcome { rows, tables: vec![table], charts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn e(lo: f64, hi: f64) -> Estimate {
        Estimate { value: (lo + hi) / 2.0, lo, hi }
    }

    #[test]
    fn smoothing_has_three_outcomes() {
        let ruling = |raw, lo, hi| smoothing_rule(raw, 0.1, Some(("wb", e(lo, hi))));
        let verdict = |raw, lo, hi| ruling(raw, lo, hi).verdict;
        assert_eq!(verdict(f64::INFINITY, 0.90, 0.95), Verdict::Confirmed);
        assert_eq!(verdict(f64::INFINITY, 0.98, 1.02), Verdict::Undecided);
        assert_eq!(verdict(f64::INFINITY, 1.01, 1.02), Verdict::Refuted);
        assert_eq!(verdict(300.0, 0.90, 0.95), Verdict::Refuted);
        let open = ruling(f64::INFINITY, 0.98, 1.02).reason;
        assert!(open.en.ends_with("undecided: take a longer test text"), "{}", open.en);
        assert!(open.zh.ends_with("需要更长的测试集"), "{}", open.zh);
        let none = smoothing_rule(f64::INFINITY, 0.1, None);
        assert_eq!(none.verdict, Verdict::Undecided);
        assert!(none.reason.en.ends_with("undecided: measure another smoothing"));
    }

    #[test]
    fn orders_have_three_outcomes() {
        assert_eq!(order_rule(e(0.995, 0.999), e(1.5, 1.6), 2).verdict, Verdict::Confirmed);
        assert_eq!(order_rule(e(0.985, 0.995), e(1.5, 1.6), 2).verdict, Verdict::Undecided);
        assert_eq!(order_rule(e(0.95, 0.96), e(1.5, 1.6), 2).verdict, Verdict::Refuted);
        assert_eq!(order_rule(e(0.995, 0.999), e(1.0, 1.0), 5).verdict, Verdict::Refuted);
        assert_eq!(order_rule(e(0.995, 0.999), e(1.1, 1.2), 8).verdict, Verdict::Refuted);
        let open = order_rule(e(0.985, 0.995), e(1.5, 1.6), 2).reason;
        assert!(open.en.ends_with("undecided: take a longer test text"), "{}", open.en);
    }

    #[test]
    fn the_validation_text_chooses_the_order() {
        let losses = Losses::from([(("wb", 1), 6.0), (("wb", 2), 5.0), (("wb", 3), 5.5)]);
        assert_eq!(best_order(&losses, "wb"), Some((2, 5.0)));
        assert_eq!(best_order(&losses, "kn"), None);
    }
}
