//! Words in clusters of falling frequency, for the adaptive softmax.

/// The share of the training text that the head's words make up, where nobody says otherwise.
pub const HEAD_SHARE: f64 = 0.76;
/// The share that the head's and the first cluster's words make up.
pub const MIDDLE_SHARE: f64 = 0.91;

/// Which word is in which cluster; knows no weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    /// Rank of each word, 0 for the most frequent: a permutation of 0..V.
    rank: Vec<u32>,
    /// The word of each rank.
    word: Vec<u32>,
    /// c₀ … V.
    cuts: Vec<u32>,
}

/// Why words cannot be clustered so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClustersError {
    /// The cuts must rise.
    #[error(
        "cuts {cuts:?} of a vocabulary of {vocab} words: give rising ranks above 0 and below {vocab}"
    )]
    Cuts {
        /// The cuts as given.
        cuts: Vec<u32>,
        /// V.
        vocab: usize,
    },
    /// The ranks must be a permutation.
    #[error(
        "word {word} has rank {rank}, which another word has or is not below {vocab}: give each word a rank of its own"
    )]
    Rank {
        /// The first word that is wrong.
        word: usize,
        /// Its rank.
        rank: u32,
        /// V.
        vocab: usize,
    },
}

/// Where a word is: in the head, or in a cluster.
pub(super) enum Place {
    Head(u32),
    Cluster(usize, u32),
}

impl Clusters {
    /// Clusters cut at the ranks `cuts` (without the end V), for words ranked by `rank[word]`.
    ///
    /// # Errors
    /// When the ranks are no permutation, or the cuts do not rise within 1..V.
    pub fn new(rank: Vec<u32>, cuts: &[u32]) -> Result<Self, ClustersError> {
        let vocab = rank.len();
        let mut words = vec![u32::MAX; vocab];
        for (word, &rank) in rank.iter().enumerate() {
            match words.get_mut(rank as usize) {
                Some(free) if *free == u32::MAX => *free = word as u32,
                _ => return Err(ClustersError::Rank { word, rank, vocab }),
            }
        }
        let all: Vec<u32> = cuts.iter().copied().chain([vocab as u32]).collect();
        if cuts.is_empty() || all[0] == 0 || all.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(ClustersError::Cuts { cuts: cuts.to_vec(), vocab });
        }
        Ok(Self { rank, word: words, cuts: all })
    }

    /// Clusters of words ranked by these counts; words of equal count keep their order.
    ///
    /// # Errors
    /// As [`Clusters::new`].
    pub fn by_count(counts: &[u64], cuts: &[u32]) -> Result<Self, ClustersError> {
        let mut words: Vec<usize> = (0..counts.len()).collect();
        words.sort_by_key(|&word| (std::cmp::Reverse(counts[word]), word));
        let mut rank = vec![0; counts.len()];
        words.iter().enumerate().for_each(|(r, &word)| rank[word] = r as u32);
        Self::new(rank, cuts)
    }

    /// The cuts that keep the perplexity and save the most, for words of these training counts: the head has the most
    /// frequent words that make up [`HEAD_SHARE`] of the text, the first cluster those up to [`MIDDLE_SHARE`], the
    /// second one the rest. A cluster that would have no word is left out.
    pub fn cuts_by_count(counts: &[u64]) -> Vec<u32> {
        let mut sorted = counts.to_vec();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let total = sorted.iter().sum::<u64>() as f64;
        let mut cuts = Vec::with_capacity(2);
        for share in [HEAD_SHARE, MIDDLE_SHARE] {
            let mut sum = 0;
            let reached = |&count: &u64| {
                sum += count;
                sum as f64 >= share * total
            };
            let words = sorted.iter().position(reached).map_or(sorted.len(), |at| at + 1) as u32;
            if words < sorted.len() as u32 && cuts.last().is_none_or(|&last| last < words) {
                cuts.push(words);
            }
        }
        if cuts.is_empty() && sorted.len() > 1 {
            cuts.push(sorted.len() as u32 - 1);
        }
        cuts
    }

    /// The share of each cluster in a text of these counts.
    pub fn shares(&self, counts: &[u64]) -> Vec<f64> {
        let mut sums = vec![0; self.cuts.len() - 1];
        for (word, &count) in (0..).zip(counts) {
            if let Place::Cluster(i, _) = self.place(word) {
                sums[i] += count;
            }
        }
        let total = counts.iter().sum::<u64>().max(1) as f64;
        sums.into_iter().map(|sum| sum as f64 / total).collect()
    }

    /// Rank of each word, 0 for the most frequent.
    pub fn ranks(&self) -> &[u32] {
        &self.rank
    }

    /// The ranks at which the words are cut, without the end V.
    pub fn cuts(&self) -> &[u32] {
        &self.cuts[..self.cuts.len() - 1]
    }

    /// V.
    pub fn vocab(&self) -> usize {
        self.rank.len()
    }

    /// Rows of the head: c₀ words and the clusters.
    pub fn head_len(&self) -> usize {
        self.cuts[0] as usize + self.cuts.len() - 1
    }

    /// Words of each cluster.
    pub fn tail_lens(&self) -> impl ExactSizeIterator<Item = usize> {
        self.cuts.windows(2).map(|pair| (pair[1] - pair[0]) as usize)
    }

    /// The words of the head, in the order of its rows.
    pub(super) fn head_words(&self) -> &[u32] {
        &self.word[..self.cuts[0] as usize]
    }

    /// The words of cluster `i`, in the order of its rows.
    pub(super) fn cluster_words(&self, i: usize) -> &[u32] {
        &self.word[self.tail_ranks(i)]
    }

    /// The ranks of cluster `i`.
    pub(super) fn tail_ranks(&self, i: usize) -> std::ops::Range<usize> {
        self.cuts[i] as usize..self.cuts[i + 1] as usize
    }

    /// Whether the words stand in the order of their ranks, as tied weights need it.
    pub fn in_order(&self) -> bool {
        self.rank.is_sorted()
    }

    /// Where a word is, and its row there.
    pub(super) fn place(&self, word: u32) -> Place {
        let rank = self.rank[word as usize];
        match self.cuts.partition_point(|&cut| cut <= rank) {
            0 => Place::Head(rank),
            i => Place::Cluster(i - 1, rank - self.cuts[i - 1]),
        }
    }

    /// The row of the head that a word's path goes through.
    pub(super) fn head_row(&self, word: u32) -> u32 {
        match self.place(word) {
            Place::Head(row) => row,
            Place::Cluster(i, _) => self.cuts[0] + i as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_follow_the_frequencies() {
        // sorted: 50 30 10 4 3 2 1, and the running sums 50 80 90 94 97 99 100
        assert_eq!(Clusters::cuts_by_count(&[3, 50, 10, 30, 2, 4, 1]), [2, 4]);
        // the first word is all of the text: the rest is one cluster
        assert_eq!(Clusters::cuts_by_count(&[0, 7, 0]), [1]);
        // every share is reached with the last word only
        assert_eq!(Clusters::cuts_by_count(&[1, 1]), [1]);
        assert_eq!(Clusters::cuts_by_count(&[5]), [0_u32; 0]);
        let clusters = Clusters::by_count(&[3, 50, 10, 30, 2, 4, 1], &[2, 4]).expect("cuts");
        assert_eq!(clusters.shares(&[3, 50, 10, 30, 2, 4, 1]), [0.14, 0.06]);
        assert_eq!((clusters.cuts(), clusters.ranks()), (&[2, 4][..], &[4, 0, 2, 1, 5, 3, 6][..]));
    }
}
