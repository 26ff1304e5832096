//! Sorted runs: as much of the text as memory holds is counted at a time, and the distinct windows are put aside.
//!
//! A run is cut into *cells*, ranges of last words that are the same in all runs, each a section of one temporary file. In
//! a cell the windows stand in suffix order, front-coded against the one before:
//!
//! ```text
//! for every word: its distance from the word before, number of windows, and for each of them
//!     shared · 16 + min(count, 15)   how many of the newest history words are as before
//!     count − 15                     if it is 15 or more
//!     word + 1 …                     the other history words, newest first; 0 is <s> and the last
//! ```
use std::marker::PhantomData;
use std::path::Path;

use corpus::Tokens;
use lm::Result;
use rayon::prelude::*;

use super::scratch::{Scratch, Section};
use super::varint::{get, put};
use crate::count::{deal, units};
use crate::gram::{Key, Layout};

/// Cells sorted and encoded before they are written.
const BATCH: usize = 32;

/// Histories of one word worth sorting in parallel.
const MANY: usize = 1 << 17;

/// The runs of a text, keys of type `K`.
pub(super) struct Runs<K> {
    pub vocab_len: usize,
    pub layout: Layout,
    /// Words `borders[c]..borders[c + 1]` are cell `c`; made from the first run.
    pub borders: Vec<u32>,
    /// Of every word and `<s>`.
    cell_of: Vec<u32>,
    /// How many cells are wanted.
    cells: usize,
    scratch: Scratch,
    sections: Vec<Vec<Section>>,
    /// Windows whose last word is in the cell, summed over runs: at least the distinct ones.
    pub ends: Vec<u64>,
    /// Windows whose last word but one is in the cell (`<s>` is in the last).
    pub contexts: Vec<u64>,
    key: PhantomData<K>,
}

/// A cell of a run, encoded.
struct Encoded {
    bytes: Vec<u8>,
    windows: u64,
    contexts: Vec<u64>,
}

impl<K: Key> Runs<K> {
    pub fn new(vocab_len: usize, order: usize, cells: usize, folder: &Path) -> Result<Self> {
        Ok(Self {
            vocab_len,
            layout: Layout::new(vocab_len, order - 1),
            borders: Vec::new(),
            cell_of: Vec::new(),
            cells,
            scratch: Scratch::new(folder)?,
            sections: Vec::new(),
            ends: Vec::new(),
            contexts: Vec::new(),
            key: PhantomData,
        })
    }

    /// How many runs.
    pub fn len(&self) -> usize {
        self.sections.len()
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.scratch.len()
    }

    /// Counts a part of the text; `proceed` is asked now and then whether to go on.
    pub fn spill(&mut self, text: &Tokens, proceed: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let mut starts = vec![0u32; self.vocab_len + 1];
        text.flat().iter().for_each(|t| starts[t.index() + 1] += 1);
        (0..self.vocab_len).for_each(|w| starts[w + 1] += starts[w]);
        if self.borders.is_empty() {
            self.cut(&starts);
        }
        let mut histories = deal::<K>(text, self.vocab_len as u32, self.layout, &starts);
        let mut rest = histories.as_mut_slice();
        let mut jobs = Vec::with_capacity(self.ends.len());
        for words in self.borders.windows(2) {
            let words = words[0] as usize..words[1] as usize;
            let (own, after) =
                rest.split_at_mut((starts[words.end] - starts[words.start]) as usize);
            jobs.push((words, own));
            rest = after;
        }
        let mut sections = Vec::with_capacity(jobs.len());
        let mut jobs = jobs.into_iter();
        loop {
            let batch: Vec<_> = jobs.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            proceed()?;
            let encoded: Vec<Encoded> = batch
                .into_par_iter()
                .with_max_len(1)
                .map(|(words, own)| self.encode(words, &starts, own))
                .collect();
            for Encoded { bytes, windows, contexts } in encoded {
                self.ends[sections.len()] += windows;
                self.contexts.iter_mut().zip(contexts).for_each(|(sum, n)| *sum += n);
                sections.push(self.scratch.append(&bytes)?);
            }
        }
        self.sections.push(sections);
        Ok(())
    }

    /// Cells of like mass, by the first run.
    fn cut(&mut self, starts: &[u32]) {
        let mass = (starts[self.vocab_len] / self.cells as u32).max(1);
        let cells = units(starts, mass);
        self.borders = std::iter::once(0).chain(cells.iter().map(|c| c.end as u32)).collect();
        self.cell_of =
            (0..).zip(&cells).flat_map(|(c, words)| std::iter::repeat_n(c, words.len())).collect();
        self.cell_of.push(cells.len() as u32 - 1);
        self.ends = vec![0; cells.len()];
        self.contexts = vec![0; cells.len()];
    }

    fn encode(&self, words: std::ops::Range<usize>, starts: &[u32], own: &mut [K]) -> Encoded {
        let contexts = vec![0; self.ends.len()];
        let mut out = Encoded { bytes: Vec::new(), windows: 0, contexts };
        let (base, mut previous_word) = (starts[words.start] as usize, words.start as u32);
        for word in words {
            let histories =
                &mut own[starts[word] as usize - base..starts[word + 1] as usize - base];
            if histories.is_empty() {
                continue;
            }
            match histories.len() < MANY {
                true => histories.sort_unstable(),
                false => histories.par_sort_unstable(),
            }
            put(&mut out.bytes, word as u32 - previous_word);
            previous_word = word as u32;
            let windows = 1 + histories.windows(2).filter(|pair| pair[0] != pair[1]).count();
            put(&mut out.bytes, windows as u32);
            out.windows += windows as u64;
            let mut previous: Option<K> = None;
            for run in histories.chunk_by(|a, b| a == b) {
                self.encode_window(previous, run[0], run.len() as u32, &mut out);
                previous = Some(run[0]);
            }
        }
        out
    }

    #[inline]
    fn encode_window(&self, previous: Option<K>, history: K, count: u32, out: &mut Encoded) {
        let (layout, bos) = (self.layout, self.vocab_len as u32);
        let shared = previous.map_or(0, |p| p.shared(history, layout));
        out.bytes.push((shared as u8) << 4 | count.min(15) as u8);
        if count >= 15 {
            put(&mut out.bytes, count - 15);
        }
        for i in shared..layout.len {
            let word = history.word(i, layout);
            put(&mut out.bytes, if word == bos { 0 } else { word + 1 });
            if word == bos {
                break;
            }
        }
        if layout.len > 0 {
            out.contexts[self.cell_of[history.word(0, layout) as usize] as usize] += 1;
        }
    }

    /// A cell of every run.
    pub fn read(&self, cell: usize) -> Result<Vec<Vec<u8>>> {
        self.sections.iter().map(|run| self.scratch.read(run[cell])).collect()
    }

    /// Walks over a cell.
    pub fn cursor<'a>(&self, cell: usize, bytes: &'a [u8]) -> Cursor<'a, K> {
        let word = self.borders[cell];
        let (bos, layout) = (self.vocab_len as u32, self.layout);
        let mut cursor =
            Cursor { bytes, layout, bos, word: Some(word), left: 0, key: K::default() };
        cursor.next_word();
        cursor
    }
}

/// A place in a cell of a run.
pub(super) struct Cursor<'a, K> {
    bytes: &'a [u8],
    layout: Layout,
    bos: u32,
    /// The last word of the windows here; `None` at the end.
    pub word: Option<u32>,
    left: u32,
    key: K,
}

impl<K: Key> Cursor<'_, K> {
    /// The next window of this word and its count.
    #[inline]
    pub fn next_window(&mut self) -> Option<(K, u32)> {
        self.left = self.left.checked_sub(1)?;
        let (&head, rest) = self.bytes.split_first().expect("a window was written here");
        self.bytes = rest;
        let mut count = u32::from(head & 15);
        if count == 15 {
            count += get(&mut self.bytes);
        }
        let shared = usize::from(head >> 4);
        let mut key = self.key.keep(shared, self.layout);
        for i in shared..self.layout.len {
            match get(&mut self.bytes) {
                0 => {
                    key = key.with(i, self.bos, self.layout);
                    break;
                }
                word => key = key.with(i, word - 1, self.layout),
            }
        }
        self.key = key;
        Some((key, count))
    }

    /// To the next word, when all windows of this one were taken.
    pub fn next_word(&mut self) {
        assert_eq!(self.left, 0, "windows of the word are left");
        self.word = match self.bytes.is_empty() {
            true => None,
            false => self.word.map(|word| word + get(&mut self.bytes)),
        };
        if self.word.is_some() {
            self.left = get(&mut self.bytes);
        }
        self.key = K::default();
    }
}
