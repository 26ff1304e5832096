//! Builds every storage of an ARPA file and times a text through it: `tables ARPA TEXT FOLDER`.
use std::path::Path;
use std::time::Instant;

use corpus::{Lines, Tokenizer, Tokens};
use lm::{Context, LanguageModel, evaluate};
use ngram::table::{PackedOptions, TableKind, TableModel, estimate_sizes};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, arpa, text, folder] = args.as_slice() else {
        return Err("usage: tables ARPA TEXT FOLDER".into());
    };
    let start = Instant::now();
    let arpa = ngram::read_arpa(Path::new(arpa), None, Tokenizer::Space)?;
    let grams: usize = arpa.model.gram_counts().iter().sum();
    println!("read in {:.0?}: {:?}", start.elapsed(), arpa.model.gram_counts());
    let estimates = estimate_sizes(&arpa.model, &arpa.vocab, &[], PackedOptions::default())?;
    let (mut tokens, mut scratch, mut lines) =
        (Tokens::default(), Vec::new(), Lines::open(Path::new(text))?);
    while let Some(line) = lines.next_line()? {
        arpa.vocab.push_sentence(line.text, &mut scratch, &mut tokens);
    }
    for (kind, estimate) in TableKind::ALL.into_iter().zip(estimates) {
        let path = Path::new(folder).join(format!("{kind}.table"));
        let built = best(3, || drop(TableModel::build(kind, &arpa.model, &arpa.vocab, &[])));
        TableModel::build(kind, &arpa.model, &arpa.vocab, &[])?.save(&path)?;
        let opened = best(5, || drop(TableModel::open(&path)));
        let model = TableModel::open(&path)?;
        let bytes = model.table().file().bytes();
        let mut out = Vec::new();
        let scored = best(5, || model.score(&tokens, Context::Sentence, &mut out));
        let perplexity =
            evaluate(&model, &tokens, Context::Sentence, arpa.vocab.unk()).perplexity();
        let some = &tokens.flat()[..tokens.targets().min(2_000)];
        let (mut distribution, mut off) = (vec![0.0; model.vocab_len()], 0f64);
        let distributions = best(3, || {
            let mut reader = model.reader();
            for &word in some {
                reader.log_probs(&mut distribution);
                reader.feed(word);
            }
        });
        let mut reader = model.reader();
        for &word in some {
            reader.log_probs(&mut distribution);
            off = off.max((distribution.iter().map(|l| l.exp()).sum::<f64>() - 1.0).abs());
            reader.feed(word);
        }
        println!(
            "{kind:6}: {bytes} bytes ({:.3} a gram, estimate {}), built in {:.0} ms, opened in {:.2} ms, {:.1} ns a token, \
             {:.1} us a distribution, sums off by {off:.1e}, perplexity {perplexity:.4}",
            bytes as f64 / grams as f64,
            estimate.bytes,
            built * 1e3,
            opened * 1e3,
            scored * 1e9 / tokens.targets() as f64,
            distributions * 1e6 / some.len() as f64,
        );
    }
    Ok(())
}

/// The shortest of some runs, in seconds.
fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(time).fold(f64::INFINITY, f64::min)
}
