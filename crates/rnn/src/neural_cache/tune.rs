//! The choice of W and θ on the head of a validation text: one pass over it says p_cache of every target at every place of
//! the grid, and EM says the best λ of each.

use std::sync::Arc;

use corpus::Tokens;
use lm::{Context, Error, Log, Progress, Result, em_weights};
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{CacheSettings, CachedModel, History, Mass};
use crate::model::{RnnModel, SCORE_ROWS, score_rows};

/// Tokens of the validation text that settings are chosen on.
pub const HEAD: usize = 100_000;

pub(super) const WINDOWS: [usize; 4] = [250, 500, 1000, 2000];
pub(super) const THETAS: [f32; 9] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5];

/// A network with the cache under which the head of `valid`, read as a stream, has the highest likelihood; λ by EM.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn tune(base: &Arc<RnnModel>, valid: &Tokens, log: &mut Log<'_>) -> Result<CachedModel> {
    const STAGE: &str = "choosing the cache";
    if log(Progress::Step { stage: STAGE, done: 0, total: 2 }).is_break() {
        return Err(Error::Interrupted);
    }
    let mean = valid.targets() as f64 / valid.sentence_count().max(1) as f64;
    let head = valid.head((HEAD as f64 / mean).ceil() as usize);
    let grid = || (0..THETAS.len()).flat_map(|t| (0..WINDOWS.len()).map(move |w| (t, w)));
    let largest = WINDOWS[WINDOWS.len() - 1];
    let mut history = History::new(largest, base.net.hidden());
    let mut block = vec![[[None; WINDOWS.len()]; THETAS.len()]; SCORE_ROWS];
    let mut shares: Vec<Vec<f64>> = grid().map(|_| Vec::with_capacity(head.targets())).collect();
    let each = &mut |h: ArrayView2<f32>, targets: &[u32], scores: &mut [f64]| {
        let rows = &mut block[..targets.len()];
        history.read(h, targets, rows, |dots, words, target, shares| {
            for (shares, theta) in shares.iter_mut().zip(THETAS) {
                *shares = shares_of(dots, words, target, theta);
            }
        });
        // where nothing is remembered the cache says what the network says
        for (shares, (t, w)) in shares.iter_mut().zip(grid()) {
            shares.extend(rows.iter().zip(&*scores).map(|(row, score)| match row[t][w] {
                Some(share) => f64::ln(share),
                None => *score,
            }));
        }
    };
    let mut scores = Vec::new();
    let eos = base.vocab().eos();
    score_rows(&base.net, eos, &head, Context::Stream, &mut scores, each);
    if log(Progress::Step { stage: STAGE, done: 1, total: 2 }).is_break() {
        return Err(Error::Interrupted);
    }
    let places: Vec<(usize, usize)> = grid().collect();
    let tried: Vec<(f64, CacheSettings)> = shares
        .par_iter()
        .zip(&places)
        .map(|(cache, &(t, w))| {
            let parts = [scores.as_slice(), cache];
            let weights = em_weights(&parts);
            let settings =
                CacheSettings { window: WINDOWS[w], theta: THETAS[t], lambda: weights[1] };
            (lm::mixture_nll(&weights, &parts).iter().sum(), settings)
        })
        .collect();
    let best = tried.iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
    Ok(CachedModel::new(base.clone(), best.expect("the grid is not empty").1))
}

/// p_cache of the target at one θ and every window; the dot products stay.
fn shares_of(dots: &[f32], words: &[u32], target: u32, theta: f32) -> [Option<f64>; WINDOWS.len()] {
    let mut scratch = [0.0; WINDOWS[WINDOWS.len() - 1]];
    let (mut mass, mut end) = (Mass::NONE, dots.len());
    WINDOWS.map(|window| {
        // the states that this window has and the last one had not
        let start = dots.len().saturating_sub(window);
        let part = &mut scratch[..end - start];
        part.copy_from_slice(&dots[start..end]);
        if !part.is_empty() {
            mass = mass.with(Mass::of(part, &words[start..end], target, theta));
        }
        end = start;
        mass.share()
    })
}
