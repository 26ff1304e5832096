//! Files to be written: proved possible before the work starts.
use std::path::Path;

use crate::error::Failure;

/// Proves that a file can be made at `path`, by making one beside it and taking it away again.
///
/// # Errors
/// [`Failure::Create`] with the reason.
pub fn check(path: &Path) -> Result<(), Failure> {
    let refuse = |what: String| Err(Failure::Create { path: path.into(), what });
    let folder = corpus::whole_file::folder(path);
    if path.is_dir() {
        return refuse("this is a folder".into());
    }
    if path.file_name().is_none() {
        return refuse("this names no file".into());
    }
    match corpus::whole_file::temporary(path) {
        Ok(_) => Ok(()),
        Err(_) if !folder.exists() => refuse(format!("there is no folder {}", folder.display())),
        Err(error) => refuse(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        check(&file).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
        std::fs::write(&file, "x").unwrap();
        check(&file).unwrap();
        for (path, words) in [
            (folder.path().to_owned(), "folder"),
            (file.join("b"), "a/b"),
            (folder.path().join("c/d"), "no folder"),
        ] {
            let message = check(&path).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
