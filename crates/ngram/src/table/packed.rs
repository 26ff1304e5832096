//! The smallest storage: the trie with ranks for words, quantised probabilities, and back-off weights that are not stored.
//!
//! * **Words**: every stored gram's shortened form is stored, so the words after a context `w_1 … w_k` are some of the F words
//!   after `w_2 … w_k`. A child is stored as its rank among those, in ⌈log2 F⌉ bits, and in none where all F occur
//!   (Pibiri & Venturini 2019 remap by a context of fixed length; this takes the longest). A look-up climbs from the
//!   shortest context and so has the rank it searches for.
//! * **Pointers**: where a context's children begin, and where their ranks do: two Elias-Fano sequences an order (unigrams
//!   have plain starts).
//! * **Probabilities**: codes of b bits into a codebook an order (`quantise`).
//! * **Back-off weights**: computed from what is stored, `bow(h) = (1 − Σ p̂(w|h)) / (1 − Σ p̂(w|h'))` over the words after h
//!   (Katz 1987), so the distribution over *quantised* probabilities sums to one however coarse they are. Only contexts with
//!   more than eight words after them, and unigrams, store it (f64 before the ranks), to spare the time. A context that
//!   has every possible word after it has no rest to give back: its probabilities are divided by their sum instead.
//!   A model that is not normalised (stupid back-off) stores every weight.
use corpus::TokenId;
use lm::Result;
use std::f64::consts::LN_10;

use super::bits::{self, width_for, words_for};
use super::container::{OWN, TableFile};
use super::elias_fano::{self, EliasFano};
use super::{Match, State, Table, quantise, unpack};
use crate::backoff::GramTable;
use crate::file::View;

/// Contexts with more children store their weight.
pub(super) const DERIVED: usize = 8;
/// Bits of a stored weight.
pub(super) const WEIGHT: usize = 64;
/// Unigrams below this log10 probability cannot occur: a context that has all others after it is full.
const IMPOSSIBLE: f32 = -30.0;

/// Sections before those of the contexts of `k` words: unigrams, then for every length children (plain or Elias-Fano),
/// offsets (Elias-Fano, none for length 1), ranks, codes, codebook.
pub(super) fn sections_before(k: usize) -> usize {
    let lengths = k.saturating_sub(1);
    if lengths == 0 { 1 } else { 5 + (lengths - 1) * (2 * elias_fano::SECTIONS + 3) }
}

/// A packed trie over a mapped file.
pub struct PackedTable {
    file: TableFile,
    pub(super) unigrams: View<f32>,
    pub(super) levels: Vec<Level>,
    possible: usize,
    store_all: bool,
}

/// Where children and their ranks begin. Unigrams are few and met at every word: theirs is a plain array, and their ranks,
/// which are word ids, are all of one width with a weight before each group.
enum Starts {
    Unigrams(View<u32>),
    Longer { children: EliasFano, offsets: EliasFano },
}

/// The contexts of one length and their children.
pub(super) struct Level {
    starts: Starts,
    ranks: View<u64>,
    codes: View<u64>,
    bits: u32,
    pub(super) log10: Vec<f64>,
    linear: Vec<f64>,
}

/// The children of one context: positions, where their ranks lie, how wide a rank is.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub(super) begin: usize,
    pub(super) len: usize,
    ranks: usize,
    width: u32,
    stores: bool,
}

/// True if a context of `k` words with `len` children stores its weight.
pub(super) fn stores(store_all: bool, k: usize, len: usize) -> bool {
    store_all || k == 1 || len > DERIVED
}

/// Bits of a rank among `fan` words if `len` of them are stored after a context of `k` words.
pub(super) fn rank_width(k: usize, len: usize, fan: usize) -> u32 {
    if k > 1 && len == fan { 0 } else { width_for(fan) }
}

/// How many words can occur at all.
pub(super) fn possible(unigrams: &[f32]) -> usize {
    unigrams.iter().filter(|&&log10| log10 > IMPOSSIBLE).count()
}

impl PackedTable {
    /// The table in an open file.
    pub fn over(file: TableFile) -> Result<Self> {
        let (counts, order, vocab_len) =
            (&file.meta().gram_counts, file.meta().order(), file.meta().vocab_len);
        let good = file.shape.len() == order + 1
            && (1..=16).contains(&file.shape[0])
            && file.shape[1] <= 1;
        if !good {
            return Err(file.image.refused("the description does not fit a packed trie".into()));
        }
        let unigrams = file.image.view(OWN, vocab_len + 1)?;
        let (bits, store_all) = (file.shape[0] as u32, file.shape[1] == 1);
        let mut levels = Vec::new();
        for k in 1..order {
            let (at, rank_bits) = (OWN + sections_before(k), file.shape[k + 1] as usize);
            let (contexts, children) = (counts[k - 1], counts[k]);
            let own = OWN + sections_before(k + 1) - 3;
            let starts = match k {
                1 => Starts::Unigrams(file.image.view(at, contexts + 1)?),
                _ => Starts::Longer {
                    children: EliasFano::open(&file.image, at, contexts + 1, children)?,
                    offsets: EliasFano::open(
                        &file.image,
                        at + elias_fano::SECTIONS,
                        contexts + 1,
                        rank_bits,
                    )?,
                },
            };
            let log10: View<f32> = file.image.view(own + 2, 1 << bits)?;
            levels.push(Level {
                starts,
                ranks: file.image.view(own, words_for(rank_bits))?,
                codes: file.image.view(own + 1, words_for(children * bits as usize))?,
                bits,
                linear: quantise::linear(&log10),
                log10: log10.iter().map(|&l| f64::from(l)).collect(),
            });
        }
        Ok(Self { possible: possible(&unigrams[..vocab_len]), unigrams, levels, store_all, file })
    }

    /// The children of a context of `k` words whose shortened form has `fan` words after it.
    #[inline]
    pub(super) fn group(&self, k: usize, node: u32, fan: usize) -> Group {
        let level = &self.levels[k - 1];
        let node = node as usize;
        match &level.starts {
            Starts::Unigrams(starts) => {
                let (begin, len) =
                    (starts[node] as usize, (starts[node + 1] - starts[node]) as usize);
                let width = width_for(fan);
                let ranks = (node + 1) * WEIGHT + begin * width as usize;
                Group { begin, len, ranks, width, stores: true }
            }
            Starts::Longer { children, offsets } => {
                let (begin, end) = children.pair(node);
                let (len, width) = (end - begin, rank_width(k, end - begin, fan));
                let stores = stores(self.store_all, k, len);
                // Without ranks and weight there is no offset to look for.
                let start = if stores || width > 0 { offsets.get(node) } else { 0 };
                Group { begin, len, ranks: start + if stores { WEIGHT } else { 0 }, width, stores }
            }
        }
    }

    /// The weight or divisor before a group's ranks.
    #[inline]
    fn stored(&self, k: usize, group: Group) -> f64 {
        let half = |at: usize| bits::read(&self.levels[k - 1].ranks, at, WEIGHT as u32 / 2);
        f64::from_bits(half(group.ranks - WEIGHT) | half(group.ranks - WEIGHT / 2) << (WEIGHT / 2))
    }

    /// Rank of child `i` of a group.
    #[inline(always)]
    pub(super) fn rank(&self, k: usize, group: Group, i: usize) -> usize {
        match group.width {
            0 => i,
            width => bits::read(&self.levels[k - 1].ranks, group.ranks + i * width as usize, width)
                as usize,
        }
    }

    /// Which child of a group has the rank.
    #[inline]
    fn find(&self, k: usize, group: Group, rank: usize) -> Option<usize> {
        if group.width == 0 {
            return (rank < group.len).then_some(rank);
        }
        let level = &self.levels[k - 1];
        let at = |i: usize| {
            bits::read(&level.ranks, group.ranks + i * group.width as usize, group.width) as usize
        };
        bits::search(group.len.min(rank + 1), rank, at)
    }

    #[inline(always)]
    pub(super) fn code(&self, k: usize, position: usize) -> usize {
        let level = &self.levels[k - 1];
        bits::read(&level.codes, position * level.bits as usize, level.bits) as usize
    }

    /// Σ p̂ over the children of a context, not divided by anything.
    fn sum(&self, k: usize, group: Group) -> f64 {
        (group.begin..group.begin + group.len)
            .map(|i| self.levels[k - 1].linear[self.code(k, i)])
            .sum()
    }

    /// What the probabilities after a context are divided by: 1 unless every possible word occurs there.
    #[inline(always)]
    pub(super) fn divisor(&self, k: usize, group: Group) -> f64 {
        if group.len < self.possible || self.store_all {
            return 1.0;
        }
        if group.stores { self.stored(k, group) } else { self.sum(k, group) }
    }

    /// The back-off weight of a context of `k` words; `lower` are the children of its shortened form.
    #[inline]
    pub(super) fn weight(&self, k: usize, group: Group, lower: Group) -> f64 {
        if !self.store_all && (group.len == 0 || group.len >= self.possible) {
            return 1.0;
        }
        if group.stores { self.stored(k, group) } else { self.derive(k, group, lower) }
    }

    fn derive(&self, k: usize, group: Group, lower: Group) -> f64 {
        let linear = &self.levels[k - 2].linear;
        let below =
            (0..group.len).map(|i| linear[self.code(k - 1, lower.begin + self.rank(k, group, i))]);
        rest_ratio(self.sum(k, group), 1.0 - below.sum::<f64>() / self.divisor(k - 1, lower))
    }

    /// The words after the empty context.
    #[inline(always)]
    pub(super) fn root(&self) -> Group {
        Group { begin: 0, len: self.file.meta().vocab_len, ranks: 0, width: 0, stores: false }
    }
}

/// (1 − above) / room: the weight that lets the words without a gram, of probability `room` one order below, share what
/// the others leave.
pub(super) fn rest_ratio(above: f64, room: f64) -> f64 {
    if room > 0.0 { (1.0 - above).max(0.0) / room } else { 1.0 }
}

impl Table for PackedTable {
    fn file(&self) -> &TableFile {
        &self.file
    }

    #[inline]
    fn look_up(&self, state: &State, word: TokenId, next: &mut State) -> Match {
        assert!(word.index() < self.file.meta().vocab_len, "a word outside the vocabulary");
        let order = self.levels.len() + 1;
        *next = State::start(word.0, order);
        let (mut log10_prob, mut length, mut weight) =
            (f64::from(self.unigrams[word.index()]), 1, 1.0);
        let (mut lower, mut rank) = (self.root(), word.index());
        for (k, &node) in (1..).zip(state.nodes()) {
            let group = self.group(k, node, lower.len);
            match if length == k { self.find(k, group, rank) } else { None } {
                Some(child) => {
                    let position = group.begin + child;
                    log10_prob = self.levels[k - 1].log10[self.code(k, position)];
                    let divisor = self.divisor(k, group);
                    if divisor != 1.0 {
                        log10_prob -= divisor.log10();
                    }
                    (length, rank) = (k + 1, child);
                    if length < order {
                        next.push(position as u32);
                    }
                }
                None => weight *= self.weight(k, group, lower),
            }
            lower = group;
        }
        if weight != 1.0 {
            log10_prob += weight.log10();
        }
        Match { log10_prob, length }
    }

    fn prefetch(&self, state: &State, _: TokenId) {
        for (level, &node) in self.levels.iter().zip(state.nodes()) {
            if let Starts::Longer { children, offsets } = &level.starts {
                children.prefetch(node as usize);
                offsets.prefetch(node as usize);
            }
        }
    }

    fn distribution(&self, state: &State, scratch: &mut Vec<u32>, out: &mut [f64]) {
        let mut groups = [(self.root(), 0.0); super::MAX_ORDER]; // the children of each context, ln of its weight
        for (k, &node) in (1..).zip(state.nodes()) {
            let lower = groups[k - 1].0;
            let group = self.group(k, node, lower.len);
            groups[k] = (group, self.weight(k, group, lower).ln());
        }
        let groups = &groups[1..=state.nodes().len()];
        let outer = |k: usize| groups[k..].iter().map(|(_, weight)| weight).sum::<f64>();
        let vocab_len = self.file.meta().vocab_len;
        super::score::fill(self.unigrams[..vocab_len].iter().copied(), outer(0) / LN_10, out);
        // scratch: the words after the context just handled, by rank
        scratch.clear();
        scratch.extend(0..vocab_len as u32);
        for (k, &(group, _)) in (1..).zip(groups) {
            let (outer, log10) =
                (outer(k) - self.divisor(k, group).ln(), &self.levels[k - 1].log10);
            for i in 0..group.len {
                // ranks ascend and are at least i: the word at a rank is read before its place is written
                let word = scratch[self.rank(k, group, i)];
                out[word as usize] = log10[self.code(k, group.begin + i)] * LN_10 + outer;
                scratch[i] = word;
            }
        }
    }

    fn weights(&self, state: &State) -> Vec<f64> {
        let mut lower = self.root();
        let mut weights = Vec::new();
        for (k, &node) in (1..).zip(state.nodes()) {
            let group = self.group(k, node, lower.len);
            weights.push(self.weight(k, group, lower).log10());
            lower = group;
        }
        weights
    }

    fn grams(&self) -> Result<Vec<GramTable>> {
        unpack::packed(self)
    }

    /// Back-off weights are derived from the probabilities, not stored: there are none here.
    fn values(&self, order: usize, f: &mut dyn FnMut(f32, Option<f32>)) {
        match order {
            1 => self.unigrams.iter().for_each(|&p| f(p, None)),
            k => (0..self.file.meta().gram_counts[k - 1])
                .for_each(|i| f(self.levels[k - 2].log10[self.code(k - 1, i)] as f32, None)),
        }
    }
}
