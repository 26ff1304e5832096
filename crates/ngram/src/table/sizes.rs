//! File sizes before anything is built.
use corpus::Vocab;
use lm::Result;

use super::{MAX_ORDER, PackedOptions, TableKind, container, hash_build, packed_build, trie};
use crate::backoff::BackoffModel;

/// What one storage would take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeEstimate {
    /// The storage.
    pub kind: TableKind,
    /// Bytes of the file.
    pub bytes: usize,
    /// Bytes an n-gram.
    pub bytes_per_gram: f64,
}

/// The sizes of all storages for a model. Trie and packed are exact; hash may come out larger where keys cluster by bad
/// luck. Ranks are counted, so this sorts the model once, but allocates and writes no table.
///
/// # Errors
/// Where the model cannot be stored at all.
pub fn estimate_sizes(
    model: &BackoffModel,
    vocab: &Vocab,
    notes: &[(String, String)],
    options: PackedOptions,
) -> Result<Vec<SizeEstimate>> {
    container::check(model, vocab)?;
    assert!(model.order() <= MAX_ORDER, "checked");
    let counts = model.gram_counts();
    let (hash, hash_shape) = hash_build::section_bytes(&counts, model.vocab_len);
    let (packed, packed_shape) = packed_build::section_bytes(model, options)?;
    let all = [
        (TableKind::Hash, hash, hash_shape),
        (TableKind::Trie, trie::section_bytes(&counts, model.vocab_len), vec![]),
        (TableKind::Packed, packed, packed_shape),
    ];
    let grams = counts.iter().sum::<usize>() as f64;
    Ok(all
        .into_iter()
        .map(|(kind, own, shape)| {
            let bytes = container::bytes(counts.clone(), vocab, notes, &shape, &own);
            SizeEstimate { kind, bytes, bytes_per_gram: bytes as f64 / grams }
        })
        .collect())
}
