//! The oracle: the true distribution of generated text as a language model. Its perplexity is the floor of the table.
//!
//! Words are those of the vocabulary; the grammar's words outside it are together `<unk>`, whose probability is the sum
//! of theirs, and an `<unk>` that is read is one of them, which one is summed over ([`corpus::synth::Forward`]). Exact
//! as long as few words are hidden; with more than a tenth of the running words the forward pass may drop improbable
//! hypotheses. Words that no grammar word is have probability 0. Sentences are independent, so both contexts are the same. What the
//! grammar cannot write has probability 0 and, when read, is skipped: it says nothing of what follows.
use std::path::Path;
use std::sync::Arc;

use corpus::synth::{FormId, Forward, HiddenWords, Language, Seen};
use corpus::{TokenId, Tokenizer, Tokens, TrainSet, Vocab};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::{Context, Footprint, LanguageModel, Reader};
use crate::recipe::{Family, Log, Recipe, Trained};

/// What a vocabulary's word is to the grammar.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    Form(FormId),
    End,
    Hidden,
    Foreign,
}

/// The true distribution of a generated language over a vocabulary.
#[derive(Clone, Debug)]
pub struct Oracle {
    language: Arc<Language>,
    /// By id; `<s>`, which stands one past the vocabulary, is no entry.
    meanings: Vec<Meaning>,
    /// Where the probability of a form goes: its word or `<unk>`.
    words: Vec<TokenId>,
    eos: TokenId,
    hidden: HiddenWords,
}

impl Oracle {
    /// The language's distribution over the words of `vocab`.
    pub fn new(language: Arc<Language>, vocab: &Vocab) -> Self {
        let mut meanings = vec![Meaning::Foreign; vocab.len()];
        let known: Vec<Option<TokenId>> = language.forms().map(|form| vocab.get(form)).collect();
        for (form, id) in known.iter().enumerate() {
            if let Some(id) = id {
                meanings[id.index()] = Meaning::Form(FormId(form as u32));
            }
        }
        meanings[vocab.eos().index()] = Meaning::End;
        meanings[vocab.unk().index()] = Meaning::Hidden;
        let hidden: Vec<bool> = known.iter().map(Option::is_none).collect();
        let hidden = HiddenWords::new(&language, &hidden);
        let words = known.into_iter().map(|id| id.unwrap_or(vocab.unk())).collect();
        Self { language, meanings, words, eos: vocab.eos(), hidden }
    }

    /// The language.
    pub fn language(&self) -> &Arc<Language> {
        &self.language
    }

    fn seen(&self, token: TokenId) -> Option<Seen<'_>> {
        match self.meanings.get(token.index()).copied().unwrap_or(Meaning::Foreign) {
            Meaning::Form(form) => Some(Seen::Form(form)),
            Meaning::End => Some(Seen::End),
            Meaning::Hidden => Some(Seen::OneOf(&self.hidden)),
            Meaning::Foreign => None,
        }
    }
}

impl LanguageModel for Oracle {
    fn vocab_len(&self) -> usize {
        self.meanings.len()
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        let probs = vec![0.0; self.language.len() + 1];
        Box::new(OracleReader { oracle: self, forward: Forward::new(&self.language), probs })
    }

    fn score(&self, text: &Tokens, _: Context, out: &mut Vec<f64>) {
        const BLOCK: usize = 256; // sentences; a unit of work comes from the data
        let blocks = text.sentence_count().div_ceil(BLOCK);
        let scored: Vec<Vec<f64>> = (0..blocks)
            .into_par_iter()
            .map(|b| {
                let mut forward = Forward::new(&self.language);
                let mut out = Vec::new();
                for i in b * BLOCK..((b + 1) * BLOCK).min(text.sentence_count()) {
                    forward.restart();
                    let p = |&token: &TokenId| {
                        self.seen(token).map_or(0.0, |seen| forward.read(seen)).ln()
                    };
                    out.extend(text.sentence(i).iter().map(p));
                }
                out
            })
            .collect();
        out.clear();
        scored.iter().for_each(|block| out.extend_from_slice(block));
    }

    fn footprint(&self) -> Footprint {
        let (params, bytes) = self.language.size();
        let maps = size_of_val(&self.meanings[..]) + size_of_val(&self.words[..]);
        Footprint { params: params as u64, bytes: (bytes + maps) as u64, ..Footprint::default() }
    }

    fn save(&self, _: &Path, _: &Vocab) -> Result<()> {
        Err(Error::NotSaved { what: "oracle (its grammar is its file)" })
    }
}

struct OracleReader<'a> {
    oracle: &'a Oracle,
    forward: Forward<'a>,
    /// By form, the end last.
    probs: Vec<f64>,
}

impl Reader for OracleReader<'_> {
    fn feed(&mut self, token: TokenId) {
        if let Some(seen) = self.oracle.seen(token) {
            self.forward.read(seen);
        }
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        assert_eq!(out.len(), self.oracle.vocab_len(), "one log-probability a word");
        self.forward.distribution(&mut self.probs);
        out.fill(0.0);
        for (p, word) in self.probs.iter().zip(self.oracle.words.iter().chain([&self.oracle.eos])) {
            out[word.index()] += p;
        }
        // most words are impossible here: no logarithm is spent on them
        out.iter_mut().for_each(|p| *p = if *p == 0.0 { f64::NEG_INFINITY } else { p.ln() });
    }

    fn log_prob(&mut self, token: TokenId, _: &mut [f64]) -> f64 {
        self.oracle.seen(token).map_or(0.0, |seen| self.forward.p(seen)).ln()
    }
}

/// "Trains" [`Oracle`]: it only learns the vocabulary.
#[derive(Clone, Debug)]
pub struct OracleRecipe {
    /// The language that the corpus was generated from.
    pub language: Arc<Language>,
}

impl Recipe for OracleRecipe {
    fn id(&self) -> String {
        "oracle".into()
    }

    fn family(&self) -> Family {
        Family::Oracle
    }

    fn describe(&self) -> String {
        format!(
            "the true distribution of the generated language `{}`: no model is better",
            self.language.name()
        )
    }

    fn train(&self, data: TrainSet<'_>, _: &mut Log<'_>) -> Result<Trained> {
        let tokenizer = data.vocab.tokenizer();
        if tokenizer != Tokenizer::Space {
            let what = format!(
                "the oracle knows the words of its grammar, not the tokens of `{tokenizer}`"
            );
            return Err(Error::Unfit {
                what,
                cure: "use the tokenizer `space` for generated text".into(),
            });
        }
        Ok(Trained::plain(Oracle::new(Arc::clone(&self.language), data.vocab)))
    }
}
