//! The page for those who come from KenLM or SRILM: every counterpart that it names is run.
use std::fs;
use std::path::Path;

use crate::desk::{Desk, message, text};

/// Counts as SRILM writes them, of the orders up to three.
fn counts(text: &str) -> String {
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for line in text.lines().filter(|l| !l.is_empty()) {
        let words: Vec<&str> = ["<s>"].into_iter().chain(line.split(' ')).chain(["</s>"]).collect();
        for n in 1..=3 {
            words.windows(n).for_each(|gram| *counts.entry(gram.join(" ")).or_default() += 1);
        }
    }
    counts.iter().map(|(gram, count)| format!("{gram}\t{count}\n")).collect()
}

/// The commands of the page: whole ones, and options behind the command at the head of their table.
fn commands(page: &str) -> Vec<String> {
    let (mut base, mut fenced, mut commands) = (String::new(), false, Vec::new());
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            base = line.to_owned();
            commands.push(base.clone());
        } else if line.starts_with("| ") && !line.starts_with("| task") {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            // the first table, before any command at a head, has KenLM's commands in its second column
            let cell = if base.is_empty() { cells[3] } else { cells[2] };
            match cell.trim_matches('`') {
                "" | "—" | "here" => {}
                whole if whole.starts_with("harness") => commands.push(whole.to_owned()),
                options => commands.push(format!("{base} {options}")),
            }
        }
    }
    commands
}

#[test]
fn every_counterpart_runs() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ngram/COMING_FROM_KENLM.md");
    let commands = commands(&fs::read_to_string(page).unwrap());
    assert!(commands.len() > 50, "{commands:?}");
    let desk = Desk::new();
    // rare words, with one, two, three, … different ones before them, once, twice, …: discounts of every order are defined
    let times = |m: usize, j: usize| [1, 1, 1, 1, 1, 2, 2, 3][(3 * m + j) % 8];
    let rare = (0..200).flat_map(|m| {
        (0..m % 7).map(move |j| format!("w{} x{m}\n", (m + j * 17) % 60).repeat(times(m, j)))
    });
    let train = text(0, 1_500) + &rare.collect::<String>();
    desk.file("counts.txt", counts(&train))
        .file("text.txt", train)
        .file("test.txt", text(9_000, 12));
    for command in commands {
        // some overwrite the model by one of another kind
        desk.says("train ngram --order 3 --tokenizer space --min-count 1 --corpus text.txt --arpa model.arpa --out model.table");
        let args = command.strip_prefix("harness ").unwrap_or_else(|| panic!("`{command}`"));
        let output = desk.run(args);
        assert!(output.status.success(), "`{command}`: {}", message(&output));
    }
}
