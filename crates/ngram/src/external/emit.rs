//! The estimate in the order of files: order after order, each in suffix order, a row at a time.
use std::ops::Range;

use lm::{Log, Result};
use rayon::prelude::*;

use super::StoredEstimate;
use super::sink::GramSink;
use crate::backoff::GramTable;
use crate::count::CountLevel;
use crate::recipe::say;

/// N-grams in a piece, about.
const PIECE: u32 = 1 << 14;

/// Pieces made together.
const AHEAD: usize = 32;

impl StoredEstimate {
    /// Writes the model to a sink, in suffix order.
    ///
    /// # Errors
    /// What the sink or the disk refuses; interruption.
    pub fn emit(&self, sink: &mut dyn GramSink, log: &mut Log<'_>) -> Result<()> {
        let counts = self.gram_counts();
        sink.begin(self.vocab_len(), counts)?;
        self.emit_unigrams(sink)?;
        let (total, mut done) = (counts.iter().sum(), counts[0]);
        for k in 1..self.order() {
            for s in 0..self.blocks.ranges.len() {
                self.emit_row(s, k, sink, &mut |grams| {
                    done += grams;
                    say(log, "writing", done, total)
                })?;
            }
        }
        sink.end()
    }

    fn emit_unigrams(&self, sink: &mut dyn GramSink) -> Result<()> {
        let words: Vec<u32> = (0..=self.vocab_len() as u32).collect();
        let pieces: Vec<GramTable> = words
            .chunks(PIECE as usize)
            .map(|words| {
                let range = words[0] as usize..words[0] as usize + words.len();
                GramTable {
                    words: words.to_vec(),
                    log10_prob: self.unigrams[range.clone()].to_vec(),
                    log10_backoff: self.values.unigram_backoff.get(range).unwrap_or(&[]).to_vec(),
                }
            })
            .collect();
        sink.grams(1, &pieces)
    }

    /// The n-grams of level index `k` ≥ 1 that end in a word of range `s`.
    fn emit_row(
        &self,
        s: usize,
        k: usize,
        sink: &mut dyn GramSink,
        done: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let levels = self.blocks.row(s, k)?;
        let probs = (0..self.blocks.ranges.len())
            .map(|i| self.values.probs(&self.blocks, s, i, k))
            .collect::<Result<_>>()?;
        let starts = starts_below_bigrams(&levels, k);
        let row = Row {
            place: self.places(&levels, &starts),
            backoffs: self.values.backoffs(s, k)?,
            levels,
            probs,
            starts,
            k,
        };
        for batch in row.pieces().chunks(AHEAD) {
            let pieces: Vec<GramTable> =
                batch.par_iter().map(|bigrams| row.piece(bigrams.clone())).collect();
            sink.grams(k + 1, &pieces)?;
            done(pieces.iter().map(|p| p.len() as u64).sum())?;
        }
        Ok(())
    }

    /// The column of every bigram, and where the n-grams that end in it start in the column's probabilities.
    fn places(&self, levels: &[CountLevel], starts: &[u32]) -> Vec<(u32, u32)> {
        let mut next = vec![0; self.blocks.ranges.len()];
        let bigrams = levels[1].word.iter().zip(starts.windows(2));
        bigrams
            .map(|(&word, starts)| {
                let column = self.blocks.range_of(word);
                let place = next[column];
                next[column] += starts[1] - starts[0];
                (column as u32, place)
            })
            .collect()
    }
}

/// For every bigram, where the n-grams of level index `k` that end in it start; one more than there are bigrams.
fn starts_below_bigrams(levels: &[CountLevel], k: usize) -> Vec<u32> {
    let mut starts: Vec<u32> = (0..=levels[1].word.len() as u32).collect();
    for level in &levels[1..k] {
        starts.iter_mut().for_each(|start| *start = level.first_child[*start as usize]);
    }
    starts
}

/// One order of a row, ready to be spelled.
struct Row {
    k: usize,
    levels: Vec<CountLevel>,
    /// By column.
    probs: Vec<Vec<f32>>,
    backoffs: Option<Vec<f32>>,
    starts: Vec<u32>,
    place: Vec<(u32, u32)>,
}

impl Row {
    /// Neighbouring bigrams that end about [`PIECE`] n-grams.
    fn pieces(&self) -> Vec<Range<usize>> {
        let bigrams = self.starts.len() - 1;
        let (mut pieces, mut first) = (Vec::new(), 0);
        while first < bigrams {
            let most = self.starts[first].saturating_add(PIECE);
            let end = first + 1 + self.starts[first + 1..bigrams].partition_point(|&s| s < most);
            pieces.push(first..end);
            first = end;
        }
        pieces
    }

    fn piece(&self, bigrams: Range<usize>) -> GramTable {
        let room = (self.starts[bigrams.end] - self.starts[bigrams.start]) as usize;
        let mut out = GramTable {
            words: Vec::with_capacity(room * (self.k + 1)),
            log10_prob: Vec::with_capacity(room),
            log10_backoff: Vec::with_capacity(if self.backoffs.is_some() { room } else { 0 }),
        };
        let last_words = &self.levels[0].first_child;
        let mut last = last_words.partition_point(|&c| c as usize <= bigrams.start) - 1;
        let mut gram = vec![0; self.k + 1];
        for bigram in bigrams {
            while last_words[last + 1] as usize <= bigram {
                last += 1;
            }
            gram[self.k] = last as u32;
            self.descend(1, bigram, bigram, &mut gram, &mut out);
        }
        out
    }

    /// Appends the n-grams of the row's order that end in `node` of level index `level`, which is below `bigram`.
    fn descend(
        &self,
        level: usize,
        node: usize,
        bigram: usize,
        gram: &mut [u32],
        out: &mut GramTable,
    ) {
        gram[self.k - level] = self.levels[level].word[node];
        if level < self.k {
            let starts = &self.levels[level].first_child;
            for child in starts[node] as usize..starts[node + 1] as usize {
                self.descend(level + 1, child, bigram, gram, out);
            }
            return;
        }
        let (column, place) = self.place[bigram];
        let prob =
            self.probs[column as usize][place as usize + node - self.starts[bigram] as usize];
        if !prob.is_nan() {
            out.words.extend_from_slice(gram);
            out.log10_prob.push(prob);
            out.log10_backoff.extend(self.backoffs.as_ref().map(|b| b[node]));
        }
    }
}
