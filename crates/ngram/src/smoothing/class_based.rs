//! Class-based n-grams (Brown et al. 1992): p(w | h) = p(w | c(w)) · p(c(w) | classes of h).
//!
//! Classes come from [`exchange`]; class n-grams are smoothed by Witten-Bell; p(w | c) = (count(w) + 1) / (count(c) + |c|),
//! so that a word which was never seen is possible, too. `</s>` is a class of its own.
use std::path::Path;

use corpus::{TokenId, Tokens, TrainSet, Vocab};
use lm::{
    Context, Error, Family, Footprint, LanguageModel, Log, Reader, Recipe, Result, Trained, silent,
};

use super::exchange::exchange;
use crate::count::{GramCounts, check_order};
use crate::model::NgramModel;
use crate::recipe::{NgramRecipe, Smoothing, say};

/// A class n-gram model.
#[derive(Clone, Debug)]
pub struct ClassModel {
    class: Vec<TokenId>,
    /// ln p(w | c(w)).
    membership: Vec<f64>,
    classes: NgramModel,
}

impl ClassModel {
    /// The class of every word.
    pub fn classes(&self) -> &[TokenId] {
        &self.class
    }
}

impl LanguageModel for ClassModel {
    fn vocab_len(&self) -> usize {
        self.class.len()
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        let scratch = vec![0.0; self.classes.vocab_len()];
        Box::new(ClassReader { model: self, reader: self.classes.reader(), scratch })
    }

    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        self.classes.score(&in_classes(text, &self.class), context, out);
        out.iter_mut().zip(text.flat()).for_each(|(out, w)| *out += self.membership[w.index()]);
    }

    fn order(&self) -> Option<usize> {
        LanguageModel::order(&self.classes)
    }

    fn footprint(&self) -> Footprint {
        let (inner, words) = (self.classes.footprint(), self.class.len() as u64);
        let bytes = inner.bytes + words * (size_of::<TokenId>() + size_of::<f64>()) as u64;
        Footprint { params: inner.params + words, bytes, ..inner }
    }

    fn save(&self, _: &Path, _: &Vocab) -> Result<()> {
        Err(Error::NotSaved { what: "class-based model" })
    }
}

struct ClassReader<'a> {
    model: &'a ClassModel,
    reader: Box<dyn Reader + 'a>,
    scratch: Vec<f64>,
}

impl Reader for ClassReader<'_> {
    fn feed(&mut self, token: TokenId) {
        self.reader.feed(self.model.class[token.index()]);
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        self.reader.log_probs(&mut self.scratch);
        let words = self.model.class.iter().zip(&self.model.membership);
        out.iter_mut()
            .zip(words)
            .for_each(|(out, (c, member))| *out = self.scratch[c.index()] + member);
    }

    fn log_prob(&mut self, token: TokenId, _: &mut [f64]) -> f64 {
        let class = self.model.class[token.index()];
        self.reader.log_prob(class, &mut self.scratch) + self.model.membership[token.index()]
    }
}

fn in_classes(text: &Tokens, class: &[TokenId]) -> Tokens {
    let mut out = Tokens::default();
    let mut scratch = Vec::new();
    for sentence in text.sentences() {
        scratch.clear();
        scratch.extend(sentence.iter().map(|w| class[w.index()]));
        out.push_sentence(&scratch, 0);
    }
    out
}

/// Trains [`ClassModel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassRecipe {
    /// N of the class n-grams.
    pub order: usize,
    /// How many classes, `</s>` among them; 0 takes 2 √|V|.
    pub classes: usize,
}

impl Recipe for ClassRecipe {
    fn id(&self) -> String {
        format!("class{}", self.order)
    }

    fn family(&self) -> Family {
        Family::Ngram
    }

    fn describe(&self) -> String {
        format!("{}-gram of word classes by exchange, Witten-Bell (Brown et al. 1992)", self.order)
    }

    fn train(&self, data: TrainSet<'_>, log: &mut Log<'_>) -> Result<Trained> {
        check_order(self.order)?;
        let (v, eos) = (data.vocab.len(), data.vocab.eos());
        let wanted = if self.classes == 0 {
            (2.0 * (v as f64).sqrt()).round() as usize
        } else {
            self.classes
        };
        let classes = wanted.clamp(2, v.max(2));
        let class = exchange(&GramCounts::new(data.train, v, 2)?, eos.0, classes);
        say(log, "clustering", 1, 2)?;
        let mut members = vec![(0u64, 0u64); classes];
        let mut words = vec![0u64; v];
        data.train.flat().iter().for_each(|w| words[w.index()] += 1);
        for (c, n) in class.iter().zip(&words) {
            members[*c as usize].0 += n;
            members[*c as usize].1 += 1;
        }
        let member = |(&c, &n): (&u32, &u64)| {
            let (count, size) = members[c as usize];
            ((n + 1) as f64).ln() - ((count + size) as f64).ln()
        };
        let membership = class.iter().zip(&words).map(member).collect();
        // an empty class gets the share of its never seen n-grams, which no word can use: leave none empty
        let (class, classes) = without_empty(class, &members);
        let text = in_classes(data.train, &class);
        let counts = GramCounts::new(&text, classes, self.order)?;
        let made = NgramRecipe::new(Smoothing::WittenBell, self.order).estimate(
            counts,
            &text,
            &mut silent,
        )?;
        say(log, "estimating", 2, 2)?;
        let classes_model = NgramModel::new(made, class[eos.index()]);
        let model = ClassModel { class, membership, classes: classes_model };
        Ok(Trained {
            notes: vec![format!("{classes} classes by the exchange algorithm")],
            ..Trained::plain(model)
        })
    }
}

/// Numbers the classes that have words; also how many there are.
fn without_empty(class: Vec<u32>, members: &[(u64, u64)]) -> (Vec<TokenId>, usize) {
    let mut next = 0;
    let number: Vec<u32> = members
        .iter()
        .map(|&(_, size)| {
            next += u32::from(size > 0);
            next.saturating_sub(1)
        })
        .collect();
    (class.into_iter().map(|c| TokenId(number[c as usize])).collect(), next as usize)
}
