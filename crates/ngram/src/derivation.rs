//! One probability from the counts up: the smoothing's formula in numbers, from the uniform distribution to the longest
//! context.
//!
//! `p(w | h) = numerator(a(h w)) / denominator(h) + γ(h) · p(w | h')`, `p(w | nothing) = 1 / |V|`, as `interpolate` has it.
//! Nothing is looked up in a model: what follows a context is found by asking the counts for every word of the vocabulary.
use corpus::TokenId;
use lm::{Error, Result};

use crate::adjust::Counting;
use crate::context::Successors;
use crate::count::GramCounts;
use crate::discount::Discounts;
use crate::estimate::Formula;
use crate::interpolate::Weights;
use crate::recipe::{NgramRecipe, Smoothing};
use crate::smoothing::{KneserNey, ModifiedKneserNey, WittenBell};

/// The formula at one length of context.
#[derive(Clone, Debug, PartialEq)]
pub struct DerivedOrder {
    /// `h w`: the last words of the context, and the word.
    pub gram: Vec<TokenId>,
    /// How often it stands in the text.
    pub raw: u32,
    /// a(h w): the count that the formula takes.
    pub count: u32,
    /// What is taken from it; all of it, if the n-gram is pruned.
    pub discount: f64,
    /// True if the n-gram stands in the text too rarely to be kept.
    pub pruned: bool,
    /// Σ_v a(h v); 0 if nothing ever followed h.
    pub total: u64,
    /// How many words follow h with the count 1, 2, 3 or more.
    pub types: [u64; 3],
    /// The part of the total that belongs to pruned n-grams.
    pub cut: u64,
    /// What counts are divided by.
    pub denominator: f64,
    /// γ(h), the weight of the shorter context.
    pub gamma: f64,
    /// p(w | h').
    pub lower: f64,
    /// p(w | h).
    pub p: f64,
}

/// A probability with everything that it is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Derivation {
    /// 1 / |V|.
    pub uniform: f64,
    /// Shortest context first.
    pub orders: Vec<DerivedOrder>,
}

impl Derivation {
    /// log10 p(w | h) of the whole context.
    pub fn log10_prob(&self) -> f64 {
        self.orders.last().map_or(self.uniform, |o| o.p).log10()
    }
}

/// Counts and a formula, ready to be asked.
pub struct Deriver {
    counts: GramCounts,
    formula: Box<dyn Formula>,
    discounts: Vec<Discounts>,
}

impl NgramRecipe {
    /// Takes the counts of a training text; the recipe is the one that the model was made with.
    ///
    /// # Errors
    /// Smoothings that do not interpolate; undefined discounts where they are strict; what the cut-offs refuse.
    pub fn deriver(&self, mut counts: GramCounts) -> Result<Deriver> {
        counts.cutoff = self.cutoff.thresholds(self.order, self.smoothing)?;
        let n = counts.counts_of_counts(self.counting);
        let (formula, discounts): (Box<dyn Formula>, _) = match self.smoothing {
            Smoothing::ModifiedKneserNey => {
                let (discounts, _) = self.discounts(true, &n)?;
                let (counting, own) = (self.counting, discounts.clone());
                (Box::new(ModifiedKneserNey { counting, discounts: own }), discounts)
            }
            Smoothing::KneserNey => {
                let (discounts, _) = self.discounts(false, &n)?;
                let (counting, own) = (self.counting, discounts.clone());
                (Box::new(KneserNey { counting, discounts: own }), discounts)
            }
            Smoothing::WittenBell => (Box::new(WittenBell), Vec::new()),
            other => {
                return Err(Error::Config {
                    option: "--smoothing".into(),
                    what: format!("`{other}` does not interpolate"),
                    cure: "choose Kneser-Ney or Witten-Bell".into(),
                });
            }
        };
        Ok(Deriver { counts, formula, discounts })
    }
}

impl Deriver {
    /// The discounts of each order; empty for smoothings without.
    pub fn discounts(&self) -> &[Discounts] {
        &self.discounts
    }

    /// True if lower orders take continuation counts.
    pub fn adjusts(&self) -> bool {
        self.formula.counting() != Counting::Raw
    }

    /// Derives p(word | context); of a long context, the last words count. `<s>` may begin it.
    ///
    /// # Panics
    /// If the word is not in the vocabulary.
    pub fn derive(&self, context: &[TokenId], word: TokenId) -> Derivation {
        assert!(word.index() < self.counts.vocab_len(), "a word outside the vocabulary");
        let context = &context[context.len().saturating_sub(self.counts.order() - 1)..];
        let uniform = 1.0 / self.counts.vocab_len() as f64;
        let (mut orders, mut lower) = (Vec::new(), uniform);
        for k in 0..=context.len() {
            let made = self.order(&context[context.len() - k..], word, lower);
            lower = made.p;
            orders.push(made);
        }
        Derivation { uniform, orders }
    }

    fn order(&self, h: &[TokenId], word: TokenId, lower: f64) -> DerivedOrder {
        let (counts, k) = (&self.counts, h.len());
        let mut gram: Vec<u32> = h.iter().chain([&word]).map(|w| w.0).collect();
        let mut after = Successors::default();
        let (mut raw, mut count, mut pruned) = (0, 0, false);
        for v in 0..counts.vocab_len() as u32 {
            gram[k] = v;
            let Some(node) = counts.find(&gram) else { continue };
            let a = counts.counted(self.formula.counting(), k, node);
            let cut = k > 0 && counts.is_cut(k, node);
            if cut {
                after.cut += u64::from(a);
                after.total += u64::from(a);
            } else {
                after.add(a);
            }
            if v == word.0 {
                (raw, count, pruned) = (counts.levels[k].count[node], a, cut);
            }
        }
        let never = Weights { scale: 0.0, gamma: 1.0 };
        let seen = after.total > 0;
        let Weights { scale, gamma } =
            if seen { self.formula.weights(k + 1, &after) } else { never };
        let numerator = if pruned { 0.0 } else { self.formula.numerator(k + 1, count) };
        DerivedOrder {
            gram: h.iter().chain([&word]).copied().collect(),
            raw,
            count,
            discount: f64::from(count) - numerator,
            pruned,
            total: after.total,
            types: after.n,
            cut: after.cut,
            denominator: if seen { 1.0 / scale } else { 0.0 },
            gamma,
            lower,
            p: numerator * scale + gamma * lower,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corpus::{Tokenizer, Tokens, Vocab};
    use lm::silent;

    use crate::{Cutoff, TableKind, TableModel};

    fn text() -> Tokens {
        let mut text = Tokens::default();
        for i in 0..200u32 {
            let words = (0..i % 9).map(|j| TokenId(2 + (i * i + 3 * j * j + i / 7 * j) % 11));
            let ids: Vec<_> = words.chain([TokenId(0)]).collect();
            text.push_sentence(&ids, 1);
        }
        text
    }

    /// Every word after every context of the text: the counts lead to the table's number.
    #[test]
    fn a_derivation_ends_in_the_tables_number() {
        let words = ["</s>", "<unk>"].map(String::from).into_iter();
        let words = words.chain((2..13).map(|i| format!("w{i}")));
        let vocab = Vocab::new(words.map(|w| (w.into(), 1)).collect(), Tokenizer::Space);
        for (smoothing, prune) in [
            (Smoothing::ModifiedKneserNey, &[0][..]),
            (Smoothing::ModifiedKneserNey, &[0, 1, 3]),
            (Smoothing::KneserNey, &[0]),
            (Smoothing::WittenBell, &[0, 0, 2]),
        ] {
            let cutoff = Cutoff::new(prune).unwrap();
            let recipe = NgramRecipe { cutoff, ..NgramRecipe::new(smoothing, 4) };
            let counts = || GramCounts::new(&text(), vocab.len(), 4).unwrap();
            let deriver = recipe.deriver(counts()).unwrap();
            let made = recipe.estimate(counts(), &text(), &mut silent).unwrap();
            let table =
                TableModel::build(TableKind::Hash, &made.to_backoff(), &vocab, &[]).unwrap();
            let (mut asked, mut found) = (0, 0);
            for sentence in text().sentences().take(25) {
                let padded: Vec<TokenId> =
                    [vocab.bos()].into_iter().chain(sentence.iter().copied()).collect();
                for end in 0..padded.len() {
                    let context = &padded[end.saturating_sub(3)..end];
                    for word in (0..vocab.len() as u32).map(TokenId) {
                        let derived = deriver.derive(context, word);
                        let stored = table.explain(context, word);
                        let difference = derived.log10_prob() - stored.found.log10_prob;
                        assert!(
                            difference.abs() < 1e-6,
                            "{smoothing} {context:?} {word:?}: {difference}"
                        );
                        let sum: f64 = stored.backed_off().map(|(_, weight)| weight).sum();
                        let taken = stored.taken().log10_prob.expect("the taken one is stored");
                        assert!((taken + sum - stored.found.log10_prob).abs() < 1e-12);
                        asked += 1;
                        found += usize::from(derived.orders.last().is_some_and(|o| o.raw > 0));
                    }
                }
            }
            assert!(found > 50 && asked > found + 50, "{found} of {asked}");
        }
    }

    #[test]
    fn by_hand() {
        // "a a b": counts </s> 1, a 2, b 1; Witten-Bell: p(a) = (2 + 3 / 3) / (4 + 3), p(b | a) = (1 + 2 p(b)) / (2 + 2)
        let mut text = Tokens::default();
        text.push_sentence(&[1, 1, 2, 0].map(TokenId), 1);
        let recipe = NgramRecipe::new(Smoothing::WittenBell, 2);
        let deriver = recipe.deriver(GramCounts::new(&text, 3, 2).unwrap()).unwrap();
        let a = deriver.derive(&[], TokenId(1));
        assert!((a.log10_prob() - (3.0f64 / 7.0).log10()).abs() < 1e-12);
        let b = deriver.derive(&[TokenId(1)], TokenId(2));
        let below = (1.0 + 3.0 / 3.0) / 7.0;
        assert!((b.orders[0].p - below).abs() < 1e-12);
        assert!((b.orders[1].p - (1.0 + 2.0 * below) / 4.0).abs() < 1e-12);
        assert_eq!((b.orders[1].raw, b.orders[1].total, b.orders[1].types), (1, 2, [2, 0, 0]));
        let unseen = deriver.derive(&[TokenId(0)], TokenId(2));
        assert_eq!((unseen.orders[1].p, unseen.orders[1].total), (below, 0));
        assert!(!deriver.adjusts() && deriver.discounts().is_empty());
        let addk = NgramRecipe::new(Smoothing::AddK, 2);
        assert!(addk.deriver(GramCounts::new(&text, 3, 2).unwrap()).is_err());
    }
}
