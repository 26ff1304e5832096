//! A text as lanes: `B` stretches of it, read side by side, `T` tokens at a time.
//!
//! The token before the first one, and before every sentence where the state is reset, is read as `</s>`: the network has
//! one word vector a predictable word and none for `<s>`. Rows of a batch are in the order (group of lanes, step, lane).

use corpus::{TokenId, Tokens};

use crate::work::{Batch, group_lanes};

/// Where lanes begin and end, and the buffers of one batch.
#[derive(Clone, Debug)]
pub struct Lanes<'a> {
    text: &'a [TokenId],
    eos: u32,
    /// [start, end) of each lane.
    spans: Vec<(usize, usize)>,
    /// Sentence starts, if the state is reset there.
    starts: Vec<bool>,
    steps: usize,
    inputs: Vec<u32>,
    targets: Vec<u32>,
    resets: Vec<bool>,
    places: Vec<Option<usize>>,
}

impl<'a> Lanes<'a> {
    /// `lanes` lanes of equal length for training; what is left over at the end of the text (less than a token a lane)
    /// is not read. With `reset`, the state is set to zero at every sentence start.
    pub fn equal(text: &'a Tokens, eos: TokenId, lanes: usize, steps: usize, reset: bool) -> Self {
        let length = text.targets() / lanes;
        Self::new(
            text,
            eos,
            (0..lanes).map(|b| (b * length, (b + 1) * length)).collect(),
            steps,
            reset,
        )
    }

    /// The whole text in at most `lanes` lanes that begin and end with sentences, the state reset at every sentence.
    pub fn sentences(text: &'a Tokens, eos: TokenId, lanes: usize, steps: usize) -> Self {
        let total = text.targets();
        let mut borders = vec![0];
        for i in 0..text.sentence_count() {
            let start = text.sentence_start(i);
            if start >= total * borders.len() / lanes && start > borders[borders.len() - 1] {
                borders.push(start);
            }
        }
        borders.push(total);
        Self::new(text, eos, borders.windows(2).map(|w| (w[0], w[1])).collect(), steps, true)
    }

    /// The whole text in one lane, read as one stream.
    pub fn stream(text: &'a Tokens, eos: TokenId, steps: usize) -> Self {
        Self::new(text, eos, vec![(0, text.targets())], steps, false)
    }

    fn new(
        text: &'a Tokens,
        eos: TokenId,
        spans: Vec<(usize, usize)>,
        steps: usize,
        reset: bool,
    ) -> Self {
        let mut starts = vec![false; if reset { text.targets() } else { 0 }];
        if reset {
            (0..text.sentence_count()).for_each(|i| starts[text.sentence_start(i)] = true);
        }
        let rows = steps * spans.len();
        Self {
            text: text.flat(),
            eos: eos.0,
            inputs: Vec::with_capacity(rows),
            targets: Vec::with_capacity(rows),
            resets: Vec::with_capacity(rows),
            places: Vec::with_capacity(rows),
            spans,
            starts,
            steps,
        }
    }

    /// B.
    pub fn lanes(&self) -> usize {
        self.spans.len()
    }

    /// Batches until the longest lane is read.
    pub fn batches(&self) -> usize {
        self.longest().div_ceil(self.steps)
    }

    /// Steps of batch `index`: the last one is as short as its longest lane.
    pub fn steps(&self, index: usize) -> usize {
        self.steps.min(self.longest() - index * self.steps)
    }

    fn longest(&self) -> usize {
        self.spans.iter().map(|(start, end)| end - start).max().unwrap_or(0)
    }

    /// Batch `index`; and for each row the place of its target in the text,
    /// `None` behind the end of a lane.
    pub fn batch(&mut self, index: usize) -> (Batch<'_>, &[Option<usize>]) {
        let first = index * self.steps;
        let steps = self.steps(index);
        self.inputs.clear();
        self.targets.clear();
        self.resets.clear();
        self.places.clear();
        for group in self.spans.chunks(group_lanes(self.spans.len())) {
            for t in first..first + steps {
                for &(start, end) in group {
                    let place = (start + t < end).then_some(start + t);
                    let fresh = place.is_some_and(|p| p == 0 || self.starts.get(p) == Some(&true));
                    let input = place.filter(|_| !fresh).map_or(self.eos, |p| self.text[p - 1].0);
                    self.inputs.push(input);
                    self.targets.push(place.map_or(self.eos, |p| self.text[p].0));
                    self.places.push(place);
                    if !self.starts.is_empty() {
                        self.resets.push(fresh);
                    }
                }
            }
        }
        let Self { inputs, targets, resets, places, .. } = self;
        (Batch { steps, inputs, targets, resets }, places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Tokens {
        let mut text = Tokens::default();
        for sentence in [&[1, 2, 9][..], &[3, 9], &[4, 5, 6, 9], &[7, 9]] {
            text.push_sentence(&sentence.iter().map(|&i| TokenId(i)).collect::<Vec<_>>(), 1);
        }
        text
    }

    #[test]
    fn equal_lanes_read_on_from_each_other() {
        let text = text();
        let mut lanes = Lanes::equal(&text, TokenId(9), 2, 3, false);
        assert_eq!(lanes.batches(), 2);
        let (batch, _) = lanes.batch(0);
        assert_eq!(
            (batch.inputs, batch.targets),
            (&[9, 9, 1, 4, 2, 5][..], &[1, 4, 2, 5, 9, 6][..])
        );
        assert!(batch.resets.is_empty());
        let (batch, _) = lanes.batch(1);
        assert_eq!(
            (batch.steps, batch.inputs, batch.targets),
            (2, &[9, 6, 3, 9][..], &[3, 9, 9, 7][..])
        );
    }

    #[test]
    fn sentence_lanes_cover_the_text_once() {
        let text = text();
        for (count, steps) in [(1, 2), (2, 3), (3, 4), (8, 5)] {
            let mut lanes = Lanes::sentences(&text, TokenId(9), count, steps);
            let mut seen = vec![0; text.targets()];
            for index in 0..lanes.batches() {
                let (batch, places) = lanes.batch(index);
                for (row, place) in places.iter().enumerate().filter_map(|(r, p)| Some((r, (*p)?)))
                {
                    seen[place] += 1;
                    assert_eq!(batch.targets[row], text.flat()[place].0);
                    assert_eq!(batch.resets[row], (0..4).any(|i| text.sentence_start(i) == place));
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{count} lanes: {seen:?}");
        }
    }
}
