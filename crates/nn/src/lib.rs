//! Matrices, gradients, optimizers, the training loop, checkpoints. Knows no language.
pub mod activation;
pub mod clip;
pub mod dropout;
pub mod embedding;
pub mod gemm;
pub mod init;
pub mod linear;
pub mod optim;
pub mod real;
pub mod rng;
pub mod simd;
pub mod softmax;

pub use real::Real;
