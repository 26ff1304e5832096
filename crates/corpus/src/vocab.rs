//! The closed vocabulary: words, their counts, their ids.
//!
//! Ids run by (training count descending, then bytes). `</s>` and `<unk>` are ordinary entries; `<s>` is no entry:
//! it is a context only and has the id [`Vocab::bos`] = `len`, one past the predictable words.
use std::cmp::Ordering;

use sha2::{Digest, Sha256};

use crate::interner::Interner;
use crate::tokenizer::Tokenizer;
use crate::tokens::{TokenId, Tokens};

/// The sentence start, a context only.
pub const BOS: &str = "<s>";
/// The sentence end, predicted.
pub const EOS: &str = "</s>";
/// The one word that stands for all others.
pub const UNK: &str = "<unk>";

/// Where a sentence holds a literal `<s>` or `</s>` between white space: its offset and the mark.
pub(crate) fn reserved(sentence: &str) -> Option<(usize, &'static str)> {
    let words = sentence.split_whitespace();
    words
        .filter_map(|word| {
            let mark = [BOS, EOS].into_iter().find(|&mark| mark == word)?;
            Some((word.as_ptr() as usize - sentence.as_ptr() as usize, mark))
        })
        .next()
}

/// Which words the vocabulary keeps; the others are `<unk>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VocabLimits {
    /// Keep words that occur at least so often in the text counted.
    pub min_count: u64,
    /// Keep at most so many words, `</s>` and `<unk>` included; 0 = no limit.
    pub max_size: usize,
}

impl Default for VocabLimits {
    fn default() -> Self {
        Self { min_count: 1, max_size: 0 }
    }
}

/// The numbers of `</s>` and `<unk>` while words are still being counted.
pub(crate) const DRAFT_EOS: u32 = 0;
pub(crate) const DRAFT_UNK: u32 = 1;

/// An interner that holds `</s>` and `<unk>` already.
pub(crate) fn draft_words() -> Interner {
    let mut words = Interner::default();
    assert_eq!((words.intern(EOS), words.intern(UNK)), (DRAFT_EOS, DRAFT_UNK));
    words
}

/// Counts words of the training text.
#[derive(Clone, Debug)]
pub struct VocabBuilder {
    words: Interner,
    counts: Vec<u64>,
}

impl Default for VocabBuilder {
    fn default() -> Self {
        Self { words: draft_words(), counts: vec![0, 0] }
    }
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
        let id = self.words.intern(token);
        self.count(id, count);
    }

    /// Counts a sentence end.
    pub fn end_sentence(&mut self) {
        self.counts[DRAFT_EOS as usize] += 1;
    }

    /// Adds another part's counts: blocks of a text counted in parallel give the same vocabulary.
    pub fn merge(&mut self, other: VocabBuilder) {
        for (word, &count) in other.words.words().zip(&other.counts) {
            let id = self.words.intern(word);
            self.count(id, count);
        }
    }

    /// Whether nothing was counted yet.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|&c| c == 0)
    }

    /// Closes the vocabulary.
    pub fn finish(self, tokenizer: Tokenizer, limits: VocabLimits) -> Vocab {
        close(&self.words, &self.counts, tokenizer, limits).0
    }

    #[inline]
    fn count(&mut self, id: u32, count: u64) {
        match self.counts.get_mut(id as usize) {
            Some(sum) => *sum += count,
            None => self.counts.push(count),
        }
    }
}

/// Closes a vocabulary: the words kept, and the final id of every draft word (`<unk>` for those left out).
pub(crate) fn close(
    words: &Interner,
    counts: &[u64],
    tokenizer: Tokenizer,
    limits: VocabLimits,
) -> (Vocab, Vec<TokenId>) {
    let enough = |&id: &u32| counts[id as usize] >= limits.min_count.max(1);
    let mut kept: Vec<u32> = (DRAFT_UNK + 1..counts.len() as u32).filter(enough).collect();
    kept.sort_unstable_by(by_count(words, counts));
    kept.truncate(if limits.max_size == 0 {
        usize::MAX
    } else {
        limits.max_size.saturating_sub(2)
    });
    let total = |ids: &[u32]| ids.iter().map(|&id| counts[id as usize]).sum::<u64>();
    let left_out = counts[DRAFT_UNK as usize + 1..].iter().sum::<u64>() - total(&kept);
    let mut counts = counts.to_vec();
    counts[DRAFT_UNK as usize] += left_out;
    kept.extend([DRAFT_EOS, DRAFT_UNK]);
    kept.sort_unstable_by(by_count(words, &counts));
    let entries = kept.iter().map(|&id| (words.word(id).into(), counts[id as usize])).collect();
    let vocab = Vocab::new(entries, tokenizer);
    let mut ids = vec![vocab.unk(); counts.len()];
    kept.iter().enumerate().for_each(|(new, &old)| ids[old as usize] = TokenId(new as u32));
    (vocab, ids)
}

/// The order of ids.
fn by_count<'a>(words: &'a Interner, counts: &'a [u64]) -> impl FnMut(&u32, &u32) -> Ordering + 'a {
    |&a, &b| {
        counts[b as usize].cmp(&counts[a as usize]).then_with(|| words.word(a).cmp(words.word(b)))
    }
}

/// A closed vocabulary with the tokenizer it was made with.
#[derive(Clone, Debug)]
pub struct Vocab {
    words: Interner,
    counts: Vec<u64>,
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
        let mut words = Interner::default();
        let mut hash = Sha256::new();
        hash.update(format!("lmlab-vocab 1\0{tokenizer}\0"));
        for (i, (word, _)) in entries.iter().enumerate() {
            assert_eq!(words.intern(word) as usize, i, "`{word}` stands twice in the vocabulary");
            hash.update(word.as_bytes());
            hash.update([0]);
        }
        let id = |word: &str| {
            TokenId(words.get(word).unwrap_or_else(|| panic!("no {word} in the vocabulary")))
        };
        let fingerprint = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        let (eos, unk) = (id(EOS), id(UNK));
        let counts = entries.into_iter().map(|(_, count)| count).collect();
        Self { words, counts, tokenizer, eos, unk, fingerprint }
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
        if id == self.bos() { BOS } else { self.words.word(id.0) }
    }

    /// The words in id order.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.words()
    }

    /// How often the word stood in the training text.
    pub fn count(&self, id: TokenId) -> u64 {
        self.counts[id.index()]
    }

    /// The same of all words, in id order.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The id of a word, if it is in the vocabulary.
    #[inline]
    pub fn get(&self, word: &str) -> Option<TokenId> {
        self.words.get(word).map(TokenId)
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
        self.tokenizer.tokens(sentence, |t| scratch.push(self.id(t)));
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
    fn parts_counted_apart_give_the_same_vocabulary() {
        let whole = build("b a b c\na b <unk>\nd d d d\n", VocabLimits::default());
        let mut merged = VocabBuilder::default();
        for part in ["d d d d\n", "a b <unk>\n", "b a b c\n"] {
            let mut builder = VocabBuilder::default();
            part.split_whitespace().for_each(|t| builder.add(t));
            builder.end_sentence();
            merged.merge(builder);
        }
        let merged = merged.finish(Tokenizer::Space, VocabLimits::default());
        assert_eq!(merged.fingerprint(), whole.fingerprint());
        assert!(
            (0..whole.len() as u32).all(|i| merged.count(TokenId(i)) == whole.count(TokenId(i)))
        );
    }

    #[test]
    fn the_fingerprint_sees_words_order_and_tokenizer() {
        let limits = VocabLimits::default();
        assert_eq!(build("a b\n", limits).fingerprint(), build("b a\n", limits).fingerprint());
        assert_ne!(build("a b\n", limits).fingerprint(), build("a b b\n", limits).fingerprint());
    }

    #[test]
    fn reserved_words_are_found_where_they_stand_alone() {
        assert_eq!(reserved("a <s> b"), Some((2, BOS)));
        assert_eq!(reserved("</s>"), Some((0, EOS)));
        assert_eq!(reserved("a<s>b <unk> </s"), None);
    }
}
