//! `harness lab` as a process: what it lists, refuses, and leaves behind when it is interrupted.
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn lab(args: &[&str], report: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.arg("lab").args(args).arg("--report").arg(report).env_remove("LMLAB_DATA");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_list_names_every_claim() {
    let folder = tempfile::tempdir().unwrap();
    let output = lab(&["--list"], folder.path()).output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for claim in harness::lab::claims() {
        let named = said.lines().any(|l| l.split([' ', ',']).any(|word| word == claim.id));
        assert!(named, "{} is missing: {said}", claim.id);
    }
}

#[test]
fn what_cannot_be_run_is_refused_with_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let short = folder.path().join("short.txt");
    fs::write(&short, "one two three\n".repeat(6)).unwrap();
    let short = short.to_str().unwrap();
    for (args, code, words) in [
        (&["vanising"][..], 2, &["vanishing", "--list"][..]),
        (&["sparsity", "--corpus", "nowhere.txt"], 66, &["nowhere.txt"]),
        (&["sparsity", "--corpus", "pbt"], 2, &["ptb"]),
        (&["sparsity", "--corpus", short], 65, &["short.txt", "20"]),
    ] {
        let output = lab(args, &report).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(words.iter().all(|w| said.contains(w)), "{args:?}: {said}");
        assert!(!report.join("claims.csv").exists(), "{args:?} left something behind");
    }
}

#[test]
fn ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let args =
        ["sparsity", "exploding", "vanishing", "--preset", "quick", "--vocab-scope", "whole"];
    let mut child = lab(&args, folder.path()).spawn().unwrap();
    while !folder.path().join("claims.csv").exists() {
        assert!(child.try_wait().unwrap().is_none(), "ended before the first experiment did");
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    let verdicts = || fs::read_to_string(folder.path().join("claims.csv")).unwrap();
    assert!(verdicts().contains("\na1,") && !verdicts().contains("\ne6,"), "{}", verdicts());

    let output = lab(&args, folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("sparsity: finished before"), "{}", said(&output));
    assert!(verdicts().contains("\na1,") && verdicts().contains("\ne6,"), "{}", verdicts());
    let page = fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(
        page.contains("lab e6 --preset quick --vocab-scope whole"),
        "the command repeats the run"
    );
}
