//! The ARPA format: a back-off model as text, one line a gram, as SRILM and KenLM write and read it.
//!
//! ```text
//! \data\
//! ngram 1=4
//! ngram 2=2
//!
//! \1-grams:
//! -0.7 </s>
//! -99 <s> -0.3                log10 probability, words, log10 back-off weight (absent: 0)
//! …
//! \end\
//! ```
mod close;
mod parse;
mod read;
mod write;

pub use close::fill_suffixes;
pub use read::{Arpa, read_arpa, read_arpa_logged};
pub(crate) use write::{Spelling, lines, packed as gzipped};
pub use write::{write_arpa, write_arpa_estimate, write_arpa_logged};
