//! The sorted trie, exact: for every context the words after it in order, bit-packed, with f32 values beside them.
//!
//! Order k is four arrays in prefix order: the last words (⌈log2 |V|⌉ bits each), log10 probabilities, log10 back-off
//! weights, and where each gram's children begin one order above (Elias-Fano: about 2 + log2(children a gram) bits, against
//! ⌈log2 grams⌉ for plain pointers; cf. Germann et al. 2009, Heafield 2011). The last word of a unigram is its position.
use corpus::{TokenId, Vocab};
use lm::Result;
use rayon::prelude::*;

use super::bits::{self, BitWriter, width_for, words_for};
use super::container::{self, OWN, TableFile};
use super::elias_fano::{self, EliasFano};
use super::{Links, Match, State, Table, TableKind, unpack};
use crate::backoff::{BackoffModel, GramTable};
use crate::file::View;

/// A trie over a mapped file.
pub struct TrieTable {
    file: TableFile,
    pub(super) levels: Vec<Level>,
    pub(super) width: u32,
}

/// One order.
pub(super) struct Level {
    pub(super) words: Option<View<u64>>,
    pub(super) prob: View<f32>,
    pub(super) backoff: Option<View<f32>>,
    children: Option<EliasFano>,
}

impl TrieTable {
    /// Builds the table's image in memory; `save` of its file writes it.
    pub fn build(model: &BackoffModel, vocab: &Vocab, notes: &[(String, String)]) -> Result<Self> {
        container::check(model, vocab)?;
        let links = Links::new(model)?;
        let (order, width) = (model.order(), width_for(model.vocab_len));
        let mut image =
            container::begin(TableKind::Trie, model, vocab, notes, &[], sections(order))?;
        let in_order = |level: &super::Level, values: &[f32]| -> Vec<f32> {
            level.gram.par_iter().map(|&gram| values[gram as usize]).collect()
        };
        let parts: Vec<_> = (1..=order)
            .into_par_iter()
            .map(|k| {
                let (table, level) = (&model.tables[k - 1], &links.levels[k - 1]);
                let mut words = BitWriter::with_capacity(table.len() * width as usize);
                if k > 1 {
                    let last =
                        level.gram.iter().map(|&gram| table.words[gram as usize * k + k - 1]);
                    last.for_each(|word| words.push(u64::from(word), width));
                }
                let backoff =
                    if k < order { in_order(level, &table.log10_backoff) } else { Vec::new() };
                (words.finish(), in_order(level, &table.log10_prob), backoff)
            })
            .collect();
        for (k, (words, prob, backoff)) in (1..).zip(parts) {
            if k > 1 {
                image.push(&words);
            }
            image.push(&prob);
            if k < order {
                image.push(&backoff);
                let starts = links.levels[k - 1].children.iter().map(|&c| c as usize);
                elias_fano::write(&mut image, starts, model.tables[k].len());
            }
        }
        Self::over(TableFile::new(image.finish())?)
    }

    /// The table in an open file.
    pub fn over(file: TableFile) -> Result<Self> {
        let (counts, order) = (&file.meta().gram_counts, file.meta().order());
        let width = width_for(file.meta().vocab_len);
        let (mut levels, mut at) = (Vec::new(), OWN);
        for k in 1..=order {
            let n = counts[k - 1];
            let words = if k > 1 {
                Some(file.image.view(at, words_for(n * width as usize))?)
            } else {
                None
            };
            at += (k > 1) as usize;
            let prob = file.image.view(at, n)?;
            at += 1;
            let (mut backoff, mut children) = (None, None);
            if k < order {
                backoff = Some(file.image.view(at, n)?);
                children = Some(EliasFano::open(&file.image, at + 1, n + 1, counts[k])?);
                at += 1 + elias_fano::SECTIONS;
            }
            levels.push(Level { words, prob, backoff, children });
        }
        Ok(Self { file, levels, width })
    }

    /// Position of `word` among the children of a context of `k` words.
    #[inline]
    fn find(&self, k: usize, node: u32, word: u32) -> Option<u32> {
        let (begin, end) = self.children(k, node);
        let words = self.levels[k].words.as_ref()?;
        let at = |i: usize| bits::read(words, i * self.width as usize, self.width) as usize;
        // Words are sorted, so at most `word` of them come before it: frequent words, which have small ids, are found fast.
        let len = (end - begin).min(word as usize + 1);
        bits::search(len, word as usize, |i| at(begin + i)).map(|i| (begin + i) as u32)
    }

    #[inline(always)]
    pub(super) fn children(&self, k: usize, node: u32) -> (usize, usize) {
        self.levels[k - 1].children.as_ref().map_or((0, 0), |c| c.pair(node as usize))
    }

    #[inline(always)]
    fn backoff(&self, k: usize, node: u32) -> f64 {
        f64::from(self.levels[k - 1].backoff.as_ref().map_or(0.0, |b| b[node as usize]))
    }
}

impl Table for TrieTable {
    fn file(&self) -> &TableFile {
        &self.file
    }

    #[inline]
    fn look_up(&self, state: &State, word: TokenId, next: &mut State) -> Match {
        assert!(word.index() < self.file.meta().vocab_len, "a word outside the vocabulary");
        let order = self.levels.len();
        *next = State::start(word.0, order);
        let (mut log10_prob, mut length) = (f64::from(self.levels[0].prob[word.index()]), 1);
        for (k, &node) in (1..).zip(state.nodes()) {
            let Some(found) = self.find(k, node, word.0) else { break };
            log10_prob = f64::from(self.levels[k].prob[found as usize]);
            length = k + 1;
            if length < order {
                next.push(found);
            }
        }
        for (k, &node) in (1..).zip(state.nodes()).skip(length - 1) {
            log10_prob += self.backoff(k, node);
        }
        Match { log10_prob, length }
    }

    fn prefetch(&self, state: &State, _: TokenId) {
        for (k, &node) in (1..).zip(state.nodes()) {
            if let Some(children) = &self.levels[k - 1].children {
                children.prefetch(node as usize);
            }
        }
    }

    fn distribution(&self, state: &State, _: &mut Vec<u32>, out: &mut [f64]) {
        let backoffs: Vec<f64> =
            (1..).zip(state.nodes()).map(|(k, &node)| self.backoff(k, node)).collect();
        let mut outer: f64 = backoffs.iter().sum();
        super::score::fill(self.levels[0].prob.iter().copied(), outer, out);
        for ((k, &node), backoff) in (1..).zip(state.nodes()).zip(backoffs) {
            outer -= backoff;
            let outer = if k == state.nodes().len() { 0.0 } else { outer };
            let Some(words) = &self.levels[k].words else { continue };
            let (begin, end) = self.children(k, node);
            for i in begin..end {
                let word = bits::read(words, i * self.width as usize, self.width) as usize;
                out[word] = (f64::from(self.levels[k].prob[i]) + outer) * std::f64::consts::LN_10;
            }
        }
    }

    fn weights(&self, state: &State) -> Vec<f64> {
        (1..).zip(state.nodes()).map(|(k, &node)| self.backoff(k, node)).collect()
    }

    fn grams(&self) -> Result<Vec<GramTable>> {
        unpack::trie(self)
    }

    fn values(&self, order: usize, f: &mut dyn FnMut(f32, Option<f32>)) {
        let level = &self.levels[order - 1];
        (0..level.prob.len()).for_each(|i| f(level.prob[i], level.backoff.as_ref().map(|b| b[i])));
    }
}

fn sections(order: usize) -> usize {
    2 * order - 1 + (order - 1) * (1 + elias_fano::SECTIONS)
}

/// Bytes of the storage's own sections.
pub(super) fn section_bytes(counts: &[usize], vocab_len: usize) -> Vec<usize> {
    let (mut bytes, width) = (Vec::new(), width_for(vocab_len) as usize);
    for (i, &n) in counts.iter().enumerate() {
        if i > 0 {
            bytes.push(8 * words_for(n * width));
        }
        bytes.push(4 * n);
        if let Some(&above) = counts.get(i + 1) {
            bytes.push(4 * n);
            bytes.extend(elias_fano::section_bytes(n + 1, above));
        }
    }
    bytes
}

/// What the storage's own sections are.
pub(super) fn section_names(order: usize) -> Vec<String> {
    let mut names = Vec::new();
    for k in 1..=order {
        let words = (k > 1).then_some("last words");
        let rest =
            ["back-off weights", "children: low bits", "children: high bits", "children: samples"];
        let rest = if k < order { &rest[..] } else { &[] };
        let all = words.iter().chain(&["probabilities"]).chain(rest);
        names.extend(all.map(|name| format!("order {k}: {name}")));
    }
    names
}
