//! Errors that end a command, and their exit codes.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | done, but a model failed: its row says why |
//! | 2 | the command line is wrong |
//! | 65 | the data are malformed |
//! | 66 | a file or data set is missing |
//! | 73 | an output cannot be created |
//! | 74 | reading or writing failed on the way |
//! | 130 | interrupted |

use std::path::PathBuf;

/// An error of the harness itself.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for what does not exist or makes no sense.
    #[error("{0}")]
    Usage(String),
    /// An output cannot be created.
    #[error("{}: {what}; choose another place, or make room", path.display())]
    Create {
        /// The folder or file.
        path: PathBuf,
        /// The reason.
        what: String,
    },
    /// Some models have no figures.
    #[error("{0} model(s) have no figures; the column `error` of the table says why")]
    Models(usize),
    /// Ctrl-C.
    #[error("interrupted; what was finished is kept: run the same command again")]
    Interrupted,
}

/// The exit code of an error.
pub fn exit_code(error: &anyhow::Error) -> i32 {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return match failure {
                Failure::Usage(_) => 2,
                Failure::Create { .. } => 73,
                Failure::Models(_) => 1,
                Failure::Interrupted => crate::interrupt::EXIT,
            };
        }
        if let Some(error) = cause.downcast_ref::<lm::Error>() {
            return match error {
                lm::Error::Corpus(inner) => corpus_code(inner),
                lm::Error::Interrupted => crate::interrupt::EXIT,
                lm::Error::Config { .. } | lm::Error::NotSaved { .. } => 2,
                lm::Error::File { .. } | lm::Error::Unfit { .. } => 65,
                lm::Error::Io { source, .. } => io_code(source),
                _ => 1,
            };
        }
        if let Some(error) = cause.downcast_ref::<crate::report::Error>() {
            return match error {
                crate::report::Error::Unwritable { .. } => 73,
                crate::report::Error::Missing { .. } => 66,
                _ => 65,
            };
        }
        if let Some(error) = cause.downcast_ref::<corpus::Error>() {
            return corpus_code(error);
        }
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            return io_code(error);
        }
    }
    1
}

/// What is said of an error: every cause once, and what to do where the disk is full.
pub fn message(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        // many an error quotes its cause
        if !said.contains(&words) {
            let colon = if said.is_empty() { "" } else { ": " };
            said = format!("{said}{colon}{words}");
        }
        let io = cause.downcast_ref::<std::io::Error>();
        if io.is_some_and(|e| e.kind() == std::io::ErrorKind::StorageFull) {
            said += "; make room there, or name another place";
            break;
        }
    }
    said
}

fn corpus_code(error: &corpus::Error) -> i32 {
    match error.kind() {
        corpus::Kind::Usage => 2,
        corpus::Kind::Data => 65,
        corpus::Kind::Missing => 66,
        corpus::Kind::Create => 73,
        corpus::Kind::Io => 74,
    }
}

fn io_code(error: &std::io::Error) -> i32 {
    match error.kind() {
        std::io::ErrorKind::NotFound => 66,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => 73,
        _ => 74,
    }
}

/// True where the reader of standard output went away (`| head`): no error to report.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|c| {
        c.downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// The closest of `names`, if any is close enough to be meant.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    names
        .into_iter()
        .map(|n| (strsim::damerau_levenshtein(name, n), n))
        .filter(|(distance, n)| *distance <= (n.len().max(name.len()) / 2).max(1))
        .min()
        .map(|(_, n)| n.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once_and_a_full_disk_has_a_cure() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let reason = full.to_string();
        let error = anyhow::Error::from(lm::Error::Io { path: "a/b".into(), source: full });
        let said = message(&error.context("writing the table"));
        assert_eq!(
            said,
            format!("writing the table: a/b: {reason}; make room there, or name another place")
        );
    }
}
