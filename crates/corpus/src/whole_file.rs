//! Files that appear whole or not at all: a file without a name in the same folder, sync, a name, sync of the folder.
//!
//! On Linux the file has no name while it is written (O_TMPFILE): a killed process leaves nothing behind. Elsewhere,
//! and on file systems that cannot do that, it has a temporary one.
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::TempPath;

/// A file that is gone unless it is kept.
#[derive(Debug)]
pub struct Temporary {
    file: File,
    /// Its temporary name, if it has one.
    name: Option<TempPath>,
}

impl Temporary {
    /// The file.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// The file, to be written.
    pub fn as_file_mut(&mut self) -> &mut File {
        &mut self.file
    }
}

/// Lets `write` fill a temporary file, which then takes the name `path`. On an error the old file stays as it was.
///
/// # Errors
/// What the file system or `write` says.
pub fn replace<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = temporary(path)?;
    let mut buffer = BufWriter::with_capacity(1 << 18, file.as_file_mut());
    write(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    Ok(keep(file, path)?)
}

/// An empty file in the folder of `path` that is gone when it is dropped.
///
/// # Errors
/// What the file system says.
pub fn temporary(path: &Path) -> io::Result<Temporary> {
    if let Some(file) = nameless::create(folder(path)) {
        return Ok(Temporary { file, name: None });
    }
    let (file, name) = named(path)?.into_parts();
    Ok(Temporary { file, name: Some(name) })
}

fn named(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".lmlab-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // less the umask: what we write is for others to read
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder(path))
}

/// Gives a finished temporary file its name.
///
/// # Errors
/// What the file system says.
pub fn keep(file: Temporary, path: &Path) -> io::Result<()> {
    let Temporary { file, name } = file;
    if let Ok(old) = fs::metadata(path) {
        file.set_permissions(old.permissions())?;
    }
    file.sync_all()?;
    let name = match name {
        Some(name) => name,
        // a name cannot be taken from another file: a free one first
        None => loop {
            let free = named(path)?.into_temp_path();
            fs::remove_file(&free)?;
            match nameless::link(&file, &free) {
                Ok(()) => break free,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        },
    };
    name.persist(path)?;
    #[cfg(unix)]
    File::open(folder(path))?.sync_all()?;
    Ok(())
}

/// Files without a name.
#[cfg(target_os = "linux")]
mod nameless {
    use super::{File, Path, io};
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
    use std::os::fd::AsRawFd;

    fn link_of(file: &File) -> String {
        format!("/proc/self/fd/{}", file.as_raw_fd())
    }

    /// `None` where the folder's file system cannot have them, or they could not be named later.
    pub fn create(folder: &Path) -> Option<File> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let file = File::from(open(folder, flags, Mode::from_raw_mode(0o666)).ok()?);
        Path::new(&link_of(&file)).exists().then_some(file)
    }

    /// Names it.
    pub fn link(file: &File, path: &Path) -> io::Result<()> {
        Ok(linkat(CWD, link_of(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    }
}

/// Files without a name: not here.
#[cfg(not(target_os = "linux"))]
mod nameless {
    use super::{File, Path, io};

    pub fn create(_: &Path) -> Option<File> {
        None
    }

    pub fn link(_: &File, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The folder that a file stands in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        for text in ["one", "two"] {
            replace(&path, |file| file.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let failed: io::Result<()> = replace(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_killed_writer_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = temporary(&dir.path().join("a")).unwrap();
        file.as_file_mut().write_all(b"half").unwrap();
        // what a killed process would leave is what is in the folder now
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), usize::from(file.name.is_some()));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_written_can_be_read_by_others() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (plain, ours) = (dir.path().join("plain"), dir.path().join("ours"));
        fs::write(&plain, "x").unwrap();
        replace(&ours, |file| file.write_all(b"x")).unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
