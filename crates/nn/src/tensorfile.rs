//! Tensors in a safetensors file, written atomically, read with every size checked.
//!
//! The header's entry `lmlab` is a JSON object of the writer's, to which `sha256` over every tensor's name and bytes is
//! added. A file of another program (PyTorch's, say) has neither and is read all the same.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, View};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::params::Params;
use crate::real::Real;

const KEY: &str = "lmlab";
const DAMAGED: &str = "it is damaged or no weights file: write it again";

/// One tensor to be written.
#[derive(Clone, Debug)]
pub struct Entry<'a, R> {
    /// Its name in the file.
    pub name: String,
    /// Its sizes, outermost first.
    pub dims: Vec<usize>,
    /// Its numbers.
    pub data: &'a [R],
}

impl<R: Real> View for &Entry<'_, R> {
    fn dtype(&self) -> Dtype {
        if R::NAME == "f64" { Dtype::F64 } else { Dtype::F32 }
    }

    fn shape(&self) -> &[usize] {
        &self.dims
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(bytemuck::cast_slice(self.data))
    }

    fn data_len(&self) -> usize {
        size_of_val(self.data)
    }
}

/// The tensors of `params`, their names after `prefix`.
pub fn entries<'a, P: Params>(params: &'a P, prefix: &str) -> Vec<Entry<'a, P::Num>> {
    let mut list = Vec::new();
    params.tensors(&mut |t| {
        list.push(Entry {
            name: format!("{prefix}{}", t.name),
            dims: t.shape.dims(),
            data: t.data,
        });
    });
    list
}

/// Writes tensors and a JSON object to `path`: to a temporary file beside it, synced, renamed, the folder synced.
pub fn write<R: Real>(
    path: &Path,
    mut list: Vec<Entry<'_, R>>,
    mut meta: Map<String, Value>,
) -> Result<()> {
    let io = |e| Error::io(path, e);
    list.sort_by(|a, b| a.name.cmp(&b.name));
    meta.insert(
        "sha256".into(),
        digest(list.iter().map(|e| (&*e.name, bytemuck::cast_slice(e.data)))).into(),
    );
    let header = HashMap::from([(KEY.to_owned(), Value::Object(meta).to_string())]);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    safetensors::serialize_to_file(list.iter().map(|e| (&*e.name, e)), Some(header), file.path())
        .map_err(|e| Error::io(path, std::io::Error::other(e)))?;
    // the writer above may have replaced the file under its name: sync what stands there now
    File::open(file.path()).and_then(|f| f.sync_all()).map_err(io)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // a temporary file is private to its owner; a model is a file like any other
        let readable = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(file.path(), readable).map_err(io)?;
    }
    file.persist(path).map_err(|e| Error::io(path, e.error))?;
    File::open(folder).and_then(|f| f.sync_all()).map_err(io)
}

fn digest<'a>(tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in tensors {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// A file in memory.
pub struct TensorFile {
    path: std::path::PathBuf,
    bytes: Vec<u8>,
    /// The writer's JSON object; empty if another program wrote the file.
    pub meta: Map<String, Value>,
}

impl TensorFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it cannot be read, is cut short, is damaged, or is no safetensors file.
    pub fn read(path: &Path) -> Result<Self> {
        let damaged = |what: String| Error::File { path: path.into(), what, cure: DAMAGED };
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
        let meta = match header.metadata().as_ref().and_then(|m| m.get(KEY)) {
            Some(text) => {
                serde_json::from_str(text).map_err(|e| damaged(format!("its header: {e}")))?
            }
            None => Map::new(),
        };
        let file = Self { path: path.into(), bytes, meta };
        if let Some(sum) = file.meta.get("sha256") {
            let tensors = file.tensors()?;
            let mut names = tensors.names();
            names.sort_unstable();
            let found =
                digest(names.iter().filter_map(|n| Some((*n, tensors.tensor(n).ok()?.data()))));
            if sum.as_str() != Some(&found) {
                return Err(damaged("its checksum is wrong".into()));
            }
        }
        Ok(file)
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.bytes).map_err(|e| self.damaged(e.to_string()))
    }

    /// An error about this file.
    pub fn damaged(&self, what: String) -> Error {
        Error::File { path: self.path.clone(), what, cure: DAMAGED }
    }

    /// Is there such a tensor?
    pub fn has(&self, name: &str) -> bool {
        self.tensors().is_ok_and(|t| t.tensor(name).is_ok())
    }

    /// The sizes and numbers of a tensor, converted to `R`.
    pub fn get<R: Real>(&self, name: &str) -> Result<(Vec<usize>, Vec<R>)> {
        let tensors = self.tensors()?;
        let tensor =
            tensors.tensor(name).map_err(|_| self.damaged(format!("no tensor `{name}`")))?;
        let bytes = tensor.data();
        let numbers = match tensor.dtype() {
            Dtype::F32 => bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| R::of(f32::from_le_bytes(*b).into()))
                .collect(),
            Dtype::F64 => {
                bytes.as_chunks::<8>().0.iter().map(|b| R::of(f64::from_le_bytes(*b))).collect()
            }
            other => {
                return Err(self.damaged(format!("tensor `{name}` is {other:?}, not F32 or F64")));
            }
        };
        Ok((tensor.shape().to_vec(), numbers))
    }

    /// Fills every tensor of `params` from the one of its name after `prefix`.
    ///
    /// # Errors
    /// When a tensor is missing or of another shape.
    pub fn fill<P: Params>(&self, params: &mut P, prefix: &str) -> Result<()> {
        let mut result = Ok(());
        params.tensors_mut(&mut |t| {
            if result.is_ok() {
                result = self.fill_one(&format!("{prefix}{}", t.name), &t.shape.dims(), t.data);
            }
        });
        result
    }

    /// Fills one tensor of known sizes.
    pub fn fill_one<R: Real>(&self, name: &str, dims: &[usize], data: &mut [R]) -> Result<()> {
        let (found, numbers) = self.get::<R>(name)?;
        if found != dims {
            return Err(self.damaged(format!(
                "tensor `{name}` has the shape {found:?} where {dims:?} is needed"
            )));
        }
        data.copy_from_slice(&numbers);
        Ok(())
    }
}
