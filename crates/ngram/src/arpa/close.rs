//! Grams that pruning took away although longer ones end in them: SRILM's files lack them, the tables need them.
use std::cmp::Ordering;

use crate::backoff::{BackoffModel, GramTable};

/// Adds the shortened form `w_2 … w_k` of every stored gram `w_1 … w_k`, with the probability that backing off gives it
/// and the weight 1: the model's answers stay what they were (its matched lengths may grow). Returns how many were added.
pub fn fill_suffixes(model: &mut BackoffModel) -> usize {
    let mut added = 0;
    for k in (2..=model.order()).rev() {
        let missing = missing(&model.tables[k - 1], &model.tables[k - 2], k);
        added += missing.len() / (k - 1);
        if !missing.is_empty() {
            insert(&mut model.tables[k - 2], &missing, k - 1);
        }
    }
    if added > 0 {
        for k in 2..model.order() {
            for i in 0..model.tables[k - 1].len() {
                if model.tables[k - 1].log10_prob[i].is_nan() {
                    let gram = model.tables[k - 1].words[i * k..][..k].to_vec();
                    let weight = find(&model.tables[k - 2], &gram[..k - 1])
                        .map_or(0.0, |c| model.tables[k - 2].log10_backoff[c]);
                    let lower = find(&model.tables[k - 2], &gram[1..])
                        .map_or(f32::NEG_INFINITY, |g| model.tables[k - 2].log10_prob[g]);
                    model.tables[k - 1].log10_prob[i] = weight + lower;
                }
            }
        }
    }
    added
}

fn suffix_order(a: &[u32], b: &[u32]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

/// The shortened forms that `lower` lacks, in suffix order.
pub(super) fn missing(upper: &GramTable, lower: &GramTable, k: usize) -> Vec<u32> {
    let mut missing: Vec<u32> = Vec::new();
    let mut stored = lower.words.chunks_exact(k - 1).peekable();
    for gram in upper.words.chunks_exact(k) {
        let wanted = &gram[1..];
        while stored.peek().is_some_and(|s| suffix_order(s, wanted).is_lt()) {
            stored.next();
        }
        let last = missing.len().saturating_sub(k - 1);
        if stored.peek() != Some(&wanted) && &missing[last..] != wanted {
            missing.extend_from_slice(wanted);
        }
    }
    missing
}

/// Merges new grams into a table; their probabilities are NaN until they are worked out.
fn insert(table: &mut GramTable, new: &[u32], k: usize) {
    let old = std::mem::take(table);
    let mut new = new.chunks_exact(k).peekable();
    let mut push = |words: &[u32], prob: f32, backoff: f32| {
        table.words.extend_from_slice(words);
        table.log10_prob.push(prob);
        table.log10_backoff.push(backoff);
    };
    for (i, words) in old.words.chunks_exact(k).enumerate() {
        while let Some(first) = new.next_if(|n| suffix_order(n, words).is_lt()) {
            push(first, f32::NAN, 0.0);
        }
        push(words, old.log10_prob[i], old.log10_backoff[i]);
    }
    new.for_each(|rest| push(rest, f32::NAN, 0.0));
}

/// Index of a gram in its table.
pub(super) fn find(table: &GramTable, gram: &[u32]) -> Option<usize> {
    let (k, mut low, mut high) = (gram.len(), 0, table.len());
    while low < high {
        let middle = (low + high) / 2;
        match suffix_order(&table.words[middle * k..][..k], gram) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Some(middle),
        }
    }
    None
}
