//! A fixed-window language model's recipe: a configuration that trains.

use std::sync::Arc;

use corpus::TrainSet;
use lm::{Error, Family, Log, Recipe, Result, Trained};
use ndarray::Array2;
use nn::checkpoint::{Checkpoints, Identity, Keeper};
use nn::fit::{Ended, Event, Task, fit};
use nn::softmax::SoftmaxName;

use crate::bridge::{corpus_fingerprint, nn_error, progress};
use crate::config::WindowConfig;
use crate::model::WindowModel;
use crate::net::WindowNet;
use crate::task::LmTask;

/// Trains a [`WindowModel`].
#[derive(Clone, Debug, Default)]
pub struct WindowRecipe {
    /// The configuration.
    pub config: WindowConfig,
    /// The record's key; made from the configuration if `None`.
    pub name: Option<String>,
    /// Checkpoints, if wanted.
    pub checkpoints: Option<Checkpoints>,
    /// Word vectors [V, E] to start from (and to stay with, if `frozen`).
    pub embeddings: Option<Arc<Array2<f32>>>,
}

impl WindowRecipe {
    /// A recipe of this configuration.
    pub fn new(config: WindowConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Trains and keeps the concrete type.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Unfit`] before anything is allocated; [`Error::Diverged`], [`Error::Interrupted`].
    pub fn train_model(
        &self,
        data: TrainSet<'_>,
        log: &mut Log<'_>,
    ) -> Result<(WindowModel, Vec<String>)> {
        let config = &self.config;
        config.check(data)?;
        let mut net = WindowNet::start_with(
            &config.architecture(data.vocab.len()),
            &config.layout(data.vocab)?,
            config.seed,
            config.init_range,
        );
        if let Some(given) = &self.embeddings {
            if given.dim() != net.encoder.w.dim() {
                let what = format!(
                    "word vectors of shape {:?} for {:?}",
                    given.dim(),
                    net.encoder.w.dim()
                );
                return Err(Error::Unfit {
                    what,
                    cure: "give one vector of emsize numbers a word".into(),
                });
            }
            net.encoder.w.assign(given);
        }
        let mut keeper = self.checkpoints.as_ref().map(|c| {
            let identity = Identity {
                config: serde_json::to_value(config).expect("plain data"),
                vocab: data.vocab.fingerprint().into(),
                corpus: corpus_fingerprint([data.train, data.valid]),
            };
            Keeper::new(c, identity)
        });
        let mut task = LmTask::new(&net, config, data);
        let total = config.training.epochs * task.batches();
        let mut listen = |event: Event<'_>| log(progress(event, total));
        let outcome =
            fit(&mut task, &mut net, &config.training.options(), keeper.as_mut(), &mut listen)
                .map_err(nn_error)?;
        let mut notes = Vec::new();
        if outcome.recoveries > 0 {
            notes.push(format!(
                "{} time(s) back to the last good state, at half the rate",
                outcome.recoveries
            ));
        }
        if outcome.ended != Ended::Complete {
            let epoch = outcome.points.last().map_or(0.0, |p| p.epoch);
            notes.push(format!(
                "stopped early, after epoch {epoch:.1} of {}",
                config.training.epochs
            ));
        }
        Ok((WindowModel::new(net, config.clone(), data.vocab.clone()), notes))
    }
}

impl Recipe for WindowRecipe {
    fn id(&self) -> String {
        let WindowConfig { n, nhid, tied_positions, direct, .. } = &self.config;
        let tied = if *tied_positions { "-tied" } else { "" };
        let direct = if *direct { "-direct" } else { "" };
        let softmax = match self.config.softmax {
            SoftmaxName::Full => "",
            SoftmaxName::Adaptive => "-adaptive",
        };
        self.name.clone().unwrap_or_else(|| format!("window-n{n}-{nhid}{tied}{direct}{softmax}"))
    }

    fn family(&self) -> Family {
        Family::Window
    }

    fn describe(&self) -> String {
        let WindowConfig { n, emsize, nhid, training, .. } = &self.config;
        let epochs = training.epochs;
        let softmax = match self.config.softmax {
            SoftmaxName::Full => "",
            SoftmaxName::Adaptive => ", adaptive softmax (Grave 2017)",
        };
        format!(
            "fixed window (Bengio 2003): n = {n}, word vectors of {emsize}, {nhid} hidden units{softmax}, {epochs} epochs"
        )
    }

    fn train(&self, data: TrainSet<'_>, log: &mut Log<'_>) -> Result<Trained> {
        let (model, notes) = self.train_model(data, log)?;
        Ok(Trained { model: Arc::new(model), notes })
    }
}
