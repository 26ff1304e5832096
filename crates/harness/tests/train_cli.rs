//! `harness train` for networks: killed at any moment and resumed, from given word vectors, with averaged weights.
#![cfg(target_os = "linux")]
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nn::rng::{stream, unit};
use tempfile::TempDir;

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.args(args.split_whitespace()).current_dir(self.0.path()).env_remove("LMLAB_DATA");
        command
    }

    /// What a command prints that must succeed.
    fn says(&self, args: &str) -> String {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{args}: {}", message(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn start(&self, args: &str) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Kills, all in all.
const KILLS: usize = 50;

/// Runs are killed at random moments (while they read, train, write a checkpoint, save), as often as [`KILLS`] says, and
/// resumed; every one of them ends in the file of the undisturbed run.
#[test]
fn killed_at_any_moment_and_resumed_training_ends_in_the_same_bits() {
    let desk = Desk::new();
    desk.says("data synth --tokens 12000 --out text");
    let train = [
        "train lstm --corpus text --tokenizer space --nhid 24 --emsize 16 --epochs 4 --batch-size 8",
        "--bptt 10 --dropout 0.2 --checkpoint-seconds 0 --resume",
    ]
    .join(" ");
    let started = Instant::now();
    desk.says(&format!("{train} --out whole"));
    let whole_takes = started.elapsed().as_secs_f64();
    let whole = fs::read(desk.path("whole")).unwrap();

    let mut rng = stream(1, "moments of death");
    let (mut kills, mut runs, mut longest) = (0, 0, 0);
    while kills < KILLS {
        fs::remove_file(desk.path("killed")).ok();
        let mut deaths = 0;
        loop {
            let mut child = desk.start(&format!("{train} --out killed"));
            let moment = Duration::from_secs_f64(whole_takes * 0.6 * unit(&mut rng));
            if kills < KILLS {
                std::thread::sleep(moment);
                child.kill().unwrap();
            }
            let output = child.wait_with_output().unwrap();
            if output.status.success() {
                break;
            }
            assert_eq!(output.status.code(), None, "not the kill: {}", message(&output));
            (kills, deaths) = (kills + 1, deaths + 1);
        }
        assert!(fs::read(desk.path("killed")).unwrap() == whole, "run {runs}, {deaths} deaths");
        (runs, longest) = (runs + 1, longest.max(deaths));
        let rest: Vec<_> = fs::read_dir(desk.0.path()).unwrap().flatten().collect();
        let names: Vec<_> = rest.iter().map(|f| f.file_name().into_string().unwrap()).collect();
        assert!(names.iter().all(|n| !n.contains("checkpoint")), "{names:?}");
    }
    assert!(
        longest >= 2,
        "{runs} runs, at most {longest} deaths in one: nothing was resumed twice"
    );
}

#[test]
fn training_starts_from_given_vectors_and_may_keep_them() {
    let desk = Desk::new();
    desk.says("data synth --tokens 3000 --out text");
    let text = fs::read_to_string(desk.path("text")).unwrap();
    let word = text.split_whitespace().next().unwrap();
    fs::write(desk.path("vectors"), format!("{word} 0.25 -0.5 1 2 3\nnobody 1 1 1 1 1\n")).unwrap();
    let train = "train window --corpus text --tokenizer space --nhid 6 --epochs 1 --vectors vectors --out net";
    let said = desk.says(&format!("{train} --set frozen=true"));
    assert!(said.contains("vectors for 1 of"), "{said}");
    let model = window::WindowModel::load(&desk.path("net")).unwrap();
    let id = model.vocab().get(word).expect("a word of the text").index();
    assert_eq!(model.net.encoder.w.row(id).to_vec(), [0.25, -0.5, 1.0, 2.0, 3.0]);
    let output = desk.command(&format!("{train} --emsize 4")).output().unwrap();
    assert!(!output.status.success());
    assert!(message(&output).contains("word vectors of shape"), "{}", message(&output));
}
