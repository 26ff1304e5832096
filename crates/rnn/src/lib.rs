//! The recurrent chapter: cells, the network unrolled over time, its language model.
//!
//! Reading path: [`cell`] (the vanilla cell is lecture equation 8), [`Backbone`] (embedding, layers over time, output),
//! [`RnnModel`] (the network as a language model), [`RnnRecipe`] (a configuration that trains).
mod backbone;
pub mod cell;
mod config;
pub mod dynamic;
pub mod gradflow;
mod lanes;
mod layer;
mod model;
pub mod neural_cache;
mod recipe;
mod task;
mod unroll;
mod work;

pub use backbone::{Architecture, Backbone};
pub use cell::CellKind;
pub use config::{CellName, RnnConfig};
pub use lanes::Lanes;
pub use layer::{Init, Layer, Start};
pub use model::{RnnModel, score};
pub use recipe::RnnRecipe;
pub use task::{LmTask, Watch};
pub use unroll::Noise;
pub use work::{Batch, Work, group_lanes};
