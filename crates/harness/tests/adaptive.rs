//! What a network can do at test time, from the command line: comparisons with `cached`, `dynamic` and `bucketed`, and `eval`.
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for (name, from, sentences) in
            [("train", 0, 600), ("dev", 3_000, 150), ("test", 7_000, 150)]
        {
            fs::write(desk.path(&format!("{name}.txt")), text(from, sentences)).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.args(args).current_dir(self.0.path()).env_remove("LMLAB_DATA").output().unwrap()
    }

    /// What a command prints that must succeed.
    fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", message(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The perplexity that `eval` finds, and what it says of the model.
    fn eval(&self, args: &[&str]) -> (f64, String) {
        let json = self.says(&[&["eval", "net", "--text", "test.txt", "--json"], args].concat());
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        (found["perplexity"].as_f64().unwrap(), found["kind"].as_str().unwrap().to_owned())
    }
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Stretches of ten sentences use four words of thirty: what memory of the text is good for.
fn text(from: usize, sentences: usize) -> String {
    let chance = |n: usize| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let word = |i: usize, j: usize| format!("w{}", chance(i / 10 * 4 + chance(i * 8 + j) % 4) % 30);
    let sentence =
        |i: usize| (0..4 + i % 4).map(|j| word(i, j)).collect::<Vec<_>>().join(" ") + "\n";
    (from..from + sentences).map(sentence).collect()
}

#[test]
fn a_comparison_trains_a_part_once_and_marks_what_adapts() {
    let desk = Desk::new();
    let whole: String = (0..3).map(|i| text(i * 3_000, 400)).collect();
    fs::write(desk.path("whole.txt"), whole).unwrap();
    let models = "kn3,cached(lstm),dynamic(lstm),kn3+lstm,bucketed(kn3+lstm),bucketed(kn3+cached(lstm)+dynamic(lstm)+cache)";
    desk.says(&[
        "--corpus",
        "whole.txt",
        "--preset",
        "quick",
        "--report",
        "report",
        "--models",
        models,
    ]);
    let rows = |name: &str| -> Vec<Vec<String>> {
        let rows = csv::Reader::from_path(desk.path("report").join(name)).unwrap().into_records();
        rows.map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    };
    let records = rows("records.csv");
    let names: Vec<&str> = records.iter().map(|r| r[0].as_str()).collect();
    let asked: Vec<&str> = models.split(',').collect();
    assert_eq!(names, asked, "parts that nobody asked for have no rows");
    assert!(records.iter().all(|r| r[31] == "ok"), "{records:?}");
    assert_eq!((records[1][1].as_str(), records[2][1].as_str()), ("adaptive", "adaptive"));
    let valid: Vec<f64> = rows("validation.csv").iter().map(|r| r[10].parse().unwrap()).collect();
    assert!(valid[4] <= valid[3] + 1e-6, "buckets are no worse on the validation text: {valid:?}");
    assert!(valid[5] < valid[1].min(valid[2]), "the mixture is better than its parts: {valid:?}");
    let notes: Vec<String> =
        rows("details.csv").iter().map(|r| r.last().unwrap().clone()).collect();
    assert!(notes[1].contains("continuous cache"), "{notes:?}");
    assert!(
        notes[2].contains("dynamic evaluation: weights learn from the text already scored"),
        "{notes:?}"
    );
    assert!(notes[4].contains("last two words seen"), "{notes:?}");
    // one network was trained: the three rows that stand on it contain the same seconds
    let page = fs::read_to_string(desk.path("report/REPORT.md")).unwrap();
    assert!(page.contains("adaptive"), "{page}");
}

#[test]
fn a_saved_network_adapts_in_eval() {
    let desk = Desk::new();
    let args = "train rnn --corpus train.txt --min-count 1 --preset quick --out net --epochs 2";
    desk.says(&args.split(' ').collect::<Vec<_>>());
    let (plain, _) = desk.eval(&[]);
    let (cached, said) = desk.eval(&["--neural-cache", "--valid", "dev.txt"]);
    assert!(cached < 0.95 * plain && said.contains("continuous cache (the last"), "{plain} {said}");
    let (dynamic, said) = desk.eval(&["--dynamic", "--valid", "dev.txt", "--train", "train.txt"]);
    assert!(dynamic < 0.98 * plain && said.contains("dynamic evaluation (rate"), "{plain} {said}");
    let (still, _) = desk.eval(&["--dynamic=0,0,5"]);
    assert!((still / plain - 1.0).abs() < 1e-4, "{still} {plain}");
    let (given, said) = desk.eval(&["--neural-cache=300,0.2,0.2"]);
    assert!(given < plain && said.contains("the last 300 states"), "{given} {said}");
    for (args, words) in [
        (vec!["--dynamic"], "--valid"),
        (vec!["--dynamic=1,2"], "RATE,DECAY,SEGMENT"),
        (vec!["--dynamic=0.1,2,5"], "decay"),
        (vec!["--neural-cache=0,0.1,0.1"], "window"),
        (vec!["--neural-cache=9,0.1,0.1", "--context", "sentence"], "--context sentence"),
        (vec!["--neural-cache=9,0.1,0.1", "--dynamic=0.1,0,5"], "cannot be used with"),
    ] {
        let output = desk.run(&[&["eval", "net", "--text", "test.txt"], &args[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", message(&output));
        assert!(message(&output).contains(words), "{args:?}: {}", message(&output));
    }
    let args = "train ngram --corpus train.txt --order 2 --out table";
    desk.says(&args.split(' ').collect::<Vec<_>>());
    let output = desk.run(&["eval", "table", "--text", "test.txt", "--dynamic=0.1,0,5"]);
    assert_eq!(output.status.code(), Some(2), "{}", message(&output));
    assert!(message(&output).contains("recurrent networks"), "{}", message(&output));
}
