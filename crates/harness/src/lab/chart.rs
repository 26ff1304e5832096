//! Charts and tables as data: an experiment says what is to be seen, [`super::draw`] draws it in the page's language.
use serde::{Deserialize, Serialize};

use super::stats::Estimate;
use super::text::Text;
use crate::record::figure;

/// One axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What it is, unit included.
    pub label: Text,
    /// Logarithmic?
    pub log: bool,
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: Text) -> Self {
        Self { label, log: false }
    }

    /// A logarithmic axis.
    pub fn log(label: Text) -> Self {
        Self { label, log: true }
    }
}

/// A point of a curve, with its interval where chance plays a part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Position.
    pub x: f64,
    /// Value; infinite ones are marked at the upper edge.
    #[serde(with = "figure")]
    pub y: Option<f64>,
    /// Lower end of its interval.
    #[serde(with = "figure")]
    pub lo: Option<f64>,
    /// Upper end.
    #[serde(with = "figure")]
    pub hi: Option<f64>,
}

impl Point {
    /// Without an interval.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y: Some(y), lo: None, hi: None }
    }

    /// With one.
    pub fn with_interval(x: f64, y: Estimate) -> Self {
        Self { x, y: Some(y.value), lo: Some(y.lo), hi: Some(y.hi) }
    }
}

/// How a curve looks; the mark and the dash tell it without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// The family's own colour and mark.
    Family(lm::Family),
    /// The i-th look of a list that is no list of families.
    Plain(usize),
}

/// One curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name.
    pub name: Text,
    /// Its look.
    pub look: Look,
    /// Its points, by rising x.
    pub points: Vec<Point>,
}

impl Series {
    /// Of points without intervals.
    pub fn new(name: Text, look: Look, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name, look, points: points.into_iter().map(|(x, y)| Point::new(x, y)).collect() }
    }

    /// Of points with intervals.
    pub fn with_intervals(
        name: Text,
        look: Look,
        points: impl IntoIterator<Item = (f64, Estimate)>,
    ) -> Self {
        Self {
            name,
            look,
            points: points.into_iter().map(|(x, y)| Point::with_interval(x, y)).collect(),
        }
    }
}

/// A horizontal line: chance, a bound, the floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// What it is.
    pub name: Text,
    /// Where it is.
    pub y: f64,
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Curves over one x axis.
    Lines {
        /// The curves.
        series: Vec<Series>,
        /// Horizontal lines.
        rules: Vec<Rule>,
    },
    /// A matrix as shades: darker is more.
    Heat {
        /// Centres of the columns.
        xs: Vec<f64>,
        /// Centres of the rows, from below.
        ys: Vec<f64>,
        /// `cells[row][column]`; an empty one was not measured.
        cells: Vec<Vec<Cell>>,
        /// What the shade means.
        z: Axis,
        /// Lines of equal value over the shades, at round values.
        contours: bool,
        /// Ways over the matrix, such as the steps of an optimizer.
        paths: Vec<Series>,
    },
}

/// A figure that may be missing or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cell(#[serde(with = "figure")] pub Option<f64>);

/// A chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Its file name without ending, unique in its experiment.
    pub id: String,
    /// Claims it belongs to; it stands under the first.
    pub claims: Vec<String>,
    /// The table with its numbers.
    pub table: String,
    /// Its title.
    pub title: Text,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn.
    pub shape: Shape,
}

/// Numbers behind charts: a CSV file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its file name without ending, unique in its experiment.
    pub name: String,
    /// Column names.
    pub columns: Vec<String>,
    /// Rows of cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(name: &str, columns: &[&str]) -> Self {
        Self {
            name: name.into(),
            columns: columns.iter().map(|c| (*c).into()).collect(),
            rows: Vec::new(),
        }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// Unless it has a cell a column.
    pub fn push(&mut self, row: &[&dyn std::fmt::Display]) {
        assert_eq!(row.len(), self.columns.len(), "a cell for every column of `{}`", self.name);
        self.rows.push(row.iter().map(|c| c.to_string()).collect());
    }

    /// As CSV.
    ///
    /// # Errors
    /// Those of the CSV writer.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(&self.columns)?;
        self.rows.iter().try_for_each(|r| out.write_record(r))?;
        Ok(out.into_inner()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_survives_json_with_its_infinities() {
        let chart = Chart {
            id: "c".into(),
            claims: vec!["a3".into()],
            table: "t".into(),
            title: Text::same("t"),
            x: Axis::linear(Text::same("n")),
            y: Axis::log(Text::same("ppl")),
            shape: Shape::Heat {
                xs: vec![1.0],
                ys: vec![1.0],
                cells: vec![vec![Cell(Some(f64::INFINITY)), Cell(None), Cell(Some(2.0))]],
                z: Axis::default(),
                contours: true,
                paths: vec![Series::new(
                    Text::same("s"),
                    Look::Family(lm::Family::Rnn),
                    [(1.0, f64::INFINITY), (2.0, 3.5)],
                )],
            },
        };
        let back: Chart = serde_json::from_str(&serde_json::to_string(&chart).unwrap()).unwrap();
        assert_eq!(back, chart);
    }

    #[test]
    fn a_table_is_csv() {
        let mut table = Table::new("t", &["n", "what", "share"]);
        table.push(&[&1, &"a, b", &0.25]);
        table.push(&[&2, &"", &f64::INFINITY]);
        assert_eq!(
            String::from_utf8(table.csv().unwrap()).unwrap(),
            "n,what,share\n1,\"a, b\",0.25\n2,,inf\n"
        );
    }
}
