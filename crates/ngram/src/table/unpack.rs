//! Out of a storage again: the stored grams of every order, from which ARPA files and other storages are made.
use lm::Result;

use super::bits;
use super::hash::{Bucket, EMPTY, Geometry, HashTable, Highest, IN_BUCKET, Middle};
use super::{PackedTable, Table, TableFile, TrieTable, sort_by_column};
use crate::backoff::{BackoffModel, GramTable};

/// The model of a table as sorted tables.
pub(super) fn to_backoff(table: &dyn Table) -> Result<BackoffModel> {
    let vocab_len = table.meta().vocab_len;
    let tables = (1..).zip(table.grams()?).map(|(k, t)| in_suffix_order(&t, k, vocab_len));
    Ok(BackoffModel { vocab_len, tables: tables.collect() })
}

/// Sorts the grams of an order by last word, then the one before, ….
fn in_suffix_order(table: &GramTable, k: usize, vocab_len: usize) -> GramTable {
    let all = (0..table.len() as u32).collect();
    let order = (0..k).fold(all, |order: Vec<u32>, column| {
        sort_by_column(&order, &table.words, k, column, vocab_len + 1)
    });
    let pick = |values: &[f32]| match values {
        [] => Vec::new(),
        _ => order.iter().map(|&i| values[i as usize]).collect(),
    };
    GramTable {
        words: order.iter().flat_map(|&i| &table.words[i as usize * k..][..k]).copied().collect(),
        log10_prob: pick(&table.log10_prob),
        log10_backoff: pick(&table.log10_backoff),
    }
}

/// As many grams as the file says, of its own words.
fn checked(file: &TableFile, tables: Vec<GramTable>) -> Result<Vec<GramTable>> {
    let bos = file.meta().vocab_len as u32;
    let sound = (1..).zip(tables.iter().zip(&file.meta().gram_counts)).all(|(k, (table, &n))| {
        let own = |gram: &[u32]| gram[0] <= bos && gram[1..].iter().all(|&w| w < bos);
        table.len() == n && table.words.len() == k * n && table.words.chunks_exact(k).all(own)
    });
    match sound {
        true => Ok(tables),
        false => Err(file.image.refused("the stored grams make no sense".into())),
    }
}

/// In prefix order.
pub(super) fn trie(table: &TrieTable) -> Result<Vec<GramTable>> {
    let mut tables: Vec<GramTable> = Vec::with_capacity(table.levels.len());
    for (k, level) in table.levels.iter().enumerate() {
        let mut words: Vec<u32> = Vec::with_capacity((k + 1) * level.prob.len());
        match (&level.words, tables.last()) {
            (Some(own), Some(below)) => {
                for (node, context) in (0..).zip(below.words.chunks_exact(k)) {
                    let (begin, end) = table.children(k, node);
                    for i in begin..end {
                        words.extend_from_slice(context);
                        let at = i * table.width as usize;
                        words.push(bits::read(own, at, table.width) as u32);
                    }
                }
            }
            _ => words.extend(0..level.prob.len() as u32),
        }
        let log10_backoff = level.backoff.as_ref().map_or_else(Vec::new, |b| b.to_vec());
        tables.push(GramTable { words, log10_prob: level.prob.to_vec(), log10_backoff });
    }
    checked(table.file(), tables)
}

/// In prefix order; the words are found as a look-up finds them, rank by rank among those after the shortened context.
pub(super) fn packed(table: &PackedTable) -> Result<Vec<GramTable>> {
    let words: Vec<u32> = (0..table.unigrams.len() as u32).collect();
    let (log10_prob, log10_backoff) = (table.unigrams.to_vec(), Vec::new());
    let mut tables = vec![];
    let mut contexts = GramTable { words, log10_prob, log10_backoff };
    // of every context: its children, and its shortened form
    let (mut below, mut suffix) = (vec![table.root()], vec![0; contexts.len()]);
    for (k, level) in (1..).zip(&table.levels) {
        let (mut next, mut groups, mut suffixes) = (GramTable::default(), vec![], vec![]);
        for (node, context) in contexts.words.chunks_exact(k).enumerate() {
            let lower = below[suffix[node] as usize];
            let group = table.group(k, node as u32, lower.len);
            contexts.log10_backoff.push(table.weight(k, group, lower).log10() as f32);
            let divisor = table.divisor(k, group).log10();
            for i in 0..group.len {
                let rank = table.rank(k, group, i);
                if rank >= lower.len {
                    return Err(table.file().image.refused("a rank beyond the last word".into()));
                }
                let shorter = lower.begin + rank;
                next.words.extend_from_slice(context);
                next.words.push(contexts.words[shorter * k + k - 1]);
                suffixes.push(shorter as u32);
                let log10 = level.log10[table.code(k, group.begin + i)];
                next.log10_prob.push((log10 - divisor) as f32);
            }
            groups.push(group);
        }
        (below, suffix) = (groups, suffixes);
        tables.push(std::mem::replace(&mut contexts, next));
    }
    tables.push(contexts);
    checked(table.file(), tables)
}

/// In the order of the buckets.
pub(super) fn hash(table: &HashTable) -> Result<Vec<GramTable>> {
    let words: Vec<u32> = (0..table.unigrams.len() as u32).collect();
    let column = |i: usize| table.unigrams.iter().map(|u| u[i]).collect();
    let log10_backoff = if table.highest.is_some() { column(1) } else { Vec::new() };
    let grams = GramTable { words: words.clone(), log10_prob: column(0), log10_backoff };
    let mut below = Rows { grams, row: words };
    let mut tables = Vec::new();
    let lost = || table.file().image.refused("a stored gram has no context".into());
    for (k, (geometry, buckets)) in (2..).zip(&table.middle) {
        let value = |b: &Middle, i: usize| (b.prob[i], Some(b.backoff[i]));
        let found = rows(*geometry, buckets, k, &below, value).ok_or_else(lost)?;
        tables.push(std::mem::replace(&mut below, found).grams);
    }
    if let Some((geometry, buckets)) = &table.highest {
        let value = |b: &Highest, i: usize| (b.prob[i], None);
        let k = table.middle.len() + 2;
        let found = rows(*geometry, buckets, k, &below, value).ok_or_else(lost)?;
        tables.push(std::mem::replace(&mut below, found).grams);
    }
    tables.push(below.grams);
    checked(table.file(), tables)
}

/// The grams of one order, and for every place the row of its gram.
struct Rows {
    grams: GramTable,
    row: Vec<u32>,
}

/// Takes the grams of `k` words out of their buckets; `value` is probability and back-off weight of an entry.
fn rows<B: Bucket>(
    geometry: Geometry,
    buckets: &[B],
    k: usize,
    below: &Rows,
    value: impl Fn(&B, usize) -> (f32, Option<f32>),
) -> Option<Rows> {
    let mut grams = GramTable::default();
    let mut row = vec![0; buckets.len() << IN_BUCKET];
    for (bucket, content) in buckets.iter().enumerate() {
        for (entry, &tag) in content.tags().iter().enumerate().filter(|(_, t)| **t & EMPTY != EMPTY)
        {
            let (place, word) = geometry.key(bucket, tag & EMPTY);
            let context = *below.row.get(place as usize)? as usize;
            row[bucket << IN_BUCKET | entry] = grams.len() as u32;
            grams
                .words
                .extend_from_slice(below.grams.words.get(context * (k - 1)..)?.get(..k - 1)?);
            grams.words.push(word as u32);
            let (prob, backoff) = value(content, entry);
            grams.log10_prob.push(prob);
            grams.log10_backoff.extend(backoff);
        }
    }
    Some(Rows { grams, row })
}
