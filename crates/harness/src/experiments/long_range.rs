//! The memory tasks of d3: agreement, brackets, a^n b^n, the adding problem; each family's accuracy by distance.
use std::sync::Arc;

use anyhow::Result;
use corpus::synth::tasks::Task;
use corpus::synth::{Language, probe};
use corpus::{Corpus, CorpusOptions};
use lm::Recipe;
use nn::activation::Activation;
use nn::fit::Config;
use rnn::{CellName, Init, RnnConfig, RnnRecipe};
use window::WindowConfig;

use super::asked::{
    Answer, DIVERGED, Question, accuracy, answers, families, of_agreement, of_task, trained,
};
use super::common;
use crate::lab::*;
use crate::text::DATA_SEED;

/// How distances are grouped in a chart.
type Groups = &'static [(usize, usize)];
/// Epochs in the three presets.
type Epochs = [u64; 3];

/// The formal languages.
const TASKS: [(Task, Epochs, Groups); 3] = [
    (
        Task::Brackets { kinds: 3, depth: 6, pairs: 10 },
        [2, 6, 15],
        &[(0, 0), (1, 2), (3, 4), (5, 8), (9, 12), (13, 18)],
    ),
    (
        Task::Counting { most: 14 },
        [2, 6, 15],
        &[(2, 2), (3, 3), (4, 4), (5, 6), (7, 8), (9, 11), (12, 14)],
    ),
    (Task::Adding { length: 5, modulus: 2 }, [3, 20, 30], &[(2, 2), (3, 3), (4, 4), (5, 5)]),
];
/// The same of agreement.
const AGREEMENT: (Epochs, Groups) =
    ([2, 10, 15], &[(0, 0), (3, 4), (6, 8), (9, 12), (13, 16), (17, 24)]);

/// Vanilla networks besides tanh with its orthogonal start: look, σ and the start of W_h.
const VANILLA: [(&str, Look, Activation, Init); 2] = [
    ("RNN, sigmoid", Look::Plain(4), Activation::Sigmoid, Init::Normal(0.1)),
    ("RNN, ReLU + identity", Look::Plain(6), Activation::Relu, Init::Identity(1.0)),
];
/// Models a task: the five families, and these.
const MODELS: usize = 5 + VANILLA.len();
/// Models trained.
pub const STEPS: usize = MODELS * (TASKS.len() + 1);

/// What came out.
pub struct Outcomes {
    /// Accuracies by distance.
    pub table: Table,
    /// A chart a task.
    pub charts: Vec<Chart>,
    /// Of every family, its answers on agreement; none where it diverged.
    pub agreement: Vec<Vec<Answer>>,
    /// How many of the [`STEPS`] models diverged: they have no curve.
    pub diverged: usize,
}

/// A text to learn from and what is asked then.
struct Exam {
    id: String,
    text: Corpus,
    questions: Vec<Question>,
    groups: Groups,
    epochs: u64,
    chance: f64,
    title: Text,
    x: Text,
}

fn agreement(lab: &Lab<'_>) -> Result<Exam> {
    let language = Arc::new(Language::embedded("agreement")?);
    let tokens = lab.size(20_000, 60_000, 100_000);
    let text =
        Corpus::from_language(Arc::clone(&language), DATA_SEED, tokens, CorpusOptions::default())?;
    let items = probe::agreement_by_distance(&language, lab.seed, 0..=24, lab.size(20, 60, 300));
    let ([quick, default, full], groups) = AGREEMENT;
    Ok(Exam {
        id: "agreement".into(),
        questions: of_agreement(&items, &language, &text.vocab),
        text,
        groups,
        epochs: lab.size(quick, default, full),
        chance: 0.5,
        title: Text::new(
            "Does the verb agree with a subject some words back?",
            "动词与若干词之前的主语是否一致?",
        ),
        x: Text::new("words between subject and verb", "主语与动词之间的词数"),
    })
}

fn formal(lab: &Lab<'_>, (task, epochs, groups): (Task, Epochs, Groups)) -> Exam {
    let text = task.corpus(lab.seed, lab.size(600, 4_000, 6_000));
    // Another seed: the questions are new sentences.
    let items = task.items(lab.seed + 1_000_000, lab.size(200, 500, 2_000));
    let (title, x) = match task {
        Task::Brackets { .. } => (
            Text::new("Is the right bracket closed?", "闭合的是不是正确的括号?"),
            Text::new("words between the two brackets", "两个括号之间的词数"),
        ),
        Task::Counting { .. } => (
            Text::new(
                "As many b as a? The last b and the full stop",
                "b 与 a 是否一样多?(最后一个 b 与句号)",
            ),
            Text::new("n of aⁿ bⁿ", "aⁿ bⁿ 中的 n"),
        ),
        Task::Adding { .. } => (
            Text::new("Is the sum of two marked digits right?", "两个带标记的数字之和是否正确?"),
            Text::new(
                "words from the first marked digit to the sum",
                "从第一个带标记的数字到和之间的词数",
            ),
        ),
        Task::Recall { .. } => (
            Text::new("Is the first word repeated?", "是否重复了第一个词?"),
            Text::new("words between", "间隔的词数"),
        ),
    };
    let [quick, default, full] = epochs;
    Exam {
        id: task.to_string(),
        questions: of_task(&items, &text.vocab),
        text,
        groups,
        epochs: lab.size(quick, default, full),
        chance: task.chance(),
        title,
        x,
    }
}

/// Trains all families on every task; `done` steps are done before.
///
/// # Errors
/// Those of training.
pub fn run(lab: &Lab<'_>, done: usize) -> Result<Outcomes> {
    let mut exams = vec![agreement(lab)?];
    exams.extend(TASKS.map(|task| formal(lab, task)));
    let mut out = Outcomes {
        table: Table::new("tasks", &["task", "model", "distance", "accuracy", "asked"]),
        charts: Vec::new(),
        agreement: Vec::new(),
        diverged: 0,
    };
    for (e, exam) in exams.into_iter().enumerate() {
        let mut series = Vec::new();
        let (window, recurrent) = configs(lab, exam.epochs);
        for (m, (name, look, recipe)) in contenders(window, recurrent).into_iter().enumerate() {
            lab.step("memory tasks", done + MODELS * e + m, done + STEPS)?;
            let model = trained(lab, &*recipe, exam.text.train_set())?;
            if model.is_none() {
                out.table.push(&[&exam.id, &name.en, &"", &DIVERGED, &""]);
                out.diverged += 1;
            }
            let answers = model.map_or_else(Vec::new, |m| answers(&*m, &exam.questions));
            let mut points = Vec::new();
            for &(from, to) in exam.groups {
                let Some(share) = accuracy(&answers, from..=to) else { continue };
                let asked = answers.iter().filter(|a| (from..=to).contains(&a.distance)).count();
                let distance = if from == to { from.to_string() } else { format!("{from}-{to}") };
                out.table.push(&[&exam.id, &name.en, &distance, &share.value, &asked]);
                points.push(((from + to) as f64 / 2.0, share));
            }
            series.push(Series::with_intervals(name, look, points));
            if e == 0 && m < 5 {
                out.agreement.push(answers);
            }
        }
        out.charts.push(Chart {
            id: exam.id,
            claims: vec!["d3".into()],
            table: "tasks".into(),
            title: exam.title,
            x: Axis::linear(exam.x),
            y: Axis::linear(Text::new("share of right answers", "回答正确的比例")),
            shape: Shape::Lines {
                series,
                rules: vec![Rule { name: Text::new("chance", "随机水平"), y: exam.chance }],
            },
        });
    }
    Ok(out)
}

/// The five families, then the other vanilla networks, with their names and looks.
fn contenders(
    window: WindowConfig,
    recurrent: impl Fn(CellName) -> RnnConfig,
) -> Vec<(Text, Look, Box<dyn Recipe>)> {
    let vanilla = VANILLA.into_iter().map(|(name, look, sigma, init)| {
        let config = RnnConfig { sigma, init, ..recurrent(CellName::Rnn) };
        let recipe: Box<dyn Recipe> = Box::new(RnnRecipe::new(config));
        (Text::same(name), look, recipe)
    });
    let vanilla = vanilla.collect::<Vec<_>>();
    let all = families(5, window, recurrent).into_iter();
    let all = all.map(|(family, recipe)| (common::family(family), Look::Family(family), recipe));
    all.chain(vanilla).collect()
}

/// The networks of these tasks: every sentence starts anew, because the questions are asked of single sentences.
fn configs(lab: &Lab<'_>, epochs: u64) -> (WindowConfig, impl Fn(CellName) -> RnnConfig + use<>) {
    let training = Config { epochs, lr: 4e-3, ..Config::default() };
    let (hidden, seed) = (lab.size(24, 64, 64), lab.seed);
    let window = WindowConfig {
        n: 9,
        emsize: hidden / 2,
        nhid: hidden,
        dropout: 0.0,
        batch_size: 100,
        reset: true,
        seed,
        training: training.clone(),
        ..WindowConfig::default()
    };
    let recurrent = move |cell| RnnConfig {
        cell,
        emsize: hidden / 2,
        nhid: hidden,
        dropout: 0.0,
        batch_size: 5,
        bptt: 40,
        reset: true,
        seed,
        training: training.clone(),
        ..RnnConfig::default()
    };
    (window, recurrent)
}
