//! Errors of the report's files: what, where (file, line, column) and the cure.
use std::path::PathBuf;

/// What can go wrong with a report folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder or a file in it cannot be written.
    #[error(
        "cannot write {path}: {source}; choose another folder with --report, or free some space there"
    )]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file of the report is not there.
    #[error("cannot read {path}: {source}; is this a folder that `harness --report` wrote?")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file of another schema.
    #[error(
        "{path}: schema {found}, this program reads {expected}; run the comparison again with this version"
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
        /// Ours.
        expected: u32,
    },
    /// A header that is not the record's.
    #[error(
        "{path}, line 1: column {column} is `{found}`, expected `{expected}`; keep the header as the harness wrote it, with commas between the cells"
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// From 1.
        column: usize,
        /// What stands there, empty if nothing does.
        found: String,
        /// What should.
        expected: String,
    },
    /// A cell that does not fit its column.
    #[error("{path}, line {line}, column `{column}`: {what}; mend the cell or delete the row")]
    Cell {
        /// The file.
        path: PathBuf,
        /// From 1, the header is line 1.
        line: u64,
        /// Name of the column, or `?` if the row itself is at fault.
        column: String,
        /// What is wrong.
        what: String,
    },
    /// `results.json` is not what it should be.
    #[error(
        "{path}, line {line}, column {column}: {what}; restore the file or run the comparison again"
    )]
    Json {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// The markers of a splice are missing or crossed.
    #[error(
        "{path}, line {line}: {what}; a block is `<!-- BEGIN: lmlab NAME -->` … `<!-- END: lmlab NAME -->`, each on a line of its own"
    )]
    Splice {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A chart or a page could not be drawn: a bug.
    #[error("cannot draw {what}: {why}; please report this with the folder's results.json")]
    Draw {
        /// The chart or page.
        what: &'static str,
        /// The library's words.
        why: String,
    },
}

impl Error {
    /// The exit code of `sysexits.h`: 66 missing file, 65 bad data, 73 cannot create, 74 I/O error, 70 a bug.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Missing { .. } => 66,
            Error::Schema { .. }
            | Error::Header { .. }
            | Error::Cell { .. }
            | Error::Json { .. }
            | Error::Splice { .. } => 65,
            Error::Unwritable { source, .. }
                if source.kind() == std::io::ErrorKind::StorageFull =>
            {
                74
            }
            Error::Unwritable { .. } => 73,
            Error::Draw { .. } => 70,
        }
    }
}

/// Result of the report.
pub type Result<T, E = Error> = std::result::Result<T, E>;
