//! Timing several pieces of work in turn, round after round, so that a change of the machine's speed meets all alike.
use std::time::Instant;

use anyhow::Result;
use lm::Family;

use crate::lab::stats::student;
use crate::lab::{Estimate, Lab};

/// Something to be timed.
pub struct Job<'a> {
    /// The series it belongs to.
    pub sweep: &'static str,
    /// Its place in that series.
    pub x: usize,
    /// Whose speed it tells.
    pub family: Family,
    /// Tokens that the work goes through.
    pub tokens: usize,
    /// The work.
    pub work: Box<dyn Fn() -> Result<()> + 'a>,
}

/// A job's tokens a second.
pub struct Measured {
    /// The job's series.
    pub sweep: &'static str,
    /// Its place in that series.
    pub x: usize,
    /// Whose speed it is.
    pub family: Family,
    /// One rate a round.
    pub rates: Vec<f64>,
}

impl Measured {
    /// The median with the lowest and the highest rate.
    pub fn range(&self) -> Estimate {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        let n = rates.len();
        Estimate {
            value: (rates[(n - 1) / 2] + rates[n / 2]) / 2.0,
            lo: rates[0],
            hi: rates[n - 1],
        }
    }
}

/// Does all jobs in turn, once to warm up and then `rounds` (1 or more) times.
///
/// # Errors
/// Those of the work; interruption.
pub fn measure(lab: &Lab<'_>, jobs: &[Job<'_>], rounds: usize) -> Result<Vec<Measured>> {
    let mut measured: Vec<Measured> = jobs
        .iter()
        .map(|job| Measured { sweep: job.sweep, x: job.x, family: job.family, rates: Vec::new() })
        .collect();
    for round in 0..=rounds {
        for (i, job) in jobs.iter().enumerate() {
            lab.step("rounds", round * jobs.len() + i, (rounds + 1) * jobs.len())?;
            let start = Instant::now();
            (job.work)()?;
            let rate = job.tokens as f64 / start.elapsed().as_secs_f64();
            if round > 0 {
                measured[i].rates.push(rate);
            }
        }
    }
    Ok(measured)
}

/// The rates of one family at one place of a series; none where it was not measured.
pub fn rates<'a>(all: &'a [Measured], sweep: &str, x: usize, family: Family) -> &'a [f64] {
    let one = all.iter().find(|m| (m.sweep, m.x, m.family) == (sweep, x, family));
    one.map_or(&[], |m| &m.rates)
}

/// The ratio of two rates, round by round; `None` of nothing.
pub fn ratio(above: &[f64], below: &[f64]) -> Option<Estimate> {
    student(&above.iter().zip(below).map(|(a, b)| a / b).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios_by_hand() {
        let of = |rates: &[f64]| {
            let rates = rates.into();
            Measured { sweep: "", x: 1, family: Family::Rnn, rates }.range()
        };
        assert_eq!(of(&[3.0, 1.0, 2.0]), Estimate { value: 2.0, lo: 1.0, hi: 3.0 });
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).value, 2.5);
        // the machine halves its speed in the second round: the ratio stays
        let e = ratio(&[10.0, 5.0, 10.0], &[20.0, 10.0, 20.0]).unwrap();
        assert!(e.value == 0.5 && e.lo == e.hi);
        assert!(ratio(&[], &[1.0]).is_none());
    }
}
