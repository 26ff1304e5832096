//! The closed vocabulary: words, their counts, their ids.
//!
//! Ids run by (training count descending, then bytes). `</s>` and `<unk>` are ordinary entries; `<s>` is no entry:
//! it is a context only and has the id [`Vocab::bos`] = `len`, one past the predictable words.
use hashbrown::HashMap;
use sha2::{Digest, Sha256};

use crate::tokenizer::Tokenizer;
use crate::tokens::{TokenId, Tokens};

/// The sentence start, a context only.
pub const BOS: &str = "<s>";
/// The sentence end, predicted.
pub const EOS: &str = "</s>";
/// The one word that stands for all others.
pub const UNK: &str = "<unk>";

type Index = HashMap<Box<str>, u64, foldhash::fast::FixedState>;

/// Which words the vocabulary keeps; the others are `<unk>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VocabLimits {
    /// Keep words that occur at least so often in the training text.
    pub min_count: u64,
    /// Keep at most so many words, `</s>` and `<unk>` included; 0 = no limit.
    pub max_size: usize,
}

impl Default for VocabLimits {
    fn default() -> Self {
        Self { min_count: 1, max_size: 0 }
    }
}

/// Counts words of the training text.
#[derive(Clone, Debug, Default)]
pub struct VocabBuilder {
    counts: Index,
    sentences: u64,
}

impl VocabBuilder {
    /// Counts one token.
    #[inline]
    pub fn add(&mut self, token: &str) {
        self.add_many(token, 1);
    }

    /// Counts `count` occurrences of a token.
    #[inline]
    pub fn add_many(&mut self, token: &str, count: u64) {
        match self.counts.get_mut(token) {
            Some(known) => *known += count,
            None => {
                self.counts.insert(token.into(), count);
            }
        }
    }

    /// Counts a sentence end.
    pub fn end_sentence(&mut self) {
        self.sentences += 1;
    }

    /// Adds another part's counts: blocks of a text counted in parallel give the same vocabulary.
    pub fn merge(&mut self, other: VocabBuilder) {
        for (word, count) in other.counts {
            *self.counts.entry(word).or_insert(0) += count;
        }
        self.sentences += other.sentences;
    }

    /// Closes the vocabulary.
    pub fn finish(mut self, tokenizer: Tokenizer, limits: VocabLimits) -> Vocab {
        let mut unk = self.counts.remove(UNK).unwrap_or(0);
        let mut kept: Vec<(Box<str>, u64)> = self.counts.into_iter().collect();
        let by_count =
            |a: &(Box<str>, u64), b: &(Box<str>, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0));
        kept.sort_unstable_by(by_count);
        let room =
            if limits.max_size == 0 { usize::MAX } else { limits.max_size.saturating_sub(2) };
        let keep = kept.partition_point(|(_, c)| *c >= limits.min_count).min(room);
        unk += kept.drain(keep..).map(|(_, c)| c).sum::<u64>();
        kept.push((EOS.into(), self.sentences));
        kept.push((UNK.into(), unk));
        kept.sort_unstable_by(by_count);
        Vocab::new(kept, tokenizer)
    }
}

/// A closed vocabulary with the tokenizer it was made with.
#[derive(Clone, Debug)]
pub struct Vocab {
    words: Vec<Box<str>>,
    counts: Vec<u64>,
    index: Index,
    tokenizer: Tokenizer,
    eos: TokenId,
    unk: TokenId,
    fingerprint: String,
}

impl Vocab {
    /// From words in id order with their training counts; `</s>` and `<unk>` must be among them.
    ///
    /// # Panics
    /// On a duplicate word, or where `</s>` or `<unk>` is missing.
    pub fn new(entries: Vec<(Box<str>, u64)>, tokenizer: Tokenizer) -> Self {
        let mut index = Index::default();
        let mut hash = Sha256::new();
        hash.update(format!("lmlab-vocab 1\0{tokenizer}\0"));
        for (i, (word, _)) in entries.iter().enumerate() {
            assert!(
                index.insert(word.clone(), i as u64).is_none(),
                "`{word}` stands twice in the vocabulary"
            );
            hash.update(word.as_bytes());
            hash.update([0]);
        }
        let id = |word: &str| {
            TokenId(*index.get(word).unwrap_or_else(|| panic!("no {word} in the vocabulary")) as u32)
        };
        let fingerprint = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        let (eos, unk) = (id(EOS), id(UNK));
        let (words, counts) = entries.into_iter().unzip();
        Self { words, counts, index, tokenizer, eos, unk, fingerprint }
    }

    /// |V|: how many words can be predicted.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Never: a vocabulary has `</s>` and `<unk>`.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The word of an id; `<s>` for [`bos`](Self::bos).
    pub fn word(&self, id: TokenId) -> &str {
        if id == self.bos() { BOS } else { &self.words[id.index()] }
    }

    /// The words in id order.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.iter().map(|w| &**w)
    }

    /// How often the word stood in the training text.
    pub fn count(&self, id: TokenId) -> u64 {
        self.counts[id.index()]
    }

    /// The id of a word, if it is in the vocabulary.
    #[inline]
    pub fn get(&self, word: &str) -> Option<TokenId> {
        self.index.get(word).map(|&i| TokenId(i as u32))
    }

    /// The id of a word, `<unk>` if it is not in the vocabulary.
    #[inline]
    pub fn id(&self, word: &str) -> TokenId {
        self.get(word).unwrap_or(self.unk)
    }

    /// `</s>`.
    pub fn eos(&self) -> TokenId {
        self.eos
    }

    /// `<unk>`.
    pub fn unk(&self) -> TokenId {
        self.unk
    }

    /// `<s>`: the id `len`, valid as a context, never predicted.
    pub fn bos(&self) -> TokenId {
        TokenId(self.words.len() as u32)
    }

    /// The tokenizer that made the words.
    pub fn tokenizer(&self) -> Tokenizer {
        self.tokenizer
    }

    /// SHA-256 over tokenizer, options and words in id order.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Appends the encoded sentence and its `</s>` to `tokens`.
    pub fn push_sentence(&self, sentence: &str, scratch: &mut Vec<TokenId>, tokens: &mut Tokens) {
        scratch.clear();
        self.tokenizer.tokens(sentence, &mut |t| scratch.push(self.id(t)));
        scratch.push(self.eos);
        tokens.push_sentence(scratch, sentence.len() as u64 + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(text: &str, limits: VocabLimits) -> Vocab {
        let mut builder = VocabBuilder::default();
        for line in text.lines() {
            line.split_whitespace().for_each(|t| builder.add(t));
            builder.end_sentence();
        }
        builder.finish(Tokenizer::Space, limits)
    }

    #[test]
    fn ids_run_by_count_then_bytes() {
        let vocab = build("b a b c\na b <unk>\n", VocabLimits::default());
        let words: Vec<_> = vocab.words().collect();
        assert_eq!(words, ["b", "</s>", "a", "<unk>", "c"]);
        assert_eq!(vocab.bos(), TokenId(5));
        assert_eq!(vocab.id("zebra"), vocab.unk());
    }

    #[test]
    fn limits_move_counts_to_unk() {
        let vocab = build("a a a b b c\n", VocabLimits { min_count: 2, max_size: 0 });
        assert_eq!(vocab.len(), 4);
        assert_eq!(vocab.count(vocab.unk()), 1);
        let vocab = build("a a a b b c\n", VocabLimits { min_count: 1, max_size: 3 });
        assert_eq!((vocab.len(), vocab.count(vocab.unk())), (3, 3));
    }

    #[test]
    fn the_fingerprint_sees_words_order_and_tokenizer() {
        let limits = VocabLimits::default();
        assert_eq!(build("a b\n", limits).fingerprint(), build("b a\n", limits).fingerprint());
        assert_ne!(build("a b\n", limits).fingerprint(), build("a b b\n", limits).fingerprint());
    }
}
