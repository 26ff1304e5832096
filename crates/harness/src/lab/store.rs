//! Finished experiments on disk: `DIR/experiments/NAME.json`, written whole or not at all.
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use corpus::Corpus;
use corpus::whole_file;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Outcome;
use crate::error::Failure;
use crate::registry::Preset;
use crate::text;

/// What decides whether a stored outcome is the one asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// "quick", "default", "full".
    pub preset: String,
    /// The text's name.
    pub corpus: String,
    /// Over the vocabulary and the three splits.
    pub corpus_sha256: String,
    /// First seed.
    pub seed: u64,
    /// Number of seeds asked for, if any.
    pub seeds: Option<u64>,
    /// Version of the suite.
    pub version: String,
}

impl Key {
    /// The key of a run.
    pub fn new(corpus: &Corpus, preset: Preset, seed: u64, seeds: Option<u64>) -> Self {
        let mut hash = Sha256::new();
        hash.update(corpus.vocab.fingerprint());
        for part in [&corpus.train, &corpus.valid, &corpus.test] {
            hash.update(text::sha256(part));
        }
        Self {
            preset: preset.to_string(),
            corpus: corpus.name.clone(),
            corpus_sha256: hash.finalize().iter().map(|b| format!("{b:02x}")).collect(),
            seed,
            seeds,
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// A finished experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Its name.
    pub experiment: String,
    /// What it was run on.
    pub key: Key,
    /// Seconds it took.
    pub seconds: f64,
    /// What came out.
    pub outcome: Outcome,
}

fn file(dir: &Path, experiment: &str) -> PathBuf {
    dir.join("experiments").join(format!("{experiment}.json"))
}

/// The stored outcome of an experiment under this key; `None` where there is none, or it is another run's or unreadable.
pub fn load(dir: &Path, experiment: &str, key: &Key) -> Option<Stored> {
    let stored: Stored = serde_json::from_slice(&fs::read(file(dir, experiment)).ok()?).ok()?;
    (stored.key == *key && stored.experiment == experiment).then_some(stored)
}

/// Stores an outcome with its tables as CSV.
///
/// # Errors
/// Where the folder cannot be written.
pub fn save(dir: &Path, stored: &Stored) -> Result<()> {
    for table in &stored.outcome.tables {
        write(
            &dir.join("data").join(format!("{}-{}.csv", stored.experiment, table.name)),
            &table.csv()?,
        )?;
    }
    write(&file(dir, &stored.experiment), &serde_json::to_vec(stored)?)
}

/// Writes a file under a temporary name, then renames it; folders are made.
///
/// # Errors
/// [`Failure::Create`] with the path.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(whole_file::folder(path))
        .and_then(|()| whole_file::replace(path, |file| file.write_all(bytes)))
        .map_err(|e| Failure::Create { path: path.into(), what: e.to_string() })
        .with_context(|| format!("writing {}", path.display()))
}
