//! Words in clusters of falling frequency, for the adaptive softmax.

/// Which word is in which cluster; knows no weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    /// Rank of each word, 0 for the most frequent: a permutation of 0..V.
    rank: Vec<u32>,
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
        let mut seen = vec![false; vocab];
        for (word, &rank) in rank.iter().enumerate() {
            match seen.get_mut(rank as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(ClustersError::Rank { word, rank, vocab }),
            }
        }
        let all: Vec<u32> = cuts.iter().copied().chain([vocab as u32]).collect();
        if cuts.is_empty() || all[0] == 0 || all.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(ClustersError::Cuts { cuts: cuts.to_vec(), vocab });
        }
        Ok(Self { rank, cuts: all })
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
