//! The laboratory's runner and page, with experiments made up for the purpose.
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use anyhow::{Result, bail};
use corpus::{Corpus, CorpusOptions};
use harness::error::{Failure, exit_code};
use harness::lab::run::{Request, fits, pick, run};
use harness::lab::{
    Axis, Chart, Estimate, Experiment, Lab, Lang, Look, Outcome, Ruling, Series, Shape, Table,
    Text, Verdict,
};
use harness::registry::Preset;

struct Counting {
    runs: AtomicUsize,
}

impl Experiment for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["a1", "a2"]
    }

    fn about(&self) -> &'static str {
        "counts its runs"
    }

    fn bytes(&self, _: &Lab<'_>) -> u64 {
        1
    }

    fn run(&self, lab: &Lab<'_>) -> Result<Outcome> {
        let runs = self.runs.fetch_add(1, SeqCst) + 1;
        let ruling = |verdict| Ruling {
            verdict,
            measured: Some(Estimate { value: runs as f64, lo: 0.5, hi: f64::INFINITY }),
            figure: Text::new("runs of this experiment", "本实验的运行次数"),
            reason: Text::new("it ran <once>", "运行过一次"),
        };
        let mut table = Table::new("runs", &["n", "runs"]);
        table.push(&[&1, &runs]);
        let series = vec![Series::new(
            Text::new("runs", "次数"),
            Look::Plain(0),
            [(1.0, 1.0), (2.0, f64::INFINITY)],
        )];
        let chart = Chart {
            id: "runs".into(),
            claims: vec!["a1".into()],
            table: "runs".into(),
            title: Text::new("Runs by n", "各 n 的运行次数"),
            x: Axis::linear(Text::new("order n, words", "阶数 n,词")),
            y: Axis::linear(Text::new("runs", "次数")),
            shape: Shape::Lines { series, rules: vec![] },
        };
        let rows = vec![
            lab.row("a1", self, 3, ruling(Verdict::Confirmed)),
            lab.row("a2", self, 0, ruling(Verdict::Refuted)),
        ];
        Ok(Outcome { rows, tables: vec![table], charts: vec![chart] })
    }
}

struct Failing;

impl Experiment for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["a3"]
    }

    fn about(&self) -> &'static str {
        "fails"
    }

    fn bytes(&self, _: &Lab<'_>) -> u64 {
        1
    }

    fn run(&self, _: &Lab<'_>) -> Result<Outcome> {
        bail!("no apples")
    }
}

struct Huge;

impl Experiment for Huge {
    fn name(&self) -> &'static str {
        "huge"
    }

    fn claims(&self) -> &'static [&'static str] {
        &["b1"]
    }

    fn about(&self) -> &'static str {
        "would need more memory than there is"
    }

    fn bytes(&self, _: &Lab<'_>) -> u64 {
        1 << 60
    }

    fn run(&self, _: &Lab<'_>) -> Result<Outcome> {
        panic!("must not start")
    }
}

fn corpus() -> Corpus {
    let part = || vec!["a b a".to_owned(), "b a".into()];
    Corpus::from_sentences(
        "toy",
        &[part(), part(), part()],
        "made up".into(),
        CorpusOptions::default(),
    )
}

fn request(dir: &std::path::Path) -> Request {
    Request {
        names: vec![],
        fresh: false,
        lang: Lang::En,
        dir: dir.into(),
        preset: Preset::Quick,
        seed: 1,
        seeds: None,
        options: "--preset quick --corpus toy.txt".into(),
    }
}

#[test]
fn a_finished_experiment_is_not_run_again_unless_asked() {
    let (dir, corpus) = (tempfile::tempdir().unwrap(), corpus());
    let counting = Counting { runs: AtomicUsize::new(0) };
    let all: [&dyn Experiment; 1] = [&counting];
    let request = request(dir.path());
    let mut out = Vec::new();
    run(&all, &corpus, &request, &mut out).unwrap();
    run(&all, &corpus, &request, &mut out).unwrap();
    assert_eq!(counting.runs.load(SeqCst), 1);
    assert!(String::from_utf8(out).unwrap().contains("counting: finished before"));
    run(&all, &corpus, &Request { fresh: true, ..request.clone() }, &mut Vec::new()).unwrap();
    assert_eq!(counting.runs.load(SeqCst), 2);
    run(&all, &corpus, &Request { seed: 2, ..request.clone() }, &mut Vec::new()).unwrap();
    assert_eq!(counting.runs.load(SeqCst), 3, "another seed is another experiment");
    // A file cut short by a crash counts as none.
    fs::write(dir.path().join("experiments/counting.json"), "{\"experiment\":").unwrap();
    run(&all, &corpus, &Request { seed: 2, ..request }, &mut Vec::new()).unwrap();
    assert_eq!(counting.runs.load(SeqCst), 4);
}

#[test]
fn the_page_says_all_of_a_claim_in_both_languages() {
    let (dir, corpus) = (tempfile::tempdir().unwrap(), corpus());
    let counting = Counting { runs: AtomicUsize::new(0) };
    let all: [&dyn Experiment; 1] = [&counting];
    run(&all, &corpus, &request(dir.path()), &mut Vec::new()).unwrap();
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let page = read("index.html");
    for part in [
        "<html lang=\"en\">",
        "<math",
        "Sparsity grows with n",
        "confirmed",
        "refuted",
        "1.000 [0.500, ∞]",
        "3 seeds",
        "runs of this experiment",
        "data/counting-runs.csv",
        "figures/counting-runs.svg",
        "order n, words",
        "cargo run -p harness -- lab a1 --preset quick --corpus toy.txt --fresh --report",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("it ran <once>"), "texts are escaped");
    assert!(
        !page.contains("<script")
            && !page.contains("href=\"http")
            && !page.contains("src=")
            && !page.contains("url("),
        "offline, without scripts"
    );
    assert_eq!(read("data/counting-runs.csv"), "n,runs\n1,1\n");
    assert!(read("figures/counting-runs.svg").starts_with("<svg"));
    let claims = read("claims.csv");
    assert!(
        claims.starts_with(
            "id,claim,equation,experiment,corpus,expected,measured,lo,hi,seeds,verdict,reason\na1,"
        ),
        "{claims}"
    );
    assert!(
        claims.contains("counting,toy,") && claims.contains(",1.0,0.5,inf,3,confirmed,"),
        "{claims}"
    );

    run(&all, &corpus, &Request { lang: Lang::Zh, ..request(dir.path()) }, &mut Vec::new())
        .unwrap();
    assert_eq!(counting.runs.load(SeqCst), 1, "another language is the same run");
    let page = read("index.html");
    for part in [
        "<html lang=\"zh\">",
        "n 越大,稀疏性问题越严重",
        "证实",
        "否定",
        "3 个随机种子",
        "阶数 n,词",
        "本实验的运行次数",
        "--lang zh",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(read("claims.csv"), claims, "the CSV has one language");
}

#[test]
fn a_failure_is_an_undecided_row_and_the_others_still_run() {
    let (dir, corpus) = (tempfile::tempdir().unwrap(), corpus());
    let counting = Counting { runs: AtomicUsize::new(0) };
    let all: [&dyn Experiment; 2] = [&Failing, &counting];
    let error = run(&all, &corpus, &request(dir.path()), &mut Vec::new()).unwrap_err();
    assert_eq!(exit_code(&error), 1);
    let claims = fs::read_to_string(dir.path().join("claims.csv")).unwrap();
    assert!(
        claims.contains("undecided,nothing measured: the experiment failed: no apples"),
        "{claims}"
    );
    assert!(claims.contains("confirmed"), "{claims}");
    assert!(!dir.path().join("experiments/failing.json").exists(), "it runs again next time");
}

#[test]
fn what_cannot_run_is_refused_before_anything_runs() {
    let (dir, corpus) = (tempfile::tempdir().unwrap(), corpus());
    let counting = Counting { runs: AtomicUsize::new(0) };
    let all: [&dyn Experiment; 2] = [&counting, &Huge];
    let error = run(&all, &corpus, &request(dir.path()), &mut Vec::new()).unwrap_err();
    assert!(
        error.to_string().contains("`huge` would need about") && exit_code(&error) == 2,
        "{error}"
    );
    assert_eq!(counting.runs.load(SeqCst), 0);
    let unknown = pick(&all, &["countng".into()]).err().unwrap();
    assert!(unknown.to_string().contains("did you mean `counting`?"), "{unknown}");
    assert!(matches!(unknown.downcast_ref(), Some(Failure::Usage(_))));
    let by_claim = pick(&all, &["a2".into()]).unwrap();
    assert_eq!(by_claim.iter().map(|e| e.name()).collect::<Vec<_>>(), ["counting"]);
    assert!(fits("x", 5, 5).is_ok() && fits("x", 6, 5).is_err());
}
