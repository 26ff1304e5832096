//! Codebooks for probabilities: the 2^b values that lose least, and codes that keep a distribution's rest.
//!
//! Values are quantised as x = ln(p / (1 − p)): for small p an error of x is the relative error of p, near 1 it is that of
//! 1 − p, which is what the back-off weight of a context with one certain word is made of. The codebook minimises Σ (x − x̂)²
//! by Lloyd's iteration from the density f^{1/3} (Panter & Dite 1951), over a histogram of x. A set of at most 2^b different
//! values is its own codebook, and nothing is lost.
use hashbrown::HashSet;
use rayon::prelude::*;

const BINS: usize = 1 << 16;
const ROUNDS: usize = 30;
/// |x| is cut here: p = 1e-99 and p = 1 are numbers, too.
const EXTREME: f64 = 230.0;
const NEARLY_ONE: f64 = 25.0;

/// 2^b values and how to find the nearest.
pub(super) struct Codebook {
    /// log10 of the values, ascending.
    pub(super) log10: Vec<f32>,
    /// The values as probabilities.
    pub(super) linear: Vec<f64>,
    middles: Vec<f64>,
}

/// ln(p / (1 − p)) from log10 p.
fn logit(log10: f32) -> f64 {
    let ln = f64::from(log10) * std::f64::consts::LN_10;
    (ln - (-ln.exp()).ln_1p()).clamp(-EXTREME, NEARLY_ONE)
}

impl Codebook {
    /// The codebook of `1 << bits` values for these log10 probabilities.
    pub(super) fn new(log10_probs: &[f32], bits: u32) -> Self {
        let size = 1usize << bits;
        Self::of(distinct(log10_probs, size).unwrap_or_else(|| lloyd(log10_probs, size)))
    }

    fn of(log10: Vec<f32>) -> Self {
        let points: Vec<f64> = log10.iter().map(|&l| logit(l)).collect();
        let middles = points.windows(2).map(|p| (p[0] + p[1]) / 2.0).collect();
        let linear = linear(&log10);
        Self { log10, linear, middles }
    }

    /// Code of the nearest value.
    pub(super) fn encode(&self, log10_prob: f32) -> u16 {
        // A value that is in the book keeps its own code, whatever rounding does to the middles.
        let exact = self.log10.binary_search_by(|l| l.total_cmp(&log10_prob));
        exact.unwrap_or_else(|_| {
            let x = logit(log10_prob);
            self.middles.partition_point(|&m| m < x)
        }) as u16
    }

    /// Moves codes of one context's words by single steps until their Kullback–Leibler divergence from the true
    /// distribution, the rest for unseen words included, no longer falls:
    /// `−Σ p_i ln p̂_i − R ln R̂` with `R = 1 − Σ p_i`, `R̂ = 1 − Σ p̂_i > 0`.
    pub(super) fn keep_rest(&self, probs: &[f64], codes: &mut [u16]) {
        const SLACK: f64 = 0.005; // a rest this near to the true one costs less than 1e-5 nats
        const LEAST: f64 = 1e-9; // R̂ stays above, so that no word becomes impossible
        let rest = (1.0 - probs.iter().sum::<f64>()).max(LEAST);
        let value = |code: u16| self.linear[usize::from(code)];
        let mut kept = 1.0 - codes.iter().map(|&c| value(c)).sum::<f64>();
        if (kept / rest - 1.0).abs() < SLACK {
            return;
        }
        // Below LEAST, what is missing comes first: the cost falls as R̂ grows.
        let cost_of_rest =
            |kept: f64| if kept > LEAST { -rest * kept.ln() } else { 1e3 - 1e3 * kept };
        for _ in 0..64 * self.linear.len() {
            let mut moved = false;
            for (&p, code) in probs.iter().zip(codes.iter_mut()) {
                let now = value(*code);
                let cost = |v: f64| -p * v.ln() + cost_of_rest(kept + now - v);
                let step = |to: Option<u16>| {
                    to.filter(|&c| usize::from(c) < self.linear.len())
                        .filter(|&c| cost(value(c)) < cost(now) - 1e-12)
                };
                if let Some(next) = step(code.checked_sub(1)).or_else(|| step(code.checked_add(1)))
                {
                    kept += now - value(next);
                    *code = next;
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
    }
}

/// 10^x of every value.
pub(super) fn linear(log10: &[f32]) -> Vec<f64> {
    log10.iter().map(|&l| 10f64.powf(f64::from(l))).collect()
}

/// The different values, ascending, if there are at most `limit`.
fn distinct(values: &[f32], limit: usize) -> Option<Vec<f32>> {
    let mut seen: HashSet<u32, foldhash::fast::FixedState> = HashSet::default();
    for v in values {
        seen.insert(v.to_bits());
        if seen.len() > limit {
            return None;
        }
    }
    let mut sorted: Vec<f32> = seen.into_iter().map(f32::from_bits).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    Some(sorted)
}

fn lloyd(log10_probs: &[f32], size: usize) -> Vec<f32> {
    let points: Vec<f64> = log10_probs.par_iter().map(|&l| logit(l)).collect();
    let (low, high) = points.iter().fold((f64::MAX, f64::MIN), |(l, h), &x| (l.min(x), h.max(x)));
    let scale = (BINS - 1) as f64 / (high - low).max(1e-9);
    let (mut counts, mut sums) = (vec![0u32; BINS], vec![0f64; BINS]);
    for &x in &points {
        let bin = ((x - low) * scale) as usize;
        counts[bin] += 1;
        sums[bin] += x;
    }
    // Running totals: the mass and the sum of every range of bins in two subtractions.
    let running = |values: &mut dyn Iterator<Item = f64>| -> Vec<f64> {
        std::iter::once(0.0)
            .chain(values.scan(0.0, |sum, v| {
                *sum += v;
                Some(*sum)
            }))
            .collect()
    };
    let mass = running(&mut counts.iter().map(|&c| f64::from(c)));
    let moment = running(&mut sums.iter().copied());
    // Smoothed over neighbouring bins: single bins are too ragged for a cube root to mean a density.
    let around = |bin: usize| mass[(bin + 33).min(BINS)] - mass[bin.saturating_sub(32)];
    let density = running(&mut (0..BINS).map(|b| around(b).cbrt()));
    let mut edges: Vec<usize> = (0..=size)
        .map(|i| density.partition_point(|&d| d < density[BINS] * i as f64 / size as f64).min(BINS))
        .collect();
    (edges[0], edges[size]) = (0, BINS);
    let bin_of = |x: f64| (((x - low) * scale) as usize + 1).min(BINS);
    let mut centres: Vec<f64> = Vec::new();
    for _ in 0..ROUNDS {
        centres = edges
            .windows(2)
            .filter(|e| mass[e[1]] > mass[e[0]])
            .map(|e| (moment[e[1]] - moment[e[0]]) / (mass[e[1]] - mass[e[0]]))
            .collect();
        edges = centres.windows(2).map(|c| bin_of((c[0] + c[1]) / 2.0)).collect();
        edges.insert(0, 0);
        edges.push(BINS);
    }
    let mut log10: Vec<f32> =
        centres.iter().map(|&x| (-((-x).exp().ln_1p()) / std::f64::consts::LN_10) as f32).collect();
    log10.sort_unstable_by(f32::total_cmp);
    log10.dedup();
    log10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_kept_exactly() {
        let values = [-99.0, -3.5, -0.1, -3.5, 0.0];
        let book = Codebook::new(&values, 2);
        assert!(values.iter().all(|&v| book.log10[usize::from(book.encode(v))] == v));
    }

    #[test]
    fn many_values_are_close() {
        let values: Vec<f32> =
            (0..20_000).map(|i| -0.05 - 6.0 * (i as f32 / 20_000.0).powi(2)).collect();
        let book = Codebook::new(&values, 8);
        assert!(book.log10.len() <= 256 && book.log10.is_sorted());
        let worst = values
            .iter()
            .map(|&v| (logit(book.log10[usize::from(book.encode(v))]) - logit(v)).abs());
        assert!(worst.fold(0.0, f64::max) < 0.3);
        let mean = values
            .iter()
            .map(|&v| (book.log10[usize::from(book.encode(v))] - v).abs())
            .sum::<f32>()
            / 20_000.0;
        assert!(mean < 0.02, "{mean}");
    }

    #[test]
    fn the_rest_is_kept() {
        let values: Vec<f32> = (1..4_000).map(|i| (i as f32 / 4_000.0).log10()).collect();
        let book = Codebook::new(&values, 4);
        let probs = [0.5, 0.3, 0.199];
        let mut codes: Vec<u16> =
            probs.iter().map(|p: &f64| book.encode(p.log10() as f32)).collect();
        book.keep_rest(&probs, &mut codes);
        let kept = 1.0 - codes.iter().map(|&c| book.linear[usize::from(c)]).sum::<f64>();
        assert!(kept > 0.0, "{kept}");
    }
}
