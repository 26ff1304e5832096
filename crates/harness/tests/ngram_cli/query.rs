//! `harness query`: KenLM's lines, and the arithmetic behind one of them.
use std::io::Write;
use std::process::{Command, Stdio};

use crate::desk::{Desk, message, number, text};

/// Values that are exact in binary, so that the sums are exact, too.
const ARPA: &str = "\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-0.5\t</s>
-0.75\ta\t-0.25
-1\tb\t-0.125
-1.25\t<unk>
-99\t<s>\t-0.5

\\2-grams:
-0.25\t<s> a
-0.375\ta b
-0.125\tb </s>

\\end\\
";

#[test]
fn query_prints_kenlms_lines() {
    let desk = Desk::new();
    desk.file("m.arpa", ARPA);
    // worked by hand: b after <s> backs off (-0.5 - 1), z is unknown, an empty line is a sentence of its end alone
    let words = "a=2 2 -0.25\tb=3 2 -0.375\t</s>=1 2 -0.125\tTotal: -0.75 OOV: 0\n\
                 b=3 1 -1.5\tz=0 1 -1.375\t</s>=1 1 -0.5\tTotal: -3.375 OOV: 1\n\
                 </s>=1 1 -1\tTotal: -1 OOV: 0\n";
    let text = "a b\n  b\tz \r\n\n";
    let all = desk.answers("query m.arpa", text);
    let (lines, summary) = all.split_at(all.find("Perplexity").unwrap());
    assert_eq!(lines, words);
    assert!((number(summary, "including OOVs:") / 10f64.powf(5.125 / 7.0) - 1.0).abs() < 1e-12);
    assert!((number(summary, "excluding OOVs:") / 10f64.powf(3.75 / 6.0) - 1.0).abs() < 1e-12);
    assert_eq!((number(summary, "OOVs:\t1\nTokens:"), summary.lines().count()), (7.0, 4));
    assert_eq!(desk.answers("query m.arpa --summary", text), summary);
    assert_eq!(
        desk.answers("query m.arpa --sentences", text),
        "Total: -0.75 OOV: 0\nTotal: -3.375 OOV: 1\nTotal: -1 OOV: 0\n"
    );
    // without marks: no context, no end; marks of the text's own are taken
    assert_eq!(
        desk.answers("query -n --sentences m.arpa", "a b\n<s> a b </s>\n"),
        "Total: -1.125 OOV: 0\nTotal: -0.75 OOV: 0\n"
    );
    assert!(
        desk.answers("query -n m.arpa", "<s> a\n")
            .starts_with("<s>=4 1 0\ta=2 2 -0.25\tTotal: -0.25 OOV: 0\n")
    );
    for name in ["hash", "trie", "packed"] {
        desk.says(&format!("convert m.arpa m.{name} --table {name}"));
        if name != "packed" {
            assert_eq!(desk.answers(&format!("query m.{name}"), text), all, "{name}");
        }
    }
    // a file is read as standard input is, and an answer comes before the next line is read
    desk.file("t.txt", text);
    assert_eq!(desk.says("query m.hash t.txt"), all);
    let mut child = desk
        .command("query -b --sentences m.hash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for (line, answer) in [("a b\n", "Total: -0.75 OOV: 0\n"), ("\n", "Total: -1 OOV: 0\n")] {
        input.write_all(line.as_bytes()).unwrap();
        let mut said = vec![0; answer.len()];
        std::io::Read::read_exact(&mut output, &mut said).unwrap();
        assert_eq!(said, answer.as_bytes());
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn answers_do_not_depend_on_threads_or_storage() {
    let desk = Desk::trained();
    desk.file("long.txt", text(5_000, 20_000));
    let ask = |threads: &str, args: &str| {
        let output = desk.command(args).env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert!(output.status.success(), "{}", message(&output));
        output.stdout
    };
    let one = ask("1", "query m.hash long.txt");
    assert!(one.len() > 1 << 20, "several blocks");
    for threads in ["2", "4"] {
        assert!(ask(threads, "query m.hash long.txt") == one, "{threads} threads");
        assert_eq!(
            ask(threads, "query m.hash long.txt --summary"),
            ask("1", "query m.hash long.txt --summary")
        );
    }
    desk.says("convert m.hash m.trie --table trie");
    assert!(ask("2", "query m.trie long.txt") == one, "trie");
}

#[test]
fn kenlm_gives_our_totals() {
    if !corpus::testing::python_has("kenlm") {
        return;
    }
    const SCRIPT: &str = "
import sys, kenlm
model = kenlm.LanguageModel(sys.argv[1])
for line in open(sys.argv[2], encoding='utf8'):
    print(repr(model.score(line.rstrip('\\n'), bos=True, eos=True)))
";
    let desk = Desk::trained();
    let theirs = Command::new("python3")
        .args(["-c", SCRIPT])
        .args([desk.path("m.arpa"), desk.path("test.txt")])
        .output()
        .unwrap();
    assert!(theirs.status.success(), "{}", message(&theirs));
    let theirs = String::from_utf8(theirs.stdout).unwrap();
    let ours = desk.says("query m.hash test.txt --sentences");
    assert_eq!((ours.lines().count(), theirs.lines().count()), (400, 400));
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        let difference = number(ours, "Total:") - theirs.parse::<f64>().unwrap();
        assert!(difference.abs() < 1e-4, "{ours}, kenlm {theirs}");
    }
}

#[test]
fn explain_leads_from_the_counts_to_the_tables_number() {
    let desk = Desk::trained();
    let lines = "<s> w0 w0 w7\nw3 w21 w27 w9\nw5 zzz\n<s> </s>\nw1 w2 w3 w4 w5 </s>\nw8\n";
    desk.file("lines", lines);
    desk.says("train ngram --order 3 --tokenizer space --prune 0 1 2 --smoothing kn --corpus train.txt --out pruned");
    desk.says("train ngram --order 2 --tokenizer space --smoothing wb --corpus train.txt --out wb");
    for model in ["m.hash", "pruned", "wb"] {
        let said = desk.says(&format!("query {model} --corpus train.txt lines --explain"));
        assert_eq!(said.matches("p( ").count(), 6, "{said}");
        assert_eq!(said.matches("order 0  1/|V| = 1/62").count(), 6, "{said}");
        for part in said.split("p( ").skip(1) {
            let stored = number(part, "the table has");
            let derived = part.lines().rfind(|l| l.starts_with("log10 p")).unwrap();
            assert!((number(derived, "log10 p =") - stored).abs() < 1e-6, "{part}");
            assert!(number(part, "a difference of") < 1e-6, "{part}");
        }
        assert!(!said.contains("More than rounding"));
    }
    let said = desk.command("query m.hash --explain").arg("<s> w3 w21").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("its probability is taken") && !said.contains("counts of"), "{said}");
    // the printed answer is the one that query gives
    let answer = desk.answers("query m.hash", "w3 w21\n");
    let printed = number(answer.split("w21=").nth(1).unwrap(), " ");
    assert!(printed >= 1.0, "{answer}");
    let log10: f64 =
        answer.split("w21=").nth(1).unwrap().split([' ', '\t']).nth(2).unwrap().parse().unwrap();
    let explained: f64 = said
        .lines()
        .last()
        .unwrap()
        .split("= ")
        .nth(2)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((log10 - explained).abs() < 1e-6, "{answer}{said}");
    // another text's counts are not the model's
    let other = desk.says("query m.hash --corpus test.txt lines --explain");
    assert!(other.contains("More than rounding"), "{other}");
    assert_eq!(desk.run("query m.hash --explain").status.code(), Some(2));
    let only_mark = desk.command("query m.hash --explain").arg("<s>").output().unwrap();
    assert_eq!(only_mark.status.code(), Some(2));
}
