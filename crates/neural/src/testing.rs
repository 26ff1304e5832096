//! For tests of the networks' crates: one small text, and the drills that every model in training must pass.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use corpus::{Corpus, CorpusOptions, Tokens, Vocab};
use lm::{Context, Error, LanguageModel, Log, Progress, Result, Unigram, conformance, evaluate};
use nn::Real;
use nn::checkpoint::Checkpoints;
use nn::fit::{At, Task};
use nn::params::Params;
use nn::rng::{stream, unit};

/// Sentences of a chain over 12 words in which two successors of each word are likely.
pub fn markov() -> Corpus {
    let mut rng = stream(7, "markov text");
    let mut sentence = || {
        let (mut word, mut text) = (0, Vec::new());
        for _ in 0..4 + (unit(&mut rng) * 9.0) as usize {
            let chance = unit(&mut rng);
            word = match chance {
                c if c < 0.6 => (word * 5 + 1) % 12,
                c if c < 0.9 => (word * 7 + 4) % 12,
                _ => (unit(&mut rng) * 12.0) as usize,
            };
            text.push(format!("w{word}"));
        }
        text.join(" ")
    };
    let parts = [600, 60, 60].map(|n| (0..n).map(|_| sentence()).collect());
    Corpus::from_sentences("markov", &parts, "made".into(), CorpusOptions::default())
}

/// Every number of a network, bit by bit.
pub fn bits<P: Params<Num = f32>>(net: &P) -> Vec<u32> {
    let mut bits = Vec::new();
    net.tensors(&mut |t| bits.extend(t.data.iter().map(|x| x.to_bits())));
    bits
}

/// The squared norm that a task knows after a step is that of the tensor it names; says whether there is one.
///
/// # Panics
/// When it is another's.
pub fn knows_a_squared_norm<T: Task>(task: &mut T, net: &T::Model) -> bool {
    let mut grad = net.zeros_like();
    task.begin_epoch(0);
    for batch in 0..2 {
        grad.set_zero();
        task.loss_grad(net, At { epoch: 0, batch, step: batch }, &mut grad);
        let Some((name, known)) = task.squared_norm() else { return false };
        let mut found = 0;
        grad.tensors(&mut |t| {
            let square: f64 = t.data.iter().map(|x| x.as_f64() * x.as_f64()).sum();
            let same = (known - square).abs() <= 1e-9 * square;
            assert!(t.name != name || same, "{name}: {square}, known {known}");
            found += usize::from(t.name == name);
        });
        assert_eq!(found, 1, "tensors called {name}");
    }
    true
}

/// A trained model keeps the contract of a language model, clearly beats the unigram model, and counts its weights.
pub fn keeps_the_contract<P: Params>(model: &dyn LanguageModel, net: &P, corpus: &Corpus) {
    let mut counts = vec![0; corpus.vocab.len()];
    corpus.train.flat().iter().for_each(|t| counts[t.index()] += 1);
    let unk = corpus.vocab.unk();
    let perplexity = |model: &dyn LanguageModel, context| {
        evaluate(model, &corpus.test, context, unk).perplexity()
    };
    let unigram = perplexity(&Unigram::from_counts(&counts), Context::Stream);
    conformance::check_within(model, &corpus.test, 1e-5, 1e-4);
    for context in [Context::Stream, Context::Sentence] {
        let reached = perplexity(model, context);
        assert!(reached < 0.8 * unigram, "{reached} in {context}, unigram {unigram}");
    }
    let footprint = model.footprint();
    let numbers = net.numbers() as u64;
    assert_eq!((footprint.params, footprint.bytes), (numbers, numbers * 4));
}

/// `run` gives the same on 1, 2 and 4 threads, and twice.
pub fn same_on_any_number_of_threads<T: PartialEq + Send>(run: impl Fn() -> T + Sync) {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(&run)
    };
    let one = on(1);
    assert!(on(2) == one && on(4) == one, "another number of threads");
    assert!(on(1) == one, "the same run twice");
}

/// What a trained network's bits and its scores of a text come to.
pub fn scores(model: &dyn LanguageModel, text: &Tokens) -> Vec<u64> {
    let mut scores = Vec::new();
    model.score(text, Context::Sentence, &mut scores);
    scores.iter().map(|s| s.to_bits()).collect()
}

/// Trains with a break after every few steps, again and again, each time from the file alone, to the end.
pub fn in_many_sessions<M>(
    path: &Path,
    mut train: impl FnMut(Checkpoints, &mut Log<'_>) -> Result<M>,
) -> M {
    let mut sessions = 0;
    loop {
        let checkpoints =
            Checkpoints { path: path.into(), every: Duration::ZERO, resume: sessions > 0 };
        let mut points = 0;
        // stops at the second point it had not been told before
        let result = train(checkpoints, &mut |progress| match progress {
            Progress::Point(_) => {
                points += 1;
                if points > sessions + 1 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            }
            Progress::Step { .. } => ControlFlow::Continue(()),
        });
        sessions += 1;
        match result {
            Ok(model) => {
                assert!(sessions > 2, "{sessions} sessions test nothing");
                return model;
            }
            Err(Error::Interrupted) => assert!(sessions < 10, "no end"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A saved model's file, cut, emptied, replaced by prose and with its last bit flipped, is refused as a damaged file.
pub fn damage_is_seen<M: LanguageModel>(
    model: &M,
    vocab: &Vocab,
    path: &Path,
    load: impl Fn(&Path) -> Result<M>,
) {
    model.save(path, vocab).expect("a folder to write to");
    let whole = std::fs::read(path).expect("just written");
    let mut flipped = whole.clone();
    *flipped.last_mut().expect("a model") ^= 1;
    for damage in [whole[..whole.len() / 2].to_vec(), Vec::new(), b"what is this".to_vec(), flipped]
    {
        std::fs::write(path, damage).expect("just written");
        match load(path) {
            Err(Error::File { .. }) => {}
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("a damaged file is no model"),
        }
    }
}
