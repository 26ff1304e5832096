//! a5, b2: what more training text does to sparsity, to perplexity and to the size of models.
use anyhow::Result;
use corpus::TrainSet;
use lm::Family;
use ngram::{GramCounts, NgramRecipe, Smoothing, sparsity};
use rnn::{CellName, RnnRecipe};
use window::WindowRecipe;

use super::common::{self, Texts, head, model, number_list, perplexity, scores};
use crate::lab::*;

/// The share of the text, what of the test was unseen, and each family's perplexity (n-gram, window, RNN).
struct Step {
    tokens: usize,
    unseen: f64,
    perplexity: [f64; 3],
}

/// Confirmed where the unseen share and every family's perplexity fall at every step and the order of the families changes on
/// the way; refuted where one of them ends higher than it began; undecided otherwise.
fn more_data(steps: &[Step]) -> Ruling {
    let figure = Text::new(
        "fall of the unseen trigram share, smallest to largest text",
        "未见三元组比例的下降(从最小语料到最大语料)",
    );
    let [first, .., last] = steps else {
        return Ruling::undecided(
            figure,
            Text::new("fewer than two sizes of text", "语料规模不足两档"),
        );
    };
    let values = |s: &Step| [s.unseen, s.perplexity[0], s.perplexity[1], s.perplexity[2]];
    let ends = (0..4).all(|i| values(last)[i] < values(first)[i]);
    let each = steps.windows(2).all(|w| (0..4).all(|i| values(&w[1])[i] < values(&w[0])[i]));
    let order = |s: &Step| {
        let mut order = [0, 1, 2];
        order.sort_by(|&a, &b| s.perplexity[a].total_cmp(&s.perplexity[b]));
        order
    };
    let crosses = steps.iter().any(|s| order(s) != order(first));
    let verdict = match () {
        () if !ends => Verdict::Refuted,
        () if each && crosses => Verdict::Confirmed,
        () => Verdict::Undecided,
    };
    let list = |s: &Step| number_list(&s.perplexity);
    let (en, zh) = match (crosses, each) {
        (true, _) => ("the families' order changes on the way", "各类模型的优劣次序中途发生变化"),
        (false, true) => (
            "all fall, but the families do not cross in this range: take more text",
            "都在下降,但在此范围内各类模型没有相交:需要更多语料",
        ),
        (false, false) => (
            "not every step falls: take more seeds or text",
            "并非每一步都下降:需要更多随机种子或语料",
        ),
    };
    let reason = Text::new(
        format!(
            "perplexity of 5-gram, window, RNN: {} at {} tokens, {} at {}; {en}",
            list(first),
            first.tokens,
            list(last),
            last.tokens
        ),
        format!(
            "5-gram、固定窗口、RNN 的困惑度:{} 词时 {},{} 词时 {};{zh}",
            first.tokens,
            list(first),
            last.tokens,
            list(last)
        ),
    );
    Ruling { verdict, measured: Some(Estimate::exact(first.unseen - last.unseen)), figure, reason }
}

/// Confirmed where networks keep their size exactly while the counts' bytes grow.
fn constant(counted: &[u64], networks: &[u64]) -> Ruling {
    let figure = Text::new(
        "n-gram model: bytes on the largest text over the smallest",
        "n-gram 模型:最大语料与最小语料的字节数之比",
    );
    let ([first, .., last], [size, ..]) = (counted, networks) else {
        return Ruling::undecided(
            figure,
            Text::new("fewer than two sizes of text", "语料规模不足两档"),
        );
    };
    let grows = counted.windows(2).all(|w| w[1] > w[0]);
    let same = networks.iter().all(|n| n == size);
    let reason = Text::new(
        format!("the RNN has {size} bytes at every size of text: {same}"),
        format!("RNN 在各档语料下都是 {size} 字节:{}", if same { "是" } else { "否" }),
    );
    Ruling {
        verdict: Verdict::of(grows && same),
        measured: Some(Estimate::exact(*last as f64 / *first as f64)),
        figure,
        reason,
    }
}

/// The experiment.
pub struct Growth;

impl Experiment for Growth {
    fn name(&self) -> &'static str {
        "growth"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["a5", "b2"]
    }

    fn about(&self) -> &'static str {
        "shares of the training text: unseen trigrams, perplexity and bytes of every family"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        common::bytes(lab) + common::count_bytes(lab, 7)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (corpus, texts) = (lab.corpus, Texts::of(lab));
        let mut models = Table::new("models", &["tokens", "model", "perplexity", "bytes", "seed"]);
        let (mut steps, mut counted_bytes, mut network_bytes) =
            (Vec::new(), Vec::new(), Vec::new());
        let shares = [16, 8, 4, 2, 1];
        for (i, share) in shares.into_iter().enumerate() {
            lab.step("training", i, 5)?;
            let part = head(&texts.train, texts.train.targets() / share);
            let data = TrainSet { vocab: &corpus.vocab, train: &part, valid: &texts.valid };
            let mut step = Step { tokens: part.targets(), unseen: 0.0, perplexity: [0.0; 3] };
            step.unseen = sparsity(&GramCounts::new(&part, corpus.vocab.len(), 3)?, &texts.test)?
                [2]
            .unseen_share();
            let recipes: [&dyn lm::Recipe; 3] = [
                &NgramRecipe::new(Smoothing::ModifiedKneserNey, 5),
                &WindowRecipe::new(common::window(lab, lab.seed)),
                &RnnRecipe::new(common::recurrent(lab, CellName::Rnn, lab.seed)),
            ];
            for (k, recipe) in recipes.into_iter().enumerate() {
                let model = model(lab, recipe, data)?;
                let sum = perplexity(lab, &scores(&*model, &texts.test), &texts.test);
                step.perplexity[k] = sum.perplexity();
                let bytes = model.footprint().bytes;
                models.push(&[&part.targets(), &recipe.id(), &sum.perplexity(), &bytes, &lab.seed]);
                match k {
                    0 => counted_bytes.push(bytes),
                    2 => network_bytes.push(bytes),
                    _ => {}
                }
            }
            steps.push(step);
        }
        let charts = charts(&steps, &counted_bytes, &network_bytes);
        let rows = vec![
            lab.row("a5", self, 1, more_data(&steps)),
            lab.row("b2", self, 1, constant(&counted_bytes, &network_bytes)),
        ];
        Ok(Outcome { rows, tables: vec![models], charts })
    }
}

fn charts(steps: &[Step], counted: &[u64], networks: &[u64]) -> Vec<Chart> {
    let tokens = || Axis::log(Text::new("training tokens", "训练词数"));
    let families = [Family::Ngram, Family::Window, Family::Rnn];
    let at = |i: usize| steps[i].tokens as f64;
    let perplexities = families.iter().enumerate().map(|(k, &family)| {
        Series::new(
            common::family(family),
            Look::Family(family),
            steps.iter().map(|s| (s.tokens as f64, s.perplexity[k])),
        )
    });
    let bytes = [(Family::Ngram, counted), (Family::Rnn, networks)].map(|(family, values)| {
        let points = values.iter().enumerate().map(|(i, b)| (at(i), *b as f64));
        Series::new(common::family(family), Look::Family(family), points)
    });
    let chart =
        |id: &str, claim: &str, table: &str, title: Text, y: Text, series: Vec<Series>| Chart {
            id: id.into(),
            claims: vec![claim.into()],
            table: table.into(),
            title,
            x: tokens(),
            y: Axis::log(y),
            shape: Shape::Lines { series, rules: vec![] },
        };
    vec![
        chart(
            "perplexity",
            "a5",
            "models",
            Text::new("Perplexity by the size of the training text", "困惑度随训练语料规模的变化"),
            Text::new("test perplexity", "测试集困惑度"),
            perplexities.collect(),
        ),
        chart(
            "bytes",
            "b2",
            "models",
            Text::new(
                "Size of models by the size of the training text",
                "模型大小随训练语料规模的变化",
            ),
            Text::new("bytes in memory", "内存占用(字节)"),
            bytes.into(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(values: &[(f64, [f64; 3])]) -> Vec<Step> {
        values
            .iter()
            .enumerate()
            .map(|(i, &(unseen, perplexity))| Step { tokens: 1000 << i, unseen, perplexity })
            .collect()
    }

    #[test]
    fn more_data_has_three_outcomes() {
        let crossing = steps(&[(0.8, [300.0, 400.0, 500.0]), (0.6, [200.0, 220.0, 190.0])]);
        assert_eq!(more_data(&crossing).verdict, Verdict::Confirmed);
        let parallel = steps(&[(0.8, [300.0, 400.0, 500.0]), (0.6, [200.0, 220.0, 290.0])]);
        assert_eq!(more_data(&parallel).verdict, Verdict::Undecided);
        let worse = steps(&[(0.8, [300.0, 400.0, 500.0]), (0.6, [200.0, 220.0, 590.0])]);
        assert_eq!(more_data(&worse).verdict, Verdict::Refuted);
        assert_eq!(more_data(&[]).verdict, Verdict::Undecided);
    }

    #[test]
    fn sizes_have_three_outcomes() {
        assert_eq!(constant(&[10, 20], &[7, 7]).verdict, Verdict::Confirmed);
        assert_eq!(constant(&[10, 20], &[7, 8]).verdict, Verdict::Refuted);
        assert_eq!(constant(&[10], &[7]).verdict, Verdict::Undecided);
    }
}
