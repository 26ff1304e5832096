//! Accuracy at asked places: is the right word likelier than every wrong one? And the runs of grids that train many models.
use std::sync::Arc;

use anyhow::Result;
use corpus::synth::Language;
use corpus::synth::probe::AgreementItem;
use corpus::synth::tasks::TaskItem;
use corpus::{TokenId, TrainSet, Vocab};
use lm::{Family, LanguageModel, Recipe};
use ngram::{NgramRecipe, Smoothing};
use rayon::prelude::*;
use rnn::{CellName, RnnConfig, RnnRecipe};
use window::{WindowConfig, WindowRecipe};

use super::common;
use crate::lab::stats::wilson;
use crate::lab::{Estimate, Lab, Ruling, Text, Trial};

/// A sentence with places where only one word is right.
pub struct Question {
    words: Vec<TokenId>,
    /// Position, distance, what else could be answered.
    places: Vec<(usize, usize, Vec<TokenId>)>,
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Words between what decides and the place.
    pub distance: usize,
    /// Right?
    pub right: bool,
}

/// Sentences of a task in the words of a vocabulary.
pub fn of_task(items: &[TaskItem], vocab: &Vocab) -> Vec<Question> {
    items
        .iter()
        .map(|item| Question {
            words: item.words.iter().map(|w| vocab.id(w)).collect(),
            places: item
                .asked
                .iter()
                .map(|a| (a.at, a.distance, a.wrong.iter().map(|w| vocab.id(w)).collect()))
                .collect(),
        })
        .collect()
}

/// Verbs that must agree; those of which the vocabulary lacks a form are left out.
pub fn of_agreement(items: &[AgreementItem], language: &Language, vocab: &Vocab) -> Vec<Question> {
    let id = |form| vocab.id(language.form(form));
    items
        .iter()
        .map(|item| Question {
            words: item.words.iter().map(|&w| id(w)).collect(),
            places: vec![(item.verb_at, item.distance, vec![id(item.wrong)])],
        })
        .filter(|q| {
            q.places.iter().all(|(at, _, wrong)| ![q.words[*at], wrong[0]].contains(&vocab.unk()))
        })
        .collect()
}

/// A model's answers, in the order of the questions. Each sentence is read alone.
pub fn answers(model: &dyn LanguageModel, questions: &[Question]) -> Vec<Answer> {
    let answer = |question: &Question| {
        let (mut reader, mut log_probs) = (model.reader(), vec![0.0; model.vocab_len()]);
        let mut out = Vec::new();
        let last = question.places.iter().map(|p| p.0 + 1).max().unwrap_or(0);
        for (at, &word) in question.words[..last].iter().enumerate() {
            let here = question.places.iter().find(|p| p.0 == at);
            if let Some((_, distance, wrong)) = here {
                reader.log_probs(&mut log_probs);
                let right = wrong.iter().all(|w| log_probs[w.index()] < log_probs[word.index()]);
                out.push(Answer { distance: *distance, right });
            }
            reader.feed(word);
        }
        out
    };
    let all: Vec<Vec<Answer>> = questions.par_iter().map(answer).collect();
    all.concat()
}

/// The share of right answers in a range of distances, with Wilson's interval; `None` where nothing was asked.
pub fn accuracy(
    answers: &[Answer],
    distances: std::ops::RangeInclusive<usize>,
) -> Option<Estimate> {
    let asked = answers.iter().filter(|a| distances.contains(&a.distance));
    let (right, all) =
        asked.fold((0, 0), |(right, all), a| (right + usize::from(a.right), all + 1));
    wilson(right, all)
}

/// What decides where only the seeds' chance stands in the way.
pub fn take_more_seeds() -> Text {
    Text::new("take more seeds (--seeds N)", "需要更多随机种子(--seeds N)")
}

/// A recurrent network of the experiments' size that is trained in more and shorter steps than
/// [`recurrent`](common::recurrent): on texts of this length it is the number of updates that decides how far it gets.
pub fn recurrent(lab: &Lab<'_>, cell: CellName, seed: u64) -> RnnConfig {
    let base = common::recurrent(lab, cell, seed);
    let (batch_size, bptt) = lab.size((base.batch_size, base.bptt), (8, 20), (20, 35));
    RnnConfig { batch_size, bptt, ..base }
}

/// The five families of the comparisons: n-gram, fixed window, and the three recurrences.
pub fn families(
    order: usize,
    window: WindowConfig,
    recurrent: impl Fn(CellName) -> RnnConfig,
) -> Vec<(Family, Box<dyn Recipe>)> {
    let mut all: Vec<Box<dyn Recipe>> = vec![
        Box::new(NgramRecipe::new(Smoothing::ModifiedKneserNey, order)),
        Box::new(WindowRecipe::new(window)),
    ];
    for cell in [CellName::Rnn, CellName::Gru, CellName::Lstm] {
        all.push(Box::new(RnnRecipe::new(recurrent(cell))));
    }
    all.into_iter().map(|recipe| (recipe.family(), recipe)).collect()
}

/// What a table says of a run that left the finite numbers.
pub const DIVERGED: &str = "diverged";

/// Trains a model of a grid; `None` where it diverged: such a run is marked in the table, counted in the reason and left out
/// of means.
///
/// # Errors
/// Those of training.
pub fn trained(
    lab: &Lab<'_>,
    recipe: &dyn Recipe,
    data: TrainSet<'_>,
) -> Result<Option<Arc<dyn LanguageModel>>> {
    Ok(match lab.train(recipe, data)? {
        Trial::Trained(model) => Some(model),
        Trial::Diverged(_) => None,
    })
}

/// A cell of a table: the figure, or the mark of a diverged run.
pub fn cell(figure: Option<f64>) -> String {
    figure.map_or(DIVERGED.into(), |f| f.to_string())
}

/// a − b of the seeds of which neither run diverged.
pub fn differences(a: &[Option<f64>], b: &[Option<f64>]) -> Vec<f64> {
    a.iter().zip(b).filter_map(|(a, b)| Some((*a)? - (*b)?)).collect()
}

/// The reason tells how many of the runs diverged, if any did.
pub fn tell_diverged(mut ruling: Ruling, diverged: usize, runs: usize) -> Ruling {
    if diverged > 0 {
        ruling.reason.en += &format!("; {diverged} of {runs} runs diverged and are left out");
        ruling.reason.zh += &format!(";{runs} 次运行中有 {diverged} 次发散,未计入");
    }
    ruling
}

#[cfg(test)]
mod tests {
    use corpus::synth::tasks::Task;
    use lm::silent;

    use super::*;
    use crate::lab::Text;

    #[test]
    fn diverged_runs_are_marked_left_out_and_told() {
        assert_eq!((cell(Some(1.5)).as_str(), cell(None).as_str()), ("1.5", "diverged"));
        assert_eq!(
            differences(&[Some(3.0), None, Some(1.0)], &[Some(1.0), Some(1.0), None]),
            [2.0]
        );
        let ruling = || Ruling::undecided(Text::same("x"), Text::new("why", "原因"));
        assert_eq!(tell_diverged(ruling(), 0, 9), ruling());
        let told = tell_diverged(ruling(), 2, 9).reason;
        assert!(told.en.starts_with("why; 2 of 9") && told.zh.contains("9 次运行中有 2 次发散"));
    }

    #[test]
    fn a_counting_model_answers_what_lies_within_its_order() {
        let task = Task::Counting { most: 9 };
        let corpus = task.corpus(1, 600);
        let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, 8);
        let model = recipe.train(corpus.train_set(), &mut silent).unwrap().model;
        let answers = answers(&*model, &of_task(&task.items(2, 200), &corpus.vocab));
        assert_eq!(answers.len(), 400);
        // seven words back the sentence's start is still in sight
        assert_eq!(accuracy(&answers, 2..=3).unwrap().value, 1.0);
        // behind seven b nothing tells how many there were: one of the two questions is always answered wrongly
        assert_eq!(accuracy(&answers, 8..=9).unwrap().value, 0.5);
        assert!(accuracy(&answers, 10..=99).is_none());
    }
}
