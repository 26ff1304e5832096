//! What can go wrong between a file and its tokens: every variant says what, where and the cure.
use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of an error; the harness maps it to an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line asks for something that does not exist (exit 2).
    Usage,
    /// The data are malformed (exit 65).
    Data,
    /// A file or data set is not there (exit 66).
    Missing,
    /// An output cannot be created (exit 73).
    Create,
    /// Reading or writing failed on the way (exit 74).
    Io,
}

/// An error of the corpus crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that was named does not exist.
    #[error("{}: no such file; check the path", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused to read or write.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        #[source]
        source: std::io::Error,
    },
    /// A line is malformed.
    #[error("{}, line {line}, byte {byte}: {what}; {cure}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number from 1.
        line: u64,
        /// Byte offset in the file (after decompression) from 0.
        byte: u64,
        /// What is wrong.
        what: String,
        /// What to do.
        cure: &'static str,
    },
    /// A whole file or text is unusable.
    #[error("{}: {what}; {cure}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        cure: &'static str,
    },
    /// A name that no list has.
    #[error("unknown {what} `{name}`{}; {cure}", near(nearest))]
    Unknown {
        /// What was looked up: "corpus", "tokenizer", …
        what: &'static str,
        /// The name asked for.
        name: String,
        /// The closest known name.
        nearest: Option<String>,
        /// What to do.
        cure: &'static str,
    },
    /// A data set is registered but its files are not on this machine.
    #[error("data set `{name}` is not on this machine (looked in {}); {cure}", looked.join(", "))]
    Absent {
        /// Its name.
        name: String,
        /// The folders searched.
        looked: Vec<String>,
        /// What to do.
        cure: String,
    },
    /// A download failed.
    #[error("fetching {url}: {what}; {cure}")]
    Fetch {
        /// Where from.
        url: String,
        /// What is wrong.
        what: String,
        /// What to do.
        cure: &'static str,
    },
}

impl Error {
    /// The class that decides the exit code.
    pub fn kind(&self) -> Kind {
        match self {
            Error::NotFound { .. } | Error::Absent { .. } => Kind::Missing,
            Error::Io { .. } => Kind::Io,
            Error::Line { .. } | Error::File { .. } | Error::Fetch { .. } => Kind::Data,
            Error::Unknown { .. } => Kind::Usage,
        }
    }

    /// Wraps an I/O error with its path; a missing file becomes [`Error::NotFound`].
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound { path },
            _ => Error::Io { path, source },
        }
    }
}

/// The closest of some names, if it is close enough to be what was meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let distance = |k: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &k.to_lowercase());
    let (far, best) = known.map(|k| (distance(k), k)).min()?;
    (far <= best.chars().count().max(3) / 3 + 1).then(|| best.to_owned())
}

fn near(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default()
}
