//! Pruning by count: n-grams that stand in the text too rarely are left out of the model.
//!
//! `lmplz`'s rule: an n-gram goes if its *raw* count is at most the threshold of its order. Thresholds do not fall with the
//! order and the first is zero, so whatever a kept n-gram ends in or follows is kept. Discounts come from all n-grams; what
//! the n-grams left out had goes to the back-off weight of their context: γ(h) = (D_1 N_1 + D_2 N_2 + D_3 N_{3+} + cut) / Σ a.
use lm::{Error, Result};

use crate::count::{GramCounts, MAX_ORDER};
use crate::estimate::EstimatedLevel;
use crate::recipe::Smoothing;

/// Up to which count n-grams are left out, for each order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cutoff([u32; MAX_ORDER]);

impl Cutoff {
    /// From the thresholds of the orders 1, 2, …; the last holds for the orders after it, too.
    ///
    /// # Errors
    /// Thresholds that fall, a first one that is not zero, or too many.
    pub fn new(thresholds: &[u32]) -> Result<Self> {
        let refuse = |what: String, cure: &str| {
            Err(Error::Config { option: "--prune".into(), what, cure: cure.into() })
        };
        if thresholds.len() > MAX_ORDER {
            let what = format!("{} thresholds for {MAX_ORDER} orders at most", thresholds.len());
            return refuse(what, "give one an order");
        }
        if thresholds.first().is_some_and(|&t| t > 0) {
            let cure = "start with 0, and limit the vocabulary instead (--max-vocab, --min-count)";
            return refuse("a word cannot be left out of its own vocabulary".into(), cure);
        }
        if let Some(falls) = thresholds.windows(2).find(|t| t[1] < t[0]) {
            let what =
                format!("{} after {}: a kept n-gram would lose its context", falls[1], falls[0]);
            return refuse(what, "give thresholds that do not fall, such as 0 0 1");
        }
        let last = thresholds.last().copied().unwrap_or(0);
        let mut all = [last; MAX_ORDER];
        all[..thresholds.len()].copy_from_slice(thresholds);
        Ok(Self(all))
    }

    /// Whether nothing is left out.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// For the orders 1 … N; empty where nothing is left out.
    pub(crate) fn thresholds(self, order: usize, smoothing: Smoothing) -> Result<Vec<u32>> {
        let thresholds = self.0[..order].to_vec();
        if thresholds.iter().all(|&t| t == 0) {
            return Ok(Vec::new());
        }
        if matches!(smoothing, Smoothing::AddK | Smoothing::StupidBackoff | Smoothing::CountRatio) {
            return Err(Error::Config {
                option: "--prune".into(),
                what: format!(
                    "`{smoothing}` has no back-off weights that could take what pruning leaves"
                ),
                cure: "prune a Kneser-Ney or Witten-Bell model (kn, ikn, wb)".into(),
            });
        }
        Ok(thresholds)
    }
}

impl GramCounts {
    /// Whether the n-gram `node` of level index `k` ≥ 1 is left out of the model.
    #[inline]
    pub(crate) fn is_cut(&self, k: usize, node: usize) -> bool {
        self.cutoff.get(k).is_some_and(|&threshold| self.levels[k].count[node] <= threshold)
    }
}

/// Drops the n-grams whose probability is not a number.
pub(crate) fn without_cut(levels: &mut [EstimatedLevel]) {
    let mut places: Vec<u32> = Vec::new(); // of the level below; without meaning where it is cut
    let mut kept_below: Vec<bool> = Vec::new();
    for k in 0..levels.len() {
        let kept: Vec<bool> = levels[k].log10_prob.iter().map(|p| !p.is_nan()).collect();
        let mut next = 0;
        let place: Vec<u32> = kept
            .iter()
            .map(|&kept| {
                next += u32::from(kept);
                next.saturating_sub(1)
            })
            .collect();
        if k > 0 {
            let starts = std::mem::take(&mut levels[k - 1].first_child);
            let mut first = vec![0];
            let mut sum = 0;
            for (children, _) in starts.windows(2).zip(&kept_below).filter(|(_, kept)| **kept) {
                let own = &kept[children[0] as usize..children[1] as usize];
                sum += own.iter().filter(|&&kept| kept).count() as u32;
                first.push(sum);
            }
            levels[k - 1].first_child = first;
        }
        let level = &mut levels[k];
        level.context = (level.context.iter().zip(&kept))
            .filter(|(_, kept)| **kept)
            .map(|(&c, _)| places[c as usize])
            .collect();
        retain(&mut level.word, &kept);
        retain(&mut level.log10_prob, &kept);
        retain(&mut level.log10_backoff, &kept);
        (places, kept_below) = (place, kept);
    }
}

fn retain<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    values.retain(|_| *kept.next().expect("one flag a value"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_checked() {
        let message = |t: &[u32]| Cutoff::new(t).unwrap_err().to_string();
        assert!(message(&[1, 1]).contains("vocabulary"));
        assert!(message(&[0, 2, 1]).contains("do not fall"));
        assert!(message(&[0; 11]).contains("11"));
        let cutoff = Cutoff::new(&[0, 0, 1]).unwrap();
        let kn = Smoothing::ModifiedKneserNey;
        assert_eq!(cutoff.thresholds(5, kn).unwrap(), [0, 0, 1, 1, 1]);
        assert!(cutoff.thresholds(2, kn).unwrap().is_empty());
        assert!(cutoff.thresholds(3, Smoothing::AddK).is_err());
        assert!(Cutoff::new(&[]).unwrap().is_none() && !cutoff.is_none());
    }
}
