//! A fast checksum against damage, not against malice: eight independent lanes of multiply and rotate over 64-byte blocks.
//!
//! Each step `lane ← rotl((lane ⊕ word) · K, 29)` with odd K is a bijection of the word for a given lane and of the lane
//! for a given word, and so is the fold of the lanes: two texts that differ in one 64-bit word never have one checksum.

const K: u64 = 0x9e37_79b9_7f4a_7c15;

/// The checksum of a whole number of 64-byte blocks.
///
/// # Panics
/// If the length is no multiple of 64.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<64>();
    assert!(rest.is_empty(), "whole blocks");
    let mut lanes: [u64; 8] = std::array::from_fn(|i| K.rotate_left(8 * i as u32));
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = (*lane ^ u64::from_le_bytes(*word)).wrapping_mul(K).rotate_left(29);
        }
    }
    lanes.iter().fold(bytes.len() as u64, |sum, lane| {
        let mixed = (sum ^ lane).wrapping_mul(K);
        mixed ^ (mixed >> 32)
    })
}
