//! Where a text without given splits is cut: 90 / 5 / 5 by blocks of sentences.
//!
//! Sentences are dealt in blocks of consecutive ones, so that a test sentence's neighbours are mostly test sentences
//! too, and the blocks are spread over the text, so that every part of it is met in every split.
use std::fmt;
use std::path::Path;

use crate::error::Result;
use crate::input::whole;

/// One of the three parts of a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What models learn from.
    Train,
    /// What choices are made on.
    Valid,
    /// What is scored once.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Train => "train",
            Part::Valid => "valid",
            Part::Test => "test",
        })
    }
}

/// The rule: of every 20 blocks the 10th is validation, the 20th is test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitPlan {
    block: usize,
}

impl SplitPlan {
    const CYCLE: usize = 20;

    /// The plan for a text of so many sentences: at most 100 sentences a block, fewer for a short text,
    /// so that at least one block falls to each part.
    pub fn new(sentences: usize) -> Self {
        Self { block: (sentences / Self::CYCLE).clamp(1, 100) }
    }

    /// The plan for a text that came from `path`; fewer than 20 sentences leave a part without any.
    pub(crate) fn checked(path: &Path, sentences: usize) -> Result<Self> {
        if sentences < Self::CYCLE {
            let what =
                format!("{sentences} sentence(s) (lines with text): too few for three splits");
            return Err(whole(path, &what, "give at least 20 lines of text, one sentence a line"));
        }
        Ok(Self::new(sentences))
    }

    /// The part of sentence `i`.
    pub fn part(&self, i: usize) -> Part {
        match (i / self.block) % Self::CYCLE {
            9 => Part::Valid,
            19 => Part::Test,
            _ => Part::Train,
        }
    }
}

impl fmt::Display for SplitPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.block;
        write!(
            f,
            "90/5/5 in blocks of {n} sentences: of every 20 blocks the 10th is valid, the 20th test"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_90_5_5() {
        for n in [20, 199, 4_000, 123_456] {
            let plan = SplitPlan::new(n);
            let count = |part| (0..n).filter(|&i| plan.part(i) == part).count() as f64 / n as f64;
            for (part, share) in [(Part::Train, 0.9), (Part::Valid, 0.05), (Part::Test, 0.05)] {
                assert!((count(part) - share).abs() < 0.051, "{n} {part} {}", count(part));
                assert!(count(part) > 0.0);
            }
        }
    }
}
