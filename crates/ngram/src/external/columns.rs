//! Probabilities and back-off weights, a column at a time.
use lm::Result;

use super::blocks::Blocks;
use super::scratch::{Scratch, Section};
use crate::count::GramCounts;
use crate::estimate::{Formula, NextOrder, next_order};

/// Probabilities in column order and back-off weights in row order, on disk.
pub(super) struct Values {
    scratch: Scratch,
    /// log10 of the back-off weights of the unigrams, in id order; empty at order 1.
    pub unigram_backoff: Vec<f32>,
    /// `probs[i][k - 1]`: log10 p of the n-grams of level index k in column i, not a number where they are cut.
    probs: Vec<Vec<Section>>,
    /// `backoffs[s][k - 1]`: log10 of the back-off weights of level index k in row s; none at the highest order.
    backoffs: Vec<Vec<Section>>,
    /// How many n-grams of each order are in the model.
    pub counts: Vec<u64>,
}

impl Values {
    pub fn new(blocks: &Blocks, scratch: Scratch) -> Self {
        let words = blocks.vocab_len as u64 + 1;
        Self {
            scratch,
            unigram_backoff: vec![0.0; if blocks.order > 1 { words as usize } else { 0 }],
            probs: Vec::new(),
            backoffs: Vec::new(),
            counts: std::iter::once(words).chain(vec![0; blocks.order - 1]).collect(),
        }
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.scratch.len()
    }

    /// log10 p of the n-grams of level index `k` in row `s` and column `i`.
    pub fn probs(&self, blocks: &Blocks, s: usize, i: usize, k: usize) -> Result<Vec<f32>> {
        let before: usize = (0..s).map(|s| blocks.size(s, i, k)).sum();
        self.scratch.read_f32(self.probs[i][k - 1], before as u64, blocks.size(s, i, k))
    }

    /// log10 of the back-off weights of level index `k` in row `s`; `None` at the highest order.
    pub fn backoffs(&self, s: usize, k: usize) -> Result<Option<Vec<f32>>> {
        let section = self.backoffs[s].get(k - 1);
        section.map(|&s| self.scratch.read_f32(s, 0, (s.len / 4) as usize)).transpose()
    }

    /// Estimates the next column. `unigrams` are the probabilities of the words.
    ///
    /// # Errors
    /// If the disk does not take what is made.
    pub fn push_column(
        &mut self,
        blocks: &Blocks,
        formula: &impl Formula,
        cutoff: &[u32],
        unigrams: &[f64],
    ) -> Result<()> {
        let (i, order) = (self.probs.len(), blocks.order);
        let mut grams = GramCounts::of_levels(blocks.vocab_len, blocks.column(i)?);
        grams.cutoff = cutoff.to_vec();
        let among = blocks.row(i, order - 2)?;
        let (mut lower, mut parents) = (unigrams.to_vec(), Vec::new());
        let (mut probs, mut backoffs) = (Vec::new(), Vec::new());
        for k in 1..order {
            let NextOrder { context, log10_prob, log10_backoff } =
                next_order(&grams, &among, formula, k, &parents, &mut lower);
            self.counts[k] += log10_prob.iter().filter(|p| !p.is_nan()).count() as u64;
            probs.push(self.scratch.append(bytemuck::cast_slice(&log10_prob))?);
            if k == 1 {
                self.take_unigrams(blocks, i, &log10_backoff);
            } else {
                backoffs.push(self.scratch.append(bytemuck::cast_slice(&log10_backoff))?);
            }
            parents = context;
        }
        self.probs.push(probs);
        self.backoffs.push(backoffs);
        Ok(())
    }

    fn take_unigrams(&mut self, blocks: &Blocks, i: usize, backoff: &[f32]) {
        let words = &blocks.ranges[i].words;
        let own = words.start as usize..words.end as usize;
        self.unigram_backoff[own.clone()].copy_from_slice(&backoff[own]);
        if i + 1 == blocks.ranges.len() {
            self.unigram_backoff[blocks.vocab_len] = backoff[blocks.vocab_len];
        }
    }
}
