//! Distinct words and their numbers: one buffer of bytes and a table of `u32`, no allocation a word.
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Numbers words from 0 in the order of their first occurrence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interner {
    text: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
}

impl Interner {
    /// The number of a word, new words get the next one.
    #[inline]
    pub(crate) fn intern(&mut self, word: &str) -> u32 {
        let Self { text, ends, table } = self;
        let hash = hash(word);
        if let Some(&id) = table.find(hash, |&id| at(text, ends, id) == word) {
            return id;
        }
        let id = u32::try_from(ends.len()).expect("fewer than 2^32 different words");
        text.push_str(word);
        ends.push(text.len());
        let (text, ends) = (&*text, &*ends);
        table.insert_unique(hash, id, |&id| self::hash(at(text, ends, id)));
        id
    }

    /// The number of a word, if it has one.
    #[inline]
    pub(crate) fn get(&self, word: &str) -> Option<u32> {
        self.table.find(hash(word), |&id| at(&self.text, &self.ends, id) == word).copied()
    }

    /// The word of a number.
    #[inline]
    pub(crate) fn word(&self, id: u32) -> &str {
        at(&self.text, &self.ends, id)
    }

    /// How many words.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The words in the order of their numbers.
    pub(crate) fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len()).map(|id| self.word(id as u32))
    }
}

#[inline]
fn hash(word: &str) -> u64 {
    FixedState::default().hash_one(word)
}

#[inline]
fn at<'a>(text: &'a str, ends: &[usize], id: u32) -> &'a str {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &text[start..ends[id]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_first_number() {
        let mut words = Interner::default();
        let ids: Vec<u32> = "a bb a  ccc bb".split(' ').map(|w| words.intern(w)).collect();
        assert_eq!(ids, [0, 1, 0, 2, 3, 1]);
        assert_eq!(words.words().collect::<Vec<_>>(), ["a", "bb", "", "ccc"]);
        assert_eq!((words.get("ccc"), words.get("c")), (Some(3), None));
    }
}
