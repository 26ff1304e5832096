//! N-gram formulas over hash maps of vectors, as the papers write them.
use std::collections::{HashMap, HashSet};

/// Counts of every n-gram of `<s> w_1 … w_n </s>` that ends in a word or `</s>`; `<s>` is |V|.
pub struct Corpus {
    pub vocab_len: usize,
    pub order: usize,
    /// How often each n-gram stands there.
    pub raw: HashMap<Vec<u32>, u64>,
    /// The n-gram whose suffixes `lmplz` takes unadjusted for its counts of counts.
    pub lmplz_last: Vec<u32>,
}

impl Corpus {
    pub fn new(sentences: &[Vec<u32>], eos: u32, vocab_len: usize, order: usize) -> Self {
        let mut raw = HashMap::new();
        let mut first_seen = vec![vocab_len as u32, eos];
        let mut highest: Vec<Vec<u32>> = Vec::new();
        for sentence in sentences {
            let padded: Vec<u32> = [vocab_len as u32]
                .into_iter()
                .chain(sentence.iter().copied())
                .chain([eos])
                .collect();
            for end in 1..padded.len() {
                for start in (end + 1).saturating_sub(order)..=end {
                    *raw.entry(padded[start..=end].to_vec()).or_insert(0) += 1;
                }
                highest.push(padded[(end + 1).saturating_sub(order)..=end].to_vec());
                if !first_seen.contains(&padded[end]) {
                    first_seen.push(padded[end]);
                }
            }
        }
        let place = |w: &u32| first_seen.iter().position(|f| f == w).unwrap();
        let key = |gram: &Vec<u32>| gram.iter().rev().map(place).collect::<Vec<_>>();
        let lmplz_last = highest.into_iter().max_by_key(key).unwrap();
        Self { vocab_len, order, raw, lmplz_last }
    }

    pub fn count(&self, gram: &[u32]) -> u64 {
        self.raw.get(gram).copied().unwrap_or(0)
    }

    /// The history of the next word: at most N − 1 words back to `<s>`.
    pub fn history(&self, words: &[u32]) -> Vec<u32> {
        let all: Vec<u32> =
            [self.vocab_len as u32].into_iter().chain(words.iter().copied()).collect();
        all[(all.len() + 1).saturating_sub(self.order)..].to_vec()
    }

    /// N-grams of one length.
    fn grams(&self, n: usize) -> impl Iterator<Item = &Vec<u32>> {
        self.raw.keys().filter(move |g| g.len() == n)
    }

    /// Σ_w and N_{1+} of the counts after a context.
    fn after(&self, counts: &HashMap<Vec<u32>, u64>, h: &[u32]) -> Vec<u64> {
        (0..self.vocab_len as u32)
            .map(|w| counts.get(&[h, &[w]].concat()).copied().unwrap_or(0))
            .filter(|&c| c > 0)
            .collect()
    }

    fn adjusted(&self, like_lmplz: bool) -> HashMap<Vec<u32>, u64> {
        let mut before: HashMap<Vec<u32>, HashSet<u32>> = HashMap::new();
        for gram in self.raw.keys().filter(|g| g.len() > 1) {
            before.entry(gram[1..].to_vec()).or_default().insert(gram[0]);
        }
        let one = |gram: &Vec<u32>| {
            let left_alone = like_lmplz && self.lmplz_last.ends_with(gram);
            let raw = gram.len() == self.order || gram[0] == self.vocab_len as u32 || left_alone;
            if raw { self.raw[gram] } else { before[gram].len() as u64 }
        };
        self.raw.keys().map(|gram| (gram.clone(), one(gram))).collect()
    }
}

pub enum Oracle {
    KneserNey { adjusted: HashMap<Vec<u32>, u64>, discounts: Vec<[f64; 3]> },
    WittenBell,
    StupidBackoff,
    AddK(f64),
    CountRatio,
}

impl Oracle {
    pub fn kneser_ney(corpus: &Corpus, like_lmplz: bool, parameters: usize) -> Self {
        let (adjusted, of_counts) = (corpus.adjusted(false), corpus.adjusted(like_lmplz));
        let n = |order: usize, count: u64| {
            corpus.grams(order).filter(|g| of_counts[*g] == count).count() as f64
        };
        let discounts = (1..=corpus.order).map(|o| {
            let n = [n(o, 1), n(o, 2), n(o, 3), n(o, 4)];
            let y = n[0] / (n[0] + 2.0 * n[1]);
            let d = [
                1.0 - 2.0 * y * n[1] / n[0],
                2.0 - 3.0 * y * n[2] / n[1],
                3.0 - 4.0 * y * n[3] / n[2],
            ];
            let defined = n.iter().all(|&n| n > 0.0)
                && d.iter().zip([1.0, 2.0, 3.0]).all(|(&d, k)| d > 0.0 && d <= k);
            match (parameters, defined, n[0] > 0.0 && n[1] > 0.0) {
                (3, true, _) => d,
                (_, _, true) => [y; 3],
                (3, ..) => [0.5, 1.0, 1.5],
                _ => [0.75; 3],
            }
        });
        let discounts = discounts.collect();
        Self::KneserNey { adjusted, discounts }
    }

    /// p(w | h); `h` is a whole history, oldest word first.
    pub fn p(&self, corpus: &Corpus, h: &[u32], w: u32) -> f64 {
        let gram = [h, &[w]].concat();
        let shorter = |h: &[u32]| {
            if h.is_empty() { 1.0 / corpus.vocab_len as f64 } else { self.p(corpus, &h[1..], w) }
        };
        let after = match self {
            Self::KneserNey { adjusted, .. } => corpus.after(adjusted, h),
            _ => corpus.after(&corpus.raw, h),
        };
        let (total, types) = (after.iter().sum::<u64>() as f64, after.len() as f64);
        let raw = corpus.count(&gram) as f64;
        match self {
            Self::KneserNey { .. } | Self::WittenBell if after.is_empty() => shorter(h),
            Self::KneserNey { adjusted, discounts } => {
                let d =
                    |a: u64| if a == 0 { 0.0 } else { discounts[h.len()][(a as usize).min(3) - 1] };
                let a = adjusted.get(&gram).copied().unwrap_or(0);
                let gamma = after.iter().map(|&a| d(a)).sum::<f64>() / total;
                (a as f64 - d(a)) / total + gamma * shorter(h)
            }
            Self::WittenBell => (raw + types * shorter(h)) / (total + types),
            Self::StupidBackoff if raw > 0.0 => raw / total,
            Self::StupidBackoff if h.is_empty() => 0.0,
            Self::StupidBackoff => 0.4 * self.p(corpus, &h[1..], w),
            Self::AddK(k) => (raw + k) / (total + k * corpus.vocab_len as f64),
            Self::CountRatio if after.is_empty() => 0.0,
            Self::CountRatio => raw / total,
        }
    }
}
