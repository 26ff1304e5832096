//! Who extends whom: the n-grams of a model in *prefix order*, each with its context, its shortened form and its children.
//!
//! The tables of a [`BackoffModel`] are in suffix order (last word first). Storages walk the other way, from a context to
//! the words after it, so here every order is sorted by first word, then second, …: the grams `h w` of one context `h` lie
//! together, in the order of `w`, and contexts lie in the order of their own table. A gram's *position* is its place in
//! this order; its *index* is its place in the model's table.
//!
//! Nothing is sorted by comparing. The shortened forms `w_2 … w_k` come in the order of their own table, so one pass over
//! both finds them. The context `w_1 … w_{k-1}` is an extension to the left of the context of the shortened form, known
//! from the order below; those extensions lie together in suffix order, by first word. A stable counting sort by the
//! context's position then gives the prefix order, because the suffix order is sorted by last word already.
use std::ops::Range;

use rayon::prelude::*;

use crate::backoff::{BackoffModel, GramTable};
use lm::{Error, Result};

const BLOCK: usize = 1 << 14; // grams a unit of work

/// One order in prefix order.
#[derive(Default)]
pub(crate) struct Level {
    /// Index in the model's table of the gram at each position.
    pub(crate) gram: Vec<u32>,
    /// Position of `w_1 … w_{k-1}` one order below; empty for order 1.
    pub(crate) parent: Vec<u32>,
    /// Position of `w_2 … w_k` one order below; empty for order 1, and unless asked for.
    pub(crate) suffix: Vec<u32>,
    /// The children of position i are the positions `children[i]..children[i + 1]` one order above; empty for the highest.
    pub(crate) children: Vec<u32>,
}

/// All orders, `levels[k - 1]` for order k.
pub(crate) struct Links {
    pub(crate) levels: Vec<Level>,
}

impl Links {
    /// Everything but [`Level::suffix`]; fails where a gram's context or its shortened form is not stored, or the tables
    /// are not what [`BackoffModel`] promises.
    pub(crate) fn new(model: &BackoffModel) -> Result<Self, Broken> {
        Ok(Self::of(model)?.0)
    }

    /// Everything.
    pub(crate) fn with_suffixes(model: &BackoffModel) -> Result<Self, Broken> {
        let (mut links, suffixes) = Self::of(model)?;
        let mut position: Vec<u32> = links.levels[0].gram.clone();
        for (level, of_index) in links.levels[1..].iter_mut().zip(suffixes) {
            level.suffix = level
                .gram
                .par_iter()
                .map(|&gram| position[of_index[gram as usize] as usize])
                .collect();
            position.resize(level.gram.len(), 0);
            (0..).zip(&level.gram).for_each(|(p, &gram)| position[gram as usize] = p);
        }
        Ok(links)
    }

    /// The links, and for the orders from 2 on the index of every gram's shortened form, by index.
    fn of(model: &BackoffModel) -> Result<(Self, Vec<Vec<u32>>), Broken> {
        let Parts { contexts, suffixes } = Parts::of(model)?;
        let mut levels =
            vec![Level { gram: (0..model.tables[0].len() as u32).collect(), ..Level::default() }];
        let mut position = levels[0].gram.clone();
        for (below, parent) in contexts.iter().enumerate() {
            let children = starts(parent.iter().map(|&p| position[p as usize]), position.len());
            let level = sorted(parent, &position, &children);
            position.resize(level.gram.len(), 0);
            (0..).zip(&level.gram).for_each(|(p, &gram)| position[gram as usize] = p);
            levels[below].children = children;
            levels.push(level);
        }
        Ok((Self { levels }, suffixes))
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

/// What the grams of the orders 2, 3, … are made of, by index: all in the order of the model's tables.
pub(super) struct Parts {
    /// Index of every gram without its last word, one order below.
    pub(super) contexts: Vec<Vec<u32>>,
    /// Index of every gram without its first word, one order below.
    suffixes: Vec<Vec<u32>>,
}

impl Parts {
    /// Finds them; fails where [`Links::new`] does.
    pub(super) fn of(model: &BackoffModel) -> Result<Self, Broken> {
        check(model)?;
        let (mut contexts, mut suffixes) = (Vec::<Vec<u32>>::new(), Vec::new());
        let mut lefts = Vec::<Vec<u32>>::new();
        for k in 2..=model.order() {
            let suffix = shortened(&model.tables[k - 1], &model.tables[k - 2], k)?;
            contexts.push(match k {
                2 => model.tables[1].words.iter().step_by(2).copied().collect(),
                _ => contexts_of(model, k, &suffix, &contexts[k - 3], &lefts[k - 3])?,
            });
            lefts.push(starts(suffix.iter().copied(), model.tables[k - 2].len()));
            suffixes.push(suffix);
        }
        Ok(Self { contexts, suffixes })
    }
}

/// How far from one a distribution may sum.
const NORMALISED: f64 = 1e-3;

/// Why a model cannot be stored.
pub(crate) enum Broken {
    /// A part of this gram (ids) is not stored.
    Missing { gram: Vec<u32>, what: &'static str },
    /// The tables are not what they should be.
    Malformed(String),
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Missing { gram, what } => Error::Unfit {
                what: format!("the {what} of the n-gram {gram:?} (ids) is not stored"),
                cure: "estimate the model so that every stored n-gram's parts are stored".into(),
            },
            Broken::Malformed(what) => Error::Unfit {
                what: format!("malformed back-off model: {what}"),
                cure: "this is a mistake in the estimator or file that made the model".into(),
            },
        }
    }
}

/// Stable counting sort of gram indices by one word of each gram.
pub(crate) fn sort_by_column(
    order: &[u32],
    words: &[u32],
    k: usize,
    column: usize,
    vocab: usize,
) -> Vec<u32> {
    let mut next = starts(words.iter().skip(column).step_by(k).copied(), vocab);
    let mut sorted = vec![0; order.len()];
    for &gram in order {
        let slot = &mut next[words[gram as usize * k + column] as usize];
        sorted[*slot as usize] = gram;
        *slot += 1;
    }
    sorted
}

/// Shapes and ids.
fn check(model: &BackoffModel) -> Result<(), Broken> {
    let malformed = |what: String| Err(Broken::Malformed(what));
    if model.tables.is_empty() || model.vocab_len == 0 || model.vocab_len >= u32::MAX as usize / 4 {
        return malformed(format!("order {}, {} words", model.order(), model.vocab_len));
    }
    let bos = model.vocab_len as u32;
    for (k, table) in (1..).zip(&model.tables) {
        let (grams, weights) = (table.len(), table.log10_backoff.len());
        if table.words.len() != k * grams || weights != if k < model.order() { grams } else { 0 } {
            return malformed(format!(
                "order {k}: {grams} grams, {} words, {weights} back-offs",
                table.words.len()
            ));
        }
        if grams >= u32::MAX as usize / 4 {
            return malformed(format!(
                "order {k}: {grams} grams, more than 32-bit positions allow"
            ));
        }
        let alien = |g: &[u32]| g[0] > bos || g[1..].iter().any(|&w| w >= bos);
        if table.words.par_chunks_exact(k).with_min_len(BLOCK).any(alien) {
            return malformed(format!(
                "order {k}: a word outside the vocabulary, or <s> inside a gram"
            ));
        }
    }
    if model.tables[0].words.iter().ne((0..=bos).collect::<Vec<_>>().iter()) {
        return malformed(format!(
            "the unigrams are not the {bos} words and <s> in the order of their ids"
        ));
    }
    Ok(())
}

/// Index of every gram without its first word, by index.
fn shortened(upper: &GramTable, lower: &GramTable, k: usize) -> Result<Vec<u32>, Broken> {
    let shorter = |j: usize| &lower.words[j * (k - 1)..][..k - 1];
    let before = |a: &[u32], b: &[u32]| a.iter().rev().lt(b.iter().rev());
    let mut found = vec![0u32; upper.len()];
    let blocks = found.par_chunks_mut(BLOCK).zip(upper.words.par_chunks(BLOCK * k));
    blocks.enumerate().try_for_each(|(block, (found, words))| {
        let (mut low, mut high) = (0, lower.len()); // the first gram of the block by bisection, the others one after the other
        while low < high {
            let middle = (low + high) / 2;
            if before(shorter(middle), &words[1..k]) { low = middle + 1 } else { high = middle }
        }
        let mut j = low;
        // The gram before the block: order is checked across blocks, too.
        let mut last = (block > 0).then(|| &upper.words[(block * BLOCK - 1) * k..][..k]);
        for (found, gram) in found.iter_mut().zip(words.chunks_exact(k)) {
            if last.is_some_and(|last| !before(last, gram)) {
                return Err(Broken::Malformed(format!(
                    "order {k} is not in suffix order, or a gram stands twice"
                )));
            }
            last = Some(gram);
            while j < lower.len() && *shorter(j) != gram[1..] && before(shorter(j), &gram[1..]) {
                j += 1;
            }
            if j == lower.len() || *shorter(j) != gram[1..] {
                return Err(Broken::Missing { gram: gram.into(), what: "shortened form" });
            }
            *found = j as u32;
        }
        Ok(())
    })?;
    Ok(found)
}

/// Index of every gram without its last word, by index. `suffix` are the shortened forms of this order, `below` the contexts
/// of the order below, `left` where the extensions to the left of every gram two orders below lie one order below.
fn contexts_of(
    model: &BackoffModel,
    k: usize,
    suffix: &[u32],
    below: &[u32],
    left: &[u32],
) -> Result<Vec<u32>, Broken> {
    let (upper, lower) = (&model.tables[k - 1].words, &model.tables[k - 2].words);
    let mut found = vec![0u32; suffix.len()];
    found.par_chunks_mut(BLOCK).enumerate().try_for_each(|(block, found)| {
        let (mut last, mut from, mut end) = (u32::MAX, 0, 0);
        for (i, found) in (block * BLOCK..).zip(found) {
            let (first, shorter) = (upper[i * k], suffix[i]);
            if shorter != last {
                let context = below[shorter as usize] as usize;
                (last, from, end) = (shorter, left[context] as usize, left[context + 1] as usize);
            }
            // First words ascend as long as the shortened form is the same: gallop on from the last find.
            let mut step = 1;
            while from + step < end && lower[(from + step) * (k - 1)] <= first {
                from += step;
                step *= 2;
            }
            while step > 0 {
                if from + step < end && lower[(from + step) * (k - 1)] <= first {
                    from += step;
                }
                step /= 2;
            }
            if from == end || lower[from * (k - 1)] != first {
                return Err(Broken::Missing { gram: upper[i * k..][..k].into(), what: "context" });
            }
            *found = from as u32;
        }
        Ok(())
    })?;
    Ok(found)
}

/// The order in prefix order: a stable counting sort by the position of the context, whose starts are `children`.
fn sorted(parent: &[u32], position: &[u32], children: &[u32]) -> Level {
    let mut next = children.to_vec();
    let (mut gram, mut parents) = (vec![0; parent.len()], vec![0; parent.len()]);
    for (index, &parent) in (0..).zip(parent) {
        let context = position[parent as usize];
        let slot = &mut next[context as usize];
        gram[*slot as usize] = index;
        parents[*slot as usize] = context;
        *slot += 1;
    }
    Level { gram, parent: parents, ..Level::default() }
}

/// Where each key's values start if they are laid out by key; one entry more than there are keys.
pub(super) fn starts(keys: impl Iterator<Item = u32>, count: usize) -> Vec<u32> {
    let mut starts = vec![0u32; count + 1];
    keys.for_each(|key| starts[key as usize + 1] += 1);
    (0..count).for_each(|key| starts[key + 1] += starts[key]);
    starts
}
