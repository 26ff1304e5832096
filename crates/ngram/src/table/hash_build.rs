//! Builds the hash table: orders bottom up, because a gram's key has its context's place in it.
use corpus::Vocab;
use lm::{Error, Result};
use rayon::prelude::*;

use super::bits::{BitWriter, width_for, words_for};
use super::container::{self, TableFile};
use super::hash::{Bucket, EMPTY, Geometry, HashTable, Highest, IN_BUCKET, Middle, REACH};
use super::links::Level;
use super::{Links, TableKind};
use crate::backoff::{BackoffModel, GramTable};

/// Share of the entries that is used: fuller is smaller, emptier overflows less.
const LOAD: f64 = 0.8;

impl HashTable {
    /// Builds the table's image in memory; `save` of its file writes it.
    pub fn build(model: &BackoffModel, vocab: &Vocab, notes: &[(String, String)]) -> Result<Self> {
        container::check(model, vocab)?;
        let (order, vocab_len) = (model.order(), model.vocab_len);
        let links = Links::new(model)?;
        let mut places: Vec<u32> = (0..=vocab_len as u32).collect();
        let (mut shape, mut middle, mut highest) = (Vec::new(), Vec::new(), Vec::new());
        let mut range = vocab_len as u64 + 1; // places are below it
        for k in 2..=order {
            let (level, table) = (&links.levels[k - 1], &model.tables[k - 1]);
            let geometry = if k < order {
                let (geometry, buckets, own) =
                    fill(level, table, k, &places, range, vocab_len, |b: &mut Middle, i, gram| {
                        (b.prob[i], b.backoff[i]) =
                            (table.log10_prob[gram], table.log10_backoff[gram]);
                    })?;
                middle.push(buckets);
                places = own;
                geometry
            } else {
                let (geometry, buckets, _) = fill(
                    level,
                    table,
                    k,
                    &places,
                    range,
                    vocab_len,
                    |b: &mut Highest, i, gram| {
                        b.prob[i] = table.log10_prob[gram];
                    },
                )?;
                highest = buckets;
                geometry
            };
            shape.push(geometry.homes);
            range = (geometry.buckets() as u64) << IN_BUCKET;
        }
        let mut image = container::begin(TableKind::Hash, model, vocab, notes, &shape, order + 2)?;
        let unigrams = &model.tables[0];
        let backoff = |w: usize| unigrams.log10_backoff.get(w).copied().unwrap_or(0.0);
        image.push(
            &(0..=vocab_len).map(|w| [unigrams.log10_prob[w], backoff(w)]).collect::<Vec<_>>(),
        );
        middle.iter().for_each(|buckets| image.push(buckets));
        if order > 1 {
            image.push(&highest);
        }
        let (starts, words) = words_after(model, &links);
        image.push(&starts);
        image.push(&words);
        Self::over(TableFile::new(image.finish())?)
    }
}

/// Home buckets for so many grams.
fn homes<B: Bucket>(grams: usize, range: u64, vocab_len: usize) -> u64 {
    let homes = (grams as f64 / (LOAD * B::ENTRIES as f64)).ceil().max(1.0) as u64;
    homes.max(Geometry::new(1, range, vocab_len).fewest_homes())
}

/// Inserts the grams of an order; the answer's last part are their places, by position in prefix order.
fn fill<B: Bucket>(
    level: &Level,
    table: &GramTable,
    k: usize,
    places: &[u32],
    range: u64,
    vocab_len: usize,
    set: impl Fn(&mut B, usize, usize),
) -> Result<(Geometry, Vec<B>, Vec<u32>)> {
    let mut wanted = homes::<B>(table.len(), range, vocab_len);
    'again: loop {
        if wanted > u64::from(u32::MAX >> IN_BUCKET) - 2 * REACH as u64 {
            let what = format!("order {k} has {} n-grams: too many for 32-bit places", table.len());
            return Err(Error::Unfit { what, cure: "use the trie or the packed table".into() });
        }
        let geometry = Geometry::new(wanted, range, vocab_len);
        let keys: Vec<(u32, u32)> = (level.gram.par_iter().zip(&level.parent))
            .map(|(&gram, &parent)| {
                geometry.home(places[parent as usize], table.words[gram as usize * k + k - 1])
            })
            .map(|(home, tag)| (home as u32, tag))
            .collect();
        let mut empty = B::zeroed();
        empty.tags_mut().fill(EMPTY);
        let mut buckets = vec![empty; geometry.buckets()];
        let mut own = vec![0; table.len()];
        let (mut bucket, mut entry) = (0, 0);
        for position in by_home(&keys, geometry.homes as usize) {
            let (home, tag) = (keys[position as usize].0 as usize, keys[position as usize].1);
            if home > bucket {
                (bucket, entry) = (home, 0);
            } else if entry == B::ENTRIES {
                buckets[bucket].tags_mut()[0] |= !EMPTY; // overflowed
                (bucket, entry) = (bucket + 1, 0);
            }
            if bucket >= home + REACH {
                wanted += wanted / 16 + 1; // an unlucky cluster: more room
                continue 'again;
            }
            buckets[bucket].tags_mut()[entry] = tag;
            set(&mut buckets[bucket], entry, level.gram[position as usize] as usize);
            own[position as usize] = (bucket << IN_BUCKET | entry) as u32;
            entry += 1;
        }
        return Ok((geometry, buckets, own));
    }
}

/// Positions by home bucket. Filled in this order, no entry lies farther from home than the ones before it force.
fn by_home(keys: &[(u32, u32)], homes: usize) -> Vec<u32> {
    let mut next = vec![0u32; homes + 1];
    keys.iter().for_each(|&(home, _)| next[home as usize + 1] += 1);
    (0..homes).for_each(|home| next[home + 1] += next[home]);
    let mut sorted = vec![0; keys.len()];
    for (position, &(home, _)) in (0..).zip(keys) {
        let slot = &mut next[home as usize];
        sorted[*slot as usize] = position;
        *slot += 1;
    }
    sorted
}

/// The words after every unigram: starts, and the words bit-packed.
fn words_after(model: &BackoffModel, links: &Links) -> (Vec<u32>, Vec<u64>) {
    let width = width_for(model.vocab_len);
    let Some(level) = links.levels.get(1) else {
        return (vec![0; model.vocab_len + 2], vec![0; words_for(0)]);
    };
    let mut words = BitWriter::with_capacity(level.gram.len() * width as usize);
    level.gram.iter().for_each(|&gram| {
        words.push(u64::from(model.tables[1].words[2 * gram as usize + 1]), width)
    });
    (links.levels[0].children.clone(), words.finish())
}

/// Bytes of the storage's own sections, and its numbers, unless an unlucky cluster makes an order larger.
pub(super) fn section_bytes(counts: &[usize], vocab_len: usize) -> (Vec<usize>, Vec<u64>) {
    let (mut bytes, mut shape, mut range) =
        (vec![8 * (vocab_len + 1)], Vec::new(), vocab_len as u64 + 1);
    for (k, &n) in (2..).zip(&counts[1..]) {
        let homes = if k < counts.len() {
            homes::<Middle>(n, range, vocab_len)
        } else {
            homes::<Highest>(n, range, vocab_len)
        };
        let buckets = Geometry::new(homes, range, vocab_len).buckets();
        bytes.push(64 * buckets);
        shape.push(homes);
        range = (buckets as u64) << IN_BUCKET;
    }
    let bigrams = counts.get(1).copied().unwrap_or(0);
    bytes.extend([4 * (vocab_len + 2), 8 * words_for(bigrams * width_for(vocab_len) as usize)]);
    (bytes, shape)
}

/// What the storage's own sections are.
pub(super) fn section_names(order: usize) -> Vec<String> {
    let buckets = (2..=order).map(|k| format!("order {k}: buckets"));
    let after = ["words after each word: where they begin", "words after each word"];
    let unigrams = std::iter::once("order 1: probabilities, back-off weights".to_owned());
    unigrams.chain(buckets).chain(after.map(String::from)).collect()
}
