//! Exact sampling from finite distributions with integers only: Walker's alias method (Walker 1977; Vose 1991).
//!
//! A distribution is quantised to whole weights that sum to 2^32. Columns are a power of two, so every outcome is drawn
//! with probability weight / 2^32 exactly, from one 64-bit number, on every machine; the oracle uses the same weights.

/// The sum of the weights of a quantised distribution.
pub(crate) const UNIT: u64 = 1 << 32;

/// Whole weights in proportion to `weights` (finite, not negative, not all zero) that sum to [`UNIT`]; what is positive
/// stays positive. Rounding falls to the largest.
pub(crate) fn quantise(weights: &[f64]) -> Vec<u64> {
    let total: f64 = weights.iter().sum();
    assert!(total > 0.0 && total.is_finite(), "weights sum to {total}");
    let share =
        |w: &f64| if *w > 0.0 { ((w / total * UNIT as f64) as u64).clamp(1, UNIT) } else { 0 };
    let mut out: Vec<u64> = weights.iter().map(share).collect();
    let sum: u64 = out.iter().sum();
    let largest = (0..out.len()).fold(0, |best, i| if out[i] > out[best] { i } else { best });
    out[largest] = out[largest] + UNIT - sum;
    out
}

#[derive(Clone, Copy, Debug)]
struct Column {
    /// The column's own outcome is drawn below it.
    threshold: u32,
    other: u32,
}

/// Rows of distributions over the same number of outcomes.
#[derive(Clone, Debug, Default)]
pub(crate) struct AliasRows {
    columns: Vec<Column>,
    width: usize,
}

impl AliasRows {
    /// Rows over `outcomes` outcomes, none yet.
    pub(crate) fn new(outcomes: usize) -> Self {
        assert!(outcomes > 0 && outcomes <= 1 << 16, "{outcomes} outcomes");
        Self { columns: Vec::new(), width: outcomes.next_power_of_two() }
    }

    /// Appends a row of weights that sum to [`UNIT`].
    pub(crate) fn push(&mut self, weights: &[u64]) {
        assert!(
            weights.len().next_power_of_two() == self.width && weights.iter().sum::<u64>() == UNIT,
            "row of weights"
        );
        let (width, capacity) = (self.width as u64, UNIT / self.width as u64);
        let mut left = weights.to_vec();
        left.resize(self.width, 0);
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..self.width).partition(|&i| left[i] < capacity);
        let start = self.columns.len();
        self.columns.extend((0..width).map(|i| Column { threshold: 0, other: i as u32 }));
        // sums are exact: as long as a column is short, another one is over-full
        while let (Some(i), Some(&j)) = (small.pop(), large.last()) {
            self.columns[start + i] =
                Column { threshold: (left[i] * width) as u32, other: j as u32 };
            left[j] -= capacity - left[i];
            if left[j] < capacity {
                large.pop();
                small.push(j);
            }
        }
    }

    /// The outcome that 64 random bits draw from a row.
    #[inline]
    pub(crate) fn draw(&self, row: usize, bits: u64) -> usize {
        let i = (bits >> 32) as usize & (self.width - 1);
        let column = self.columns[row * self.width + i];
        if (bits as u32) < column.threshold { i } else { column.other as usize }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.len() * size_of::<Column>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The exact weight of each outcome, added up over the columns.
    fn weights(rows: &AliasRows, row: usize) -> Vec<u64> {
        let (width, mut sums) = (rows.width, vec![0; rows.width]);
        for i in 0..width {
            let column = rows.columns[row * width + i];
            sums[i] += u64::from(column.threshold);
            sums[column.other as usize] += UNIT - u64::from(column.threshold);
        }
        sums.iter().map(|s| s / width as u64).collect()
    }

    proptest! {
        #[test]
        fn every_outcome_has_exactly_its_weight(raw in prop::collection::vec(0.0..9.0f64, 1..70), one in 0usize..70) {
            let mut raw = raw;
            let one = one % raw.len();
            raw[one] += 1e-7;
            let quantised = quantise(&raw);
            prop_assert_eq!(quantised.iter().sum::<u64>(), UNIT);
            prop_assert!(raw.iter().zip(&quantised).all(|(w, q)| (*w > 0.0) == (*q > 0)));
            let mut rows = AliasRows::new(raw.len());
            rows.push(&quantised);
            prop_assert_eq!(&weights(&rows, 0)[..raw.len()], &quantised[..]);
        }
    }

    #[test]
    fn one_outcome_is_certain() {
        let mut rows = AliasRows::new(1);
        rows.push(&quantise(&[0.3]));
        assert_eq!(rows.draw(0, u64::MAX), 0);
    }
}
