//! The stack machine that writes a sentence left to right: the syntactic half of the hidden state.
use std::hash::{BuildHasher, Hasher};

use super::expand::{Cell, MAX_STACK, Move, Moves, Op};
use super::live::{Live, Readers};
use super::number::{Mode, NOWHERE, Number, Scope};

/// A symbol waiting on the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    pub cell: u16,
    pub depth: u8,
    pub scope: u8,
}

/// Symbols waiting and the registers of their scopes; scope numbers never fall from bottom to top.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack {
    items: [Item; MAX_STACK],
    len: u8,
    /// One more than items: a word's own scope may lie above all that waits.
    pub scopes: [Scope; MAX_STACK + 1],
}

impl Stack {
    /// Nothing waiting.
    pub(crate) fn new() -> Self {
        Self { items: [Item::default(); MAX_STACK], len: 0, scopes: [Scope::EMPTY; MAX_STACK + 1] }
    }

    /// The start of a sentence: one symbol in an empty scope.
    #[inline]
    pub(crate) fn start(&mut self, cell: u16) {
        self.scopes[0] = Scope::EMPTY;
        self.items[0] = Item { cell, depth: 0, scope: 0 };
        self.len = 1;
    }

    /// Takes the top symbol.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Item> {
        self.len = self.len.checked_sub(1)?;
        Some(self.items[usize::from(self.len)])
    }

    /// Enters a symbol just taken: opens its scope if it has one of its own; returns the current scope.
    #[inline]
    pub(crate) fn enter(&mut self, item: Item, mode: Mode) -> u8 {
        self.open(item.scope, mode)
    }

    #[inline]
    fn open(&mut self, from: u8, mode: Mode) -> u8 {
        if mode == Mode::Same {
            return from;
        }
        // a scope that nothing waits in is not kept: right recursion runs in constant space
        let to = if self.len == 0 { 0 } else { self.items[usize::from(self.len) - 1].scope + 1 };
        self.scopes[usize::from(to)] = self.scopes[usize::from(from)].open(mode);
        to
    }

    /// Makes the steps of a move; returns the scope that its word stands in.
    #[inline]
    pub(crate) fn run(&mut self, moves: &Moves, one: &Move, mut scope: u8) -> u8 {
        for op in moves.steps(one) {
            match *op {
                Op::Push(cell, depth) => {
                    self.items[usize::from(self.len)] = Item { cell, depth, scope };
                    self.len += 1;
                }
                Op::Open(mode) => scope = self.open(scope, mode),
                Op::Set(number) => self.set(scope, number),
            }
        }
        scope
    }

    /// Decides a number by rule, not by word.
    #[inline]
    pub(crate) fn set(&mut self, scope: u8, number: Number) {
        let scope = &mut self.scopes[usize::from(scope)];
        (scope.number, scope.at) = (Some(number), NOWHERE);
    }

    /// The cell of an item.
    #[inline]
    pub(crate) fn cell(moves: &Moves, item: Item) -> Cell {
        moves.cells[usize::from(item.cell)]
    }

    /// Forgets the registers that nothing waiting can read: states with the same future become equal.
    pub(crate) fn forget(&mut self, live: &Live) {
        let len = usize::from(self.len);
        let mut end = len;
        while end > 0 {
            let scope = self.items[end - 1].scope;
            let start =
                self.items[..end].iter().rposition(|i| i.scope != scope).map_or(0, |i| i + 1);
            let reads = self.items[start..end]
                .iter()
                .map(|i| live.readers(i.cell))
                .fold(Readers::default(), Readers::or);
            live.forget(&mut self.scopes[usize::from(scope)], reads);
            end = start;
        }
    }

    /// What is waiting, and the registers of its scopes.
    fn state(&self) -> (&[Item], &[Scope]) {
        let items = &self.items[..usize::from(self.len)];
        (items, &self.scopes[..items.last().map_or(0, |top| usize::from(top.scope) + 1)])
    }

    /// Equal state: the same future under every topic.
    pub(crate) fn same(&self, other: &Stack) -> bool {
        let ((items, scopes), (their_items, their_scopes)) = (self.state(), other.state());
        items == their_items && scopes.iter().zip(their_scopes).all(|(a, b)| a.same(b))
    }

    /// Equal states have equal hashes.
    pub(crate) fn hash(&self) -> u64 {
        let (items, scopes) = self.state();
        let mut hasher = foldhash::fast::FixedState::default().build_hasher();
        items.iter().for_each(|i| {
            hasher.write_u32(u32::from(i.cell) << 16 | u32::from(i.depth) << 8 | u32::from(i.scope))
        });
        scopes.iter().for_each(|s| hasher.write_u64(s.key()));
        hasher.finish()
    }
}

/// The registers at the word of a move, without making it.
#[inline]
pub(crate) fn scope_at_word(moves: &Moves, one: &Move, scope: Scope) -> Scope {
    moves.steps(one).iter().fold(scope, |scope, op| match *op {
        Op::Push(..) => scope,
        Op::Open(mode) => scope.open(mode),
        Op::Set(number) => Scope { number: Some(number), ..scope },
    })
}
