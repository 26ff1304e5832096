//! a1, a2: how much of the test text training never showed, by n, and how long a context answers at test time.
use anyhow::Result;
use lm::silent;
use ngram::table::{TableKind, TableModel};
use ngram::{GramCounts, NgramRecipe, Smoothing, sparsity};

use super::common::{count_bytes, percent};
use crate::lab::stats::wilson;
use crate::lab::*;

/// n-grams of one order in the test text.
#[derive(Clone, Copy, Debug)]
struct Order {
    n: usize,
    unseen: usize,
    all: usize,
}

impl Order {
    fn share(self) -> f64 {
        self.unseen as f64 / self.all.max(1) as f64
    }
}

/// Fewer test n-grams than this say nothing of a percent.
const ENOUGH: usize = 1_000;

/// Confirmed where every order has a larger unseen share than the one before; refuted where one is smaller by more than
/// chance: its Wilson interval lies below that of the order before.
fn rising(orders: &[Order], what: Text) -> Ruling {
    let interval = |o: &Order| wilson(o.unseen, o.all).unwrap_or(Estimate::exact(0.0));
    let cure = || Text::new("take a longer test text", "需要更长的测试集");
    let Some(last) = orders.iter().find(|o| o.n == 5).or(orders.last()) else {
        let nothing = Text::new("the test text has no n-grams", "测试集中没有 n-gram");
        return Ruling::undecided(what, nothing).or_take(cure());
    };
    let (en, zh) = (format!("{}, n = {}", what.en, last.n), format!("{},n = {}", what.zh, last.n));
    let figure = Text::new(en, zh);
    if orders.iter().any(|o| o.all < ENOUGH) || orders.len() < 2 {
        let reason = Text::new(
            format!("the test text has fewer than {ENOUGH} n-grams of some order"),
            format!("测试集中某一阶的 n-gram 不足 {ENOUGH} 个"),
        );
        let open = Ruling::undecided(figure, reason).or_take(cure());
        return Ruling { measured: Some(interval(last)), ..open };
    }
    let steps = || orders.windows(2);
    let verdict = match () {
        () if steps().all(|w| w[1].share() > w[0].share()) => Verdict::Confirmed,
        () if steps().any(|w| interval(&w[1]).hi < interval(&w[0]).lo)
            || orders[orders.len() - 1].share() <= orders[0].share() =>
        {
            Verdict::Refuted
        }
        () => Verdict::Undecided,
    };
    let list = orders.iter().map(|o| percent(o.share())).collect::<Vec<_>>();
    let span = format!("n = {}–{}", orders[0].n, orders[orders.len() - 1].n);
    let reason =
        Text::new(format!("{span}: {}", list.join(", ")), format!("{span}:{}", list.join("、")));
    Ruling { verdict, measured: Some(interval(last)), figure, reason }.or_take(cure())
}

/// The order of the model whose matches are counted.
const ASKED: usize = 5;

/// Of the test tokens whose longest stored n-gram has one length.
#[derive(Clone, Copy, Debug, Default)]
struct Matched {
    tokens: u64,
    log10_prob: f64,
}

impl Matched {
    fn perplexity(self) -> f64 {
        10f64.powf(-self.log10_prob / self.tokens as f64)
    }
}

/// The test tokens of a modified Kneser-Ney model by the longest n-gram that it has for them, 1 to 5.
fn matched(lab: &Lab<'_>) -> Result<[Matched; ASKED]> {
    let corpus = lab.corpus;
    let counts = GramCounts::new(&corpus.train, corpus.vocab.len(), ASKED)?;
    let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, ASKED);
    let made = recipe.estimate(counts, &corpus.train, &mut silent)?;
    let table = TableModel::of_estimate(TableKind::Hash, &made, &corpus.vocab, &[])?;
    let (mut all, mut answers) = ([Matched::default(); ASKED], Vec::new());
    table.matches(corpus.test.flat(), &mut answers);
    for answer in answers {
        let of = &mut all[answer.length - 1];
        of.tokens += 1;
        of.log10_prob += answer.log10_prob;
    }
    Ok(all)
}

/// The experiment.
pub struct Sparsity;

impl Experiment for Sparsity {
    fn name(&self) -> &'static str {
        "sparsity"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["a1", "a2"]
    }

    fn about(&self) -> &'static str {
        "share of test n-grams and contexts that training never showed, n = 1 to 7; orders matched at test time"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        2 * count_bytes(lab, 7)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        lab.step("counting", 0, 3)?;
        let counts = GramCounts::new(&lab.corpus.train, lab.corpus.vocab.len(), 7)?;
        lab.step("looking up", 1, 3)?;
        let rows = sparsity(&counts, &lab.corpus.test)?;
        let mut table = Table::new(
            "sparsity",
            &[
                "n",
                "distinct_train",
                "singleton_share",
                "test_ngrams",
                "unseen_share",
                "test_types",
                "unseen_type_share",
                "unseen_context_share",
            ],
        );
        for r in &rows {
            let shares = [
                r.singleton_share(),
                r.unseen_share(),
                r.unseen_type_share(),
                r.unseen_context_share(),
            ];
            table.push(&[
                &r.order,
                &r.distinct,
                &shares[0],
                &r.grams,
                &shares[1],
                &r.types,
                &shares[2],
                &shares[3],
            ]);
        }
        let order = |n: usize, unseen: u64, all: u64| Order {
            n,
            unseen: unseen as usize,
            all: all as usize,
        };
        let grams: Vec<Order> = rows.iter().map(|r| order(r.order, r.unseen, r.grams)).collect();
        let contexts: Vec<Order> = rows
            .iter()
            .filter(|r| r.order > 1)
            .map(|r| order(r.order, r.unseen_contexts, r.grams))
            .collect();
        let curve = |name: Text, i: usize, value: &dyn Fn(&ngram::Sparsity) -> f64| {
            Series::new(name, Look::Plain(i), rows.iter().map(|r| (r.order as f64, value(r))))
        };
        let chart = Chart {
            id: "unseen".into(),
            claims: vec!["a1".into(), "a2".into()],
            table: "sparsity".into(),
            title: Text::new(
                "How much of the test text training never showed",
                "测试集中有多少内容在训练集里从未出现",
            ),
            x: Axis::linear(Text::new("order n, words", "阶数 n(词)")),
            y: Axis::linear(Text::new("share of the test text", "占测试集的比例")),
            shape: Shape::Lines {
                series: vec![
                    curve(Text::new("n-grams (tokens)", "n-gram(逐个计)"), 0, &|r| {
                        r.unseen_share()
                    }),
                    curve(Text::new("n-grams (types)", "n-gram(不重复)"), 1, &|r| {
                        r.unseen_type_share()
                    }),
                    curve(Text::new("contexts", "上下文"), 2, &|r| r.unseen_context_share()),
                ],
                rules: vec![],
            },
        };
        lab.step("asking", 2, 3)?;
        let orders = matched(lab)?;
        let mut asked = Table::new("matched", &["order", "tokens", "share", "perplexity"]);
        let tokens = lab.corpus.test.targets() as f64;
        let share = |m: &Matched| m.tokens as f64 / tokens;
        for (i, m) in orders.iter().enumerate().filter(|(_, m)| m.tokens > 0) {
            asked.push(&[&(i + 1), &m.tokens, &share(m), &m.perplexity()]);
        }
        let shares = (1..).zip(&orders).map(|(n, m)| (f64::from(n), share(m)));
        let answered = Chart {
            id: "matched".into(),
            claims: vec!["a2".into()],
            table: "matched".into(),
            title: Text::new(
                "The longest n-gram that a Kneser-Ney 5-gram has for a test word",
                "测试时 Kneser-Ney 5-gram 所能匹配的最长 n-gram",
            ),
            x: Axis::linear(Text::new("length matched, words", "匹配长度(词)")),
            y: Axis::linear(Text::new("share of the test words", "占测试词的比例")),
            shape: Shape::Lines {
                series: vec![Series::new(
                    Text::new("5-gram", "5-gram"),
                    Look::Family(lm::Family::Ngram),
                    shares,
                )],
                rules: vec![],
            },
        };
        let grams = rising(
            &grams,
            Text::new("share of unseen test n-grams", "测试集中未见过的 n-gram 比例"),
        );
        let contexts = rising(
            &contexts,
            Text::new("share of unseen test contexts", "测试集中未见过的上下文比例"),
        );
        Ok(Outcome {
            rows: vec![lab.row("a1", self, 0, grams), lab.row("a2", self, 0, contexts)],
            tables: vec![table, asked],
            charts: vec![chart, answered],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruling(unseen: &[usize], all: usize) -> Ruling {
        let orders: Vec<Order> =
            unseen.iter().enumerate().map(|(i, &unseen)| Order { n: i + 1, unseen, all }).collect();
        rising(&orders, Text::same("x"))
    }

    #[test]
    fn three_outcomes() {
        let verdict = |unseen: &[usize], all| ruling(unseen, all).verdict;
        assert_eq!(verdict(&[0, 1_890, 5_780, 8_190], 10_000), Verdict::Confirmed);
        assert_eq!(verdict(&[0, 5_780, 1_890, 8_190], 10_000), Verdict::Refuted);
        assert_eq!(verdict(&[100, 100, 100], 10_000), Verdict::Refuted);
        for open in
            [ruling(&[0, 9_990, 9_989, 9_995], 10_000), ruling(&[0, 10, 20], 100), ruling(&[], 0)]
        {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.ends_with("undecided: take a longer test text"));
            assert!(open.reason.zh.ends_with("尚无定论:需要更长的测试集"));
        }
    }
}
