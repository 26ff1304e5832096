//! What the files of all storages have in common: section 0 the description, section 1 the words, then the storage's own.
use std::path::Path;

use corpus::Vocab;
use lm::{Error, Result};

use super::{MAX_ORDER, Meta, TableKind, hash_build, meta, packed_build, trie};
use crate::backoff::BackoffModel;
use crate::file::{Image, ImageBuilder, file_bytes};

/// Sections before the storage's own.
pub(super) const OWN: usize = 2;

/// A table's file, open and checked.
pub struct TableFile {
    pub(super) image: Image,
    meta: Meta,
    /// Numbers of the storage itself.
    pub(super) shape: Vec<u64>,
    kind: TableKind,
}

impl TableFile {
    /// Maps a file and checks all of it; any damage is an error.
    pub fn open(path: &Path) -> Result<Self> {
        Self::new(Image::open(path)?)
    }

    /// From a checked image.
    pub(super) fn new(image: Image) -> Result<Self> {
        let kind = TableKind::ALL.into_iter().find(|&k| k as u32 == image.kind());
        let kind = kind.ok_or_else(|| {
            image.refused(format!("storage {} is unknown to this program", image.kind()))
        })?;
        let (meta, shape) = Meta::decode(&image)?;
        Ok(Self { image, meta, shape, kind })
    }

    /// What the file says of itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The storage in it.
    pub fn kind(&self) -> TableKind {
        self.kind
    }

    /// Bytes of the file: what is mapped, and what a query needs.
    pub fn bytes(&self) -> usize {
        self.image.len()
    }

    /// The format's version, which every table file begins with.
    pub fn version(&self) -> u64 {
        crate::file::VERSION
    }

    /// What the file consists of, with the bytes of each: header, description, words, then the storage's own sections.
    /// Padding is counted where it stands, so the bytes add up to the file's.
    pub fn sections(&self) -> Vec<(String, usize)> {
        let order = self.meta.order();
        let own = match self.kind {
            TableKind::Hash => hash_build::section_names(order),
            TableKind::Trie => trie::section_names(order),
            TableKind::Packed => packed_build::section_names(order),
        };
        let names = ["description", "words"].map(String::from).into_iter().chain(own);
        let sizes = self.image.section_bytes();
        let header = self.bytes() - sizes.iter().sum::<usize>();
        std::iter::once(("header".to_owned(), header)).chain(names.zip(sizes)).collect()
    }

    /// The vocabulary in the file; training counts are not kept (they are zero).
    pub fn vocab(&self) -> Result<Vocab> {
        meta::decode_words(&self.image, &self.meta)
    }

    /// Writes the table to another file, atomically.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.image.save(path)
    }
}

/// Starts an image: checks that model and vocabulary fit, writes description and words.
pub(super) fn begin(
    kind: TableKind,
    model: &BackoffModel,
    vocab: &Vocab,
    notes: &[(String, String)],
    shape: &[u64],
    own: usize,
) -> Result<ImageBuilder> {
    check(model, vocab)?;
    let mut image = ImageBuilder::new(kind as u32, OWN + own);
    head(&mut image, model.gram_counts(), vocab, notes, shape);
    Ok(image)
}

/// Writes description and words.
pub(super) fn head(
    image: &mut ImageBuilder,
    gram_counts: Vec<usize>,
    vocab: &Vocab,
    notes: &[(String, String)],
    shape: &[u64],
) {
    image.push(&Meta::new(vocab, gram_counts, notes).encode(shape));
    image.push(&meta::encode_words(vocab));
}

/// A model and a vocabulary that a table can hold.
pub(super) fn check(model: &BackoffModel, vocab: &Vocab) -> Result<()> {
    check_sizes(model.order(), model.vocab_len, vocab)
}

/// [`check`] of a model of this order over so many words.
pub(super) fn check_sizes(order: usize, vocab_len: usize, vocab: &Vocab) -> Result<()> {
    if order > MAX_ORDER {
        let what = format!("a model of order {order}");
        return Err(Error::Unfit { what, cure: format!("tables hold orders up to {MAX_ORDER}") });
    }
    if vocab_len != vocab.len() {
        let what = format!("a model of {vocab_len} words with a vocabulary of {}", vocab.len());
        return Err(Error::Unfit {
            what,
            cure: "use the vocabulary that the model was trained with".into(),
        });
    }
    Ok(())
}

/// Bytes of a file with such own sections.
pub(super) fn bytes(
    gram_counts: Vec<usize>,
    vocab: &Vocab,
    notes: &[(String, String)],
    shape: &[u64],
    own: &[usize],
) -> usize {
    let description = Meta::new(vocab, gram_counts, notes).encode(shape).len();
    file_bytes(&[&[description, meta::words_bytes(vocab)], own].concat())
}
