//! The model as it is asked: what follows each context, in context order.
//!
//! Estimation works in suffix order (which n-grams end alike), questions come in context order (what can follow). Here the
//! n-grams of each length are renumbered by (context, last word), so the words after a context are neighbours in
//! ascending order, and a context needs no key: it is the number of an n-gram one level below. Each n-gram keeps a link to
//! the n-gram without its oldest word, which is where back-off and the next context lead.
use crate::backoff::GramTable;
use crate::estimate::Estimate;

/// The n-grams of one length by (context, last word).
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    /// Last word of each.
    pub word: Vec<u32>,
    pub log10_prob: Vec<f32>,
    /// Number, one level below, of the n-gram without its oldest word; empty for unigrams.
    pub link: Vec<u32>,
    /// Empty at the highest order.
    pub log10_backoff: Vec<f32>,
    /// Where the n-grams with this one as context start, one level above; one more than n-grams; empty at the highest order.
    pub start: Vec<u32>,
}

impl Level {
    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        let fields = [
            self.word.len(),
            self.log10_prob.len(),
            self.link.len(),
            self.log10_backoff.len(),
            self.start.len(),
        ];
        4 * fields.iter().sum::<usize>() as u64
    }

    /// The n-grams one level above that have `context` as context.
    #[inline]
    pub fn after(&self, context: u32) -> std::ops::Range<usize> {
        self.start[context as usize] as usize..self.start[context as usize + 1] as usize
    }
}

/// Renumbers an estimate.
pub(crate) fn in_context_order(estimate: Estimate) -> Vec<Level> {
    let order = estimate.levels.len();
    let mut levels: Vec<Level> = Vec::with_capacity(order);
    let mut renumbered: Vec<u32> = Vec::new(); // of the level below: suffix order → context order
    let mut last_words: Vec<u32> = Vec::new(); // of the level below, in suffix order
    let mut first_child: Vec<u32> = Vec::new();
    for (k, level) in estimate.levels.into_iter().enumerate() {
        let n = level.word.len();
        if k == 0 {
            renumbered = (0..n as u32).collect();
            last_words = level.word.clone();
            first_child = level.first_child;
            let (log10_prob, log10_backoff) = (level.log10_prob, level.log10_backoff);
            levels.push(Level { word: level.word, log10_prob, log10_backoff, ..Level::default() });
            continue;
        }
        let context: Vec<u32> = level.context.iter().map(|&c| renumbered[c as usize]).collect();
        let mut start = vec![0u32; renumbered.len() + 1];
        context.iter().for_each(|&c| start[c as usize + 1] += 1);
        (1..start.len()).for_each(|c| start[c] += start[c - 1]);
        let mut next = start.clone();
        let mut place = vec![0u32; n];
        for (place, &c) in place.iter_mut().zip(&context) {
            *place = next[c as usize];
            next[c as usize] += 1;
        }
        let mut last = vec![0u32; n];
        let mut out = Level {
            word: vec![0; n],
            log10_prob: vec![0.0; n],
            link: vec![0; n],
            log10_backoff: vec![0.0; level.log10_backoff.len()],
            start: Vec::new(),
        };
        for (parent, children) in first_child.windows(2).enumerate() {
            let (word, link) = (last_words[parent], renumbered[parent]);
            for node in children[0] as usize..children[1] as usize {
                let at = place[node] as usize;
                last[node] = word;
                out.word[at] = word;
                out.link[at] = link;
                out.log10_prob[at] = level.log10_prob[node];
                if k + 1 < order {
                    out.log10_backoff[at] = level.log10_backoff[node];
                }
            }
        }
        levels[k - 1].start = start;
        (renumbered, last_words, first_child) = (place, last, level.first_child);
        levels.push(out);
    }
    levels
}

/// The way back: tables by suffix. Context order is ascending by oldest word, so a stable counting sort by the place of the
/// n-gram without its oldest word is all it takes.
pub(crate) fn in_suffix_order(levels: &[Level]) -> Vec<GramTable> {
    let mut tables: Vec<GramTable> = Vec::with_capacity(levels.len());
    let mut oldest: Vec<u32> = Vec::new(); // of the level below, in context order
    let mut places: Vec<u32> = Vec::new(); // of the level below: context order → suffix order
    for (k, level) in levels.iter().enumerate() {
        let n = level.word.len();
        let Some(below) = tables.last() else {
            (oldest, places) = (level.word.clone(), (0..n as u32).collect());
            tables.push(GramTable {
                words: level.word.clone(),
                log10_prob: level.log10_prob.clone(),
                log10_backoff: level.log10_backoff.clone(),
            });
            continue;
        };
        let starts = levels[k - 1].start.windows(2);
        let first: Vec<u32> = starts
            .zip(&oldest)
            .flat_map(|(start, &word)| std::iter::repeat_n(word, (start[1] - start[0]) as usize))
            .collect();
        let mut next = vec![0u32; places.len() + 1];
        level.link.iter().for_each(|&l| next[places[l as usize] as usize + 1] += 1);
        (1..next.len()).for_each(|c| next[c] += next[c - 1]);
        let mut table = GramTable {
            words: vec![0; n * (k + 1)],
            log10_prob: vec![0.0; n],
            log10_backoff: vec![0.0; level.log10_backoff.len()],
        };
        let mut place = vec![0u32; n];
        for node in 0..n {
            let suffix = places[level.link[node] as usize] as usize;
            let at = next[suffix] as usize;
            next[suffix] += 1;
            place[node] = at as u32;
            let words = &mut table.words[at * (k + 1)..][..k + 1];
            words[0] = first[node];
            words[1..].copy_from_slice(&below.words[suffix * k..][..k]);
            table.log10_prob[at] = level.log10_prob[node];
            if let Some(&backoff) = level.log10_backoff.get(node) {
                table.log10_backoff[at] = backoff;
            }
        }
        (oldest, places) = (first, place);
        tables.push(table);
    }
    tables
}
