//! What is refused, with which words and which code.
use std::fs;

use crate::desk::{Desk, message};

#[test]
fn what_is_no_model_is_refused_with_a_code() {
    let desk = Desk::trained();
    let table = desk.bytes("m.hash");
    desk.file("cut", &table[..table.len() / 2]).file("cut-head", &table[..5]);
    let mut flipped = table.clone();
    flipped[table.len() / 3] ^= 4;
    desk.file("flipped", &flipped);
    flipped = table.clone();
    flipped[2] ^= 1;
    desk.file("flipped-mark", &flipped);
    let arpa = desk.bytes("m.arpa");
    desk.file("cut.arpa", &arpa[..arpa.len() - b"\n\\end\\\n".len()]).file("zero", b"");
    desk.file("kenlm.bin", b"mmap lm http://kheafield.com/code format version 5\n\0\0");
    fs::create_dir(desk.path("folder")).unwrap();
    for (name, code, words) in [
        ("missing", 66, "no such file"),
        ("cut", 65, "cut short"),
        ("cut-head", 65, "cut short"),
        ("flipped", 65, "checksum"),
        ("flipped-mark", 65, "unknown"),
        ("cut.arpa", 65, "cut short"),
        ("zero", 65, "empty"),
        ("train.txt", 65, "a text, not a model"),
        ("kenlm.bin", 65, "KenLM"),
        ("folder", 65, "a folder"),
    ] {
        for verb in [
            "query X test.txt",
            "eval X --text test.txt",
            "convert X out",
            "inspect X",
            "prune X out --threshold 1e-7",
        ] {
            let output = desk.run(&verb.replace('X', name));
            let said = message(&output);
            assert_eq!(output.status.code(), Some(code), "{verb} of {name}: {said}");
            assert!(said.contains(name) && said.contains(words), "{verb} of {name}: {said}");
            assert!(
                !said.contains("panicked") && !desk.path("out").exists(),
                "{verb} of {name}: {said}"
            );
        }
    }
}

#[test]
fn what_cannot_be_asked_or_written_is_refused() {
    let desk = Desk::trained();
    desk.file("taken", "a file")
        .file("marks.txt", "w1 w2\nw1 <s> w2\n")
        .file("bytes.txt", b"w1\nw2 \xff\n");
    let before = desk.names();
    for (args, code, words) in [
        ("convert m.hash taken/x", 73, "taken/x"),
        ("convert m.hash nowhere/x.arpa", 73, "no folder"),
        ("prune m.hash . --threshold 1e-7", 73, "folder"),
        ("train ngram --corpus train.txt --out nowhere/m", 73, "no folder"),
        ("convert m.hash x.arpa --table trie", 2, "--table"),
        ("convert m.hash x --bits 4", 2, "--table packed"),
        ("convert m.hash x --table packed --bits 40", 2, "2..=16"),
        ("convert m.hash x --tokenizer words", 2, "`space`"),
        ("prune m.hash x --threshold -1", 2, "threshold of -1"),
        ("prune m.hash x", 2, "--threshold"),
        ("eval m.hash", 2, "--text"),
        ("eval m.hash --text missing", 66, "missing"),
        ("eval m.hash --text m.hash", 65, "m.hash"),
        ("query m.hash missing", 66, "missing"),
        ("query m.hash marks.txt", 65, "line 2"),
        ("query m.hash bytes.txt", 65, "line 2, byte 6"),
        ("query m.hash --smoothing wb", 2, "--corpus"),
    ] {
        let output = desk.run(args);
        let said = message(&output);
        assert_eq!(output.status.code(), Some(code), "{args}: {said}");
        assert!(said.contains(words) && !said.contains("panicked"), "{args}: {said}");
        assert_eq!(desk.names(), before, "{args} left something behind");
    }
}
