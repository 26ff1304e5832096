//! The command line as a process: what a stranger types, and what comes back.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn harness(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(args)
        .env_remove("LMLAB_DATA")
        .output()
        .unwrap()
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A text of 400 short sentences over a dozen words.
fn text() -> String {
    let (who, what) = (["ba", "di", "gu", "ko"], ["lem", "mor", "nis", "pav", "rul"]);
    (0..400)
        .map(|i| {
            format!("{} {} {} {}\n", who[i % 4], what[i % 5], who[(i / 3) % 4], what[(i * i) % 5])
        })
        .collect()
}

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Compares cheap models on a file.
    fn compare(&self, corpus: &Path, more: &[&str]) -> Output {
        let report = self.path("report");
        let mut args =
            vec!["--corpus", corpus.to_str().unwrap(), "--report", report.to_str().unwrap()];
        if !more.contains(&"--models") {
            args.extend(["--models", "unigram,kn3"]);
        }
        args.extend(more);
        harness(&args)
    }

    fn records(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.path("report/records.csv")).unwrap();
        text.lines().map(|l| l.split(',').map(str::to_owned).collect()).collect()
    }
}

fn column(records: &[Vec<String>], name: &str) -> Vec<String> {
    let at =
        records[0].iter().position(|c| c == name).unwrap_or_else(|| panic!("no column {name}"));
    records[1..].iter().map(|row| row[at].clone()).collect()
}

#[test]
fn a_comparison_of_a_file_leaves_every_file_of_the_report() {
    let desk = Desk::new();
    let output = desk.compare(&desk.file("text.txt", text()), &[]);
    assert!(output.status.success(), "{}", message(&output));
    let files = [
        "records.csv",
        "validation.csv",
        "details.csv",
        "pairs.csv",
        "buckets.csv",
        "sparsity.csv",
        "curves.csv",
    ];
    for name in files.iter().chain(&["results.json", "REPORT.md", "index.html"]) {
        assert!(desk.path("report").join(name).is_file(), "{name} is missing");
    }
    let records = desk.records();
    assert_eq!(
        records[0].join(","),
        "model,family,corpus,split,context,seed,threads,tokens,targets,nll,perplexity,ppl_lo,ppl_hi,unk_targets,unk_nll,bits_per_byte,vocab,params,model_bytes,file_bytes,train_peak_bytes,score_peak_bytes,train_s,train_tok_s,score_tok_s,latency_p50_us,latency_p95_us,latency_p99_us,unseen_share,zero_prob_share,zero_weight_share,status,error,vocab_sha256,test_sha256,command,version"
    );
    assert_eq!(column(&records, "model"), ["unigram", "kn3"]);
    let perplexity: Vec<f64> =
        column(&records, "perplexity").iter().map(|p| p.parse().unwrap()).collect();
    assert!(perplexity[1] < perplexity[0], "{perplexity:?}");
    // The report is drawn again from its records.
    let page = desk.path("report/index.html");
    fs::remove_file(&page).unwrap();
    let output = harness(&["report", desk.path("report").to_str().unwrap()]);
    assert!(output.status.success() && page.is_file(), "{}", message(&output));
}

#[test]
fn line_ends_and_byte_order_mark_do_not_change_the_figures() {
    let desk = Desk::new();
    let mut nlls = Vec::new();
    for (name, bytes) in [
        ("plain.txt", text().into_bytes()),
        (
            "crlf.txt",
            [b"\xef\xbb\xbf".as_slice(), text().replace('\n', "\r\n").as_bytes()].concat(),
        ),
    ] {
        let output = desk.compare(&desk.file(name, bytes), &[]);
        assert!(output.status.success(), "{}", message(&output));
        nlls.push(column(&desk.records(), "nll"));
    }
    assert_eq!(nlls[0], nlls[1]);
}

#[test]
fn bad_texts_are_refused_with_place_cure_and_code_65() {
    let desk = Desk::new();
    let mut utf8 = text().into_bytes();
    utf8[30] = 0xff;
    let mut nul = text().into_bytes();
    nul[30] = 0;
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text().encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let mark = text().replacen("gu", "<s>", 1);
    let cases: [(&str, Vec<u8>, &[&str]); 9] = [
        ("utf8.txt", utf8, &["line 3", "byte 30", "UTF-8"]),
        ("nul.txt", nul, &["line 3", "byte 30", "NUL"]),
        ("utf16.txt", utf16, &["UTF-16", "iconv"]),
        ("binary.txt", b"\x7fELF\x02\x01\x01\0\0\0\xff\xfe".to_vec(), &["binary.txt"]),
        ("empty.txt", Vec::new(), &["empty"]),
        ("blank.txt", b"\n \n\t\n".to_vec(), &["no text"]),
        ("mark.txt", mark.into_bytes(), &["<s>", "line"]),
        ("short.txt", b"one line\n".to_vec(), &["at least 20"]),
        ("one.txt", b"la la la\n".repeat(100), &["vocabulary"]),
    ];
    for (name, bytes, words) in cases {
        let output = desk.compare(&desk.file(name, bytes), &["--min-count", "1"]);
        let said = message(&output);
        assert_eq!(output.status.code(), Some(65), "{name}: {said}");
        assert!(words.iter().all(|w| said.contains(w)), "{name}: {said}");
        assert!(!said.contains("panicked"), "{name}: {said}");
        assert!(!desk.path("report/records.csv").exists(), "{name} left a half-written report");
    }
}

#[test]
fn the_command_line_is_checked_with_the_nearest_name() {
    let desk = Desk::new();
    let file = desk.file("text.txt", text());
    for (args, words) in [
        (vec!["--models", "kn55"], vec!["kn5", "harness models"]),
        (vec!["--models", "kn3+unigrm"], vec!["unigram"]),
        (vec!["--models", "oracle"], vec!["embedded language"]),
        (vec!["--models", "kn3+dinamic(rnn)"], vec!["`dynamic`", "cached(NETWORK)"]),
        (vec!["--models", "cached(kn3)"], vec!["recurrent network"]),
        (vec!["--models", "kn3+cached(rnn)", "--context", "sentence"], vec!["--context sentence"]),
        (vec!["--sed", "1"], vec!["--seed"]),
        (vec!["--context", "sentense"], vec!["sentence"]),
        (vec!["--tokenizer", "word"], vec!["words"]),
    ] {
        let output = desk.compare(&file, &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", message(&output));
        assert!(
            words.iter().all(|w| message(&output).contains(w)),
            "{args:?}: {}",
            message(&output)
        );
    }
    let output = harness(&["--corpus", "pbt", "--report", desk.path("r").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("`ptb`"), "{}", message(&output));
}

#[test]
fn missing_files_and_unwritable_folders_have_their_codes() {
    let desk = Desk::new();
    let output = desk.compare(&desk.path("nowhere.txt"), &[]);
    assert_eq!(output.status.code(), Some(66), "{}", message(&output));
    let output = harness(&["--corpus", "ptb", "--report", desk.path("r").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(66), "{}", message(&output));
    assert!(
        message(&output).contains("LMLAB_DATA") || message(&output).contains("fetch"),
        "{}",
        message(&output)
    );
    // A file stands where the folder should be: found before anything is read or trained.
    let report = desk.file("taken", "a file");
    let output = harness(&["--report", report.join("sub").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(73), "{}", message(&output));
    assert_eq!(fs::read_to_string(report).unwrap(), "a file");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .arg("models")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(message(&output).is_empty(), "{}", message(&output));
}

#[test]
fn every_registered_model_is_listed() {
    let output = harness(&["models"]);
    let listed = String::from_utf8(output.stdout).unwrap();
    for line in harness::registry::LINES {
        assert!(listed.lines().any(|l| l.starts_with(line.name)), "{} is not listed", line.name);
    }
    assert!(listed.contains("kn1…kn8"), "{listed}");
}

#[test]
fn figures_do_not_depend_on_the_number_of_threads() {
    let desk = Desk::new();
    let file = desk.file("text.txt", text());
    let mut nlls = Vec::new();
    for threads in ["1", "2", "4"] {
        let models = "unigram,kn3,window,rnn,gru,lstm,kn3+rnn,cached(lstm),dynamic(gru),bucketed(kn3+cached(lstm)+dynamic(gru)+cache)";
        let output =
            desk.compare(&file, &["--models", models, "--preset", "quick", "--threads", threads]);
        assert!(output.status.success(), "{}", message(&output));
        nlls.push(column(&desk.records(), "nll"));
    }
    assert_eq!(nlls[0].len(), 10);
    assert!(nlls.iter().all(|n| n == &nlls[0]), "{nlls:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_reports_what_is_finished_and_the_same_command_goes_on() {
    let desk = Desk::new();
    let report = desk.path("report");
    let args = |report: &Path| {
        let report = report.to_str().unwrap().to_owned();
        [
            "--models",
            "unigram,gru,lstm,kn3+cached(gru)",
            "--tokens",
            "60000",
            "--preset",
            "quick",
            "--report",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([report])
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(args(&report))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first row is written when the first model is done; the second has then begun.
    while !report.join("records.csv").exists() {
        assert!(child.try_wait().unwrap().is_none(), "ended before the first row");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", message(&output));
    let status = column(&desk.records(), "status");
    assert_eq!(status[0], "ok");
    assert!(status.iter().any(|s| s == "interrupted"), "{status:?}");
    assert!(report.join("index.html").is_file());
    assert!(report.join("checkpoints").is_dir());

    let whole = desk.path("whole");
    for folder in [&report, &whole] {
        let output = Command::new(env!("CARGO_BIN_EXE_harness")).args(args(folder)).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", message(&output));
        assert!(!folder.join("checkpoints").exists());
    }
    let nlls = |folder: &Path| {
        let rows = csv::Reader::from_path(folder.join("records.csv")).unwrap();
        rows.into_records().map(|row| row.unwrap()[9].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(nlls(&report), nlls(&whole));
}
