//! Monotone sequences in about 2 + log2(U / n) bits a value, with constant-time access (Elias 1974, Fano 1971).
//!
//! The low `l = ⌊log2(U / n)⌋` bits of every value are stored as they are; the high parts in unary: value i sets bit
//! `(v_i >> l) + i` of a bit vector. Access finds the i-th one of that vector (select) from a sample every 32 ones.
use super::bits::{self, BitWriter, words_for};
use super::select;
use crate::file::{Image, ImageBuilder, View};
use lm::Result;

const SAMPLE: usize = 32; // ones a sample: one bit a value
/// Sections a sequence takes.
pub(crate) const SECTIONS: usize = 3;

/// A stored sequence.
pub(crate) struct EliasFano {
    low: View<u64>,
    high: View<u64>,
    samples: View<u32>,
    low_width: u32,
}

/// Shape of the sequence of `len` values up to `max`: width of the low part, bits of the high part.
fn shape(len: usize, max: usize) -> (u32, usize) {
    let low_width = (max / len.max(1)).max(1).ilog2();
    (low_width, len + (max >> low_width) + 1)
}

/// Bytes of the sections of a sequence of `len` values up to `max`.
pub(crate) fn section_bytes(len: usize, max: usize) -> [usize; SECTIONS] {
    let (low_width, high_bits) = shape(len, max);
    [8 * words_for(len * low_width as usize), 8 * words_for(high_bits), 4 * len.div_ceil(SAMPLE)]
}

/// Appends the sections of a sequence that never decreases.
pub(crate) fn write(
    image: &mut ImageBuilder,
    values: impl ExactSizeIterator<Item = usize>,
    max: usize,
) {
    let len = values.len();
    let (low_width, high_bits) = shape(len, max);
    let mut low = BitWriter::with_capacity(len * low_width as usize);
    let mut high = vec![0u64; words_for(high_bits)];
    let mut samples = Vec::with_capacity(len.div_ceil(SAMPLE));
    for (i, value) in values.enumerate() {
        assert!(value <= max, "a value above the announced maximum");
        low.push((value & ((1 << low_width) - 1)) as u64, low_width);
        let at = (value >> low_width) + i;
        high[at / 64] |= 1 << (at % 64);
        if i % SAMPLE == 0 {
            samples.push(
                u32::try_from(at).expect("fewer than 2^32 bits: gram counts are checked before"),
            );
        }
    }
    image.push(&low.finish());
    image.push(&high);
    image.push(&samples);
}

impl EliasFano {
    /// The sequence of `len` values up to `max` in the sections from `first`.
    pub(crate) fn open(image: &Image, first: usize, len: usize, max: usize) -> Result<Self> {
        let (low_width, high_bits) = shape(len, max);
        Ok(Self {
            low: image.view(first, words_for(len * low_width as usize))?,
            high: image.view(first + 1, words_for(high_bits))?,
            samples: image.view(first + 2, len.div_ceil(SAMPLE))?,
            low_width,
        })
    }

    /// Value `i`.
    #[inline]
    pub(crate) fn get(&self, i: usize) -> usize {
        self.value(self.select(i), i)
    }

    /// Values `i` and `i + 1`.
    #[inline]
    pub(crate) fn pair(&self, i: usize) -> (usize, usize) {
        let at = self.select(i);
        let mut word = (at + 1) / 64;
        let mut ones = self.high[word] & (!0 << ((at + 1) % 64));
        while ones == 0 {
            word += 1;
            ones = self.high[word];
        }
        (self.value(at, i), self.value(word * 64 + ones.trailing_zeros() as usize, i + 1))
    }

    /// Asks the processor for the sample of value `i`.
    #[inline]
    pub(crate) fn prefetch(&self, i: usize) {
        super::prefetch::read(&self.samples, i / SAMPLE);
    }

    #[inline(always)]
    fn value(&self, at: usize, i: usize) -> usize {
        let low = bits::read(&self.low, i * self.low_width as usize, self.low_width) as usize;
        (at - i) << self.low_width | low
    }

    /// Place of the i-th one (from 0) of the high parts.
    #[inline]
    fn select(&self, i: usize) -> usize {
        select::nth_one(&self.high, self.samples[i / SAMPLE] as usize, (i % SAMPLE) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(values: &[usize], max: usize) {
        let mut builder = ImageBuilder::new(0, SECTIONS);
        write(&mut builder, values.iter().copied(), max);
        let image = builder.finish();
        let sequence = EliasFano::open(&image, 0, values.len(), max).unwrap();
        for (i, pair) in values.windows(2).enumerate() {
            assert_eq!((sequence.get(i), sequence.pair(i)), (pair[0], (pair[0], pair[1])));
        }
        let bytes: Vec<usize> = (0..SECTIONS).map(|i| image.section(i).unwrap().len()).collect();
        assert_eq!(bytes, section_bytes(values.len(), max));
    }

    #[test]
    fn shapes_at_the_edge() {
        check(&[], 0);
        check(&[0], 0);
        check(&[0; 1000], 0);
        check(&[0, 0, 1 << 20, 1 << 20], 1 << 20);
        check(&(0..5000).collect::<Vec<_>>(), 4999);
        check(&(0..300).map(|i| i / 100 * 1000).collect::<Vec<_>>(), 2000);
    }

    proptest! {
        #[test]
        fn any_monotone_sequence_comes_back(steps in prop::collection::vec(0usize..200, 1..400), spread in 0u32..8) {
            let values: Vec<usize> = steps.iter().scan(0, |sum, s| { *sum += s >> spread; Some(*sum) }).collect();
            check(&values, *values.last().unwrap());
        }
    }
}
