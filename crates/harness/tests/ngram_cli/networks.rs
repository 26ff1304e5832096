//! `harness train` for networks: killed at any moment and resumed; from given word vectors.
#![cfg(target_os = "linux")]
use std::process::Stdio;
use std::time::{Duration, Instant};

use nn::rng::{stream, unit};

use crate::desk::{Desk, message};

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
    let whole = desk.bytes("whole");

    let mut rng = stream(1, "moments of death");
    let (mut kills, mut runs, mut longest) = (0, 0, 0);
    while kills < KILLS {
        std::fs::remove_file(desk.path("killed")).ok();
        let mut deaths = 0;
        loop {
            let mut command = desk.command(&format!("{train} --out killed"));
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
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
        assert!(desk.bytes("killed") == whole, "run {runs}, {deaths} deaths");
        (runs, longest) = (runs + 1, longest.max(deaths));
        let names = desk.names();
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
    let text = String::from_utf8(desk.bytes("text")).unwrap();
    let word = text.split_whitespace().next().unwrap();
    desk.file("vectors", format!("{word} 0.25 -0.5 1 2 3\nnobody 1 1 1 1 1\n"));
    let train = "train window --corpus text --tokenizer space --nhid 6 --epochs 1 --vectors vectors --out net";
    let said = desk.says(&format!("{train} --set frozen=true"));
    assert!(said.contains("vectors for 1 of"), "{said}");
    let model = window::WindowModel::load(&desk.path("net")).unwrap();
    let id = model.vocab().get(word).expect("a word of the text").index();
    assert_eq!(model.net.encoder.w.row(id).to_vec(), [0.25, -0.5, 1.0, 2.0, 3.0]);
    let output = desk.run(&format!("{train} --emsize 4"));
    assert!(!output.status.success());
    assert!(message(&output).contains("word vectors of shape"), "{}", message(&output));
}
