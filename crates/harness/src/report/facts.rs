//! What a reader must know to trust or repeat a run: corpus, split, vocabulary, machine, command.
use super::number;
use super::summary::View;
use super::tables;

/// Name and value, in the order of the page. Facts that were not recorded are left out.
pub fn facts(view: &View) -> Vec<(&'static str, String)> {
    let run = view.run();
    let seeds: Vec<String> = run.seeds.iter().map(u64::to_string).collect();
    let mut out = vec![
        (
            "Corpus",
            if run.synthetic {
                format!("{} (SYNTHETIC: generated text)", run.corpus)
            } else {
                run.corpus.clone()
            },
        ),
        ("Split", run.split.clone()),
        (
            "Text",
            format!(
                "{} training tokens in {} sentences; {} validation tokens; {} test tokens ({} bytes)",
                number::count(run.train_tokens),
                number::count(run.train_sentences),
                number::count(run.valid_tokens),
                number::count(run.test_tokens),
                number::count(run.test_bytes)
            ),
        ),
        ("Tokenizer", run.tokenizer.clone()),
        (
            "Vocabulary",
            [number::count(run.vocab) + " types", run.vocab_rule.clone()]
                .into_iter()
                .filter(|s| !s.is_empty())
                .collect::<Vec<_>>()
                .join("; "),
        ),
        ("Context", context(&run.context)),
        ("Preset", run.preset.clone()),
        (if seeds.len() == 1 { "Seed" } else { "Seeds" }, seeds.join(", ")),
        (
            "Machine",
            format!(
                "{}; {} cores, {} used; {} of memory; {}",
                tables::cpu(view),
                run.cores,
                run.threads,
                number::bytes(run.memory_bytes),
                run.os
            ),
        ),
        ("Run", format!("{}; {}", run.started, number::seconds(run.seconds))),
        ("Command", run.command.clone()),
        ("Version", run.version.clone()),
        ("Vocabulary fingerprint", run.vocab_sha256.clone()),
        ("Test text fingerprint", run.test_sha256.clone()),
    ];
    out.retain(|f| !f.1.trim().is_empty());
    out
}

fn context(word: &str) -> String {
    match word {
        "sentence" => "sentence: a model starts afresh at every sentence".into(),
        "stream" => "stream: a model reads the text as one, across sentences".into(),
        other => other.into(),
    }
}

/// How the figures came about, a paragraph each.
pub fn method(view: &View) -> Vec<String> {
    let run = view.run();
    let mut out = vec![
        "Every model predicts every test token, the end of the sentence included and <unk> as one word of the closed vocabulary; perplexity is exp of the mean negative \
         natural log-probability, summed in double precision by one evaluator. Vocabulary, tokenizer and test text are the same for all; their fingerprints are in every row."
            .to_string(),
        "Intervals are 95 % bootstraps over test sentences (1,000 redraws). Two models are compared on the same redraws; “better” means that the whole interval of the ratio of \
         their perplexities lies below one. The intervals say how much hangs on the test sentences drawn; they do not cover another training seed or another corpus."
            .to_string(),
        format!(
            "Times are wall-clock on {}. Training is timed once; scoring speed is the median of five rounds over all models after a warm-up round; the latency is that of \
             feeding one token and asking for the whole next-word distribution, on one thread. Peak heap is counted by the allocator of the program.",
            number::plural(run.threads, "thread")
        ),
    ];
    if run.synthetic {
        out.push("The text is SYNTHETIC: a grammar with known probabilities wrote it, so the oracle's row is the true distribution and the gap to it is exact.".into());
    }
    out
}
