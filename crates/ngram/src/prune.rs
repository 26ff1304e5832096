//! Relative-entropy pruning (Stolcke 1998): remove the n-grams that the model can do without.
//!
//! Without the gram `h w`, its probability comes from backing off, and the weight of `h` changes with it:
//!
//! `α'(h) = (R + p(w|h)) / (R' + p(w|h'))` with `R = 1 − Σ p(v|h)`, `R' = 1 − Σ p(v|h')` over the words v stored after h,
//!
//! `D = −p(h) · { p(w|h) [ln p(w|h') + ln α'(h) − ln p(w|h)] + R [ln α'(h) − ln α(h)] }`,
//!
//! the divergence of the pruned distribution from the full one. The gram goes if `e^D − 1`, the relative rise of the
//! perplexity on the model's own text, is below the threshold. Each gram is judged on its own, highest order first; grams
//! that kept ones begin or end with stay. `p(h)` is the product of the model's own probabilities; `<s>` counts as `</s>`.
use corpus::TokenId;
use lm::{Error, Result};

use crate::backoff::{BackoffModel, GramTable};
use crate::table::Links;

/// What pruning did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneReport {
    /// N-grams of every order before.
    pub before: Vec<usize>,
    /// And after.
    pub after: Vec<usize>,
}

/// Removes n-grams of order 2 and higher whose loss raises the perplexity by less than `threshold` (relative: 1e-7 is
/// usual), and works out the back-off weights anew: what is left sums to one as the model did.
///
/// # Errors
/// If the threshold is no number from 0, or the model is malformed or not normalised: the weights would not be defined.
pub fn prune_entropy(
    model: &BackoffModel,
    threshold: f64,
    eos: TokenId,
) -> Result<(BackoffModel, PruneReport)> {
    if !(threshold >= 0.0 && threshold.is_finite()) {
        let what = format!("a threshold of {threshold}");
        return Err(Error::Config {
            option: "--threshold".into(),
            what,
            cure: "give a small number such as 1e-7".into(),
        });
    }
    let links = Links::with_suffixes(model)?;
    if !links.are_normalised(model) {
        let what = "the model's distributions do not sum to one".into();
        return Err(Error::Unfit {
            what,
            cure: "pruning by relative entropy needs a normalised smoothing".into(),
        });
    }
    let tables = Sorted::new(model, &links);
    let contexts = context_probabilities(&tables, &links, eos);
    let mut kept: Vec<Vec<bool>> = tables.prob.iter().map(|p| vec![true; p.len()]).collect();
    for k in (2..=model.order()).rev() {
        let needed = needed(&links, &kept, k);
        for (node, &p_context) in contexts[k - 2].iter().enumerate() {
            let children = links.children(k - 1, node);
            let gram = links.levels[k - 2].gram[node] as usize;
            let context =
                Context::new(&tables, k, children.clone(), model.tables[k - 2].log10_backoff[gram]);
            for child in children.filter(|&child| !needed[child]) {
                kept[k - 1][child] =
                    context.rise(p_context, tables.pair(&links, k, child)) >= threshold;
            }
        }
    }
    let pruned = tables.into_model(model, &links, &kept);
    let report = PruneReport { before: model.gram_counts(), after: pruned.gram_counts() };
    Ok((pruned, report))
}

/// Probabilities (not logarithms) by position in prefix order.
struct Sorted {
    prob: Vec<Vec<f64>>,
}

impl Sorted {
    fn new(model: &BackoffModel, links: &Links) -> Self {
        let of = |(table, level): (&GramTable, &crate::table::Level)| {
            level
                .gram
                .iter()
                .map(|&gram| 10f64.powf(f64::from(table.log10_prob[gram as usize])))
                .collect()
        };
        Self { prob: model.tables.iter().zip(&links.levels).map(of).collect() }
    }

    /// p(w | h) and p(w | h') of the gram of order k at a position.
    fn pair(&self, links: &Links, k: usize, child: usize) -> (f64, f64) {
        (self.prob[k - 1][child], self.prob[k - 2][links.levels[k - 1].suffix[child] as usize])
    }

    /// The kept grams, with the weights of contexts that lost some worked out anew.
    fn into_model(self, model: &BackoffModel, links: &Links, kept: &[Vec<bool>]) -> BackoffModel {
        let order = model.order();
        let mut tables = Vec::with_capacity(order);
        for k in 1..=order {
            let (table, level) = (&model.tables[k - 1], &links.levels[k - 1]);
            let mut backoff = table.log10_backoff.clone();
            let mut keep = vec![false; table.len()];
            for (node, &gram) in level.gram.iter().enumerate() {
                keep[gram as usize] = kept[k - 1][node];
                let children = if k < order { links.children(k, node) } else { 0..0 };
                if children.clone().any(|child| !kept[k][child]) {
                    let mut rest =
                        Context::new(&self, k + 1, children.clone(), backoff[gram as usize]);
                    for (p, lower) in children
                        .filter(|&child| !kept[k][child])
                        .map(|child| self.pair(links, k + 1, child))
                    {
                        (rest.above, rest.below) = (rest.above + p, rest.below + lower);
                    }
                    backoff[gram as usize] = (rest.above / rest.below).log10() as f32;
                }
            }
            let some = |values: &[f32]| {
                values.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(v, _)| *v).collect()
            };
            tables.push(GramTable {
                words: table
                    .words
                    .chunks_exact(k)
                    .zip(&keep)
                    .filter(|(_, keep)| **keep)
                    .flat_map(|(g, _)| g)
                    .copied()
                    .collect(),
                log10_prob: some(&table.log10_prob),
                log10_backoff: some(&backoff),
            });
        }
        BackoffModel { vocab_len: model.vocab_len, tables }
    }
}

/// What the words stored after a context leave to the others: `above` = R of the context itself, `below` = R' one order down.
struct Context {
    above: f64,
    below: f64,
}

impl Context {
    const LEAST: f64 = 1e-12; // rounding leaves no smaller rest to speak of

    /// R' is R / α(h), not one minus a sum: where little is left, that difference would be all rounding.
    fn new(tables: &Sorted, k: usize, children: std::ops::Range<usize>, log10_weight: f32) -> Self {
        let above = (1.0 - tables.prob[k - 1][children].iter().sum::<f64>()).max(Self::LEAST);
        Self { above, below: above / 10f64.powf(f64::from(log10_weight)) }
    }

    /// e^D − 1 for the loss of one gram.
    fn rise(&self, p_context: f64, (p, lower): (f64, f64)) -> f64 {
        if p <= 0.0 || lower <= 0.0 {
            return if p <= 0.0 { 0.0 } else { f64::INFINITY };
        }
        let (weight, new) =
            ((self.above / self.below).ln(), ((self.above + p) / (self.below + lower)).ln());
        (-p_context * (p * (lower.ln() + new - p.ln()) + self.above * (new - weight))).exp_m1()
    }
}

/// p(h) of every stored context of every length, by position.
fn context_probabilities(tables: &Sorted, links: &Links, eos: TokenId) -> Vec<Vec<f64>> {
    let mut of_unigrams = tables.prob[0].clone();
    if let Some(start) = of_unigrams.last_mut() {
        *start = tables.prob[0][eos.index()]; // as many sentences start as end
    }
    let mut contexts = vec![of_unigrams];
    for (prob, level) in tables.prob.iter().zip(&links.levels).skip(1) {
        let shorter = contexts.last().expect("the unigrams are there");
        contexts.push(
            prob.iter()
                .zip(&level.parent)
                .map(|(p, &parent)| p * shorter[parent as usize])
                .collect(),
        );
    }
    contexts
}

/// Grams of order k that kept grams one order above begin or end with.
fn needed(links: &Links, kept: &[Vec<bool>], k: usize) -> Vec<bool> {
    let mut needed = vec![false; kept[k - 1].len()];
    if let Some(level) = links.levels.get(k) {
        for ((&parent, &suffix), _) in
            level.parent.iter().zip(&level.suffix).zip(&kept[k]).filter(|(_, kept)| **kept)
        {
            needed[parent as usize] = true;
            needed[suffix as usize] = true;
        }
    }
    needed
}
