//! The runs of a text merged into the n-grams that end in one range of words.
//!
//! A cell of every run is read whole, so there is one pass over the runs however many there are.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Range;

use lm::Result;
use rayon::prelude::*;

use super::runs::{Cursor, Runs};
use crate::count::{CountLevel, join, push_word};
use crate::gram::Key;

/// Counts of the n-grams whose last word is in `cells`, every order; the level of unigrams has all words, those of other
/// cells with the count 0.
pub(super) fn merge<K: Key>(runs: &Runs<K>, cells: Range<usize>) -> Result<Vec<CountLevel>> {
    let order = runs.layout.len + 1;
    let words = runs.borders[cells.start]..runs.borders[cells.end];
    let parts: Vec<Vec<CountLevel>> = cells
        .into_par_iter()
        .with_max_len(1)
        .map(|cell| merge_cell(runs, cell))
        .collect::<Result<_>>()?;
    Ok(padded(parts, words, runs.vocab_len, order))
}

/// Puts parts end to end that hold the n-grams ending in `words`; all other words are there, alone.
pub(super) fn padded(
    mut parts: Vec<Vec<CountLevel>>,
    words: Range<u32>,
    vocab_len: usize,
    order: usize,
) -> Vec<CountLevel> {
    let alone = |words: Range<u32>| {
        let n = words.len();
        let first_child = vec![0; if order > 1 { n } else { 0 }];
        let mut levels = vec![CountLevel::default(); order];
        levels[0] = CountLevel { word: words.collect(), count: vec![0; n], first_child };
        levels
    };
    parts.insert(0, alone(0..words.start));
    parts.push(alone(words.end..vocab_len as u32));
    join(parts, vocab_len as u32, order)
}

fn merge_cell<K: Key>(runs: &Runs<K>, cell: usize) -> Result<Vec<CountLevel>> {
    let sections = runs.read(cell)?;
    let mut cursors: Vec<Cursor<'_, K>> =
        sections.iter().map(|bytes| runs.cursor(cell, bytes)).collect();
    let mut levels = vec![CountLevel::default(); runs.layout.len + 1];
    let bos = runs.vocab_len as u32;
    for word in runs.borders[cell]..runs.borders[cell + 1] {
        let mut here: Vec<&mut Cursor<'_, K>> =
            cursors.iter_mut().filter(|c| c.word == Some(word)).collect();
        match here.as_mut_slice() {
            [one] => {
                let windows = std::iter::from_fn(|| one.next_window());
                push_word(word, windows, bos, runs.layout, &mut levels);
            }
            all => push_word(word, Merged::new(all), bos, runs.layout, &mut levels),
        }
        here.into_iter().for_each(Cursor::next_word);
    }
    Ok(levels)
}

/// The windows of one word from several runs, each once.
struct Merged<'m, 'c, 'b, K> {
    cursors: &'m mut [&'c mut Cursor<'b, K>],
    heap: BinaryHeap<Reverse<(K, usize, u32)>>,
}

impl<'m, 'c, 'b, K: Key> Merged<'m, 'c, 'b, K> {
    fn new(cursors: &'m mut [&'c mut Cursor<'b, K>]) -> Self {
        let first = |(i, cursor): (usize, &mut &mut Cursor<'b, K>)| {
            let (key, count) = cursor.next_window()?;
            Some(Reverse((key, i, count)))
        };
        let heap = cursors.iter_mut().enumerate().filter_map(first).collect();
        Self { cursors, heap }
    }
}

impl<K: Key> Iterator for Merged<'_, '_, '_, K> {
    type Item = (K, u32);

    fn next(&mut self) -> Option<(K, u32)> {
        let first = self.heap.peek()?.0.0;
        let mut sum = 0;
        while let Some(mut top) = self.heap.peek_mut().filter(|top| top.0.0 == first) {
            let (_, from, count) = top.0;
            sum += count;
            match self.cursors[from].next_window() {
                Some((key, count)) => top.0 = (key, from, count),
                None => drop(PeekMut::pop(top)),
            }
        }
        Some((first, sum))
    }
}
