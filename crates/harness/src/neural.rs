//! A neural recipe before it is boxed: what the commands that train one network ask of it.
use anyhow::Result;
use corpus::Vocab;
use lm::Recipe;
use nn::checkpoint::Checkpoints;
use nn::embedding::Embedding;
use nn::fit::Config;
use rnn::{CellName, RnnRecipe};
use window::WindowRecipe;

use crate::presets;
use crate::registry::Setting;

/// A network's recipe.
pub enum Neural {
    /// A fixed window.
    Window(Box<WindowRecipe>),
    /// A recurrent network.
    Recurrent(Box<RnnRecipe>),
}

impl Neural {
    /// The fixed window with the setting's options, name and checkpoints.
    ///
    /// # Errors
    /// An option that does not exist or makes no sense.
    pub fn window(setting: &Setting) -> Result<Self> {
        let mut recipe = WindowRecipe::new(presets::window(setting)?);
        recipe.name.clone_from(&setting.name);
        recipe.checkpoints = setting.checkpoints_of(&recipe.id());
        Ok(Self::Window(recipe.into()))
    }

    /// The recurrent network with the setting's options, name and checkpoints.
    ///
    /// # Errors
    /// An option that does not exist or makes no sense.
    pub fn recurrent(cell: CellName, setting: &Setting) -> Result<Self> {
        let mut recipe = RnnRecipe::new(presets::recurrent(cell, setting)?);
        recipe.name.clone_from(&setting.name);
        recipe.checkpoints = setting.checkpoints_of(&recipe.id());
        Ok(Self::Recurrent(recipe.into()))
    }

    /// As what trains.
    pub fn recipe(&self) -> &dyn Recipe {
        match self {
            Self::Window(recipe) => &**recipe,
            Self::Recurrent(recipe) => &**recipe,
        }
    }

    /// As what trains, for the registry.
    pub fn boxed(self) -> Box<dyn Recipe> {
        match self {
            Self::Window(recipe) => recipe,
            Self::Recurrent(recipe) => recipe,
        }
    }

    /// How it is trained.
    pub fn training(&mut self) -> &mut Config {
        match self {
            Self::Window(recipe) => &mut recipe.config.training,
            Self::Recurrent(recipe) => &mut recipe.config.training,
        }
    }

    /// Examples or lanes a step.
    pub fn batch_size(&mut self) -> &mut usize {
        match self {
            Self::Window(recipe) => &mut recipe.config.batch_size,
            Self::Recurrent(recipe) => &mut recipe.config.batch_size,
        }
    }

    /// Starts from these word vectors [V, E].
    pub fn embed(&mut self, vectors: Embedding<f32>) {
        match self {
            Self::Window(recipe) => recipe.embeddings = Some(vectors.w.into()),
            Self::Recurrent(recipe) => recipe.embeddings = Some(vectors.w.into()),
        }
    }

    /// Keeps checkpoints.
    pub fn keep(&mut self, checkpoints: Checkpoints) {
        match self {
            Self::Window(recipe) => recipe.checkpoints = Some(checkpoints),
            Self::Recurrent(recipe) => recipe.checkpoints = Some(checkpoints),
        }
    }

    /// The whole configuration.
    pub fn config(&self) -> serde_json::Value {
        match self {
            Self::Window(recipe) => serde_json::to_value(&recipe.config),
            Self::Recurrent(recipe) => serde_json::to_value(&recipe.config),
        }
        .expect("plain data")
    }

    /// Floating-point operations of one training token: two a weight of a matrix forward, four backward. What is linear
    /// in the layers' widths (activations, the optimizer) is not counted.
    ///
    /// # Errors
    /// An output layer that the vocabulary cannot have.
    pub fn training_flops(&self, vocab: &Vocab) -> Result<u64> {
        let products = match self {
            Self::Window(recipe) => recipe.config.products(vocab),
            Self::Recurrent(recipe) => recipe.config.products(vocab),
        };
        Ok(6 * products?)
    }
}
