//! Wide loops: the same code compiled for every instruction set that matters (AVX-512, AVX2 with FMA, NEON, plain),
//! chosen when the program runs.
//!
//! Loops over slices are ordinary Rust that the compiler vectorises inside `widest`; only the matrix product
//! spells out its registers.

pub(crate) mod lines;
pub(crate) mod math;
pub(crate) mod matmul;

use crate::real::Real;
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

/// Σ a b over two slices of one length, in 32 chains; for use inside [`widest`].
#[inline(always)]
pub(crate) fn dot<R: Real>(a: &[R], b: &[R]) -> R {
    const CHAINS: usize = 32;
    let mut chains = [R::zero(); CHAINS];
    let full = a.len() / CHAINS * CHAINS;
    for (a, b) in a[..full].chunks_exact(CHAINS).zip(b[..full].chunks_exact(CHAINS)) {
        for l in 0..CHAINS {
            chains[l] = a[l].mul_add(b[l], chains[l]);
        }
    }
    for (l, (&a, &b)) in a[full..].iter().zip(&b[full..]).enumerate() {
        chains[l] = a.mul_add(b, chains[l]);
    }
    for width in [16, 8, 4, 2, 1] {
        for l in 0..width {
            chains[l] += chains[l + width];
        }
    }
    chains[0]
}

/// The name of the instruction set in use, for reports.
pub fn instruction_set() -> String {
    let name = format!("{:?}", arch());
    name.split(['(', ' ']).next().unwrap_or(&name).to_owned()
}
