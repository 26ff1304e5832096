//! Perplexity as sums: they merge exactly and are divided last. The only file that exponentiates a loss.
use serde::{Deserialize, Serialize};

/// Sums of negative log-probabilities over targets (lecture §5: `exp(J)`, J in nats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Perplexity {
    /// −Σ ln p over all targets, infinite if a target has probability zero.
    pub nll: f64,
    /// How many targets.
    pub targets: u64,
    /// −Σ ln p over the targets that are `<unk>`.
    pub unk_nll: f64,
    /// How many of them.
    pub unk: u64,
    /// Targets of probability zero.
    pub zero: u64,
    /// −Σ ln p over the targets of non-zero probability.
    pub finite_nll: f64,
}

impl Perplexity {
    /// Adds one target.
    pub fn add(&mut self, log_prob: f64, is_unk: bool) {
        self.nll -= log_prob;
        self.targets += 1;
        if is_unk {
            self.unk_nll -= log_prob;
            self.unk += 1;
        }
        if log_prob == f64::NEG_INFINITY {
            self.zero += 1;
        } else {
            self.finite_nll -= log_prob;
        }
    }

    /// Adds another part of the text.
    pub fn merge(&mut self, other: &Perplexity) {
        self.nll += other.nll;
        self.targets += other.targets;
        self.unk_nll += other.unk_nll;
        self.unk += other.unk;
        self.zero += other.zero;
        self.finite_nll += other.finite_nll;
    }

    /// exp(J) over all targets.
    pub fn perplexity(&self) -> f64 {
        exp_mean(self.nll, self.targets)
    }

    /// exp(J) over the targets that are not `<unk>`.
    pub fn without_unk(&self) -> f64 {
        exp_mean(self.without_unk_nll(), self.targets - self.unk)
    }

    /// exp(J) over the targets of non-zero probability: what is left when the zeros are hidden.
    pub fn without_zeros(&self) -> f64 {
        exp_mean(self.finite_nll, self.targets - self.zero)
    }

    /// Share of targets of probability zero.
    pub fn zero_share(&self) -> f64 {
        self.zero as f64 / self.targets as f64
    }

    /// Mean cross-entropy in bits a token.
    pub fn bits_per_token(&self) -> f64 {
        self.nll / self.targets as f64 / std::f64::consts::LN_2
    }

    /// Cross-entropy in bits a byte of the text.
    pub fn bits_per_byte(&self, bytes: u64) -> f64 {
        self.nll / bytes as f64 / std::f64::consts::LN_2
    }

    /// A perplexity from a mean loss in nats.
    pub fn of_mean_nll(nll: f64) -> f64 {
        nll.exp()
    }

    fn without_unk_nll(&self) -> f64 {
        if self.unk_nll == f64::INFINITY && self.nll == f64::INFINITY {
            return f64::INFINITY;
        }
        self.nll - self.unk_nll
    }
}

fn exp_mean(nll: f64, targets: u64) -> f64 {
    if targets == 0 { f64::NAN } else { (nll / targets as f64).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_parts_equals_adding_all() {
        let logs = [-1.0, -2.5, -0.25, -7.0];
        let (mut whole, mut a, mut b) =
            (Perplexity::default(), Perplexity::default(), Perplexity::default());
        for (i, &l) in logs.iter().enumerate() {
            whole.add(l, i == 1);
            if i < 2 { a.add(l, i == 1) } else { b.add(l, false) }
        }
        a.merge(&b);
        assert_eq!(a, whole);
        assert!((whole.perplexity() - (10.75f64 / 4.0).exp()).abs() < 1e-12);
        assert!((whole.without_unk() - (8.25f64 / 3.0).exp()).abs() < 1e-12);
    }

    #[test]
    fn a_zero_is_infinite_and_counted() {
        let mut p = Perplexity::default();
        p.add(f64::NEG_INFINITY, false);
        p.add(-1.0, false);
        assert_eq!((p.perplexity(), p.zero_share()), (f64::INFINITY, 0.5));
        assert!((p.without_zeros() - 1f64.exp()).abs() < 1e-12);
    }
}
