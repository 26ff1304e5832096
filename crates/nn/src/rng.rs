//! Chance: named streams from one seed.
//!
//! Every use of chance has its own stream, named after what it is for ("init/w_h", "shuffle"), so that adding one
//! use changes no other. The key of a stream is SHA-256 of the seed and the name; the generator is ChaCha with 8
//! rounds, whose output is the same on every machine and in every version.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The generator of the stream `name` of `seed`; streams of different names or seeds are independent.
pub fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(name.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// The next number of `rng`, uniform in [0, 1), with 53 random bits.
pub fn unit(rng: &mut impl rand::Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The next number of `rng`, normal with mean 0 and standard deviation 1 (Box and Muller's formula, one of the pair).
pub fn standard_normal(rng: &mut impl rand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(rng)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_repeat_and_differ() {
        let first = |seed, name| stream(seed, name).next_u64();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = stream(7, "moments");
        let n = 100_000;
        let (mut u1, mut u2, mut g1, mut g2) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..n {
            let u = unit(&mut rng);
            assert!((0.0..1.0).contains(&u));
            let g = standard_normal(&mut rng);
            (u1, u2, g1, g2) = (u1 + u, u2 + u * u, g1 + g, g2 + g * g);
        }
        let n = f64::from(n);
        for (sum, mean) in [(u1, 0.5), (u2, 1.0 / 3.0), (g1, 0.0), (g2, 1.0)] {
            assert!((sum / n - mean).abs() < 0.02, "mean {} instead of {mean}", sum / n);
        }
    }
}
