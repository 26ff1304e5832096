//! Dealing the sentences of a data set into train, valid and test.
use std::path::Path;

use super::{DataFile, SplitRule};
use crate::corpus::OWN_FILES;
use crate::error::Result;
use crate::split::{Part, SplitPlan};

/// Three lists of items and the rule that made them.
#[derive(Clone, Debug)]
pub struct Splits<T> {
    /// What models learn from.
    pub train: Vec<T>,
    /// What choices are made on.
    pub valid: Vec<T>,
    /// What is scored once.
    pub test: Vec<T>,
    /// Where the splits come from, in words.
    pub rule: String,
}

impl<T> Splits<T> {
    /// Deals items by a list of parts.
    pub(super) fn deal(items: Vec<T>, parts: &[Part], rule: String) -> Self {
        assert_eq!(items.len(), parts.len());
        let mut splits = Splits { train: Vec::new(), valid: Vec::new(), test: Vec::new(), rule };
        for (item, part) in items.into_iter().zip(parts) {
            match part {
                Part::Train => splits.train.push(item),
                Part::Valid => splits.valid.push(item),
                Part::Test => splits.test.push(item),
            }
        }
        splits
    }
}

/// The words of the training and of the validation part of Bengio et al. 2003.
const BENGIO_2003: [usize; 2] = [800_000, 200_000];

/// The part of every item: `files` with how many items each has, `words_before` each item in the whole data set.
pub(super) fn parts(
    rule: SplitRule,
    folder: &Path,
    files: &[(&DataFile, usize)],
    words_before: impl Iterator<Item = usize>,
) -> Result<(Vec<Part>, String)> {
    match rule {
        SplitRule::Files => {
            let own = |(file, items): &(&DataFile, usize)| {
                std::iter::repeat_n(file.part.unwrap_or(Part::Train), *items)
            };
            Ok((files.iter().flat_map(own).collect(), OWN_FILES.into()))
        }
        SplitRule::Blocks => {
            let (mut parts, mut text) = (Vec::new(), String::new());
            for (file, items) in files {
                let plan = SplitPlan::checked(&folder.join(&file.path), *items)?;
                parts.extend((0..*items).map(|i| plan.part(i)));
                text = plan.to_string();
            }
            let apart = if files.len() > 1 { ", of each file apart" } else { "" };
            Ok((parts, text + apart))
        }
        SplitRule::Bengio2003 => {
            let [train, valid] = BENGIO_2003;
            let part = |before: usize| match before {
                _ if before < train => Part::Train,
                _ if before < train + valid => Part::Valid,
                _ => Part::Test,
            };
            let text = format!(
                "the first {train} words train, the next {valid} valid, the rest test, at sentence ends"
            );
            Ok((words_before.map(part).collect(), text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_where_a_sentence_falls() {
        let before = [0, 799_999, 800_000, 999_999, 1_000_000];
        let (parts, _) =
            parts(SplitRule::Bengio2003, Path::new(""), &[], before.into_iter()).unwrap();
        assert_eq!(parts, [Part::Train, Part::Train, Part::Valid, Part::Valid, Part::Test]);
    }
}
