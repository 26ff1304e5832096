//! Files appear whole or not at all: written under a temporary name in the same folder, synced, renamed, folder synced.
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use lm::{Error, Result};

/// Lets `write` fill a temporary file, which then takes the name `path`.
pub(crate) fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> std::io::Result<()>,
) -> Result<()> {
    let io = |source| Error::Io { path: path.into(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".lmlab-").tempfile_in(folder).map_err(io)?;
    let mut buffer = BufWriter::with_capacity(1 << 18, file.as_file_mut());
    write(&mut buffer).and_then(|()| buffer.flush()).map_err(io)?;
    drop(buffer);
    readable(file.as_file()).and_then(|()| file.as_file().sync_all()).map_err(io)?;
    file.persist(path).map_err(|e| io(e.error))?;
    sync_folder(folder).map_err(io)
}

/// Temporary files are private to their owner; a model is a file like any other.
#[cfg(unix)]
fn readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}
