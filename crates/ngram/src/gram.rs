//! N-grams packed into integers, newest word in the most significant place.
//!
//! The history w_{t-1}, w_{t-2}, … of a word is `len` fields of `bits` bits each: integers in ascending order are histories in
//! *suffix order* (by the last word, then the one before, …), and the next history is one shift away. `<s>` is the id |V|;
//! nothing ever stands before it, so the fields after it are zero and need no mark of their own.

/// Fields of a packed history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Bits a word: enough for the ids `0..=|V|`.
    pub bits: u32,
    /// Words in a history: the order less one.
    pub len: usize,
}

impl Layout {
    /// For histories of `len` words over the ids `0..=vocab_len`.
    pub fn new(vocab_len: usize, len: usize) -> Self {
        Self { bits: (usize::BITS - vocab_len.leading_zeros()).max(1), len }
    }

    /// Bits of a whole history.
    pub fn total_bits(self) -> u32 {
        self.bits * self.len as u32
    }

    fn offset(self, i: usize) -> u32 {
        self.bits * (self.len - 1 - i) as u32
    }
}

/// An integer that holds a history.
pub(crate) trait Key: Copy + Ord + Default + Send + Sync {
    /// The history after `word`: everything moves one field down, the oldest word falls out.
    fn push(self, word: u32, layout: Layout) -> Self;

    /// The word `i` places before the newest.
    fn word(self, i: usize, layout: Layout) -> u32;

    /// How many of the newest words are the same in both.
    fn shared(self, other: Self, layout: Layout) -> usize;

    /// The `n` newest words alone.
    fn keep(self, n: usize, layout: Layout) -> Self;

    /// With `word` in the empty place `i` before the newest.
    fn with(self, i: usize, word: u32, layout: Layout) -> Self;
}

macro_rules! integer_key {
    ($int:ty) => {
        impl Key for $int {
            #[inline]
            fn push(self, word: u32, layout: Layout) -> Self {
                if layout.len == 0 {
                    return self;
                }
                let older = if layout.len == 1 { 0 } else { self >> layout.bits };
                older.with(0, word, layout)
            }

            #[inline]
            fn word(self, i: usize, layout: Layout) -> u32 {
                (self >> layout.offset(i)) as u32 & ((1u64 << layout.bits) - 1) as u32
            }

            #[inline]
            fn shared(self, other: Self, layout: Layout) -> usize {
                let differ = self ^ other;
                match differ {
                    0 => layout.len,
                    _ => layout.len - 1 - (differ.ilog2() / layout.bits) as usize,
                }
            }

            #[inline]
            fn keep(self, n: usize, layout: Layout) -> Self {
                match n {
                    0 => 0,
                    _ if n >= layout.len => self,
                    _ => self >> layout.offset(n - 1) << layout.offset(n - 1),
                }
            }

            #[inline]
            fn with(self, i: usize, word: u32, layout: Layout) -> Self {
                self | <$int>::from(word) << layout.offset(i)
            }
        }
    };
}

integer_key!(u64);
integer_key!(u128);

/// 320 bits, most significant first: ten words of 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wide([u64; 5]);

impl Key for Wide {
    fn push(self, word: u32, layout: Layout) -> Self {
        if layout.len == 0 {
            return self;
        }
        let mut next = [0; 5];
        if layout.len > 1 {
            for (i, limb) in next.iter_mut().enumerate() {
                let carried = if i == 0 { 0 } else { self.0[i - 1] << (64 - layout.bits) };
                *limb = self.0[i] >> layout.bits | carried;
            }
        }
        Self(next).with(0, word, layout)
    }

    fn word(self, i: usize, layout: Layout) -> u32 {
        let (limb, shift) = (4 - (layout.offset(i) / 64) as usize, layout.offset(i) % 64);
        let above = if limb > 0 { self.0[limb - 1] } else { 0 };
        let both = u128::from(above) << 64 | u128::from(self.0[limb]);
        (both >> shift) as u32 & ((1u64 << layout.bits) - 1) as u32
    }

    fn shared(self, other: Self, layout: Layout) -> usize {
        match (0..5).find(|&i| self.0[i] != other.0[i]) {
            None => layout.len,
            Some(i) => {
                let bit = (4 - i) as u32 * 64 + (self.0[i] ^ other.0[i]).ilog2();
                layout.len - 1 - (bit / layout.bits) as usize
            }
        }
    }

    fn keep(mut self, n: usize, layout: Layout) -> Self {
        match n {
            0 => Self::default(),
            _ if n >= layout.len => self,
            _ => {
                let offset = layout.offset(n - 1);
                let limb = 4 - (offset / 64) as usize;
                self.0[limb] = self.0[limb] >> (offset % 64) << (offset % 64);
                self.0[limb + 1..].fill(0);
                self
            }
        }
    }

    fn with(mut self, i: usize, word: u32, layout: Layout) -> Self {
        let (limb, shift) = (4 - (layout.offset(i) / 64) as usize, layout.offset(i) % 64);
        let placed = u128::from(word) << shift;
        self.0[limb] |= placed as u64;
        if limb > 0 {
            self.0[limb - 1] |= (placed >> 64) as u64;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every kind of key keeps the newest words, in suffix order.
    fn keeps<K: Key + std::fmt::Debug>(a: &[u32], b: &[u32], vocab_len: usize, len: usize) {
        let layout = Layout::new(vocab_len, len);
        assert!(layout.total_bits() as usize <= 8 * size_of::<K>());
        let pack = |words: &[u32]| words.iter().fold(K::default(), |key, &w| key.push(w, layout));
        let newest = |words: &[u32]| {
            words.iter().rev().copied().chain([0; 10]).take(len).collect::<Vec<_>>()
        };
        let (x, y, p, q) = (newest(a), newest(b), pack(a), pack(b));
        assert_eq!((0..len).map(|i| p.word(i, layout)).collect::<Vec<_>>(), x);
        assert_eq!(p.cmp(&q), x.cmp(&y));
        assert_eq!(p.shared(q, layout), x.iter().zip(&y).take_while(|(x, y)| x == y).count());
        for n in 0..=len {
            let kept = p.keep(n, layout);
            assert!((0..len).all(|i| kept.word(i, layout) == if i < n { x[i] } else { 0 }));
            assert_eq!((n..len).fold(kept, |key, i| key.with(i, x[i], layout)), p);
        }
    }

    proptest! {
        #[test]
        fn keys_hold_their_words(
            a in prop::collection::vec(0u32..=1000, 0..12),
            b in prop::collection::vec(0u32..=1000, 0..12),
            small in prop::collection::vec(0u32..=2, 0..12),
        ) {
            for len in 0..=6 {
                keeps::<u64>(&a, &b, 1000, len);
                keeps::<u64>(&small, &a.iter().map(|w| w % 3).collect::<Vec<_>>(), 2, len);
            }
            for len in 0..=9 {
                keeps::<u128>(&a, &b, 10_000, len);
                keeps::<Wide>(&a, &b, 10_000, len);
                keeps::<Wide>(&a, &b, u32::MAX as usize, len);
                keeps::<Wide>(&small, &a.iter().map(|w| w % 3).collect::<Vec<_>>(), 2, len);
            }
        }
    }
}
