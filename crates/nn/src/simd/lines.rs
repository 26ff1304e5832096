//! Buffers that start at a cache line, so that no vector of a row straddles two.

use bytemuck::{Pod, Zeroable};
use std::marker::PhantomData;

/// One cache line.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A buffer of zeros to begin with, of fixed length, aligned to 64 bytes.
#[derive(Clone)]
pub(crate) struct Lines<R> {
    lines: Vec<Line>,
    len: usize,
    number: PhantomData<R>,
}

impl<R: Pod> Lines<R> {
    pub(crate) fn zeros(len: usize) -> Self {
        let lines = vec![Line::zeroed(); (len * size_of::<R>()).div_ceil(size_of::<Line>())];
        Self { lines, len, number: PhantomData }
    }

    pub(crate) fn slice(&self) -> &[R] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }

    pub(crate) fn slice_mut(&mut self) -> &mut [R] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

impl<R> std::fmt::Debug for Lines<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} numbers", self.len)
    }
}

/// The length of a row that is padded to whole cache lines.
pub(crate) fn padded<R>(len: usize) -> usize {
    len.next_multiple_of(size_of::<Line>() / size_of::<R>())
}
