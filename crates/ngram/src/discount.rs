//! What is taken from seen n-grams to give to unseen ones (Chen & Goodman 1998, eq. 26).
//!
//! Y = n_1 / (n_1 + 2 n_2),   D_k = k − (k+1) Y n_{k+1} / n_k   for k = 1, 2, 3 (and more),
//! where n_k n-grams have the adjusted count k. Where that is undefined (some n_k = 0) or useless (D_k outside 0 < D_k ≤ k),
//! the order falls back, by name, on the absolute discount Y (Ney, Essen & Kneser 1994), and where that is undefined on a constant.
use std::fmt;

use lm::{Error, Result};

/// Where the discounts of an order come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiscountSource {
    /// D_k of Chen & Goodman, from n_1 … n_4.
    ChenGoodman,
    /// D = n_1 / (n_1 + 2 n_2), the same for every count.
    Absolute,
    /// 0.5, 1, 1.5 (three discounts) or 0.75 (one).
    Constant,
}

impl fmt::Display for DiscountSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DiscountSource::ChenGoodman => "Chen & Goodman's discounts",
            DiscountSource::Absolute => "the absolute discount n1/(n1+2 n2)",
            DiscountSource::Constant => "constant discounts",
        })
    }
}

/// The discounts of one order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discounts {
    /// Taken from n-grams with count 1, 2, 3 or more.
    pub amount: [f64; 3],
    /// Where they come from.
    pub source: DiscountSource,
}

impl Discounts {
    /// Three discounts from the counts of counts n_1 … n_4.
    pub fn modified(n: [u64; 4]) -> Self {
        let [n1, n2, n3, n4] = n.map(|n| n as f64);
        let y = n1 / (n1 + 2.0 * n2);
        let amount = [1.0 - 2.0 * y * n2 / n1, 2.0 - 3.0 * y * n3 / n2, 3.0 - 4.0 * y * n4 / n3];
        let sound = amount.iter().zip(1..).all(|(&d, k)| d > 0.0 && d <= f64::from(k));
        if n.contains(&0) || !sound {
            let fallback = Self::absolute(n);
            let constant = fallback.source == DiscountSource::Constant;
            return if constant { Self { amount: [0.5, 1.0, 1.5], ..fallback } } else { fallback };
        }
        Self { amount, source: DiscountSource::ChenGoodman }
    }

    /// One discount from the counts of counts n_1, n_2, ….
    pub fn absolute(n: [u64; 4]) -> Self {
        let [n1, n2, ..] = n.map(|n| n as f64);
        if n1 > 0.0 && n2 > 0.0 {
            Self { amount: [n1 / (n1 + 2.0 * n2); 3], source: DiscountSource::Absolute }
        } else {
            Self { amount: [0.75; 3], source: DiscountSource::Constant }
        }
    }

    /// What is taken from a count.
    #[inline]
    pub fn of(&self, count: u32) -> f64 {
        match count {
            0 => 0.0,
            1..=3 => self.amount[count as usize - 1],
            _ => self.amount[2],
        }
    }
}

/// Names every order whose discounts are not from `wanted`, as remarks for the record; an error if `strict`.
pub(crate) fn remarks(
    discounts: &[Discounts],
    counts: &[[u64; 4]],
    wanted: DiscountSource,
    strict: bool,
) -> Result<Vec<String>> {
    let fallen = discounts.iter().zip(counts).enumerate().filter(|(_, (d, _))| d.source != wanted);
    let notes: Vec<String> = fallen
        .map(|(k, (d, n))| {
            let n = format!("n1..n4 = {}, {}, {}, {}", n[0], n[1], n[2], n[3]);
            format!("order {}: discounts undefined ({n}), took {} {:?}", k + 1, d.source, d.amount)
        })
        .collect();
    match notes.first() {
        Some(first) if strict => {
            let cure =
                "train without --strict-discounts, on more text, or with another smoothing (wb)";
            Err(Error::Unfit { what: first.clone(), cure: cure.into() })
        }
        _ => Ok(notes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let d = Discounts::modified([100, 40, 20, 10]);
        let y = 100.0 / 180.0;
        let expected = [1.0 - 0.8 * y, 2.0 - 1.5 * y, 3.0 - 2.0 * y];
        d.amount.iter().zip(expected).for_each(|(d, e)| assert!((d - e).abs() < 1e-12));
        assert_eq!((d.source, d.of(0), d.of(2)), (DiscountSource::ChenGoodman, 0.0, d.amount[1]));
        assert_eq!((d.of(3), d.of(77)), (d.amount[2], d.amount[2]));
    }

    #[test]
    fn undefined_discounts_fall_back_by_name() {
        let absolute = Discounts::modified([100, 40, 0, 10]);
        assert_eq!(
            (absolute.source, absolute.amount),
            (DiscountSource::Absolute, [100.0 / 180.0; 3])
        );
        // D_2 = 2 − 3 · (1/2) · 90 / 10 is negative
        assert_eq!(Discounts::modified([20, 10, 90, 10]).source, DiscountSource::Absolute);
        let constant = Discounts::modified([7, 0, 0, 0]);
        assert_eq!((constant.source, constant.amount), (DiscountSource::Constant, [0.5, 1.0, 1.5]));
        assert_eq!(Discounts::absolute([0, 3, 1, 1]).amount, [0.75; 3]);
    }

    #[test]
    fn strict_refuses_a_fallback() {
        let n = [[100, 40, 20, 10], [5, 0, 0, 0]];
        let discounts = n.map(Discounts::modified);
        let notes = remarks(&discounts, &n, DiscountSource::ChenGoodman, false).unwrap();
        assert_eq!(notes.len(), 1);
        assert!(notes[0].starts_with("order 2:"), "{notes:?}");
        let error = remarks(&discounts, &n, DiscountSource::ChenGoodman, true).unwrap_err();
        assert!(error.to_string().contains("order 2"));
    }
}
