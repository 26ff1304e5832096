//! The forward pass against a slow, literal reading of the grammar file: every derivation of a prefix is walked through,
//! topic by topic, with none of the compiler's steps (no stack of moves, no tables, no merged hypotheses).
use std::path::Path;

use corpus::synth::{FormId, Forward, HiddenWords, Language, Seen};
use toml::Table;

const TINY: &str = include_str!("../../../datasets/synth/tiny.toml");

#[derive(Clone, Default)]
struct Registers {
    number: Option<usize>,
    last: String,
    outer: String,
}

/// A symbol that waits, its scope and its depth.
type Waiting = (String, usize, i64);

struct Walker<'a> {
    file: &'a Table,
    topics: Vec<(String, f64)>,
    depth: i64,
}

fn number_of(value: &toml::Value) -> f64 {
    value.as_float().or(value.as_integer().map(|i| i as f64)).expect("a number")
}

fn get(table: &Table, key: &str, default: f64) -> f64 {
    table.get(key).map_or(default, number_of)
}

impl Walker<'_> {
    /// p(the sentence begins with `words`), or with `end`, p(the sentence is `words`).
    fn p(&self, words: &[&str], end: bool) -> f64 {
        let total: f64 = self.topics.iter().map(|t| t.1).sum();
        let start = vec![(self.file["start"].as_str().unwrap().to_owned(), 0, 0)];
        let one = |z: usize| {
            self.topics[z].1 / total
                * self.walk(z, start.clone(), vec![Registers::default()], words, end)
        };
        (0..self.topics.len()).map(one).sum()
    }

    fn walk(
        &self,
        z: usize,
        mut waiting: Vec<Waiting>,
        mut scopes: Vec<Registers>,
        words: &[&str],
        end: bool,
    ) -> f64 {
        if words.is_empty() && !end {
            return 1.0;
        }
        let Some((symbol, mut scope, depth)) = waiting.pop() else {
            return f64::from(u8::from(words.is_empty()));
        };
        let mut name = symbol.as_str();
        if let Some(inner) = name.strip_prefix('(').and_then(|n| n.strip_suffix(')')) {
            scopes.push(Registers { outer: scopes[scope].last.clone(), ..Registers::default() });
            (name, scope) = (inner, scopes.len() - 1);
        } else if let Some(inner) = name.strip_prefix('=') {
            scopes.push(scopes[scope].clone());
            (name, scope) = (inner, scopes.len() - 1);
        }
        if let Some(number) = name.strip_prefix('#') {
            scopes[scope].number = Some(usize::from(number == "plural"));
            return self.walk(z, waiting, scopes, words, end);
        }
        if name.starts_with('\'') {
            let ok = words.first() == Some(&name.trim_matches('\''));
            return if ok { self.walk(z, waiting, scopes, &words[1..], end) } else { 0.0 };
        }
        if let Some(rule) = self.file["rules"].get(name) {
            let rule = rule.as_table().unwrap();
            let fits = |right: &str| depth < self.depth || !right.contains('^');
            let total: f64 = rule.iter().filter(|a| fits(a.0)).map(|a| number_of(a.1)).sum();
            let mut sum = 0.0;
            for (right, weight) in rule.iter().filter(|a| fits(a.0)) {
                let mut waiting = waiting.clone();
                for token in right.split_whitespace().rev() {
                    let deeper = i64::from(token.starts_with('^'));
                    waiting.push((token.trim_start_matches('^').to_owned(), scope, depth + deeper));
                }
                sum +=
                    number_of(weight) / total * self.walk(z, waiting, scopes.clone(), words, end);
            }
            return sum;
        }
        match words.first() {
            Some(word) => self.word(z, name, scope, word, &waiting, &scopes, &words[1..], end),
            None => 0.0,
        }
    }

    #[allow(clippy::too_many_arguments)] // the literal recursion, its variables by name
    fn word(
        &self,
        z: usize,
        name: &str,
        scope: usize,
        word: &str,
        waiting: &[Waiting],
        scopes: &[Registers],
        rest: &[&str],
        end: bool,
    ) -> f64 {
        let category = self.file["categories"][name].as_table().unwrap();
        let classes = category["classes"].as_table().unwrap();
        let fixed =
            |class: &Table| class.get("number").map(|n| usize::from(n.as_str() == Some("plural")));
        let clash = |class: &Table| matches!((fixed(class), scopes[scope].number), (Some(a), Some(b)) if a != b);
        let ignore = classes.values().all(|c| clash(c.as_table().unwrap()));
        let weight = |class_name: &str, class: &Table| {
            let topic =
                class.get("topics").and_then(|t| t.get(&self.topics[z].0)).map_or(1.0, number_of);
            let mut weight = get(class, "weight", 1.0) * topic;
            for p in self.file["preference"].as_array().unwrap() {
                let seen = if p["through"].as_str() == Some("last") {
                    &scopes[scope].last
                } else {
                    &scopes[scope].outer
                };
                let from = &self.file["categories"][p["from"].as_str().unwrap()]["classes"];
                if p["to"].as_str() != Some(name) || from.get(seen).is_none() {
                    continue;
                }
                if let Some(likes) = p["likes"].get(seen) {
                    weight *= likes.get(class_name).map_or(number_of(&p["otherwise"]), number_of);
                }
            }
            if clash(class) && !ignore { 0.0 } else { weight }
        };
        let all: f64 = classes.iter().map(|(n, c)| weight(n, c.as_table().unwrap())).sum();
        let mut sum = 0.0;
        for (class_name, class) in classes.iter() {
            let class = class.as_table().unwrap();
            let p_class = weight(class_name, class) / all;
            let words = class["words"].as_array().unwrap();
            let of_rank = |rank: usize| {
                let zipf = 1.0 / (rank as f64 + 1.0 + get(category, "zipf", 0.0));
                zipf * if rank % (self.topics.len() + 2) == z {
                    get(category, "topical", 1.0)
                } else {
                    1.0
                }
            };
            let total: f64 = (0..words.len()).map(of_rank).sum();
            for (rank, entry) in words.iter().enumerate() {
                let entry = entry.as_str().unwrap();
                let forms: Vec<&str> = entry.split('/').collect();
                let inflects = category.contains_key("endings") && fixed(class).is_none();
                let plural = get(category, "plural", 0.0);
                let numbers: Vec<(Option<usize>, f64)> =
                    match (inflects, fixed(class), scopes[scope].number) {
                        (false, number, _) => vec![(number, 1.0)],
                        (true, _, Some(n)) => vec![(Some(n), 1.0)],
                        (true, _, None) => vec![(Some(0), 1.0 - plural), (Some(1), plural)],
                    };
                for (number, p_number) in numbers {
                    if forms[number.unwrap_or(0).min(forms.len() - 1)] != word {
                        continue;
                    }
                    let mut scopes = scopes.to_vec();
                    scopes[scope].number = number.or(scopes[scope].number);
                    if category.get("marks").is_some_and(|m| m.as_bool() == Some(true)) {
                        scopes[scope].last = class_name.clone();
                    }
                    let p = p_class * of_rank(rank) / total * p_number;
                    sum += p * self.walk(z, waiting.to_vec(), scopes, rest, end);
                }
            }
        }
        sum
    }
}

fn tiny(depth: i64) -> (Table, Language) {
    let text = TINY.replace("depth = 2", &format!("depth = {depth}"));
    (text.parse().unwrap(), Language::parse(Path::new("tiny.toml"), &text).unwrap())
}

fn walker(file: &Table) -> Walker<'_> {
    let topics =
        file["topics"].as_table().unwrap().iter().map(|(n, w)| (n.clone(), number_of(w))).collect();
    Walker { file, topics, depth: file["depth"].as_integer().unwrap() }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-7 * b.abs() + 1e-12
}

#[test]
fn every_next_word_of_drawn_sentences_has_the_enumerated_probability() {
    let (file, language) = tiny(2);
    let walker = walker(&file);
    let mut forward = Forward::new(&language);
    let mut distribution = vec![0.0; language.len() + 1];
    let mut ambiguous = 0;
    for sentence in language.sentences(3, 700).iter() {
        let words: Vec<&str> = sentence.iter().map(|&f| language.form(f)).collect();
        for (i, &form) in sentence.iter().enumerate() {
            let before = walker.p(&words[..i], false);
            forward.distribution(&mut distribution);
            for (next, p) in distribution[..language.len()].iter().enumerate() {
                let form = FormId(next as u32);
                let asked = [&words[..i], &[language.form(form)]].concat();
                let expected = walker.p(&asked, false) / before;
                assert!(close(*p, expected), "{asked:?}: {p}, enumerated {expected}");
                assert!(close(forward.p(Seen::Form(form)), expected));
            }
            let expected = walker.p(&words[..i], true) / before;
            assert!(
                close(distribution[language.len()], expected),
                "{:?} ends: enumerated {expected}",
                &words[..i]
            );
            ambiguous += usize::from(forward.hypotheses() > 1);
            forward.read(Seen::Form(form));
        }
        let expected = walker.p(&words, true) / walker.p(&words, false);
        assert!(close(forward.read(Seen::End), expected));
    }
    assert!(ambiguous > 50, "the test is to meet hidden number, only {ambiguous} did");
}

/// Every sentence of the language, by following each word of positive probability.
fn list(
    language: &Language,
    forward: &Forward,
    words: &mut Vec<FormId>,
    p: f64,
    out: &mut Vec<(Vec<FormId>, f64)>,
) {
    let mut distribution = vec![0.0; language.len() + 1];
    forward.distribution(&mut distribution);
    if distribution[language.len()] > 0.0 {
        out.push((words.clone(), p * distribution[language.len()]));
    }
    for (form, &next) in
        distribution[..language.len()].iter().enumerate().filter(|(_, p)| **p > 0.0)
    {
        let form = FormId(form as u32);
        let mut forward = forward.clone();
        forward.read(Seen::Form(form));
        words.push(form);
        list(language, &forward, words, p * next, out);
        words.pop();
    }
}

#[test]
fn the_sentences_of_a_flat_grammar_sum_to_one_and_match_the_enumeration() {
    let (file, language) = tiny(0);
    let walker = walker(&file);
    let mut sentences = Vec::new();
    list(&language, &Forward::new(&language), &mut Vec::new(), 1.0, &mut sentences);
    let total: f64 = sentences.iter().map(|s| s.1).sum();
    assert!((total - 1.0).abs() < 1e-9, "{} sentences sum to {total}", sentences.len());
    for (sentence, p) in sentences.iter().step_by((sentences.len() / 300).max(1)) {
        let words: Vec<&str> = sentence.iter().map(|&f| language.form(f)).collect();
        let expected = walker.p(&words, true);
        assert!(close(*p, expected), "{words:?}: {p}, enumerated {expected}");
    }
}

#[test]
fn a_hidden_word_is_summed_over() {
    let (file, language) = tiny(2);
    let walker = walker(&file);
    let hidden_words = ["fox", "sheep", "hunts", "all", "so", "and"];
    let flags: Vec<bool> = language.forms().map(|f| hidden_words.contains(&f)).collect();
    let hidden = HiddenWords::new(&language, &flags);
    // p(prefix) with `?` for a hidden word, by summing over what it may be
    fn p(walker: &Walker, hidden: &[&str], words: &mut Vec<&'static str>, at: usize) -> f64 {
        match words[at..].iter().position(|w| *w == "?") {
            None => walker.p(words, false),
            Some(i) => {
                let mut sum = 0.0;
                for word in ["fox", "sheep", "hunts", "all", "so", "and"]
                    .iter()
                    .filter(|w| hidden.contains(w))
                {
                    words[at + i] = word;
                    sum += p(walker, hidden, words, at + i + 1);
                }
                words[at + i] = "?";
                sum
            }
        }
    }
    for text in [
        "? ? ? the rock falls",
        "the ? that ? hunt",
        "a rock ? falls",
        "ann ? ? hunt",
        "the the ? ? rock",
        "? foxes ? hunt",
    ] {
        let mut words: Vec<&'static str> = text.split(' ').collect();
        let mut forward = Forward::new(&language);
        for i in 0..words.len() {
            let before = p(&walker, &hidden_words, &mut words[..i].to_vec(), 0);
            let expected = p(&walker, &hidden_words, &mut words[..=i].to_vec(), 0) / before;
            let form = language.forms().position(|f| f == words[i]).map(|f| FormId(f as u32));
            let seen = form.map_or(Seen::OneOf(&hidden), Seen::Form);
            let asked = forward.p(seen);
            assert!(close(asked, expected), "{text}, word {i}: {asked}, enumerated {expected}");
            assert_eq!(forward.read(seen), asked);
            if asked == 0.0 {
                break;
            }
        }
        words.clear();
    }
}
