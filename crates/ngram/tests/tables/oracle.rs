//! Random normalised back-off models, and the definition of a back-off model in ten lines.
use std::collections::{BTreeMap, HashMap};

use corpus::{EOS, TokenId, Tokenizer, Tokens, UNK, Vocab};
use ngram::{BackoffModel, GramTable};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A model, its vocabulary and a text over it.
pub struct Sample {
    pub model: BackoffModel,
    pub vocab: Vocab,
    pub text: Tokens,
}

/// `</s>`, `<unk>`, then a, b, c, … with every byte length up to three.
pub fn vocab(len: usize) -> Vocab {
    let letters =
        (0..len - 2).map(|i| if i % 3 == 2 { format!("wörd{i}") } else { format!("w{i}") });
    Vocab::new(
        [EOS.to_owned(), UNK.to_owned()]
            .into_iter()
            .chain(letters)
            .map(|w| (w.into(), 0))
            .collect(),
        Tokenizer::Space,
    )
}

/// Every n-gram of a random text gets a random probability; weights are what makes the distributions sum to one.
pub fn sample(seed: u64, vocab_len: usize, order: usize, sentences: usize) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut text = Tokens::default();
    let bos = vocab_len as u32;
    let mut grams: Vec<BTreeMap<Vec<u32>, f64>> = vec![BTreeMap::new(); order];
    for _ in 0..sentences {
        let length = rng.random_range(0..9);
        let mut words: Vec<u32> = (0..length).map(|_| skewed(&mut rng, vocab_len)).collect();
        words.push(0);
        text.push_sentence(&words.iter().map(|&w| TokenId(w)).collect::<Vec<_>>(), 1);
        words.insert(0, bos);
        for k in 2..=order {
            grams[k - 1].extend(words.windows(k).map(|gram| (reversed(gram), 0.0)));
        }
    }
    grams[0].extend((0..=bos).map(|w| (vec![w], 0.0)));
    Sample { model: with_probabilities(grams, vocab_len, &mut rng), vocab: vocab(vocab_len), text }
}

fn skewed(rng: &mut impl Rng, vocab_len: usize) -> u32 {
    let u: f64 = rng.random();
    1 + ((u * u) * (vocab_len - 1) as f64) as u32
}

fn reversed(gram: &[u32]) -> Vec<u32> {
    gram.iter().rev().copied().collect()
}

fn with_probabilities(
    grams: Vec<BTreeMap<Vec<u32>, f64>>,
    vocab_len: usize,
    rng: &mut impl Rng,
) -> BackoffModel {
    let bos = vocab_len as u32;
    let mut values: HashMap<Vec<u32>, (f32, f32)> = HashMap::new();
    for table in &grams {
        let mut by_context: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
        for gram in table.keys().map(|g| reversed(g)).filter(|g| *g != [bos]) {
            by_context
                .entry(gram[..gram.len() - 1].to_vec())
                .or_default()
                .push(gram[gram.len() - 1]);
        }
        for (context, words) in by_context {
            let all = words.len() == vocab_len;
            let rest = if all { 0.0 } else { rng.random_range(0.01..0.9) };
            let weights: Vec<f64> =
                words.iter().map(|_| rng.random_range(0.05f64..1.0).powi(3)).collect();
            let total: f64 = weights.iter().sum();
            let mut above = 0.0;
            for (word, weight) in words.iter().zip(weights) {
                let log10 = (weight / total * (1.0 - rest)).log10() as f32;
                above += 10f64.powf(f64::from(log10));
                values.insert([context.as_slice(), &[*word]].concat(), (log10, 0.0));
            }
            if !context.is_empty() && !all {
                // The others' mass is summed, not taken from 1: a small difference of large numbers would be inexact.
                let others = (0..bos).filter(|w| !words.contains(w));
                let below: f64 = others
                    .map(|w| 10f64.powf(naive(&values, &[&context[1..], &[w]].concat()).0))
                    .sum();
                values.get_mut(&context).unwrap().1 = ((1.0 - above) / below).log10() as f32;
            }
        }
        if table.contains_key(&vec![bos]) {
            values.insert(vec![bos], (-99.0, 0.0));
        }
    }
    let order = grams.len();
    let table = |(k, grams): (usize, BTreeMap<Vec<u32>, f64>)| {
        let mut table = GramTable::default();
        for gram in grams.into_keys().map(|g| reversed(&g)) {
            table.log10_prob.push(values[&gram].0);
            if k + 1 < order {
                table.log10_backoff.push(values[&gram].1);
            }
            table.words.extend(gram);
        }
        table
    };
    BackoffModel { vocab_len, tables: grams.into_iter().enumerate().map(table).collect() }
}

/// All grams of a model by their words.
pub fn values(model: &BackoffModel) -> HashMap<Vec<u32>, (f32, f32)> {
    let mut values = HashMap::new();
    for (k, table) in (1..).zip(&model.tables) {
        for (i, gram) in table.words.chunks_exact(k).enumerate() {
            values.insert(
                gram.to_vec(),
                (table.log10_prob[i], table.log10_backoff.get(i).copied().unwrap_or(0.0)),
            );
        }
    }
    values
}

/// log10 p(last word | words before) by the definition, and the length of the gram found.
pub fn naive(values: &HashMap<Vec<u32>, (f32, f32)>, gram: &[u32]) -> (f64, usize) {
    if let Some(&(prob, _)) = values.get(gram) {
        return (f64::from(prob), gram.len());
    }
    let weight =
        values.get(&gram[..gram.len() - 1]).map_or(0.0, |&(_, backoff)| f64::from(backoff));
    let (lower, length) = naive(values, &gram[1..]);
    (weight + lower, length)
}

/// Contexts worth asking: every stored one, every stored one with a strange word before it, random ones.
pub fn contexts(sample: &Sample, seed: u64) -> Vec<Vec<u32>> {
    let (mut rng, model) = (ChaCha8Rng::seed_from_u64(seed), &sample.model);
    let mut contexts = vec![vec![]];
    for (k, table) in (1..model.order()).zip(&model.tables) {
        for gram in table.words.chunks_exact(k) {
            contexts.push(gram.to_vec());
            if gram[0] as usize != model.vocab_len && k + 1 < model.order() {
                contexts.push([&[skewed(&mut rng, model.vocab_len)], gram].concat());
            }
        }
    }
    for _ in 0..50 {
        contexts.push((1..model.order()).map(|_| skewed(&mut rng, model.vocab_len)).collect());
    }
    contexts
}
