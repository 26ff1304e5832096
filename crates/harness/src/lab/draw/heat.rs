//! The heat map: shades of ink over a grid, with contour lines and paths on it and a key of the shades.
use super::super::chart::{Axis, Cell, Chart, Series};
use super::super::text::Lang;
use super::contour::contour;
use super::{dash, family, named, pieces, scale, shown, tick, x_tick};
use crate::report::Result;
use crate::report::charts::axis::{Frame, SMALL, Sheet};
use crate::report::charts::canvas::{self, Anchor, Canvas, Type};
use crate::report::charts::lines::{self, Line};
use crate::report::charts::palette::Role;
use crate::report::charts::scale::Scale;

/// Steps of the shade: more than an eye tells apart, few enough that neighbours share theirs and are drawn as one.
const STEPS: f64 = 24.0;
/// A corner of a box, in pixels.
type Corner = (f64, f64);

/// What is drawn of a shape.
pub(super) struct Heat<'a> {
    pub(super) xs: &'a [f64],
    pub(super) ys: &'a [f64],
    pub(super) cells: &'a [Vec<Cell>],
    pub(super) z: &'a Axis,
    pub(super) contours: bool,
    pub(super) paths: &'a [Series],
}

/// How a cell looks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fill {
    /// In so many steps.
    Shade(u32),
    /// Beyond all shades: full ink, crossed.
    Infinite,
    /// No number: the bare sheet, one stroke.
    Missing,
}

fn fill(cell: Cell, z: &Axis, shade: &Scale) -> Fill {
    match cell.0 {
        None => Fill::Missing,
        Some(value) if value.is_nan() => Fill::Missing,
        Some(f64::INFINITY) => Fill::Infinite,
        Some(value) if shown(z, value) => Fill::Shade((shade.at(value) * STEPS).round() as u32),
        // Nothing at all, which a logarithm does not know.
        Some(_) => Fill::Shade(0),
    }
}

pub(super) fn heat(
    chart: &Chart,
    of: &Heat<'_>,
    lang: Lang,
    sheet: Sheet,
) -> Result<Option<String>> {
    let Heat { xs, ys, cells, z, paths, .. } = of;
    let names: Vec<String> = paths.iter().map(|s| s.name.get(lang).to_owned()).collect();
    let top = sheet.head() + 34.0;
    let right = sheet.width - if names.is_empty() { 18.0 } else { lines::room(&names, sheet) };
    let frame = Frame {
        left: 62.0,
        top,
        right,
        bottom: top + if sheet.is_narrow() { 240.0 } else { 300.0 },
    };
    let all = || cells.iter().flatten().filter_map(|c| c.0);
    let (Some(x), Some(y), Some(shade)) = (
        scale(&chart.x, xs.iter().copied(), (frame.left, frame.right), 0.0),
        scale(&chart.y, ys.iter().copied(), (frame.bottom, frame.top), 0.0),
        scale(z, all(), (0.0, 1.0), 0.0),
    ) else {
        return Ok(None);
    };
    let fills: Vec<Vec<Fill>> =
        cells.iter().map(|row| row.iter().map(|c| fill(*c, z, &shade)).collect()).collect();
    let [columns, rows]: [Vec<f64>; 2] =
        [(xs, &x), (ys, &y)].map(|(of, s)| of.iter().map(|v| s.at(*v)).collect());
    let boxes = boxes(
        &fills,
        &edges(&columns, frame.left, frame.right),
        &edges(&rows, frame.bottom, frame.top),
    );
    let about = format!(
        "{} – {} – {}",
        chart.x.label.get(lang),
        chart.y.label.get(lang),
        z.label.get(lang)
    );
    canvas::draw((sheet.width, frame.bottom + 92.0), chart.title.get(lang), &about, |c| {
        sheet.title(c, chart.title.get(lang))?;
        let whole = xs.iter().all(|v| v.fract() == 0.0);
        frame.x_axis(c, &x, &named(&chart.x, lang, sheet.width - 20.0), x_tick(whole))?;
        frame.y_axis(c, &y, &named(&chart.y, lang, sheet.width - 20.0), tick)?;
        boxes.iter().try_for_each(|(fill, from, to)| paint(c, *fill, *from, *to))?;
        if of.contours {
            // In the shade's own measure, so that the lines of a logarithmic map are right, too.
            let value = |c: &Cell| c.0.filter(|v| shown(z, *v)).map_or(f64::NAN, |v| shade.at(v));
            let heights: Vec<Vec<f64>> =
                cells.iter().map(|row| row.iter().map(value).collect()).collect();
            for level in shade.ticks(10) {
                for line in contour(&columns, &rows, &heights, shade.at(level)) {
                    c.line(&line, Role::Front, 1.0)?;
                }
            }
        }
        key(c, z, &shade, &fills, (frame.left, frame.bottom + 62.0), lang, sheet)?;
        let drawn: Vec<Line> = paths
            .iter()
            .zip(&names)
            .map(|(s, name)| Line {
                name: name.clone(),
                pieces: pieces(s, &chart.x, &chart.y, &x, &y),
                role: Role::Family(family(s.look)),
                dash: dash(s.look),
                width: 2.2,
            })
            .collect();
        if !drawn.is_empty() {
            lines::draw(c, &drawn, &[], &frame, sheet)?;
        }
        for (s, line) in paths.iter().zip(&drawn) {
            for p in line.pieces.iter().flatten() {
                c.mark(p.0, p.1, 4.0, family(s.look), false)?;
            }
        }
        Ok(())
    })
    .map(Some)
}

/// The borders of cells around these centres.
fn edges(at: &[f64], from: f64, to: f64) -> Vec<f64> {
    let mut out = vec![from];
    out.extend(at.windows(2).map(|w| (w[0] + w[1]) / 2.0));
    out.push(to);
    out
}

/// Runs of equal shade in a row as one box each, by shade; cells without a shade each for itself, after them.
fn boxes(fills: &[Vec<Fill>], columns: &[f64], rows: &[f64]) -> Vec<(Fill, Corner, Corner)> {
    let mut out = Vec::new();
    for (r, row) in fills.iter().enumerate() {
        let mut k = 0;
        for run in row.chunk_by(|a, b| a == b && matches!(a, Fill::Shade(_))) {
            let to = k + run.len();
            out.push((run[0], (columns[k], rows[r + 1]), (columns[to], rows[r])));
            k = to;
        }
    }
    out.sort_by_key(|(fill, ..)| match fill {
        Fill::Shade(steps) => *steps,
        Fill::Infinite => u32::MAX - 1,
        Fill::Missing => u32::MAX,
    });
    out
}

fn paint(c: &Canvas, fill: Fill, from: Corner, to: Corner) -> Result<()> {
    let up = [(from.0, to.1), (to.0, from.1)];
    match fill {
        Fill::Shade(0) => Ok(()),
        Fill::Shade(steps) => c.shade(from, to, Role::Ink, f64::from(steps) / STEPS * 0.92),
        Fill::Infinite => {
            c.shade(from, to, Role::Ink, 1.0)?;
            c.line(&[from, to], Role::Surface, 1.2)?;
            c.line(&up, Role::Surface, 1.2)
        }
        Fill::Missing => c.line(&up, Role::Front, 1.0),
    }
}

/// What the shades mean: five of them with their values, and what else occurs.
fn key(
    c: &Canvas,
    z: &Axis,
    shade: &Scale,
    fills: &[Vec<Fill>],
    (left, top): Corner,
    lang: Lang,
    sheet: Sheet,
) -> Result<()> {
    let ticks = shade.ticks(if sheet.is_narrow() { 3 } else { 5 }).into_iter();
    let ticks = ticks.map(|value| (fill(Cell(Some(value)), z, shade), tick(value)));
    let missing = match lang {
        Lang::En => "not measured",
        Lang::Zh => "未测量",
    };
    let others = [(Fill::Infinite, "∞"), (Fill::Missing, missing)].into_iter();
    let others = others.filter(|(other, _)| fills.iter().flatten().any(|f| f == other));
    let entries = ticks.chain(others.map(|(fill, name)| (fill, name.to_owned())));
    let mut x = left;
    let step = if sheet.is_narrow() { 50.0 } else { 82.0 };
    for (fill, name) in entries {
        let (from, to) = ((x, top - 6.0), (x + 16.0, top + 6.0));
        paint(c, fill, from, to)?;
        c.line(&[from, (to.0, from.1), to, (from.0, to.1), from], Role::Front, 0.8)?;
        c.text(x + 21.0, top, &name, Anchor::Start, Type::new(Role::Muted, SMALL))?;
        x += step;
    }
    c.text(
        left,
        top + 20.0,
        &named(z, lang, sheet.width - left - 8.0),
        Anchor::Start,
        Type::new(Role::Ink, SMALL),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::text::Text;
    use super::*;

    #[test]
    fn equal_shades_of_a_row_are_one_box_and_others_stay_apart() {
        use Fill::{Infinite, Missing, Shade};
        let fills = [vec![Shade(2), Shade(2), Shade(1)], vec![Missing, Missing, Infinite]];
        let found = boxes(&fills, &[0.0, 1.0, 2.0, 3.0], &[9.0, 8.0, 7.0]);
        let expected = [
            (Shade(1), (2.0, 8.0), (3.0, 9.0)),
            (Shade(2), (0.0, 8.0), (2.0, 9.0)),
            (Infinite, (2.0, 7.0), (3.0, 8.0)),
            (Missing, (0.0, 7.0), (1.0, 8.0)),
            (Missing, (1.0, 7.0), (2.0, 8.0)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn cells_without_a_shade_look_different() {
        let (z, shade) = (Axis::log(Text::same("norm")), Scale::log((1e-9, 1.0), 0.0, (0.0, 1.0)));
        let of = |value: Option<f64>| fill(Cell(value), &z, &shade);
        assert_eq!([of(None), of(Some(f64::NAN))], [Fill::Missing; 2]);
        assert_eq!(of(Some(f64::INFINITY)), Fill::Infinite);
        assert_eq!([of(Some(0.0)), of(Some(1.0))], [Fill::Shade(0), Fill::Shade(24)]);
    }
}
