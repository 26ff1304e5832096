//! How far a network's units move over a text.

use lm::Activity;

/// A unit whose output stays within ± this of its mean is silent.
const SILENT: f64 = 1e-3;

/// Least, most and sum of every unit's output.
#[derive(Clone, Debug)]
pub struct Spread {
    /// And how often it was seen.
    units: Vec<(f32, f32, f64, u64)>,
}

impl Spread {
    /// Of so many units.
    pub fn of(units: usize) -> Self {
        Self { units: vec![(f32::INFINITY, f32::NEG_INFINITY, 0.0, 0); units] }
    }

    /// The outputs of the units from `first` at one place of the text.
    pub fn see<'a>(&mut self, first: usize, outputs: impl IntoIterator<Item = &'a f32>) {
        for (&h, (least, most, sum, rows)) in outputs.into_iter().zip(&mut self.units[first..]) {
            (*least, *most, *sum) = (least.min(h), most.max(h), *sum + f64::from(h));
            *rows += 1;
        }
    }

    /// What was seen.
    pub fn activity(&self) -> Activity {
        let silent = self.units.iter().filter(|&&(least, most, sum, rows)| {
            let mean = sum / rows as f64;
            f64::from(most) - mean <= SILENT && mean - f64::from(least) <= SILENT
        });
        Activity { units: self.units.len() as u64, silent: silent.count() as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_silent_when_it_stays_at_its_mean() {
        let mut spread = Spread::of(3);
        for i in 0..4 {
            let h = [0.5 + 0.0009 * (i % 2) as f32, i as f32 / 8.0];
            spread.see(0, &h);
            spread.see(2, &[-1.0]);
        }
        assert_eq!(spread.activity(), Activity { units: 3, silent: 2 });
    }
}
