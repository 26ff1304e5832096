//! `harness convert`, `inspect` and `prune`: from file to file.
#[cfg(unix)]
use std::process::{Command, Stdio};

use crate::desk::{Desk, message, number};

#[test]
fn a_model_goes_through_every_storage_and_back() {
    let desk = Desk::trained();
    for kind in ["hash", "trie"] {
        desk.says(&format!("convert m.hash {kind}.table --table {kind}"));
        desk.says(&format!("convert {kind}.table {kind}.arpa"));
        assert!(desk.bytes(&format!("{kind}.arpa")) == desk.bytes("m.arpa"), "{kind}");
    }
    assert!(desk.bytes("hash.table") == desk.bytes("m.hash"));
    desk.says("convert m.arpa m.arpa.gz");
    assert!(desk.bytes("m.arpa.gz").len() * 2 < desk.bytes("m.arpa").len());
    desk.says("convert m.arpa.gz again.arpa");
    desk.says("convert m.arpa once.arpa");
    assert!(desk.bytes("again.arpa") == desk.bytes("once.arpa"));
    desk.says("convert m.hash m.packed --table packed --bits 6");
    desk.says("convert m.packed from-packed.arpa");
    let perplexity = |name: &str| {
        number(&desk.says(&format!("query --summary {name} test.txt")), "including OOVs:")
    };
    let (exact, packed) = (perplexity("m.hash"), perplexity("m.packed"));
    assert!((perplexity("m.arpa.gz") / exact - 1.0).abs() < 1e-9);
    assert!((packed / exact - 1.0).abs() < 0.02, "{packed} for {exact}");
    assert!((perplexity("from-packed.arpa") / packed - 1.0).abs() < 1e-5);
}

#[test]
fn inspect_knows_the_sizes_before_anything_is_built() {
    let desk = Desk::trained();
    for from in ["m.arpa", "m.hash"] {
        let said = desk.says(&format!("inspect {from} --bits 5"));
        for (kind, options) in [("hash", ""), ("trie", ""), ("packed", " --bits 5")] {
            desk.says(&format!("convert {from} built --table {kind}{options}"));
            let line =
                said.lines().find(|l| l.contains(&format!("  {kind}")) && !l.contains("table,"));
            let estimate: f64 = line.unwrap().split_whitespace().next().unwrap().parse().unwrap();
            let built = desk.bytes("built").len() as f64;
            assert!(
                (estimate / built - 1.0).abs() < 0.05,
                "{kind} from {from}: {estimate}, {built}"
            );
        }
    }
    let said = desk.says("inspect m.hash");
    for words in [
        "hash table",
        "smoothing: kn",
        "62 words",
        "order       n-grams",
        "order 4: buckets",
        "description",
    ] {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
    // the sections add up to the file
    let sections = said.split("section\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let sum: usize = sections
        .lines()
        .map(|l| l.split_whitespace().next().unwrap().parse::<usize>().unwrap())
        .sum();
    assert_eq!(sum, desk.bytes("m.hash").len());
}

#[test]
fn pruning_reports_what_it_costs() {
    let desk = Desk::trained();
    let said = desk.says("prune m.hash p.hash --threshold 1e-4 --text test.txt");
    let after = number(&said, " before,");
    assert!(after > number(&said, "test.txt:"), "{said}");
    let eval = desk.says("eval p.hash --text test.txt --context sentence");
    assert!((number(&eval, "perplexity") / after - 1.0).abs() < 1e-4, "{said}\n{eval}");
    assert!(desk.bytes("p.hash").len() < desk.bytes("m.hash").len());
    assert!(desk.says("inspect p.hash").contains("pruned: relative entropy below 1e-4"));
    // into an ARPA file, whose words are numbered anew when it is read: the same figure
    let said = desk.says("prune m.arpa p.arpa --threshold 1e-4 --text test.txt");
    assert!((number(&said, " before,") / after - 1.0).abs() < 1e-4, "{said}");
    let nothing = desk.says("prune m.hash same.arpa --threshold 0");
    assert!(!nothing.contains("perplexity"));
    assert!(desk.bytes("same.arpa") == desk.bytes("m.arpa"), "nothing is removed for nothing");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_half_written_file() {
    let desk = Desk::new();
    let words: Vec<String> = (0..700).map(|i| format!("word{i}")).collect();
    let mut arpa =
        format!("\\data\\\nngram 1={}\nngram 2={}\n\n\\1-grams:\n", words.len() + 3, 700 * 400);
    for word in words.iter().map(String::as_str).chain(["</s>", "<unk>", "<s>"]) {
        arpa.push_str(&format!("-2.5\t{word}\t-0.5\n"));
    }
    arpa.push_str("\n\\2-grams:\n");
    for first in &words {
        words[..400].iter().for_each(|second| arpa.push_str(&format!("-3.25\t{first} {second}\n")));
    }
    desk.file("big.arpa", arpa + "\n\\end\\\n");
    let mut stopped = 0;
    for milliseconds in [20, 60, 120, 250, 500] {
        let mut child = desk
            .command("convert big.arpa big.table")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let running = child.try_wait().unwrap().is_none();
        let kill = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .stderr(Stdio::null())
            .status();
        assert!(kill.is_ok());
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            Some(0) => {
                desk.says("inspect big.table");
                std::fs::remove_file(desk.path("big.table")).unwrap();
            }
            // no code: the signal came before the handler stood
            code => {
                assert!(
                    running && matches!(code, Some(130) | None),
                    "{code:?}: {}",
                    message(&output)
                );
                stopped += 1;
            }
        }
        assert_eq!(desk.names(), ["big.arpa"], "after {milliseconds} ms");
    }
    assert!(stopped > 0, "never stopped");
}
