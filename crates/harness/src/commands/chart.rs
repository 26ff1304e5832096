//! `harness chart`: two columns of a CSV file as curves, in the look of the reports.
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::error::{Failure, nearest};
use crate::lab::draw::draw;
use crate::lab::{Axis, Chart, Lang, Look, Series, Shape, Text};
use crate::output;

/// Options of `harness chart`.
#[derive(Args, Clone, Debug)]
pub struct ChartArgs {
    /// The CSV file, its first line the columns' names
    pub input: PathBuf,
    /// The SVG file to write
    pub output: PathBuf,
    /// The column of the horizontal axis
    #[arg(long, value_name = "COLUMN")]
    pub x: String,
    /// The column of the vertical axis
    #[arg(long, value_name = "COLUMN")]
    pub y: String,
    /// The column that names the curve a row belongs to [default: one curve]
    #[arg(long, value_name = "COLUMN")]
    pub by: Option<String>,
    /// The title [default: the columns' names]
    #[arg(long)]
    pub title: Option<String>,
    /// A logarithmic horizontal axis
    #[arg(long)]
    pub log_x: bool,
    /// A logarithmic vertical axis
    #[arg(long)]
    pub log_y: bool,
}

/// Reads, draws, writes.
///
/// # Errors
/// A missing file or column, a cell that is no number, nothing to draw; those of the output.
pub fn run(args: &ChartArgs, out: &mut dyn Write) -> Result<()> {
    output::check(&args.output)?;
    let bytes = std::fs::read(&args.input).with_context(|| args.input.display().to_string())?;
    let chart = chart(args, &bytes)?;
    let Some(drawn) = draw(&chart, Lang::En)? else {
        let what = format!("{}: no row has two numbers that can be drawn", args.input.display());
        return Err(Failure::Usage(what).into());
    };
    corpus::whole_file::replace(&args.output, |file| file.write_all(drawn.file.as_bytes()))?;
    writeln!(out, "{}", args.output.display())?;
    Ok(())
}

/// The chart of the columns; several rows with one x are drawn as they come.
fn chart(args: &ChartArgs, bytes: &[u8]) -> Result<Chart> {
    let place = |line: u64| format!("{}:{line}", args.input.display());
    let mut reader = csv::Reader::from_reader(bytes);
    let columns = reader.headers().context(place(1))?.clone();
    let column = |name: &str| {
        columns.iter().position(|c| c == name).ok_or_else(|| {
            let near =
                nearest(name, columns.iter()).map(|n| format!(", did you mean `{n}`?")).unwrap_or_default();
            Failure::Usage(format!("{}: no column `{name}`{near}", place(1)))
        })
    };
    let (x, y, by) = (column(&args.x)?, column(&args.y)?, args.by.as_deref().map(column).transpose()?);
    let mut curves: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for record in reader.records() {
        let record = record.context(args.input.display().to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let number = |i: usize| {
            record[i].parse::<f64>().map_err(|_| lm::Error::File {
                path: args.input.clone(),
                what: format!("line {line}: `{}` in the column `{}`", &record[i], &columns[i]),
                cure: "give a number".into(),
            })
        };
        let (point, name) = ((number(x)?, number(y)?), by.map_or("", |i| &record[i]));
        match curves.iter_mut().find(|(n, _)| n == name) {
            Some((_, points)) => points.push(point),
            None => curves.push((name.into(), vec![point])),
        }
    }
    let series = curves.into_iter().enumerate().map(|(i, (name, mut points))| {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let name = if name.is_empty() { args.y.clone() } else { name };
        Series::new(Text::same(name), Look::Plain(i), points)
    });
    let axis = |name: &str, log| Axis { label: Text::same(name), log };
    Ok(Chart {
        id: "chart".into(),
        claims: Vec::new(),
        table: String::new(),
        title: Text::same(
            args.title.clone().unwrap_or_else(|| format!("{} against {}", args.y, args.x)),
        ),
        x: axis(&args.x, args.log_x),
        y: axis(&args.y, args.log_y),
        shape: Shape::Lines { series: series.collect(), rules: Vec::new() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(y: &str, by: Option<&str>) -> ChartArgs {
        ChartArgs {
            input: "t.csv".into(),
            output: "t.svg".into(),
            x: "n".into(),
            y: y.into(),
            by: by.map(Into::into),
            title: None,
            log_x: true,
            log_y: false,
        }
    }

    #[test]
    fn rows_become_curves_by_rising_x() {
        let csv = b"n,s,who\n10,2.5,b\n1,2,a\n1,3,b\n";
        let chart = chart(&args("s", Some("who")), csv).unwrap();
        let Shape::Lines { series, .. } = &chart.shape else { panic!("curves") };
        let points = |i: usize| series[i].points.iter().map(|p| (p.x, p.y)).collect::<Vec<_>>();
        assert_eq!(series.iter().map(|s| s.name.en.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(points(0), [(1.0, Some(3.0)), (10.0, Some(2.5))]);
        assert_eq!(points(1), [(1.0, Some(2.0))]);
        assert!(draw(&chart, Lang::En).unwrap().is_some());
    }

    #[test]
    fn what_is_no_table_of_numbers_is_refused_with_its_place() {
        let refused = |y, csv: &[u8]| chart(&args(y, None), csv).unwrap_err().to_string();
        assert!(refused("seconds", b"n,second\n1,2\n").contains("did you mean `second`"));
        assert!(refused("s", b"n,s\n1,2\n2,x\n").contains("line 3: `x`"));
    }
}
