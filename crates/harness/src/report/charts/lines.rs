//! Lines with their names at the right end, kept apart: what the three line charts share.
use super::axis::{Frame, SMALL, Sheet};
use super::canvas::{Anchor, Canvas, Type, fitted, width};
use super::labels::{self, Wish};
use super::palette::Role;
use crate::report::error::Result;

/// Dashes tell lines apart without colour: on, off; (0, 0) is solid.
pub type Dash = (f64, f64);

/// A set of styles, as different as dashes get.
pub const DASHES: [Dash; 5] = [(0.0, 0.0), (7.0, 3.0), (2.0, 2.5), (10.0, 3.0), (4.0, 5.0)];

/// A named line; its points are pixels.
pub struct Line {
    /// At its right end.
    pub name: String,
    /// Pixels, left to right; pieces are joined by nothing.
    pub pieces: Vec<Vec<(f64, f64)>>,
    /// Its colour.
    pub role: Role,
    /// Its dashes.
    pub dash: Dash,
    /// Its width.
    pub width: f64,
}

/// Room the names need at the right.
pub fn room(names: &[String], sheet: Sheet) -> f64 {
    let most = if sheet.is_narrow() { 92.0 } else { 190.0 };
    names.iter().map(|n| width(n, SMALL)).fold(0.0, f64::max).min(most) + 26.0
}

/// Draws the lines and their names, which keep off the lines of `avoid` too.
pub fn draw(
    c: &Canvas,
    lines: &[Line],
    avoid: &[Vec<(f64, f64)>],
    frame: &Frame,
    sheet: Sheet,
) -> Result<()> {
    for line in lines {
        for piece in &line.pieces {
            match line.dash {
                (0.0, _) => c.line(piece, line.role, line.width)?,
                dash => c.dashed(piece, line.role, line.width, dash)?,
            }
        }
    }
    let ends: Vec<(f64, f64)> = lines
        .iter()
        .map(|l| {
            l.pieces
                .iter()
                .filter_map(|p| p.last())
                .fold((frame.left, frame.bottom), |a, p| if p.0 >= a.0 { *p } else { a })
        })
        .collect();
    if ends.iter().any(|e| frame.right - e.0 > 30.0) {
        return beside(c, lines, avoid, &ends, frame, sheet);
    }
    let heights: Vec<f64> = ends.iter().map(|e| e.1).collect();
    let moved = labels::spread(&heights, SMALL + 3.0, (frame.top, frame.bottom));
    for ((line, end), y) in lines.iter().zip(&ends).zip(moved) {
        let start = end.0 + 7.0;
        if (y - end.1).abs() > 3.0 {
            c.line(&[(start, end.1), (frame.right + 8.0, y)], Role::Front, 0.8)?;
        }
        let name = fitted(&line.name, SMALL, sheet.width - frame.right - 16.0);
        c.text(frame.right + 12.0, y, &name, Anchor::Start, Type::new(line.role, SMALL))?;
    }
    Ok(())
}

/// Lines of different lengths: each name beside its own end.
fn beside(
    c: &Canvas,
    lines: &[Line],
    avoid: &[Vec<(f64, f64)>],
    ends: &[(f64, f64)],
    frame: &Frame,
    sheet: Sheet,
) -> Result<()> {
    let wishes: Vec<Wish> = lines
        .iter()
        .zip(ends)
        .map(|(l, &at)| Wish { at, name: fitted(&l.name, SMALL, 150.0) })
        .collect();
    let traces: Vec<Vec<(f64, f64)>> =
        lines.iter().flat_map(|l| l.pieces.clone()).chain(avoid.iter().cloned()).collect();
    let bounds = (frame.left, frame.top, sheet.width - 6.0, frame.bottom - 2.0);
    let places = labels::place(&wishes, &traces, SMALL, bounds);
    for ((line, wish), place) in lines.iter().zip(&wishes).zip(places) {
        if place.led {
            c.line(&[wish.at, (place.x, place.y)], Role::Front, 0.8)?;
        }
        c.text(place.x, place.y, &wish.name, place.anchor, Type::new(line.role, SMALL))?;
    }
    Ok(())
}
