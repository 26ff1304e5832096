//! Temporary files: written at the end, read anywhere, without a name in the folder.
//!
//! They have no name (or are deleted on close where the system has no such files), so nothing is left of them after an
//! error, an interruption or a killed process.
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lm::{Error, Result};

/// A part of a [`Scratch`] file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    /// Its first byte.
    pub at: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// A temporary file.
#[derive(Debug)]
pub(super) struct Scratch {
    file: File,
    folder: PathBuf,
    len: u64,
}

impl Scratch {
    /// An empty one in a folder.
    ///
    /// # Errors
    /// If the folder does not take files.
    pub fn new(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder)
            .map_err(|source| Error::Io { path: folder.into(), source })?;
        Ok(Self { file, folder: folder.into(), len: 0 })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// If the disk is full, or the system refuses for another reason.
    pub fn append(&mut self, bytes: &[u8]) -> Result<Section> {
        let section = Section { at: self.len, len: bytes.len() as u64 };
        self.file
            .seek(SeekFrom::Start(section.at))
            .and_then(|_| self.file.write_all(bytes))
            .map_err(|e| self.error(e))?;
        self.len += section.len;
        Ok(section)
    }

    /// A section's bytes.
    ///
    /// # Errors
    /// If the system cannot read them.
    pub fn read(&self, section: Section) -> Result<Vec<u8>> {
        let mut bytes = vec![0; section.len as usize];
        read_at(&self.file, &mut bytes, section.at).map_err(|e| self.error(e))?;
        Ok(bytes)
    }

    /// `len` values from the value number `first` of a section of 32-bit floats on.
    ///
    /// # Errors
    /// If the system cannot read them.
    pub fn read_f32(&self, section: Section, first: u64, len: usize) -> Result<Vec<f32>> {
        let mut values = vec![0f32; len];
        read_at(&self.file, bytemuck::cast_slice_mut(&mut values), section.at + 4 * first)
            .map_err(|e| self.error(e))?;
        Ok(values)
    }

    /// Bytes in the file.
    pub fn len(&self) -> u64 {
        self.len
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::Io { path: self.folder.join("(temporary file)"), source }
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => (bytes, at) = (&mut bytes[n..], at + n as u64),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_back_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut scratch = Scratch::new(folder.path()).unwrap();
        let words = scratch.append(b"words").unwrap();
        let floats = scratch.append(bytemuck::cast_slice(&[1f32, 2.0, 3.0])).unwrap();
        assert_eq!(scratch.read(words).unwrap(), b"words");
        assert_eq!(scratch.read_f32(floats, 1, 2).unwrap(), [2.0, 3.0]);
        assert_eq!(scratch.len(), 17);
        drop(scratch);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let mut scratch = Scratch { file, folder: "/tmp".into(), len: 0 };
        let error = scratch.append(b"words").unwrap_err();
        assert!(
            matches!(&error, Error::Io { source, .. }
            if source.kind() == std::io::ErrorKind::StorageFull),
            "{error}"
        );
    }

    #[test]
    fn a_folder_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap().path().join("gone");
        let message = Scratch::new(&folder).unwrap_err().to_string();
        assert!(message.contains("gone"), "{message}");
    }
}
