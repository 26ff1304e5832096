//! The stack machine that writes a sentence left to right: the syntactic half of the hidden state.
use super::expand::{Cell, MAX_STACK, Move, Moves, Op};
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

    /// Equal state: the same future under every topic.
    pub(crate) fn same(&self, other: &Stack) -> bool {
        let len = usize::from(self.len);
        let scopes = if len == 0 { 0 } else { usize::from(self.items[len - 1].scope) + 1 };
        self.len == other.len
            && self.items[..len] == other.items[..len]
            && (0..scopes).all(|i| self.scopes[i].same(&other.scopes[i]))
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
