//! The fixed-window chapter: Bengio's feed-forward language model.
//!
//! [`WindowNet`] is the network (lecture §3), [`WindowModel`] the language model, [`WindowRecipe`] a configuration that
//! trains.
mod config;
mod context;
mod examples;
mod model;
mod net;
mod recipe;
mod task;

pub use config::WindowConfig;
pub use examples::Examples;
pub use model::{WindowModel, score};
pub use net::{Architecture, Noise, WindowNet, Work};
pub use recipe::WindowRecipe;
pub use task::LmTask;
