//! A fixed-window language model's recipe: a configuration that trains.

use std::sync::Arc;

use corpus::TrainSet;
use lm::{Family, Log, Recipe, Result, Trained};
use ndarray::Array2;
use neural::training::{Run, embed};
use nn::checkpoint::Checkpoints;
use nn::softmax::SoftmaxName;

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
    /// [`lm::Error::Config`] or [`lm::Error::Unfit`] before anything is allocated; [`lm::Error::Diverged`],
    /// [`lm::Error::Interrupted`].
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
        embed(&mut net.encoder.w, self.embeddings.as_deref())?;
        let mut task = LmTask::new(&net, config, data);
        let (training, checkpoints) = (&config.training, self.checkpoints.as_ref());
        let notes = Run { config, training, data, checkpoints }.train(&mut net, &mut task, log)?;
        Ok((WindowModel::new(net, config.clone(), data.vocab.clone()), notes))
    }
}

impl Recipe for WindowRecipe {
    fn id(&self) -> String {
        let WindowConfig { n, bags, nhid, tied_positions, direct, .. } = &self.config;
        let bags = if *bags > 0 { format!("-bags{bags}") } else { String::new() };
        let tied = if *tied_positions { "-tied" } else { "" };
        let direct = if *direct { "-direct" } else { "" };
        let softmax = match self.config.softmax {
            SoftmaxName::Full => "",
            SoftmaxName::Adaptive => "-adaptive",
        };
        self.name
            .clone()
            .unwrap_or_else(|| format!("window-n{n}{bags}-{nhid}{tied}{direct}{softmax}"))
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
