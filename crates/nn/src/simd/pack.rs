//! Copies for the matrix product: what is read many times is laid out once as it will be read.
//!
//! A panel of b becomes [k, width], the rows of a become register tiles [k, h], both row-major: the product then walks
//! over memory one number after the other, which hardware prefetches, instead of over one cache line and one page a row.
#![allow(unsafe_code)]

use super::matmul::{Raw, by_height, heights};
use pulp::Simd;

/// Numbers along the side of the squares that are transposed in registers.
const SIDE: usize = 4;

/// Copies the panel b [k, filled] to `to` [k, width], with zeros on the right.
///
/// # Safety
/// b must be readable for k · filled numbers and `to` writable for k · width.
#[inline(always)]
pub(super) unsafe fn panel<S: Simd>(
    b: Raw<*const f32>,
    k: usize,
    filled: usize,
    width: usize,
    to: *mut f32,
) {
    let lanes = size_of::<S::f32s>() / size_of::<f32>();
    // SAFETY: the caller's promise; the conditions are those of the two copies
    unsafe {
        if b.col == 1 && filled == width && (lanes..=2 * lanes).contains(&width) {
            vectors::<S>(b, k, width, to);
        } else if b.row == 1 && filled == width && width >= SIDE && k >= SIDE {
            squares(b, k, width, to);
        } else {
            numbers(b, k, filled, width, to);
        }
    }
}

/// Copies a [m, k], register tile by register tile of at most `tallest` rows: a tile of h rows becomes [k, h].
///
/// # Safety
/// a must be readable and `to` writable for m · k numbers.
#[inline(always)]
pub(super) unsafe fn tiles(a: Raw<*const f32>, m: usize, k: usize, tallest: usize, to: *mut f32) {
    let mut row = 0;
    for height in heights(m, tallest) {
        // SAFETY: the heights add up to m
        unsafe {
            let from = Raw { ptr: a.ptr.offset(row as isize * a.row), row: a.col, col: a.row };
            let to = to.add(row * k);
            by_height!(height, H => tile::<H>(from, k, to));
        }
        row += height;
    }
}

/// Copies a [k, H] matrix.
///
/// # Safety
/// It must be readable and `to` writable for k · H numbers.
#[inline(always)]
unsafe fn tile<const H: usize>(from: Raw<*const f32>, k: usize, to: *mut f32) {
    // SAFETY: row < k, and whole rows have H numbers
    unsafe {
        if from.col == 1 {
            for row in 0..k {
                let numbers = from.ptr.offset(row as isize * from.row).cast::<[f32; H]>();
                to.add(row * H).cast::<[f32; H]>().write_unaligned(numbers.read_unaligned());
            }
        } else if from.row == 1 && H >= SIDE && k >= SIDE {
            squares(from, k, H, to);
        } else {
            numbers(from, k, H, H, to);
        }
    }
}

/// Copies a [k, width] matrix of unit stride along its rows by whole vectors; the last one of a row ends with the row.
///
/// # Safety
/// It must be readable and `to` writable for k · width numbers; `width` is one to two vectors.
#[inline(always)]
unsafe fn vectors<S: Simd>(from: Raw<*const f32>, k: usize, width: usize, to: *mut f32) {
    let last = width - size_of::<S::f32s>() / size_of::<f32>();
    // SAFETY: a vector begins with the row or ends with it
    unsafe {
        for row in 0..k {
            let (from, to) = (from.ptr.offset(row as isize * from.row), to.add(row * width));
            for j in [0, last] {
                let x = from.add(j).cast::<S::f32s>().read_unaligned();
                to.add(j).cast::<S::f32s>().write_unaligned(x);
            }
        }
    }
}

/// Copies a [k, width] matrix of unit stride along its columns, square by square; the last square of a row or a column
/// ends with it.
///
/// # Safety
/// It must be readable and `to` writable for k · width numbers; k and `width` are at least [`SIDE`].
#[inline(always)]
unsafe fn squares(from: Raw<*const f32>, k: usize, width: usize, to: *mut f32) {
    for row in (0..k).step_by(SIDE).map(|row| row.min(k - SIDE)) {
        for j in (0..width).step_by(SIDE).map(|j| j.min(width - SIDE)) {
            // SAFETY: the square ends inside both
            unsafe {
                let at = from.ptr.offset(row as isize + j as isize * from.col);
                transpose4(at, from.col, to.add(row * width + j), width);
            }
        }
    }
}

/// Copies a [k, filled] matrix of any strides to `to` [k, width], with zeros on the right.
///
/// # Safety
/// As [`panel`].
#[inline(always)]
unsafe fn numbers(from: Raw<*const f32>, k: usize, filled: usize, width: usize, to: *mut f32) {
    for row in 0..k {
        for j in 0..width {
            // SAFETY: row < k; j < filled where it is read, j < width where it is written
            unsafe {
                let at = from.ptr.wrapping_offset(row as isize * from.row + j as isize * from.col);
                *to.add(row * width + j) = if j < filled { *at } else { 0.0 };
            }
        }
    }
}

/// to[i, j] ← from[j, i] for 4 × 4 numbers, where rows of `from` are `stride` apart and rows of `to` `width`.
///
/// # Safety
/// Both squares must be inside their buffers.
#[inline(always)]
unsafe fn transpose4(from: *const f32, stride: isize, to: *mut f32, width: usize) {
    // SAFETY: the caller vouches for both squares; SSE is part of x86-64
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_TRANSPOSE4_PS, _mm_loadu_ps, _mm_storeu_ps};
        let mut a = _mm_loadu_ps(from);
        let mut b = _mm_loadu_ps(from.offset(stride));
        let mut c = _mm_loadu_ps(from.offset(2 * stride));
        let mut d = _mm_loadu_ps(from.offset(3 * stride));
        _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
        _mm_storeu_ps(to, a);
        _mm_storeu_ps(to.add(width), b);
        _mm_storeu_ps(to.add(2 * width), c);
        _mm_storeu_ps(to.add(3 * width), d);
    }
    // SAFETY: the caller vouches for both squares
    #[cfg(not(target_arch = "x86_64"))]
    unsafe {
        for i in 0..4 {
            for j in 0..4 {
                *to.add(i * width + j) = *from.offset(j as isize * stride + i as isize);
            }
        }
    }
}

/// A cache that a line is asked into.
#[derive(Clone, Copy)]
pub(super) enum Cache {
    First,
    Second,
}

/// Asks for the cache line of a number that will be needed soon; it need not exist.
#[inline(always)]
pub(super) fn prefetch(at: *const f32, cache: Cache) {
    // SAFETY: a prefetch has no effect but on the caches, whatever the address
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        match cache {
            Cache::First => _mm_prefetch::<_MM_HINT_T0>(at.cast()),
            Cache::Second => _mm_prefetch::<_MM_HINT_T1>(at.cast()),
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (at, cache);
}
