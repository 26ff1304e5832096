//! Where a data set's files are, and whether they are the registered bytes.
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{DataFile, DataSet, Fetch};
use crate::error::{Error, Result};
use crate::input::whole;

/// The folders that hold data sets, in the order they are searched: `$LMLAB_DATA`, then `datasets`.
pub fn search_path() -> Vec<PathBuf> {
    let set = std::env::var_os("LMLAB_DATA").filter(|v| !v.is_empty()).map(PathBuf::from);
    set.into_iter().chain([PathBuf::from("datasets")]).collect()
}

/// What a look at a file's bytes found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// The registered bytes.
    Good,
    /// Other bytes, with their SHA-256.
    Differs(String),
    /// No such file.
    Missing,
}

impl DataFile {
    /// Compares the file under a data folder with its registered sum.
    ///
    /// # Errors
    /// Where it is there but cannot be read.
    pub fn state(&self, folder: &Path) -> Result<FileState> {
        let path = folder.join(&self.path);
        let mut file = match File::open(&path).map_err(|e| Error::io(&path, e)) {
            Err(Error::NotFound { .. }) => return Ok(FileState::Missing),
            other => other?,
        };
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut buffer).map_err(|e| Error::io(&path, e))? {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
        let sum = hex(&hash.finalize());
        Ok(if sum == self.sha256 { FileState::Good } else { FileState::Differs(sum) })
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl DataSet {
    /// The first folder of the [search path](search_path) that holds every file of the set.
    ///
    /// # Errors
    /// [`Error::Absent`] with the folders searched and the cure.
    pub fn locate(&self) -> Result<PathBuf> {
        self.locate_in(&search_path())
    }

    /// As [`locate`](Self::locate), in folders of one's own.
    ///
    /// # Errors
    /// [`Error::Absent`]; where the set is there in part, it names the missing file.
    pub fn locate_in(&self, folders: &[PathBuf]) -> Result<PathBuf> {
        let missing = |folder: &PathBuf| {
            self.files.iter().map(|f| folder.join(&f.path)).find(|p| !p.is_file())
        };
        if let Some(folder) = folders.iter().find(|folder| missing(folder).is_none()) {
            return Ok(folder.clone());
        }
        let partly = |folder: &&PathBuf| self.files.iter().any(|f| folder.join(&f.path).is_file());
        match folders.iter().find(partly).and_then(missing) {
            Some(path) => {
                let looked = vec![format!("{}, which is missing", path.display())];
                Err(Error::Absent { name: self.name.clone(), looked, cure: self.cure() })
            }
            None => Err(self.absent(folders)),
        }
    }

    /// Checks the sums of the files under `folder`. Returns the paths of files that differ, where the set allows it.
    ///
    /// # Errors
    /// A file that differs from the registered bytes, or cannot be read.
    pub fn verify(&self, folder: &Path) -> Result<Vec<String>> {
        let mut differing = Vec::new();
        for file in &self.files {
            match file.state(folder)? {
                FileState::Good => {}
                FileState::Differs(_) if !self.exact => differing.push(file.path.clone()),
                FileState::Differs(sum) => {
                    let what = format!(
                        "these are not the registered bytes of data set `{}` (sha256 {}…, registered {}…)",
                        self.name,
                        &sum[..12],
                        &file.sha256[..12]
                    );
                    let cure = "remove the file and get the data set again, or use the file under its own name with --corpus FILE";
                    return Err(whole(&folder.join(&file.path), &what, cure));
                }
                FileState::Missing => {
                    return Err(Error::NotFound { path: folder.join(&file.path) });
                }
            }
        }
        Ok(differing)
    }

    pub(super) fn absent(&self, folders: &[PathBuf]) -> Error {
        let looked = folders.iter().map(|f| f.join(&self.name).display().to_string()).collect();
        Error::Absent { name: self.name.clone(), looked, cure: self.cure() }
    }

    fn cure(&self) -> String {
        let set = format!("or set LMLAB_DATA to the folder that holds {}", self.files[0].path);
        match self.fetch {
            Fetch::Files => format!("run `harness data fetch {}`, {set}", self.name),
            Fetch::Manual => {
                let note = self.note.as_deref().unwrap_or_default();
                format!("it must be got by hand from {} ({note}), {set}", self.source)
            }
        }
    }
}
