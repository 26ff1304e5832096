//! The lecture laboratory: every claim of the lecture as an experiment with a verdict.
//!
//! `Experiment::run → Outcome → DIR/experiments/NAME.json → claims.csv, CSV tables, charts, index.html`. The page is drawn
//! from the stored outcomes, so that it can be drawn again, in either language, without running anything.
pub mod chart;
pub mod claim;
pub mod draw;
pub mod page;
pub mod run;
pub mod stats;
pub mod store;
pub mod text;
pub mod verdict;

use anyhow::Result;
use corpus::{Corpus, TrainSet};
use lm::{LanguageModel, Progress, Recipe};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::interrupt;
use crate::progress::Bar;
use crate::registry::{Preset, Setting};
pub use chart::{Axis, Cell, Chart, Look, Point, Rule, Series, Shape, Table};
pub use claim::{Claim, claim, claims};
pub use stats::Estimate;
pub use text::{Lang, Text, number};
pub use verdict::{ClaimRow, Ruling, Verdict};

/// One experiment: runs over ordinary recipes, a verdict a claim.
pub trait Experiment: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// The claims it decides, in the page's order.
    fn claims(&self) -> &'static [&'static str];

    /// What it does, one line.
    fn about(&self) -> &'static str;

    /// The most heap bytes it will need on this corpus, estimated from sizes alone.
    fn bytes(&self, lab: &Lab<'_>) -> u64;

    /// Runs it.
    ///
    /// # Errors
    /// [`lm::Error::Interrupted`] on Ctrl-C; whatever makes its claims undecidable. A diverged run inside a grid is a
    /// number, not an error.
    fn run(&self, lab: &Lab<'_>) -> Result<Outcome>;
}

/// What an experiment leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// A row for every claim.
    pub rows: Vec<ClaimRow>,
    /// The numbers.
    pub tables: Vec<Table>,
    /// What is to be seen.
    pub charts: Vec<Chart>,
}

/// What an experiment works with.
pub struct Lab<'a> {
    /// The text.
    pub corpus: &'a Corpus,
    /// How much work.
    pub preset: Preset,
    /// First seed of everything random.
    pub seed: u64,
    /// Seeds where chance matters; `None`: the experiment's own number.
    pub seeds: Option<u64>,
    /// Where progress goes.
    pub bar: &'a Bar,
}

/// A training run inside a grid.
pub enum Trial {
    /// It ended.
    Trained(Arc<dyn LanguageModel>),
    /// It left the finite numbers, at this step.
    Diverged(u64),
}

impl Lab<'_> {
    /// The value of the preset.
    pub fn size<T>(&self, quick: T, default: T, full: T) -> T {
        match self.preset {
            Preset::Quick => quick,
            Preset::Default => default,
            Preset::Full => full,
        }
    }

    /// The seeds where chance matters: as many as asked for, or `own`.
    pub fn seeds(&self, own: u64) -> Vec<u64> {
        (self.seed..self.seed + self.seeds.unwrap_or(own)).collect()
    }

    /// What recipes of the registry depend on. The long form gives the default's networks all of the text; larger
    /// networks would take days.
    pub fn setting(&self, seed: u64) -> Setting {
        let preset = match self.preset {
            Preset::Full => Preset::Default,
            preset => preset,
        };
        Setting::new(preset, seed, self.corpus)
    }

    /// Shows progress and ends the experiment if the user asked for that.
    ///
    /// # Errors
    /// [`lm::Error::Interrupted`].
    pub fn step(&self, stage: &'static str, done: usize, total: usize) -> Result<()> {
        match self.bar.log(&Progress::Step { stage, done: done as u64, total: total as u64 }) {
            std::ops::ControlFlow::Continue(()) => Ok(()),
            std::ops::ControlFlow::Break(()) => Err(lm::Error::Interrupted.into()),
        }
    }

    /// Trains a recipe on the corpus or a part of it. A diverged run is no error.
    ///
    /// # Errors
    /// Every other error of training.
    pub fn train(&self, recipe: &dyn Recipe, data: TrainSet<'_>) -> Result<Trial> {
        match recipe.train(data, &mut |_| interrupt::flow()) {
            Ok(trained) => Ok(Trial::Trained(trained.model)),
            Err(lm::Error::Diverged { step, .. }) => Ok(Trial::Diverged(step)),
            Err(error) => Err(error.into()),
        }
    }

    /// A row on this corpus.
    pub fn row(
        &self,
        id: &str,
        experiment: &dyn Experiment,
        seeds: u64,
        ruling: Ruling,
    ) -> ClaimRow {
        ClaimRow::new(id, experiment.name(), &self.corpus.name, seeds, ruling)
    }
}
