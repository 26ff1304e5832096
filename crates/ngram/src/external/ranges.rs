//! How the n-grams are divided so that a part at a time fits into memory.
//!
//! The words are cut into ranges R_1 … R_B. *Row* s holds the n-grams whose last word is in R_s, *column* i those whose last
//! word but one is. The contexts of column i are n-grams of row i, and an n-gram of two words or more without its oldest is
//! in the same column, or a unigram: with row i and column i in memory, everything about column i can be estimated.
use std::ops::Range;

use lm::{Error, Result};

use super::runs::Runs;

/// One range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WordRange {
    /// Its cells in the runs.
    pub cells: Range<usize>,
    /// Its words.
    pub words: Range<u32>,
}

/// The most ranges: the index of B² blocks is kept in memory.
const MOST: usize = 1024;

/// Bytes in memory for every window of a row while its column is estimated: words and children of the contexts, their
/// counts and weights.
pub(super) fn row_bytes(order: usize) -> u64 {
    8 * (order as u64).saturating_sub(2) + 64
}

/// The same for a window of the column: words, counts, children (twice while they are put together), contexts and
/// probabilities.
pub(super) fn column_bytes(order: usize) -> u64 {
    20 * (order as u64).saturating_sub(1) + 24
}

/// Ranges of neighbouring cells whose row and column need `budget` bytes at most.
///
/// # Errors
/// Where a word alone needs more.
pub(super) fn ranges<K>(runs: &Runs<K>, budget: u64) -> Result<Vec<WordRange>> {
    let order = runs.layout.len + 1;
    let cost: Vec<u64> = (runs.ends.iter().zip(&runs.contexts))
        .map(|(ends, contexts)| ends * row_bytes(order) + contexts * column_bytes(order))
        .collect();
    let cuts = cut(&cost, budget);
    let largest = cost.iter().max().copied().unwrap_or(0);
    if largest > budget || cuts.len() > MOST {
        let needed = largest.max(cost.iter().sum::<u64>() / MOST as u64);
        return Err(Error::Config {
            option: "--memory".into(),
            what: "the n-grams around the most frequent words do not fit".into(),
            cure: format!("give at least {} MiB", (needed * 5 / 4).div_ceil(1 << 20)),
        });
    }
    let range = |cells: Range<usize>| WordRange {
        words: runs.borders[cells.start]..runs.borders[cells.end],
        cells,
    };
    Ok(cuts.into_iter().map(range).collect())
}

/// Neighbours with sums up to `most`; what is larger by itself stays alone.
fn cut(cost: &[u64], most: u64) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut first, mut sum) = (0, 0);
    for (i, &cost) in cost.iter().enumerate() {
        if i > first && sum + cost > most {
            out.push(first..i);
            (first, sum) = (i, 0);
        }
        sum += cost;
    }
    out.push(first..cost.len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_grouped() {
        assert_eq!(cut(&[3, 3, 3, 9, 1, 1, 20, 1], 10), [0..3, 3..5, 5..6, 6..7, 7..8]);
        assert_eq!(cut(&[5, 7], 1), [0..1, 1..2]);
    }
}
