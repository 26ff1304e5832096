//! What the window's hidden layer reads: a vector a block of words.
//!
//! ```text
//! position k of C:   e_k                          a matrix of its own for every word near the target
//! bag k of K:        2^{−k/2} Σ_{2^k words} e_i   one matrix for 2^k words: where in the bag a word stands is not seen
//! ```
//! Bags lie in front of the positions, each twice as wide as the next nearer one (2, 4, 8, … words), so that a window of
//! C + 2^{K+1} − 2 words needs C + K matrices. The factor keeps a bag's spread that of one word's vector.
//!
//! Shapes: `N` examples of S = C + 2^{K+1} − 2 ids, oldest first; e [N, (K + C)·E], the widest bag first.

use std::ops::Range;

use ndarray::{ArrayViewMut2, Axis};
use nn::Real;
use nn::dropout::Dropout;
use nn::embedding::Embedding;

use crate::net::Architecture;

/// Columns of a gradient's rows that one thread adds to.
const COLUMNS: usize = 256;

impl Architecture {
    /// S: words that an example sees.
    pub fn reach(&self) -> usize {
        self.context + (2 << self.bags) - 2
    }

    /// K + C.
    pub fn blocks(&self) -> usize {
        self.bags + self.context
    }

    /// Where the words of a block stand among an example's.
    fn words(&self, block: usize) -> Range<usize> {
        match self.bags.checked_sub(block) {
            Some(k) if k > 0 => (2 << self.bags) - (2 << k)..(2 << self.bags) - (1 << k),
            _ => {
                let at = (2 << self.bags) - 2 + block - self.bags;
                at..at + 1
            }
        }
    }

    /// Calls `each` with every example, block, word and the word's weight in the block, in this order.
    fn each_word<R: Real>(
        &self,
        ids: &[u32],
        dropped: Option<(Dropout, u64)>,
        mut each: impl FnMut(usize, usize, u32, R),
    ) {
        for (example, ids) in ids.chunks_exact(self.reach()).enumerate() {
            for block in 0..self.blocks() {
                let words = self.words(block);
                let scale = R::of((words.len() as f64).powf(-0.5));
                for &id in &ids[words] {
                    let kept = dropped.map_or(R::one(), |(words, step)| words.word(step, id));
                    each(example, block, id, scale * kept);
                }
            }
        }
    }

    /// e of every example; `dropped` are whole words, in this step.
    pub(crate) fn gather<R: Real>(
        &self,
        table: &Embedding<R>,
        ids: &[u32],
        dropped: Option<(Dropout, u64)>,
        mut e: ArrayViewMut2<R>,
    ) {
        e.fill(R::zero());
        let e = e.as_slice_mut().expect("contiguous");
        self.each_word(ids, dropped, |example, block, id, weight| {
            let at = (example * self.blocks() + block) * self.embedding;
            let vector = table.w.row(id as usize);
            let vector = vector.as_slice().expect("a row");
            add_scaled(weight, vector, &mut e[at..at + self.embedding]);
        });
    }

    /// The transpose of [`Architecture::gather`]: adds to the table's gradient, every element in the order of the examples.
    pub(crate) fn scatter<R: Real>(
        &self,
        ids: &[u32],
        dropped: Option<(Dropout, u64)>,
        d_e: &[R],
        grad: ArrayViewMut2<R>,
    ) {
        self.scatter_columns(ids, dropped, d_e, 0, grad);
    }

    /// The columns from `first` on, halved until a thread has few enough: who adds what does not depend on the threads.
    fn scatter_columns<R: Real>(
        &self,
        ids: &[u32],
        dropped: Option<(Dropout, u64)>,
        d_e: &[R],
        first: usize,
        mut grad: ArrayViewMut2<R>,
    ) {
        let width = grad.ncols();
        if width > COLUMNS {
            let half = (width / 2).next_multiple_of(16);
            let (left, right) = grad.split_at(Axis(1), half);
            rayon::join(
                || self.scatter_columns(ids, dropped, d_e, first, left),
                || self.scatter_columns(ids, dropped, d_e, first + half, right),
            );
            return;
        }
        self.each_word(ids, dropped, |example, block, id, weight| {
            let at = (example * self.blocks() + block) * self.embedding + first;
            let mut row = grad.row_mut(id as usize);
            let row = row.as_slice_mut().expect("neighbours in memory");
            add_scaled(weight, &d_e[at..at + width], row);
        });
    }
}

/// y ← y + weight · x.
fn add_scaled<R: Real>(weight: R, x: &[R], y: &mut [R]) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y += weight * x);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bags_by_hand() {
        let a = Architecture {
            vocab: 10,
            context: 2,
            bags: 2,
            embedding: 1,
            hidden: 1,
            tied_positions: false,
            direct: false,
            tied: false,
            frozen: false,
        };
        assert_eq!((a.reach(), a.blocks()), (8, 4));
        let words: Vec<_> = (0..4).map(|block| a.words(block)).collect();
        assert_eq!(words, [0..4, 4..6, 6..7, 7..8]);

        let table = Embedding { w: ndarray::Array2::from_shape_fn((10, 1), |(i, _)| i as f64) };
        let mut e = ndarray::Array2::zeros((1, 4));
        a.gather(&table, &[1, 2, 3, 4, 5, 6, 7, 8], None, e.view_mut());
        let bag = 11.0 / 2_f64.sqrt();
        assert!((e[[0, 1]] - bag).abs() < 1e-12, "{e}");
        assert_eq!((e[[0, 0]], e[[0, 2]], e[[0, 3]]), (5.0, 7.0, 8.0));
    }
}
