//! The memory tasks beside d3: brackets, a^n b^n, the adding problem, each family's accuracy by distance.
use anyhow::Result;
use corpus::synth::tasks::Task;
use nn::fit::Config;
use rnn::RnnConfig;
use window::WindowConfig;

use super::asked::{accuracy, answers, families, of_task};
use super::common::{self, model};
use crate::lab::*;

/// The tasks, and how distances are grouped in the chart.
const TASKS: [(Task, &[(usize, usize)]); 3] = [
    (
        Task::Brackets { kinds: 3, depth: 6, pairs: 10 },
        &[(0, 0), (1, 2), (3, 4), (5, 8), (9, 12), (13, 18)],
    ),
    (Task::Counting { most: 14 }, &[(2, 2), (3, 3), (4, 4), (5, 6), (7, 8), (9, 11), (12, 14)]),
    (Task::Adding { length: 7, modulus: 4 }, &[(2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7)]),
];

/// Models trained.
pub const STEPS: usize = 5 * TASKS.len();

fn words(task: Task) -> (Text, Text) {
    match task {
        Task::Brackets { .. } => (
            Text::new("Closing the right bracket", "闭合正确的括号"),
            Text::new("words between the two brackets", "两个括号之间的词数"),
        ),
        Task::Counting { .. } => (
            Text::new(
                "As many b as a: the last b and the full stop",
                "b 与 a 一样多:最后一个 b 与句号",
            ),
            Text::new("n of a^n b^n", "a^n b^n 中的 n"),
        ),
        Task::Adding { .. } => (
            Text::new("Adding two marked digits", "把两个带标记的数字相加"),
            Text::new(
                "words from the first marked digit to the sum",
                "从第一个带标记的数字到和之间的词数",
            ),
        ),
        Task::Recall { .. } => (
            Text::new("Repeating the first word", "重复第一个词"),
            Text::new("words between", "间隔的词数"),
        ),
    }
}

/// Trains all families on every task; `done` steps are done before.
///
/// # Errors
/// Those of training.
pub fn run(lab: &Lab<'_>, done: usize) -> Result<(Table, Vec<Chart>)> {
    let training = Config { epochs: lab.size(2, 8, 30), lr: 4e-3, ..Config::default() };
    let hidden = lab.size(24, 48, 96);
    let mut table = Table::new("tasks", &["task", "model", "distance", "accuracy", "asked"]);
    let mut charts = Vec::new();
    for (t, (task, groups)) in TASKS.into_iter().enumerate() {
        let text = task.corpus(lab.seed, lab.size(600, 3_000, 10_000));
        // Another seed: the questions are new sentences.
        let items = task.items(lab.seed + 1_000_000, lab.size(200, 500, 2_000));
        let questions = of_task(&items, &text.vocab);
        let window = WindowConfig {
            n: 9,
            emsize: hidden / 2,
            nhid: hidden,
            dropout: 0.0,
            batch_size: 100,
            reset: true,
            seed: lab.seed,
            training: training.clone(),
            ..WindowConfig::default()
        };
        let recurrent = |cell| RnnConfig {
            cell,
            emsize: hidden / 2,
            nhid: hidden,
            dropout: 0.0,
            batch_size: 10,
            bptt: 40,
            reset: true,
            seed: lab.seed,
            training: training.clone(),
            ..RnnConfig::default()
        };
        let mut series = Vec::new();
        for (m, (family, recipe)) in families(5, window, recurrent).into_iter().enumerate() {
            lab.step("memory tasks", done + 5 * t + m, done + STEPS)?;
            let model = model(lab, &*recipe, text.train_set())?;
            let answers = answers(&*model, &questions);
            let mut points = Vec::new();
            for &(from, to) in groups {
                let Some(share) = accuracy(&answers, from..=to) else { continue };
                let asked = answers.iter().filter(|a| (from..=to).contains(&a.distance)).count();
                let distance = if from == to { from.to_string() } else { format!("{from}-{to}") };
                table.push(&[&task, &family, &distance, &share.value, &asked]);
                points.push(((from + to) as f64 / 2.0, share));
            }
            series.push(Series::with_intervals(
                common::family(family),
                Look::Family(family),
                points,
            ));
        }
        let (title, x) = words(task);
        charts.push(Chart {
            id: task.to_string(),
            claims: vec!["d3".into()],
            table: "tasks".into(),
            title,
            x: Axis::linear(x),
            y: Axis::linear(Text::new("share of right answers", "回答正确的比例")),
            shape: Shape::Lines {
                series,
                rules: vec![Rule { name: Text::new("chance", "随机水平"), y: task.chance() }],
            },
        });
    }
    Ok((table, charts))
}
