//! From rules to moves: what a rule does up to the first word it writes.
//!
//! A sentence is written left to right with a stack of symbols. Expanding the top symbol rule by rule until a word slot
//! is met is a finite distribution over *moves* (pushes, scopes opened, then one slot; or nothing written), because
//! weights do not depend on the topic; it is computed once for every rule and depth. Generation draws one move a rule,
//! the oracle walks the list.
use std::ops::Range;

use rand::Rng;

use super::alias::{AliasRows, UNIT, quantise};
use super::compile::Fault;
use super::number::{Mode, Number};
use super::rules::{Kind, Rule, Symbol};
use crate::error::Result;

/// Symbols on the stack at most.
pub(crate) const MAX_STACK: usize = 24;

/// A symbol with its mode, by number, as the stack holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub kind: Kind,
    pub mode: Mode,
}

/// One step of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Push a cell at a depth, in the current scope.
    Push(u16, u8),
    /// Open a scope and make it the current one.
    Open(Mode),
    /// Decide the number of the current scope.
    Set(Number),
}

/// A move: steps, then a word of a slot; without a slot nothing is written.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    /// Its exact probability.
    pub p: f64,
    /// Where its steps stand in [`Moves::ops`].
    pub ops: Range<u32>,
    /// Where the word comes from.
    pub slot: Option<u16>,
}

/// The moves of every (rule, depth).
#[derive(Clone, Debug, Default)]
pub(crate) struct Moves {
    pub cells: Vec<Cell>,
    pub ops: Vec<Op>,
    moves: Vec<Move>,
    lists: Vec<(Range<u32>, AliasRows)>,
    depths: usize,
}

struct Draft {
    p: f64,
    ops: Vec<Op>,
    slot: Option<u16>,
}

struct Expander<'a> {
    rules: &'a [Rule],
    fault: &'a Fault<'a>,
    depth: u8,
    cells: Vec<Cell>,
    path: Vec<usize>,
}

impl Moves {
    /// Expands every rule at every depth from 0 to `depth`.
    pub(crate) fn new(rules: &[Rule], depth: u8, fault: &Fault) -> Result<Self> {
        let mut expander = Expander { rules, fault, depth, cells: Vec::new(), path: Vec::new() };
        let mut out = Moves { depths: usize::from(depth) + 1, ..Moves::default() };
        for rule in 0..rules.len() {
            for depth in 0..=depth {
                let drafts = expander.expand(rule, depth)?;
                let weights = quantise(&drafts.iter().map(|d| d.p).collect::<Vec<_>>());
                let mut alias = AliasRows::new(drafts.len());
                alias.push(&weights);
                let start = out.moves.len() as u32;
                for (draft, weight) in drafts.into_iter().zip(weights) {
                    let ops = out.ops.len() as u32;
                    out.ops.extend(draft.ops);
                    let p = weight as f64 / UNIT as f64;
                    out.moves.push(Move { p, ops: ops..out.ops.len() as u32, slot: draft.slot });
                }
                out.lists.push((start..out.moves.len() as u32, alias));
            }
        }
        out.cells = expander.cells;
        out.check(rules, fault)?;
        Ok(out)
    }

    /// The moves of a rule at a depth.
    #[inline]
    pub(crate) fn of(&self, rule: u16, depth: u8) -> &[Move] {
        let list = &self.lists[usize::from(rule) * self.depths + usize::from(depth)].0;
        &self.moves[list.start as usize..list.end as usize]
    }

    /// Draws a move.
    #[inline]
    pub(crate) fn draw(&self, rule: u16, depth: u8, rng: &mut impl Rng) -> &Move {
        let (list, alias) = &self.lists[usize::from(rule) * self.depths + usize::from(depth)];
        let choice = if list.len() == 1 { 0 } else { alias.draw(0, rng.next_u64()) };
        &self.moves[list.start as usize + choice]
    }

    /// The steps of a move.
    #[inline]
    pub(crate) fn steps(&self, one: &Move) -> &[Op] {
        &self.ops[one.ops.start as usize..one.ops.end as usize]
    }

    /// Values stored and bytes held.
    pub(crate) fn size(&self) -> (usize, usize) {
        let alias: usize = self.lists.iter().map(|l| l.1.bytes() + size_of::<Range<u32>>()).sum();
        (
            self.moves.len(),
            alias + self.moves.len() * size_of::<Move>() + self.ops.len() * size_of::<Op>(),
        )
    }

    /// The expected number of words of a rule at depth 0.
    pub(crate) fn mean_words(&self, rule: u16) -> f64 {
        self.means().map_or(f64::INFINITY, |words| words[usize::from(rule) * self.depths])
    }

    /// The expected number of words of each list (rule × depth), by iteration.
    fn means(&self) -> Option<Vec<f64>> {
        let mut words = vec![0.0; self.lists.len()];
        for _ in 0..10_000 {
            let next: Vec<f64> =
                self.lists.iter().map(|(list, _)| self.mean_of(list, &words)).collect();
            let change = next.iter().zip(&words).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            words = next;
            if change < 1e-9 {
                return Some(words);
            }
        }
        None
    }

    fn mean_of(&self, list: &Range<u32>, words: &[f64]) -> f64 {
        let mean = |one: &Move| {
            let pushed = self.steps(one).iter().map(|op| match *op {
                Op::Push(cell, depth) => match self.cells[usize::from(cell)].kind {
                    Kind::Rule(r) => words[usize::from(r) * self.depths + usize::from(depth)],
                    Kind::Slot(_) => 1.0,
                    Kind::Set(_) => 0.0,
                },
                _ => 0.0,
            });
            one.p * (f64::from(u8::from(one.slot.is_some())) + pushed.sum::<f64>())
        };
        self.moves[list.start as usize..list.end as usize].iter().map(mean).sum()
    }

    /// The stack stays below its bound and sentences end.
    fn check(&self, rules: &[Rule], fault: &Fault) -> Result<()> {
        let mut heights = vec![0usize; self.lists.len()];
        loop {
            let mut changed = false;
            for i in 0..self.lists.len() {
                let height = self.height_of(&self.lists[i].0, &heights).max(heights[i]);
                changed |= height > heights[i];
                heights[i] = height;
                if height >= MAX_STACK {
                    let what = format!("more than {MAX_STACK} symbols may be waiting at once");
                    let key = format!("rules.{}", rules[i / self.depths].name);
                    return Err(fault.at(
                        &key,
                        what,
                        "mark what nests in itself with ^, or lower `depth`",
                    ));
                }
            }
            if !changed {
                break;
            }
        }
        match self.means() {
            Some(words) if words.iter().all(|w| *w < 1e4) => Ok(()),
            _ => Err(fault.at(
                "rules",
                "sentences would not end".into(),
                "raise the weights of alternatives that end",
            )),
        }
    }

    fn height_of(&self, list: &Range<u32>, heights: &[usize]) -> usize {
        let height = |one: &Move| {
            let pushes = self
                .steps(one)
                .iter()
                .filter_map(|op| if let Op::Push(c, d) = op { Some((c, d)) } else { None });
            pushes.enumerate().fold(0, |top, (below, (cell, depth))| {
                let own = match self.cells[usize::from(*cell)].kind {
                    Kind::Rule(r) => heights[usize::from(r) * self.depths + usize::from(*depth)],
                    _ => 0,
                };
                top.max(below + own.max(1))
            })
        };
        self.moves[list.start as usize..list.end as usize].iter().map(height).max().unwrap_or(0)
    }
}

impl Expander<'_> {
    fn expand(&mut self, rule: usize, depth: u8) -> Result<Vec<Draft>> {
        let (rules, greatest) = (self.rules, self.depth);
        let Rule { name, alternatives } = &rules[rule];
        let key = format!("rules.{name}");
        if self.path.contains(&rule) {
            let what = "it may begin with itself before any word".into();
            return Err(self.fault.at(&key, what, "write the word first, the repetition after it"));
        }
        let fits = |symbols: &[Symbol]| depth < greatest || !symbols.iter().any(|s| s.deeper);
        let total: f64 = alternatives.iter().filter(|a| fits(&a.1)).map(|a| a.0).sum();
        if total == 0.0 {
            return Err(self.fault.at(
                &key,
                "every alternative goes deeper (^)".into(),
                "add one that does not",
            ));
        }
        self.path.push(rule);
        let (mut drafts, mut nothing) = (Vec::new(), 0.0);
        for (weight, symbols) in alternatives.iter().filter(|a| fits(&a.1)) {
            nothing += self.alternative(&key, weight / total, symbols, depth, &mut drafts)?;
        }
        self.path.pop();
        if nothing > 0.0 {
            drafts.push(Draft { p: nothing, ops: Vec::new(), slot: None });
        }
        Ok(drafts)
    }

    /// Adds the drafts of one alternative; returns the probability that it writes nothing.
    fn alternative(
        &mut self,
        key: &str,
        p: f64,
        symbols: &[Symbol],
        depth: u8,
        out: &mut Vec<Draft>,
    ) -> Result<f64> {
        let (mut p, mut prefix) = (p, Vec::new());
        for (i, symbol) in symbols.iter().enumerate() {
            let mut ops = prefix.clone();
            for later in symbols[i + 1..].iter().rev() {
                ops.push(Op::Push(self.cell(*later), depth + u8::from(later.deeper)));
            }
            if symbol.mode != Mode::Same {
                ops.push(Op::Open(symbol.mode));
            }
            match symbol.kind {
                Kind::Set(number) => prefix.push(Op::Set(number)),
                Kind::Slot(slot) => {
                    add(out, Draft { p, ops, slot: Some(slot) });
                    return Ok(0.0);
                }
                Kind::Rule(rule) => {
                    let mut nothing = 0.0;
                    for draft in self.expand(usize::from(rule), depth + u8::from(symbol.deeper))? {
                        match draft.slot {
                            None => nothing = draft.p,
                            slot => add(
                                out,
                                Draft {
                                    p: p * draft.p,
                                    ops: [&ops[..], &draft.ops].concat(),
                                    slot,
                                },
                            ),
                        }
                    }
                    p *= nothing;
                    if p == 0.0 {
                        return Ok(0.0);
                    }
                }
            }
        }
        if !prefix.is_empty() {
            let what = "an alternative decides the number and may write nothing".into();
            return Err(self.fault.at(key, what, "put a word beside the #"));
        }
        Ok(p)
    }

    fn cell(&mut self, symbol: Symbol) -> u16 {
        let cell = Cell { kind: symbol.kind, mode: symbol.mode };
        let known = self.cells.iter().position(|c| *c == cell);
        known.unwrap_or_else(|| {
            self.cells.push(cell);
            self.cells.len() - 1
        }) as u16
    }
}

/// Moves that do the same are one.
fn add(out: &mut Vec<Draft>, draft: Draft) {
    match out.iter_mut().find(|d| d.slot == draft.slot && d.ops == draft.ops) {
        Some(same) => same.p += draft.p,
        None => out.push(draft),
    }
}
