//! Asking the processor for a cache line ahead of its use.
#![allow(unsafe_code)]

/// Fetches the line of `values[index]`; an index outside is ignored.
#[inline(always)]
pub(crate) fn read<T>(values: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if index < values.len() {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address lies inside the slice, and a prefetch neither reads into the program nor faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}
