//! Markdown, terminal and README: what people read as plain text.
mod report_fixture;

use std::fs;

use harness::record::Status;
use harness::report;
use harness::terminal_table;
use lm::Family;
use report_fixture::{self as fixture, lost, made};

fn small() -> harness::record::Results {
    let models = [
        made("kn3", Family::Ngram, 141.19, 50_000_000, 1.2, 2e6, 40.0),
        made("mle3", Family::Ngram, f64::INFINITY, 40_000_000, 0.4, 3e6, 31.0),
        made("rnn-200", Family::Rnn, 120.0, 16_000_000, 170.0, 5e4, 400.0),
        lost("rnn|9", Family::Rnn, Status::Failed, "no <memory>"),
    ];
    fixture::results(&models, false, &[1])
}

#[test]
fn markdown() {
    let dir = tempfile::tempdir().unwrap();
    report::write(dir.path(), &small()).unwrap();
    let text = fs::read_to_string(dir.path().join("REPORT.md")).unwrap();
    insta::assert_snapshot!(text.split("\n## Memory").next().unwrap());
    for line in text.lines().filter(|l| l.starts_with("![")) {
        let path = line.split(['(', ')']).rev().nth(1).unwrap();
        assert!(dir.path().join(path).is_file(), "{path}");
    }
}

#[test]
fn terminal() {
    insta::assert_snapshot!(terminal_table::table(&small(), 80));
    for width in [40, 60, 80, 100, 120, 160] {
        let table = terminal_table::table(&fixture::synthetic(&[1, 2]), width);
        for line in table.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        assert!(table.contains("SYNTHETIC") && table.contains("kn5"), "{table}");
    }
    assert!(!terminal_table::table(&small(), 200).contains('\u{1b}'));
}

#[test]
fn splicing_replaces_what_is_between_the_markers_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let reports = dir.path().join("reports/my run");
    let results = fixture::synthetic(&[1]);
    report::write(&reports, &results).unwrap();
    let readme = dir.path().join("docs/README.md");
    fs::create_dir(dir.path().join("docs")).unwrap();
    let before = "# Title\n\n<!-- BEGIN: lmlab table -->\nold\n<!-- END: lmlab table -->\nmiddle\n<!-- BEGIN: lmlab chart:perplexity -->\n<!-- END: lmlab chart:perplexity -->\nend";
    fs::write(&readme, before).unwrap();
    assert_eq!(report::splice(&readme, &reports, &results).unwrap(), 2);
    let after = fs::read_to_string(&readme).unwrap();
    assert!(
        after.starts_with("# Title\n\n<!-- BEGIN: lmlab table -->\n")
            && after.ends_with("\n<!-- END: lmlab chart:perplexity -->\nend")
    );
    assert!(
        !after.contains("\nold\n")
            && after.contains("\nmiddle\n")
            && after.contains("| kn5 |")
            && after.contains("SYNTHETIC")
    );
    assert!(after.contains("](../reports/my%20run/figures/perplexity.svg)"), "{after}");
    assert!(after.contains("`harness compare --corpus ptb --report reports/ptb`"));
    report::splice(&readme, &reports, &results).unwrap();
    assert_eq!(fs::read_to_string(&readme).unwrap(), after, "again changes nothing");
}

#[test]
fn a_broken_marker_leaves_the_file_alone() {
    let dir = tempfile::tempdir().unwrap();
    let results = small();
    report::write(dir.path(), &results).unwrap();
    let readme = dir.path().join("README.md");
    for (text, word) in [
        ("a\n<!-- BEGIN: lmlab table -->\n", "line 2: BEGIN of `table` without its END"),
        ("<!-- END: lmlab table -->\n", "without its BEGIN"),
        ("<!-- BEGIN: lmlab table -->\n<!-- BEGIN: lmlab verdict -->\n", "line 2: another marker"),
        (
            "<!-- BEGIN: lmlab chart:nothing -->\n<!-- END: lmlab chart:nothing -->\n",
            "no chart `nothing`; there are perplexity",
        ),
        ("<!-- BEGIN: lmlab nonsense -->\n<!-- END: lmlab nonsense -->\n", "unknown block"),
        ("no marker\n", "no marker"),
    ] {
        fs::write(&readme, text).unwrap();
        let error = report::splice(&readme, dir.path(), &results).unwrap_err();
        assert!(error.to_string().contains(word) && error.exit_code() == 65, "{error}");
        assert_eq!(fs::read_to_string(&readme).unwrap(), text);
    }
}
