//! Reads ARPA files, SRILM's and KenLM's, and refuses malformed ones with the line and the reason.
//!
//! Accepted: any letter case of the marks, blank lines, CRLF, tabs or blanks between fields, text before `\data\`, grams
//! in any order, absent back-off weights, `-inf` (as −99), an absent `<s>` (never predicted anyway), an absent `<unk>`
//! (log10 p = −100, as KenLM has it), `<UNK>` for `<unk>`, shortened forms that pruning removed (put back by
//! [`fill_suffixes`]). Refused: counts that are wrong, a gram whose context is missing, words that are no unigrams,
//! NaN, positive log-probabilities, a gram that stands twice, `<s>` inside a gram, a file without `\end\`.
use std::path::Path;

use corpus::{BOS, EOS, TokenId, Tokenizer, UNK, Vocab};
use hashbrown::HashMap;
use lm::{Error, Log, Result, silent};

use super::close::{fill_suffixes, find, missing};
use super::parse::Parser;
use crate::backoff::{BackoffModel, GramTable};
use crate::recipe::say;
use crate::table::{Broken, Links, MAX_ORDER, sort_by_column};

const LOG_ZERO: f32 = -99.0;
const ABSENT_UNK: f32 = -100.0;
const OTHER_UNK: &str = "<UNK>";

type Ids<'a> = HashMap<&'a str, u32, foldhash::fast::FixedState>;

/// A model read from an ARPA file.
#[derive(Clone, Debug)]
pub struct Arpa {
    /// The words; ids by falling unigram probability, or those of the vocabulary that was given.
    pub vocab: Vocab,
    /// The model.
    pub model: BackoffModel,
    /// Grams put back because longer ones end in them.
    pub filled: usize,
    /// True if the file has no `<unk>`.
    pub unk_absent: bool,
}

/// Reads a file (`.gz` too). With a vocabulary, its ids are used and its words must be the file's unigrams; without,
/// one is made from the unigrams, for texts of the tokenizer.
///
/// # Errors
/// With file, line and reason: whatever this module's head says is refused.
pub fn read_arpa(path: &Path, vocab: Option<&Vocab>, tokenizer: Tokenizer) -> Result<Arpa> {
    read_arpa_logged(path, vocab, tokenizer, &mut silent)
}

/// [`read_arpa`] with a listener, who may end the work.
///
/// # Errors
/// Those of [`read_arpa`]; interruption.
pub fn read_arpa_logged(
    path: &Path,
    vocab: Option<&Vocab>,
    tokenizer: Tokenizer,
    log: &mut Log<'_>,
) -> Result<Arpa> {
    let mut parser = Parser::open(path)?;
    let counts = parser.counts()?;
    let total: usize = counts.iter().sum();
    if counts.len() > MAX_ORDER {
        return Err(parser
            .bad(&format!("order {}; models up to order {MAX_ORDER} can be read", counts.len())));
    }
    let mut step = |k: usize, found: usize| {
        let read = counts[..k - 1].iter().sum::<usize>() + found;
        say(log, "reading", read as u64, total as u64)
    };
    let mut unigrams = unigrams(&mut parser, &counts, &mut |found| step(1, found))?;
    let has = |unigrams: &[Unigram], word: &str| unigrams.iter().any(|u| &*u.word == word);
    let renamed = !has(&unigrams, UNK) && has(&unigrams, OTHER_UNK);
    if renamed {
        unigrams.iter_mut().filter(|u| &*u.word == OTHER_UNK).for_each(|u| u.word = UNK.into());
    }
    let unk_absent = !has(&unigrams, UNK);
    let vocab =
        vocab.map_or_else(|| vocab_of(&parser, &unigrams, tokenizer), |vocab| Ok(vocab.clone()))?;
    let mut ids: Ids<'_> = vocab.words().chain([BOS]).zip(0..).collect();
    if renamed {
        ids.insert(OTHER_UNK, vocab.unk().0);
    }
    let mut model = BackoffModel {
        vocab_len: vocab.len(),
        tables: vec![unigram_table(&parser, unigrams, &vocab, &ids)?],
    };
    let mut lines = vec![Vec::new()];
    for k in 2..=counts.len() {
        let (table, lines_here) =
            grams(&mut parser, k, &counts, &ids, &mut |found| step(k, found))?;
        model.tables.push(table);
        lines.push(lines_here);
    }
    if counts.len() == 1 {
        model.tables[0].log10_backoff.clear();
    }
    drop(ids);
    let closed = (2..=counts.len())
        .all(|k| missing(&model.tables[k - 1], &model.tables[k - 2], k).is_empty());
    let broken = if closed { Links::new(&model).err() } else { without_context(&model) };
    if let Some(Broken::Missing { gram, .. }) = broken {
        let spell = |gram: &[u32]| {
            gram.iter().map(|&w| vocab.word(TokenId(w))).collect::<Vec<_>>().join(" ")
        };
        let (k, context) = (gram.len(), spell(&gram[..gram.len() - 1]));
        let line = find(&model.tables[k - 1], &gram).map_or(0, |i| lines[k - 1][i]);
        return Err(parser.bad_at(
            line,
            format!(
                "`{}` has no context: `{context}` is not among the {}-grams",
                spell(&gram),
                k - 1
            ),
        ));
    }
    let filled = fill_suffixes(&mut model);
    Ok(Arpa { vocab, model, filled, unk_absent })
}

/// A gram whose context is not stored, found the slow way: for models that lack shortened forms, which [`Links`] needs.
fn without_context(model: &BackoffModel) -> Option<Broken> {
    (2..=model.order()).find_map(|k| {
        let (upper, lower) = (&model.tables[k - 1], &model.tables[k - 2]);
        let gram =
            upper.words.chunks_exact(k).find(|gram| find(lower, &gram[..k - 1]).is_none())?;
        Some(Broken::Missing { gram: gram.into(), what: "context" })
    })
}

struct Unigram {
    word: Box<str>,
    log10_prob: f32,
    log10_backoff: f32,
    line: u64,
}

fn unigrams(
    parser: &mut Parser,
    counts: &[usize],
    step: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Vec<Unigram>> {
    let mut unigrams: Vec<Unigram> = Vec::with_capacity(counts[0].min(1 << 20));
    let mut seen: HashMap<Box<str>, u64, foldhash::fast::FixedState> = HashMap::default();
    parser.section(1, counts, step, |parser, gram| {
        let word: Box<str> = gram.words[0].into();
        if let Some(first) = seen.insert(word.clone(), gram.line) {
            return Err(parser.bad(&format!("the unigram `{word}` stands in line {first}, too")));
        }
        unigrams.push(Unigram {
            word,
            log10_prob: gram.log10_prob,
            log10_backoff: gram.log10_backoff,
            line: gram.line,
        });
        Ok(())
    })?;
    Ok(unigrams)
}

/// Ids by falling probability, then by bytes, whatever the order in the file: frequent words get small ids.
fn vocab_of(parser: &Parser, unigrams: &[Unigram], tokenizer: Tokenizer) -> Result<Vocab> {
    let mut words: Vec<(f32, &str)> =
        unigrams.iter().filter(|u| &*u.word != BOS).map(|u| (u.log10_prob, &*u.word)).collect();
    if !words.iter().any(|(_, w)| *w == EOS) {
        return Err(parser.bad_at(
            unigrams.first().map_or(1, |u| u.line),
            format!("no {EOS} among the unigrams: sentences never end"),
        ));
    }
    if !words.iter().any(|(_, w)| *w == UNK) {
        words.push((ABSENT_UNK, UNK));
    }
    words.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    Ok(Vocab::new(words.into_iter().map(|(_, w)| (w.into(), 0)).collect(), tokenizer))
}

fn unigram_table(
    parser: &Parser,
    unigrams: Vec<Unigram>,
    vocab: &Vocab,
    ids: &Ids<'_>,
) -> Result<GramTable> {
    let words: Vec<u32> = (0..=vocab.len() as u32).collect();
    let mut table = GramTable {
        log10_prob: vec![f32::NAN; words.len()],
        log10_backoff: vec![0.0; words.len()],
        words,
    };
    for unigram in unigrams {
        let Some(&id) = ids.get(&*unigram.word) else {
            return Err(parser.bad_at(
                unigram.line,
                format!("`{}` is not in the vocabulary that the file is read with", unigram.word),
            ));
        };
        table.log10_prob[id as usize] = unigram.log10_prob;
        table.log10_backoff[id as usize] = unigram.log10_backoff;
    }
    table.log10_prob[vocab.bos().index()] = LOG_ZERO;
    let unk = &mut table.log10_prob[vocab.unk().index()];
    if unk.is_nan() {
        *unk = ABSENT_UNK;
    }
    match table.log10_prob.iter().position(|p| p.is_nan()) {
        None => Ok(table),
        Some(id) => Err(Error::Unfit {
            what: format!(
                "`{}` of the vocabulary is not among the unigrams of the ARPA file",
                vocab.word(TokenId(id as u32))
            ),
            cure: "read the file without a vocabulary: it has its own".into(),
        }),
    }
}

/// The grams of an order in suffix order, with their lines.
fn grams(
    parser: &mut Parser,
    k: usize,
    counts: &[usize],
    ids: &Ids<'_>,
    step: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<(GramTable, Vec<u64>)> {
    let room = counts[k - 1].min(1 << 22); // an announced count is believed only so far
    let (mut words, mut prob, mut backoff) =
        (Vec::with_capacity(k * room), Vec::with_capacity(room), Vec::with_capacity(room));
    let mut lines = Vec::with_capacity(room);
    let vocab = ids[BOS] as usize + 1;
    parser.section(k, counts, step, |parser, gram| {
        for (j, word) in gram.words.iter().enumerate() {
            let id = *ids
                .get(word)
                .ok_or_else(|| parser.bad(&format!("`{word}` is not among the unigrams")))?;
            if j > 0 && *word == BOS {
                return Err(parser.bad(&format!("{BOS} inside a gram; it can only begin one")));
            }
            words.push(id);
        }
        prob.push(gram.log10_prob);
        backoff.push(gram.log10_backoff);
        lines.push(gram.line);
        Ok(())
    })?;
    let order = (0..k).fold((0..prob.len() as u32).collect(), |order: Vec<u32>, j| {
        sort_by_column(&order, &words, k, j, vocab)
    });
    let gram = |i: u32| &words[i as usize * k..][..k];
    if let Some(twice) = order.windows(2).find(|w| gram(w[0]) == gram(w[1])) {
        let (first, second) = (lines[twice[0] as usize], lines[twice[1] as usize]);
        return Err(parser.bad_at(second, format!("the same {k}-gram as in line {first}")));
    }
    let sorted = |values: &[f32]| order.iter().map(|&i| values[i as usize]).collect();
    let table = GramTable {
        words: order.iter().flat_map(|&i| gram(i)).copied().collect(),
        log10_prob: sorted(&prob),
        log10_backoff: if k < counts.len() { sorted(&backoff) } else { Vec::new() },
    };
    Ok((table, order.iter().map(|&i| lines[i as usize]).collect()))
}
