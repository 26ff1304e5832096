//! Checks of a configuration: what makes no sense is refused before anything is allocated.

use corpus::{TrainSet, Vocab};
use lm::{Error, Result};
use nn::fit::Config;
use nn::softmax::{Layout, Request};

use crate::nn_error;

/// [`Error::Config`] of an option.
pub fn wrong(option: &str, what: String, cure: &str) -> Error {
    Error::Config { option: option.into(), what, cure: cure.into() }
}

/// The training part.
///
/// # Errors
/// The first option that makes no sense.
pub fn training(config: &Config) -> Result<()> {
    match config.mistake() {
        Some((option, what, cure)) => Err(wrong(&format!("training.{option}"), what, cure)),
        None => Ok(()),
    }
}

/// Sizes: at least 1.
///
/// # Errors
/// The first that is 0.
pub fn sizes(options: &[(&str, usize)]) -> Result<()> {
    match options.iter().find(|(_, value)| *value == 0) {
        Some((option, _)) => Err(wrong(option, "0 makes no sense".into(), "give at least 1")),
        None => Ok(()),
    }
}

/// Probabilities of dropout: from 0 to below 1.
///
/// # Errors
/// The first that is none.
pub fn probabilities(options: &[(&str, f64)]) -> Result<()> {
    match options.iter().find(|(_, p)| !(0.0..1.0).contains(p)) {
        Some((option, p)) => {
            Err(wrong(option, format!("{p} is no probability below 1"), "give 0 to below 1"))
        }
        None => Ok(()),
    }
}

/// Weights that embedding and output layer share.
///
/// # Errors
/// When the layers are of two widths, or the word vectors are not trained.
pub fn tied(emsize: usize, nhid: usize, frozen: bool) -> Result<()> {
    if emsize != nhid {
        let what = format!("tied weights need emsize = nhid, not {emsize} and {nhid}");
        return Err(wrong("tied", what, "give the same sizes, or leave `tied` out"));
    }
    if frozen {
        let what = "tied weights cannot be frozen".into();
        return Err(wrong("frozen", what, "leave one of the two out"));
    }
    Ok(())
}

/// The output layer's options for a vocabulary of this size.
///
/// # Errors
/// The first option that does not fit.
pub fn output(request: Request<'_>, vocab: usize) -> Result<()> {
    match request.mistake(vocab) {
        Some((option, what, cure)) => Err(wrong(option, what, cure)),
        None => Ok(()),
    }
}

/// The output layer of a vocabulary.
///
/// # Errors
/// When the words cannot be cut so.
pub fn layout(request: Request<'_>, vocab: &Vocab) -> Result<Layout> {
    request
        .layout(vocab.counts())
        .map_err(|e| wrong("cutoffs", e.to_string(), "or softmax = \"full\""))
}

/// Text enough for `lanes` lanes, or batches, of training, and for validation.
///
/// # Errors
/// [`Error::Unfit`] with both counts.
pub fn texts(data: TrainSet<'_>, lanes: usize) -> Result<()> {
    let (tokens, valid) = (data.train.targets(), data.valid.targets());
    if tokens >= lanes && valid > 0 {
        return Ok(());
    }
    Err(Error::Unfit {
        what: format!(
            "{tokens} training token(s) where {lanes} are needed, {valid} for validation"
        ),
        cure: "give more text, or a smaller batch_size".into(),
    })
}

/// Bytes that training will need.
///
/// # Errors
/// [`Error::Unfit`] when this machine has fewer.
pub fn memory(bytes: u64) -> Result<()> {
    nn::memory::check(bytes).map_err(nn_error)
}
