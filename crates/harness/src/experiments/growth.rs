//! a5, b2: what more training text does to sparsity, to perplexity and to the size of models.
use anyhow::Result;
use corpus::{Tokens, TrainSet};
use lm::{Family, Perplexity, Scores};
use ngram::{GramCounts, sparsity};

use super::asked::{cell, differences, families, take_more_seeds, tell_diverged, trained};
use super::common::{self, Texts, family, head, mean_loss, number_list, ratio, scores};
use super::parts::{self, Part};
use crate::lab::stats::student;
use crate::lab::*;

/// Shares of the training text, as divisors.
const SHARES: [usize; 6] = [32, 16, 8, 4, 2, 1];
const FAMILIES: [Family; 5] =
    [Family::Ngram, Family::Window, Family::Rnn, Family::Gru, Family::Lstm];
/// Order of the n-gram.
const ORDER: usize = 5;

/// A size of text, and what was unseen of the test text's trigrams.
struct Step {
    tokens: usize,
    unseen: f64,
    /// Mean perplexity of each family over the seeds; NaN where all diverged.
    perplexity: [f64; 5],
}

/// A family at a size of text: indices of the steps and of [`FAMILIES`].
type At = (usize, usize);
/// Loss in nats a token at the first minus that at the second, with its interval; `None` where no seed has both.
type Gap<'a> = &'a dyn Fn(At, At) -> Option<Estimate>;

/// Confirmed where, from the smallest to the largest text, the unseen share falls at every step, each family's loss falls
/// beyond its interval (and rises so at no step), and two families change places: the one that leads beyond the interval on
/// the smallest text trails so on the largest. Refuted where the unseen share or a family's loss ends higher than it began;
/// undecided otherwise.
fn more_data(steps: &[Step], gap: Gap<'_>) -> Ruling {
    let cure = Text::new(
        "take more text (--preset full) or more seeds (--seeds N)",
        "需要更多语料(--preset full)或更多随机种子(--seeds N)",
    );
    let what =
        Text::new("fall from the smallest text to the largest", "从最小语料到最大语料的下降");
    let [first, .., last] = steps else {
        let reason = Text::new("fewer than two sizes of text", "语料规模不足两档");
        return Ruling::undecided(what, reason).or_take(cure);
    };
    let end = steps.len() - 1;
    let loss = |(f, name): (usize, Family)| {
        let name = family(name);
        let name = Text::new(format!("{}, nats", name.en), format!("{}(奈特)", name.zh));
        Some(Part::above(name, gap((0, f), (end, f))?, 0.0))
    };
    let unseen = Part::above(
        Text::new("share of unseen trigrams", "未见三元组的比例"),
        Estimate::exact(first.unseen - last.unseen),
        0.0,
    );
    let losses: Option<Vec<Part>> = FAMILIES.into_iter().enumerate().map(loss).collect();
    let known = losses.map(|l| l.into_iter().chain([unseen]).collect::<Vec<_>>());
    let mut ruling = parts::all(what, &known.unwrap_or_default(), cure.clone());
    let told = ruling.verdict == Verdict::Undecided;
    let rises = (1..=end).any(|s| {
        let up = |f| gap((s - 1, f), (s, f)).is_some_and(|e| e.hi < 0.0);
        steps[s].unseen >= steps[s - 1].unseen || (0..FAMILIES.len()).any(up)
    });
    let pairs = (0..FAMILIES.len()).flat_map(|a| (0..FAMILIES.len()).map(move |b| (a, b)));
    let crossing = pairs.into_iter().find(|&(a, b)| {
        let leads = |s, a, b| gap((s, a), (s, b)).is_some_and(|e| e.hi < 0.0);
        leads(0, a, b) && leads(end, b, a)
    });
    if rises || crossing.is_none() {
        ruling.verdict = Verdict::all([ruling.verdict, Verdict::Undecided]);
    }
    let (en, zh) = match crossing.map(|(a, b)| (family(FAMILIES[a]), family(FAMILIES[b]))) {
        Some((a, b)) => (
            format!("{} leads {} on the smallest text and trails it on the largest", a.en, b.en),
            format!("{} 在最小语料上优于 {},在最大语料上不及后者", a.zh, b.zh),
        ),
        None => (
            "no two families change places beyond their intervals".into(),
            "没有两类模型在区间之外互换名次".into(),
        ),
    };
    let list = |s: &Step| number_list(&s.perplexity);
    ruling.reason.en += &format!(
        "; {en}; perplexity of n-gram, window, RNN, GRU, LSTM: {} at {} tokens, {} at {}",
        list(first),
        first.tokens,
        list(last),
        last.tokens
    );
    ruling.reason.zh += &format!(
        ";{zh};n-gram、固定窗口、RNN、GRU、LSTM 的困惑度:{} 词时 {},{} 词时 {}",
        first.tokens,
        list(first),
        last.tokens,
        list(last)
    );
    if rises {
        ruling.reason.en += "; not every step falls";
        ruling.reason.zh += ";并非每一步都下降";
    }
    if told { ruling } else { ruling.or_take(cure) }
}

/// Bytes of each family's model by size of text, without those that diverged. Confirmed where every network keeps its size
/// exactly while the counts' bytes grow at each step; refuted otherwise.
fn constant(bytes: &[Vec<u64>; 5]) -> Ruling {
    let figure = Text::new(
        "n-gram model: bytes on the largest text over the smallest",
        "n-gram 模型:最大语料与最小语料的字节数之比",
    );
    let [counted, networks @ ..] = bytes;
    let ([first, .., last], true) = (&counted[..], networks.iter().all(|n| n.len() > 1)) else {
        let cure = take_more_seeds();
        let few = Text::new(
            "a family has a model at fewer than two sizes of text",
            "有的模型只在不足两档语料上完成了训练",
        );
        return Ruling::undecided(figure, few).or_take(cure);
    };
    let grows = counted.windows(2).all(|w| w[1] > w[0]);
    let same = |sizes: &Vec<u64>| sizes.iter().all(|s| *s == sizes[0]);
    let each = |name: fn(Text) -> String, always: &str, from: &str, to: &str| {
        let own = FAMILIES[1..].iter().zip(networks).map(|(&f, sizes)| {
            let (name, size) = (name(family(f)), sizes[0]);
            let end = sizes[sizes.len() - 1];
            if same(sizes) {
                format!("{name} {always}{size}")
            } else {
                format!("{name} {from}{size}{to}{end}")
            }
        });
        own.collect::<Vec<_>>()
    };
    let en = each(|t| t.en, "always has ", "goes from ", " to ").join(", ");
    let zh = each(|t| t.zh, "始终为 ", "从 ", " 变为 ").join(",");
    let reason = Text::new(
        format!("the n-gram model goes from {first} bytes to {last}; of the networks, {en} bytes"),
        format!("n-gram 模型从 {first} 字节变为 {last} 字节;网络的字节数:{zh}"),
    );
    Ruling {
        verdict: Verdict::of(grows && networks.iter().all(same)),
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
        "1/32 to all of the training text: unseen trigrams, perplexity and bytes of every family"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        common::bytes(lab) + common::count_bytes(lab, 7)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (corpus, texts) = (lab.corpus, Texts::of(lab));
        // Thirty models a seed: more than one seed only where they are asked for.
        let seeds = lab.seeds(lab.size(1, 1, 1));
        let runs = SHARES.len() * FAMILIES.len() * seeds.len();
        let mut models = Table::new("models", &["tokens", "model", "perplexity", "bytes", "seed"]);
        let (mut steps, mut grown) = (Vec::new(), Vec::new());
        let mut sizes = [const { Vec::new() }; 5];
        for share in SHARES {
            let part = head(&texts.train, texts.train.targets() / share);
            let data = TrainSet { vocab: &corpus.vocab, train: &part, valid: &texts.valid };
            let counts = GramCounts::new(&part, corpus.vocab.len(), 3)?;
            let unseen = sparsity(&counts, &texts.test)?[2].unseen_share();
            let mut own = [const { Vec::new() }; 5];
            let mut bytes = [None; 5];
            for (i, &seed) in seeds.iter().enumerate() {
                let window = common::window(lab, seed);
                let recipes = families(ORDER, window, |cell| common::recurrent(lab, cell, seed));
                for (k, (_, recipe)) in recipes.into_iter().enumerate() {
                    let done = (grown.len() * seeds.len() + i) * FAMILIES.len() + k;
                    lab.step("training", done, runs)?;
                    let model = trained(lab, &*recipe, data)?;
                    let scored = model.as_ref().map(|m| scores(&**m, &texts.test));
                    let size = model.map(|m| m.footprint().bytes);
                    let perplexity = scored.as_ref().map(|s| Perplexity::of_mean_nll(mean_loss(s)));
                    let stored = size.map_or("–".into(), |s| s.to_string());
                    models.push(&[
                        &part.targets(),
                        &recipe.id(),
                        &cell(perplexity),
                        &stored,
                        &seed,
                    ]);
                    bytes[k] = bytes[k].or(size);
                    own[k].push(scored);
                }
            }
            for (sizes, bytes) in sizes.iter_mut().zip(bytes) {
                sizes.extend(bytes.map(|b| (part.targets(), b)));
            }
            let perplexity = own.each_ref().map(|runs| mean_perplexity(runs));
            steps.push(Step { tokens: part.targets(), unseen, perplexity });
            grown.push(own);
        }
        let gap = |a: At, b: At| gap(&grown[a.0][a.1], &grown[b.0][b.1], &texts.test);
        let diverged = grown.iter().flatten().flatten().filter(|s| s.is_none()).count();
        let mut more = tell_diverged(more_data(&steps, &gap), diverged, runs);
        if seeds.len() == 1 {
            more.reason.en += "; one seed was trained: the intervals are over test sentences, and another seed may differ by more";
            more.reason.zh += ";只训练了一个随机种子:区间仅针对测试句子,换一个种子差异可能更大";
        }
        let stored = sizes.each_ref().map(|s| s.iter().map(|p| p.1).collect());
        let rows = vec![
            lab.row("a5", self, seeds.len() as u64, more),
            lab.row("b2", self, seeds.len() as u64, constant(&stored)),
        ];
        Ok(Outcome { rows, tables: vec![models], charts: charts(&steps, &sizes) })
    }
}

/// Runs of a family on one text, one a seed; `None`: diverged.
type Runs = [Option<Scores>];

/// Loss of one minus that of the other, nats a token: of several seeds with Student's interval over them, of one with the
/// paired bootstrap's over the sentences of the test text.
fn gap(a: &Runs, b: &Runs, test: &Tokens) -> Option<Estimate> {
    if let ([Some(a)], [Some(b)]) = (a, b) {
        let Estimate { value, lo, hi } = ratio(a, b, test);
        return Some(Estimate { value: value.ln(), lo: lo.ln(), hi: hi.ln() });
    }
    let losses = |runs: &Runs| runs.iter().map(|s| s.as_ref().map(mean_loss)).collect::<Vec<_>>();
    student(&differences(&losses(a), &losses(b)))
}

fn mean_perplexity(runs: &Runs) -> f64 {
    let ended: Vec<f64> =
        runs.iter().flatten().map(|s| Perplexity::of_mean_nll(mean_loss(s))).collect();
    student(&ended).map_or(f64::NAN, |e| e.value)
}

fn charts(steps: &[Step], sizes: &[Vec<(usize, u64)>; 5]) -> Vec<Chart> {
    let curve =
        |f: Family, points: Vec<(f64, f64)>| Series::new(family(f), Look::Family(f), points);
    let perplexities = FAMILIES.iter().enumerate().map(|(k, &f)| {
        let ended = steps.iter().filter(|s| !s.perplexity[k].is_nan());
        curve(f, ended.map(|s| (s.tokens as f64, s.perplexity[k])).collect())
    });
    let bytes = FAMILIES
        .iter()
        .zip(sizes)
        .map(|(&f, sizes)| curve(f, sizes.iter().map(|s| (s.0 as f64, s.1 as f64)).collect()));
    let chart = |id: &str, claim: &str, title: Text, y: Text, series: Vec<Series>| Chart {
        id: id.into(),
        claims: vec![claim.into()],
        table: "models".into(),
        title,
        x: Axis::log(Text::new("training tokens", "训练词数")),
        y: Axis::log(y),
        shape: Shape::Lines { series, rules: vec![] },
    };
    vec![
        chart(
            "perplexity",
            "a5",
            Text::new("Perplexity by the size of the training text", "困惑度随训练语料规模的变化"),
            Text::new("test perplexity", "测试集困惑度"),
            perplexities.collect(),
        ),
        chart(
            "bytes",
            "b2",
            Text::new(
                "Size of models by the size of the training text",
                "模型大小随训练语料规模的变化",
            ),
            Text::new("bytes in memory", "内存占用(字节)"),
            bytes.collect(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use corpus::TokenId;
    use lm::Context;

    use super::*;

    /// A ruling on made-up losses by size of text, each gap known to ± so much.
    fn ruling(losses: &[[f64; 5]], unseen: &[f64], half: f64) -> Ruling {
        let step = |(i, &unseen)| Step { tokens: 1000usize << i, unseen, perplexity: [9.0; 5] };
        let steps: Vec<Step> = unseen.iter().enumerate().map(step).collect();
        more_data(&steps, &|a, b| {
            let value = losses[a.0][a.1] - losses[b.0][b.1];
            Some(Estimate { value, lo: value - half, hi: value + half })
        })
    }

    const CROSSING: [[f64; 5]; 2] = [[5.0, 6.0, 6.2, 6.3, 6.4], [4.8, 4.5, 4.6, 4.7, 4.9]];

    #[test]
    fn more_data_has_three_outcomes() {
        let good = ruling(&CROSSING, &[0.8, 0.6], 0.1);
        assert_eq!(good.verdict, Verdict::Confirmed);
        assert!(good.reason.en.contains("n-gram leads window on the smallest text"));
        let worse = [CROSSING[0], [4.8, 4.5, 4.6, 4.7, 6.9]];
        assert_eq!(ruling(&worse, &[0.8, 0.6], 0.1).verdict, Verdict::Refuted);
        assert_eq!(ruling(&CROSSING, &[0.6, 0.8], 0.1).verdict, Verdict::Refuted);
        let parallel = [CROSSING[0], [4.0, 5.0, 5.2, 5.3, 5.4]];
        let detour = [CROSSING[0], [5.5, 5.8, 5.8, 5.8, 5.8], CROSSING[1]];
        let open = [
            ruling(&parallel, &[0.8, 0.6], 0.1),
            ruling(&CROSSING, &[0.8, 0.6], 0.5),
            ruling(&detour, &[0.8, 0.7, 0.6], 0.1),
            ruling(&[], &[], 0.1),
            more_data(
                &[0.8, 0.6].map(|unseen| Step { tokens: 9, unseen, perplexity: [f64::NAN; 5] }),
                &|_, _| None,
            ),
        ];
        for open in open {
            assert_eq!(open.verdict, Verdict::Undecided, "{}", open.reason.en);
            assert_eq!(open.reason.en.matches("undecided: take more text").count(), 1);
            assert!(open.reason.zh.contains("尚无定论:需要更多语料"));
        }
    }

    #[test]
    fn one_seed_has_the_bootstrap_and_several_have_students_interval() {
        let mut text = Tokens::default();
        (0..40).for_each(|_| text.push_sentence(&[TokenId(1), TokenId(0)], 1));
        let run = |loss: f64| Some(Scores::given(vec![-loss; 80], &text, Context::Stream));
        let one = gap(&[run(2.0)], &[run(1.0)], &text).unwrap();
        assert!((one.value - 1.0).abs() < 1e-9 && (one.hi - one.lo).abs() < 1e-9);
        let two = gap(&[run(2.0), run(3.0), None], &[run(1.0), run(1.5), run(9.0)], &text).unwrap();
        assert!((two.value - 1.25).abs() < 1e-9 && two.lo < 0.0 && two.hi > 2.0);
        assert!(gap(&[None], &[run(1.0)], &text).is_none());
    }

    #[test]
    fn sizes_have_three_outcomes() {
        let bytes =
            |lstm: &[u64]| [vec![10, 20], vec![7, 7], vec![8, 8], vec![9, 9], lstm.to_vec()];
        let good = constant(&bytes(&[11, 11]));
        assert_eq!(good.verdict, Verdict::Confirmed);
        assert!(good.reason.en.contains("LSTM always has 11 bytes"), "{}", good.reason.en);
        let bad = constant(&bytes(&[11, 12]));
        assert_eq!(bad.verdict, Verdict::Refuted);
        assert!(bad.reason.en.contains("LSTM goes from 11 to 12 bytes"), "{}", bad.reason.en);
        let mut shrinks = bytes(&[11, 11]);
        shrinks[0] = vec![20, 10];
        assert_eq!(constant(&shrinks).verdict, Verdict::Refuted);
        let open = constant(&bytes(&[11]));
        assert_eq!(open.verdict, Verdict::Undecided);
        assert!(open.reason.en.ends_with("undecided: take more seeds (--seeds N)"));
    }
}
