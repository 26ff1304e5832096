//! The experiments: one file per group of claims, each a list of runs over the ordinary recipes and a rule a claim.
//!
//! The rules are pure functions over plain numbers, tested on made-up ones for all three outcomes.
mod activations;
mod asked;
mod bound;
mod common;
mod context;
mod exploding;
mod families;
mod gates;
mod gradients;
mod growth;
mod length;
mod long_range;
mod nets;
mod parts;
mod positions;
mod reading;
mod recall;
mod smoothing;
mod sparsity;
mod spectrum;
mod speed;
mod storage;
mod timing;
mod unseen;
mod vanishing;
mod vectors;
mod window_size;

use crate::lab::Experiment;

/// Every experiment, in the lecture's order.
pub const ALL: &[&dyn Experiment] = &[
    &sparsity::Sparsity,
    &smoothing::Smoothings,
    &growth::Growth,
    &storage::Storage,
    &unseen::Unseen,
    &window_size::WindowSize,
    &positions::Positions,
    &vectors::Vectors,
    &length::Length,
    &context::Contexts,
    &speed::Speed,
    &gradients::Gradients,
    &spectrum::Spectrum,
    &bound::Bound,
    &vanishing::Vanishing,
    &exploding::Exploding,
    &activations::Activations,
    &gates::Gates,
    &families::Families,
];
