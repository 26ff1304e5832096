//! Test items cut out of generated sentences: verbs that must agree with a subject some words back.
use super::generate::{Draw, stream};
use super::language::{FormId, Language};
use super::machine::Stack;

/// A sentence with a verb whose number its subject decides.
///
/// A model that knows the rule gives `words[verb_at]` more probability than `wrong` after `words[..verb_at]`: the two are
/// forms of the same verb, and the grammar cannot write the wrong one there. Chance is 1/2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementItem {
    /// The whole sentence.
    pub words: Vec<FormId>,
    /// Where the verb stands.
    pub verb_at: usize,
    /// Where the word stands that decided the number.
    pub subject_at: usize,
    /// Words between the two.
    pub distance: usize,
    /// How many words between them carry the other number: what misleads.
    pub attractors: usize,
    /// The verb's other form.
    pub wrong: FormId,
}

/// Sentences that are drawn at most for an item: a language without agreement gives an empty list.
const PATIENCE: usize = 10_000;

/// The first `n` agreement items of a seed, in the order of the text they are drawn from (which is not the text of
/// [`write_text`](super::write_text)). Fewer than `n` where the language hardly has any.
pub fn agreement(language: &Language, seed: u64, n: usize) -> Vec<AgreementItem> {
    collect(language, seed, n, &mut |_| true)
}

/// `per_distance` items for each number of intervening words in `distances`, the rare ones too; sorted by distance.
pub fn agreement_by_distance(
    language: &Language,
    seed: u64,
    distances: std::ops::RangeInclusive<usize>,
    per_distance: usize,
) -> Vec<AgreementItem> {
    let mut left = vec![per_distance; distances.end() + 1];
    let total = distances.clone().count() * per_distance;
    let mut items = collect(language, seed, total, &mut |item| {
        let wanted = distances.contains(&item.distance) && left[item.distance] > 0;
        if wanted {
            left[item.distance] -= 1;
        }
        wanted
    });
    items.sort_by_key(|item| item.distance);
    items
}

fn collect(
    language: &Language,
    seed: u64,
    n: usize,
    keep: &mut dyn FnMut(&AgreementItem) -> bool,
) -> Vec<AgreementItem> {
    let (mut rng, mut stack) = (stream(seed, b"agreemnt", 0), Stack::new());
    let (mut out, mut draws, mut misses) = (Vec::new(), Vec::new(), 0);
    while out.len() < n && misses < PATIENCE {
        draws.clear();
        language.sentence(&mut rng, &mut stack, |word| draws.push(word));
        let before = out.len();
        for at in 0..draws.len() {
            if let Some(item) = item(language, &draws, at)
                && out.len() < n
                && keep(&item)
            {
                out.push(item);
            }
        }
        misses = if out.len() == before { misses + 1 } else { 0 };
    }
    out
}

/// The item of the word at `at`, if it agrees and shows it.
fn item(language: &Language, draws: &[Draw], at: usize) -> Option<AgreementItem> {
    let verb = &draws[at];
    let (subject_at, number) = (verb.agrees_with? as usize, verb.number?);
    let pair = language.classes[usize::from(verb.class)].forms[usize::from(verb.lemma)];
    let wrong = pair[1 - number.index()];
    let between = &draws[subject_at + 1..at];
    (wrong != verb.form).then(|| AgreementItem {
        words: draws.iter().map(|d| d.form).collect(),
        verb_at: at,
        subject_at,
        distance: between.len(),
        attractors: between.iter().filter(|d| d.number.is_some_and(|n| n != number)).count(),
        wrong,
    })
}
