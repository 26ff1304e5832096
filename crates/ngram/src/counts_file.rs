//! Counts instead of a text: SRILM's format (`ngram-count -write`), one n-gram a line, its count after a tab.
//!
//! ```text
//! <s> the    17
//! <s> the cat    3
//! the cat sat    2
//! ```
//!
//! The windows of the text are the N-grams and the shorter n-grams that start with `<s>`; all other lines follow from them
//! and are checked. What no text could have (a count that its extensions do not add up to, an n-gram without its context,
//! `<s>` inside one) is refused with its line.
use std::path::Path;

use corpus::{BOS, EOS, Lines, TokenId, Tokenizer, Vocab, VocabBuilder, VocabLimits};
use hashbrown::HashMap;
use lm::{Error, Result};

use crate::context::context_indices;
use crate::count::{CountLevel, GramCounts, check_order, join, push_word};
use crate::gram::{Key, Layout, Wide};

const CURE: &str = "count again with `ngram-count -order N -write FILE` on the whole text";

/// The n-grams of one length as they stand in the file.
#[derive(Default)]
struct Listed {
    /// Ids, oldest first: of the file's words while it is read, then of the vocabulary.
    words: Vec<u32>,
    counts: Vec<u32>,
    /// Line and byte of each.
    places: Vec<(u64, u64)>,
}

/// Reads counts of the orders up to `order` and the vocabulary of their words.
///
/// # Errors
/// Lines that are no counts, counts that contradict each other, or too low an order in the file.
pub fn read_counts(path: &Path, order: usize) -> Result<(Vocab, GramCounts)> {
    check_order(order)?;
    let (mut listed, words) = read_lines(path, order)?;
    let bad = |(line, byte): (u64, u64), what: String| -> Error {
        corpus::Error::Line { path: path.into(), line, byte, what, cure: CURE }.into()
    };
    let bos = words.iter().position(|w| &**w == BOS).map_or(u32::MAX, |i| i as u32);
    let starts = |n: usize, gram: &[u32]| n == order || (n > 1 && gram[0] == bos);
    let mut builder = VocabBuilder::default();
    let mut windows: Vec<(usize, usize)> = Vec::new();
    for (n, level) in (1..).zip(&listed) {
        for (i, gram) in level.words.chunks_exact(n).enumerate().filter(|(_, g)| starts(n, g)) {
            if gram != [bos] {
                builder.add_many(&words[gram[n - 1] as usize], level.counts[i].into());
                windows.push((n, i));
            }
        }
    }
    let begun = |n: usize| listed[n - 1].words.chunks_exact(n).any(|gram| gram[0] == bos);
    if windows.is_empty() || order > 1 && !begun(2) {
        let what =
            format!("no n-gram of order 2 starts with {BOS}, as the first word of a sentence does");
        let cure = format!("{CURE}, of order {order} or higher");
        return Err(Error::File { path: path.into(), what, cure });
    }
    let vocab = builder.finish(Tokenizer::Space, VocabLimits::default());
    let ids: Vec<Option<u32>> = words
        .iter()
        .map(|w| if &**w == BOS { Some(vocab.bos().0) } else { vocab.get(w).map(|id| id.0) })
        .collect();
    for (n, level) in (1..).zip(&mut listed) {
        for (i, word) in level.words.iter_mut().enumerate() {
            *word = ids[*word as usize].ok_or_else(|| {
                let word = &words[*word as usize];
                bad(level.places[i / n], format!("no {order}-gram ends in `{word}`"))
            })?;
        }
    }
    let gram = |&(n, i): &(usize, usize)| &listed[n - 1].words[i * n..][..n];
    windows.sort_unstable_by(|a, b| gram(a).iter().rev().cmp(gram(b).iter().rev()));
    if let Some(twice) = windows.windows(2).find(|w| gram(&w[0]) == gram(&w[1])) {
        let (n, i) = twice[0].max(twice[1]);
        return Err(bad(
            listed[n - 1].places[i],
            format!("`{}` twice", spell(&vocab, gram(&twice[0]))),
        ));
    }
    let layout = Layout::new(vocab.len(), order - 1);
    let levels = match layout.total_bits() {
        0..=64 => levels_of::<u64>(&listed, &windows, vocab.len(), layout),
        65..=128 => levels_of::<u128>(&listed, &windows, vocab.len(), layout),
        _ => levels_of::<Wide>(&listed, &windows, vocab.len(), layout),
    };
    let counts = GramCounts::of_levels(vocab.len(), levels);
    check_listed(&counts, &listed, &vocab, bad)?;
    check_contexts(&counts, path)?;
    Ok((vocab, counts))
}

fn read_lines(path: &Path, order: usize) -> Result<(Vec<Listed>, Vec<Box<str>>)> {
    let mut lines = Lines::open(path)?;
    let mut words: Vec<Box<str>> = Vec::new();
    let mut numbers: HashMap<Box<str>, u32, foldhash::fast::FixedState> = HashMap::default();
    let mut listed: Vec<Listed> = (0..order).map(|_| Listed::default()).collect();
    while let Some(line) = lines.next_line()? {
        let bad = |what: String| -> Error {
            let (line, byte) = (line.number, line.byte);
            corpus::Error::Line { path: path.into(), line, byte, what, cure: CURE }.into()
        };
        if line.text.trim().is_empty() {
            continue;
        }
        let (gram, count) = line
            .text
            .trim_end()
            .rsplit_once('\t')
            .ok_or_else(|| bad("no tab between an n-gram and its count".into()))?;
        let count: u32 =
            count.parse().map_err(|_| bad(format!("`{count}` is no count (0 to {})", u32::MAX)))?;
        let gram: Vec<&str> = gram.split_ascii_whitespace().collect();
        if gram.is_empty() {
            return Err(bad("a count without an n-gram".into()));
        }
        if gram.len() > order || count == 0 {
            continue;
        }
        if gram[1..].contains(&BOS) || gram[..gram.len() - 1].contains(&EOS) {
            return Err(bad(format!("{BOS} or {EOS} inside an n-gram")));
        }
        let level = &mut listed[gram.len() - 1];
        for word in gram {
            let number = match numbers.get(word) {
                Some(&number) => number,
                None => {
                    numbers.insert(word.into(), words.len() as u32);
                    words.push(word.into());
                    words.len() as u32 - 1
                }
            };
            level.words.push(number);
        }
        level.counts.push(count);
        level.places.push((line.number, line.byte));
    }
    Ok((listed, words))
}

/// Levels from windows in suffix order.
fn levels_of<K: Key>(
    listed: &[Listed],
    windows: &[(usize, usize)],
    vocab_len: usize,
    layout: Layout,
) -> Vec<CountLevel> {
    let mut levels = vec![CountLevel::default(); layout.len + 1];
    let mut rest = windows;
    for word in 0..vocab_len as u32 {
        let own = rest.partition_point(|&(n, i)| listed[n - 1].words[i * n + n - 1] <= word);
        let histories = rest[..own].iter().map(|&(n, i)| {
            let gram = &listed[n - 1].words[i * n..][..n - 1];
            let key = gram.iter().fold(K::default(), |key, &w| key.push(w, layout));
            (key, listed[n - 1].counts[i])
        });
        push_word(word, histories, vocab_len as u32, layout, &mut levels);
        rest = &rest[own..];
    }
    join(vec![levels], vocab_len as u32, layout.len + 1)
}

fn spell(vocab: &Vocab, gram: &[u32]) -> String {
    gram.iter().map(|&w| vocab.word(TokenId(w))).collect::<Vec<_>>().join(" ")
}

/// Every line has the count that the windows give it.
fn check_listed(
    counts: &GramCounts,
    listed: &[Listed],
    vocab: &Vocab,
    bad: impl Fn((u64, u64), String) -> Error,
) -> Result<()> {
    for (n, level) in (1..).zip(listed) {
        let grams = level.words.chunks_exact(n).zip(&level.counts).zip(&level.places);
        for ((gram, &count), &place) in grams {
            let sum = counts.count(gram);
            // <s> itself is counted by nothing
            if sum != count && gram != [vocab.bos().0] {
                let what = format!(
                    "`{}` has the count {count}, the longer n-grams that end in it {sum}",
                    spell(vocab, gram)
                );
                return Err(bad(place, what));
            }
        }
    }
    Ok(())
}

/// Whatever comes before the last word stands in the text, too.
fn check_contexts(counts: &GramCounts, path: &Path) -> Result<()> {
    let mut parents = Vec::new();
    for k in 1..counts.order() {
        parents = context_indices(&counts.levels, &counts.levels, k, &parents, |_, _| {}).map_err(
            |_| {
                let what = format!("an n-gram of order {} without its first {k} words", k + 1);
                Error::File { path: path.into(), what, cure: CURE.into() }
            },
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use corpus::Tokens;

    /// What `ngram-count -order 3` writes for a text of sentences.
    fn counted(sentences: &[&str], order: usize) -> String {
        let mut grams = std::collections::BTreeMap::<String, u32>::new();
        for sentence in sentences {
            let words: Vec<&str> =
                [BOS].into_iter().chain(sentence.split(' ')).chain([EOS]).collect();
            for n in 1..=order {
                for gram in words.windows(n) {
                    *grams.entry(gram.join(" ")).or_default() += 1;
                }
            }
        }
        grams.iter().map(|(gram, count)| format!("{gram}\t{count}\n")).collect()
    }

    fn read(text: &str, order: usize) -> Result<(Vocab, GramCounts)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts");
        std::fs::write(&path, text).unwrap();
        read_counts(&path, order)
    }

    const TEXT: [&str; 5] = ["a b c a b", "b a", "c", "a b c c c c", "b a"];

    #[test]
    fn counts_of_a_file_are_those_of_the_text() {
        for order in 1..=6 {
            let (vocab, counts) = read(&counted(&TEXT, 6), order).unwrap();
            let (mut text, mut scratch) = (Tokens::default(), Vec::new());
            TEXT.iter().for_each(|s| vocab.push_sentence(s, &mut scratch, &mut text));
            let expected = GramCounts::new(&text, vocab.len(), order).unwrap();
            assert_eq!(counts.levels, expected.levels, "order {order}");
            let words: Vec<&str> = vocab.words().collect();
            assert_eq!(words, ["c", EOS, "a", "b", "<unk>"]);
        }
    }

    #[test]
    fn contradictions_are_refused_with_their_line() {
        let sound = counted(&TEXT, 3);
        let refused = |from: &str, to: &str| {
            assert!(sound.contains(from), "{from} in\n{sound}");
            read(&sound.replacen(from, to, 1), 3).unwrap_err().to_string()
        };
        let at = |from: &str| 1 + sound[..sound.find(from).unwrap()].matches('\n').count();
        let message = refused("\na b\t3", "\na b\t4");
        assert!(message.contains("`a b` has the count 4") && message.contains("3"), "{message}");
        assert!(message.contains(&format!("line {}", at("a b\t3"))), "{message}");
        assert!(refused("\na b\t3", "\na b 3").contains("no tab"));
        assert!(refused("\na b\t3", "\na b\tx").contains("`x` is no count"));
        assert!(refused("\na b\t3", "\na b\t3\n<s> a b\t2").contains("twice"));
        assert!(refused("\na b\t3", "\na <s>\t3").contains("inside"));
        // <s> b a </s>: with its beginning gone nothing leads to `b a </s>`
        let message = refused("\nb a </s>\t2", "\nd a </s>\t2");
        assert!(message.contains("`d`"), "{message}");
        assert!(read("a b c\t3\n", 3).unwrap_err().to_string().contains("starts with <s>"));
        let orphan = "<s> a\t1\n<s> a b\t1\na b </s>\t1\nc b a\t1\n<s> c\t1\n";
        let message = read(orphan, 3).unwrap_err().to_string();
        assert!(message.contains("without its first"), "{message}");
    }
}
