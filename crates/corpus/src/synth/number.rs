//! Grammatical number, and what a phrase remembers of the words before.
use serde::Deserialize;

/// Grammatical number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Number {
    /// One.
    Singular,
    /// More than one.
    Plural,
}

impl Number {
    /// 0 or 1.
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Both numbers, in the order of [`index`](Self::index).
    pub(crate) const BOTH: [Number; 2] = [Number::Singular, Number::Plural];
}

/// No class: registers hold class + 1.
pub(crate) const NO_CLASS: u16 = 0;
/// No position.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// The registers of a phrase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Number, once a word has decided it.
    pub number: Option<Number>,
    /// Class + 1 of the last marking word in this scope.
    pub last: u16,
    /// Class + 1 of the last marking word of the scope around, when this one was opened.
    pub outer: u16,
    /// Position of the marking word that carries the number (probes only: no part of the state).
    pub at: u32,
}

impl Scope {
    /// The registers at the start of a sentence.
    pub(crate) const EMPTY: Scope =
        Scope { number: None, last: NO_CLASS, outer: NO_CLASS, at: NOWHERE };

    /// The registers of a scope opened inside this one.
    pub(crate) fn open(&self, mode: Mode) -> Scope {
        match mode {
            Mode::Same | Mode::Copy => *self,
            Mode::New => Scope { outer: self.last, ..Scope::EMPTY },
        }
    }

    /// Takes note of a word: its class if it marks, its number if it has one.
    #[inline]
    pub(crate) fn read(&mut self, marks: bool, class: u16, number: Option<Number>) {
        if number.is_some() {
            self.number = number;
        }
        if marks {
            self.last = class + 1;
        }
    }

    /// The state as a number.
    #[inline]
    pub(crate) fn key(&self) -> u64 {
        u64::from(self.outer) << 32
            | u64::from(self.last) << 16
            | self.number.map_or(0, |n| n as u64 + 1)
    }

    /// Equal state.
    #[inline]
    pub(crate) fn same(&self, other: &Scope) -> bool {
        self.key() == other.key()
    }
}

/// Which scope the words of a symbol write their registers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// That of the rule it stands in.
    Same,
    /// A copy: it starts from the same registers and leaves them untouched.
    Copy,
    /// An empty one, governed by the last marking word before.
    New,
}
