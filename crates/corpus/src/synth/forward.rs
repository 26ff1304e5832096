//! The forward pass: exact p(next word | words so far) of a language, by summing over its hidden state.
//!
//! A hypothesis is a stack with its registers and, for each topic z, the joint probability of z and of what was read.
//! Reading a word multiplies by p(move) · p(class | registers, z) · p(number) · p(word | class, z) for every reading of
//! the word (Rabiner 1989, eq. 20, with a stack for a state). Words of the embedded grammar determine the stack but for
//! forms without a mark of number, so that one or two hypotheses are alive; after a hidden word (`<unk>`) there are as
//! many as there are classes it may have had, and what comes after prunes them. Their number is the product over nested
//! phrases with a hidden head: above [`MOST`](super::hypotheses::MOST), the least probable are dropped. On the embedded grammar that takes a
//! vocabulary that hides more than a tenth of the running words; with fewer the pass is exact.
use super::compile::MAX_TOPICS;
use super::expand::Move;
use super::hypotheses::{Hypothesis, Pool};
use super::language::{Class, FormId, Inflection, Language, Reading};
use super::machine::{Stack, scope_at_word};
use super::number::{Number, Scope};
use super::rules::Kind;

/// What is read or asked for.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// A word form.
    Form(FormId),
    /// The end of the sentence.
    End,
    /// Some word of a set, not known which.
    OneOf(&'a HiddenWords),
}

/// A set of word forms that a reader cannot tell apart: the grammar's words outside a vocabulary.
#[derive(Clone, Debug)]
pub struct HiddenWords {
    /// Class → p(a hidden word | class, number, topic), (number, topic).
    sums: Vec<Vec<f64>>,
}

impl HiddenWords {
    /// From one flag a form, true for the hidden ones.
    ///
    /// # Panics
    /// If there is not one flag a form.
    pub fn new(language: &Language, hidden: &[bool]) -> Self {
        assert_eq!(hidden.len(), language.len(), "one flag a form");
        let topics = language.topics.len();
        let sum = |class: &Class| {
            let mut sums = vec![0.0; 2 * topics];
            for (pair, p) in class.forms.iter().zip(class.p.chunks_exact(topics)) {
                for number in Number::BOTH.into_iter().filter(|n| hidden[pair[n.index()].index()]) {
                    let row = &mut sums[number.index() * topics..][..topics];
                    row.iter_mut().zip(p).for_each(|(s, p)| *s += p);
                }
            }
            sums
        };
        Self { sums: language.classes.iter().map(sum).collect() }
    }
}

/// A way to the next word: the stack below it, the scope it starts in, its move if a rule made it.
struct Way<'a> {
    below: &'a Stack,
    scope: u8,
    one: Option<&'a Move>,
    slot: u16,
    p: f64,
}

/// A reader of one sentence after another.
#[derive(Clone, Debug)]
pub struct Forward<'a> {
    language: &'a Language,
    alive: Pool,
    next: Pool,
}

impl<'a> Forward<'a> {
    /// At the start of a sentence.
    pub fn new(language: &'a Language) -> Self {
        let mut out = Self { language, alive: Pool::default(), next: Pool::default() };
        out.restart();
        out
    }

    /// Goes to the start of a sentence.
    pub fn restart(&mut self) {
        let mut topics = [0.0; MAX_TOPICS];
        topics[..self.language.prior.len()].copy_from_slice(&self.language.prior);
        let mut stack = Stack::new();
        stack.start(self.language.start());
        self.alive.clear();
        self.alive.add(Hypothesis { stack, topics });
    }

    /// p(topic | words so far), in the order of [`Language::topics`].
    pub fn topics(&self) -> Vec<f64> {
        let mut out = vec![0.0; self.language.topics.len()];
        for hypothesis in &self.alive.list {
            out.iter_mut().zip(&hypothesis.topics).for_each(|(o, t)| *o += t);
        }
        out
    }

    /// How many hypotheses are alive.
    pub fn hypotheses(&self) -> usize {
        self.alive.list.len()
    }

    /// Reads on and returns p(seen | words so far). After the end, a new sentence begins. What the grammar cannot write
    /// here has probability 0 and is skipped: there is no other meaning to what follows.
    pub fn read(&mut self, seen: Seen<'_>) -> f64 {
        let mut next = std::mem::take(&mut self.next);
        next.clear();
        let total = self.sum(seen, &mut |hypothesis| next.add(hypothesis));
        self.next = next;
        match seen {
            Seen::End => self.restart(),
            _ if total > 0.0 => {
                self.next.normalise(total);
                std::mem::swap(&mut self.alive, &mut self.next);
            }
            _ => {}
        }
        total
    }

    /// p(seen | words so far).
    pub fn p(&self, seen: Seen<'_>) -> f64 {
        self.sum(seen, &mut |_| {})
    }

    /// p of every form, and last of the end: `out` is one longer than there are forms.
    ///
    /// # Panics
    /// If `out` has another length.
    pub fn distribution(&self, out: &mut [f64]) {
        assert_eq!(
            out.len(),
            self.language.len() + 1,
            "one probability a form and one for the end"
        );
        out.fill(0.0);
        let n = self.language.topics.len();
        for hypothesis in &self.alive.list {
            let end = self.ways(hypothesis, &mut |way| {
                let (slot, scope) =
                    (&self.language.slots[usize::from(way.slot)], self.registers(&way));
                for id in slot.classes.clone() {
                    let class = &self.language.classes[usize::from(id)];
                    let mut joint = [0.0; MAX_TOPICS];
                    for ((j, t), p) in
                        joint.iter_mut().zip(&hypothesis.topics).zip(slot.p(&scope, id))
                    {
                        *j = t * p * way.p;
                    }
                    if joint.iter().all(|j| *j == 0.0) {
                        continue;
                    }
                    let numbers = numbers(class.inflection, &scope);
                    for (pair, p) in class.forms.iter().zip(class.p.chunks_exact(n)) {
                        let p = dot(&joint, p);
                        for number in Number::BOTH {
                            out[pair[number.index()].index()] += p * numbers[number.index()];
                        }
                    }
                }
            });
            out[self.language.len()] += end * hypothesis.p();
        }
    }

    /// Σ of the joint probabilities of every continuation by `seen`, each handed to `f`.
    fn sum(&self, seen: Seen<'_>, f: &mut dyn FnMut(Hypothesis)) -> f64 {
        let mut total = 0.0;
        for hypothesis in &self.alive.list {
            let end = self.ways(hypothesis, &mut |way| match seen {
                Seen::End => {}
                Seen::Form(form) => {
                    for reading in
                        self.language.readings(form).iter().filter(|r| r.slot == way.slot)
                    {
                        let class = &self.language.classes[usize::from(reading.class)];
                        let n = self.language.topics.len();
                        let words = &class.p[usize::from(reading.lemma) * n..][..n];
                        total += self.continued(hypothesis, &way, reading, words, f);
                    }
                }
                Seen::OneOf(hidden) => {
                    let n = self.language.topics.len();
                    for id in self.language.slots[usize::from(way.slot)].classes.clone() {
                        let sums = &hidden.sums[usize::from(id)];
                        for number in possible(self.language.classes[usize::from(id)].inflection) {
                            let words = &sums[number.map_or(0, Number::index) * n..][..n];
                            if words.iter().all(|p| *p == 0.0) {
                                continue;
                            }
                            let reading =
                                Reading { slot: way.slot, class: id, lemma: 0, number: *number };
                            total += self.continued(hypothesis, &way, &reading, words, f);
                        }
                    }
                }
            });
            if let Seen::End = seen {
                total += end * hypothesis.p();
            }
        }
        total
    }

    /// One continuation: its probability; what is possible is handed to `f`.
    #[inline]
    fn continued(
        &self,
        from: &Hypothesis,
        way: &Way<'_>,
        reading: &Reading,
        words: &[f64],
        f: &mut dyn FnMut(Hypothesis),
    ) -> f64 {
        let (slot, scope) = (&self.language.slots[usize::from(reading.slot)], self.registers(way));
        let inflection = self.language.classes[usize::from(reading.class)].inflection;
        let p = way.p * numbers(inflection, &scope)[reading.number.map_or(0, Number::index)];
        if p == 0.0 {
            return 0.0;
        }
        let mut topics = [0.0; MAX_TOPICS];
        let mut total = 0.0;
        let classes = slot.p(&scope, reading.class);
        for (((out, t), c), w) in topics.iter_mut().zip(&from.topics).zip(classes).zip(words) {
            *out = t * p * c * w;
            total += *out;
        }
        if total > 0.0 {
            let mut stack = *way.below;
            let scope =
                way.one.map_or(way.scope, |one| stack.run(&self.language.moves, one, way.scope));
            stack.scopes[usize::from(scope)].read(slot.marks, reading.class, reading.number);
            stack.forget(&self.language.live);
            f(Hypothesis { stack, topics });
        }
        total
    }

    #[inline]
    fn registers(&self, way: &Way<'_>) -> Scope {
        let scope = way.below.scopes[usize::from(way.scope)];
        way.one.map_or(scope, |one| scope_at_word(&self.language.moves, one, scope))
    }

    /// Every way from a hypothesis to the next word; returns the probability that there is none.
    #[inline]
    fn ways(&self, from: &Hypothesis, f: &mut dyn FnMut(Way<'_>)) -> f64 {
        let moves = &self.language.moves;
        let (mut stack, mut p) = (from.stack, 1.0);
        while let Some(item) = stack.pop() {
            let cell = Stack::cell(moves, item);
            let scope = stack.enter(item, cell.mode);
            match cell.kind {
                Kind::Set(number) => stack.set(scope, number),
                Kind::Slot(slot) => {
                    f(Way { below: &stack, scope, one: None, slot, p });
                    return 0.0;
                }
                Kind::Rule(rule) => {
                    let mut nothing = 0.0;
                    for one in moves.of(rule, item.depth) {
                        match one.slot {
                            Some(slot) => {
                                f(Way { below: &stack, scope, one: Some(one), slot, p: p * one.p })
                            }
                            None => nothing = p * one.p,
                        }
                    }
                    p = nothing;
                    if p == 0.0 {
                        return 0.0;
                    }
                }
            }
        }
        p
    }
}

/// p(form of the singular), p(form of the plural); a word without number stands under the first.
#[inline]
fn numbers(inflection: Inflection, scope: &Scope) -> [f64; 2] {
    match (inflection, scope.number) {
        (Inflection::None | Inflection::Fixed(Number::Singular), _) => [1.0, 0.0],
        (Inflection::Fixed(Number::Plural), _) => [0.0, 1.0],
        (Inflection::Both { .. }, Some(Number::Singular)) => [1.0, 0.0],
        (Inflection::Both { .. }, Some(Number::Plural)) => [0.0, 1.0],
        (Inflection::Both { plural }, None) => {
            let plural = plural as f64 / super::alias::UNIT as f64;
            [1.0 - plural, plural]
        }
    }
}

/// The readings that words of a class have.
fn possible(inflection: Inflection) -> &'static [Option<Number>] {
    match inflection {
        Inflection::None => &[None],
        Inflection::Fixed(Number::Singular) => &[Some(Number::Singular)],
        Inflection::Fixed(Number::Plural) => &[Some(Number::Plural)],
        Inflection::Both { .. } => &[Some(Number::Singular), Some(Number::Plural)],
    }
}

/// Σ a·b in a fixed order, four lanes at a time.
#[inline]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a, b) = (&a[..b.len()], b);
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a4.remainder().iter().zip(b4.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a4.zip(b4) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(l, (a, b))| *l += a * b);
    }
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + rest
}
