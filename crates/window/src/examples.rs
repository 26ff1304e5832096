//! Examples of a window: the n − 1 words before a target, oldest first.
//!
//! In front of the first word stand boundary tokens: `</s>`, because the network has a word vector for every predictable
//! word and none for `<s>`. In [`Context::Stream`] that is the start of the text, in [`Context::Sentence`] of each
//! sentence.

use corpus::{TokenId, Tokens};
use lm::Context;

/// A text with the start of what each target may see.
#[derive(Clone, Debug)]
pub struct Examples<'a> {
    text: &'a [TokenId],
    /// Per target: where its context begins at the earliest; empty: at the start of the text.
    starts: Vec<u32>,
    eos: u32,
    context: usize,
}

impl<'a> Examples<'a> {
    /// Windows of `words` words over a text.
    pub fn new(text: &'a Tokens, eos: TokenId, words: usize, context: Context) -> Self {
        let mut starts = Vec::new();
        if context == Context::Sentence {
            for (i, sentence) in text.sentences().enumerate() {
                starts.extend(sentence.iter().map(|_| text.sentence_start(i) as u32));
            }
        }
        Self { text: text.flat(), starts, eos: eos.0, context: words }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Appends the context of target `i` to `contexts` and the target to `targets`.
    pub fn push(&self, i: usize, contexts: &mut Vec<u32>, targets: &mut Vec<u32>) {
        let start = self.starts.get(i).map_or(0, |&s| s as usize);
        for back in (1..=self.context).rev() {
            contexts.push(if i >= start + back { self.text[i - back].0 } else { self.eos });
        }
        targets.push(self.text[i].0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_by_hand() {
        let mut text = Tokens::default();
        text.push_sentence(&[1, 2, 9].map(TokenId), 1);
        text.push_sentence(&[3, 9].map(TokenId), 1);
        let all = |context| {
            let examples = Examples::new(&text, TokenId(9), 2, context);
            let (mut contexts, mut targets) = (Vec::new(), Vec::new());
            (0..examples.len()).for_each(|i| examples.push(i, &mut contexts, &mut targets));
            (contexts, targets)
        };
        assert_eq!(all(Context::Stream), (vec![9, 9, 9, 1, 1, 2, 2, 9, 9, 3], vec![1, 2, 9, 3, 9]));
        assert_eq!(all(Context::Sentence).0, [9, 9, 9, 1, 1, 2, 9, 9, 9, 3]);
    }
}
