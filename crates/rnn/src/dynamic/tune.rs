//! The choice of a rate, a decay and a segment on the head of a validation text: one at a time, each uphill from the middle
//! of its list, so that a dozen passes over [`HEAD`] tokens suffice.

use std::sync::Arc;

use corpus::Tokens;
use lm::{Context, Log, Progress, Result};

use super::{Adaptation, DynamicModel, Gradients};
use crate::model::RnnModel;

/// Tokens of the validation text that settings are tried on.
pub const HEAD: usize = 20_000;

/// Rates for segments of [`SEGMENTS`]`[1]` tokens; they are taken in proportion to the segment, so that a token moves the
/// weights as much in any.
const RATES: [f64; 9] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
/// Likewise.
const DECAYS: [f64; 5] = [0.0, 1e-3, 3e-3, 1e-2, 3e-2];
const SEGMENTS: [usize; 3] = [5, 10, 20];

/// A network with the settings under which the head of `valid` has the highest likelihood. Without a training text steps
/// are plain.
///
/// # Errors
/// [`lm::Error::Interrupted`].
pub fn tune(
    base: &Arc<RnnModel>,
    train: Option<&Tokens>,
    valid: &Tokens,
    context: Context,
    log: &mut Log<'_>,
) -> Result<DynamicModel> {
    let gradients = train.map(|train| Gradients::of(base, train, log)).transpose()?.map(Arc::new);
    let mean = valid.targets() as f64 / valid.sentence_count().max(1) as f64;
    let head = valid.head((HEAD as f64 / mean).ceil() as usize);
    let model = |adaptation| DynamicModel::new(base.clone(), adaptation, gradients.clone());
    let mut scores = Vec::new();
    let mut loss = |setting: Setting| -> Result<f64> {
        let stage = "choosing rate and decay";
        let mut log = |p: Progress| match p {
            Progress::Step { done, total, .. } => log(Progress::Step { stage, done, total }),
            point => log(point),
        };
        model(setting.adaptation()).score_logged(&head, context, &mut log, &mut scores)?;
        let loss = -scores.iter().sum::<f64>();
        Ok(if loss.is_nan() { f64::INFINITY } else { loss })
    };
    let mut best: Option<(f64, Setting)> = None;
    for normalised in [false, true].into_iter().take(1 + usize::from(gradients.is_some())) {
        let mut setting = Setting { rate: 5, decay: 2, segment: 1, normalised };
        let mut lowest = loss(setting)?;
        climb(&mut setting, &mut lowest, &mut loss, RATES.len(), |s| &mut s.rate)?;
        climb(&mut setting, &mut lowest, &mut loss, DECAYS.len(), |s| &mut s.decay)?;
        if best.is_none_or(|(best, _)| lowest < best) {
            best = Some((lowest, setting));
        }
    }
    let (mut lowest, mut setting) = best.expect("plain steps were tried");
    climb(&mut setting, &mut lowest, &mut loss, SEGMENTS.len(), |s| &mut s.segment)?;
    Ok(model(setting.adaptation()))
}

/// Places in the lists.
#[derive(Clone, Copy, Debug)]
struct Setting {
    rate: usize,
    decay: usize,
    segment: usize,
    normalised: bool,
}

impl Setting {
    fn adaptation(self) -> Adaptation {
        let segment = SEGMENTS[self.segment];
        let share = segment as f64 / SEGMENTS[1] as f64;
        Adaptation {
            rate: RATES[self.rate] * share,
            decay: DECAYS[self.decay] * share,
            segment,
            normalised: self.normalised,
        }
    }
}

/// Moves one place of a setting up or down its list of `length` as long as the loss falls.
fn climb(
    setting: &mut Setting,
    lowest: &mut f64,
    loss: &mut dyn FnMut(Setting) -> Result<f64>,
    length: usize,
    place: fn(&mut Setting) -> &mut usize,
) -> Result<()> {
    let start = *place(setting);
    for up in [true, false] {
        // downhill on one side of the start is uphill on the other: no need to look there
        if !up && *place(setting) != start {
            break;
        }
        loop {
            let mut next = *setting;
            let at = place(&mut next);
            match up {
                true if *at + 1 < length => *at += 1,
                false if *at > 0 => *at -= 1,
                _ => break,
            }
            let l = loss(next)?;
            if l >= *lowest {
                break;
            }
            (*lowest, *setting) = (l, next);
        }
    }
    Ok(())
}
