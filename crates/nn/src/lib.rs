//! Matrices, gradients, optimizers, the training loop, checkpoints. Knows no language.
pub mod activation;
pub mod checkpoint;
pub mod clip;
pub mod dropout;
pub mod embedding;
mod error;
pub mod fit;
pub mod gemm;
pub mod gradcheck;
pub mod init;
pub mod linear;
pub mod memory;
pub mod optim;
pub mod params;
pub mod real;
pub mod rng;
pub mod schedule;
pub mod simd;
pub mod skipgram;
pub mod softmax;
pub mod spectrum;
pub mod tensorfile;
pub mod transpose;

pub use error::{Error, Result};
pub use params::Params;
pub use real::Real;
