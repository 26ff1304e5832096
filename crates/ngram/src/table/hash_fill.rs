//! Lays the grams of one order into buckets.
//!
//! An entry lies in the first free place at or after its home bucket; of one home, grams come in suffix order. Taken by home
//! that is one running number: home `h` begins at entry `max(end of the homes before, first entry of h)`. So the homes are
//! counted, the running number is taken over them, and then every part of the table, a fixed number of neighbouring homes,
//! is filled on its own. To bring the grams of a part together, blocks of a fixed number of grams are sorted by part.
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rayon::prelude::*;

use super::hash::{Bucket, EMPTY, Geometry, IN_BUCKET, REACH};
use super::suffix_order::Order;

const BLOCK: usize = 1 << 15; // grams a block
const PART: usize = 1 << 12; // homes a part, unless there are very many
const PARTS: usize = 1 << 10;

#[derive(Clone, Copy, Default)]
struct Entry {
    home: u32,
    tag: u32,
    /// Index of the gram.
    gram: u32,
    prob: f32,
    backoff: f32,
}

/// The grams of an order, each with its home, by part of the table.
pub(super) struct ByHome {
    /// Each part has `1 << shift` homes.
    shift: u32,
    /// Of every block of grams: where each part begins, and the entries.
    blocks: Vec<(Vec<u32>, Vec<Entry>)>,
    /// Where the entries of each home begin: the place among all entries of the table.
    begin: Vec<u64>,
}

impl ByHome {
    /// Sorts an order, given the places of its contexts; nothing, if some entry would lie too far from home.
    pub(super) fn new<B: Bucket>(
        order: &Order<'_>,
        places: &[AtomicU32],
        geometry: Geometry,
    ) -> Option<Self> {
        let homes = geometry.homes as usize;
        let shift = PART.max(homes.div_ceil(PARTS)).next_power_of_two().ilog2();
        let parts = homes.div_ceil(1 << shift);
        let blocks: Vec<_> = (0..order.len().div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let grams = block * BLOCK..((block + 1) * BLOCK).min(order.len());
                by_part(order, grams, places, geometry, shift, parts)
            })
            .collect();
        let mut sorted = Self { shift, blocks, begin: Vec::new() };
        let mut begin = vec![0u64; homes];
        begin.par_chunks_mut(1 << shift).enumerate().for_each(|(part, counts)| {
            sorted.part(part).for_each(|e| counts[e.home as usize - (part << shift)] += 1);
        });
        let mut end = 0;
        for (home, begin) in (0u64..).zip(&mut begin) {
            let (first, count) = (home * B::ENTRIES as u64, *begin);
            *begin = first.max(end);
            if count > 0 {
                end = *begin + count;
                if end > first + (REACH * B::ENTRIES) as u64 {
                    return None;
                }
            }
        }
        sorted.begin = begin;
        Some(sorted)
    }

    fn part(&self, part: usize) -> impl Iterator<Item = &Entry> {
        self.blocks.iter().flat_map(move |(starts, entries)| {
            &entries[starts[part] as usize..starts[part + 1] as usize]
        })
    }

    /// Writes the buckets, and the place of every gram to `own`, unless that is empty.
    pub(super) fn write<B: Bucket>(self, buckets: &mut [B], own: &[AtomicU32]) {
        let (shift, mut begin) = (self.shift, self.begin.clone());
        // the last part has the buckets after the last home, too
        let (last, all) = ((begin.len() - 1) >> shift << shift, &mut *buckets);
        let (parts, rest) = all.split_at_mut(last);
        let chunks: Vec<&mut [B]> = parts.chunks_mut(1 << shift).chain([rest]).collect();
        let jobs = chunks.into_par_iter().zip(begin.par_chunks_mut(1 << shift));
        let spilled: Vec<Vec<(u64, Entry)>> = jobs
            .enumerate()
            .map(|(part, (chunk, next))| {
                let (first, mut spilled) = (part << shift, Vec::new());
                let mut empty = B::zeroed();
                empty.tags_mut().fill(EMPTY);
                chunk.fill(empty);
                let end = ((first + chunk.len()) * B::ENTRIES) as u64;
                for entry in self.part(part) {
                    let next = &mut next[entry.home as usize - first];
                    let place = *next;
                    *next += 1;
                    if let Some(own) = own.get(entry.gram as usize) {
                        let (bucket, i) = split::<B>(place);
                        own.store((bucket << IN_BUCKET | i) as u32, Relaxed);
                    }
                    if place < end {
                        put(chunk, first, place, entry);
                    } else {
                        spilled.push((place, *entry));
                    }
                }
                spilled
            })
            .collect();
        spilled.iter().flatten().for_each(|(place, entry)| put(buckets, 0, *place, entry));
    }
}

/// Bucket and entry of a place.
#[inline]
fn split<B: Bucket>(place: u64) -> (usize, usize) {
    let place = place as usize;
    (place / B::ENTRIES, place % B::ENTRIES)
}

/// Writes an entry; `buckets` are those from `first` on.
#[inline]
fn put<B: Bucket>(buckets: &mut [B], first: usize, place: u64, entry: &Entry) {
    let (bucket, i) = split::<B>(place);
    let content = &mut buckets[bucket - first];
    // the mark may have been set before the entry under it
    let tag = &mut content.tags_mut()[i];
    *tag = *tag & !EMPTY | entry.tag;
    content.set(i, entry.prob, entry.backoff);
    if i == 0 && bucket > entry.home as usize {
        buckets[bucket - 1 - first].tags_mut()[0] |= !EMPTY; // overflowed
    }
}

/// A block of grams as entries sorted by part, and where each part begins.
fn by_part(
    order: &Order<'_>,
    grams: Range<usize>,
    places: &[AtomicU32],
    geometry: Geometry,
    shift: u32,
    parts: usize,
) -> (Vec<u32>, Vec<Entry>) {
    let mut starts = vec![0u32; parts + 1];
    let contexts = &order.context[grams.clone()];
    let homes: Vec<(u32, u32)> = contexts
        .iter()
        .zip(order.last_words(grams.start))
        .map(|(&context, word)| {
            let (home, tag) = geometry.home(places[context as usize].load(Relaxed), word);
            starts[(home >> shift) + 1] += 1;
            (home as u32, tag)
        })
        .collect();
    (0..parts).for_each(|part| starts[part + 1] += starts[part]);
    let (mut next, mut entries) = (starts.clone(), vec![Entry::default(); grams.len()]);
    for (gram, (home, tag)) in grams.zip(homes) {
        let slot = &mut next[home as usize >> shift];
        let backoff = order.log10_backoff.get(gram).copied().unwrap_or(0.0);
        let prob = order.log10_prob[gram];
        entries[*slot as usize] = Entry { home, tag, gram: gram as u32, prob, backoff };
        *slot += 1;
    }
    (starts, entries)
}
