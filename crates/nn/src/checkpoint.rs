//! Checkpoints: the last snapshot of a run in a file, so that a killed run loses minutes and a resumed one ends in the
//! same bits.
//!
//! Two generations are kept: `FILE` and, with `.previous` appended, the one before; if the newer cannot be read the
//! older is taken. A checkpoint names its run by configuration, vocabulary and corpus; another run's is refused.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::fit::{Position, Snapshot};
use crate::params::Params;
use crate::tensorfile::{Entry, TensorFile, entries, write};

const FORMAT: &str = "lmlab-checkpoint 1";

/// What makes two runs the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The configuration as a JSON object; compared key by key.
    pub config: Value,
    /// Fingerprint of the vocabulary.
    pub vocab: String,
    /// Fingerprint of the training and validation text.
    pub corpus: String,
}

impl Identity {
    fn to_json(&self) -> Value {
        serde_json::json!({ "config": self.config, "vocab": self.vocab, "corpus": self.corpus })
    }
}

/// Where a run keeps its checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoints {
    /// The file.
    pub path: PathBuf,
    /// Time between two.
    pub every: Duration,
    /// Go on from what is there.
    pub resume: bool,
}

/// Keeps the checkpoints of one run.
#[derive(Debug)]
pub struct Keeper {
    file: Checkpoints,
    identity: Identity,
    last: Instant,
}

impl Keeper {
    /// Checkpoints of the run `identity`. With `resume`, training goes on from what is there; without, it starts anew
    /// and overwrites.
    pub fn new(file: &Checkpoints, identity: Identity) -> Self {
        Self { file: file.clone(), identity, last: Instant::now() }
    }

    /// Where the older generation is.
    pub fn previous(&self) -> PathBuf {
        let mut name = self.file.path.clone().into_os_string();
        name.push(".previous");
        name.into()
    }

    /// Removes both generations: the run is over and its result is saved.
    pub fn remove(&self) -> Result<()> {
        for path in [&self.file.path, &self.previous()] {
            match std::fs::remove_file(path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io(path, e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Is it time for a checkpoint?
    pub(crate) fn due(&self) -> bool {
        self.last.elapsed() >= self.file.every
    }

    pub(crate) fn save<M: Params>(&mut self, snapshot: &Snapshot<M>, best: &M) -> Result<()> {
        let mut list = entries(&snapshot.model, "w.");
        list.extend(entries(best, "best."));
        if snapshot.position.averaging.is_some() {
            list.extend(snapshot.mean.iter().flat_map(|mean| entries(mean, "mean.")));
        }
        for (k, moment) in snapshot.optimizer.moments.iter().enumerate() {
            for (i, data) in moment.iter().enumerate() {
                list.push(Entry { name: format!("m{k}.{i}"), dims: vec![data.len()], data });
            }
        }
        list.push(Entry {
            name: "carried".into(),
            dims: vec![snapshot.carried.len()],
            data: &snapshot.carried,
        });
        let mut meta = Map::new();
        meta.insert("format".into(), FORMAT.into());
        meta.insert("run".into(), self.identity.to_json());
        meta.insert("optimizer_steps".into(), snapshot.optimizer.steps.into());
        meta.insert(
            "position".into(),
            serde_json::to_value(&snapshot.position).expect("plain data"),
        );
        match std::fs::rename(&self.file.path, self.previous()) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io(&self.file.path, e));
            }
            _ => {}
        }
        write(&self.file.path, list, meta)?;
        self.last = Instant::now();
        Ok(())
    }

    /// Fills `snapshot` and `best` from the newest checkpoint that can be read; leaves them alone if there is none, or
    /// if this run is not to resume.
    pub(crate) fn resume<M: Params>(&self, snapshot: &mut Snapshot<M>, best: &mut M) -> Result<()> {
        if !self.file.resume {
            return Ok(());
        }
        let newest = match self.read(&self.file.path, snapshot, best) {
            Ok(found) => Ok(found),
            // half a file cannot be there, but a disk can fail: the older generation is for that
            Err(error @ Error::File { .. }) => match self.read(&self.previous(), snapshot, best) {
                Ok(true) => return Ok(()),
                _ => Err(error),
            },
            Err(other) => Err(other),
        }?;
        if !newest {
            self.read(&self.previous(), snapshot, best)?;
        }
        Ok(())
    }

    fn read<M: Params>(
        &self,
        path: &Path,
        snapshot: &mut Snapshot<M>,
        best: &mut M,
    ) -> Result<bool> {
        if !path.exists() {
            return Ok(false);
        }
        let file = TensorFile::read(path)?;
        if file.meta.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(file.damaged(format!("this is no checkpoint of the format `{FORMAT}`")));
        }
        let run = file.meta.get("run").unwrap_or(&Value::Null);
        if let Some(difference) = difference("", run, &self.identity.to_json()) {
            return Err(Error::OtherRun { path: path.into(), difference });
        }
        let position: Option<Position> =
            file.meta.get("position").and_then(|p| serde_json::from_value(p.clone()).ok());
        let steps = file.meta.get("optimizer_steps").and_then(Value::as_u64);
        let (Some(position), Some(steps)) = (position, steps) else {
            return Err(file.damaged("its header lacks the position".into()));
        };
        file.fill(&mut snapshot.model, "w.")?;
        file.fill(best, "best.")?;
        if let (Some(mean), Some(_)) = (&mut snapshot.mean, position.averaging) {
            file.fill(mean, "mean.")?;
        }
        for (k, moment) in snapshot.optimizer.moments.iter_mut().enumerate() {
            for (i, data) in moment.iter_mut().enumerate() {
                file.fill_one(&format!("m{k}.{i}"), &[data.len()], data)?;
            }
        }
        snapshot.carried = file.get::<M::Num>("carried")?.1;
        snapshot.optimizer.steps = steps;
        snapshot.position = position;
        Ok(true)
    }
}

/// The first difference between two JSON values, as words.
fn difference(key: &str, found: &Value, wanted: &Value) -> Option<String> {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let keys = wanted.keys().chain(found.keys().filter(|k| !wanted.contains_key(*k)));
            keys.map(|k| {
                let path = if key.is_empty() { k.clone() } else { format!("{key}.{k}") };
                let value = |map: &Map<String, Value>| map.get(k).cloned().unwrap_or(Value::Null);
                difference(&path, &value(found), &value(wanted))
            })
            .find_map(|d| d)
        }
        _ if found == wanted => None,
        _ => Some(format!("{key} is {found} there and {wanted} here")),
    }
}

/// A fingerprint of sequences of numbers: for corpora.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
