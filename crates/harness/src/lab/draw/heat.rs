//! The heat map: shades of ink over a grid, with paths drawn on it and a key of the shades.
use super::super::chart::{Axis, Cell, Chart, Series};
use super::super::text::Lang;
use super::{dash, family, named, pieces, scale, shown, tick, x_tick};
use crate::report::Result;
use crate::report::charts::axis::{Frame, SMALL, Sheet};
use crate::report::charts::canvas::{self, Anchor, Canvas, Type};
use crate::report::charts::lines::{self, Line};
use crate::report::charts::palette::Role;
use crate::report::charts::scale::Scale;

pub(super) type Matrix<'a> = (&'a [f64], &'a [f64], &'a [Vec<Cell>]);

pub(super) fn heat(
    chart: &Chart,
    (xs, ys, cells): Matrix,
    z: &Axis,
    paths: &[Series],
    lang: Lang,
    sheet: Sheet,
) -> Result<Option<String>> {
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
    let edges = |at: Vec<f64>, from: f64, to: f64| -> Vec<f64> {
        let mut out = vec![from];
        out.extend(at.windows(2).map(|w| (w[0] + w[1]) / 2.0));
        out.push(to);
        out
    };
    let columns = edges(xs.iter().map(|v| x.at(*v)).collect(), frame.left, frame.right);
    let rows = edges(ys.iter().map(|v| y.at(*v)).collect(), frame.bottom, frame.top);
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
        for (r, row) in cells.iter().enumerate() {
            for (k, cell) in row.iter().enumerate() {
                let Some(value) = cell.0 else { continue };
                let share = if value == f64::INFINITY {
                    1.0
                } else if shown(z, value) {
                    shade.at(value)
                } else {
                    0.0
                };
                c.shade(
                    (columns[k], rows[r + 1]),
                    (columns[k + 1], rows[r]),
                    Role::Ink,
                    share * 0.92,
                )?;
            }
        }
        key(c, z, &shade, (frame.left, frame.bottom + 62.0), lang, sheet)?;
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

/// What the shades mean: five of them with their values.
fn key(
    c: &Canvas,
    z: &Axis,
    shade: &Scale,
    (left, top): (f64, f64),
    lang: Lang,
    sheet: Sheet,
) -> Result<()> {
    let ticks = shade.ticks(if sheet.is_narrow() { 3 } else { 5 });
    let mut x = left;
    let step = if sheet.is_narrow() { 64.0 } else { 90.0 };
    for value in ticks {
        c.shade((x, top - 6.0), (x + 16.0, top + 6.0), Role::Ink, shade.at(value) * 0.92)?;
        c.line(
            &[
                (x, top - 6.0),
                (x + 16.0, top - 6.0),
                (x + 16.0, top + 6.0),
                (x, top + 6.0),
                (x, top - 6.0),
            ],
            Role::Front,
            0.8,
        )?;
        c.text(x + 21.0, top, &tick(value), Anchor::Start, Type::new(Role::Muted, SMALL))?;
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
