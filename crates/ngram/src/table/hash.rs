//! Buckets of one cache line: the fastest storage.
//!
//! The grams of order k ≥ 2 are entries of a table of 64-byte buckets. An entry's key is *exact*: the pair of its context's
//! place in the table one order below and its last word, `key = place · 2^w + word` (contexts are stored, so a gram is known
//! by the two). A bijection mixes the key's b bits; the top of the result names the home bucket among B, the low r bits are
//! kept as the tag. All keys that may meet in one bucket, its own and those displaced from at most 15 buckets before it,
//! come from an interval of mixed keys shorter than 2^r, so equal tags are equal keys: no false hit is possible (quotienting,
//! Knuth 6.4; Cleary 1984). A full bucket overflows into the next and says so in the top bit of its first tag.
//!
//! A context's place of every order is in the [`State`], so the lines of all orders are known before the first is read.
//! A middle order holds five entries a bucket (tag, probability, back-off), the highest eight (tag, probability).
//! For whole distributions a last section lists the words after every unigram, bit-packed.
use bytemuck::{Pod, Zeroable};
use corpus::TokenId;
use lm::Result;

use super::bits::{self, width_for, words_for};
use super::container::{OWN, TableFile};
use super::{Match, State, Table, prefetch, unpack};
use crate::backoff::GramTable;
use crate::file::View;

/// Bits of a place that count the entry inside its bucket.
pub(super) const IN_BUCKET: u32 = 3;
/// How far from home an entry may lie, in buckets; also the buckets after the last home.
pub(super) const REACH: usize = 16;
/// Words whose cache lines are asked for ahead of the one looked up, in a whole distribution.
const AHEAD: usize = 8;
/// Tag of an empty entry; the bit above marks a bucket that has overflowed.
pub(super) const EMPTY: u32 = 0x7fff_ffff;

/// Entries of a middle order.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Middle {
    pub(super) tags: [u32; 5],
    pub(super) prob: [f32; 5],
    pub(super) backoff: [f32; 5],
    pub(super) unused: u32,
}

/// Entries of the highest order.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Highest {
    pub(super) tags: [u32; 8],
    pub(super) prob: [f32; 8],
}

/// A bucket of either kind.
pub(super) trait Bucket: Pod + Send + Sync {
    const ENTRIES: usize;
    fn tags(&self) -> &[u32];
    fn tags_mut(&mut self) -> &mut [u32];
    fn set(&mut self, entry: usize, prob: f32, backoff: f32);
}

impl Bucket for Middle {
    const ENTRIES: usize = 5;
    #[inline(always)]
    fn tags(&self) -> &[u32] {
        &self.tags
    }
    fn tags_mut(&mut self) -> &mut [u32] {
        &mut self.tags
    }
    #[inline(always)]
    fn set(&mut self, entry: usize, prob: f32, backoff: f32) {
        (self.prob[entry], self.backoff[entry]) = (prob, backoff);
    }
}

impl Bucket for Highest {
    const ENTRIES: usize = 8;
    #[inline(always)]
    fn tags(&self) -> &[u32] {
        &self.tags
    }
    fn tags_mut(&mut self) -> &mut [u32] {
        &mut self.tags
    }
    #[inline(always)]
    fn set(&mut self, entry: usize, prob: f32, _: f32) {
        self.prob[entry] = prob;
    }
}

/// How keys of one order become buckets and tags.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// Home buckets; [`REACH`] more follow.
    pub(super) homes: u64,
    word_bits: u32,
    key_bits: u32,
}

impl Geometry {
    /// For contexts with places below `places` and words below `vocab_len`.
    pub(super) fn new(homes: u64, places: u64, vocab_len: usize) -> Self {
        let word_bits = width_for(vocab_len).max(1);
        Self { homes, word_bits, key_bits: word_bits + width_for(places as usize).max(1) }
    }

    /// The fewest homes for which tags are short enough to be exact.
    pub(super) fn fewest_homes(self) -> u64 {
        1u64 << (self.key_bits + REACH.ilog2() + 1).saturating_sub(30)
    }

    pub(super) fn buckets(self) -> usize {
        self.homes as usize + REACH
    }

    /// Home bucket and tag of a key.
    #[inline(always)]
    pub(super) fn home(self, place: u32, word: u32) -> (usize, u32) {
        let (bits, mask) = (self.key_bits, (1u64 << self.key_bits) - 1);
        let mut h = u64::from(place) << self.word_bits | u64::from(word);
        h = h.wrapping_mul(FIRST) & mask;
        h ^= h >> bits.div_ceil(2);
        h = h.wrapping_mul(SECOND) & mask;
        (((u128::from(h) * u128::from(self.homes)) >> bits) as usize, h as u32 & (EMPTY >> 1))
    }
}

impl Geometry {
    /// Context's place and word of the entry with this tag in this bucket: the inverse of [`home`](Self::home). The mixed
    /// keys that may lie in a bucket span less than a tag, so the tag says which of them it is.
    pub(super) fn key(self, bucket: usize, tag: u32) -> (u64, u64) {
        let (bits, mask) = (self.key_bits, (1u64 << self.key_bits) - 1);
        let nearest = bucket.saturating_sub(REACH - 1) as u128;
        let low = (nearest << bits).div_ceil(u128::from(self.homes)) as u64;
        let tags = u64::from(EMPTY >> 1);
        let mut h = low + (u64::from(tag).wrapping_sub(low) & tags);
        h = h.wrapping_mul(inverse(SECOND)) & mask;
        h ^= h >> bits.div_ceil(2); // by half the bits or more: its own inverse
        h = h.wrapping_mul(inverse(FIRST)) & mask;
        (h >> self.word_bits, h & ((1 << self.word_bits) - 1))
    }
}

/// x · inverse(x) = 1 modulo 2^64, for odd x (Newton's iteration; each round doubles the bits that are right).
fn inverse(x: u64) -> u64 {
    (0..6).fold(1, |y: u64, _| y.wrapping_mul(2u64.wrapping_sub(x.wrapping_mul(y))))
}

/// Odd factors that mix a key.
const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xd6e8_feb8_6659_fd93;

/// A hash table over a mapped file.
pub struct HashTable {
    file: TableFile,
    pub(super) unigrams: View<[f32; 2]>,
    pub(super) middle: Vec<(Geometry, View<Middle>)>,
    pub(super) highest: Option<(Geometry, View<Highest>)>,
    after_starts: View<u32>,
    after: View<u64>,
    width: u32,
}

impl HashTable {
    /// The table in an open file.
    pub fn over(file: TableFile) -> Result<Self> {
        let (order, vocab_len) = (file.meta().order(), file.meta().vocab_len);
        if file.shape.len() != order - 1
            || file.shape.iter().any(|&h| h == 0 || h > u64::from(u32::MAX >> IN_BUCKET) - 64)
        {
            return Err(file.image.refused("the description does not fit a hash table".into()));
        }
        let unigrams = file.image.view(OWN, vocab_len + 1)?;
        let (mut middle, mut highest, mut places) = (Vec::new(), None, vocab_len as u64 + 1);
        for (k, &homes) in (2..).zip(&file.shape) {
            let geometry = Geometry::new(homes, places, vocab_len);
            if geometry.fewest_homes() > homes {
                return Err(file.image.refused("the description does not fit a hash table".into()));
            }
            if k < order {
                middle.push((geometry, file.image.view(OWN + k - 1, geometry.buckets())?));
            } else {
                highest = Some((geometry, file.image.view(OWN + k - 1, geometry.buckets())?));
            }
            places = (geometry.buckets() as u64) << IN_BUCKET;
        }
        let width = width_for(vocab_len);
        let bigrams = file.meta().gram_counts.get(1).copied().unwrap_or(0);
        let after_starts = file.image.view(OWN + order, vocab_len + 2)?;
        let after = file.image.view(OWN + order + 1, words_for(bigrams * width as usize))?;
        Ok(Self { unigrams, middle, highest, after_starts, after, width, file })
    }

    #[inline(always)]
    fn backoff(&self, k: usize, node: u32) -> f64 {
        f64::from(match k {
            1 => self.unigrams[node as usize][1],
            _ => {
                self.middle[k - 2].1[(node >> IN_BUCKET) as usize].backoff[(node & 7) as usize % 5]
            }
        })
    }

    /// log10 probability of `word` after a context of k words that has it, and the gram's place (0 for the highest order).
    #[inline(always)]
    fn find(&self, k: usize, node: u32, word: u32) -> Option<(f32, u32)> {
        match self.middle.get(k - 1) {
            Some((geometry, buckets)) => {
                let (bucket, entry) = search(*geometry, buckets, node, word)?;
                Some((buckets[bucket].prob[entry], (bucket << IN_BUCKET | entry) as u32))
            }
            None => {
                let (geometry, buckets) = self.highest.as_ref()?;
                let (bucket, entry) = search(*geometry, buckets, node, word)?;
                Some((buckets[bucket].prob[entry], 0))
            }
        }
    }
}

/// Bucket and entry of a key.
#[inline(always)]
fn search<B: Bucket>(
    geometry: Geometry,
    buckets: &[B],
    place: u32,
    word: u32,
) -> Option<(usize, usize)> {
    let (home, tag) = geometry.home(place, word);
    for (bucket, content) in (home..).zip(&buckets[home..home + REACH]) {
        let tags = content.tags();
        let hits =
            (0..B::ENTRIES).fold(0u32, |hits, i| hits | u32::from(tags[i] & EMPTY == tag) << i);
        if hits != 0 {
            return Some((bucket, hits.trailing_zeros() as usize));
        }
        if tags[0] <= EMPTY {
            break; // nothing has overflowed from here
        }
    }
    None
}

impl Table for HashTable {
    fn file(&self) -> &TableFile {
        &self.file
    }

    #[inline]
    fn look_up(&self, state: &State, word: TokenId, next: &mut State) -> Match {
        assert!(word.index() < self.file.meta().vocab_len, "a word outside the vocabulary");
        let order = self.file.meta().order();
        *next = State::start(word.0, order);
        let (mut log10_prob, mut length) = (f64::from(self.unigrams[word.index()][0]), 1);
        for (k, &node) in (1..).zip(state.nodes()) {
            let Some((prob, place)) = self.find(k, node, word.0) else { break };
            log10_prob = f64::from(prob);
            length = k + 1;
            if length < order {
                next.push(place);
            }
        }
        for (k, &node) in (1..).zip(state.nodes()).skip(length - 1) {
            log10_prob += self.backoff(k, node);
        }
        Match { log10_prob, length }
    }

    #[inline]
    fn prefetch(&self, state: &State, word: TokenId) {
        prefetch::read(&self.unigrams, word.index());
        for (k, &node) in (1..).zip(state.nodes()) {
            match (self.middle.get(k - 1), &self.highest) {
                (Some((geometry, buckets)), _) => {
                    prefetch::read(buckets, geometry.home(node, word.0).0)
                }
                (None, Some((geometry, buckets))) => {
                    prefetch::read(buckets, geometry.home(node, word.0).0)
                }
                (None, None) => {}
            }
        }
    }

    fn distribution(&self, state: &State, _: &mut Vec<u32>, out: &mut [f64]) {
        let mut outer = [0.0; super::MAX_ORDER + 1]; // outer[k]: weights of the contexts longer than k words
        for k in (1..=state.nodes().len()).rev() {
            outer[k - 1] = outer[k] + self.backoff(k, state.nodes()[k - 1]);
        }
        let unigrams = self.unigrams.iter().map(|&[prob, _]| prob);
        super::score::fill(unigrams, outer[0], out);
        let Some(&first) = state.nodes().first() else { return };
        let (begin, end) = (
            self.after_starts[first as usize] as usize,
            self.after_starts[first as usize + 1] as usize,
        );
        let word = |i: usize| bits::read(&self.after, i * self.width as usize, self.width) as u32;
        for i in begin..end {
            if i + AHEAD < end {
                self.prefetch(state, TokenId(word(i + AHEAD)));
            }
            let word = word(i);
            for (k, &node) in (1..).zip(state.nodes()) {
                let Some((prob, _)) = self.find(k, node, word) else { break };
                out[word as usize] = (f64::from(prob) + outer[k]) * std::f64::consts::LN_10;
            }
        }
    }

    fn weights(&self, state: &State) -> Vec<f64> {
        (1..).zip(state.nodes()).map(|(k, &node)| self.backoff(k, node)).collect()
    }

    fn grams(&self) -> Result<Vec<GramTable>> {
        unpack::hash(self)
    }

    fn values(&self, order: usize, f: &mut dyn FnMut(f32, Option<f32>)) {
        let top = self.file.meta().order();
        match order {
            1 => self.unigrams.iter().for_each(|u| f(u[0], (top > 1).then_some(u[1]))),
            k if k < top => self.middle[k - 2].1.iter().for_each(|b| {
                (0..5)
                    .filter(|&i| b.tags[i] & EMPTY != EMPTY)
                    .for_each(|i| f(b.prob[i], Some(b.backoff[i])));
            }),
            _ => self.highest.iter().flat_map(|(_, buckets)| buckets.iter()).for_each(|b| {
                (0..8).filter(|&i| b.tags[i] & EMPTY != EMPTY).for_each(|i| f(b.prob[i], None));
            }),
        }
    }
}
