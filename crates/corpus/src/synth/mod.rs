//! Generated languages, whose distribution is known.
//!
//! A grammar file (`datasets/synth/*.toml`) compiles into a [`Language`]: rewrite rules of bounded depth, a Zipf lexicon
//! of pseudo-words in semantic classes, selectional preferences between classes, agreement in number, and a hidden topic
//! for each sentence that shifts classes and words. [`write_text`] draws from it, [`Forward`] computes the exact
//! probability of every next word, and [`probe`] cuts test items out of it. [`tasks`] are the small formal languages of
//! the memory experiments, [`pairs`] word pairs that training shows at chosen distances only.
mod alias;
mod classes;
mod compile;
mod corpus;
mod expand;
mod file;
mod forward;
mod generate;
mod hypotheses;
mod language;
mod lexicon;
mod live;
mod machine;
mod number;
pub mod pairs;
pub mod probe;
mod rules;
pub mod tasks;

pub use forward::{Forward, HiddenWords, Seen};
pub use generate::{Sentences, Written, write_text};
pub use language::{FormId, Language};
pub use number::Number;
