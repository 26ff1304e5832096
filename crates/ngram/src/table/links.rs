//! Who extends whom: the n-grams of a model in *prefix order*, each with its context, its shortened form and its children.
//!
//! The tables of a [`BackoffModel`] are in suffix order (last word first). Storages walk the other way, from a context to
//! the words after it, so here every order is sorted by first word, then second, …: the grams `h w` of one context `h` lie
//! together, in the order of `w`, and contexts lie in the order of their own table. A gram's *position* is its place in
//! this order. Radix sort, least significant word first: the suffix order already is sorted by the last word.
use std::ops::Range;

use rayon::prelude::*;

use crate::backoff::BackoffModel;
use lm::{Error, Result};

/// One order in prefix order.
#[derive(Default)]
pub(crate) struct Level {
    /// Index in the model's table of the gram at each position.
    pub(crate) gram: Vec<u32>,
    /// Position of `w_1 … w_{k-1}` one order below; empty for order 1.
    pub(crate) parent: Vec<u32>,
    /// Position of `w_2 … w_k` one order below; empty for order 1.
    pub(crate) suffix: Vec<u32>,
    /// The children of position i are the positions `children[i]..children[i + 1]` one order above; empty for the highest.
    pub(crate) children: Vec<u32>,
}

/// All orders, `levels[k - 1]` for order k.
pub(crate) struct Links {
    pub(crate) levels: Vec<Level>,
}

impl Links {
    /// Sorts and joins; fails where a gram's context or its shortened form is not stored, or the tables are not what
    /// [`BackoffModel`] promises.
    pub(crate) fn new(model: &BackoffModel) -> Result<Self> {
        check(model)?;
        let mut levels = contexts(model)?;
        let joined: Vec<Result<Vec<u32>, Missing>> =
            (2..=model.order()).into_par_iter().map(|k| suffixes(model, &levels, k)).collect();
        for (level, suffix) in levels[1..].iter_mut().zip(joined) {
            level.suffix = suffix?;
        }
        Ok(Self { levels })
    }

    /// Positions of the children of a context of `k` words, one order above.
    pub(crate) fn children(&self, k: usize, node: usize) -> Range<usize> {
        let starts = &self.levels[k - 1].children;
        starts[node] as usize..starts[node + 1] as usize
    }

    /// True if the distributions after all stored contexts sum to one within 1e-3, as far as the stored values say.
    pub(crate) fn are_normalised(&self, model: &BackoffModel) -> bool {
        let linear = |&log10: &f32| 10f64.powf(f64::from(log10));
        let mut below: Vec<f64> = model.tables[0].log10_prob.iter().map(linear).collect();
        let total: f64 = below[..model.vocab_len].iter().sum();
        (total - 1.0).abs() <= NORMALISED
            && (1..model.order()).all(|k| {
                let (weights, upper) = (&model.tables[k - 1].log10_backoff, &self.levels[k]);
                let above: Vec<f64> = upper
                    .gram
                    .par_iter()
                    .map(|&g| linear(&model.tables[k].log10_prob[g as usize]))
                    .collect();
                let good = self.levels[k - 1].gram.par_iter().enumerate().all(|(node, &gram)| {
                    let children = self.children(k, node);
                    let room = 1.0
                        - children.clone().map(|c| below[upper.suffix[c] as usize]).sum::<f64>();
                    let weight = linear(&weights[gram as usize]);
                    (above[children].iter().sum::<f64>() + weight * room - 1.0).abs() <= NORMALISED
                });
                below = above;
                good
            })
    }
}

/// How far from one a distribution may sum.
const NORMALISED: f64 = 1e-3;

/// A gram (ids) of which a part is not stored.
pub(crate) struct Missing {
    pub(crate) gram: Vec<u32>,
    what: &'static str,
}

impl From<Missing> for Error {
    fn from(Missing { gram, what }: Missing) -> Self {
        let cure = "estimate the model so that every stored n-gram's parts are stored, or close it with `fill_suffixes`";
        Error::Unfit {
            what: format!("the {what} of the n-gram {gram:?} (ids) is not stored"),
            cure: cure.into(),
        }
    }
}

/// The prefix order of every table and every gram's context; `suffix` is left empty.
pub(crate) fn contexts(model: &BackoffModel) -> Result<Vec<Level>, Missing> {
    let words = model.vocab_len + 1;
    let mut levels: Vec<Level> = (1..=model.order())
        .into_par_iter()
        .map(|k| {
            let table = &model.tables[k - 1];
            let gram = (0..k - 1)
                .rev()
                .fold((0..table.len() as u32).collect(), |order: Vec<u32>, column| {
                    sort_by_column(&order, &table.words, k, column, words)
                });
            Level { gram, ..Level::default() }
        })
        .collect();
    let joined: Vec<Result<Vec<u32>, Missing>> =
        (2..=model.order()).into_par_iter().map(|k| parents(model, &levels, k)).collect();
    for (k, parent) in (2..).zip(joined) {
        let parent = parent?;
        levels[k - 2].children = starts(&parent, levels[k - 2].gram.len());
        levels[k - 1].parent = parent;
    }
    Ok(levels)
}

/// Stable counting sort of gram indices by one word of each gram.
pub(crate) fn sort_by_column(
    order: &[u32],
    words: &[u32],
    k: usize,
    column: usize,
    vocab: usize,
) -> Vec<u32> {
    let mut next = vec![0u32; vocab + 1];
    words.iter().skip(column).step_by(k).for_each(|&w| next[w as usize + 1] += 1);
    (0..vocab).for_each(|w| next[w + 1] += next[w]);
    let mut sorted = vec![0; order.len()];
    for &gram in order {
        let slot = &mut next[words[gram as usize * k + column] as usize];
        sorted[*slot as usize] = gram;
        *slot += 1;
    }
    sorted
}

/// Shapes, ids, sortedness: everything the joins rely on.
fn check(model: &BackoffModel) -> Result<()> {
    let unfit = |what: String| {
        let cure = "this is a mistake in the estimator or file that made the model";
        Err(Error::Unfit { what: format!("malformed back-off model: {what}"), cure: cure.into() })
    };
    if model.tables.is_empty() || model.vocab_len == 0 || model.vocab_len >= u32::MAX as usize {
        return unfit(format!("order {}, {} words", model.order(), model.vocab_len));
    }
    let bos = model.vocab_len as u32;
    for (k, table) in (1..).zip(&model.tables) {
        let backoffs = if k < model.order() { table.len() } else { 0 };
        if table.words.len() != k * table.len() || table.log10_backoff.len() != backoffs {
            return unfit(format!(
                "order {k}: {} grams, {} words, {} back-offs",
                table.len(),
                table.words.len(),
                table.log10_backoff.len()
            ));
        }
        if table.len() >= u32::MAX as usize / 4 {
            return unfit(format!(
                "order {k}: {} grams, more than 32-bit positions allow",
                table.len()
            ));
        }
        if table.words.chunks_exact(k).any(|g| g[0] > bos || g[1..].iter().any(|&w| w >= bos)) {
            return unfit(format!(
                "order {k}: a word outside the vocabulary, or <s> inside a gram"
            ));
        }
        let sorted = |a: &[u32], b: &[u32]| a.iter().rev().lt(b.iter().rev());
        if !table
            .words
            .chunks_exact(k)
            .zip(table.words.chunks_exact(k).skip(1))
            .all(|(a, b)| sorted(a, b))
        {
            return unfit(format!("order {k} is not in suffix order, or a gram stands twice"));
        }
    }
    if model.tables[0].len() != model.vocab_len + 1 {
        return unfit(format!(
            "{} unigrams for {} words and <s>",
            model.tables[0].len(),
            model.vocab_len
        ));
    }
    Ok(())
}

/// Position of every gram's context: both orders are in prefix order, so one pass over each.
fn parents(model: &BackoffModel, levels: &[Level], k: usize) -> Result<Vec<u32>, Missing> {
    let (upper, lower) = (&model.tables[k - 1].words, &model.tables[k - 2].words);
    let lower_grams = &levels[k - 2].gram;
    let context = |j: usize| &lower[lower_grams[j] as usize * (k - 1)..][..k - 1];
    let mut j = 0;
    levels[k - 1]
        .gram
        .iter()
        .map(|&gram| {
            let gram = &upper[gram as usize * k..][..k];
            while j < lower_grams.len() && context(j) < &gram[..k - 1] {
                j += 1;
            }
            if j < lower_grams.len() && context(j) == &gram[..k - 1] {
                Ok(j as u32)
            } else {
                Err(Missing { gram: gram.into(), what: "context" })
            }
        })
        .collect()
}

/// Position of every gram without its first word: both tables are in suffix order.
fn suffixes(model: &BackoffModel, levels: &[Level], k: usize) -> Result<Vec<u32>, Missing> {
    let (upper, lower) = (&model.tables[k - 1].words, &model.tables[k - 2].words);
    let mut position = vec![0u32; levels[k - 2].gram.len()];
    (0..).zip(&levels[k - 2].gram).for_each(|(p, &gram)| position[gram as usize] = p);
    let mut of_gram = Vec::with_capacity(levels[k - 1].gram.len());
    let mut shorter = lower.chunks_exact(k - 1).zip(&position).peekable();
    for gram in upper.chunks_exact(k) {
        while shorter.peek().is_some_and(|(s, _)| s.iter().rev().lt(gram[1..].iter().rev())) {
            shorter.next();
        }
        match shorter.peek() {
            Some((s, p)) if *s == &gram[1..] => of_gram.push(**p),
            _ => return Err(Missing { gram: gram.into(), what: "shortened form" }),
        }
    }
    Ok(levels[k - 1].gram.iter().map(|&gram| of_gram[gram as usize]).collect())
}

fn starts(parent: &[u32], parents: usize) -> Vec<u32> {
    let mut starts = vec![0u32; parents + 1];
    parent.iter().for_each(|&p| starts[p as usize + 1] += 1);
    (0..parents).for_each(|p| starts[p + 1] += starts[p]);
    starts
}
