//! Perplexity of a text under a table file: `summary TABLE < TEXT`.
use std::path::Path;

use ngram::table::TableModel;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("usage: summary TABLE < TEXT")?;
    let model = TableModel::open(Path::new(&file))?;
    let summary = model.summarise(
        &model.vocab()?,
        &mut std::io::stdin().lock(),
        Path::new("standard input"),
    )?;
    println!("{} tokens, perplexity {:.4}", summary.tokens, summary.mean_nll().exp());
    Ok(())
}
