//! A folder in which the program runs, and a text to train on.
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with files, in which `harness` runs.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    pub fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.args(args.split(' ')).current_dir(self.folder.path()).env_remove("LMLAB_DATA");
        command
    }

    pub fn run(&self, args: &str) -> Output {
        self.command(args).stdin(Stdio::null()).output().unwrap()
    }

    /// What a command prints that must succeed.
    pub fn says(&self, args: &str) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args}: {}", message(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with a text on standard input.
    pub fn answers(&self, args: &str, text: &str) -> String {
        let mut child =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{args}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// A trained model of order 4: `m.hash`, `m.arpa`.
    pub fn trained() -> Self {
        let desk = Self::new();
        desk.file("train.txt", text(0, 3_000)).file("test.txt", text(3_000, 400));
        desk.says(
            "train ngram --order 4 --tokenizer space --corpus train.txt --arpa m.arpa --out m.hash",
        );
        desk
    }
}

pub fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Sentences over some sixty words, of all lengths up to nine; every word has its favourite next ones.
pub fn text(from: u64, sentences: u64) -> String {
    let mut out = String::new();
    for i in from..from + sentences {
        let mut seed = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = |n: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        let mut word = next(60);
        for j in 0..next(10) {
            out.push_str(if j > 0 { " w" } else { "w" });
            out.push_str(&word.to_string());
            word = (word * 7 + next(4) * next(3)) % 60;
        }
        out.push('\n');
    }
    out
}

/// The number after a label in a text.
pub fn number(text: &str, label: &str) -> f64 {
    let rest = text.split(label).nth(1).unwrap_or_else(|| panic!("no `{label}` in\n{text}"));
    let rest = rest.trim_start().split(|c: char| c.is_whitespace() || c == ',' || c == ';').next();
    rest.unwrap().parse().unwrap_or_else(|_| panic!("no number after `{label}` in\n{text}"))
}
