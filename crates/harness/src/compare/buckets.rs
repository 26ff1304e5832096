//! Perplexity by how often the n-gram that ends at a target was seen in training, and the corpus's own sparsity.
use corpus::Corpus;
use lm::Perplexity;
use ngram::{GramCounts, sparsity, target_counts};

use super::contender::Contender;
use crate::record::{Bucket, Sparsity};

/// The longest n-gram of the sparsity table.
const MAX_ORDER: usize = 7;

/// The orders whose counts make buckets.
const BUCKET_ORDERS: [usize; 3] = [2, 3, 5];

/// Ends of the buckets, inclusive.
const BUCKETS: [(u64, Option<u64>); 6] =
    [(0, Some(0)), (1, Some(1)), (2, Some(4)), (5, Some(19)), (20, Some(99)), (100, None)];

/// Training counts of the test text's n-grams.
pub struct Counts {
    /// One row an order.
    pub sparsity: Vec<Sparsity>,
    /// By order of [`BUCKET_ORDERS`]: for every target the index of its bucket.
    bucket_of: Vec<Vec<u8>>,
}

impl Counts {
    /// Counts the training text once and looks the test text up.
    pub fn of(corpus: &Corpus) -> lm::Result<Self> {
        let counts = GramCounts::new(&corpus.train, corpus.vocab.len(), MAX_ORDER)?;
        let row = |s: ngram::Sparsity| Sparsity {
            order: s.order,
            distinct: s.distinct,
            singletons: s.singletons,
            singleton_share: s.singleton_share(),
            fill: s.fill,
            test_tokens: s.grams,
            unseen_token_share: s.unseen_share(),
            test_types: s.types,
            unseen_type_share: s.unseen_type_share(),
            unseen_context_share: s.unseen_context_share(),
        };
        let bucket = |count: u32| {
            let holds = |(lo, hi): &(u64, Option<u64>)| {
                *lo <= count.into() && hi.is_none_or(|hi| u64::from(count) <= hi)
            };
            BUCKETS.iter().position(holds).expect("the buckets cover every count") as u8
        };
        let bucket_of = BUCKET_ORDERS
            .iter()
            .map(|&n| target_counts(&counts, &corpus.test, n).into_iter().map(bucket).collect())
            .collect();
        Ok(Self {
            sparsity: sparsity(&counts, &corpus.test)?.into_iter().map(row).collect(),
            bucket_of,
        })
    }

    /// A model's rows; none for a model without scores.
    pub fn buckets(&self, contender: &Contender) -> Vec<Bucket> {
        let Ok(fitted) = &contender.outcome else { return Vec::new() };
        let mut rows = Vec::new();
        for (order, bucket_of) in BUCKET_ORDERS.iter().zip(&self.bucket_of) {
            let mut sums = [Perplexity::default(); BUCKETS.len()];
            for (&log_prob, &bucket) in fitted.test.scores.log_probs.iter().zip(bucket_of) {
                sums[bucket as usize].add(log_prob, false);
            }
            rows.extend(BUCKETS.iter().zip(sums).filter(|(_, sum)| sum.targets > 0).map(
                |(&(lo, hi), sum)| Bucket {
                    model: contender.id.clone(),
                    seed: contender.seed,
                    order: *order,
                    lo,
                    hi,
                    targets: sum.targets,
                    nll: Some(sum.nll),
                    perplexity: Some(sum.perplexity()),
                },
            ));
        }
        rows
    }
}
