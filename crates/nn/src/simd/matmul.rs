//! The matrix product of `f32`: a register tile of 12 × 32 (AVX-512) or 6 × 16 (AVX2) numbers of c, walked over a
//! and b where they lie.
//!
//! `c[i, j] = α Σ_k a[i, k] b[k, j] + β c[i, j]`. The vectors run along j, so c needs unit stride there; a is read
//! one number at a time, so any strides do. A panel of b (256 × 32) that does not have unit stride along j is
//! transposed onto the stack first, which costs about as much as 20 rows of a.
//!
//! Every element is one chain of fused multiply-adds over k, cut every 256: its bits depend on its row of a, its
//! column of b and K alone, not on the shape around it. A row scored alone equals the same row in a batch.
#![allow(unsafe_code)]

use pulp::{Simd, WithSimd};

/// Rows of b that are multiplied at a time: 256 × 32 numbers of b are 32 KiB, which a first-level cache holds.
const DEPTH: usize = 256;
/// The widest panel: two vectors of 16.
const PANEL: usize = 32;
/// Rows of a that are walked for one panel: 576 × 256 numbers are 590 KB, which a second-level cache holds.
const ROWS: usize = 576;

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
        let mut packed = std::mem::MaybeUninit::<[f32; DEPTH * PANEL]>::uninit();
        let mut k0 = 0;
        while k0 < self.k {
            let k = (self.k - k0).min(DEPTH);
            let beta = if k0 == 0 { self.beta } else { 1.0 };
            let mut i0 = 0;
            while i0 < self.m {
                let m = (self.m - i0).min(ROWS);
                let mut j = 0;
                while j < self.n {
                    let width = (self.n - j).min(2 * lanes);
                    // SAFETY: k0 < K, i0 < M, j < N keep the addresses inside the matrices; the packed panel has
                    // k · width ≤ DEPTH · PANEL numbers, all written before they are read
                    unsafe {
                        let mut b =
                            self.b.ptr.offset(k0 as isize * self.b.row + j as isize * self.b.col);
                        let mut b_row = self.b.row;
                        if self.b.col != 1 && width > 1 {
                            let panel = packed.as_mut_ptr().cast::<f32>();
                            pack(Raw { ptr: b, ..self.b }, k, width, panel);
                            (b, b_row) = (panel, width as isize);
                        }
                        let a =
                            self.a.ptr.offset(i0 as isize * self.a.row + k0 as isize * self.a.col);
                        let strip = Strip {
                            k,
                            a: Raw { ptr: a, ..self.a },
                            b,
                            b_row,
                            c: self.c.ptr.offset(i0 as isize * self.c.row + j as isize),
                            c_row: self.c.row,
                            tail: width - (width - 1) / lanes * lanes,
                            alpha: self.alpha,
                            beta,
                        };
                        strip.rows(simd, m, width, tallest);
                    }
                    j += width;
                }
                i0 += m;
            }
            k0 += k;
        }
    }
}

/// Copies a [k, width] panel of b to `panel`, row-major.
///
/// # Safety
/// b must be readable and `panel` writable for k · width numbers.
#[inline(always)]
unsafe fn pack(b: Raw<*const f32>, k: usize, width: usize, panel: *mut f32) {
    for row in 0..k {
        for j in 0..width {
            // SAFETY: row < k, j < width
            unsafe {
                *panel.add(row * width + j) =
                    *b.ptr.offset(row as isize * b.row + j as isize * b.col)
            };
        }
    }
}

/// One panel of b against rows of a.
#[derive(Clone, Copy)]
struct Strip {
    k: usize,
    a: Raw<*const f32>,
    b: *const f32,
    b_row: isize,
    c: *mut f32,
    c_row: isize,
    /// Columns in the last vector of the panel.
    tail: usize,
    alpha: f32,
    beta: f32,
}

impl Strip {
    /// All m rows, in register tiles of nearly equal height: 13 rows are 7 + 6, not 12 + 1.
    #[inline(always)]
    unsafe fn rows<S: Simd>(self, simd: S, m: usize, width: usize, tallest: usize) {
        let lanes = size_of::<S::f32s>() / size_of::<f32>();
        let tiles = m.div_ceil(tallest);
        let (height, taller) = (m / tiles, m % tiles);
        let mut strip = self;
        for tile in 0..tiles {
            let height = height + usize::from(tile < taller);
            // SAFETY: the heights add up to m; the strip moves down by as many rows
            unsafe {
                match (width > lanes, self.tail == lanes) {
                    (true, true) => strip.tile::<S, 2, false>(simd, height),
                    (true, false) => strip.tile::<S, 2, true>(simd, height),
                    (false, true) => strip.tile::<S, 1, false>(simd, height),
                    (false, false) => strip.tile::<S, 1, true>(simd, height),
                }
                strip.a.ptr = strip.a.ptr.offset(height as isize * strip.a.row);
                strip.c = strip.c.offset(height as isize * strip.c_row);
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const NV: usize, const TAIL: bool>(&self, simd: S, height: usize) {
        macro_rules! heights {
            ($($h:literal)*) => {
                match height {
                    $($h => simd.vectorize(Tile::<$h, NV, TAIL>(*self)),)*
                    _ => unreachable!("tiles have 1 to 12 rows"),
                }
            };
        }
        heights!(1 2 3 4 5 6 7 8 9 10 11 12)
    }
}

/// One register tile: MR rows by NV vectors, the last of them masked when TAIL.
struct Tile<const MR: usize, const NV: usize, const TAIL: bool>(Strip);

impl<const MR: usize, const NV: usize, const TAIL: bool> WithSimd for Tile<MR, NV, TAIL> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let s = self.0;
        let lanes = size_of::<S::f32s>() / size_of::<f32>();
        let mask = simd.mask_between_m32s(0, if TAIL { s.tail } else { lanes } as u32);
        // SAFETY: a strip is made of addresses inside its matrices; the masked vector touches `tail` numbers only,
        // the others whole vectors inside the panel; a and b are not read past the last k
        unsafe {
            let load = |p: *const f32, j: usize| {
                if TAIL && j == NV - 1 {
                    simd.mask_load_ptr_f32s(mask, p.add(j * lanes))
                } else {
                    p.add(j * lanes).cast::<S::f32s>().read_unaligned()
                }
            };
            let mut acc = [[simd.splat_f32s(0.0); NV]; MR];
            let (mut a, mut b) = (s.a.ptr, s.b);
            for _ in 0..s.k {
                let mut row = [simd.splat_f32s(0.0); NV];
                for (j, row) in row.iter_mut().enumerate() {
                    *row = load(b, j);
                }
                for (i, acc) in acc.iter_mut().enumerate() {
                    let x = simd.splat_f32s(*a.offset((i as isize).wrapping_mul(s.a.row)));
                    for j in 0..NV {
                        acc[j] = simd.mul_add_e_f32s(x, row[j], acc[j]);
                    }
                }
                // wrapping: the step after the last k may leave the matrix, but is not read
                a = a.wrapping_offset(s.a.col);
                b = b.wrapping_offset(s.b_row);
            }
            let (alpha, beta) = (simd.splat_f32s(s.alpha), simd.splat_f32s(s.beta));
            for (i, acc) in acc.iter().enumerate() {
                let c = s.c.offset((i as isize).wrapping_mul(s.c_row));
                for j in 0..NV {
                    let mut x = simd.mul_f32s(alpha, acc[j]);
                    if s.beta != 0.0 {
                        x = simd.mul_add_e_f32s(beta, load(c, j), x);
                    }
                    if TAIL && j == NV - 1 {
                        simd.mask_store_ptr_f32s(mask, c.add(j * lanes), x);
                    } else {
                        c.add(j * lanes).cast::<S::f32s>().write_unaligned(x);
                    }
                }
            }
        }
    }
}
