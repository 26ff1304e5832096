//! The matrix product of `f32`: a register tile of 12 × 32 (AVX-512) or 6 × 16 (AVX2) numbers of c.
//!
//! `c[i, j] = α Σ_k a[i, k] b[k, j] + β c[i, j]`. The vectors run along j, so c needs unit stride there; a and b may have
//! any strides. As in Goto and van de Geijn (2008), a block of a (288 × 256) is copied tile by tile, then every panel of b
//! (256 × two vectors) once for it, while the next panel and the tiles of c are asked for ahead: the units of arithmetic
//! hardly wait for memory. Few rows are not worth a copy: they walk over a and over a b of unit stride where they lie.
//!
//! Every element is one chain of fused multiply-adds over k, cut every 256: its bits depend on its row of a, its
//! column of b and K alone, not on the shape around it. A row scored alone equals the same row in a batch.
#![allow(unsafe_code)]

use super::pack::{self, Cache, prefetch};
use pulp::{Simd, WithSimd};
use std::cell::Cell;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::sync::atomic::{Ordering, compiler_fence};

/// Rows of b that are multiplied at a time: 256 × 32 numbers of b are 32 KiB, which a first-level cache holds.
const DEPTH: usize = 256;
/// The widest panel: two vectors of 16.
const PANEL: usize = 32;
/// Rows of a that are copied, and walked for one panel: 288 × 256 numbers are 295 KB, which a second-level cache holds.
const ROWS: usize = 288;

/// Vectors of the panels of a single row of a: two sums would wait for each other's latency, eight keep the units busy.
const WIDE: usize = 8;

/// So many rows of a pay for a copied panel of a b that could be read where it lies: rows of b further apart than a
/// page, or by a multiple of many cache lines, evict each other from the first-level cache.
const ROWS_FOR_PANELS: usize = 48;

/// So many rows of a, and so many columns of b to multiply them by, pay for a copy of a. Fewer rows fit the first-level
/// cache.
const ROWS_FOR_TILES: usize = 24;
const COLUMNS_FOR_TILES: usize = 64;

/// So many rows of b take as long to multiply as a line from the third-level cache to come.
const ROWS_AHEAD: isize = 24;

thread_local! {
    /// Room for the copy of a, kept: a product allocates nothing once a thread has had one as large.
    static TILES: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// From a cache line's beginning.
#[repr(align(64))]
struct Aligned<T>(T);

/// A matrix by address and strides (in numbers).
#[derive(Clone, Copy)]
pub(crate) struct Raw<T> {
    /// Address of element [0, 0].
    pub ptr: T,
    /// Stride between rows.
    pub row: isize,
    /// Stride between columns.
    pub col: isize,
}

/// One product: shapes, operands, factors.
pub(crate) struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: Raw<*const f32>,
    pub b: Raw<*const f32>,
    /// `c.col` is 1.
    pub c: Raw<*mut f32>,
    pub alpha: f32,
    pub beta: f32,
}

impl Product {
    /// Computes the product with the widest instruction set of this machine.
    ///
    /// # Safety
    /// a [m, k] and b [k, n] must be readable and c [m, n] writable at their strides; c overlaps neither.
    pub(crate) unsafe fn run(self) {
        super::arch().dispatch(self);
    }
}

impl WithSimd for Product {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // 24 accumulators, 2 vectors of b and one of a fit 32 registers; machines with vectors of 8 have 16
        let tallest = if size_of::<S::f32s>() == 32 { 6 } else { 12 };
        // SAFETY: the caller of `run` vouches for the three matrices; every address below is inside one of them
        unsafe { self.blocks(simd, tallest) }
    }
}

impl Product {
    #[inline(always)]
    unsafe fn blocks<S: Simd>(&self, simd: S, tallest: usize) {
        let lanes = size_of::<S::f32s>() / size_of::<f32>();
        let mut packed = Aligned(MaybeUninit::<[f32; DEPTH * PANEL]>::uninit());
        let copied = self.m >= ROWS_FOR_TILES && self.n >= COLUMNS_FOR_TILES;
        let mut tiles = if copied { TILES.take() } else { Vec::new() };
        tiles.reserve(if copied { self.m.min(ROWS) * self.k.min(DEPTH) } else { 0 });
        let mut k0 = 0;
        while k0 < self.k {
            let k = (self.k - k0).min(DEPTH);
            let beta = if k0 == 0 { self.beta } else { 1.0 };
            let mut i0 = 0;
            while i0 < self.m {
                let m = (self.m - i0).min(ROWS);
                let in_place = self.b.col == 1 && self.n >= lanes && m < ROWS_FOR_PANELS;
                let at = k0 as isize * self.a.col + i0 as isize * self.a.row;
                // SAFETY: k0 < K and i0 < M keep the block of a inside it; the copy has room for m · k numbers
                let a = unsafe {
                    let mut a = Raw { ptr: self.a.ptr.offset(at), ..self.a };
                    if copied {
                        pack::tiles(a, m, k, tallest, tiles.as_mut_ptr());
                        a.ptr = tiles.as_ptr();
                    }
                    a
                };
                let mut j = 0;
                while j < self.n {
                    let panel = if in_place && m == 1 && self.n - j >= WIDE * lanes {
                        Panel::wide(j, lanes)
                    } else {
                        Panel::at(j, self.n, lanes)
                    };
                    // SAFETY: k0 < K, i0 < M and the panel's columns < N keep the addresses inside the matrices;
                    // the packed panel has k · width ≤ DEPTH · PANEL numbers, all written before they are read
                    unsafe {
                        let left = panel.left as isize;
                        let b = self.b.ptr.offset(k0 as isize * self.b.row);
                        let from = Raw { ptr: b.offset(left * self.b.col), ..self.b };
                        let (mut b, mut ahead) = (Raw { col: 1, ..from }, None);
                        if !in_place {
                            let width = lanes + if panel.vectors == 2 { panel.second } else { 0 };
                            let to = packed.0.as_mut_ptr().cast::<f32>();
                            pack::panel::<S>(from, k, width.min(self.n), width, to);
                            if self.b.col == 1 && panel.end < self.n {
                                let next = from.ptr.wrapping_add(panel.end - panel.left);
                                ahead = Some(Raw { ptr: next, ..from });
                            }
                            b = Raw { ptr: to.cast_const(), row: width as isize, col: 1 };
                        }
                        let strip = Strip {
                            k,
                            a,
                            copied,
                            b: b.ptr,
                            b_row: b.row,
                            reach: if in_place {
                                ROWS_AHEAD * b.row + 2 * lanes as isize - 1
                            } else {
                                0
                            },
                            ahead,
                            c: self.c.ptr.offset(i0 as isize * self.c.row + left),
                            c_row: self.c.row,
                            second: panel.second,
                            keep: panel.keep,
                            alpha: self.alpha,
                            beta,
                        };
                        strip.rows(simd, m, panel.vectors, tallest);
                    }
                    j = panel.end;
                }
                i0 += m;
            }
            k0 += k;
        }
        if copied {
            TILES.set(tiles);
        }
    }
}

/// Columns of c that are computed together: one vector or two, or [`WIDE`] of a single row.
///
/// The last vector of a row is moved left until it ends with the row, so that b is always read in whole vectors; the
/// columns that it shares with the vector before are computed and not stored.
struct Panel {
    left: usize,
    vectors: usize,
    /// Where the second vector begins, counted from `left`; the others follow likewise.
    second: usize,
    /// The lanes of the last vector that are stored, when not all are.
    keep: Option<(usize, usize)>,
    end: usize,
}

impl Panel {
    #[inline(always)]
    fn wide(j: usize, lanes: usize) -> Self {
        Self { left: j, vectors: WIDE, second: lanes, keep: None, end: j + WIDE * lanes }
    }

    #[inline(always)]
    fn at(j: usize, n: usize, lanes: usize) -> Self {
        let rest = n - j;
        if rest >= 2 * lanes {
            Self { left: j, vectors: 2, second: lanes, keep: None, end: j + 2 * lanes }
        } else if rest > lanes {
            let keep = Some((2 * lanes - rest, lanes));
            Self { left: j, vectors: 2, second: rest - lanes, keep, end: n }
        } else if n >= lanes {
            Self {
                left: n - lanes,
                vectors: 1,
                second: 0,
                keep: Some((lanes - rest, lanes)),
                end: n,
            }
        } else {
            Self { left: 0, vectors: 1, second: 0, keep: Some((0, n)), end: n }
        }
    }
}

/// What is compiled for every height H of a register tile, for the one at hand.
macro_rules! by_height {
    ($height:expr, $H:ident => $what:expr) => {
        by_height!($height, $H => $what, 1 2 3 4 5 6 7 8 9 10 11 12)
    };
    ($height:expr, $H:ident => $what:expr, $($h:literal)*) => {
        match $height {
            $($h => {
                const $H: usize = $h;
                $what
            })*
            _ => unreachable!("tiles have 1 to 12 rows"),
        }
    };
}
pub(super) use by_height;

/// Heights of the register tiles of m rows, nearly equal: 13 rows are 7 + 6, not 12 + 1.
#[inline(always)]
pub(super) fn heights(m: usize, tallest: usize) -> impl Iterator<Item = usize> {
    let tiles = m.div_ceil(tallest);
    let (height, taller) = (m / tiles, m % tiles);
    (0..tiles).map(move |tile| height + usize::from(tile < taller))
}

/// One panel of b against rows of a.
#[derive(Clone, Copy)]
struct Strip {
    k: usize,
    a: Raw<*const f32>,
    /// The rows of a are copied, tile by tile: a tile of H rows is [k, H], and the strides of `a` say nothing.
    copied: bool,
    b: *const f32,
    b_row: isize,
    /// How far ahead numbers of b are asked for: where it lies, its rows are on lines and pages of their own.
    reach: isize,
    /// The next panel of b, to be asked for meanwhile.
    ahead: Option<Raw<*const f32>>,
    c: *mut f32,
    c_row: isize,
    second: usize,
    keep: Option<(usize, usize)>,
    alpha: f32,
    beta: f32,
}

impl Strip {
    /// All m rows, one register tile after the other.
    #[inline(always)]
    unsafe fn rows<S: Simd>(self, simd: S, m: usize, vectors: usize, tallest: usize) {
        let last = vectors * size_of::<S::f32s>() / size_of::<f32>() - 1;
        let ask = |row: *const f32, cache| {
            prefetch(row, cache);
            prefetch(row.wrapping_add(last), cache);
        };
        let rows_ahead = self.k.div_ceil(m.div_ceil(tallest));
        let mut strip = self;
        for height in heights(m, tallest) {
            for i in 0..height as isize {
                ask(strip.c.wrapping_offset(i * strip.c_row), Cache::First);
            }
            if let Some(next) = &mut strip.ahead {
                for _ in 0..rows_ahead {
                    ask(next.ptr, Cache::Second);
                    next.ptr = next.ptr.wrapping_offset(next.row);
                }
            }
            // SAFETY: the heights add up to m; the strip moves down by as many rows
            unsafe {
                match vectors {
                    WIDE => simd.vectorize(Tile::<1, WIDE, false>(strip)),
                    2 => strip.tile::<S, 2>(simd, height),
                    _ => strip.tile::<S, 1>(simd, height),
                }
                let row = if strip.copied { strip.k as isize } else { strip.a.row };
                strip.a.ptr = strip.a.ptr.offset(height as isize * row);
                strip.c = strip.c.offset(height as isize * strip.c_row);
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const NV: usize>(&self, simd: S, height: usize) {
        if self.copied {
            by_height!(height, H => simd.vectorize(Tile::<H, NV, true>(*self)))
        } else {
            by_height!(height, H => simd.vectorize(Tile::<H, NV, false>(*self)))
        }
    }
}

/// One register tile: MR rows, copied or where they lie, by NV vectors.
struct Tile<const MR: usize, const NV: usize, const COPIED: bool>(Strip);

impl<const MR: usize, const NV: usize, const COPIED: bool> WithSimd for Tile<MR, NV, COPIED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let s = self.0;
        // SAFETY: a strip is made of addresses inside its matrices: vectors of b and c are whole unless `keep` says
        // which lanes of the last one count, and a and b are not read past the last k
        unsafe {
            let mut acc = [[simd.splat_f32s(0.0); NV]; MR];
            // four pointers of three rows each, which the compiler must not join into one: that makes a chain of
            // twelve additions, longer than the multiplications take. Of a copied tile the distances are known when this
            // is compiled: one pointer reaches all rows
            let (row, col) = if COPIED { (1, MR as isize) } else { (s.a.row, s.a.col) };
            let third = |group: isize| {
                let at = s.a.ptr.wrapping_offset(3 * group * row);
                if COPIED { at } else { black_box(at) }
            };
            let (mut a0, mut a1, mut a2, mut a3) = (third(0), third(1), third(2), third(3));
            let mut b = s.b;
            for _ in 0..s.k {
                prefetch(b.wrapping_offset(s.reach), Cache::First);
                let mut vectors = [simd.splat_f32s(0.0); NV];
                for (j, vector) in vectors.iter_mut().enumerate() {
                    *vector = b.add(j * s.second).cast::<S::f32s>().read_unaligned();
                }
                // spelt out: the compiler gives up on unrolling twelve rows
                macro_rules! rows {
                    ($($i:literal of $a:ident)*) => {$(
                        if $i < MR {
                            let x = simd.splat_f32s(*$a.offset(($i % 3) * row));
                            for j in 0..NV {
                                acc[$i][j] = simd.mul_add_e_f32s(x, vectors[j], acc[$i][j]);
                            }
                        }
                    )*};
                }
                // fences, which cost nothing: without them the compiler loads all twelve numbers of a first, and has
                // no registers left for the sums
                rows!(0 of a0 1 of a0 2 of a0);
                compiler_fence(Ordering::SeqCst);
                rows!(3 of a1 4 of a1 5 of a1);
                compiler_fence(Ordering::SeqCst);
                rows!(6 of a2 7 of a2 8 of a2);
                compiler_fence(Ordering::SeqCst);
                rows!(9 of a3 10 of a3 11 of a3);
                // wrapping: the step after the last k may leave the matrix, but is not read
                a0 = a0.wrapping_offset(col);
                a1 = a1.wrapping_offset(col);
                a2 = a2.wrapping_offset(col);
                a3 = a3.wrapping_offset(col);
                b = b.wrapping_offset(s.b_row);
            }
            let (alpha, beta) = (simd.splat_f32s(s.alpha), simd.splat_f32s(s.beta));
            for (i, acc) in acc.iter().enumerate() {
                let c = s.c.offset((i as isize).wrapping_mul(s.c_row));
                for (j, acc) in acc.iter().enumerate() {
                    let c = c.add(j * s.second);
                    let mut x = simd.mul_f32s(alpha, *acc);
                    match s.keep {
                        Some((from, to)) if j == NV - 1 => {
                            let mask = simd.mask_between_m32s(from as u32, to as u32);
                            if s.beta != 0.0 {
                                let old = simd.mask_load_ptr_f32s(mask, c);
                                x = simd.mul_add_e_f32s(beta, old, x);
                            }
                            simd.mask_store_ptr_f32s(mask, c, x);
                        }
                        _ => {
                            if s.beta != 0.0 {
                                let old = c.cast::<S::f32s>().read_unaligned();
                                x = simd.mul_add_e_f32s(beta, old, x);
                            }
                            c.cast::<S::f32s>().write_unaligned(x);
                        }
                    }
                }
            }
        }
    }
}
