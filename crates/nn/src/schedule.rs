//! Learning-rate schedules: a factor on the rate, from how far training is and from what validation said.

use serde::{Deserialize, Serialize};

/// A rule for the rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", deny_unknown_fields)]
pub enum Schedule {
    /// The rate as given.
    Constant,
    /// Multiplied by `factor` whenever validation gains less than the share `min_gain` of the best loss so far.
    Plateau {
        /// What the rate is multiplied by.
        factor: f64,
        /// The relative gain in nats a token that counts as progress.
        min_gain: f64,
    },
    /// Mikolov's rule: once validation log-likelihood gains less than `min_gain` (0.003), halve at every validation;
    /// stop at the next such small gain.
    Mikolov {
        /// The relative gain that counts as progress.
        min_gain: f64,
    },
    /// Linear warm-up over the share `warmup` of all steps, then half a cosine down to `floor`.
    Cosine {
        /// Share of the steps, 0 to 1.
        warmup: f64,
        /// The last factor.
        floor: f64,
    },
    /// Multiplied by `factor` after every epoch past the first `after` ones.
    Exponential {
        /// Epochs at the full rate.
        after: u64,
        /// What the rate is multiplied by.
        factor: f64,
    },
}

/// What a schedule remembers of validation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    factor: f64,
    halving: bool,
    best: Option<f64>,
}

/// What validation means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// The rule says that nothing more is to be gained.
    Stop,
}

impl Default for State {
    fn default() -> Self {
        Self { factor: 1.0, halving: false, best: None }
    }
}

impl Schedule {
    /// The factor of step `step` of `total` steps (both count from the start of training), in epoch `epoch` from 0.
    pub fn factor(&self, state: &State, step: u64, total: u64, epoch: u64) -> f64 {
        match *self {
            Schedule::Constant => 1.0,
            Schedule::Plateau { .. } | Schedule::Mikolov { .. } => state.factor,
            Schedule::Cosine { warmup, floor } => {
                let at = (step as f64 + 0.5) / total.max(1) as f64;
                if at < warmup {
                    return at / warmup;
                }
                let rest = ((at - warmup) / (1.0 - warmup).max(f64::EPSILON)).min(1.0);
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * rest).cos())
            }
            Schedule::Exponential { after, factor } => {
                factor.powi((epoch + 1).saturating_sub(after.max(1)) as i32)
            }
        }
    }

    /// Hears a validation loss (mean nats a token).
    pub fn observe(&self, state: &mut State, valid_nll: f64) -> Verdict {
        let gain = state.best.map_or(f64::INFINITY, |best| (best - valid_nll) / best);
        state.best = Some(state.best.map_or(valid_nll, |best| best.min(valid_nll)));
        match *self {
            Schedule::Plateau { factor, min_gain } if gain < min_gain => state.factor *= factor,
            Schedule::Mikolov { min_gain } => {
                if gain < min_gain && state.halving {
                    return Verdict::Stop;
                }
                state.halving |= gain < min_gain;
                if state.halving {
                    state.factor *= 0.5;
                }
            }
            _ => {}
        }
        Verdict::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mikolov_halves_from_the_first_small_gain_and_stops_at_the_second() {
        let (rule, mut state) = (Schedule::Mikolov { min_gain: 0.003 }, State::default());
        let heard =
            [6.0, 5.5, 5.49, 5.3, 5.299].map(|nll| (rule.observe(&mut state, nll), state.factor));
        use Verdict::{Continue, Stop};
        assert_eq!(
            heard,
            [(Continue, 1.0), (Continue, 1.0), (Continue, 0.5), (Continue, 0.25), (Stop, 0.25)]
        );
    }

    #[test]
    fn plateau_cosine_and_exponential() {
        let (rule, mut state) =
            (Schedule::Plateau { factor: 0.5, min_gain: 0.0 }, State::default());
        for (nll, factor) in [(6.0, 1.0), (5.0, 1.0), (5.5, 0.5), (4.9, 0.5)] {
            rule.observe(&mut state, nll);
            assert_eq!(rule.factor(&state, 0, 1, 0), factor);
        }
        let rule = Schedule::Cosine { warmup: 0.1, floor: 0.0 };
        let factors: Vec<f64> = (0..100).map(|s| rule.factor(&state, s, 100, 0)).collect();
        assert!(factors[0] < 0.06 && factors[10] > 0.99 && factors[99] < 0.001);
        assert!(factors[10..].windows(2).all(|w| w[1] < w[0]));
        let rule = Schedule::Exponential { after: 4, factor: 0.5 };
        assert_eq!([0, 3, 4, 5].map(|e| rule.factor(&state, 0, 1, e)), [1.0, 1.0, 0.5, 0.25]);
    }
}
