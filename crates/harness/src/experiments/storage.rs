//! b1: what counting stores: distinct n-grams and bytes of each storage, by n and by the size of the text.
use anyhow::Result;
use corpus::Tokens;
use lm::silent;
use ngram::table::{PackedOptions, TableKind, estimate_sizes};
use ngram::{GramCounts, NgramRecipe, Smoothing, sparsity};

use super::common::{count_bytes, head, number_list};
use super::parts::{self, Part};
use crate::lab::*;

/// The highest order that is counted and stored.
const MOST: usize = 7;
/// The order whose growth in the corpus is the figure of bytes.
const SHOWN: usize = 5;
/// Shares of the training text, as divisors.
const SHARES: [usize; 6] = [32, 16, 8, 4, 2, 1];
/// Largest over smallest increment of the bytes from one n to the next (n = 3 to 7) below which growth counts as about
/// linear in n, and above which it counts as something else. A line has 1, n² has 2.6, 2^n has 16. n = 2 is left out: there
/// the vocabulary limits what can be added.
const LINEAR: f64 = 2.0;
const CURVED: f64 = 4.0;

/// Growth exponent of a quantity in the size of the text, d ln y / d ln tokens, of (tokens, y): between the smallest and the
/// largest text, with the least and the greatest between two neighbouring sizes as its ends. The texts are nested, so that a
/// least-squares interval, which takes the points for independent, would be too narrow; this range makes no such assumption
/// and is no statement of chance. `None` below three sizes.
fn exponent(grown: &[(f64, f64)]) -> Option<Estimate> {
    let between = |a: &(f64, f64), b: &(f64, f64)| (b.1 / a.1).ln() / (b.0 / a.0).ln();
    let [first, _, .., last] = grown else { return None };
    let local = || grown.windows(2).map(|w| between(&w[0], &w[1]));
    Some(Estimate {
        value: between(first, last),
        lo: local().fold(f64::INFINITY, f64::min),
        hi: local().fold(f64::NEG_INFINITY, f64::max),
    })
}

/// Largest over smallest increment of bytes for n = 1 to [`MOST`], from n = 3 on; `None` where they do not rise.
fn evenness(bytes: &[f64]) -> Option<f64> {
    let steps: Vec<f64> = bytes.windows(2).skip(1).map(|w| w[1] - w[0]).collect();
    let (least, most) = steps.iter().fold((f64::INFINITY, 0f64), |m, &s| (m.0.min(s), m.1.max(s)));
    (bytes.windows(2).all(|w| w[1] > w[0]) && !steps.is_empty()).then(|| most / least)
}

/// What was measured: distinct n-grams of each order and bytes of each storage at [`SHOWN`] by tokens of text; bytes of each
/// storage by n on all of the text.
#[derive(Default)]
struct Stored {
    distinct: Vec<(usize, Vec<(f64, f64)>)>,
    by_text: Vec<(TableKind, Vec<(f64, f64)>)>,
    by_order: Vec<(TableKind, Vec<f64>)>,
}

/// Confirmed where, between any two neighbouring sizes of text, the distinct n-grams of every order from 2 on and the bytes
/// of every storage grow more slowly than the text, and where every storage's bytes rise with n by increments of which the
/// largest is less than [`LINEAR`] times the smallest. Refuted where one of them grows faster than the text at every size, or
/// where bytes do not rise with n, or by increments more than [`CURVED`] times apart.
fn storage(stored: &Stored) -> Ruling {
    let what = Text::new("growth of storage", "存储量的增长");
    let growth =
        |name: Text, points: &[(f64, f64)]| Some(Part::below(name, exponent(points)?, 1.0));
    let distinct = stored.distinct.iter().map(|(n, points)| {
        growth(
            Text::new(
                format!("exponent of distinct {n}-grams in the corpus size"),
                format!("不重复 {n}-gram 数随语料规模增长的指数"),
            ),
            points,
        )
    });
    let by_text = stored.by_text.iter().map(|(kind, points)| {
        growth(
            Text::new(
                format!("exponent of {kind}'s bytes in the corpus size, {SHOWN}-gram"),
                format!("{SHOWN}-gram 的 {kind} 字节数随语料规模增长的指数"),
            ),
            points,
        )
    });
    let by_order = stored.by_order.iter().map(|(kind, bytes)| {
        let name = Text::new(
            format!("largest over smallest increment of {kind}'s bytes, n = 3 to {MOST}"),
            format!("{kind} 的字节数在 n = 3 到 {MOST} 间最大与最小增量之比"),
        );
        let even = evenness(bytes).unwrap_or(f64::INFINITY);
        // Between the two limits it is open what "about" means.
        let open = Estimate { value: even, lo: LINEAR, hi: CURVED };
        let e = if (LINEAR..=CURVED).contains(&even) { open } else { Estimate::exact(even) };
        Some(Part::below(name, e, LINEAR))
    });
    let parts: Option<Vec<Part>> = distinct.chain(by_text).chain(by_order).collect();
    let cure = Text::new("take a longer training text", "需要更长的训练语料");
    let mut ruling = parts::all(what, &parts.unwrap_or_default(), cure);
    ruling.reason.en += "; in brackets after an exponent: the least and the greatest between neighbouring sizes of text, which are nested, so that this is no interval of chance";
    ruling.reason.zh +=
        ";指数后方括号内为相邻两档语料之间的最小值与最大值;各档语料相互嵌套,故不是置信区间";
    if let Some((kind, bytes)) = stored.by_order.iter().find(|(k, _)| *k == TableKind::Trie) {
        let list = number_list(&bytes.iter().map(|b| b / 1e6).collect::<Vec<_>>());
        ruling.reason.en += &format!("; MB of {kind}, n = 1 to {MOST}: {list}");
        ruling.reason.zh += &format!(";{kind} 在 n = 1 到 {MOST} 时的大小(MB):{list}");
    }
    ruling
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
        let mut sizes = Sizes::default();
        let mut grown: Vec<(usize, Vec<f64>)> = Vec::new();
        for (i, share) in SHARES.into_iter().enumerate() {
            let part = head(&corpus.train, whole / share);
            let step = |k| lab.step("counting and measuring", i * (MOST + 1) + k, 6 * (MOST + 1));
            step(0)?;
            let rows = sparsity(&GramCounts::new(&part, vocab, MOST)?, &corpus.test)?;
            rows.iter().for_each(|r| {
                counts.push(&[&part.targets(), &r.order, &r.distinct, &r.unseen_share()])
            });
            grown.push((part.targets(), rows.iter().map(|r| r.distinct as f64).collect()));
            for n in 1..=MOST {
                step(n)?;
                sizes.measure(lab, &part, n)?;
            }
        }
        let distinct =
            (2..=MOST).map(|n| (n, grown.iter().map(|(t, d)| (*t as f64, d[n - 1])).collect()));
        let stored = Stored {
            distinct: distinct.collect(),
            by_text: TableKind::ALL.map(|kind| (kind, sizes.by_text(kind))).into(),
            by_order: TableKind::ALL
                .map(|kind| (kind, sizes.by_order(kind, whole).map(|p| p.1).collect()))
                .into(),
        };
        Ok(Outcome {
            rows: vec![lab.row("b1", self, 0, storage(&stored))],
            charts: vec![distinct_chart(&grown), by_order(&sizes, whole), by_text(&sizes)],
            tables: vec![counts, sizes.table()],
        })
    }
}

/// A stored model: tokens of its text, n, storage, n-grams of all orders, bytes of its file.
type Size = (usize, usize, TableKind, usize, usize);

/// Sizes of modified Kneser-Ney models.
#[derive(Default)]
struct Sizes(Vec<Size>);

impl Sizes {
    /// Adds the storages of an n-gram model of a text.
    fn measure(&mut self, lab: &Lab<'_>, text: &Tokens, n: usize) -> Result<()> {
        let vocab = &lab.corpus.vocab;
        let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, n);
        let counted = GramCounts::new(text, vocab.len(), n)?;
        let model = recipe.estimate(counted, text, &mut silent)?.to_backoff();
        let grams: usize = model.gram_counts().iter().sum();
        let sizes = estimate_sizes(&model, vocab, &[], PackedOptions::default())?;
        self.0.extend(sizes.iter().map(|s| (text.targets(), n, s.kind, grams, s.bytes)));
        Ok(())
    }

    /// n and bytes of a storage on a text of so many tokens.
    fn by_order(&self, kind: TableKind, tokens: usize) -> impl Iterator<Item = (f64, f64)> {
        let own = self.0.iter().filter(move |s| s.2 == kind && s.0 == tokens);
        own.map(|s| (s.1 as f64, s.4 as f64))
    }

    /// Tokens and bytes of a storage at [`SHOWN`].
    fn by_text(&self, kind: TableKind) -> Vec<(f64, f64)> {
        let own = self.0.iter().filter(|s| s.2 == kind && s.1 == SHOWN);
        own.map(|s| (s.0 as f64, s.4 as f64)).collect()
    }

    fn table(&self) -> Table {
        let columns = ["tokens", "n", "storage", "ngrams", "bytes", "bytes_an_ngram"];
        let mut table = Table::new("bytes", &columns);
        for (tokens, n, kind, grams, bytes) in &self.0 {
            let each = *bytes as f64 / *grams as f64;
            table.push(&[tokens, n, kind, grams, bytes, &each]);
        }
        table
    }
}

fn distinct_chart(grown: &[(usize, Vec<f64>)]) -> Chart {
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

fn bytes_chart(
    id: &str,
    title: Text,
    x: Axis,
    y: Axis,
    points: impl Fn(TableKind) -> Vec<(f64, f64)>,
) -> Chart {
    let series = TableKind::ALL.into_iter().enumerate().map(|(i, kind)| {
        let megabytes = points(kind).into_iter().map(|(x, bytes)| (x, bytes / 1e6));
        Series::new(Text::same(kind.to_string()), Look::Plain(i), megabytes)
    });
    Chart {
        id: id.into(),
        claims: vec!["b1".into()],
        table: "bytes".into(),
        title,
        x,
        y,
        shape: Shape::Lines { series: series.collect(), rules: vec![] },
    }
}

fn by_order(sizes: &Sizes, tokens: usize) -> Chart {
    bytes_chart(
        "bytes",
        Text::new(
            "Size of the model file by storage (modified Kneser-Ney)",
            "模型文件大小(修正 Kneser-Ney),按存储方式",
        ),
        Axis::linear(Text::new("order n, words", "阶数 n(词)")),
        Axis::linear(Text::new("size, MB", "大小(MB)")),
        |kind| sizes.by_order(kind, tokens).collect(),
    )
}

fn by_text(sizes: &Sizes) -> Chart {
    bytes_chart(
        "bytes-text",
        Text::new(
            format!("Size of the {SHOWN}-gram model file by the size of the training text"),
            format!("{SHOWN}-gram 模型文件大小随训练语料规模的变化"),
        ),
        Axis::log(Text::new("training tokens", "训练词数")),
        Axis::log(Text::new("size, MB", "大小(MB)")),
        |kind| sizes.by_text(kind),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distinct 5-grams and bytes that grow by these powers of the text; bytes by n.
    fn stored(distinct: [f64; 2], bytes: [f64; 7]) -> Stored {
        let grow = |powers: [f64; 2]| {
            vec![(1.0, 1.0), (2.0, 2f64.powf(powers[0])), (4.0, 2f64.powf(powers[0] + powers[1]))]
        };
        Stored {
            distinct: vec![(5, grow(distinct))],
            by_text: vec![(TableKind::Trie, grow([0.8, 0.9]))],
            by_order: vec![(TableKind::Trie, bytes.into())],
        }
    }

    const EVEN: [f64; 7] = [1.0, 2.0, 4.0, 7.0, 10.0, 13.0, 15.0];

    #[test]
    fn growth_in_the_corpus_has_three_outcomes() {
        let ruling = |powers| storage(&stored(powers, EVEN));
        assert_eq!(ruling([0.9, 0.8]).verdict, Verdict::Confirmed);
        assert_eq!(ruling([1.02, 1.01]).verdict, Verdict::Refuted);
        for open in [ruling([1.02, 0.8]), storage(&Stored::default())] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains("undecided: take a longer training text"));
            assert!(open.reason.zh.contains("尚无定论:需要更长的训练语料"));
        }
        let mut fast = stored([0.9, 0.8], EVEN);
        fast.by_text[0].1 = vec![(1.0, 1.0), (2.0, 2.1), (4.0, 4.5)];
        assert_eq!(storage(&fast).verdict, Verdict::Refuted);
    }

    #[test]
    fn growth_in_n_has_three_outcomes() {
        let verdict = |bytes| storage(&stored([0.9, 0.8], bytes)).verdict;
        assert_eq!(verdict(EVEN), Verdict::Confirmed);
        assert_eq!(verdict([1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0]), Verdict::Undecided);
        assert_eq!(verdict([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]), Verdict::Refuted);
        assert_eq!(verdict([1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0]), Verdict::Refuted);
    }

    #[test]
    fn exponents_by_hand() {
        let e = exponent(&[(1.0, 1.0), (2.0, 2.0), (4.0, 2.0)]).unwrap();
        assert!((e.value - 0.5).abs() < 1e-12 && e.lo == 0.0 && (e.hi - 1.0).abs() < 1e-12);
        assert!(exponent(&[(1.0, 1.0), (2.0, 2.0)]).is_none());
        assert_eq!(evenness(&[1.0, 2.0, 3.0, 5.0]), Some(2.0));
        assert_eq!(evenness(&[1.0, 2.0, 2.0]), None);
    }
}
