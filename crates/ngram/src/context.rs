//! Which k-gram is the context of which, and what follows each context.
//!
//! The context of the k-gram w_1 … w_k is the (k−1)-gram w_1 … w_{k-1}. Both hang, in suffix order, below smaller pairs of
//! the same kind: w_1 … w_k below w_2 … w_k, and w_1 … w_{k-1} below its context w_2 … w_{k-1}. So the contexts of the
//! children of one node are found by walking along the children of that node's context: no look-up, no second sort.
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;

use crate::adjust::Counting;
use crate::count::{CountLevel, GramCounts};

/// What stands after a context: Σ_w a(context w), and how many words have a = 1, 2, 3 or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Successors {
    pub total: u64,
    pub n: [u64; 3],
    /// The part of the total that belongs to n-grams under the cut-off; they are not in `n`.
    pub cut: u64,
}

impl Successors {
    /// N_{1+}: different words after the context.
    pub fn types(&self) -> u64 {
        self.n.iter().sum()
    }

    pub fn add(&mut self, count: u32) {
        self.total += u64::from(count);
        match count {
            0 => {}
            1..=3 => self.n[count as usize - 1] += 1,
            _ => self.n[2] += 1,
        }
    }
}

/// [`Successors`] that several threads add to: n_1 and n_2 in one integer, n_3 and the sum of the counts of three or more
/// in the other. Integer sums do not depend on the order.
#[derive(Default)]
struct Tally {
    low: AtomicU64,
    high: AtomicU64,
}

impl Tally {
    #[inline]
    fn add(&self, count: u32) {
        match count {
            0 => 0,
            1 => self.low.fetch_add(1 << 32, Relaxed),
            2 => self.low.fetch_add(1, Relaxed),
            _ => self.high.fetch_add(1 << 32 | u64::from(count), Relaxed),
        };
    }

    fn read(&self) -> Successors {
        let (low, high) = (self.low.load(Relaxed), self.high.load(Relaxed));
        let n = [low >> 32, low & 0xffff_ffff, high >> 32];
        Successors { total: n[0] + 2 * n[1] + (high & 0xffff_ffff), n, cut: 0 }
    }
}

/// For one length k ≥ 2: the context of every k-gram (an index into the level of (k−1)-grams), and what follows each.
pub(crate) struct Contexts {
    pub of: Vec<u32>,
    pub after: After,
}

/// What follows each context.
pub(crate) struct After {
    tallies: Vec<Tally>,
    /// The parts of the totals under the cut-off; empty where there is none.
    cut: Vec<AtomicU64>,
}

impl After {
    /// How many contexts.
    pub fn len(&self) -> usize {
        self.tallies.len()
    }

    /// What follows one.
    #[inline]
    pub fn context(&self, context: usize) -> Successors {
        let counted = self.tallies[context].read();
        let cut = self.cut.get(context).map_or(0, |cut| cut.load(Relaxed));
        Successors { total: counted.total + cut, cut, ..counted }
    }
}

/// Neighbouring parents in ranges with about so many children: the units of parallel work on one level.
pub(crate) fn parent_units(first_child: &[u32]) -> Vec<Range<usize>> {
    const CHILDREN: u32 = 1 << 13;
    let parents = first_child.len() - 1;
    let mut units = Vec::new();
    let mut start = 0;
    while start < parents {
        let target = first_child[start].saturating_add(CHILDREN);
        let end = start + 1 + first_child[start + 1..parents].partition_point(|&c| c < target);
        units.push(start..end);
        start = end;
    }
    units
}

/// Cuts a slice over the children of a level into one piece a unit.
pub(crate) fn by_unit<'a, T>(
    units: &[Range<usize>],
    first_child: &[u32],
    mut slice: &'a mut [T],
) -> Vec<(Range<usize>, &'a mut [T])> {
    let cut = |unit: &Range<usize>| {
        let (piece, rest) = std::mem::take(&mut slice)
            .split_at_mut((first_child[unit.end] - first_child[unit.start]) as usize);
        slice = rest;
        (unit.clone(), piece)
    };
    units.iter().map(cut).collect()
}

/// Contexts of the (k+1)-grams, as places in `among`; `parents` are those of the k-grams, empty for k = 1 (their context
/// is the empty one).
pub(crate) fn contexts(
    counts: &GramCounts,
    among: &[CountLevel],
    counting: Counting,
    k: usize,
    parents: &[u32],
) -> Contexts {
    let nodes = among[k - 1].word.len();
    let tallies: Vec<Tally> = (0..nodes).into_par_iter().map(|_| Tally::default()).collect();
    let cut: Vec<AtomicU64> = match counts.cutoff.is_empty() {
        true => Vec::new(),
        false => (0..nodes).map(|_| AtomicU64::new(0)).collect(),
    };
    let of = context_indices(&counts.levels, among, k, parents, |node, context| {
        let count = counts.counted(counting, k, node);
        if counts.is_cut(k, node) {
            cut[context as usize].fetch_add(count.into(), Relaxed);
        } else {
            tallies[context as usize].add(count);
        }
    })
    .expect("the context of a counted n-gram is counted");
    Contexts { of, after: After { tallies, cut } }
}

/// The context in `among` of every n-gram of level index `k` ≥ 1, told to `visit` as well; the index of one whose context
/// is missing.
pub(crate) fn context_indices(
    levels: &[CountLevel],
    among: &[CountLevel],
    k: usize,
    parents: &[u32],
    visit: impl Fn(usize, u32) + Sync,
) -> Result<Vec<u32>, usize> {
    let starts = &levels[k - 1].first_child;
    let mut of = vec![0u32; levels[k].word.len()];
    let missing = by_unit(&parent_units(starts), starts, &mut of)
        .into_par_iter()
        .filter_map(|(unit, out)| join_unit(levels, among, k, parents, unit, out, &visit))
        .min();
    missing.map_or(Ok(of), Err)
}

fn join_unit(
    levels: &[CountLevel],
    among: &[CountLevel],
    k: usize,
    parents: &[u32],
    unit: Range<usize>,
    out: &mut [u32],
    visit: &impl Fn(usize, u32),
) -> Option<usize> {
    let (words, starts) = (&levels[k].word, &levels[k - 1].first_child);
    let nodes = starts[unit.start] as usize..starts[unit.end] as usize;
    if k == 1 {
        out.copy_from_slice(&words[nodes.clone()]);
        nodes.for_each(|node| visit(node, words[node]));
        return None;
    }
    let (above, candidates) = (&among[k - 2].first_child, &among[k - 1].word);
    let mut batch = [Candidates::default(); BATCH];
    for first in unit.clone().step_by(BATCH) {
        let end = (first + BATCH).min(unit.end);
        // all far reads of a batch before the first use of any: the processor waits for them together
        for (list, &context) in batch.iter_mut().zip(&parents[first..end]) {
            (list.start, list.end) = (above[context as usize], above[context as usize + 1]);
        }
        for list in &mut batch[..end - first] {
            list.first = candidates.get(list.start as usize).copied().unwrap_or(0);
        }
        for (parent, list) in (first..end).zip(&batch) {
            let (mut at, end) = (list.start as usize, list.end as usize);
            for node in starts[parent] as usize..starts[parent + 1] as usize {
                if at == list.start as usize && list.first != words[node]
                    || at > list.start as usize
                {
                    at += advance(&candidates[at..end], words[node]);
                }
                if at >= end || candidates[at] != words[node] {
                    return Some(node);
                }
                out[node - nodes.start] = at as u32;
            }
        }
    }
    for (node, &context) in nodes.zip(&*out) {
        visit(node, context);
    }
    None
}

/// Parents whose contexts are looked up together.
const BATCH: usize = 64;

/// The children of one context, ascending.
#[derive(Clone, Copy, Default)]
struct Candidates {
    start: u32,
    end: u32,
    /// The first child's word.
    first: u32,
}

/// How many of the ascending `words` are below `word`: steps of 1, 2, 4, … and a binary search in the last.
#[inline]
fn advance(words: &[u32], word: u32) -> usize {
    let (mut low, mut step) = (0, 1);
    while low + step <= words.len() && words[low + step - 1] < word {
        low += step;
        step *= 2;
    }
    let high = (low + step - 1).min(words.len());
    low + words[low..high].partition_point(|&w| w < word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advance_is_a_lower_bound() {
        let words = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21];
        for len in 0..=words.len() {
            for word in 0..24 {
                assert_eq!(
                    advance(&words[..len], word),
                    words[..len].partition_point(|&w| w < word),
                    "{len} {word}"
                );
            }
        }
    }

    #[test]
    fn tallies_split_counts() {
        let tally = Tally::default();
        let mut plain = Successors::default();
        for count in [1, 1, 2, 3, 4, 100, 0, 2] {
            tally.add(count);
            plain.add(count);
        }
        assert_eq!(tally.read(), plain);
        assert_eq!((plain.total, plain.types()), (113, 7));
    }
}
