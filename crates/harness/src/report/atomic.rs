//! Files that are either the old ones or the new ones, never half of each: temporary name, sync, rename, sync of the folder.
use std::fs;
use std::io::Write;
use std::path::Path;

use corpus::whole_file;

use super::error::{Error, Result};

/// Replaces `path` by `bytes` in one step.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(whole_file::folder(path))
        .and_then(|()| whole_file::replace(path, |file| file.write_all(bytes)))
        .map_err(|source| Error::Unwritable { path: path.into(), source })
}

/// What a report takes at most, about: tables, pages and figures of dozens of models.
const REPORT_BYTES: usize = 4 << 20;

/// Creates the folder and proves that a file of the size of a report can be written, synced and removed in it. Called before
/// anything is trained.
///
/// # Errors
/// [`Error::Unwritable`] with the folder that is at fault.
pub fn check_writable(dir: &Path) -> Result<()> {
    let unwritable = |source| Error::Unwritable { path: dir.into(), source };
    fs::create_dir_all(dir).map_err(unwritable)?;
    let mut probe = whole_file::temporary(&dir.join("probe")).map_err(unwritable)?;
    probe
        .as_file_mut()
        .write_all(&vec![b' '; REPORT_BYTES])
        .and_then(|()| probe.as_file().sync_all())
        .map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/a.txt");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_the_way_is_found_before_training() {
        let dir = tempfile::tempdir().unwrap();
        check_writable(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        let error = check_writable(&file.join("reports")).unwrap_err();
        assert_eq!(error.exit_code(), 73);
        assert!(error.to_string().contains("file/reports"), "{error}");
    }
}
