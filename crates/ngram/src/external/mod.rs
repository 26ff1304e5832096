//! Estimation of models larger than memory: the same bytes as in memory, within a budget.
//!
//! One sort and two passes over what it made, each on a part that fits:
//!
//! 1. `runs`: as much text as fits is counted at a time; the sorted windows go to a temporary file.
//! 2. `merge`, `blocks`: the runs are merged a range of last words (a row) at a time into the tree of all orders, from
//!    which raw counts, continuation counts and counts of counts are read off; it is put aside by rows and by columns.
//! 3. `columns`: the discounts are known; the n-grams with one range of last words but one (a column) are estimated with
//!    the functions that estimate in memory. `ranges` says why a column needs no other.
//! 4. `emit`, `sink`: rows are spelled in order for a file.
//!
//! Time is linear in the text but for the sort of a run; disk space is about 25 bytes a token at order 5.
mod blocks;
mod columns;
mod emit;
mod merge;
mod ranges;
mod runs;
mod scratch;
mod sink;
#[cfg(test)]
mod tests;
mod varint;

use std::path::{Path, PathBuf};

use corpus::Tokens;
use lm::{Error, Log, Result};

use crate::adjust::{Counting, Ranks};
use crate::count::{GramCounts, check_order};
use crate::cutoff::Cutoff;
use crate::discount::Discounts;
use crate::estimate::{Formula, estimate_unigrams};
use crate::gram::{Key, Layout, Wide};
use crate::recipe::{NgramRecipe, Smoothing, say};
use crate::smoothing::{KneserNey, ModifiedKneserNey, WittenBell};

use blocks::Blocks;
use columns::Values;
use runs::Runs;
use scratch::Scratch;
pub use sink::GramSink;

/// What estimation may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of memory.
    pub memory: u64,
    /// Folder of the temporary files.
    pub temp: PathBuf,
}

/// Bytes that are never given away: the program, the text's reader, buffers.
const FIXED: u64 = 48 << 20;

/// Bytes a word of the vocabulary: itself, its hash, counts and places of a level.
const A_WORD: u64 = 160;

/// A budget in units of the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes {
    /// Tokens a run.
    run: usize,
    /// Cells a run is cut into.
    cells: usize,
    /// Bytes for a row and a column.
    range: u64,
}

impl Sizes {
    fn new(memory: u64, vocab_len: usize, key: usize) -> Result<Self> {
        let fixed = FIXED + A_WORD * vocab_len as u64;
        let free = memory.checked_sub(fixed).filter(|&free| free >= 16 << 20).ok_or_else(|| {
            let least = (fixed + (16 << 20)).div_ceil(1 << 20);
            Error::Config {
                option: "--memory".into(),
                what: format!("{memory} bytes are too few for {vocab_len} words"),
                cure: format!("give at least {least} MiB"),
            }
        })?;
        // a token of the text with its share of sentence ends, and its history; the rest is for encoding
        let run = free / 5 * 4 / (6 + key as u64);
        Ok(Self { run: run.min(1 << 31) as usize, cells: 1024, range: free / 8 * 7 })
    }
}

/// An estimated model on disk, in temporary files that go with it.
pub struct StoredEstimate {
    blocks: Blocks,
    values: Values,
    /// log10 p of the unigrams, `<s>` included.
    unigrams: Vec<f32>,
    discounts: Vec<Discounts>,
    notes: Vec<String>,
    runs: usize,
    peak_disk: u64,
}

impl StoredEstimate {
    /// N.
    pub fn order(&self) -> usize {
        self.blocks.order
    }

    /// |V|.
    pub fn vocab_len(&self) -> usize {
        self.blocks.vocab_len
    }

    /// How many n-grams of each order are in the model, `<s>` included.
    pub fn gram_counts(&self) -> &[u64] {
        &self.values.counts
    }

    /// The discounts of each order; empty for smoothings without.
    pub fn discounts(&self) -> &[Discounts] {
        &self.discounts
    }

    /// Remarks for the record: fallbacks taken.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Into how many sorted runs the text was cut.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// A part of the n-grams at a time was estimated; how many parts.
    pub fn parts(&self) -> usize {
        self.blocks.ranges.len()
    }

    /// The most bytes that stood in temporary files.
    pub fn peak_disk(&self) -> u64 {
        self.peak_disk
    }
}

impl NgramRecipe {
    /// Estimates from a stream of encoded sentences over a vocabulary of `vocab_len` words, within a budget. `tokens` is how
    /// many are expected, for the progress.
    ///
    /// # Errors
    /// A smoothing that is none of Kneser-Ney and Witten-Bell; a budget too small; what the text, the disk or the discounts
    /// refuse; interruption.
    pub fn estimate_stored(
        &self,
        text: impl Iterator<Item = corpus::Result<Tokens>>,
        vocab_len: usize,
        tokens: u64,
        budget: &Budget,
        log: &mut Log<'_>,
    ) -> Result<StoredEstimate> {
        check_order(self.order)?;
        let bits = Layout::new(vocab_len, self.order - 1).total_bits();
        let key = match bits {
            0..=64 => size_of::<u64>(),
            65..=128 => size_of::<u128>(),
            _ => size_of::<Wide>(),
        };
        let sizes = Sizes::new(budget.memory, vocab_len, key)?;
        let job = Job { recipe: self, vocab_len, tokens, sizes, temp: &budget.temp };
        match bits {
            0..=64 => job.run::<u64>(text, log),
            65..=128 => job.run::<u128>(text, log),
            _ => job.run::<Wide>(text, log),
        }
    }
}

struct Job<'a> {
    recipe: &'a NgramRecipe,
    vocab_len: usize,
    tokens: u64,
    sizes: Sizes,
    temp: &'a Path,
}

/// What the passes over the counts learn about the whole text.
struct Learned {
    /// Of every order: n_1 … n_4.
    counts_of_counts: Vec<[u64; 4]>,
    /// The counts of the words, as the smoothing takes them.
    words: Vec<u32>,
}

impl Job<'_> {
    fn run<K: Key>(
        &self,
        text: impl Iterator<Item = corpus::Result<Tokens>>,
        log: &mut Log<'_>,
    ) -> Result<StoredEstimate> {
        let recipe = self.recipe;
        let counting = match recipe.smoothing {
            Smoothing::WittenBell => Counting::Raw,
            Smoothing::ModifiedKneserNey | Smoothing::KneserNey => recipe.counting,
            other => {
                return Err(Error::Config {
                    option: "--memory".into(),
                    what: format!("`{other}` is estimated in memory only"),
                    cure: "leave --memory out, or choose kn, ikn or wb".into(),
                });
            }
        };
        let (runs, ranks) = self.count::<K>(text, log)?;
        let (blocks, learned) = self.rows(&runs, &ranks, counting, log)?;
        let (n, peak) = (runs.len(), runs.bytes() + blocks.bytes());
        drop((runs, ranks));
        let made = match recipe.smoothing {
            Smoothing::WittenBell => {
                self.columns(blocks, &learned, &WittenBell, (Vec::new(), Vec::new()), log)?
            }
            Smoothing::KneserNey => {
                let (discounts, notes) = recipe.discounts(false, &learned.counts_of_counts)?;
                let formula = KneserNey { counting, discounts: discounts.clone() };
                self.columns(blocks, &learned, &formula, (discounts, notes), log)?
            }
            _ => {
                let (discounts, notes) = recipe.discounts(true, &learned.counts_of_counts)?;
                let formula = ModifiedKneserNey { counting, discounts: discounts.clone() };
                self.columns(blocks, &learned, &formula, (discounts, notes), log)?
            }
        };
        let later = made.blocks.bytes() + made.values.bytes();
        Ok(StoredEstimate { runs: n, peak_disk: peak.max(later), ..made })
    }

    /// Stage 1.
    fn count<K: Key>(
        &self,
        text: impl Iterator<Item = corpus::Result<Tokens>>,
        log: &mut Log<'_>,
    ) -> Result<(Runs<K>, Ranks)> {
        let order = self.recipe.order;
        let mut runs = Runs::<K>::new(self.vocab_len, order, self.sizes.cells, self.temp)?;
        let mut ranks = Ranks::new(self.vocab_len);
        let (mut held, mut read) = (Tokens::default(), 0);
        for block in text {
            let block = block?;
            read += block.targets() as u64;
            say(log, "reading", read, self.tokens.max(read))?;
            ranks.read(&block);
            if held.targets() > 0 && held.targets() + block.targets() > self.sizes.run {
                runs.spill(&held, &mut || say(log, "sorting", read, self.tokens.max(read)))?;
                held = Tokens::default();
            }
            held.append(&block);
        }
        if read == 0 || read >= u64::from(u32::MAX) {
            let what = format!("a training text of {read} tokens cannot be counted");
            return Err(Error::Unfit { what, cure: "give between 1 and 4 billion tokens".into() });
        }
        runs.spill(&held, &mut || say(log, "sorting", read, self.tokens.max(read)))?;
        Ok((runs, ranks))
    }

    /// Stage 2.
    fn rows<K: Key>(
        &self,
        runs: &Runs<K>,
        ranks: &Ranks,
        counting: Counting,
        log: &mut Log<'_>,
    ) -> Result<(Blocks, Learned)> {
        let (v, order) = (self.vocab_len, self.recipe.order);
        let ranges = ranges::ranges(runs, self.sizes.range)?;
        let mut blocks = Blocks::new(v, order, ranges.clone(), Scratch::new(self.temp)?);
        let mut learned =
            Learned { counts_of_counts: vec![[0; 4]; order], words: Vec::with_capacity(v) };
        let newest = (0..v).max_by_key(|&w| ranks.of()[w]).expect("a vocabulary has words");
        for (s, range) in ranges.iter().enumerate() {
            say(log, "merging", s as u64, ranges.len() as u64)?;
            let mut row = GramCounts::of_levels(v, merge::merge(runs, range.cells.clone())?);
            if range.words.contains(&(newest as u32)) {
                row.lmplz_last = row.find_lmplz_last(ranks.of());
            }
            let words = range.words.start as usize..range.words.end as usize;
            learned.words.extend(words.map(|w| row.counted(counting, 0, w)));
            let sums = learned.counts_of_counts.iter_mut().flatten();
            sums.zip(row.counts_of_counts(counting).into_iter().flatten())
                .for_each(|(sum, n)| *sum += n);
            blocks.push_row(&row.levels)?;
        }
        Ok((blocks, learned))
    }

    /// Stage 3.
    fn columns(
        &self,
        blocks: Blocks,
        learned: &Learned,
        formula: &impl Formula,
        (discounts, notes): (Vec<Discounts>, Vec<String>),
        log: &mut Log<'_>,
    ) -> Result<StoredEstimate> {
        let cutoff = Cutoff::thresholds(self.recipe.cutoff, blocks.order, self.recipe.smoothing)?;
        let (linear, unigrams) = estimate_unigrams(&learned.words, formula);
        let mut values = Values::new(&blocks, Scratch::new(self.temp)?);
        if blocks.order > 1 {
            for i in 0..blocks.ranges.len() {
                say(log, "estimating", i as u64, blocks.ranges.len() as u64)?;
                values.push_column(&blocks, formula, &cutoff, &linear)?;
            }
        }
        Ok(StoredEstimate { blocks, values, unigrams, discounts, notes, runs: 0, peak_disk: 0 })
    }
}
