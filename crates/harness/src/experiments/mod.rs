//! The experiments: one file per group of claims, each a list of runs over the ordinary recipes and a rule a claim.
//!
//! The rules are pure functions over plain numbers, tested on made-up ones for all three outcomes.
mod activations;
mod bound;
mod common;
mod exploding;
mod gates;
mod gradients;
mod growth;
mod nets;
mod recall;
mod smoothing;
mod sparsity;
mod spectrum;
mod unseen;
mod vanishing;
mod window_size;

use crate::lab::Experiment;

/// Every experiment, in the lecture's order.
pub const ALL: &[&dyn Experiment] = &[
    &sparsity::Sparsity,
    &smoothing::Smoothings,
    &growth::Growth,
    &unseen::Unseen,
    &window_size::WindowSize,
    &gradients::Gradients,
    &spectrum::Spectrum,
    &bound::Bound,
    &vanishing::Vanishing,
    &exploding::Exploding,
    &activations::Activations,
    &gates::Gates,
];
