//! The comparison: every model trains on one training text, is scored on one test text by one evaluator, and leaves a row.
//!
//! A model that fails is a row with its error, never a missing row. Speeds are measured after all models are trained, in
//! rounds over the models, so that a change of the machine's speed meets all of them alike.
mod adapt;
mod buckets;
mod contender;
mod mix;
mod rows;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use corpus::Corpus;
use lm::Context;

use crate::error::Failure;
use crate::interrupt;
use crate::presets;
use crate::record::{Results, Run};
use crate::registry::{self, Preset, Setting, Spec};
use contender::Contender;

/// What to compare.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Names of the registry; empty: the preset's own list.
    pub models: Vec<String>,
    /// The size of the run.
    pub preset: Preset,
    /// Where readers start anew.
    pub context: Context,
    /// The first seed of the models in which chance plays a part.
    pub seed: u64,
    /// How many seeds each of them has; `None`: what its recipe says.
    pub seeds: Option<u64>,
    /// The folder of checkpoints; one whose run is there goes on from it.
    pub checkpoints: PathBuf,
}

/// Runs the comparison. `run` is what is known before; `sink` gets the results so far after every model.
pub fn compare(
    corpus: &Corpus,
    plan: &Plan,
    run: Run,
    sink: &mut dyn FnMut(&Results) -> Result<()>,
) -> Result<Results> {
    let started = std::time::Instant::now();
    let jobs = jobs(corpus, plan)?;
    let run = Run { seeds: seeds(&jobs), ..run };
    let counts = buckets::Counts::of(corpus)?;
    let mut contenders: Vec<Contender> = Vec::new();
    let results = |contenders: &[Contender]| {
        let mut run = run.clone();
        run.seconds = started.elapsed().as_secs_f64();
        run.interrupted = interrupt::asked();
        rows::results(run, contenders, corpus, &counts, plan)
    };
    let total = jobs.len();
    for (i, job) in jobs.into_iter().enumerate() {
        let label = format!("{}/{total} {}", i + 1, job.spec.id());
        contenders.push(Contender::run(job, &label, corpus, plan, &contenders));
        sink(&results(&contenders))?;
    }
    contender::time_in_rounds(&mut contenders, corpus, plan);
    let results = results(&contenders);
    sink(&results)?;
    Ok(results)
}

/// One model to train and measure.
struct Job {
    spec: Spec,
    seed: u64,
    /// False for the parts of mixtures that nobody asked for by name.
    reported: bool,
}

/// Every seed that some model is trained with.
fn seeds(jobs: &[Job]) -> Vec<u64> {
    jobs.iter().map(|job| job.seed).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The models in order, parts of mixtures before them; models without chance run for the first seed only.
fn jobs(corpus: &Corpus, plan: &Plan) -> Result<Vec<Job>> {
    let mut jobs: Vec<Job> = Vec::new();
    let setting_of = |seed| {
        let checkpoints = Some(plan.checkpoints.clone());
        Setting { checkpoints, ..Setting::new(plan.preset, seed, corpus) }
    };
    let first = setting_of(plan.seed);
    let ids: Vec<&str> = if plan.models.is_empty() {
        registry::default_ids(&first)
    } else {
        plan.models.iter().map(String::as_str).collect()
    };
    let seeds_of = |id: &str| plan.seeds.unwrap_or_else(|| presets::seeds(id, &first));
    let planned: Vec<(&str, u64)> = ids.into_iter().map(|id| (id, seeds_of(id))).collect();
    let most = planned.iter().map(|&(_, seeds)| seeds).max().unwrap_or(0);
    for i in 0..most {
        let seed = plan.seed.saturating_add(i);
        let setting = setting_of(seed);
        let ids = planned.iter().filter(|&&(_, seeds)| seeds > i).map(|&(id, _)| id);
        let push = |spec: Spec, reported: bool, jobs: &mut Vec<Job>| {
            let same = |job: &Job| {
                job.spec.id() == spec.id() && (job.seed == seed || !spec.random(&setting))
            };
            match jobs.iter_mut().find(|job| same(job)) {
                Some(job) => job.reported |= reported,
                None if i == 0 || spec.random(&setting) => jobs.push(Job { spec, seed, reported }),
                None => {}
            }
        };
        let mut later = Vec::new();
        for id in ids {
            match registry::spec(id, &setting)? {
                train @ Spec::Train(_) => push(train, true, &mut jobs),
                made => later.push(made),
            }
        }
        for made in later {
            if plan.context == Context::Sentence && made.adapts(&setting) {
                let what = "reads the text as one stream: leave `--context sentence` out";
                return Err(Failure::Usage(format!("`{}` {what}", made.id())).into());
            }
            let mut parts = Vec::new();
            parts_of(&made, &setting, &mut parts)?;
            parts.into_iter().for_each(|part| push(part, false, &mut jobs));
            push(made, true, &mut jobs);
        }
    }
    Ok(jobs)
}

/// The parts of a piece, and before each its own.
fn parts_of(whole: &Spec, setting: &Setting, out: &mut Vec<Spec>) -> Result<()> {
    for part in whole.parts() {
        let part = registry::spec(&part.name, setting)?;
        parts_of(&part, setting, out)?;
        out.push(part);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::TextArgs;
    use crate::text;

    /// Names and seeds of the jobs of the full preset.
    fn planned(models: &[&str], seeds: Option<u64>) -> Vec<(String, u64)> {
        let args = TextArgs { tokens: Some(10_000), ..TextArgs::default() };
        let corpus = text::load("synth", args, Preset::Full).unwrap();
        let plan = Plan {
            models: models.iter().map(|&m| m.into()).collect(),
            preset: Preset::Full,
            context: Context::Stream,
            seed: 5,
            seeds,
            checkpoints: PathBuf::new(),
        };
        let jobs = jobs(&corpus, &plan).unwrap();
        assert_eq!(super::seeds(&jobs).first(), Some(&5));
        jobs.iter().map(|job| (job.spec.id(), job.seed)).collect()
    }

    #[test]
    fn a_model_has_the_seeds_of_its_recipe_or_those_asked_for() {
        let named = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
            list.iter().map(|&(name, seed)| (name.into(), seed)).collect()
        };
        let own = planned(&["kn2", "rnn", "lstm", "kn2+rnn"], None);
        let (rnn, lstm) = (own[1].0.clone(), own[2].0.clone());
        assert!(rnn.starts_with("rnn-") && lstm.starts_with("lstm-"), "{own:?}");
        let (rnn, lstm) = (rnn.as_str(), lstm.as_str());
        let wanted = [("kn2", 5), (rnn, 5), (lstm, 5), ("kn2+rnn", 5), (rnn, 6), (rnn, 7)];
        assert_eq!(own, named(&wanted));
        let two = planned(&["kn2", "lstm"], Some(2));
        assert_eq!(two, named(&[("kn2", 5), (lstm, 5), (lstm, 6)]));
    }
}
