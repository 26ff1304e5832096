//! The file of a model: safetensors whose header holds the format's name, the configuration and the vocabulary.

use std::path::Path;

use corpus::Vocab;
use lm::Result;
use nn::softmax::Layout;
use nn::tensorfile::{Entry, TensorFile, write};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::nn_error;

/// Reads a model's file: its tensors are still to be taken from it.
///
/// # Errors
/// When the file cannot be read, is damaged, or is not of this format.
pub fn open<C: DeserializeOwned>(path: &Path, format: &str) -> Result<(TensorFile, C, Vocab)> {
    let file = TensorFile::read(path).map_err(nn_error)?;
    let text = |key: &str| file.meta.get(key).and_then(Value::as_str);
    if text("format") != Some(format) {
        return Err(nn_error(file.damaged(format!("this is no model of the format `{format}`"))));
    }
    let config = file.meta.get("config").cloned().unwrap_or_default();
    let config = serde_json::from_value(config)
        .map_err(|e| nn_error(file.damaged(format!("its configuration: {e}"))))?;
    let vocab = Vocab::from_text(&path.display().to_string(), text("vocab").unwrap_or_default())?;
    Ok((file, config, vocab))
}

/// Writes a model's file: `tensors`, and the tables of its output layer.
///
/// # Errors
/// When it cannot be written; nothing is left behind then.
pub fn save(
    path: &Path,
    format: &str,
    config: &impl Serialize,
    vocab: &Vocab,
    tensors: Vec<Entry<'_, f32>>,
    output: &Layout,
) -> Result<()> {
    let mut meta = Map::new();
    meta.insert("format".into(), format.into());
    meta.insert("config".into(), serde_json::to_value(config).expect("plain data"));
    meta.insert("vocab".into(), vocab.to_text().into());
    meta.insert("fingerprint".into(), vocab.fingerprint().into());
    let tables = output.tables();
    let tables = tables.iter().map(|(name, data)| Entry {
        name: (*name).into(),
        dims: vec![data.len()],
        data,
    });
    let list = tensors.into_iter().chain(tables).collect();
    write(path, list, meta).map_err(nn_error)
}
