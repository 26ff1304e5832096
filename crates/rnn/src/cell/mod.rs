//! One step of a recurrence, and its transpose.
//!
//! Every cell has the weights of [`Layer`]: `w_e` for what comes in, `w_h` for the state, each with `G` row blocks of `H`
//! (the gates). The layer multiplies all time steps by `w_e` in one product beforehand; a cell gets the result in
//! `pre`, adds the recurrent product and applies its functions. To add a cell: one file, and its entry in [`CellKind`].
//!
//! Shapes: `B` lanes, `H` hidden units; `pre` [B, G·H], `extra` [B, X·H], states [B, S·H] with h in the first H columns.

mod gru;
mod lstm;
mod vanilla;

use ndarray::{ArrayView2, ArrayViewMut2};
use nn::Real;
use nn::activation::Activation;

use crate::layer::Layer;

pub use gru::Gru;
pub use lstm::Lstm;
pub use vanilla::Vanilla;

/// What a forward step reads and writes.
pub struct Forward<'a, R> {
    /// In: w_e e + b; out: what the backward step needs of the gates. [B, G·H]
    pub pre: ArrayViewMut2<'a, R>,
    /// Out: what else it needs. [B, X·H]
    pub extra: ArrayViewMut2<'a, R>,
    /// The incoming state. [B, S·H]
    pub prev: ArrayView2<'a, R>,
    /// w_hᵀ, row-major: transposed once for many steps. [H, G·H]
    pub w_h_t: ArrayView2<'a, R>,
    /// Out: the new state. [B, S·H]
    pub next: ArrayViewMut2<'a, R>,
}

/// What a backward step reads and writes.
pub struct Backward<'a, R> {
    /// In: as the forward step left it; out: the gradient of w_e e + b. [B, G·H]
    pub pre: ArrayViewMut2<'a, R>,
    /// In: as the forward step left it; out: for cells with [`Cell::splits`], the gradient of the last block of the
    /// recurrent product. [B, X·H]
    pub extra: ArrayViewMut2<'a, R>,
    /// The incoming state of the forward step. [B, S·H]
    pub prev: ArrayView2<'a, R>,
    /// In: the gradient of the new state; out: of the incoming state. [B, S·H]
    pub d_state: ArrayViewMut2<'a, R>,
}

/// A recurrence.
pub trait Cell<R: Real>: Send + Sync {
    /// G: blocks of H rows in the weights.
    fn gates(&self) -> usize;

    /// S: a state's width in units of H.
    fn states(&self) -> usize;

    /// X: what a step keeps besides its gates, in units of H.
    fn extra(&self) -> usize;

    /// Whether the last block's recurrent product has a gradient (and a bias) of its own, apart from that of `pre`.
    fn splits(&self) -> bool;

    /// One step.
    fn forward(&self, layer: &Layer<R>, step: Forward<'_, R>);

    /// Its transpose. The gradients of the weights are products over all time steps, which the layer makes afterwards.
    fn backward(&self, layer: &Layer<R>, step: Backward<'_, R>);
}

/// The list of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CellKind {
    /// Lecture equation (8).
    Vanilla(Vanilla),
    /// Gated recurrent unit.
    Gru(Gru),
    /// Long short-term memory.
    Lstm(Lstm),
}

impl CellKind {
    /// The plain recurrent network with this σ.
    pub const fn vanilla(sigma: Activation) -> Self {
        CellKind::Vanilla(Vanilla { sigma })
    }

    /// Every cell: what tests, benches and reports iterate.
    pub fn all() -> Vec<CellKind> {
        let vanilla = Activation::ALL.map(CellKind::vanilla);
        vanilla.into_iter().chain([CellKind::Gru(Gru), CellKind::Lstm(Lstm)]).collect()
    }

    /// The recurrence over numbers of type `R`.
    pub fn rule<R: Real>(&self) -> &dyn Cell<R> {
        match self {
            CellKind::Vanilla(cell) => cell,
            CellKind::Gru(cell) => cell,
            CellKind::Lstm(cell) => cell,
        }
    }

    /// `rnn`, `gru` or `lstm`.
    pub fn name(&self) -> &'static str {
        match self {
            CellKind::Vanilla(_) => "rnn",
            CellKind::Gru(_) => "gru",
            CellKind::Lstm(_) => "lstm",
        }
    }
}
