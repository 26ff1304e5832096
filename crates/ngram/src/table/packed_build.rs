//! Builds the packed trie: codebooks, codes that keep every context's rest, ranks, and the weights that are stored.
use corpus::Vocab;
use lm::{Error, Result};
use rayon::prelude::*;

use super::bits::{BitWriter, words_for};
use super::container::{self, TableFile};
use super::elias_fano;
use super::links::Level;
use super::packed::{WEIGHT, possible, rank_width, rest_ratio, sections_before, stores};
use super::quantise::{Codebook, linear};
use super::{Links, PackedTable, TableKind};
use crate::backoff::BackoffModel;

/// How coarse the packed trie is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedOptions {
    /// Bits of a probability, 2 to 16.
    pub prob_bits: u32,
}

impl Default for PackedOptions {
    fn default() -> Self {
        Self { prob_bits: 8 }
    }
}

impl PackedTable {
    /// Builds the table's image in memory; `save` of its file writes it.
    pub fn build(
        model: &BackoffModel,
        vocab: &Vocab,
        notes: &[(String, String)],
        options: PackedOptions,
    ) -> Result<Self> {
        container::check(model, vocab)?;
        check_bits(options)?;
        let (plan, order) = (Plan::new(model, options)?, model.order());
        let shape = plan.shape();
        let mut image = container::begin(
            TableKind::Packed,
            model,
            vocab,
            notes,
            &shape,
            sections_before(order),
        )?;
        image.push(&model.tables[0].log10_prob);
        let coded: Vec<Coded> = (1..order).into_par_iter().map(|k| plan.code(k)).collect();
        let ranks: Vec<Ranks> = (1..order)
            .into_par_iter()
            .map(|k| plan.ranks(k, shape[k + 1] as usize, &coded))
            .collect();
        for (k, (ranks, coded)) in (1..).zip(ranks.into_iter().zip(coded)) {
            let starts = &plan.links.levels[k - 1].children;
            if k == 1 {
                image.push(starts);
            } else {
                elias_fano::write(
                    &mut image,
                    starts.iter().map(|&c| c as usize),
                    model.tables[k].len(),
                );
                elias_fano::write(&mut image, ranks.offsets.into_iter(), shape[k + 1] as usize);
            }
            image.push(&ranks.bits);
            let bits = options.prob_bits;
            let mut codes = BitWriter::with_capacity(coded.codes.len() * bits as usize);
            coded.codes.iter().for_each(|&c| codes.push(u64::from(c), bits));
            image.push(&codes.finish());
            let mut book = coded.book.log10;
            book.resize(1 << bits, 0.0);
            image.push(&book);
        }
        Self::over(TableFile::new(image.finish())?)
    }
}

/// Bytes of the storage's own sections, and its numbers.
pub(super) fn section_bytes(
    model: &BackoffModel,
    options: PackedOptions,
) -> Result<(Vec<usize>, Vec<u64>)> {
    check_bits(options)?;
    let (shape, counts) = (Plan::new(model, options)?.shape(), model.gram_counts());
    let mut bytes = vec![4 * counts[0]];
    for k in 1..model.order() {
        let rank_bits = shape[k + 1] as usize;
        match k {
            1 => bytes.push(4 * (counts[0] + 1)),
            _ => [counts[k], rank_bits]
                .into_iter()
                .for_each(|max| bytes.extend(elias_fano::section_bytes(counts[k - 1] + 1, max))),
        }
        bytes.push(8 * words_for(rank_bits));
        bytes.push(8 * words_for(counts[k] * options.prob_bits as usize));
        bytes.push(4 << options.prob_bits);
    }
    Ok((bytes, shape))
}

/// What the storage's own sections are.
pub(super) fn section_names(order: usize) -> Vec<String> {
    let mut names = vec!["order 1: probabilities".to_owned()];
    for k in 1..order {
        let starts: &[&str] = match k {
            1 => &["where they begin"],
            _ => &[
                "where they begin: low bits",
                "where they begin: high bits",
                "where they begin: samples",
                "where their ranks begin: low bits",
                "where their ranks begin: high bits",
                "where their ranks begin: samples",
            ],
        };
        let values = ["ranks, stored back-off weights", "codes of probabilities", "codebook"];
        names.extend(starts.iter().chain(&values).map(|n| format!("order {}: {n}", k + 1)));
    }
    names
}

fn check_bits(options: PackedOptions) -> Result<()> {
    if (2..=16).contains(&options.prob_bits) {
        return Ok(());
    }
    let what = format!("{} bits a probability", options.prob_bits);
    Err(Error::Config { option: "prob_bits".into(), what, cure: "choose 2 to 16".into() })
}

/// Codebook and codes of the children of all contexts of one length, by position.
struct Coded {
    book: Codebook,
    codes: Vec<u16>,
}

/// Weights and ranks of the contexts of one length, and where each context's begin.
struct Ranks {
    bits: Vec<u64>,
    offsets: Vec<usize>,
}

/// What is to be stored, before it is coded.
struct Plan<'a> {
    model: &'a BackoffModel,
    links: Links,
    options: PackedOptions,
    possible: usize,
    store_all: bool,
}

impl<'a> Plan<'a> {
    fn new(model: &'a BackoffModel, options: PackedOptions) -> Result<Self> {
        let links = Links::with_suffixes(model)?;
        let possible = possible(&model.tables[0].log10_prob[..model.vocab_len]);
        let store_all = !links.are_normalised(model);
        Ok(Self { model, links, options, possible, store_all })
    }

    /// Bits a probability, whether all weights are stored, bits of the ranks of every context length.
    fn shape(&self) -> Vec<u64> {
        let bits = |k: usize| -> u64 {
            (0..self.links.levels[k - 1].gram.len())
                .map(|node| {
                    let len = self.links.children(k, node).len();
                    let weight = if stores(self.store_all, k, len) { WEIGHT } else { 0 };
                    (weight + len * self.width(k, node) as usize) as u64
                })
                .sum()
        };
        let head = [u64::from(self.options.prob_bits), u64::from(self.store_all)];
        head.into_iter().chain((1..self.model.order()).map(bits)).collect()
    }

    fn ranks(&self, k: usize, bits: usize, coded: &[Coded]) -> Ranks {
        let (mut ranks, mut offsets) = (BitWriter::with_capacity(bits), Vec::new());
        for (node, weight) in self.weights(k, coded).into_iter().enumerate() {
            offsets.push(ranks.bits());
            if let Some(weight) = weight {
                let bits = weight.to_bits();
                ranks.push(bits & u64::from(u32::MAX), WEIGHT as u32 / 2);
                ranks.push(bits >> (WEIGHT / 2), WEIGHT as u32 / 2);
            }
            let width = self.width(k, node);
            if width > 0 {
                self.links
                    .children(k, node)
                    .for_each(|child| ranks.push(self.rank(k, child), width));
            }
        }
        offsets.push(ranks.bits());
        Ranks { bits: ranks.finish(), offsets }
    }

    /// How many words follow the context without its first word.
    fn fan(&self, k: usize, node: usize) -> usize {
        match k {
            1 => self.model.vocab_len,
            _ => self.links.children(k - 1, self.links.levels[k - 1].suffix[node] as usize).len(),
        }
    }

    fn width(&self, k: usize, node: usize) -> u32 {
        rank_width(k, self.links.children(k, node).len(), self.fan(k, node))
    }

    /// Rank of a child (of a context of `k` words) among the words after the shortened context.
    fn rank(&self, k: usize, child: usize) -> u64 {
        let shorter = self.links.levels[k].suffix[child];
        match k {
            1 => u64::from(shorter),
            _ => {
                let context = self.links.levels[k - 1].parent[shorter as usize];
                u64::from(shorter - self.links.levels[k - 2].children[context as usize])
            }
        }
    }

    fn log10_probs(&self, order: usize) -> Vec<f32> {
        let Level { gram, .. } = &self.links.levels[order - 1];
        gram.iter().map(|&gram| self.model.tables[order - 1].log10_prob[gram as usize]).collect()
    }

    /// The codes of order k + 1: the nearest, then moved so that every context keeps its rest.
    fn code(&self, k: usize) -> Coded {
        let log10 = self.log10_probs(k + 1);
        let book = Codebook::new(&log10, self.options.prob_bits);
        let mut codes: Vec<u16> = log10.par_iter().map(|&l| book.encode(l)).collect();
        if !self.store_all {
            let probs = linear(&log10);
            for node in 0..self.links.levels[k - 1].gram.len() {
                let children = self.links.children(k, node);
                if (1..self.possible).contains(&children.len()) {
                    book.keep_rest(&probs[children.clone()], &mut codes[children]);
                }
            }
        }
        Coded { book, codes }
    }

    /// The stored weight (or divisor, where every possible word occurs) of every context of `k` words.
    fn weights(&self, k: usize, coded: &[Coded]) -> Vec<Option<f64>> {
        let given = &self.model.tables[k - 1].log10_backoff;
        // Rounded unigrams do not quite sum to one; every distribution above them does, by its weight.
        let unigrams: f64 =
            linear(&self.model.tables[0].log10_prob[..self.model.vocab_len]).iter().sum();
        (0..self.links.levels[k - 1].gram.len())
            .into_par_iter()
            .map(|node| {
                let children = self.links.children(k, node);
                let weight = || {
                    if self.store_all {
                        let gram = self.links.levels[k - 1].gram[node] as usize;
                        return 10f64.powf(f64::from(given[gram]));
                    }
                    let sum = sum(&coded[k - 1], children.clone());
                    let total = if k == 1 { unigrams } else { 1.0 };
                    if children.len() >= self.possible {
                        sum
                    } else {
                        rest_ratio(sum, total - self.below(k, node, coded))
                    }
                };
                stores(self.store_all, k, children.len()).then(weight)
            })
            .collect()
    }

    /// Σ p̂(w | h') over the words after h.
    fn below(&self, k: usize, node: usize, coded: &[Coded]) -> f64 {
        let shorter =
            self.links.children(k, node).map(|child| self.links.levels[k].suffix[child] as usize);
        if k == 1 {
            let unigrams = &self.model.tables[0].log10_prob;
            return shorter.map(|word| 10f64.powf(f64::from(unigrams[word]))).sum();
        }
        let Coded { book, codes } = &coded[k - 2];
        let group = self.links.children(k - 1, self.links.levels[k - 1].suffix[node] as usize);
        let full = group.len() >= self.possible;
        let divisor = if full { sum(&coded[k - 2], group) } else { 1.0 };
        shorter.map(|position| book.linear[usize::from(codes[position])]).sum::<f64>() / divisor
    }
}

fn sum(coded: &Coded, children: std::ops::Range<usize>) -> f64 {
    children.map(|i| coded.book.linear[usize::from(coded.codes[i])]).sum()
}
