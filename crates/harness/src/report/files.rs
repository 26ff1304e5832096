//! The records on disk: a CSV file a kind of row, and one `results.json`.
//!
//! The CSVs are the truth: [`read`] takes the rows from them (so that a row may be deleted in a spreadsheet) and from
//! `results.json` only what is the same for all rows. Text that a spreadsheet would run as a formula gets an apostrophe in
//! front, which is taken off again on reading.
use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::atomic;
use super::error::{Error, Result};
use crate::record::{Bucket, Curve, Detail, Pair, Record, Results, Run, SCHEMA, Sparsity};

/// Name of the file with everything.
pub const RESULTS_JSON: &str = "results.json";

/// A kind of row: its columns in the order of the struct, and which of them hold free text.
trait Row: Serialize + DeserializeOwned {
    const COLUMNS: &'static [&'static str];
    const TEXT: &'static [&'static str];
}

macro_rules! row {
    ($row:ty, columns: $columns:literal, text: $text:expr) => {
        impl Row for $row {
            const COLUMNS: &'static [&'static str] = &split::<{ commas($columns) + 1 }>($columns);
            const TEXT: &'static [&'static str] = &$text;
        }
    };
}

row!(Record, columns: "model,family,corpus,split,context,seed,threads,tokens,targets,nll,perplexity,ppl_lo,ppl_hi,unk_targets,unk_nll,bits_per_byte,vocab,params,model_bytes,file_bytes,train_peak_bytes,score_peak_bytes,train_s,train_tok_s,score_tok_s,latency_p50_us,latency_p95_us,latency_p99_us,unseen_share,zero_prob_share,zero_weight_share,status,error,vocab_sha256,test_sha256,command,version",
    text: ["model", "corpus", "split", "context", "error", "vocab_sha256", "test_sha256", "command", "version"]);
row!(Detail, columns: "model,seed,description,normalised,valid_perplexity,ppl_without_unk,ppl_without_zeros,bits_per_token,gap_to_oracle_bits,negligible_weight_share,silent_unit_share,peak_rss_bytes,score_tok_s_min,score_tok_s_max,notes",
    text: ["model", "description", "notes"]);
row!(Pair, columns: "a,b,seed,ratio,ratio_lo,ratio_hi,verdict", text: ["a", "b"]);
row!(Bucket, columns: "model,seed,order,lo,hi,targets,nll,perplexity", text: ["model"]);
row!(Sparsity, columns: "order,distinct,singletons,singleton_share,fill,test_tokens,unseen_token_share,test_types,unseen_type_share,unseen_context_share", text: []);
row!(Curve, columns: "model,seed,epoch,step,tokens,seconds,train_perplexity,valid_perplexity,rate,grad_norm,clipped", text: ["model"]);

const fn commas(s: &str) -> usize {
    let (bytes, mut i, mut n) = (s.as_bytes(), 0, 0);
    while i < bytes.len() {
        n += (bytes[i] == b',') as usize;
        i += 1;
    }
    n
}

const fn split<const N: usize>(s: &'static str) -> [&'static str; N] {
    let (mut out, mut rest, mut i) = ([""; N], s, 0);
    while i + 1 < N {
        let mut at = 0;
        while rest.as_bytes()[at] != b',' {
            at += 1;
        }
        let (cell, tail) = rest.split_at(at);
        (out[i], rest) = (cell, tail.split_at(1).1);
        i += 1;
    }
    out[N - 1] = rest;
    out
}

/// Writes all CSVs and `results.json`, the latter last.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn write(dir: &Path, results: &Results) -> Result<()> {
    atomic::write(&dir.join("records.csv"), &to_csv(&results.records)?)?;
    atomic::write(&dir.join("validation.csv"), &to_csv(&results.validation)?)?;
    atomic::write(&dir.join("details.csv"), &to_csv(&results.details)?)?;
    atomic::write(&dir.join("pairs.csv"), &to_csv(&results.pairs)?)?;
    atomic::write(&dir.join("buckets.csv"), &to_csv(&results.buckets)?)?;
    atomic::write(&dir.join("sparsity.csv"), &to_csv(&results.sparsity)?)?;
    atomic::write(&dir.join("curves.csv"), &to_csv(&results.curves)?)?;
    write_json(dir, results)
}

/// Writes `results.json` alone.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn write_json(dir: &Path, results: &Results) -> Result<()> {
    let mut json = serde_json::to_vec_pretty(results)
        .map_err(|e| Error::Draw { what: "results.json", why: e.to_string() })?;
    json.push(b'\n');
    atomic::write(&dir.join(RESULTS_JSON), &json)
}

/// Reads a report folder: `run` from `results.json`, every row from the CSVs.
///
/// # Errors
/// A missing file, another schema, a header or a cell that does not fit; each names file, line, column and cure.
pub fn read(dir: &Path) -> Result<Results> {
    Ok(Results {
        run: read_run(&dir.join(RESULTS_JSON))?,
        records: from_csv(&dir.join("records.csv"))?,
        validation: from_csv(&dir.join("validation.csv"))?,
        details: from_csv(&dir.join("details.csv"))?,
        pairs: from_csv(&dir.join("pairs.csv"))?,
        buckets: from_csv(&dir.join("buckets.csv"))?,
        sparsity: from_csv(&dir.join("sparsity.csv"))?,
        curves: from_csv(&dir.join("curves.csv"))?,
    })
}

fn load(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Missing { path: path.into(), source })
}

fn read_run(path: &Path) -> Result<Run> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        run: serde_json::Value,
    }
    let bytes = load(path)?;
    let bad = |e: serde_json::Error| Error::Json {
        path: path.into(),
        line: e.line(),
        column: e.column(),
        what: e.to_string(),
    };
    let Versioned { run } = serde_json::from_slice(&bytes).map_err(bad)?;
    let found = run.get("schema").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if found != u64::from(SCHEMA) {
        return Err(Error::Schema { path: path.into(), found, expected: SCHEMA });
    }
    serde_json::from_value(run).map_err(bad)
}

fn to_csv<R: Row>(rows: &[R]) -> Result<Vec<u8>> {
    let bug = |e: csv::Error| Error::Draw { what: "a CSV file", why: e.to_string() };
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(R::COLUMNS).map_err(bug)?;
    for row in rows {
        // A row is serialised on its own first: only the finished cells show which text needs the apostrophe.
        let mut one = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        one.serialize(row).map_err(bug)?;
        let bytes =
            one.into_inner().map_err(|e| Error::Draw { what: "a CSV file", why: e.to_string() })?;
        let mut cells = csv::StringRecord::new();
        csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&bytes[..])
            .read_record(&mut cells)
            .map_err(bug)?;
        let guarded = R::COLUMNS.iter().zip(&cells).map(|(name, cell)| {
            match R::TEXT.contains(name) && is_dangerous(cell) {
                true => format!("'{cell}"),
                false => cell.into(),
            }
        });
        out.write_record(guarded).map_err(bug)?;
    }
    out.into_inner().map_err(|e| Error::Draw { what: "a CSV file", why: e.to_string() })
}

/// A formula to a spreadsheet; or already with an apostrophe, which must survive the way back.
fn is_dangerous(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠'])
}

fn from_csv<R: Row>(path: &Path) -> Result<Vec<R>> {
    let bytes = load(path)?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&bytes[..]);
    let header = reader.headers().map_err(|e| broken(path, &e, R::COLUMNS))?.clone();
    for i in 0..R::COLUMNS.len().max(header.len()) {
        let (found, expected) =
            (header.get(i).unwrap_or(""), R::COLUMNS.get(i).copied().unwrap_or(""));
        if found != expected {
            return Err(Error::Header {
                path: path.into(),
                column: i + 1,
                found: found.into(),
                expected: expected.into(),
            });
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| broken(path, &e, R::COLUMNS))?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            let what = format!("{} cells, the header has {}", record.len(), header.len());
            return Err(Error::Cell { path: path.into(), line, column: "?".into(), what });
        }
        let mut bare = csv::StringRecord::new();
        for (name, cell) in R::COLUMNS.iter().zip(&record) {
            bare.push_field(if R::TEXT.contains(name) {
                cell.strip_prefix('\'').unwrap_or(cell)
            } else {
                cell
            });
        }
        bare.set_position(record.position().cloned());
        rows.push(bare.deserialize(Some(&header)).map_err(|e| broken(path, &e, R::COLUMNS))?);
    }
    Ok(rows)
}

fn broken(path: &Path, error: &csv::Error, columns: &[&str]) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    let (column, what) = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => (
            err.field().and_then(|i| columns.get(i as usize)).unwrap_or(&"?").to_string(),
            err.kind().to_string(),
        ),
        csv::ErrorKind::Utf8 { err, .. } => (
            columns.get(err.field()).unwrap_or(&"?").to_string(),
            "not UTF-8; save the file as CSV UTF-8".into(),
        ),
        other => ("?".into(), format!("{other:?}")),
    };
    Error::Cell { path: path.into(), line, column, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns named here are the struct's own, in its order.
    fn columns_are_the_structs<R: Row>(row: R) {
        let mut out = csv::Writer::from_writer(Vec::new());
        out.serialize(row).unwrap();
        let text = String::from_utf8(out.into_inner().unwrap()).unwrap();
        assert_eq!(text.lines().next().unwrap(), R::COLUMNS.join(","));
    }

    #[test]
    fn columns() {
        columns_are_the_structs(Bucket {
            model: "m".into(),
            seed: 1,
            order: 2,
            lo: 0,
            hi: None,
            targets: 1,
            nll: None,
            perplexity: None,
        });
        let none = || None;
        columns_are_the_structs(Pair {
            a: "a".into(),
            b: "b".into(),
            seed: 1,
            ratio: none(),
            ratio_lo: none(),
            ratio_hi: none(),
            verdict: lm::PairedVerdict::Better,
        });
        columns_are_the_structs(Curve::new("m", 1, &lm::CurvePoint::default()));
        let json = r#"{"order":1,"distinct":1,"singletons":1,"singleton_share":0.5,"fill":0.5,"test_tokens":1,
            "unseen_token_share":0.5,"test_types":1,"unseen_type_share":0.5,"unseen_context_share":0.0}"#;
        columns_are_the_structs(serde_json::from_str::<Sparsity>(json).unwrap());
        assert_eq!(Record::COLUMNS.len(), 37);
        assert_eq!(Detail::COLUMNS.len(), 15);
    }
}
