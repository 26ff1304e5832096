//! The registry of data sets: what `datasets/manifest.toml` says, typed, and where the files are.
//!
//! A name is looked up in the manifest that is compiled in; its files under `$LMLAB_DATA`, then under `datasets/` of the
//! current folder ([`locate`](DataSet::locate)). Files are checked against their SHA-256 whenever they are loaded: a
//! figure on PTB is a figure on these bytes.
mod load;
mod locate;
mod splits;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

pub use load::load;
pub use locate::{FileState, search_path};
pub use splits::Splits;

pub(crate) use locate::hex;

use crate::corpus::CorpusOptions;
use crate::error::{Error, Result, nearest};
use crate::split::Part;
use crate::tokenizer::Tokenizer;
use crate::vocab::VocabLimits;

const MANIFEST: &str = include_str!("../../../../datasets/manifest.toml");

static REGISTRY: LazyLock<Vec<DataSet>> = LazyLock::new(|| {
    // The text is part of the program: a test reads it, so that this cannot fail in a user's hands.
    let manifest: Manifest =
        toml::from_str(MANIFEST).expect("datasets/manifest.toml is well-formed");
    manifest.dataset
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    dataset: Vec<DataSet>,
}

/// How the files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A sentence a line.
    Lines,
    /// `word/tag`, a sentence a line.
    Tagged,
    /// CoNLL-U.
    Conllu,
    /// `token TAB tag`, a token a line.
    TokenTag,
    /// Two files, translations line by line.
    Parallel,
    /// One file a class, a sentence a line.
    Classes,
}

/// Where the splits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitRule {
    /// The data set's own files.
    Files,
    /// 90/5/5 by blocks of sentences ([`SplitPlan`](crate::SplitPlan)), of each file apart.
    Blocks,
    /// Bengio et al. 2003: the first 800,000 words train, the next 200,000 valid, the rest test; a sentence belongs where
    /// its first word falls.
    #[serde(rename = "bengio-2003")]
    Bengio2003,
}

/// How a user gets the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fetch {
    /// Each file has a public address that serves these very bytes.
    Files,
    /// By hand from the source page: an archive, or files that must be put together.
    Manual,
}

/// One file of a data set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Where it lies under the data folder.
    pub path: String,
    /// Its split, where the data set has files of its own for each.
    pub part: Option<Part>,
    /// The class or the language of its lines.
    pub label: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its public address.
    pub url: Option<String>,
}

/// One entry of the manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// The name it is asked for by.
    pub name: String,
    /// What it is, in one line.
    pub title: String,
    /// How its files are written.
    pub format: Format,
    /// Where its splits come from.
    pub split: SplitRule,
    /// The tokenizer of a language model on it, unless told otherwise.
    pub tokenizer: Tokenizer,
    /// The vocabulary's minimum count, unless told otherwise.
    #[serde(default = "one")]
    pub min_count: u64,
    /// Its terms.
    pub license: String,
    /// The public page it comes from.
    pub source: String,
    /// How a user gets it.
    pub fetch: Fetch,
    /// Whether other bytes than the registered ones are refused.
    #[serde(default = "yes")]
    pub exact: bool,
    /// What else a user must know, such as how to make the files from the public ones.
    pub note: Option<String>,
    /// Its files.
    pub files: Vec<DataFile>,
}

fn one() -> u64 {
    1
}

fn yes() -> bool {
    true
}

impl DataSet {
    /// Every data set, in the manifest's order.
    pub fn all() -> &'static [DataSet] {
        &REGISTRY
    }

    /// The data set of a name.
    ///
    /// # Errors
    /// [`Error::Unknown`] with the nearest name.
    pub fn named(name: &str) -> Result<&'static DataSet> {
        DataSet::all().iter().find(|d| d.name == name).ok_or_else(|| Error::Unknown {
            what: "data set",
            name: name.into(),
            nearest: nearest(name, DataSet::all().iter().map(|d| d.name.as_str())),
            cure: "`harness data list` shows them all",
        })
    }

    /// The options of a language model on it, unless told otherwise.
    pub fn options(&self) -> CorpusOptions {
        let limits = VocabLimits { min_count: self.min_count, ..VocabLimits::default() };
        CorpusOptions { tokenizer: self.tokenizer, limits, ..CorpusOptions::default() }
    }

    /// The names of the classes, in the order of [`Classified::class`](crate::labelled::Classified::class).
    pub fn labels(&self) -> Vec<&str> {
        self.files.iter().filter_map(|f| f.label.as_deref()).collect()
    }

    /// Downloads the files that are missing or differ into `folder`, checked; what is there already is left alone.
    /// `progress` gets the file, the bytes done and the bytes in all, and may end
    /// the download.
    ///
    /// # Errors
    /// [`Error::Absent`] where the set must be got by hand; what [`fetch`](crate::fetch::fetch) refuses.
    pub fn fetch(
        &self,
        folder: &Path,
        progress: &mut dyn FnMut(&DataFile, u64, u64) -> ControlFlow<()>,
    ) -> Result<()> {
        if self.fetch == Fetch::Manual {
            return Err(self.absent(&[folder.into()]));
        }
        for file in &self.files {
            let path = folder.join(&file.path);
            if path.is_file() && file.state(folder)? == FileState::Good {
                let _ = progress(file, file.bytes, file.bytes);
                continue;
            }
            let Some(url) = &file.url else { return Err(self.absent(&[folder.into()])) };
            let limits = crate::fetch::FetchLimits { max_bytes: file.bytes, ..Default::default() };
            let mut step = |done: u64, _: Option<u64>| progress(file, done, file.bytes);
            crate::fetch::fetch(url, &path, Some(&file.sha256), limits, &mut step)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_complete() {
        assert_eq!(DataSet::all().len(), 7);
        for set in DataSet::all() {
            assert!(set.source.starts_with("https://") && !set.license.is_empty(), "{}", set.name);
            assert_eq!(
                set.fetch == Fetch::Manual,
                set.note.is_some() && set.files.iter().all(|f| f.url.is_none())
            );
            for file in &set.files {
                assert!(
                    file.path.starts_with(&format!("{}/", set.name)) && file.bytes > 0,
                    "{}",
                    file.path
                );
                assert!(
                    file.sha256.len() == 64 && file.sha256.bytes().all(|b| b.is_ascii_hexdigit()),
                    "{}",
                    file.path
                );
                assert_eq!(file.part.is_some(), set.split == SplitRule::Files, "{}", file.path);
                assert_eq!(file.url.is_some(), set.fetch == Fetch::Files, "{}", file.path);
                let labelled = matches!(set.format, Format::Parallel | Format::Classes);
                assert_eq!(file.label.is_some(), labelled, "{}", file.path);
            }
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let message = DataSet::named("pbt").unwrap_err().to_string();
        assert_eq!(
            message,
            "unknown data set `pbt`, did you mean `ptb`?; `harness data list` shows them all"
        );
        assert!(!DataSet::named("wikipedia").unwrap_err().to_string().contains("did you mean"));
    }
}
