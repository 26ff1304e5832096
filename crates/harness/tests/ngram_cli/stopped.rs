//! What a run larger than memory leaves behind when it is killed, interrupted, or out of disk.
#![cfg(target_os = "linux")]
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::desk::{Desk, message};

const TRAIN: &str =
    "train ngram --order 5 --tokenizer space --memory 100M --temp temp --corpus text --arpa m.arpa";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.says("data synth --tokens 1500000 --out text");
    std::fs::create_dir(desk.path("temp")).unwrap();
    desk
}

/// Starts training, and waits until it has opened a temporary file.
fn begun(desk: &Desk) -> Child {
    let mut child =
        desk.command(TRAIN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let temp = desk.path("temp").canonicalize().unwrap();
    let open = format!("/proc/{}/fd", child.id());
    while !std::fs::read_dir(&open)
        .unwrap()
        .flatten()
        .any(|f| std::fs::read_link(f.path()).is_ok_and(|target| target.starts_with(&temp)))
    {
        assert!(child.try_wait().unwrap().is_none(), "ended before it opened a temporary file");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_killed_run_leaves_neither_model_nor_temporary_files() {
    let desk = desk();
    for signal in ["-KILL", "-INT"] {
        let child = begun(&desk);
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let code = (signal == "-INT").then_some(130);
        assert_eq!(output.status.code(), code, "{}", message(&output));
        assert_eq!(desk.names(), ["temp", "text"], "{signal}");
        assert_eq!(std::fs::read_dir(desk.path("temp")).unwrap().count(), 0, "{signal}");
    }
}
