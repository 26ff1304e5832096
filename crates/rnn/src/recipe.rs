//! A recurrent language model's recipe: a configuration that trains.

use std::sync::Arc;

use corpus::TrainSet;
use lm::{Family, Log, Recipe, Result, Trained};
use ndarray::Array2;
use neural::training::{Run, embed};
use nn::activation::Activation;
use nn::checkpoint::Checkpoints;
use nn::softmax::SoftmaxName;

use crate::backbone::Backbone;
use crate::config::{CellName, RnnConfig};
use crate::model::RnnModel;
use crate::task::{LmTask, Watch};

/// Trains an [`RnnModel`].
#[derive(Clone, Debug, Default)]
pub struct RnnRecipe {
    /// The configuration.
    pub config: RnnConfig,
    /// The record's key; made from the configuration if `None`.
    pub name: Option<String>,
    /// Checkpoints, if wanted.
    pub checkpoints: Option<Checkpoints>,
    /// Word vectors [V, E] to start from (and to stay with, if `frozen`).
    pub embeddings: Option<Arc<Array2<f32>>>,
}

impl RnnRecipe {
    /// A recipe of this configuration.
    pub fn new(config: RnnConfig) -> Self {
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
    ) -> Result<(RnnModel, Vec<String>)> {
        self.train_watched(data, log, None)
    }

    /// [`RnnRecipe::train_model`] with somebody who looks at the weights before every step.
    ///
    /// # Errors
    /// Likewise.
    pub fn train_watched(
        &self,
        data: TrainSet<'_>,
        log: &mut Log<'_>,
        watch: Option<&mut Watch<'_>>,
    ) -> Result<(RnnModel, Vec<String>)> {
        let config = &self.config;
        config.check(data)?;
        let architecture = config.architecture(data.vocab.len());
        let output = config.layout(data.vocab)?;
        let mut net = Backbone::start_with(&architecture, &output, &config.start());
        embed(&mut net.encoder.w, self.embeddings.as_deref())?;
        let mut task = LmTask::new(&net, config, data);
        if let Some(watch) = watch {
            task = task.watched(Box::new(watch));
        }
        let (training, checkpoints) = (&config.training, self.checkpoints.as_ref());
        let notes = Run { config, training, data, checkpoints }.train(&mut net, &mut task, log)?;
        Ok((RnnModel::new(net, config.clone(), data.vocab.clone()), notes))
    }
}

impl Recipe for RnnRecipe {
    fn id(&self) -> String {
        let RnnConfig { nhid, nlayers, sigma, cell, .. } = &self.config;
        let size = if *nlayers == 1 { nhid.to_string() } else { format!("{nlayers}x{nhid}") };
        let made = match (cell, sigma) {
            (CellName::Rnn, Activation::Tanh) => format!("rnn-{size}"),
            (CellName::Rnn, sigma) => format!("rnn-{}-{size}", sigma.name()),
            _ => format!("{}-{size}", self.config.cell_kind().name()),
        };
        let made = match self.config.softmax {
            SoftmaxName::Full => made,
            SoftmaxName::Adaptive => format!("{made}-adaptive"),
        };
        self.name.clone().unwrap_or(made)
    }

    fn family(&self) -> Family {
        match self.config.cell {
            CellName::Rnn => Family::Rnn,
            CellName::Gru => Family::Gru,
            CellName::Lstm => Family::Lstm,
        }
    }

    fn describe(&self) -> String {
        let c = &self.config;
        let what = match c.cell {
            CellName::Rnn => format!("recurrent network, σ = {} (lecture eq. 8)", c.sigma.name()),
            CellName::Gru => "gated recurrent unit (Cho 2014, PyTorch's variant)".into(),
            CellName::Lstm => "long short-term memory (Hochreiter & Schmidhuber 1997)".into(),
        };
        let (layers, epochs) = (c.nlayers, c.training.epochs);
        let softmax = match c.softmax {
            SoftmaxName::Full => "",
            SoftmaxName::Adaptive => ", adaptive softmax (Grave 2017)",
        };
        format!(
            "{what}; {layers} layer(s) of {} units{softmax}, back-propagation through {} steps, {epochs} epochs",
            c.nhid, c.bptt
        )
    }

    fn train(&self, data: TrainSet<'_>, log: &mut Log<'_>) -> Result<Trained> {
        let (model, notes) = self.train_model(data, log)?;
        Ok(Trained { model: Arc::new(model), notes })
    }
}
