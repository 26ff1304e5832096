//! Builds every storage of an ARPA file and times a text through it: `tables ARPA TEXT`.
use std::path::Path;
use std::time::Instant;

use corpus::{Lines, Tokenizer, Tokens};
use lm::{Context, LanguageModel, evaluate};
use ngram::table::{PackedOptions, TableKind, TableModel, estimate_sizes};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let t = Instant::now();
    let arpa = ngram::read_arpa(Path::new(&args[1]), None, Tokenizer::Space)?;
    println!(
        "read {:?}, orders {:?}, filled {}",
        t.elapsed(),
        arpa.model.gram_counts(),
        arpa.filled
    );
    let t = Instant::now();
    for e in estimate_sizes(&arpa.model, &arpa.vocab, &[], PackedOptions::default())? {
        println!("estimate {e:?}");
    }
    println!("estimated {:?}", t.elapsed());
    let (mut text, mut scratch, mut lines) =
        (Tokens::default(), Vec::new(), Lines::open(Path::new(&args[2]))?);
    while let Some(line) = lines.next_line()? {
        arpa.vocab.push_sentence(line.text, &mut scratch, &mut text);
    }
    let folder = std::env::temp_dir();
    for kind in TableKind::ALL {
        let t = Instant::now();
        let model = TableModel::build(kind, &arpa.model, &arpa.vocab, &[])?;
        let built = t.elapsed();
        let path = folder.join(format!("lmlab-{kind}.table"));
        model.save(&path)?;
        let t = Instant::now();
        let model = TableModel::open(&path)?;
        let opened = t.elapsed();
        let mut out = Vec::new();
        let times: Vec<f64> = (0..5)
            .map(|_| {
                let t = Instant::now();
                model.score(&text, Context::Sentence, &mut out);
                t.elapsed().as_secs_f64() * 1e9 / text.targets() as f64
            })
            .collect();
        let ppl = evaluate(&model, &text, Context::Sentence, arpa.vocab.unk()).perplexity();
        let bytes = std::fs::metadata(&path)?.len();
        let grams: usize = arpa.model.gram_counts().iter().sum();
        let mut reader = model.reader();
        let mut dist = vec![0.0; model.vocab_len()];
        let (mut worst, t) = (0f64, Instant::now());
        let n = 2000.min(text.targets());
        for &w in &text.flat()[..n] {
            reader.log_probs(&mut dist);
            worst = worst.max((dist.iter().map(|l| l.exp()).sum::<f64>() - 1.0).abs());
            reader.feed(w);
        }
        let with_sum = t.elapsed().as_secs_f64() * 1e6 / n as f64;
        let t = Instant::now();
        let mut reader = model.reader();
        for &w in &text.flat()[..n] {
            reader.log_probs(&mut dist);
            reader.feed(w);
        }
        let dist_us = t.elapsed().as_secs_f64() * 1e6 / n as f64;
        println!(
            "{kind}: built {built:?}, opened {opened:?}, {bytes} bytes = {:.3} a gram, ppl {ppl:.4}, ns a token {times:.1?}, distribution {dist_us:.1} us ({with_sum:.0}), sum off by {worst:.2e}",
            bytes as f64 / grams as f64
        );
    }
    Ok(())
}
