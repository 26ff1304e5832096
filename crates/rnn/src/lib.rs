//! The recurrent chapter: cells, the network unrolled over time, its language model.
//!
//! Reading path: [`cell`] (the vanilla cell is lecture equation 8), [`Backbone`] (embedding, layers over time, output),
//! [`RnnModel`] (the network as a language model), [`RnnRecipe`] (a configuration that trains).
mod backbone;
pub mod cell;
pub mod gradflow;
mod lanes;
mod layer;
mod model;
mod recipe;
mod task;
mod unroll;

pub use backbone::{Architecture, Backbone, Batch, Work, group_lanes};
pub use cell::CellKind;
pub use lanes::Lanes;
pub use layer::{Init, Layer, Start};
pub use model::{RnnModel, score};
pub use recipe::{CellName, Checkpoints, RnnConfig, RnnRecipe};
pub use task::LmTask;
pub use unroll::Noise;
