//! Where an estimate goes that is too large to be held: order by order, piece by piece.
use std::io::Write;
use std::path::Path;

use corpus::Vocab;
use lm::{Error, Log, Result};
use rayon::prelude::*;

use super::StoredEstimate;
use crate::arpa::{Spelling, gzipped, lines};
use crate::backoff::{BackoffModel, GramTable};
use crate::file::write_atomically;

/// Takes the n-grams of a model one after the other.
pub trait GramSink {
    /// First: |V| and how many n-grams of each order will come.
    ///
    /// # Errors
    /// What the sink cannot take.
    fn begin(&mut self, vocab_len: usize, counts: &[u64]) -> Result<()>;

    /// The next n-grams of an order in suffix order, in pieces. Orders come in ascending order, all unigrams first.
    ///
    /// # Errors
    /// What the sink cannot take.
    fn grams(&mut self, order: usize, pieces: &[GramTable]) -> Result<()>;

    /// Last.
    ///
    /// # Errors
    /// What the sink cannot take.
    fn end(&mut self) -> Result<()>;
}

/// The model in memory, for those that fit.
impl GramSink for BackoffModel {
    fn begin(&mut self, vocab_len: usize, counts: &[u64]) -> Result<()> {
        let tables = vec![GramTable::default(); counts.len()];
        *self = BackoffModel { vocab_len, tables };
        for (k, (table, &count)) in (1..).zip(self.tables.iter_mut().zip(counts)) {
            table.words.reserve_exact(k * count as usize);
            table.log10_prob.reserve_exact(count as usize);
            table.log10_backoff.reserve_exact(if k < counts.len() { count as usize } else { 0 });
        }
        Ok(())
    }

    fn grams(&mut self, order: usize, pieces: &[GramTable]) -> Result<()> {
        let table = &mut self.tables[order - 1];
        for piece in pieces {
            table.words.extend_from_slice(&piece.words);
            table.log10_prob.extend_from_slice(&piece.log10_prob);
            table.log10_backoff.extend_from_slice(&piece.log10_backoff);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// An ARPA file; pieces are formatted (and compressed) in parallel.
struct ArpaSink<'a> {
    out: &'a mut dyn Write,
    path: &'a Path,
    spelling: Spelling,
    gzip: bool,
    order: usize,
}

impl ArpaSink<'_> {
    fn put(&mut self, text: String) -> Result<()> {
        gzipped(text.into_bytes(), self.gzip)
            .and_then(|bytes| self.out.write_all(&bytes))
            .map_err(|source| Error::Io { path: self.path.into(), source })
    }
}

impl GramSink for ArpaSink<'_> {
    fn begin(&mut self, _: usize, counts: &[u64]) -> Result<()> {
        let lines = (1..).zip(counts).map(|(k, n)| format!("ngram {k}={n}\n"));
        self.put(format!("\\data\\\n{}", lines.collect::<String>()))
    }

    fn grams(&mut self, order: usize, pieces: &[GramTable]) -> Result<()> {
        while self.order < order {
            self.order += 1;
            self.put(format!("\n\\{}-grams:\n", self.order))?;
        }
        let texts: Vec<std::io::Result<Vec<u8>>> = pieces
            .par_iter()
            .map(|piece| gzipped(lines(piece, order, 0..piece.len(), &self.spelling)?, self.gzip))
            .collect();
        texts
            .into_iter()
            .try_for_each(|text| self.out.write_all(&text?))
            .map_err(|source| Error::Io { path: self.path.into(), source })
    }

    fn end(&mut self) -> Result<()> {
        self.put("\n\\end\\\n".into())
    }
}

impl StoredEstimate {
    /// Writes an ARPA file, compressed if the name ends in `.gz`: the bytes that [`crate::write_arpa`] writes for the same
    /// model, and like there the whole file or none.
    ///
    /// # Errors
    /// If the vocabulary is not the model's, the file cannot be written, or the work is interrupted.
    pub fn write_arpa(&self, path: &Path, vocab: &Vocab, log: &mut Log<'_>) -> Result<()> {
        if self.vocab_len() != vocab.len() {
            let (n, v) = (self.vocab_len(), vocab.len());
            return Err(Error::Unfit {
                what: format!("a model of {n} words with a vocabulary of {v}"),
                cure: "use the vocabulary that the model was trained with".into(),
            });
        }
        let gzip = path.extension().is_some_and(|e| e == "gz");
        let mut refused = None;
        let written = write_atomically(path, |out| {
            let mut sink = ArpaSink { out, path, spelling: Spelling::new(vocab), gzip, order: 0 };
            self.emit(&mut sink, log).map_err(|error| {
                refused = Some(error);
                std::io::Error::other("the model was not written")
            })
        });
        match refused {
            Some(error) => Err(error),
            None => written,
        }
    }

    /// The model in memory, as sorted tables.
    ///
    /// # Errors
    /// If the temporary files cannot be read; interruption.
    pub fn to_backoff(&self, log: &mut Log<'_>) -> Result<BackoffModel> {
        let mut model = BackoffModel::default();
        self.emit(&mut model, log)?;
        Ok(model)
    }
}
