//! Files that appear whole or not at all, with this crate's errors.
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use lm::{Error, Result};

/// [`corpus::whole_file::replace`].
pub(crate) fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> std::io::Result<()>,
) -> Result<()> {
    corpus::whole_file::replace(path, write)
        .map_err(|source| Error::Io { path: path.into(), source })
}
