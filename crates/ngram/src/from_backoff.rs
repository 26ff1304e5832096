//! Sorted tables (of a file, of a pruned model) back into a model to ask.
//!
//! The n-gram a stored one ends in may be missing from a pruned model (SRILM's, or by relative entropy). It is put back with
//! the probability that back-off gives it anyway and a back-off weight of one: the distribution stays as it was. Like
//! KenLM's, the longest match counts such an n-gram.
use std::cmp::Ordering;

use corpus::TokenId;
use lm::{Error, Result};

use crate::backoff::{BackoffModel, GramTable};
use crate::context::context_indices;
use crate::count::{CountLevel, check_order};
use crate::estimate::{Estimate, EstimatedLevel, Rule};
use crate::model::NgramModel;

impl NgramModel {
    /// From sorted tables; `eos` is the word after which a sentence starts.
    ///
    /// # Errors
    /// Tables that are not sorted as [`GramTable`] says, with lengths that do not fit, or an n-gram without its context.
    pub fn from_backoff(model: &BackoffModel, eos: TokenId) -> Result<Self> {
        Ok(Self::new(estimate_of(model)?, eos))
    }
}

fn unfit(what: String) -> Error {
    Error::Unfit { what, cure: "make the model again".into() }
}

/// One order while it is put together.
struct Rows<'a> {
    /// Row of the table, or `None` for an n-gram put back; in suffix order.
    rows: Vec<(&'a [u32], Option<usize>)>,
}

fn estimate_of(model: &BackoffModel) -> Result<Estimate> {
    let order = model.order();
    check_order(order)?;
    let mut all: Vec<Rows<'_>> = Vec::with_capacity(order);
    for (k, table) in model.tables.iter().enumerate() {
        check_table(table, k, order, model.vocab_len)?;
        all.push(Rows { rows: table.words.chunks_exact(k + 1).zip((0..).map(Some)).collect() });
    }
    for k in (1..order).rev() {
        let suffixes: Vec<&[u32]> = {
            let mut s: Vec<&[u32]> = all[k].rows.iter().map(|(gram, _)| &gram[1..]).collect();
            s.dedup();
            s
        };
        put_back(&mut all[k - 1].rows, &suffixes);
    }
    let mut shapes: Vec<CountLevel> = all
        .iter()
        .map(|level| CountLevel {
            word: level.rows.iter().map(|(gram, _)| gram[0]).collect(),
            ..CountLevel::default()
        })
        .collect();
    for k in 1..order {
        shapes[k - 1].first_child = first_children(&all[k - 1].rows, &all[k].rows);
    }
    let mut levels: Vec<EstimatedLevel> = Vec::with_capacity(order);
    for (k, (level, table)) in all.iter().zip(&model.tables).enumerate() {
        let context = match k {
            0 => Vec::new(),
            _ => context_indices(&shapes, &shapes, k, &levels[k - 1].context, |_, _| {}).map_err(
                |i| {
                    let gram = level.rows[i].0;
                    unfit(format!("the {}-gram {gram:?} is stored without its context", k + 1))
                },
            )?,
        };
        let mut log10_prob: Vec<f32> = level
            .rows
            .iter()
            .map(|(_, row)| row.map_or(f32::NAN, |r| table.log10_prob[r]))
            .collect();
        if k > 0 {
            let below = &levels[k - 1];
            for (parent, starts) in shapes[k - 1].first_child.windows(2).enumerate() {
                for node in
                    (starts[0] as usize..starts[1] as usize).filter(|&i| level.rows[i].1.is_none())
                {
                    log10_prob[node] =
                        below.log10_backoff[context[node] as usize] + below.log10_prob[parent];
                }
            }
        }
        let backoff = |row: &Option<usize>| row.map_or(0.0, |r| table.log10_backoff[r]);
        let rows = if k + 1 < order { &level.rows[..] } else { &[] };
        let log10_backoff = rows.iter().map(|(_, row)| backoff(row)).collect();
        levels.push(EstimatedLevel {
            context,
            log10_prob,
            log10_backoff,
            ..EstimatedLevel::default()
        });
    }
    for (level, shape) in levels.iter_mut().zip(shapes) {
        (level.word, level.first_child) = (shape.word, shape.first_child);
    }
    let rule = Rule::Backoff { unseen: 0.0 };
    Ok(Estimate {
        vocab_len: model.vocab_len,
        rule,
        levels,
        discounts: Vec::new(),
        notes: Vec::new(),
    })
}

/// Suffix order.
fn compare(a: &[u32], b: &[u32]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

fn check_table(table: &GramTable, k: usize, order: usize, vocab_len: usize) -> Result<()> {
    let (n, grams) = (k + 1, table.log10_prob.len());
    let backoffs = if n < order { grams } else { 0 };
    if table.words.len() != n * grams || table.log10_backoff.len() != backoffs {
        return Err(unfit(format!("the table of {n}-grams has columns of different lengths")));
    }
    let mut previous: Option<&[u32]> = None;
    for gram in table.words.chunks_exact(n) {
        let bos_inside =
            gram[1..].iter().any(|&w| w as usize >= vocab_len) || gram[0] as usize > vocab_len;
        if bos_inside || previous.is_some_and(|p| compare(p, gram) != Ordering::Less) {
            return Err(unfit(format!(
                "the {n}-gram {gram:?} is out of order or out of the vocabulary"
            )));
        }
        previous = Some(gram);
    }
    if k == 0 && grams != vocab_len + 1 {
        return Err(unfit(format!("{grams} unigrams for {vocab_len} words and <s>")));
    }
    Ok(())
}

/// Merges the sorted suffixes that are missing into sorted rows.
fn put_back<'a>(rows: &mut Vec<(&'a [u32], Option<usize>)>, suffixes: &[&'a [u32]]) {
    let mut at = 0;
    let mut missing = Vec::new();
    for &suffix in suffixes {
        while at < rows.len() && compare(rows[at].0, suffix) == Ordering::Less {
            at += 1;
        }
        if rows.get(at).is_none_or(|row| row.0 != suffix) {
            missing.push((suffix, None));
        }
    }
    if !missing.is_empty() {
        rows.extend(missing);
        rows.sort_by(|a, b| compare(a.0, b.0));
    }
}

fn first_children(
    parents: &[(&[u32], Option<usize>)],
    children: &[(&[u32], Option<usize>)],
) -> Vec<u32> {
    let mut at = 0;
    let mut starts = Vec::with_capacity(parents.len() + 1);
    for (parent, _) in parents {
        starts.push(at as u32);
        while at < children.len() && children[at].0[1..] == **parent {
            at += 1;
        }
    }
    starts.push(at as u32);
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use corpus::Tokens;
    use lm::{Context, silent};

    use crate::{GramCounts, NgramRecipe, Smoothing};

    fn text() -> Tokens {
        let mut text = Tokens::default();
        for i in 0..300u32 {
            let ids: Vec<_> = (0..i % 9)
                .map(|j| TokenId(1 + (i * i + 3 * j * j + i / 7 * j) % 11))
                .chain([TokenId(0)])
                .collect();
            text.push_sentence(&ids, 1);
        }
        text
    }

    fn model() -> BackoffModel {
        let counts = GramCounts::new(&text(), 12, 4).unwrap();
        let recipe = NgramRecipe::new(Smoothing::ModifiedKneserNey, 4);
        recipe.estimate(counts, &text(), &mut silent).unwrap().to_backoff()
    }

    #[test]
    fn tables_answer_as_the_estimate_does() {
        let counts = GramCounts::new(&text(), 12, 4).unwrap();
        let made = NgramRecipe::new(Smoothing::ModifiedKneserNey, 4)
            .estimate(counts, &text(), &mut silent)
            .unwrap();
        let again = NgramModel::from_backoff(&made.to_backoff(), TokenId(0)).unwrap();
        let model = NgramModel::new(made, TokenId(0));
        assert_eq!(
            model.score_matched(&text(), Context::Sentence),
            again.score_matched(&text(), Context::Sentence)
        );
    }

    #[test]
    fn missing_suffixes_change_nothing() {
        let mut tables = model();
        // drop every trigram that is no context, with a new weight nowhere: distributions change, but stay what back-off says
        let contexts: Vec<Vec<u32>> =
            tables.tables[3].words.chunks_exact(4).map(|g| g[..3].to_vec()).collect();
        let old = std::mem::take(&mut tables.tables[2]);
        let kept =
            |i: usize, gram: &[u32]| i.is_multiple_of(3) || contexts.iter().any(|c| c == gram);
        for (i, gram) in old.words.chunks_exact(3).enumerate().filter(|(i, g)| kept(*i, g)) {
            tables.tables[2].words.extend_from_slice(gram);
            tables.tables[2].log10_prob.push(old.log10_prob[i]);
            tables.tables[2].log10_backoff.push(old.log10_backoff[i]);
        }
        assert!(tables.tables[2].log10_prob.len() < old.log10_prob.len());
        let stored = |gram: &[u32]| {
            let n = gram.len();
            let table = &tables.tables[n - 1];
            table
                .words
                .chunks_exact(n)
                .position(|g| g == gram)
                .map(|i| (table.log10_prob[i], table.log10_backoff.get(i)))
        };
        fn p(gram: &[u32], stored: &impl Fn(&[u32]) -> Option<(f32, Option<f32>)>) -> f64 {
            match stored(gram) {
                Some((p, _)) => p.into(),
                None => {
                    let weight = stored(&gram[..gram.len() - 1]).and_then(|s| s.1).unwrap_or(0.0);
                    f64::from(weight) + p(&gram[1..], stored)
                }
            }
        }
        let stored = |gram: &[u32]| stored(gram).map(|(p, b)| (p, b.copied()));
        let model = NgramModel::from_backoff(&tables, TokenId(0)).unwrap();
        let text = text().head(60);
        let made = model.score_matched(&text, Context::Sentence);
        let mut t = 0;
        for sentence in text.sentences() {
            let padded: Vec<u32> = [12].into_iter().chain(sentence.iter().map(|w| w.0)).collect();
            for end in 1..padded.len() {
                let expected = p(&padded[(end + 1).saturating_sub(4)..=end], &stored);
                assert!(
                    (f64::from(made[t].0) - expected).abs() < 1e-5,
                    "{} for {expected}",
                    made[t].0
                );
                t += 1;
            }
        }
    }

    #[test]
    fn malformed_tables_are_refused() {
        let sound = model();
        let refused = |spoil: &dyn Fn(&mut BackoffModel)| {
            let mut tables = sound.clone();
            spoil(&mut tables);
            NgramModel::from_backoff(&tables, TokenId(0)).expect_err("refused").to_string()
        };
        assert!(refused(&|m| m.tables[1].words.swap(0, 2)).contains("2-gram"));
        assert!(refused(&|m| m.tables[2].log10_prob.truncate(5)).contains("3-grams"));
        assert!(refused(&|m| m.tables.clear()).contains("order"));
        assert!(refused(&|m| m.vocab_len = 3).contains("vocabulary"));
        // a trigram from <s> that starts a 4-gram, gone: no suffix of anything, so back-off cannot put it back
        let message = refused(&|m| {
            let start =
                m.tables[3].words.chunks_exact(4).find(|g| g[0] == 12).unwrap()[..3].to_vec();
            let at = m.tables[2].words.chunks_exact(3).position(|g| g == start).unwrap();
            m.tables[2].words.drain(3 * at..3 * at + 3);
            m.tables[2].log10_prob.remove(at);
            m.tables[2].log10_backoff.remove(at);
        });
        assert!(message.contains("4-gram") && message.contains("without its context"), "{message}");
    }
}
