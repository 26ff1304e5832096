//! Which output layer a network has: what a recipe asks for, and what becomes of it on a vocabulary.
//!
//! The names are PyTorch's: `cutoffs` are the ranks at which the words, sorted by frequency, are cut, and a cluster's
//! projection is `div_value` times narrower than the one before it ([`super::adaptive`]).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::adaptive::widths;
use super::{Clusters, ClustersError};
use crate::error::Result;
use crate::tensorfile::TensorFile;

/// A softmax over the vocabulary by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SoftmaxName {
    /// One softmax over all words.
    #[default]
    Full,
    /// Frequent words first, rare ones in clusters.
    Adaptive,
}

/// What a recipe says about the output layer.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Which softmax.
    pub softmax: SoftmaxName,
    /// Ranks at which the words are cut; empty: by [`Clusters::cuts_by_count`].
    pub cutoffs: &'a [u32],
    /// How many times narrower each cluster is than the one before.
    pub div_value: usize,
    /// Whether the word vectors are the layer's matrices: an adaptive softmax then cuts the words in the order of the
    /// vocabulary, and its clusters are as wide as the word vectors.
    pub tied: bool,
}

/// The default of [`Request::div_value`].
pub const DIV_VALUE: usize = 2;

/// Ranks are written as f32, which holds whole numbers up to here.
const MOST_WORDS: usize = 1 << 24;

/// The structure of an output layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One softmax over all words.
    #[default]
    Full,
    /// An adaptive softmax.
    Adaptive {
        /// Which word is where.
        clusters: Arc<Clusters>,
        /// How many times narrower each cluster is than the one before.
        div_value: usize,
    },
}

impl Request<'_> {
    /// The first option that makes no sense for so many words: (name, what is wrong, cure).
    pub fn mistake(&self, vocab: usize) -> Option<(&'static str, String, &'static str)> {
        if self.div_value == 0 {
            return Some(("div_value", "0 makes no sense".into(), "give at least 1"));
        }
        if self.softmax == SoftmaxName::Full {
            let cutoffs = (!self.cutoffs.is_empty())
                .then(|| format!("{:?} without an adaptive softmax", self.cutoffs));
            return cutoffs
                .map(|what| ("cutoffs", what, "add softmax = \"adaptive\", or leave it out"));
        }
        if vocab > MOST_WORDS {
            let what = format!("an adaptive softmax over {vocab} words");
            return Some(("softmax", what, "limit the vocabulary to 16777216 words"));
        }
        let rising = self.cutoffs.is_sorted_by(|a, b| a < b);
        let inside = self.cutoffs.iter().all(|&cut| (1..vocab).contains(&(cut as usize)));
        (!rising || !inside).then(|| {
            let what = format!("{:?} for {vocab} words", self.cutoffs);
            ("cutoffs", what, "give rising ranks from 1 to below the size of the vocabulary")
        })
    }

    /// The output layer's structure for words of these training counts.
    ///
    /// # Errors
    /// When the words cannot be cut so.
    pub fn layout(&self, counts: &[u64]) -> Result<Layout, ClustersError> {
        if self.softmax == SoftmaxName::Full {
            return Ok(Layout::Full);
        }
        let rule = Clusters::cuts_by_count(counts);
        let cuts = if self.cutoffs.is_empty() { &rule } else { self.cutoffs };
        let clusters = match self.tied {
            true => Clusters::new((0..counts.len() as u32).collect(), cuts)?,
            false => Clusters::by_count(counts, cuts)?,
        };
        let clusters = Arc::new(clusters);
        Ok(Layout::Adaptive { clusters, div_value: self.div_value })
    }

    /// The layout that a model's file keeps beside its weights ([`Layout::tables`]).
    ///
    /// # Errors
    /// When it is not there or makes no sense.
    pub fn read(&self, file: &TensorFile, vocab: usize) -> Result<Layout> {
        if self.softmax == SoftmaxName::Full {
            return Ok(Layout::Full);
        }
        let numbers = |name: &str| -> Result<Vec<u32>> {
            let (_, numbers) = file.get::<f64>(name)?;
            let whole = |x: &f64| x.fract() == 0.0 && (0.0..=MOST_WORDS as f64).contains(x);
            match numbers.iter().find(|x| !whole(x)) {
                Some(x) => Err(file.damaged(format!("tensor `{name}` has {x} for a rank"))),
                None => Ok(numbers.into_iter().map(|x| x as u32).collect()),
            }
        };
        let (rank, cuts) = (numbers(RANKS)?, numbers(CUTOFFS)?);
        if rank.len() != vocab {
            let what = format!("tensor `{RANKS}` has {} ranks for {vocab} words", rank.len());
            return Err(file.damaged(what));
        }
        let clusters = Clusters::new(rank, &cuts).map_err(|e| file.damaged(e.to_string()))?;
        if self.tied && !clusters.in_order() {
            return Err(file.damaged(format!("tensor `{RANKS}` is not in the order of the words")));
        }
        Ok(Layout::Adaptive { clusters: Arc::new(clusters), div_value: self.div_value })
    }

    /// Numbers of the layer's own for so many words and features, from above (in floating point: any size may be asked
    /// for).
    pub fn numbers(&self, vocab: f64, features: f64) -> f64 {
        let clusters = match self.softmax {
            SoftmaxName::Full => 0.0,
            // without cutoffs of its own it has two clusters at most
            SoftmaxName::Adaptive if self.cutoffs.is_empty() => 2.0,
            SoftmaxName::Adaptive => self.cutoffs.len() as f64,
        };
        let (matrix, projection) =
            if self.tied { (0.0, 0.0) } else { (vocab * features, features * features) };
        matrix + vocab + clusters * (projection + 1.0 + features)
    }
}

impl Layout {
    /// Multiplications of the layer's products for one training token, with matrices of its own or tied: those of rare
    /// words count by how often such a word is the target.
    pub fn products(&self, counts: &[u64], features: usize, tied: bool) -> u64 {
        match self {
            Layout::Full => (features * counts.len()) as u64,
            Layout::Adaptive { clusters, div_value } => {
                let shares = clusters.shares(counts);
                let widths = widths(clusters, features, *div_value);
                let tails = clusters.tail_lens().zip(widths).zip(shares);
                let tails = tails.map(|((words, width), share)| {
                    let products = if tied { words * features } else { width * (words + features) };
                    share * products as f64
                });
                (features * clusters.head_len()) as u64 + tails.sum::<f64>().round() as u64
            }
        }
    }

    /// What a model's file keeps beside the weights: ranks and cuts by the tensors' names.
    pub fn tables(&self) -> Vec<(&'static str, Vec<f32>)> {
        match self {
            Layout::Full => Vec::new(),
            Layout::Adaptive { clusters, .. } => {
                let numbers = |ranks: &[u32]| ranks.iter().map(|&rank| rank as f32).collect();
                vec![(RANKS, numbers(clusters.ranks())), (CUTOFFS, numbers(clusters.cuts()))]
            }
        }
    }
}

const RANKS: &str = "decoder.ranks";
const CUTOFFS: &str = "decoder.cutoffs";

#[cfg(test)]
mod tests {
    use super::*;

    fn request(softmax: SoftmaxName, cutoffs: &[u32]) -> Request<'_> {
        Request { softmax, cutoffs, div_value: 2, tied: false }
    }

    #[test]
    fn mistakes_are_named() {
        let adaptive = |cutoffs: &[u32]| {
            request(SoftmaxName::Adaptive, cutoffs).mistake(10).map(|(option, ..)| option)
        };
        for good in [&[][..], &[1], &[9], &[3, 7]] {
            assert_eq!(adaptive(good), None, "{good:?}");
        }
        for bad in [&[0][..], &[10], &[7, 3], &[3, 3]] {
            assert_eq!(adaptive(bad), Some("cutoffs"), "{bad:?}");
        }
        assert_eq!(request(SoftmaxName::Full, &[3]).mistake(10).map(|m| m.0), Some("cutoffs"));
        assert!(request(SoftmaxName::Full, &[]).mistake(10).is_none());
        let narrow = Request { div_value: 0, ..request(SoftmaxName::Adaptive, &[3]) };
        assert_eq!(narrow.mistake(10).map(|m| m.0), Some("div_value"));
    }

    #[test]
    fn products_by_hand() {
        // 8 features; two clusters, of 2 words at 4 columns and of 3 words at 2; a third and a twelfth of the tokens
        let counts = [20, 15, 10, 10, 2, 2, 1];
        let layout = request(SoftmaxName::Adaptive, &[2, 4]).layout(&counts).expect("cuts");
        let tails = (1.0 / 3.0) * (4 * 2 + 8 * 4) as f64 + (1.0 / 12.0) * (2 * 3 + 8 * 2) as f64;
        assert_eq!(layout.products(&counts, 8, false), 8 * 4 + tails.round() as u64);
        // tied, all words are 8 wide
        let tails = (1.0 / 3.0) * (2 * 8) as f64 + (1.0 / 12.0) * (3 * 8) as f64;
        assert_eq!(layout.products(&counts, 8, true), 8 * 4 + tails.round() as u64);
        assert_eq!(Layout::Full.products(&counts, 8, false), 56);
    }
}
