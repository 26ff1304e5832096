//! A model as the hash table is made from: its orders in suffix order, each gram with its context and its last word.
//!
//! The sorted tables of a [`BackoffModel`] are searched for the contexts; an [`Estimate`] knows them already.
use std::borrow::Cow;

use lm::Result;

use super::links::{Parts, starts};
use crate::backoff::BackoffModel;
use crate::estimate::Estimate;

/// The grams of one length.
pub(super) struct Order<'a> {
    /// Where the grams with each last word begin; one more than there are words, `<s>` included.
    pub(super) by_last: Vec<u32>,
    /// Index of each gram's context one order below; empty for order 1.
    pub(super) context: Cow<'a, [u32]>,
    pub(super) log10_prob: &'a [f32],
    /// Empty for the highest order.
    pub(super) log10_backoff: &'a [f32],
}

impl Order<'_> {
    /// How many grams.
    pub(super) fn len(&self) -> usize {
        self.log10_prob.len()
    }

    /// The last word of every gram from `first` on.
    pub(super) fn last_words(&self, first: usize) -> impl Iterator<Item = u32> {
        let ends = &self.by_last[1..];
        let mut word = ends.partition_point(|&end| end as usize <= first);
        (first..self.len()).map(move |gram| {
            while ends[word] as usize <= gram {
                word += 1;
            }
            word as u32
        })
    }
}

/// The orders of sorted tables; fails where a part of a gram is not stored.
pub(super) fn of_backoff(model: &BackoffModel) -> Result<Vec<Order<'_>>> {
    let contexts = Parts::of(model)?.contexts;
    let contexts = std::iter::once(Vec::new()).chain(contexts);
    let order = |((k, table), context): ((usize, &'_ crate::GramTable), Vec<u32>)| {
        let last = table.words.iter().skip(k - 1).step_by(k).copied();
        (starts(last, model.vocab_len + 1), context)
    };
    let shapes: Vec<_> = (1..).zip(&model.tables).zip(contexts).map(order).collect();
    Ok(shapes
        .into_iter()
        .zip(&model.tables)
        .map(|((by_last, context), table)| Order {
            by_last,
            context: context.into(),
            log10_prob: &table.log10_prob,
            log10_backoff: &table.log10_backoff,
        })
        .collect())
}

/// The orders of an estimate.
pub(super) fn of_estimate(made: &Estimate) -> Vec<Order<'_>> {
    let mut by_last: Vec<u32> = (0..=made.vocab_len as u32 + 1).collect();
    let mut orders: Vec<Order<'_>> = Vec::new();
    for (k, level) in made.levels.iter().enumerate() {
        if k > 0 {
            let below = &made.levels[k - 1].first_child;
            by_last.iter_mut().for_each(|start| *start = below[*start as usize]);
        }
        orders.push(Order {
            by_last: by_last.clone(),
            context: level.context.as_slice().into(),
            log10_prob: &level.log10_prob,
            log10_backoff: &level.log10_backoff,
        });
    }
    orders
}
