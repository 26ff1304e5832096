//! Counts put aside: every row once in its own order, and again cut into the blocks that make up the columns.
use std::ops::Range;

use lm::Result;
use rayon::prelude::*;

use super::merge::padded;
use super::ranges::WordRange;
use super::scratch::{Scratch, Section};
use super::varint::{get, put};
use crate::count::CountLevel;

/// Rows and columns on disk.
pub(super) struct Blocks {
    pub vocab_len: usize,
    pub order: usize,
    pub ranges: Vec<WordRange>,
    scratch: Scratch,
    /// `rows[s][k]`: words (from bigrams on) and numbers of children of the level index `k`.
    rows: Vec<Vec<Section>>,
    /// `blocks[s][i]`: words, counts and numbers of children of the n-grams in row s and column i, all levels.
    blocks: Vec<Vec<Section>>,
    /// `sizes[s][i][k]`: how many n-grams that are.
    sizes: Vec<Vec<Vec<u32>>>,
}

impl Blocks {
    pub fn new(vocab_len: usize, order: usize, ranges: Vec<WordRange>, scratch: Scratch) -> Self {
        let (rows, blocks, sizes) = (Vec::new(), Vec::new(), Vec::new());
        Self { vocab_len, order, ranges, scratch, rows, blocks, sizes }
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.scratch.len()
    }

    /// How many n-grams of level index `k` are in row `s` and column `i`.
    pub fn size(&self, s: usize, i: usize, k: usize) -> usize {
        self.sizes[s][i][k] as usize
    }

    /// The number of the range that a context's newest word is in.
    pub fn range_of(&self, word: u32) -> usize {
        self.ranges.partition_point(|r| r.words.end <= word).min(self.ranges.len() - 1)
    }

    /// Puts the next row aside.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn push_row(&mut self, levels: &[CountLevel]) -> Result<()> {
        let words = self.ranges[self.rows.len()].words.clone();
        let encoded: Vec<Vec<u8>> =
            (0..self.order).into_par_iter().map(|k| encode_level(levels, k, &words)).collect();
        let row = encoded.iter().map(|bytes| self.scratch.append(bytes)).collect::<Result<_>>()?;
        self.rows.push(row);
        if self.order == 1 {
            return Ok(());
        }
        let encoded: Vec<(Vec<u8>, Vec<u32>)> = (0..self.ranges.len())
            .into_par_iter()
            .map(|i| encode_block(levels, &words, &self.columns(i)))
            .collect();
        let blocks = encoded.iter().map(|e| self.scratch.append(&e.0)).collect::<Result<_>>()?;
        self.blocks.push(blocks);
        self.sizes.push(encoded.into_iter().map(|e| e.1).collect());
        Ok(())
    }

    /// The words that put an n-gram into column `i`, the last but one of it.
    fn columns(&self, i: usize) -> Range<u32> {
        let words = &self.ranges[i].words;
        // <s> is in the last
        words.start..if i + 1 == self.ranges.len() { self.vocab_len as u32 + 1 } else { words.end }
    }

    /// The words and children of a row up to level index `top`, without counts; all words have their place among the
    /// unigrams.
    pub fn row(&self, s: usize, top: usize) -> Result<Vec<CountLevel>> {
        let words = self.ranges[s].words.clone();
        let part: Vec<CountLevel> = (0..=top)
            .into_par_iter()
            .map(|k| {
                let bytes = self.scratch.read(self.rows[s][k])?;
                Ok(decode_level(&bytes, k, &words, k + 1 < self.order))
            })
            .collect::<Result<_>>()?;
        Ok(padded(vec![part], words, self.vocab_len, top + 1))
    }

    /// All n-grams of a column.
    pub fn column(&self, i: usize) -> Result<Vec<CountLevel>> {
        let parts: Vec<Vec<CountLevel>> = (0..self.ranges.len())
            .into_par_iter()
            .map(|s| {
                let bytes = self.scratch.read(self.blocks[s][i])?;
                Ok(decode_block(&bytes, self.ranges[s].words.clone(), self.order))
            })
            .collect::<Result<_>>()?;
        let all = 0..self.vocab_len as u32;
        Ok(padded(parts, all, self.vocab_len, self.order))
    }
}

fn encode_level(levels: &[CountLevel], k: usize, words: &Range<u32>) -> Vec<u8> {
    let (mut out, level) = (Vec::new(), &levels[k]);
    let nodes = if k == 0 { words.start as usize..words.end as usize } else { 0..level.word.len() };
    for node in nodes {
        if k > 0 {
            put(&mut out, level.word[node]);
        }
        if k + 1 < levels.len() {
            put(&mut out, level.first_child[node + 1] - level.first_child[node]);
        }
    }
    out
}

fn decode_level(mut bytes: &[u8], k: usize, words: &Range<u32>, parents: bool) -> CountLevel {
    let mut level = CountLevel::default();
    if k == 0 {
        level.word = words.clone().collect();
        level.count = vec![0; words.len()];
    }
    let mut children = 0;
    while !bytes.is_empty() {
        if k > 0 {
            level.word.push(get(&mut bytes));
        }
        if parents {
            level.first_child.push(children);
            children += get(&mut bytes);
        }
    }
    level
}

fn encode_block(
    levels: &[CountLevel],
    words: &Range<u32>,
    columns: &Range<u32>,
) -> (Vec<u8>, Vec<u32>) {
    let mut out = Vec::new();
    let mut spans: Vec<Range<usize>> = Vec::with_capacity(words.len());
    for word in words.start as usize..words.end as usize {
        let (start, end) =
            (levels[0].first_child[word] as usize, levels[0].first_child[word + 1] as usize);
        let children = &levels[1].word[start..end];
        let from = start + children.partition_point(|&u| u < columns.start);
        let to = start + children.partition_point(|&u| u < columns.end);
        put(&mut out, (to - from) as u32);
        spans.push(from..to);
    }
    let mut sizes = vec![0];
    for (k, level) in levels.iter().enumerate().skip(1) {
        sizes.push(spans.iter().map(|s| s.len() as u32).sum());
        for node in spans.iter().cloned().flatten() {
            put(&mut out, level.word[node]);
            put(&mut out, level.count[node]);
            if k + 1 < levels.len() {
                put(&mut out, level.first_child[node + 1] - level.first_child[node]);
            }
        }
        if k + 1 < levels.len() {
            let starts = &level.first_child;
            spans.iter_mut().for_each(|s| *s = starts[s.start] as usize..starts[s.end] as usize);
        }
    }
    (out, sizes)
}

fn decode_block(mut bytes: &[u8], words: Range<u32>, order: usize) -> Vec<CountLevel> {
    let mut levels = vec![CountLevel::default(); order];
    let mut nodes = 0;
    for _ in words.clone() {
        levels[0].first_child.push(nodes);
        nodes += get(&mut bytes);
    }
    levels[0].count = vec![0; words.len()];
    levels[0].word = words.collect();
    for (k, level) in levels.iter_mut().enumerate().skip(1) {
        let n = nodes as usize;
        (level.word, level.count) = (Vec::with_capacity(n), Vec::with_capacity(n));
        level.first_child = Vec::with_capacity(if k + 1 < order { n } else { 0 });
        nodes = 0;
        for _ in 0..n {
            level.word.push(get(&mut bytes));
            level.count.push(get(&mut bytes));
            if k + 1 < order {
                level.first_child.push(nodes);
                nodes += get(&mut bytes);
            }
        }
    }
    levels
}
