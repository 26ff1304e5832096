//! The gradient laboratory's experiments from end to end, in their quickest form on a small made-up text.
use std::fs;
use std::path::Path;

use corpus::{Corpus, CorpusOptions};
use harness::error::exit_code;
use harness::experiments;
use harness::lab::run::{Request, run};
use harness::lab::store::{self, Key};
use harness::lab::{Lang, Outcome, Shape};
use harness::registry::Preset;

const NAMES: [&str; 7] =
    ["gradients", "spectrum", "bound", "vanishing", "exploding", "activations", "gates"];

/// Sentences over 40 words with some order in them.
fn corpus() -> Corpus {
    let sentence = |i: usize| {
        let words = (0..6 + i % 5).map(|k| format!("w{}", (i * i + 3 * k * (1 + i % 3)) % 40));
        words.collect::<Vec<_>>().join(" ")
    };
    let part = |from: usize, n: usize| (from..from + n).map(sentence).collect();
    let parts = [part(0, 400), part(400, 60), part(460, 60)];
    Corpus::from_sentences("made-up", &parts, "made up".into(), CorpusOptions::default())
}

fn request(dir: &Path) -> Request {
    Request {
        names: NAMES.map(str::to_owned).into(),
        fresh: false,
        lang: Lang::En,
        dir: dir.into(),
        preset: Preset::Quick,
        seed: 1,
        seeds: None,
        options: String::new(),
    }
}

fn outcomes(corpus: &Corpus, dir: &Path, threads: usize) -> Vec<Outcome> {
    let request = request(dir);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| run(experiments::ALL, corpus, &request, &mut Vec::new())).unwrap();
    let key = Key::new(corpus, Preset::Quick, 1, None);
    NAMES.map(|name| store::load(dir, name, &key).unwrap().outcome).into()
}

#[test]
fn every_claim_gets_its_row_charts_and_numbers_whatever_the_number_of_threads() {
    let (one, three, corpus) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), corpus());
    let alone = outcomes(&corpus, one.path(), 1);
    let rows: Vec<&str> = alone.iter().flat_map(|o| &o.rows).map(|row| row.id.as_str()).collect();
    assert_eq!(rows, ["e1", "e2", "e10", "e3", "e5", "e4", "e6", "e7", "e8", "e9"]);
    for outcome in &alone {
        for row in &outcome.rows {
            assert!(!row.reason.en.is_empty() && row.reason.zh.chars().any(|c| c as u32 > 0x4e00));
        }
        for chart in &outcome.charts {
            assert!(
                outcome.tables.iter().any(|t| t.name == chart.table),
                "{}: no numbers",
                chart.id
            );
            let finite = match &chart.shape {
                Shape::Lines { series, .. } => series.iter().any(|s| s.points.len() > 1),
                Shape::Heat { cells, .. } => cells.iter().flatten().any(|c| c.0.is_some()),
            };
            assert!(finite, "{} shows nothing", chart.id);
        }
    }
    // What is exact is decided at any size.
    let verdicts = fs::read_to_string(one.path().join("claims.csv")).unwrap();
    for id in ["e1,", "e2,", "e3,", "e4,", "e10,"] {
        let row = verdicts.lines().find(|l| l.starts_with(id)).unwrap();
        assert!(row.contains(",confirmed,"), "{row}");
    }
    assert_eq!(alone, outcomes(&corpus, three.path(), 3), "threads change the numbers");
}

#[test]
fn a_text_too_short_to_read_a_hundred_steps_leaves_the_claim_undecided_with_the_cure() {
    let dir = tempfile::tempdir().unwrap();
    let part = |n: usize| vec!["a b a".to_owned(); n];
    let parts = [part(40), part(5), part(5)];
    let options = CorpusOptions::default();
    let corpus = Corpus::from_sentences("short", &parts, "made up".into(), options);
    let request = Request { names: vec!["bound".into()], ..request(dir.path()) };
    let error = run(experiments::ALL, &corpus, &request, &mut Vec::new()).unwrap_err();
    assert_eq!(exit_code(&error), 1);
    let claims = fs::read_to_string(dir.path().join("claims.csv")).unwrap();
    assert!(
        claims.contains("undecided")
            && claims.contains("101 are read in one piece; give more text"),
        "{claims}"
    );
}
