//! Drawing text: blocks of sentences, each from its own ChaCha stream of the seed.
//!
//! Block i of a seed is the same whatever was generated before it and on how many threads; a text of n tokens is the
//! shortest run of whole sentences, blocks in order, with at least n tokens (`</s>` counted).
use std::io::Write;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::language::{Class, FormId, Inflection, Language};
use super::machine::Stack;
use super::number::{NOWHERE, Number, Scope};
use super::rules::Kind;
use crate::error::{Error, Result};

/// Sentences a block.
const BLOCK: usize = 256;
/// Blocks made at a time: memory is bounded whatever the length of the text.
const WAVE: u64 = 64;

/// A word as it was drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub form: FormId,
    pub class: u16,
    pub lemma: u16,
    pub number: Option<Number>,
    /// Position of the word whose number this one had to repeat.
    pub agrees_with: Option<u32>,
}

/// Sentences of word forms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentences {
    forms: Vec<FormId>,
    ends: Vec<usize>,
}

impl Sentences {
    /// The sentences in order, without their ends.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[FormId]> + Clone {
        (0..self.ends.len())
            .map(|i| &self.forms[if i == 0 { 0 } else { self.ends[i - 1] }..self.ends[i]])
    }

    /// How many sentences.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Words and sentence ends.
    pub fn tokens(&self) -> u64 {
        (self.forms.len() + self.ends.len()) as u64
    }

    /// Drops what is not needed for `tokens` tokens.
    fn cut(&mut self, tokens: u64) {
        let enough = |i: usize| (self.ends[i] + i + 1) as u64 >= tokens;
        if let Some(last) = (0..self.ends.len()).find(|&i| enough(i)) {
            self.ends.truncate(last + 1);
            self.forms.truncate(self.ends[last]);
        }
    }

    fn append(&mut self, other: &Sentences) {
        let before = self.forms.len();
        self.forms.extend_from_slice(&other.forms);
        self.ends.extend(other.ends.iter().map(|e| before + e));
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Words and sentence ends.
    pub tokens: u64,
    /// Lines.
    pub sentences: u64,
    /// Bytes.
    pub bytes: u64,
}

/// The stream of a block of a seed; `label` keeps uses apart.
pub(crate) fn stream(seed: u64, label: &[u8; 8], block: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(label);
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(block);
    rng
}

impl Language {
    /// Draws one sentence; `stack` is scratch. Draws: topic, then for every rule its move, for every word its class,
    /// lemma and number, each where there is a choice.
    pub(crate) fn sentence(
        &self,
        rng: &mut ChaCha8Rng,
        stack: &mut Stack,
        mut word: impl FnMut(Draw),
    ) {
        let topic = self.topic_alias.draw(0, rng.next_u64());
        stack.start(self.start());
        let mut position = 0;
        while let Some(item) = stack.pop() {
            let cell = Stack::cell(&self.moves, item);
            let scope = stack.enter(item, cell.mode);
            let (slot, scope) = match cell.kind {
                Kind::Set(number) => {
                    stack.set(scope, number);
                    continue;
                }
                Kind::Slot(slot) => (slot, scope),
                Kind::Rule(rule) => {
                    let one = self.moves.draw(rule, item.depth, rng);
                    let scope = stack.run(&self.moves, one, scope);
                    let Some(slot) = one.slot else { continue };
                    (slot, scope)
                }
            };
            word(self.word(slot, &mut stack.scopes[usize::from(scope)], topic, rng, position));
            position += 1;
        }
    }

    #[inline]
    fn word(
        &self,
        slot: u16,
        scope: &mut Scope,
        topic: usize,
        rng: &mut ChaCha8Rng,
        position: u32,
    ) -> Draw {
        let slot = &self.slots[usize::from(slot)];
        let class = if slot.classes.len() == 1 {
            slot.classes.start
        } else {
            slot.draw(scope, topic, rng.next_u64())
        };
        let Class { forms, words, inflection, .. } = &self.classes[usize::from(class)];
        let lemma = if forms.len() == 1 { 0 } else { words.draw(topic, rng.next_u64()) };
        let mut agrees_with = None;
        let number = match *inflection {
            Inflection::None => None,
            Inflection::Fixed(number) => Some(number),
            Inflection::Both { plural } => Some(match scope.number {
                Some(number) => {
                    agrees_with = (scope.at != NOWHERE).then_some(scope.at);
                    number
                }
                None if u64::from(rng.next_u32()) < plural => Number::Plural,
                None => Number::Singular,
            }),
        };
        scope.read(slot.marks, class, number);
        if slot.marks && number.is_some() && agrees_with.is_none() {
            scope.at = position;
        }
        Draw {
            form: forms[lemma][number.map_or(0, Number::index)],
            class,
            lemma: lemma as u16,
            number,
            agrees_with,
        }
    }

    /// Block `index` of a seed.
    fn block(&self, seed: u64, index: u64) -> Sentences {
        let (mut rng, mut stack, mut out) =
            (stream(seed, b"language", index), Stack::new(), Sentences::default());
        out.forms.reserve((BLOCK as f64 * (self.mean_sentence + 4.0)) as usize);
        for _ in 0..BLOCK {
            self.sentence(&mut rng, &mut stack, |word| out.forms.push(word.form));
            out.ends.push(out.forms.len());
        }
        out
    }

    /// Calls `f` with runs of sentences, in order, until there are `tokens` tokens; `make` works on blocks in parallel.
    fn blocks<T: Send>(
        &self,
        seed: u64,
        tokens: u64,
        make: impl Fn(&Sentences) -> T + Sync,
        f: &mut dyn FnMut(Sentences, T) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let (mut next, mut done) = (0, 0);
        while done < tokens {
            let a_block = BLOCK as f64 * (self.mean_sentence + 1.0);
            let wave = (((tokens - done) as f64 / a_block) as u64 + 1).min(WAVE);
            let made: Vec<_> = (next..next + wave)
                .into_par_iter()
                .map(|i| {
                    let block = self.block(seed, i);
                    let made = make(&block);
                    (block, made)
                })
                .collect();
            next += wave;
            for (mut block, made) in made {
                let left = tokens.saturating_sub(done);
                if left == 0 {
                    return Ok(());
                }
                done += block.tokens();
                if block.tokens() >= left {
                    block.cut(left);
                    let made = make(&block);
                    return f(block, made);
                }
                f(block, made)?;
            }
        }
        Ok(())
    }

    /// The text of a seed as sentences of word forms, held in memory: 4 bytes a word.
    pub fn sentences(&self, seed: u64, tokens: u64) -> Sentences {
        let mut out = Sentences::default();
        let done = self.blocks(seed, tokens, |_| (), &mut |block, ()| {
            out.append(&block);
            Ok(())
        });
        done.expect("memory is no file");
        out
    }

    fn render(&self, block: &Sentences) -> Vec<u8> {
        let mut out = Vec::with_capacity(block.forms.len() * 8);
        for sentence in block.iter() {
            for (i, &form) in sentence.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                out.extend_from_slice(self.form(form).as_bytes());
            }
            out.push(b'\n');
        }
        out
    }
}

/// Writes the text of a seed, one sentence a line, words separated by a blank, in bounded memory. `tokens` counts words
/// and sentence ends; the text ends with the sentence that reaches it. Same seed, same bytes.
pub fn write_text(
    language: &Language,
    seed: u64,
    tokens: u64,
    out: &mut dyn Write,
) -> Result<Written> {
    let mut written = Written::default();
    let done = language.blocks(seed, tokens, |block| language.render(block), &mut |block,
                                                                                   text: Vec<
        u8,
    >| {
        out.write_all(&text)?;
        written.tokens += block.tokens();
        written.sentences += block.len() as u64;
        written.bytes += text.len() as u64;
        Ok(())
    });
    done.and_then(|()| out.flush())
        .map_err(|e| Error::io(format!("text of language {}", language.name()), e))?;
    Ok(written)
}
