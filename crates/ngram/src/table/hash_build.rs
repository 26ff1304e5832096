//! Builds the hash table: orders bottom up, because a gram's key has its context's place in it.
use std::sync::atomic::AtomicU32;

use corpus::Vocab;
use lm::{Error, Result};

use super::TableKind;
use super::bits::{BitWriter, width_for, words_for};
use super::container::{self, OWN, TableFile};
use super::hash::{Bucket, Geometry, HashTable, Highest, IN_BUCKET, Middle, REACH};
use super::hash_fill::ByHome;
use super::links::starts;
use super::suffix_order::{Order, of_backoff, of_estimate};
use crate::backoff::BackoffModel;
use crate::estimate::Estimate;
use crate::file::{Image, ImageBuilder};

/// Share of the entries that is used: fuller is smaller, emptier overflows less.
const LOAD: f64 = 0.8;

impl HashTable {
    /// Builds the table's image in memory; `save` of its file writes it.
    pub fn build(model: &BackoffModel, vocab: &Vocab, notes: &[(String, String)]) -> Result<Self> {
        container::check(model, vocab)?;
        Self::of_orders(&of_backoff(model)?, vocab, notes)
    }

    /// [`build`](Self::build) without the sorted tables between: the same bytes as from [`Estimate::to_backoff`].
    pub(super) fn of_estimate(
        made: &Estimate,
        vocab: &Vocab,
        notes: &[(String, String)],
    ) -> Result<Self> {
        container::check_sizes(made.order(), made.vocab_len, vocab)?;
        Self::of_orders(&of_estimate(made), vocab, notes)
    }

    fn of_orders(orders: &[Order<'_>], vocab: &Vocab, notes: &[(String, String)]) -> Result<Self> {
        let counts: Vec<usize> = orders.iter().map(Order::len).collect();
        let mut least = vec![0; orders.len()];
        loop {
            let shape = geometries(&counts, vocab.len(), &least);
            if let Some(i) = (0..shape.len())
                .find(|&i| shape[i].homes > u64::from(u32::MAX >> IN_BUCKET) - 2 * REACH as u64)
            {
                let what = format!(
                    "order {} has {} n-grams: too many for 32-bit places",
                    i + 2,
                    counts[i + 1]
                );
                return Err(Error::Unfit { what, cure: "use the trie or the packed table".into() });
            }
            match image(orders, &shape, vocab, notes) {
                Ok(image) => return Self::over(TableFile::new(image)?),
                // an unlucky cluster: more room
                Err(Crowded(i)) => least[i] = shape[i].homes + shape[i].homes / 16 + 1,
            }
        }
    }
}

/// The order of this index, from 0 for bigrams, needs more homes.
struct Crowded(usize);

/// Home buckets of every order from 2 on.
fn geometries(counts: &[usize], vocab_len: usize, least: &[u64]) -> Vec<Geometry> {
    let mut range = vocab_len as u64 + 1; // places are below it
    let mut geometry = |(i, &grams): (usize, &usize)| {
        let entries = if i + 2 < counts.len() { Middle::ENTRIES } else { Highest::ENTRIES };
        let homes = (grams as f64 / (LOAD * entries as f64)).ceil().max(1.0) as u64;
        let homes = homes.max(Geometry::new(1, range, vocab_len).fewest_homes()).max(least[i]);
        let geometry = Geometry::new(homes, range, vocab_len);
        range = (geometry.buckets() as u64) << IN_BUCKET;
        geometry
    };
    counts[1..].iter().enumerate().map(&mut geometry).collect()
}

fn image(
    orders: &[Order<'_>],
    shape: &[Geometry],
    vocab: &Vocab,
    notes: &[(String, String)],
) -> Result<Image, Crowded> {
    let (order, vocab_len) = (orders.len(), vocab.len());
    let counts: Vec<usize> = orders.iter().map(Order::len).collect();
    let homes: Vec<u64> = shape.iter().map(|g| g.homes).collect();
    let bytes = container::bytes(
        counts.clone(),
        vocab,
        notes,
        &homes,
        &own_bytes(&counts, shape, vocab_len),
    );
    let begin = || {
        let mut image = ImageBuilder::with_room(TableKind::Hash as u32, OWN + order + 2, bytes);
        container::head(&mut image, counts, vocab, notes, &homes);
        let backoff = |w: usize| orders[0].log10_backoff.get(w).copied().unwrap_or(0.0);
        let unigram = |w: usize| [orders[0].log10_prob[w], backoff(w)];
        image.push(&(0..=vocab_len).map(unigram).collect::<Vec<_>>());
        image
    };
    let (mut image, after) = rayon::join(begin, || words_after(orders, vocab_len));
    let mut places: Vec<AtomicU32> = (0..=vocab_len as u32).map(AtomicU32::new).collect();
    for (i, (&geometry, grams)) in shape.iter().zip(&orders[1..]).enumerate() {
        if i + 2 < order {
            let sorted = ByHome::new::<Middle>(grams, &places, geometry).ok_or(Crowded(i))?;
            places = (0..grams.len()).map(|_| AtomicU32::new(0)).collect();
            sorted.write::<Middle>(image.add(geometry.buckets()), &places);
        } else {
            let sorted = ByHome::new::<Highest>(grams, &places, geometry).ok_or(Crowded(i))?;
            sorted.write::<Highest>(image.add(geometry.buckets()), &[]);
        }
    }
    image.push(&after.0);
    image.push(&after.1);
    Ok(image.finish())
}

/// The words after every unigram: where they begin, and the words bit-packed.
fn words_after(orders: &[Order<'_>], vocab_len: usize) -> (Vec<u32>, Vec<u64>) {
    let width = width_for(vocab_len);
    let Some(bigrams) = orders.get(1) else {
        return (vec![0; vocab_len + 2], vec![0; words_for(0)]);
    };
    let starts = starts(bigrams.context.iter().copied(), vocab_len + 1);
    let (mut next, mut after) = (starts.clone(), vec![0; bigrams.len()]);
    for (&first, word) in bigrams.context.iter().zip(bigrams.last_words(0)) {
        let slot = &mut next[first as usize];
        after[*slot as usize] = word;
        *slot += 1;
    }
    let mut words = BitWriter::with_capacity(after.len() * width as usize);
    after.into_iter().for_each(|word| words.push(word.into(), width));
    (starts, words.finish())
}

/// Bytes of the storage's own sections.
fn own_bytes(counts: &[usize], shape: &[Geometry], vocab_len: usize) -> Vec<usize> {
    let bigrams = counts.get(1).copied().unwrap_or(0);
    let after = [4 * (vocab_len + 2), 8 * words_for(bigrams * width_for(vocab_len) as usize)];
    let buckets = shape.iter().map(|g| 64 * g.buckets());
    [8 * (vocab_len + 1)].into_iter().chain(buckets).chain(after).collect()
}

/// Bytes of the storage's own sections, and its numbers, unless an unlucky cluster makes an order larger.
pub(super) fn section_bytes(counts: &[usize], vocab_len: usize) -> (Vec<usize>, Vec<u64>) {
    let shape = geometries(counts, vocab_len, &vec![0; counts.len()]);
    (own_bytes(counts, &shape, vocab_len), shape.iter().map(|g| g.homes).collect())
}

/// What the storage's own sections are.
pub(super) fn section_names(order: usize) -> Vec<String> {
    let buckets = (2..=order).map(|k| format!("order {k}: buckets"));
    let after = ["words after each word: where they begin", "words after each word"];
    let unigrams = std::iter::once("order 1: probabilities, back-off weights".to_owned());
    unigrams.chain(buckets).chain(after.map(String::from)).collect()
}
