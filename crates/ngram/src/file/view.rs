//! Memory maps, and slices of them that keep the map alive.
#![allow(unsafe_code)]
use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use bytemuck::{AnyBitPattern, Pod, Zeroable};
use lm::{Error, Result};
use memmap2::{Mmap, MmapOptions};

/// 64 bytes, aligned as a cache line.
#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Block([u64; 8]);

/// The bytes of an image.
pub(super) enum Storage {
    /// A mapped file.
    Mapped(Mmap),
    /// A table just built.
    Owned(Vec<Block>),
}

impl Storage {
    /// Maps a whole file for reading.
    pub(super) fn map(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.into(), source };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.is_dir() {
            return Err(super::refused(path, "this is a folder".into()));
        }
        // SAFETY: the map is read-only and private to this process's view of the file; model files are written under a
        // temporary name and renamed, never changed in place, so the bytes do not change under the map.
        let map = unsafe { MmapOptions::new().populate().map(&file) }.map_err(io)?;
        Ok(Storage::Mapped(map))
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Storage::Mapped(map) => map,
            Storage::Owned(blocks) => bytemuck::cast_slice(blocks),
        }
    }
}

/// A slice inside an image; the image lives as long as its views.
pub(crate) struct View<T> {
    start: *const T,
    len: usize,
    _owner: Arc<Storage>,
}

impl<T: AnyBitPattern> View<T> {
    /// `len` values from byte `offset`.
    ///
    /// # Panics
    /// If they do not lie inside the storage, or are not aligned.
    pub(super) fn new(storage: &Arc<Storage>, offset: usize, len: usize) -> Self {
        let bytes = &storage.bytes()[offset..offset + len * size_of::<T>()];
        let slice: &[T] = bytemuck::cast_slice(bytes);
        Self { start: slice.as_ptr(), len, _owner: storage.clone() }
    }
}

impl<T> Deref for View<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `new` took pointer and length from a checked slice of the storage, which `_owner` keeps alive and in
        // place (a map does not move; an owned vector is never changed); any bit pattern is a T.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

// SAFETY: a view is a shared, read-only slice with shared ownership of immutable bytes.
unsafe impl<T: Sync> Send for View<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for View<T> {}
