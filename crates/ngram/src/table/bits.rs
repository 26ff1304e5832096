//! Fields of a few bits, one after the other in 64-bit words.

/// Bits needed for the values `0..count`.
#[inline(always)]
pub(crate) fn width_for(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// Words that hold so many bits; one more than that, so that reading a field may look one word ahead.
pub(crate) fn words_for(bits: usize) -> usize {
    bits / 64 + 2
}

/// The field of `width` < 64 bits at bit `at`.
#[inline(always)]
pub(crate) fn read(words: &[u64], at: usize, width: u32) -> u64 {
    let pair = &words[at / 64..at / 64 + 2];
    let both = u128::from(pair[0]) | u128::from(pair[1]) << 64;
    (both >> (at % 64)) as u64 & ((1 << width) - 1)
}

/// The index in `0..len` at which the ascending `at` is `value`. The range is halved without a branch to guess.
#[inline(always)]
pub(crate) fn search(mut len: usize, value: usize, at: impl Fn(usize) -> usize) -> Option<usize> {
    if len == 0 {
        return None;
    }
    let mut low = 0;
    while len > 1 {
        let half = len / 2;
        low = std::hint::select_unpredictable(at(low + half) <= value, low + half, low);
        len -= half;
    }
    (at(low) == value).then_some(low)
}

/// Writes fields one after the other.
#[derive(Default)]
pub(crate) struct BitWriter {
    words: Vec<u64>,
    bits: usize,
}

impl BitWriter {
    /// Room for so many bits.
    pub(crate) fn with_capacity(bits: usize) -> Self {
        Self { words: Vec::with_capacity(words_for(bits)), bits: 0 }
    }

    /// Bits written so far.
    pub(crate) fn bits(&self) -> usize {
        self.bits
    }

    /// Appends a field of `width` < 64 bits.
    #[inline]
    pub(crate) fn push(&mut self, value: u64, width: u32) {
        debug_assert!(width < 64 && value >> width == 0);
        let at = self.bits % 64;
        if at == 0 {
            self.words.push(0);
        }
        *self.words.last_mut().expect("a word was pushed at bit 0") |= value << at;
        if at + width as usize > 64 {
            self.words.push(value >> (64 - at));
        }
        self.bits += width as usize;
        if width == 0 && at == 0 {
            self.words.pop(); // an empty field takes no word
        }
    }

    /// The words, padded for [`read`].
    pub(crate) fn finish(mut self) -> Vec<u64> {
        self.words.resize(words_for(self.bits), 0);
        self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        assert_eq!([0, 1, 2, 3, 4, 5, 256, 257].map(width_for), [0, 0, 1, 2, 2, 3, 8, 9]);
    }

    #[test]
    fn fields_of_every_width_come_back() {
        let fields: Vec<(u64, u32)> = (0..2_000u64)
            .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15), (i * 7 % 64) as u32))
            .map(|(v, w)| (v & ((1u64 << w) - 1), w))
            .collect();
        let mut writer = BitWriter::default();
        fields.iter().for_each(|&(v, w)| writer.push(v, w));
        let (bits, words) = (writer.bits(), writer.finish());
        assert_eq!(words.len(), words_for(bits));
        let mut at = 0;
        for (v, w) in fields {
            assert_eq!(read(&words, at, w), v);
            at += w as usize;
        }
    }
}
