//! A report folder as a whole: round trip, redraw, hostile text, nothing from elsewhere.
mod report_fixture;

use std::fs;
use std::path::PathBuf;

use harness::record::Results;
use harness::report;
use report_fixture as made;

/// Stays after the test, so that the page can be looked at: target/tmp/report-NAME/index.html.
fn folder(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{name}"));
    let _ = fs::remove_dir_all(&dir);
    dir
}

fn text(dir: &std::path::Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

#[test]
fn everything_is_written_and_read_back_to_the_bit() {
    for (name, results) in [
        ("ptb", made::ptb()),
        ("synthetic", made::synthetic(&[1])),
        ("seeds", made::synthetic(&[1, 2, 3])),
        ("empty", Results { run: made::ptb().run, ..Results::default() }),
    ] {
        let dir = folder(name);
        let written = report::write(&dir, &results).unwrap();
        assert_eq!(report::read(&dir).unwrap(), results, "{name}");
        assert!(written.html.is_file() && written.markdown.is_file() && written.records.is_file());
        assert_eq!(written.figures.len(), if name == "empty" { 0 } else { 7 }, "{name}");
        let leftovers = fs::read_dir(&dir)
            .unwrap()
            .filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"))
            .count();
        assert_eq!(leftovers, 0);
        let json: serde_json::Value = serde_json::from_str(&text(&dir, "results.json")).unwrap();
        assert_eq!(json["run"]["schema"], 1);
    }
}

#[test]
fn the_header_of_the_records_is_the_published_one() {
    let dir = folder("header");
    report::write(&dir, &made::ptb()).unwrap();
    let published = "model,family,corpus,split,context,seed,threads,tokens,targets,nll,perplexity,ppl_lo,ppl_hi,unk_targets,unk_nll,bits_per_byte,vocab,params,\
        model_bytes,file_bytes,train_peak_bytes,score_peak_bytes,train_s,train_tok_s,score_tok_s,latency_p50_us,latency_p95_us,latency_p99_us,unseen_share,\
        zero_prob_share,zero_weight_share,status,error,vocab_sha256,test_sha256,command,version";
    assert_eq!(text(&dir, "records.csv").lines().next().unwrap(), published);
    let curves = fs::read(dir.join("curves.csv")).unwrap();
    fs::write(dir.join("curves.csv"), [b"\xEF\xBB\xBF".as_slice(), &curves].concat()).unwrap();
    report::read(&dir).expect("a byte order mark, as spreadsheets write it, is no harm");
}

#[test]
fn text_is_no_formula_and_no_markup() {
    let dir = folder("hostile");
    let mut results = made::ptb();
    results.run.corpus = "</title><script>alert(2)</script>".into();
    for (i, nasty) in
        ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx", "'quoted", "plain", "a,b\"c\nd", "−1"]
            .into_iter()
            .enumerate()
    {
        results.records[i].error = nasty.into();
        results.details[i].notes = format!("{nasty}</svg><img src=x>");
    }
    report::write(&dir, &results).unwrap();
    assert_eq!(report::read(&dir).unwrap(), results);
    let mut reader = csv::Reader::from_path(dir.join("records.csv")).unwrap();
    for row in reader.records() {
        for cell in row.unwrap().iter() {
            let number = cell.parse::<f64>().is_ok();
            assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        }
    }
    let html = text(&dir, "index.html");
    assert!(
        !html.contains("<script>alert")
            && !html.contains("<img")
            && html.contains("&#60;script&#62;alert(1)")
    );
    assert_eq!(html.matches("<script").count(), 1, "only the page's own");
    let markdown = text(&dir, "REPORT.md");
    assert!(
        !markdown.contains("<script>")
            && !markdown.contains("<img")
            && markdown.contains("&lt;script&gt;")
    );
    for figure in fs::read_dir(dir.join("figures")).unwrap() {
        let svg = fs::read_to_string(figure.unwrap().path()).unwrap();
        assert!(!svg.contains("<script"));
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let dir = folder("offline");
    report::write(&dir, &made::synthetic(&[1])).unwrap();
    let html = text(&dir, "index.html").replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "src=", "@import", "url(", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(
        !html.contains("<style>:root{--surface:#FFFFFE;") || html.matches("<style>").count() == 1
    );
    assert!(html.matches("SYNTHETIC").count() >= 10);
    for figure in fs::read_dir(dir.join("figures")).unwrap() {
        let svg = fs::read_to_string(figure.unwrap().path()).unwrap();
        assert!(
            svg.contains("prefers-color-scheme:dark")
                && svg.contains("SYNTHETIC")
                && svg.contains("<title>")
        );
    }
}

#[test]
fn a_deleted_row_is_gone_from_the_drawing_and_the_csvs_stay_untouched() {
    let dir = folder("redraw");
    report::write(&dir, &made::ptb()).unwrap();
    let kept: String = text(&dir, "records.csv")
        .split_inclusive('\n')
        .filter(|l| !l.starts_with("lstm-200,"))
        .collect();
    fs::write(dir.join("records.csv"), &kept).unwrap();
    report::redraw(&dir).unwrap();
    assert_eq!(text(&dir, "records.csv"), kept);
    let svg = text(&dir, "figures/memory.svg");
    assert!(!svg.contains("\nlstm-200\n") && svg.contains("\ngru-200\n"));
    let overview = text(&dir, "REPORT.md");
    assert!(!overview.contains("| lstm-200 |"));
}

#[test]
fn errors_name_file_line_column_and_cure() {
    let dir = folder("errors");
    report::write(&dir, &made::ptb()).unwrap();
    let good = text(&dir, "buckets.csv");
    let fails = |file: &str, content: &str, code: u8, words: &[&str]| {
        let before = text(&dir, file);
        fs::write(dir.join(file), content).unwrap();
        let error = report::read(&dir).unwrap_err();
        for word in words {
            assert!(error.to_string().contains(word), "{error} lacks {word}");
        }
        assert_eq!(error.exit_code(), code, "{error}");
        fs::write(dir.join(file), before).unwrap();
    };
    fails(
        "buckets.csv",
        &good.replacen("47000", "many", 1),
        65,
        &["buckets.csv", "line 2", "`targets`", "mend the cell"],
    );
    fails(
        "buckets.csv",
        &good.replacen("model,seed", "model;seed", 1),
        65,
        &["buckets.csv", "line 1", "`model;seed`", "`model`", "commas"],
    );
    fails(
        "buckets.csv",
        &good.replacen("uniform,1,", "uniform,", 1),
        65,
        &["line 2", "7 cells", "8"],
    );
    let json = text(&dir, "results.json");
    fails(
        "results.json",
        &json.replacen("\"schema\": 1", "\"schema\": 99", 1),
        65,
        &["results.json", "99", "run the comparison again"],
    );
    fails("results.json", &json[..200], 65, &["results.json", "line"]);
    fs::remove_file(dir.join("pairs.csv")).unwrap();
    let error = report::read(&dir).unwrap_err();
    assert!(error.exit_code() == 66 && error.to_string().contains("pairs.csv"), "{error}");
}

#[test]
fn a_number_that_is_none_never_becomes_null() {
    let dir = folder("nan");
    let mut results = made::ptb();
    results.sparsity[4].fill = f64::NAN;
    results.curves[0].clipped = f64::NAN;
    report::write(&dir, &results).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text(&dir, "results.json")).unwrap();
    assert_eq!(
        (&json["sparsity"][4]["fill"], &json["curves"][0]["clipped"]),
        (&"nan".into(), &"nan".into())
    );
    let infinite =
        json["records"].as_array().unwrap().iter().find(|r| r["model"] == "mle3").unwrap();
    assert_eq!(infinite["perplexity"], "inf");
    assert!(report::read(&dir).unwrap().sparsity[4].fill.is_nan());
}
