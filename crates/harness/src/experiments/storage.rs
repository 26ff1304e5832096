//! b1: what counting stores: distinct n-grams by the size of the text, bytes by storage and n.
use anyhow::Result;
use lm::silent;
use ngram::table::{PackedOptions, TableKind, estimate_sizes};
use ngram::{GramCounts, NgramRecipe, Smoothing, sparsity};

use super::common::{count_bytes, head, number_list};
use crate::lab::stats::slope;
use crate::lab::*;

/// The highest order that is counted and stored.
const MOST: usize = 7;

/// Confirmed where the number of distinct n-grams rises with n and, at every n from 2 on, grows more slowly than the text;
/// refuted where some order's growth exponent lies above one or the total does not rise.
fn storage(totals: &[f64], exponents: &[(usize, Estimate)]) -> Ruling {
    let figure = Text::new(
        "growth exponent of distinct 5-grams in the corpus size",
        "不重复 5-gram 数随语料规模增长的指数",
    );
    let Some(&(_, largest)) = exponents.iter().find(|(n, _)| *n == 5).or(exponents.last()) else {
        return Ruling::undecided(
            figure,
            Text::new("too few sizes of text for a slope", "语料规模档数太少,无法拟合斜率"),
        );
    };
    let rises = Verdict::of(totals.windows(2).all(|w| w[1] > w[0]));
    let below = exponents.iter().map(|(_, e)| Verdict::below(*e, 1.0));
    let verdict = Verdict::all(below.chain([rises]));
    let steps: Vec<f64> = totals.windows(2).map(|w| w[1] - w[0]).collect();
    let each = number_list(&steps);
    let reason = Text::new(
        format!("each further n adds so many n-grams: {each}"),
        format!("n 每增加 1,新增的 n-gram 数:{each}"),
    );
    Ruling { verdict, measured: Some(largest), figure, reason }
}

/// The experiment.
pub struct Storage;

impl Experiment for Storage {
    fn name(&self) -> &'static str {
        "storage"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["b1"]
    }

    fn about(&self) -> &'static str {
        "1/32 to all of the training text: distinct and unseen n-grams; bytes of each storage, n = 1 to 7"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        2 * count_bytes(lab, MOST)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let corpus = lab.corpus;
        let (whole, vocab) = (corpus.train.targets(), corpus.vocab.len());
        let mut counts = Table::new("ngrams", &["tokens", "n", "distinct", "unseen_share"]);
        let mut grown: Vec<(usize, Vec<f64>)> = Vec::new();
        for (i, share) in [32, 16, 8, 4, 2, 1].into_iter().enumerate() {
            lab.step("counting", i, 6 + MOST)?;
            let part = head(&corpus.train, whole / share);
            let rows = sparsity(&GramCounts::new(&part, vocab, MOST)?, &corpus.test)?;
            rows.iter().for_each(|r| {
                counts.push(&[&part.targets(), &r.order, &r.distinct, &r.unseen_share()])
            });
            grown.push((part.targets(), rows.iter().map(|r| r.distinct as f64).collect()));
        }
        let columns = ["n", "storage", "ngrams", "bytes", "bytes_an_ngram"];
        let mut stored = Table::new("bytes", &columns);
        let mut sizes = Vec::new();
        for n in 1..=MOST {
            lab.step("measuring storages", 5 + n, 6 + MOST)?;
            let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, n);
            let counted = GramCounts::new(&corpus.train, vocab, n)?;
            let model = recipe.estimate(counted, &corpus.train, &mut silent)?.to_backoff();
            let grams: usize = model.gram_counts().iter().sum();
            for size in estimate_sizes(&model, &corpus.vocab, &[], PackedOptions::default())? {
                stored.push(&[&n, &size.kind, &grams, &size.bytes, &size.bytes_per_gram]);
                sizes.push((n, size.kind, size.bytes));
            }
        }
        let exponent = |n: usize| {
            let points: Vec<(f64, f64)> =
                grown.iter().map(|(t, d)| ((*t as f64).ln(), d[n - 1].ln())).collect();
            slope(&points).map(|s| (n, s))
        };
        let totals: Vec<f64> = grown.last().map_or(vec![], |(_, d)| {
            d.iter()
                .scan(0.0, |sum, d| {
                    *sum += d;
                    Some(*sum)
                })
                .collect()
        });
        let ruling = storage(&totals, &(2..=MOST).filter_map(exponent).collect::<Vec<_>>());
        Ok(Outcome {
            rows: vec![lab.row("b1", self, 0, ruling)],
            tables: vec![counts, stored],
            charts: vec![distinct(&grown), bytes(&sizes)],
        })
    }
}

fn distinct(grown: &[(usize, Vec<f64>)]) -> Chart {
    let series = (1..=MOST).map(|n| {
        Series::new(
            Text::same(format!("n = {n}")),
            Look::Plain(n - 1),
            grown.iter().map(|(t, d)| (*t as f64, d[n - 1])),
        )
    });
    Chart {
        id: "distinct".into(),
        claims: vec!["b1".into()],
        table: "ngrams".into(),
        title: Text::new(
            "Distinct n-grams by the size of the training text",
            "不重复 n-gram 数随训练语料规模的变化",
        ),
        x: Axis::log(Text::new("training tokens", "训练词数")),
        y: Axis::log(Text::new("distinct n-grams", "不重复 n-gram 数")),
        shape: Shape::Lines { series: series.collect(), rules: vec![] },
    }
}

fn bytes(sizes: &[(usize, TableKind, usize)]) -> Chart {
    let series = TableKind::ALL.into_iter().enumerate().map(|(i, kind)| {
        let of_kind = sizes.iter().filter(move |s| s.1 == kind);
        let points = of_kind.map(|&(n, _, bytes)| (n as f64, bytes as f64 / 1e6));
        Series::new(Text::same(kind.to_string()), Look::Plain(i), points)
    });
    Chart {
        id: "bytes".into(),
        claims: vec!["b1".into()],
        table: "bytes".into(),
        title: Text::new(
            "Size of the model file by storage (modified Kneser-Ney)",
            "模型文件大小(修正 Kneser-Ney),按存储方式",
        ),
        x: Axis::linear(Text::new("order n, words", "阶数 n(词)")),
        y: Axis::linear(Text::new("size, MB", "大小(MB)")),
        shape: Shape::Lines { series: series.collect(), rules: vec![] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_has_three_outcomes() {
        let e = |lo, hi| (5, Estimate { value: 0.9, lo, hi });
        assert_eq!(storage(&[1.0, 2.0, 3.0], &[e(0.8, 0.95)]).verdict, Verdict::Confirmed);
        assert_eq!(storage(&[1.0, 2.0, 3.0], &[e(0.9, 1.05)]).verdict, Verdict::Undecided);
        assert_eq!(storage(&[1.0, 2.0, 3.0], &[e(1.01, 1.05)]).verdict, Verdict::Refuted);
        assert_eq!(storage(&[1.0, 3.0, 3.0], &[e(0.8, 0.95)]).verdict, Verdict::Refuted);
    }
}
