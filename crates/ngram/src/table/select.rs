//! The n-th one of a bit vector: with the processor's own instructions where it has them (BMI2, known at run time), else by
//! comparing the sums of all bytes of a word at once (Vigna 2008).
#![allow(unsafe_code)]

/// Place of the `n`-th one (from 0) at or after bit `start`; there must be one.
#[inline]
pub(crate) fn nth_one(words: &[u64], start: usize, n: u64) -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("bmi2") && std::arch::is_x86_feature_detected!("popcnt")
    {
        // SAFETY: the processor has both instruction sets.
        return unsafe { nth_one_bmi2(words, start, n) };
    }
    nth_one_portable(words, start, n)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi2,popcnt")]
fn nth_one_bmi2(words: &[u64], start: usize, mut n: u64) -> usize {
    let mut word = start / 64;
    let mut ones = words[word] & (!0 << (start % 64));
    loop {
        let count = u64::from(ones.count_ones());
        if n < count {
            return word * 64
                + std::arch::x86_64::_pdep_u64(1 << n, ones).trailing_zeros() as usize;
        }
        n -= count;
        word += 1;
        ones = words[word];
    }
}

fn nth_one_portable(words: &[u64], start: usize, mut n: u64) -> usize {
    let mut word = start / 64;
    let mut ones = words[word] & (!0 << (start % 64));
    loop {
        let sums = byte_sums(ones);
        let count = sums >> 56;
        if n < count {
            return word * 64 + select_in_word(ones, sums, n) as usize;
        }
        n -= count;
        word += 1;
        ones = words[word];
    }
}

const EACH: u64 = 0x0101_0101_0101_0101;

/// Byte j of the result: how many ones in the bytes 0..=j.
#[inline(always)]
fn byte_sums(x: u64) -> u64 {
    let x = x - ((x >> 1) & 0x5555_5555_5555_5555);
    let x = (x & 0x3333_3333_3333_3333) + ((x >> 2) & 0x3333_3333_3333_3333);
    ((x + (x >> 4)) & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(EACH)
}

/// Place of the k-th one of a word (Vigna 2008): the byte by comparing all sums at once, the bit by a table.
#[inline(always)]
fn select_in_word(word: u64, sums: u64, k: u64) -> u32 {
    let below = (((k * EACH) | 0x8080_8080_8080_8080) - sums) & 0x8080_8080_8080_8080;
    let shift = ((below >> 7).wrapping_mul(EACH) >> 53) & 0x38;
    let before = ((sums << 8) >> shift) & 0xff;
    let byte = (word >> shift) & 0xff;
    shift as u32 + u32::from(SELECT_IN_BYTE[((k - before) << 8 | byte) as usize & 0x7ff])
}

/// `[k * 256 + byte]`: place of the k-th one of the byte.
static SELECT_IN_BYTE: [u8; 2048] = {
    let mut table = [0u8; 2048];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut k) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[k * 256 + byte] = bit as u8;
                k += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_count_the_ones() {
        let words: Vec<u64> =
            (1..60u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 50)).collect();
        let ones: Vec<usize> =
            (0..words.len() * 64).filter(|&i| words[i / 64] >> (i % 64) & 1 == 1).collect();
        for (first, &start) in ones.iter().enumerate().step_by(7) {
            for (n, &place) in (0..).zip(&ones[first..]) {
                assert_eq!(
                    (nth_one(&words, start, n), nth_one_portable(&words, start, n)),
                    (place, place)
                );
            }
        }
    }
}
