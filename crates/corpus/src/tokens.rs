//! One token stream for everybody: flat ids with sentence ends.

/// The number of a word in its [`Vocab`](crate::Vocab).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct TokenId(pub u32);

impl TokenId {
    /// As an index.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Encoded sentences; each is `w_1 … w_n </s>`. Every token is predicted, and nothing else is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    ids: Vec<TokenId>,
    ends: Vec<usize>,
    bytes: u64,
}

impl Tokens {
    /// From ids with the sentences' ends among them.
    pub(crate) fn from_parts(ids: Vec<TokenId>, ends: Vec<usize>, bytes: u64) -> Self {
        assert_eq!(ends.last().copied().unwrap_or(0), ids.len(), "the last sentence ends the text");
        Self { ids, ends, bytes }
    }

    /// Appends a sentence, which ends in `</s>`; `bytes` is its length as text, newline included
    /// (what bits per byte are counted in).
    pub fn push_sentence(&mut self, ids: &[TokenId], bytes: u64) {
        assert!(!ids.is_empty(), "a sentence has at least its </s>");
        self.ids.extend_from_slice(ids);
        self.ends.push(self.ids.len());
        self.bytes += bytes;
    }

    /// Appends every sentence of another text.
    pub fn append(&mut self, other: &Tokens) {
        let offset = self.ids.len();
        self.ids.extend_from_slice(&other.ids);
        self.ends.extend(other.ends.iter().map(|end| offset + end));
        self.bytes += other.bytes;
    }

    /// The sentences in order.
    pub fn sentences(&self) -> impl ExactSizeIterator<Item = &[TokenId]> + Clone {
        (0..self.ends.len()).map(|i| self.sentence(i))
    }

    /// Sentence `i`.
    pub fn sentence(&self, i: usize) -> &[TokenId] {
        &self.ids[self.sentence_start(i)..self.ends[i]]
    }

    /// Where sentence `i` starts in [`flat`](Self::flat).
    pub fn sentence_start(&self, i: usize) -> usize {
        if i == 0 { 0 } else { self.ends[i - 1] }
    }

    /// How many sentences.
    pub fn sentence_count(&self) -> usize {
        self.ends.len()
    }

    /// Every id in order, sentence after sentence.
    pub fn flat(&self) -> &[TokenId] {
        &self.ids
    }

    /// How many tokens are predicted: the denominator of every perplexity.
    pub fn targets(&self) -> usize {
        self.ids.len()
    }

    /// Bytes of the text, one newline a sentence included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first `sentences` sentences as a text of their own (`bytes` in proportion).
    pub fn head(&self, sentences: usize) -> Tokens {
        let n = sentences.min(self.ends.len());
        let ids = self.ids[..self.sentence_start(n)].to_vec();
        let bytes = (self.bytes as u128 * ids.len() as u128 / self.ids.len().max(1) as u128) as u64;
        Tokens { ids, ends: self.ends[..n].to_vec(), bytes }
    }
}
