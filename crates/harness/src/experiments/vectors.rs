//! c4: where word vectors come from: random ones, skip-gram's (written as a word2vec file and read back), trained ones.
use std::sync::Arc;

use anyhow::Result;
use corpus::write_vectors;
use lm::{Family, Perplexity, Recipe};
use nn::embedding::Embedding;
use nn::skipgram::Config;
use nn::{init, rng};
use rnn::{CellName, RnnConfig, RnnRecipe};
use window::{WindowConfig, WindowRecipe};

use super::asked::{self, cell, differences, tell_diverged, trained};
use super::common::{self, Texts, head, mean_loss, scores};
use super::parts::{self, Part};
use crate::interrupt;
use crate::lab::stats::student;
use crate::lab::*;
use crate::vectors;

/// Where the vectors come from, and whether they stay as they are.
const KINDS: [(&str, bool); 4] =
    [("random", true), ("skip-gram", true), ("random", false), ("skip-gram", false)];
const FAMILIES: [Family; 2] = [Family::Window, Family::Rnn];

/// Losses in nats a token of each family and kind, one a seed (`None`: diverged; left out).
///
/// Confirmed where, in both families, frozen skip-gram vectors beat frozen random ones and trained vectors beat frozen skip-gram ones; refuted where one of these is the other way
/// round, undecided where an interval over the seeds includes no difference.
fn rule(losses: &[[Vec<Option<f64>>; 4]; 2]) -> Ruling {
    let what = Text::new("gain, nats a token", "收益(每词奈特)");
    let mut all = Vec::new();
    for (family, losses) in FAMILIES.iter().zip(losses) {
        let family = common::family(*family);
        let gain = |from: usize, to: usize| student(&differences(&losses[from], &losses[to]));
        for ((from, to), (en, zh)) in [(0, 1), (1, 2)].into_iter().zip([
            ("frozen skip-gram over frozen random", "固定的 skip-gram 相对固定的随机向量"),
            ("trained over frozen skip-gram", "训练的词向量相对固定的 skip-gram"),
        ]) {
            let name = Text::new(format!("{}, {en}", family.en), format!("{},{zh}", family.zh));
            all.extend(gain(from, to).map(|e| Part::above(name, e, 0.0)));
        }
    }
    let cure = Text::new(
        "take more seeds (--seeds N) or text (--preset full)",
        "需要更多随机种子(--seeds N)或语料(--preset full)",
    );
    let ruling = parts::all(what, if all.len() == 4 { &all } else { &[] }, cure);
    let runs = losses.iter().flatten().flatten();
    tell_diverged(ruling, runs.clone().filter(|l| l.is_none()).count(), runs.count())
}

/// The experiment.
pub struct Vectors;

impl Vectors {
    fn width(lab: &Lab<'_>) -> usize {
        common::window(lab, 1).emsize
    }

    fn window(lab: &Lab<'_>, frozen: bool, seed: u64) -> WindowConfig {
        WindowConfig { frozen, ..common::window(lab, seed) }
    }

    fn rnn(lab: &Lab<'_>, frozen: bool, seed: u64) -> RnnConfig {
        RnnConfig { emsize: Self::width(lab), frozen, ..asked::recurrent(lab, CellName::Rnn, seed) }
    }

    fn skip_gram(lab: &Lab<'_>, seed: u64) -> Config {
        Config { width: Self::width(lab), epochs: lab.size(2, 10, 5), seed, ..Config::default() }
    }

    /// Trains vectors, writes them as a file, and reads that.
    fn pre_trained(lab: &Lab<'_>, texts: &Texts, seed: u64) -> Result<Embedding<f32>> {
        let (vocab, config) = (&lab.corpus.vocab, Self::skip_gram(lab, seed));
        let net = vectors::skip_gram(&texts.train, vocab, &config, &mut |_, _| interrupt::flow())?;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("vectors.txt");
        let rows = net.v.rows().into_iter().map(|r| r.to_slice().expect("standard layout"));
        write_vectors(&path, vocab, config.width, rows)?;
        Ok(vectors::load(&path, vocab, seed)?.0)
    }
}

impl Experiment for Vectors {
    fn name(&self) -> &'static str {
        "vectors"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["c4"]
    }

    fn about(&self) -> &'static str {
        "word vectors random, by skip-gram, trained: perplexity of window and RNN"
    }

    fn bytes(&self, lab: &Lab<'_>) -> u64 {
        let vocab = lab.corpus.vocab.len();
        let networks = Self::window(lab, false, 1)
            .training_bytes(vocab)
            .max(Self::rnn(lab, false, 1).training_bytes(vocab));
        networks + 2 * Self::skip_gram(lab, 1).training_bytes(vocab)
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let (mut texts, seeds) = (Texts::of(lab), lab.seeds(lab.size(2, 3, 3)));
        // Two dozen networks are trained: no form takes all of the text.
        texts.train = head(&texts.train, lab.size(20_000, 50_000, 150_000));
        let mut table =
            Table::new("vectors", &["model", "vectors", "frozen", "seed", "perplexity"]);
        let mut losses = [const { [const { Vec::new() }; 4] }; 2];
        for (i, &seed) in seeds.iter().enumerate() {
            lab.step("skip-gram", 9 * i, 9 * seeds.len())?;
            let given = Self::pre_trained(lab, &texts, seed)?.w;
            let square = given.iter().map(|x| f64::from(x * x)).sum::<f64>() / given.len() as f64;
            // As large as the others: frozen vectors must not lose for their size alone.
            let random = init::uniform(
                given.dim(),
                (3.0 * square).sqrt(),
                &mut rng::stream(seed, "lab/random vectors"),
            );
            let (given, random) = (Arc::new(given), Arc::new(random));
            for (k, (from, frozen)) in KINDS.into_iter().enumerate() {
                let embeddings = match (from, frozen) {
                    ("random", false) => None,
                    ("random", true) => Some(Arc::clone(&random)),
                    _ => Some(Arc::clone(&given)),
                };
                let (window, rnn) = (Self::window(lab, frozen, seed), Self::rnn(lab, frozen, seed));
                let recipes: [&dyn Recipe; 2] = [
                    &WindowRecipe { embeddings: embeddings.clone(), ..WindowRecipe::new(window) },
                    &RnnRecipe { embeddings, ..RnnRecipe::new(rnn) },
                ];
                for (f, recipe) in recipes.into_iter().enumerate() {
                    lab.step("training", 9 * i + 2 * k + f + 1, 9 * seeds.len())?;
                    let model = trained(lab, recipe, texts.train_set(lab))?;
                    let loss = model.map(|m| mean_loss(&scores(&*m, &texts.test)));
                    let perplexity = cell(loss.map(Perplexity::of_mean_nll));
                    table.push(&[&recipe.id(), &from, &frozen, &seed, &perplexity]);
                    losses[f][k].push(loss);
                }
            }
        }
        let series = FAMILIES.iter().zip(&losses).map(|(&family, kinds)| {
            let perplexities = |l: &[Option<f64>]| {
                let ended = l.iter().flatten().map(|l| Perplexity::of_mean_nll(*l));
                student(&ended.collect::<Vec<_>>())
            };
            let points =
                kinds.iter().zip(1..).filter_map(|(l, x)| Some((f64::from(x), perplexities(l)?)));
            Series::with_intervals(common::family(family), Look::Family(family), points)
        });
        let chart = Chart {
            id: "perplexity".into(),
            claims: vec!["c4".into()],
            table: "vectors".into(),
            title: Text::new("Perplexity by the origin of the word vectors", "词向量来源与困惑度"),
            x: Axis::linear(Text::new(
                "frozen: 1 random, 2 skip-gram | trained from: 3, 4 the same",
                "固定:1 随机、2 skip-gram | 训练:3、4 起点同前",
            )),
            y: Axis::linear(Text::new("test perplexity", "测试集困惑度")),
            shape: Shape::Lines { series: series.collect(), rules: vec![] },
        };
        let row = lab.row("c4", self, seeds.len() as u64, rule(&losses));
        Ok(Outcome { rows: vec![row], tables: vec![table], charts: vec![chart] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(means: [f64; 4], noise: f64) -> [[Vec<Option<f64>>; 4]; 2] {
        let one = means.map(|m| vec![Some(m); 3]);
        let mut other = one.clone();
        other[2] = [means[2] + noise, means[2], means[2] - noise].map(Some).to_vec();
        [one, other]
    }

    fn verdict(means: [f64; 4], noise: f64) -> Verdict {
        rule(&losses(means, noise)).verdict
    }

    #[test]
    fn three_outcomes() {
        assert_eq!(verdict([5.5, 5.2, 4.8, 4.7], 0.01), Verdict::Confirmed);
        assert_eq!(verdict([5.5, 5.2, 4.8, 4.7], 2.0), Verdict::Undecided);
        assert_eq!(verdict([5.5, 4.6, 4.8, 4.7], 0.01), Verdict::Refuted);
        assert_eq!(verdict([5.1, 5.2, 4.8, 4.7], 0.01), Verdict::Refuted);
        let noisy = losses([5.5, 5.2, 4.8, 4.7], 2.0);
        for open in [rule(&noisy), rule(&Default::default())] {
            assert_eq!(open.verdict, Verdict::Undecided);
            assert!(open.reason.en.contains("undecided: take more seeds (--seeds N)"));
            assert!(open.reason.zh.contains("尚无定论:需要更多随机种子"));
        }
    }

    #[test]
    fn a_diverged_run_is_left_out() {
        let mut losses = losses([5.5, 5.2, 4.8, 4.7], 0.01);
        losses[0][1][0] = None;
        let ruling = rule(&losses);
        assert_eq!(ruling.verdict, Verdict::Confirmed);
        assert!(ruling.reason.en.ends_with("1 of 24 runs diverged and are left out"));
    }
}
