//! From values to pixels, linear or logarithmic, and the round values that an axis names.

/// A scale of one axis.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    lo: f64,
    hi: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Scale {
    /// Logarithmic over positive values, with some room at both ends; `pixels` are where the lower and the upper end lie.
    pub fn log((lo, hi): (f64, f64), room: f64, pixels: (f64, f64)) -> Self {
        let (lo, hi) = if hi / lo < 1.05 { (lo / 1.3, hi * 1.3) } else { (lo, hi) };
        let spare = (hi / lo).powf(room);
        Self { lo: lo / spare, hi: hi * spare, log: true, from: pixels.0, to: pixels.1 }
    }

    /// Linear.
    pub fn linear((lo, hi): (f64, f64), pixels: (f64, f64)) -> Self {
        let hi = if hi > lo { hi } else { lo + 1.0 };
        Self { lo, hi, log: false, from: pixels.0, to: pixels.1 }
    }

    /// Pixel of a value; values beyond the ends are at the ends.
    pub fn at(&self, value: f64) -> f64 {
        let v = value.clamp(self.lo, self.hi);
        let share = if self.log {
            (v / self.lo).ln() / (self.hi / self.lo).ln()
        } else {
            (v - self.lo) / (self.hi - self.lo)
        };
        self.from + (self.to - self.from) * share
    }

    /// At most `most` round values inside the scale.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        let most = most.max(2);
        if self.log {
            let fine: [&[f64]; 4] =
                [&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
            for steps in fine {
                let ticks =
                    self.inside(self.decades(1).flat_map(|d| steps.iter().map(move |s| s * d)));
                if ticks.len() <= most && ticks.len() >= 2 {
                    return ticks;
                }
            }
            for every in 2..40 {
                let ticks = self.inside(self.decades(every));
                if ticks.len() <= most {
                    return if ticks.len() >= 2 { ticks } else { self.even(most) };
                }
            }
        }
        self.even(most)
    }

    fn decades(&self, every: i32) -> impl Iterator<Item = f64> + use<> {
        let (lo, hi) = (self.lo.log10().floor() as i32, self.hi.log10().ceil() as i32);
        (lo..=hi).filter(move |e| e.rem_euclid(every) == 0).map(|e| 10f64.powi(e))
    }

    fn inside(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        values.filter(|v| *v >= self.lo * 0.999_999 && *v <= self.hi * 1.000_001).collect()
    }

    fn even(&self, most: usize) -> Vec<f64> {
        let rough = (self.hi - self.lo) / most as f64;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .map(|s| s * decade)
            .into_iter()
            .find(|s| *s >= rough * 0.999)
            .unwrap_or(10.0 * decade);
        let first = (self.lo / step - 1e-9).ceil() as i64;
        (first..).map(|i| i as f64 * step).take_while(|v| *v <= self.hi + step * 1e-6).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle() {
        let s = Scale::log((1.0, 100.0), 0.0, (0.0, 10.0));
        assert!((s.at(10.0) - 5.0).abs() < 1e-12 && s.at(1e9) == 10.0 && s.at(0.0) == 0.0);
        assert!((Scale::linear((0.0, 4.0), (10.0, 0.0)).at(1.0) - 7.5).abs() < 1e-12);
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(
            Scale::log((1.0, 100.0), 0.0, (0.0, 1.0)).ticks(7),
            [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
        );
        assert_eq!(Scale::log((90.0, 210.0), 0.0, (0.0, 1.0)).ticks(3), [100.0, 150.0, 200.0]);
        assert_eq!(Scale::linear((0.0, 1.0), (0.0, 1.0)).ticks(5).len(), 6 - 1 + 1);
        for (lo, hi) in [(1e-3, 1e9), (140.0, 141.0), (1.0, 1.0), (0.5, 3e4)] {
            let n = Scale::log((lo, hi), 0.05, (0.0, 1.0)).ticks(6).len();
            assert!((1..=8).contains(&n), "{lo} to {hi}: {n}");
        }
    }
}
