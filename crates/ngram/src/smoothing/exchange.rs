//! Word classes by the exchange algorithm (Kneser & Ney 1993; Martin, Liermann & Ney 1998), for Brown et al.'s (1992) objective:
//! the likelihood of the training text under p(w | v) = p(w | c(w)) p(c(w) | c(v)), which is, but for a constant,
//!
//! F = Σ_{c,d} g(N(c, d)) − Σ_c g(N(c ·)) − Σ_d g(N(· d)),   g(n) = n ln n.
//!
//! Every word, frequent ones first, is taken out of its class and put where F is highest, until few move.
//! Legend: `a` the class left, `b` a class tried, `C` classes.
use rayon::prelude::*;

use crate::count::GramCounts;

/// Sweeps over the vocabulary at most.
const SWEEPS: usize = 12;

/// The class of every word. Class 0 is `</s>` alone; the others are 1 .. `classes`.
pub(crate) fn exchange(counts: &GramCounts, eos: u32, classes: usize) -> Vec<u32> {
    assert!(
        counts.order() >= 2 && classes >= 2,
        "classes come from bigrams, and </s> has one of its own"
    );
    let v = counts.vocab_len();
    let start = |w: usize| if w as u32 == eos { 0 } else { 1 + (w % (classes - 1)) as u32 };
    let mut class: Vec<u32> = (0..v).map(start).chain([classes as u32]).collect(); // <s>: a class of its own after the others
    let neighbours = Neighbours::new(counts);
    let mut table = Table::new(&neighbours, &class, classes + 1);
    for _ in 0..SWEEPS {
        let mut moved = 0;
        for w in (0..v).filter(|&w| w as u32 != eos && neighbours.occurs(w)) {
            let own = Own::new(&neighbours, &class, w);
            let a = class[w];
            table.shift(&own, a as usize, false);
            let gains: Vec<f64> = (1..classes)
                .into_par_iter()
                .with_min_len(64)
                .map(|b| table.gain(&own, b))
                .collect();
            // strictly better than staying, the first of equals
            let stay = gains[a as usize - 1];
            let best = (1u32..).zip(&gains).fold((a, stay), |best, (b, &gain)| {
                if gain > best.1 + 1e-9 { (b, gain) } else { best }
            });
            table.shift(&own, best.0 as usize, true);
            class[w] = best.0;
            moved += usize::from(best.0 != a);
        }
        if moved * 1000 <= v {
            break;
        }
    }
    class.truncate(v);
    class
}

/// Bigram counts from both sides.
struct Neighbours {
    before: Vec<Vec<(u32, u32)>>,
    after: Vec<Vec<(u32, u32)>>,
}

impl Neighbours {
    fn new(counts: &GramCounts) -> Self {
        let n = counts.vocab_len() + 1;
        let (mut before, mut after): (Vec<Vec<_>>, Vec<Vec<_>>) =
            (vec![Vec::new(); n], vec![Vec::new(); n]);
        for (w, before) in before[..counts.vocab_len()].iter_mut().enumerate() {
            for node in counts.children(0, w) {
                let (v, count) = (counts.levels[1].word[node], counts.levels[1].count[node]);
                before.push((v, count));
                after[v as usize].push((w as u32, count));
            }
        }
        Self { before, after }
    }

    fn occurs(&self, w: usize) -> bool {
        !self.before[w].is_empty()
    }
}

/// The counts of one word with each class, itself apart.
struct Own {
    /// (class, before it, after it), where not both are zero.
    with: Vec<(u32, u64, u64)>,
    itself: u64,
    before: u64,
    after: u64,
}

impl Own {
    fn new(neighbours: &Neighbours, class: &[u32], w: usize) -> Self {
        let mut with: Vec<(u32, u64, u64)> = Vec::new();
        let mut itself = 0;
        for &(v, n) in &neighbours.before[w] {
            match v as usize == w {
                true => itself = u64::from(n),
                false => with.push((class[v as usize], n.into(), 0)),
            }
        }
        let others = neighbours.after[w].iter().filter(|(v, _)| *v as usize != w);
        with.extend(others.map(|&(v, n)| (class[v as usize], 0, u64::from(n))));
        with.sort_unstable();
        with.dedup_by(|x, kept| {
            x.0 == kept.0 && {
                (kept.1, kept.2) = (kept.1 + x.1, kept.2 + x.2);
                true
            }
        });
        let sum = |side: &[(u32, u32)]| side.iter().map(|&(_, n)| u64::from(n)).sum();
        Self { with, itself, before: sum(&neighbours.before[w]), after: sum(&neighbours.after[w]) }
    }
}

/// Class bigram counts N(c, d) in both layouts, their sums, and g of small integers.
struct Table {
    classes: usize,
    rows: Vec<u64>,
    columns: Vec<u64>,
    row_sums: Vec<u64>,
    column_sums: Vec<u64>,
    g: Vec<f64>,
}

impl Table {
    fn new(neighbours: &Neighbours, class: &[u32], classes: usize) -> Self {
        let (square, line) = (vec![0; classes * classes], vec![0; classes]);
        let g = (0..1 << 14).map(|n| slow_g(n as u64)).collect();
        let (rows, columns, row_sums, column_sums) = (square.clone(), square, line.clone(), line);
        let mut table = Self { classes, rows, columns, row_sums, column_sums, g };
        for (w, before) in neighbours.before.iter().enumerate() {
            for &(v, n) in before {
                let (c, d) = (class[v as usize] as usize, class[w] as usize);
                table.rows[c * classes + d] += u64::from(n);
                table.columns[d * classes + c] += u64::from(n);
                table.row_sums[c] += u64::from(n);
                table.column_sums[d] += u64::from(n);
            }
        }
        table
    }

    /// Puts a word's counts into class `b`, or takes them out.
    fn shift(&mut self, own: &Own, b: usize, into: bool) {
        let add = |place: &mut u64, n: u64| *place = if into { *place + n } else { *place - n };
        let size = self.classes;
        let cells = own
            .with
            .iter()
            .map(|&(c, before, after)| (c as usize, before, after))
            .chain([(b, own.itself, 0)]);
        for (c, before, after) in cells {
            add(&mut self.rows[c * size + b], before);
            add(&mut self.columns[b * size + c], before);
            add(&mut self.rows[b * size + c], after);
            add(&mut self.columns[c * size + b], after);
        }
        add(&mut self.row_sums[b], own.after);
        add(&mut self.column_sums[b], own.before);
    }

    /// What F gains when the word, taken out before, goes into class `b`.
    fn gain(&self, own: &Own, b: usize) -> f64 {
        let (row, column) = (&self.rows[b * self.classes..], &self.columns[b * self.classes..]);
        let rise = |n: u64, more: u64| self.g(n + more) - self.g(n);
        let mut gain = -rise(self.row_sums[b], own.after) - rise(self.column_sums[b], own.before);
        let mut inside = own.itself;
        for &(c, before, after) in &own.with {
            if c as usize == b {
                inside += before + after;
                continue;
            }
            gain += rise(row[c as usize], after) + rise(column[c as usize], before);
        }
        gain + rise(row[b], inside)
    }

    #[inline]
    fn g(&self, n: u64) -> f64 {
        self.g.get(n as usize).copied().unwrap_or_else(|| slow_g(n))
    }
}

fn slow_g(n: u64) -> f64 {
    if n == 0 { 0.0 } else { n as f64 * (n as f64).ln() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corpus::{TokenId, Tokens};

    #[test]
    fn words_with_the_same_neighbours_share_a_class() {
        // </s> 0; determiners 1 2, nouns 3 4 5, verbs 6 7: "the dog barks"
        let mut text = Tokens::default();
        for i in 0..200u32 {
            let sentence = [1 + i % 2, 3 + i % 3, 6 + i / 7 % 2, 0].map(TokenId);
            text.push_sentence(&sentence, 1);
        }
        let counts = GramCounts::new(&text, 8, 2).unwrap();
        let class = exchange(&counts, 0, 4);
        assert_eq!(class[0], 0);
        assert_eq!(class[1], class[2]);
        assert!(class[3] == class[4] && class[4] == class[5]);
        assert_eq!(class[6], class[7]);
        assert!(class[1] != class[3] && class[3] != class[6] && class[1] != class[6]);
    }

    #[test]
    fn gains_are_differences_of_the_objective() {
        let mut text = Tokens::default();
        for i in 0..50u32 {
            text.push_sentence(
                &[1 + i * i % 5, 1 + i % 5, 1 + i * 3 % 5, 1 + i * 3 % 5, 0].map(TokenId),
                1,
            );
        }
        let counts = GramCounts::new(&text, 6, 2).unwrap();
        let neighbours = Neighbours::new(&counts);
        let objective = |class: &[u32]| {
            let t = Table::new(&neighbours, class, 4);
            let f = |cells: &[u64]| cells.iter().map(|&n| slow_g(n)).sum::<f64>();
            f(&t.rows) - f(&t.row_sums) - f(&t.column_sums)
        };
        let mut class = vec![0, 1, 2, 1, 2, 1, 3];
        for w in 1..6 {
            let own = Own::new(&neighbours, &class, w);
            let mut table = Table::new(&neighbours, &class, 4);
            table.shift(&own, class[w] as usize, false);
            let (one, two) = (table.gain(&own, 1), table.gain(&own, 2));
            class[w] = 1;
            let first = objective(&class);
            class[w] = 2;
            assert!((objective(&class) - first - (two - one)).abs() < 1e-9);
        }
    }
}
