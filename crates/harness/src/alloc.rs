//! The counting allocator: live and peak heap bytes of the whole process.
//!
//! What a model costs is the peak while it trains or scores, minus what was live before: call [`Watch::start`] first.
#![allow(unsafe_code)] // a global allocator is an unsafe trait

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator with two counters; install it with `#[global_allocator]`.
#[derive(Debug)]
pub struct Counting;

fn add(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    // The peak moves rarely: read first, so that the line is not written by every thread at every allocation.
    if live > PEAK.load(Relaxed) {
        PEAK.fetch_max(live, Relaxed);
    }
}

/// Large blocks are asked for in huge pages: a few page faults in place of thousands.
#[cfg(target_os = "linux")]
fn in_huge_pages(block: *mut u8, bytes: usize) {
    use std::ffi::{c_int, c_void};
    const LARGE: usize = 4 << 20;
    const PAGE: usize = 1 << 12;
    const MADV_HUGEPAGE: c_int = 14;
    unsafe extern "C" {
        fn madvise(start: *mut c_void, bytes: usize, advice: c_int) -> c_int;
    }
    if bytes >= LARGE && !block.is_null() {
        let skipped = block.align_offset(PAGE);
        let whole = (bytes - skipped) / PAGE * PAGE;
        // SAFETY: the range lies within the block just allocated, and the advice changes no byte of it; where the kernel
        // does not take it, nothing happens.
        unsafe { madvise(block.add(skipped).cast(), whole, MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn in_huge_pages(_: *mut u8, _: usize) {}

fn sub(bytes: usize) {
    LIVE.fetch_sub(bytes, Relaxed);
}

// SAFETY: every call is passed to `System` unchanged, and what it answers is handed on; the counters are atomics and never allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is `System`'s.
        let block = unsafe { System.alloc(layout) };
        in_huge_pages(block, layout.size());
        if !block.is_null() {
            add(layout.size());
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is `System`'s.
        let block = unsafe { System.alloc_zeroed(layout) };
        in_huge_pages(block, layout.size());
        if !block.is_null() {
            add(layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is `System`'s.
        unsafe { System.dealloc(block, layout) };
        sub(layout.size());
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's contract is `System`'s.
        let moved = unsafe { System.realloc(block, layout, size) };
        in_huge_pages(moved, size);
        if !moved.is_null() {
            add(size);
            sub(layout.size());
        }
        moved
    }
}

/// Watches the heap from a point on.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    live: usize,
}

impl Watch {
    /// Starts: the peak is set back to what is live now.
    pub fn start() -> Self {
        let live = LIVE.load(Relaxed);
        PEAK.store(live, Relaxed);
        Self { live }
    }

    /// The most bytes live at once since the start, above what was live then. 0 where [`Counting`] is not installed.
    pub fn peak_bytes(&self) -> u64 {
        PEAK.load(Relaxed).saturating_sub(self.live) as u64
    }
}
