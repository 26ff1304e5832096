//! Small formal languages that ask for memory: each sentence has places where only one word is right, and what decides
//! it stands some words back.
//!
//! | task | sentence | asked | needs | chance |
//! |---|---|---|---|---|
//! | recall | `k3 f1 f0 … f2 ? k3` | the word after `?` | one word over `lag` words (Hochreiter & Schmidhuber 1997) | 1/symbols |
//! | adding | `d4 D7 d1 … D5 = s2` | the sum | two marked digits, added modulo m | 1/modulus |
//! | brackets | `(a (b )b (c )c )a .` | each closing bracket | a stack of bounded depth | 1/kinds |
//! | counting | `a a a b b b .` | the last `b`, the full stop | a counter: a^n b^n | 1/2 |
//!
//! At an asked place, the answer is the most likely of the right word and the wrong ones that are listed, as in
//! [`probe`](super::probe): accuracy is comparable over models, and a model without memory scores the chance line.
use rand_chacha::ChaCha8Rng;

use super::generate::stream;
use super::lexicon::below;
use crate::corpus::{Corpus, CorpusOptions};
use crate::split::SplitPlan;

/// Filler words of recall.
const FILLERS: usize = 4;

/// A task and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Repeat the first word after `lag` words.
    Recall {
        /// Words between the first word and its repetition, 1 or more.
        lag: usize,
        /// Words to choose from, 2 or more.
        symbols: usize,
    },
    /// Add two marked digits.
    Adding {
        /// Digits in a sentence, 2 or more.
        length: usize,
        /// Digits are 0..modulus, 2 or more.
        modulus: usize,
    },
    /// Close brackets in the right order.
    Brackets {
        /// Kinds of brackets, 2 or more.
        kinds: usize,
        /// Open brackets at most, 1 or more.
        depth: usize,
        /// Pairs in a sentence, 1 or more.
        pairs: usize,
    },
    /// As many `b` as `a`.
    Counting {
        /// n is uniform in 2..=most, 2 or more.
        most: usize,
    },
}

/// A place where the next word is decided by what came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The position of the right word in the sentence.
    pub at: usize,
    /// Words between what decides it and the place (the first of the marked digits; for counting, n).
    pub distance: usize,
    /// The words it competes with.
    pub wrong: Vec<String>,
}

/// A sentence of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskItem {
    /// Its words.
    pub words: Vec<String>,
    /// Its questions, in order.
    pub asked: Vec<Asked>,
}

impl TaskItem {
    /// As a line of text.
    pub fn text(&self) -> String {
        self.words.join(" ")
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Task::Recall { lag, .. } => write!(f, "recall-{lag}"),
            Task::Adding { length, .. } => write!(f, "adding-{length}"),
            Task::Brackets { depth, .. } => write!(f, "brackets-{depth}"),
            Task::Counting { most } => write!(f, "counting-{most}"),
        }
    }
}

impl Task {
    /// Accuracy at the asked places without any memory.
    pub fn chance(&self) -> f64 {
        match *self {
            Task::Recall { symbols: n, .. }
            | Task::Adding { modulus: n, .. }
            | Task::Brackets { kinds: n, .. } => 1.0 / n as f64,
            Task::Counting { .. } => 0.5,
        }
    }

    /// The first `n` sentences of a seed; sentence i is the same whatever `n`.
    ///
    /// # Panics
    /// If the task's sizes are below those of its documentation.
    pub fn items(&self, seed: u64, n: usize) -> Vec<TaskItem> {
        let valid = match *self {
            Task::Recall { lag, symbols } => lag >= 1 && symbols >= 2,
            Task::Adding { length, modulus } => length >= 2 && modulus >= 2,
            Task::Brackets { kinds, depth, pairs } => kinds >= 2 && depth >= 1 && pairs >= 1,
            Task::Counting { most } => most >= 2,
        };
        assert!(valid, "sizes of {self:?}");
        (0..n as u64).map(|i| self.item(&mut stream(seed, b"taskitem", i))).collect()
    }

    /// `sentences` sentences of a seed, split 90/5/5 by [`SplitPlan`].
    pub fn corpus(&self, seed: u64, sentences: usize) -> Corpus {
        let plan = SplitPlan::new(sentences);
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for (i, item) in self.items(seed, sentences).iter().enumerate() {
            parts[plan.part(i) as usize].push(item.text());
        }
        let split = format!("generated with seed {seed}; {plan}");
        Corpus::from_sentences(&self.to_string(), &parts, split, CorpusOptions::default())
    }

    fn item(&self, rng: &mut ChaCha8Rng) -> TaskItem {
        match *self {
            Task::Recall { lag, symbols } => recall(lag, symbols, rng),
            Task::Adding { length, modulus } => adding(length, modulus, rng),
            Task::Brackets { kinds, depth, pairs } => brackets(kinds, depth, pairs, rng),
            Task::Counting { most } => counting(2 + below(rng, most - 1)),
        }
    }
}

/// Every name of a row but one.
fn others(letter: &str, n: usize, right: usize) -> Vec<String> {
    (0..n).filter(|i| *i != right).map(|i| format!("{letter}{i}")).collect()
}

fn recall(lag: usize, symbols: usize, rng: &mut ChaCha8Rng) -> TaskItem {
    let symbol = below(rng, symbols);
    let mut words = vec![format!("k{symbol}")];
    words.extend((1..lag).map(|_| format!("f{}", below(rng, FILLERS))));
    words.extend(["?".to_owned(), format!("k{symbol}")]);
    TaskItem {
        words,
        asked: vec![Asked { at: lag + 1, distance: lag, wrong: others("k", symbols, symbol) }],
    }
}

fn adding(length: usize, modulus: usize, rng: &mut ChaCha8Rng) -> TaskItem {
    let first = below(rng, length);
    let second = (first + 1 + below(rng, length - 1)) % length;
    let digits: Vec<usize> = (0..length).map(|_| below(rng, modulus)).collect();
    let sum = (digits[first] + digits[second]) % modulus;
    let mark = |i| if i == first || i == second { "D" } else { "d" };
    let mut words: Vec<String> =
        digits.iter().enumerate().map(|(i, d)| format!("{}{d}", mark(i))).collect();
    words.extend(["=".to_owned(), format!("s{sum}")]);
    let at = length + 1;
    TaskItem {
        words,
        asked: vec![Asked {
            at,
            distance: at - first.min(second) - 1,
            wrong: others("s", modulus, sum),
        }],
    }
}

fn brackets(kinds: usize, depth: usize, pairs: usize, rng: &mut ChaCha8Rng) -> TaskItem {
    let (mut words, mut asked, mut open, mut left) = (Vec::new(), Vec::new(), Vec::new(), pairs);
    while left > 0 || !open.is_empty() {
        let opens = left > 0 && open.len() < depth && (open.is_empty() || below(rng, 2) == 0);
        if opens {
            let kind = below(rng, kinds);
            open.push((kind, words.len()));
            words.push(format!("({kind}"));
            left -= 1;
        } else if let Some((kind, start)) = open.pop() {
            asked.push(Asked {
                at: words.len(),
                distance: words.len() - start - 1,
                wrong: others(")", kinds, kind),
            });
            words.push(format!("){kind}"));
        }
    }
    words.push(".".into());
    TaskItem { words, asked }
}

fn counting(n: usize) -> TaskItem {
    let row = |word: &str| std::iter::repeat_n(word.to_owned(), n);
    let words: Vec<String> = row("a").chain(row("b")).chain([".".to_owned()]).collect();
    let ask = |at, wrong: &str| Asked { at, distance: n, wrong: vec![wrong.to_owned()] };
    TaskItem { words, asked: vec![ask(2 * n - 1, "."), ask(2 * n, "b")] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Task; 4] = [
        Task::Recall { lag: 7, symbols: 5 },
        Task::Adding { length: 6, modulus: 4 },
        Task::Brackets { kinds: 3, depth: 4, pairs: 8 },
        Task::Counting { most: 9 },
    ];

    #[test]
    fn answers_follow_from_the_words_before() {
        let number = |word: &String| word[1..].parse::<usize>().unwrap();
        for item in ALL[0].items(1, 50) {
            assert_eq!((item.words[0].clone(), item.words.len()), (item.words[8].clone(), 9));
        }
        for item in ALL[1].items(1, 50) {
            let marked: Vec<usize> =
                item.words.iter().filter(|w| w.starts_with('D')).map(number).collect();
            assert_eq!(
                (marked.len(), (marked[0] + marked[1]) % 4),
                (2, number(item.words.last().unwrap()))
            );
            let first = item.words.iter().position(|w| w.starts_with('D')).unwrap();
            assert_eq!(item.asked[0].distance, item.words.len() - first - 2);
        }
        for item in ALL[2].items(1, 50) {
            let (mut stack, mut deepest) = (Vec::new(), 0);
            for (i, word) in item.words[..16].iter().enumerate() {
                if word.starts_with('(') {
                    stack.push((number(word), i));
                    deepest = deepest.max(stack.len());
                } else {
                    let (kind, start) = stack.pop().unwrap();
                    assert_eq!(kind, number(word));
                    assert!(item.asked.iter().any(|a| a.at == i && a.distance == i - start - 1));
                }
            }
            assert!(stack.is_empty() && deepest <= 4 && item.words.len() == 17);
        }
        for item in ALL[3].items(1, 50) {
            let count = |w: &str| item.words.iter().filter(|x| *x == w).count();
            assert!(count("a") == count("b") && (2..=9).contains(&count("a")));
        }
    }

    #[test]
    fn without_memory_a_guess_scores_the_chance_line() {
        for task in ALL {
            let (mut right, mut n) = (0.0, 0.0);
            for asked in
                task.items(3, 4000).iter().flat_map(|i| i.asked.iter().map(move |a| (i, a)))
            {
                let (item, asked) = asked;
                let right_word = &item.words[asked.at];
                assert!(!asked.wrong.contains(right_word));
                // the guess of one who does not look back: the first of the candidates in order
                right += f64::from(u8::from(asked.wrong.iter().all(|w| right_word < w)));
                n += 1.0;
            }
            let error = (task.chance() * (1.0 - task.chance()) / n).sqrt();
            assert!(
                (right / n - task.chance()).abs() < 5.0 * error,
                "{task}: {} for {}",
                right / n,
                task.chance()
            );
        }
    }

    #[test]
    fn items_do_not_depend_on_their_number() {
        for task in ALL {
            assert_eq!(task.items(5, 40)[..10], task.items(5, 10)[..]);
            assert_ne!(task.items(5, 40), task.items(6, 40));
            let corpus = task.corpus(5, 400);
            assert!(corpus.test.sentence_count() >= 20 && !corpus.synthetic());
        }
    }
}
