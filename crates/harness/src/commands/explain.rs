//! `harness query --explain`: the arithmetic of one probability, from the table and, with the training text, from the counts.
use std::io::{BufRead as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use corpus::{BOS, DataSet, TokenId, Tokens, Vocab};
use ngram::table::Explanation;
use ngram::{
    Counting, Cutoff, Derivation, DerivedOrder, Deriver, GramCounts, NgramRecipe, Smoothing,
    TableModel,
};

use super::query::QueryArgs;
use crate::error::Failure;
use crate::progress::Bar;
use crate::registry::Preset;
use crate::text;

/// Explains the words of the option, or every line of the text.
///
/// # Errors
/// Those of the texts; words that cannot be asked for.
pub fn run(args: &QueryArgs, table: &TableModel, vocab: &Vocab, out: &mut dyn Write) -> Result<()> {
    let counted = match &args.corpus {
        Some(name) => Some(Counted::new(args, name, table, vocab)?),
        None => None,
    };
    let mut one = |words: &str| -> Result<()> {
        let (context, word) = encode(words, vocab)?;
        let explained = table.explain(&context, word);
        from_table(&explained, (table, &args.file), vocab, out)?;
        if let Some(counted) = &counted {
            counted.print(&context, word, &explained, vocab, out)?;
        }
        Ok(())
    };
    match args.explain.as_deref() {
        Some("") | None => {
            let path = args.text_file.clone().unwrap_or_else(|| PathBuf::from("-"));
            let mut lines = 0;
            for line in corpus::open_text(&path)?.lines() {
                let line = line.map_err(|e| corpus::Error::io(&path, e))?;
                if !line.trim().is_empty() {
                    one(&line)?;
                    lines += 1;
                }
            }
            match lines {
                0 => {
                    Err(Failure::Usage("--explain wants words: the context, then the word".into())
                        .into())
                }
                _ => Ok(()),
            }
        }
        Some(words) => one(words),
    }
}

/// The context and the word of a line.
fn encode(words: &str, vocab: &Vocab) -> Result<(Vec<TokenId>, TokenId)> {
    let mut ids = Vec::new();
    let mut rest = words.trim();
    // <s> is no word of a text: it is taken before the tokenizer sees the rest
    if let Some(after) = rest.strip_prefix(BOS).filter(|r| r.is_empty() || r.starts_with(' ')) {
        ids.push(vocab.bos());
        rest = after;
    }
    let (rest, end) = match rest.strip_suffix(corpus::EOS) {
        Some(before) if before.is_empty() || before.ends_with(' ') => (before, true),
        _ => (rest, false),
    };
    vocab.tokenizer().tokens(rest, |token| ids.push(vocab.id(token)));
    if end {
        ids.push(vocab.eos());
    }
    match ids.pop() {
        Some(word) if word != vocab.bos() => Ok((ids, word)),
        _ => {
            let what = format!(
                "`{words}` asks for no word: give a context and then a word (</s> is one, {BOS} is not)"
            );
            Err(Failure::Usage(what).into())
        }
    }
}

fn spell(gram: &[TokenId], vocab: &Vocab) -> String {
    gram.iter().map(|&w| vocab.word(w)).collect::<Vec<_>>().join(" ")
}

fn from_table(
    explained: &Explanation,
    (table, file): (&TableModel, &Path),
    vocab: &Vocab,
    out: &mut dyn Write,
) -> Result<()> {
    let all = &explained.steps.last().expect("the unigram at least").gram;
    let (word, context) = all.split_last().expect("a word at least");
    let (word, context, order) = (vocab.word(*word), spell(context, vocab), table.meta().order());
    writeln!(out, "p( {word} | {context} ) in {}: a {order}-gram model", file.display())?;
    let names: Vec<String> = explained.steps.iter().map(|s| spell(&s.gram, vocab)).collect();
    let width = names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(6);
    let head = ("n-gram", "log10 p", "back-off");
    writeln!(out, "order  {:width$}  {:>11}  {:>11}  of its context", head.0, head.1, head.2)?;
    for (k, (step, name)) in explained.steps.iter().zip(&names).enumerate().rev() {
        let taken = k + 1 == explained.found.length;
        let prob = step.log10_prob.map_or("not stored".to_owned(), |p| format!("{p:.6}"));
        let used = k + 1 > explained.found.length;
        let (backoff, mark) = match step.log10_backoff {
            Some(b) => (format!("{b:.6}"), if used { "  added" } else { "" }),
            None if used => ("not stored".into(), "  counts as 0"),
            None => (String::new(), ""),
        };
        let mark = if taken { "  <- its probability is taken" } else { mark };
        writeln!(out, "{:>5}  {name:width$}  {prob:>11}  {backoff:>11}{mark}", k + 1)?;
    }
    let mut sum = format!("{:.6}", explained.taken().log10_prob.unwrap_or(f64::NAN));
    for (_, weight) in explained.backed_off() {
        sum += &format!(" + {weight:.6}");
    }
    let log10 = explained.found.log10_prob;
    writeln!(out, "log10 p = {sum} = {log10:.7}, p = {:.6e}", 10f64.powf(log10))?;
    Ok(())
}

/// A training text, counted.
struct Counted {
    recipe: NgramRecipe,
    deriver: Deriver,
    source: String,
}

impl Counted {
    fn new(args: &QueryArgs, name: &str, table: &TableModel, vocab: &Vocab) -> Result<Self> {
        let note = |key: &str| {
            let notes = &table.meta().notes;
            notes.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
        };
        let order = table.meta().order();
        let smoothing = match (args.smoothing, note("smoothing")) {
            (Some(given), _) => given.into(),
            (None, Some(key)) => format!("{key}{order}").parse::<NgramRecipe>()?.smoothing,
            (None, None) => Smoothing::ModifiedKneserNey,
        };
        let noted = || note("prune").map(|t| t.split(' ').filter_map(|t| t.parse().ok()).collect());
        let prune: Vec<u32> = args.prune.clone().or_else(noted).unwrap_or_default();
        let counting = match note("counting") {
            Some("adjusted") => Counting::Adjusted,
            _ => Counting::default(),
        };
        let recipe = NgramRecipe {
            cutoff: Cutoff::new(&prune)?,
            counting,
            ..NgramRecipe::new(smoothing, order)
        };
        let bar = Bar::new("counting");
        let train = train_text(name, args, vocab)?;
        let counts = bar.during("counting", COUNT_S * train.targets() as f64, || {
            GramCounts::new(&train, vocab.len(), order)
        })?;
        let source = format!("{name}: {} tokens, {smoothing}{order}", train.targets());
        Ok(Self { deriver: recipe.deriver(counts)?, recipe, source })
    }

    fn print(
        &self,
        context: &[TokenId],
        word: TokenId,
        explained: &Explanation,
        vocab: &Vocab,
        out: &mut dyn Write,
    ) -> Result<()> {
        let derived: Derivation = self.deriver.derive(context, word);
        writeln!(out, "\nfrom the counts of {}", self.source)?;
        writeln!(out, "order 0  1/|V| = 1/{} = {:.6e}", vocab.len(), derived.uniform)?;
        for (k, order) in (1..).zip(&derived.orders) {
            self.order(k, order, vocab, out)?;
        }
        let (counted, stored) = (derived.log10_prob(), explained.found.log10_prob);
        writeln!(
            out,
            "log10 p = {counted:.7}; the table has {stored:.7}, a difference of {:.1e}",
            (counted - stored).abs()
        )?;
        if (counted - stored).abs() > 1e-6 {
            writeln!(
                out,
                "More than rounding: a packed table is coarse; else the model was made from another text, or with other options."
            )?;
        }
        Ok(())
    }

    fn order(&self, k: usize, o: &DerivedOrder, vocab: &Vocab, out: &mut dyn Write) -> Result<()> {
        let context = match k {
            1 => "no context".to_owned(),
            _ => format!("`{}`", spell(&o.gram[..k - 1], vocab)),
        };
        write!(out, "order {k}  `{}`: count {}", spell(&o.gram, vocab), o.raw)?;
        if o.total == 0 {
            writeln!(out, "; nothing follows {context}: p = p of order {} = {:.6e}", k - 1, o.p)?;
            return Ok(());
        }
        if self.deriver.adjusts() {
            write!(out, ", adjusted count {}", o.count)?;
        }
        match o.pruned {
            true => write!(out, ", pruned: its count goes to the back-off weight")?,
            false if self.deriver.adjusts() => write!(out, ", discount {:.6}", o.discount)?,
            false => {}
        }
        let [n1, n2, n3] = o.types;
        writeln!(
            out,
            "\n         after {context}: counts of {} in all, {n1} words once, {n2} twice, {n3} more often",
            o.total
        )?;
        writeln!(out, "         back-off weight = {}", self.weight(k, o))?;
        writeln!(
            out,
            "         p = {:.6}/{:.0} + {:.6} x {:.6e} = {:.6e}",
            f64::from(o.count) - o.discount,
            o.denominator,
            o.gamma,
            o.lower,
            o.p
        )?;
        Ok(())
    }

    /// The sum that the weight of the shorter context is.
    fn weight(&self, k: usize, o: &DerivedOrder) -> String {
        let [n1, n2, n3] = o.types;
        let cut = if o.cut > 0 { format!(" + {}", o.cut) } else { String::new() };
        let top = match (self.recipe.smoothing, self.deriver.discounts().get(k - 1)) {
            (Smoothing::KneserNey, Some(d)) => format!("{:.6} x {}", d.amount[0], n1 + n2 + n3),
            (_, Some(d)) => {
                let [d1, d2, d3] = d.amount;
                format!("{d1:.6} x {n1} + {d2:.6} x {n2} + {d3:.6} x {n3}")
            }
            _ => (n1 + n2 + n3).to_string(),
        };
        format!("({top}{cut})/{:.0} = {:.6}", o.denominator, o.gamma)
    }
}

/// About how long it takes to count, seconds a token.
const COUNT_S: f64 = 3e-7;

/// The text that `harness train ngram --corpus` reads, in the words of the model.
fn train_text(name: &str, args: &QueryArgs, vocab: &Vocab) -> Result<Tokens> {
    let path = Path::new(name);
    let registered = DataSet::all().iter().any(|d| d.name == name);
    if !registered && path.is_file() && path.extension().is_none_or(|e| e != "toml") {
        return Ok(Tokens::from_file(path, vocab)?);
    }
    let corpus = text::load(name, args.text, Preset::Default)?;
    if corpus.vocab.fingerprint() == vocab.fingerprint() {
        return Ok(corpus.train);
    }
    Ok(text::translated(&corpus.train, &corpus.vocab, vocab))
}
