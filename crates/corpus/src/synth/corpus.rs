//! Generated text as a [`Corpus`].
use std::sync::Arc;

use super::{Language, Sentences};
use crate::corpus::{Corpus, CorpusOptions, VocabScope};
use crate::error::{Error, Result};
use crate::split::{Part, SplitPlan};
use crate::tokenizer::Tokenizer;
use crate::tokens::{TokenId, Tokens};
use crate::vocab::VocabBuilder;

impl Corpus {
    /// About `tokens` tokens generated from a seed, split 90/5/5 by [`SplitPlan`]: the same corpus as the text that
    /// [`write_text`](crate::synth::write_text) writes gives when it is read by [`from_file`](Self::from_file).
    pub fn from_language(
        language: Arc<Language>,
        seed: u64,
        tokens: u64,
        options: CorpusOptions,
    ) -> Result<Self> {
        let sentences = language.sentences(seed, tokens);
        if sentences.len() < 20 {
            let what = format!(
                "{tokens} tokens are {} sentence(s): too few for three splits",
                sentences.len()
            );
            let cure = "ask for 10000 tokens or more";
            return Err(Error::File {
                path: format!("generated text `{}`", language.name()).into(),
                what,
                cure,
            });
        }
        let plan = SplitPlan::new(sentences.len());
        let split = format!("generated with seed {seed}; {plan}");
        let mut corpus = if options.tokenizer == Tokenizer::Space {
            Self::from_forms(&language, &sentences, split, options, plan)
        } else {
            let mut parts = [Vec::new(), Vec::new(), Vec::new()];
            for (i, sentence) in sentences.iter().enumerate() {
                parts[plan.part(i) as usize].push(language.text(sentence));
            }
            Self::from_sentences(language.name(), &parts, split, options)
        };
        corpus.language = Some(language);
        Ok(corpus)
    }

    /// Words are counted and numbered as forms: no text is made.
    fn from_forms(
        language: &Language,
        sentences: &Sentences,
        split: String,
        options: CorpusOptions,
        plan: SplitPlan,
    ) -> Self {
        let (mut counts, mut builder) = (vec![0u64; language.len()], VocabBuilder::default());
        let counted = |i| options.scope == VocabScope::Whole || plan.part(i) == Part::Train;
        for (_, sentence) in sentences.iter().enumerate().filter(|(i, _)| counted(*i)) {
            sentence.iter().for_each(|f| counts[f.index()] += 1);
            builder.end_sentence();
        }
        language
            .forms()
            .zip(&counts)
            .filter(|c| *c.1 > 0)
            .for_each(|(form, &count)| builder.add_many(form, count));
        let vocab = builder.finish(options.tokenizer, options.limits);
        let ids: Vec<TokenId> = language.forms().map(|form| vocab.id(form)).collect();
        let (mut parts, mut scratch) =
            ([Tokens::default(), Tokens::default(), Tokens::default()], Vec::new());
        for (i, sentence) in sentences.iter().enumerate() {
            scratch.clear();
            scratch.extend(sentence.iter().map(|f| ids[f.index()]));
            scratch.push(vocab.eos());
            let bytes: usize = sentence.iter().map(|&f| language.form(f).len() + 1).sum();
            parts[plan.part(i) as usize].push_sentence(&scratch, bytes as u64);
        }
        let [train, valid, test] = parts;
        Self {
            name: language.name().into(),
            vocab,
            train,
            valid,
            test,
            split: options.scope.remark(split),
            language: None,
        }
    }
}
