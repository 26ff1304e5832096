//! Categories to slots: the words of each class, p(word | class, topic) and p(class | slot, registers, topic).
use super::alias::{AliasRows, UNIT, quantise};
use super::compile::{Fault, Parts};
use super::file::{Category, GrammarFile, Preference, Through};
use super::language::{Class, Inflection, Reading, Slot};
use super::lexicon::Maker;
use super::number::Number;
use crate::error::Result;

/// Makes the words of a category: classes, forms, readings, p(word | class, topic).
pub(crate) fn add_category(
    name: &str,
    category: &Category,
    topics: &[String],
    maker: &mut Maker,
    parts: &mut Parts,
    fault: &Fault,
) -> Result<()> {
    let key = format!("categories.{name}");
    fault.weight(&format!("{key}.topical"), category.topical)?;
    fault.weight(&format!("{key}.zipf"), category.zipf)?;
    let plural = fault.probability(&format!("{key}.plural"), category.plural)?;
    let plural = (plural * UNIT as f64) as u64;
    let first = parts.classes.len() as u16;
    let slot = parts.slots.len() as u16;
    if category.classes.is_empty() {
        return Err(fault.at(&key, "it has no classes".into(), "give it at least one class"));
    }
    for (class_name, class) in &category.classes {
        let key = format!("{key}.classes.{class_name}");
        if parts.classes.iter().any(|c| c.name == *class_name) {
            return Err(fault.at(
                &key,
                "another category has a class of this name".into(),
                "names of classes are unique",
            ));
        }
        let lemmas = maker.class(&key, parts.classes.len() as u64, category, class, fault)?;
        let inflection = match (class.number, category.endings.is_some()) {
            (Some(number), _) => Inflection::Fixed(number),
            (None, true) => Inflection::Both { plural },
            (None, false) => Inflection::None,
        };
        let (mut words, mut p) =
            (AliasRows::new(lemmas.len()), vec![0.0; lemmas.len() * topics.len()]);
        for z in 0..topics.len() {
            // every rank has a home among the topics, or none: the frequent words spread over all of them
            let at_home = |rank: usize| rank % (topics.len() + 2) == z;
            let weight = |rank: usize| {
                let zipf = 1.0 / ((rank + 1) as f64 + category.zipf);
                if at_home(rank) { zipf * category.topical } else { zipf }
            };
            let weights = quantise(&(0..lemmas.len()).map(weight).collect::<Vec<_>>());
            words.push(&weights);
            (0..lemmas.len())
                .for_each(|i| p[i * topics.len() + z] = weights[i] as f64 / UNIT as f64);
        }
        let id = parts.classes.len() as u16;
        let mut forms = Vec::with_capacity(lemmas.len());
        for (lemma, [one, many]) in lemmas.iter().enumerate() {
            let pair = [parts.form(one), parts.form(many)];
            let numbers: &[Option<Number>] = match inflection {
                Inflection::None => &[None],
                Inflection::Fixed(Number::Singular) => &[Some(Number::Singular)],
                Inflection::Fixed(Number::Plural) => &[Some(Number::Plural)],
                Inflection::Both { .. } => &[Some(Number::Singular), Some(Number::Plural)],
            };
            for &number in numbers {
                let form = pair[number.map_or(0, Number::index)];
                parts.readings[form.index()].push(Reading {
                    slot,
                    class: id,
                    lemma: lemma as u16,
                    number,
                });
            }
            forms.push(pair);
        }
        parts.classes.push(Class { name: class_name.clone(), inflection, forms, words, p });
    }
    let classes = first..parts.classes.len() as u16;
    parts.slots.push(Slot {
        name: name.to_owned(),
        marks: category.marks,
        classes,
        ..Slot::default()
    });
    Ok(())
}

/// A preference and the class that has it; none: no preference.
type Column<'a> = Option<(&'a Preference, &'a str)>;

/// p(class | slot, outer class, last class, number, topic): one row a combination that makes a difference.
pub(crate) fn class_tables(
    slot: usize,
    file: &GrammarFile,
    preferences: &[&Preference],
    topics: &[String],
    parts: &mut Parts,
    fault: &Fault,
) -> Result<()> {
    let Slot { name, classes: range, .. } = parts.slots[slot].clone();
    let classes = &parts.classes[usize::from(range.start)..usize::from(range.end)];
    let category = file.categories.get(&name);
    let key = format!("categories.{name}");
    let slot_of = |class: usize| {
        parts
            .slots
            .iter()
            .position(|s| s.classes.contains(&(class as u16)))
            .map(|s| &parts.slots[s].name)
    };
    // column 0: no preference; one column for every class that has one
    let columns = |through: Through| -> (Vec<u16>, Vec<Column>) {
        let (mut of, mut list) = (vec![0; parts.classes.len() + 1], vec![None]);
        for p in preferences.iter().filter(|p| p.through == through && p.to == name) {
            for (i, class) in
                parts.classes.iter().enumerate().filter(|(i, _)| slot_of(*i) == Some(&p.from))
            {
                of[i + 1] = list.len() as u16;
                list.push(Some((*p, &*class.name)));
            }
        }
        (of, list)
    };
    let ((outer_of, outer), (last_of, last)) = (columns(Through::Outer), columns(Through::Last));
    let factor = |column: &Column, class: &str| match column {
        None => 1.0,
        Some((p, from)) => {
            p.likes.get(*from).map_or(1.0, |l| l.get(class).copied().unwrap_or(p.otherwise))
        }
    };
    let numbered = classes.iter().any(|c| matches!(c.inflection, Inflection::Fixed(_)));
    let numbers: &[Option<Number>] =
        if numbered { &[None, Some(Number::Singular), Some(Number::Plural)] } else { &[None] };
    let (mut table, mut p) = (AliasRows::new(classes.len()), Vec::new());
    for (o, l) in outer.iter().flat_map(|o| last.iter().map(move |l| (o, l))) {
        for number in numbers {
            let clash = |i: usize| matches!((classes[i].inflection, number), (Inflection::Fixed(a), Some(b)) if a != *b);
            let any_fits = (0..classes.len()).any(|i| !clash(i));
            let start = p.len();
            p.resize(start + classes.len() * topics.len(), 0.0);
            for (z, topic) in topics.iter().enumerate() {
                let mut weights = Vec::with_capacity(classes.len());
                for (i, class) in classes.iter().enumerate() {
                    let spec = category.map(|c| &c.classes[&class.name]);
                    let base = spec
                        .map_or(1.0, |c| c.weight * c.topics.get(topic).copied().unwrap_or(1.0));
                    let base =
                        fault.weight(&format!("{key}.classes.{}.weight", class.name), base)?;
                    let fits = !clash(i) || !any_fits;
                    weights.push(if fits {
                        base * factor(o, &class.name) * factor(l, &class.name)
                    } else {
                        0.0
                    });
                }
                if weights.iter().all(|w| *w == 0.0) {
                    let seen = [o, l]
                        .into_iter()
                        .flatten()
                        .map(|(_, class)| format!(" after {class}"))
                        .collect::<String>();
                    let what = format!("no class is possible{seen} under topic {topic}");
                    return Err(fault.at(&key, what, "give a class a positive weight there"));
                }
                let weights = quantise(&weights);
                table.push(&weights);
                (0..classes.len()).for_each(|i| {
                    p[start + i * topics.len() + z] = weights[i] as f64 / UNIT as f64
                });
            }
        }
    }
    if let Some(category) = category {
        for (class, spec) in &category.classes {
            for topic in spec.topics.keys() {
                fault.find(&format!("{key}.classes.{class}.topics"), topics, topic)?;
            }
        }
    }
    let slot = &mut parts.slots[slot];
    (slot.outer_of, slot.last_of, slot.lasts) = (outer_of, last_of, last.len());
    (slot.numbers, slot.table, slot.p, slot.topics) = (numbers.len(), table, p, topics.len());
    Ok(())
}
