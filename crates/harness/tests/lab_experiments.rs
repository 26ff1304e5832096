//! Experiments of the laboratory in their shortest form: every claim has its row, every chart its numbers.
use std::sync::Arc;

use corpus::synth::Language;
use corpus::{Corpus, CorpusOptions, VocabLimits};
use harness::experiments::ALL;
use harness::lab::{Lab, Lang, Shape, draw};
use harness::progress::Bar;
use harness::registry::Preset;

fn corpus() -> Corpus {
    let language = Arc::new(Language::embedded("synth").unwrap());
    let limits = VocabLimits { min_count: 4, max_size: 0 };
    let options = CorpusOptions { limits, ..CorpusOptions::default() };
    Corpus::from_language(language, 1, 30_000, options).unwrap()
}

fn runs_through(name: &str) {
    let (corpus, bar) = (corpus(), Bar::new(name));
    let lab = Lab { corpus: &corpus, preset: Preset::Quick, seed: 1, seeds: None, bar: &bar };
    let experiment = *ALL.iter().find(|e| e.name() == name).unwrap();
    let need = experiment.bytes(&lab);
    assert!((1 << 16..1 << 32).contains(&need), "{name} would need {need} bytes");
    let outcome = experiment.run(&lab).unwrap();
    let ids: Vec<&str> = outcome.rows.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, experiment.claims());
    for row in &outcome.rows {
        assert_eq!((row.experiment.as_str(), row.corpus.as_str()), (name, "synth"));
        assert!(row.measured.is_none_or(|m| !m.is_nan()), "{row:?}");
        for text in [&row.figure, &row.reason] {
            assert!(!text.en.is_empty() && text.zh.chars().any(|c| c as u32 > 0x4e00), "{text:?}");
        }
    }
    for table in &outcome.tables {
        assert!(!table.rows.is_empty(), "{}", table.name);
    }
    assert!(!outcome.charts.is_empty());
    for chart in &outcome.charts {
        assert!(experiment.claims().contains(&chart.claims[0].as_str()), "{}", chart.id);
        assert!(outcome.tables.iter().any(|t| t.name == chart.table), "{}", chart.id);
        for axis in [&chart.x, &chart.y] {
            assert!(!axis.label.en.is_empty() && !axis.label.zh.is_empty(), "{}", chart.id);
        }
        if let Shape::Lines { series, .. } = &chart.shape {
            assert!(series.iter().all(|s| !s.points.is_empty()), "{}: an empty curve", chart.id);
        }
        for lang in [Lang::En, Lang::Zh] {
            assert!(draw::draw(chart, lang).unwrap().is_some(), "{} shows nothing", chart.id);
        }
    }
}

#[test]
fn counting() {
    ["sparsity", "smoothing", "storage"].iter().for_each(|name| runs_through(name));
}

#[test]
fn growth() {
    runs_through("growth");
}

#[test]
fn unseen() {
    runs_through("unseen");
}

#[test]
fn window_size() {
    runs_through("window-size");
}

#[test]
fn positions() {
    runs_through("positions");
}

#[test]
fn vectors() {
    runs_through("vectors");
}

#[test]
fn length() {
    runs_through("length");
}

#[test]
fn context() {
    runs_through("context");
}

#[test]
fn speed() {
    runs_through("speed");
}

#[test]
fn families() {
    runs_through("families");
}
