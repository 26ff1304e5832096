//! Which registers still matter: a rule's symbols may read the number, the last class or the outer class of their scope.
//!
//! What no waiting symbol can read is forgotten by the forward pass, so that states with the same future are one state.
use super::expand::Cell;
use super::language::{Class, Inflection, Slot};
use super::number::{Mode, NO_CLASS, Scope};
use super::rules::{Kind, Rule};

/// Who may still read the registers of a scope. Slots are sets of bits; slots 64 apart share one, which is safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readers {
    number: bool,
    last: u64,
    outer: u64,
    /// Those that meet the last class as the outer class of a scope to be opened.
    governed: u64,
}

impl Readers {
    /// Both.
    #[inline]
    pub(crate) fn or(self, other: Readers) -> Readers {
        Readers {
            number: self.number || other.number,
            last: self.last | other.last,
            outer: self.outer | other.outer,
            governed: self.governed | other.governed,
        }
    }

    /// Who reads the scope a symbol stands in, if inside it these read.
    fn through(self, mode: Mode) -> Readers {
        match mode {
            Mode::Same | Mode::Copy => self,
            Mode::New => Readers { governed: self.outer, ..Readers::default() },
        }
    }
}

fn bit(slot: usize) -> u64 {
    1 << (slot % 64)
}

/// Liveness of registers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// By cell.
    readers: Vec<Readers>,
    /// By class + 1: the slots that tell it from no class.
    told_as_last: Vec<u64>,
    told_as_outer: Vec<u64>,
}

impl Live {
    /// What each cell may read of its scope.
    pub(crate) fn new(cells: &[Cell], rules: &[Rule], slots: &[Slot], classes: &[Class]) -> Self {
        let of_slot = |(i, slot): (usize, &Slot)| {
            let mut own =
                classes[usize::from(slot.classes.start)..usize::from(slot.classes.end)].iter();
            let number =
                slot.numbers > 1 || own.any(|c| matches!(c.inflection, Inflection::Both { .. }));
            Readers { number, last: bit(i), outer: bit(i), governed: 0 }
        };
        let of_slots: Vec<Readers> = slots.iter().enumerate().map(of_slot).collect();
        let mut of_rules = vec![Readers::default(); rules.len()];
        let of_kind = |kind, of_rules: &[Readers]| match kind {
            Kind::Rule(rule) => of_rules[usize::from(rule)],
            Kind::Slot(slot) => of_slots[usize::from(slot)],
            Kind::Set(_) => Readers::default(),
        };
        loop {
            let of_rule = |rule: &Rule| {
                let symbols = rule.alternatives.iter().flat_map(|a| &a.1);
                symbols
                    .map(|s| of_kind(s.kind, &of_rules).through(s.mode))
                    .fold(Readers::default(), Readers::or)
            };
            let next: Vec<Readers> = rules.iter().map(of_rule).collect();
            if next == of_rules {
                break;
            }
            of_rules = next;
        }
        let told = |columns: &dyn Fn(&Slot) -> &[u16]| {
            let of_class = |class| {
                slots
                    .iter()
                    .enumerate()
                    .filter(|(_, s)| columns(s)[class] > 0)
                    .fold(0, |m, (i, _)| m | bit(i))
            };
            (0..=classes.len()).map(of_class).collect()
        };
        let readers = cells.iter().map(|c| of_kind(c.kind, &of_rules).through(c.mode)).collect();
        Self { readers, told_as_last: told(&|s| &s.last_of), told_as_outer: told(&|s| &s.outer_of) }
    }

    /// Who may read the scope of a cell.
    #[inline]
    pub(crate) fn readers(&self, cell: u16) -> Readers {
        self.readers[usize::from(cell)]
    }

    /// Forgets what these readers cannot tell.
    #[inline]
    pub(crate) fn forget(&self, scope: &mut Scope, readers: Readers) {
        if !readers.number {
            scope.number = None;
        }
        let (as_last, as_outer) = (
            self.told_as_last[usize::from(scope.last)],
            self.told_as_outer[usize::from(scope.last)],
        );
        if (readers.last & as_last) | (readers.governed & as_outer) == 0 {
            scope.last = NO_CLASS;
        }
        if readers.outer & self.told_as_outer[usize::from(scope.outer)] == 0 {
            scope.outer = NO_CLASS;
        }
    }
}
