//! Word forms: pseudo-words made of the grammar's syllables, and the readings of each form.
use hashbrown::HashSet;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::compile::Fault;
use super::file::{Category, Class, Syllables};
use crate::error::Result;
use crate::vocab::{BOS, EOS, UNK};

type Taken = HashSet<String, foldhash::fast::FixedState>;

/// Uniform in 0..n up to 2^-32, with integers only.
pub(crate) fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((u64::from(rng.next_u32()) * n as u64) >> 32) as usize
}

fn is_word(form: &str) -> bool {
    !form.is_empty() && !form.contains(char::is_whitespace) && ![UNK, BOS, EOS].contains(&form)
}

/// Makes the words of classes, no form twice unless a file says so.
pub(crate) struct Maker<'a> {
    syllables: &'a Syllables,
    seed: u64,
    taken: Taken,
}

impl<'a> Maker<'a> {
    /// With no form taken but the literal words.
    pub(crate) fn new(
        syllables: &'a Syllables,
        seed: u64,
        literals: impl Iterator<Item = String>,
        fault: &Fault,
    ) -> Result<Self> {
        for (part, list) in [
            ("onset", &syllables.onset),
            ("nucleus", &syllables.nucleus),
            ("coda", &syllables.coda),
        ] {
            if list.is_empty() || list.iter().any(|s| s.contains(char::is_whitespace)) {
                let what = "it needs parts, and none with white space".into();
                return Err(fault.at(
                    &format!("syllables.{part}"),
                    what,
                    "list letters; an empty one (\"\") is allowed",
                ));
            }
        }
        Ok(Self { syllables, seed, taken: literals.collect() })
    }

    /// The forms (singular, plural) of every lemma of a class, by rank. `stream` numbers the class.
    pub(crate) fn class(
        &mut self,
        key: &str,
        stream: u64,
        category: &Category,
        class: &Class,
        fault: &Fault,
    ) -> Result<Vec<[String; 2]>> {
        if class.lemmas.max(class.words.len()) > 1 << 16 {
            return Err(fault.at(key, "more than 65536 words".into(), "split the class"));
        }
        if (class.lemmas == 0) == class.words.is_empty() {
            return Err(fault.at(
                key,
                "it has no words, or two kinds".into(),
                "give `lemmas` or `words`, one of them",
            ));
        }
        let mut lemmas = Vec::new();
        for word in &class.words {
            let pair = if [UNK, BOS, EOS].contains(&&**word) { None } else { word.split_once('/') };
            let forms = match (pair, category.endings.is_some()) {
                (Some((one, many)), true) => [one.to_owned(), many.to_owned()],
                (None, _) => [word.clone(), word.clone()],
                (Some(_), false) => {
                    return Err(fault.at(
                        key,
                        format!("`{word}` has two forms"),
                        "give the category `endings`",
                    ));
                }
            };
            for form in &forms {
                if !is_word(form) {
                    return Err(fault.at(
                        key,
                        format!("`{form}` cannot be a word"),
                        "write a word without white space",
                    ));
                }
                self.taken.insert(form.clone());
            }
            lemmas.push(forms);
        }
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(seed);
        rng.set_stream(stream);
        for rank in 0..class.lemmas {
            lemmas.push(self.lemma(key, rank, category, &mut rng, fault)?);
        }
        Ok(lemmas)
    }

    fn lemma(
        &mut self,
        key: &str,
        rank: usize,
        category: &Category,
        rng: &mut ChaCha8Rng,
        fault: &Fault,
    ) -> Result<[String; 2]> {
        let [fewest, most] = category.syllables;
        if fewest == 0 || fewest > most {
            return Err(fault.at(
                key,
                "syllables must be [fewest, most], 1 or more".into(),
                "write for instance [2, 3]",
            ));
        }
        let invariant =
            category.invariant > 0 && rank % category.invariant == category.invariant - 1;
        for _ in 0..1000 {
            let stem = self.stem(fewest + below(rng, most - fewest + 1), rng);
            let forms = match &category.endings {
                Some([one, many]) if !invariant => {
                    [format!("{stem}{one}"), format!("{stem}{many}")]
                }
                _ => [stem.clone(), stem],
            };
            if forms.iter().all(|f| is_word(f) && !self.taken.contains(f)) {
                self.taken.extend(forms.iter().cloned());
                return Ok(forms);
            }
        }
        Err(fault.at(
            key,
            "the syllables do not give enough different words".into(),
            "add parts, or allow more syllables",
        ))
    }

    fn stem(&self, syllables: usize, rng: &mut ChaCha8Rng) -> String {
        let mut out = String::new();
        let mut part = |list: &[String]| out.push_str(&list[below(rng, list.len())]);
        for _ in 0..syllables {
            part(&self.syllables.onset);
            part(&self.syllables.nucleus);
        }
        part(&self.syllables.coda);
        out
    }
}
