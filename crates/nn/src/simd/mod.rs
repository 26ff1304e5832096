//! Wide loops: the same code compiled for every instruction set that matters (AVX-512, AVX2 with FMA, NEON, plain),
//! chosen when the program runs.
//!
//! Loops over slices are ordinary Rust that the compiler vectorises inside `widest`; only the matrix product
//! spells out its registers.

pub(crate) mod lines;
pub(crate) mod math;
pub(crate) mod matmul;
mod pack;

use std::sync::LazyLock;

/// The widest instruction set of this machine.
pub(crate) fn arch() -> pulp::Arch {
    static ARCH: LazyLock<pulp::Arch> = LazyLock::new(pulp::Arch::new);
    *ARCH
}

/// Runs a loop compiled for the widest instruction set of this machine. The closure must be `#[inline(always)]`.
pub(crate) fn widest<T>(f: impl FnOnce() -> T) -> T {
    arch().dispatch(f)
}

/// The name of the instruction set in use, for reports.
pub fn instruction_set() -> String {
    let name = format!("{:?}", arch());
    name.split(['(', ' ']).next().unwrap_or(&name).to_owned()
}
