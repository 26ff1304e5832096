//! Unigram cache: words that occurred lately are likely to occur again (Kuhn & De Mori 1990).
//!
//! `p(w) = count of w among the last N tokens / N`; before any token is read, uniform. Meant as a part of a
//! [`crate::Mixture`] in [`crate::Context::Stream`]: alone it gives most words probability zero.
use std::collections::VecDeque;
use std::path::Path;

use corpus::{TokenId, TrainSet, Vocab};

use crate::error::{Error, Result};
use crate::model::{Footprint, LanguageModel, Reader};
use crate::recipe::{Family, Log, Recipe, Trained};

/// The cache as a model.
#[derive(Clone, Copy, Debug)]
pub struct UnigramCache {
    /// |V|.
    pub vocab_len: usize,
    /// N: tokens remembered.
    pub window: usize,
}

impl LanguageModel for UnigramCache {
    fn vocab_len(&self) -> usize {
        self.vocab_len
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        assert!(self.window > 0, "a cache remembers at least one token");
        Box::new(CacheReader {
            window: self.window,
            recent: VecDeque::new(),
            counts: vec![0; self.vocab_len],
        })
    }

    fn footprint(&self) -> Footprint {
        Footprint { bytes: (self.vocab_len + self.window) as u64 * 4, ..Footprint::default() }
    }

    fn save(&self, _: &Path, _: &Vocab) -> Result<()> {
        Err(Error::NotSaved { what: "cache" })
    }
}

struct CacheReader {
    window: usize,
    recent: VecDeque<TokenId>,
    counts: Vec<u32>,
}

impl Reader for CacheReader {
    fn feed(&mut self, token: TokenId) {
        if self.recent.len() == self.window {
            let old = self.recent.pop_front().expect("the window is not empty");
            self.counts[old.index()] -= 1;
        }
        self.recent.push_back(token);
        self.counts[token.index()] += 1;
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        for (o, i) in out.iter_mut().zip(0..) {
            *o = self.one(TokenId(i));
        }
    }

    fn log_prob(&mut self, token: TokenId, _: &mut [f64]) -> f64 {
        self.one(token)
    }
}

impl CacheReader {
    fn one(&self, token: TokenId) -> f64 {
        match self.recent.len() {
            0 => -(self.counts.len() as f64).ln(),
            n => (self.counts[token.index()] as f64 / n as f64).ln(),
        }
    }
}

/// Makes a [`UnigramCache`]; nothing is learnt.
#[derive(Clone, Copy, Debug)]
pub struct CacheRecipe {
    /// N: tokens remembered.
    pub window: usize,
}

impl Recipe for CacheRecipe {
    fn id(&self) -> String {
        "cache".into()
    }

    fn family(&self) -> Family {
        Family::Baseline
    }

    fn describe(&self) -> String {
        format!(
            "words among the last {} tokens (Kuhn & De Mori 1990); a part of mixtures",
            self.window
        )
    }

    fn train(&self, data: TrainSet<'_>, _: &mut Log<'_>) -> Result<Trained> {
        Ok(Trained::plain(UnigramCache { vocab_len: data.vocab.len(), window: self.window }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;
    use corpus::Tokens;

    #[test]
    fn remembers_the_window_only() {
        let cache = UnigramCache { vocab_len: 4, window: 2 };
        let mut reader = cache.reader();
        let mut p = [0.0; 4];
        for t in [0, 1, 1] {
            reader.feed(TokenId(t));
        }
        reader.log_probs(&mut p);
        assert_eq!(p.map(f64::exp), [0.0, 1.0, 0.0, 0.0]);
        let mut text = Tokens::default();
        text.push_sentence(&[0, 1, 1, 3].map(TokenId), 1);
        conformance::check(&cache, &text);
    }
}
