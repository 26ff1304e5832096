//! Validation perplexity while training, against seconds or against passes over the text; the best n-gram's as a line to beat.
use lm::Family;

use super::axis::{Frame, SMALL, Sheet, range};
use super::canvas::{self, Anchor, Type};
use super::lines::{self, DASHES, Line};
use super::palette::Role;
use super::scale::Scale;
use crate::record::Curve;
use crate::report::error::Result;
use crate::report::number;
use crate::report::summary::{Model, View};

/// Far above the best, the first points of a curve say only that it began.
const HIGHEST: f64 = 4.0;

/// What x is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // a name says all there is to say of each
pub enum Against {
    Seconds,
    Passes,
}

impl Against {
    fn of(self, c: &Curve) -> f64 {
        match self {
            Against::Seconds => c.seconds,
            Against::Passes => c.epoch,
        }
    }
}

/// Draws it; `None` without a curve of two points.
pub fn chart(
    view: &View,
    against: Against,
    sheet: Sheet,
    title: &str,
    about: &str,
) -> Result<Option<String>> {
    let mut curves: Vec<(&Model, Vec<Vec<&Curve>>)> = Vec::new();
    for m in &view.models {
        let usable = |c: &&Curve| c.valid_perplexity.is_some_and(|p| p.is_finite() && p > 0.0);
        let seeds = m
            .rows
            .iter()
            .map(|r| view.curve(m, r.seed).into_iter().filter(usable).collect::<Vec<_>>());
        let seeds: Vec<_> = seeds.filter(|c| c.len() > 1).collect();
        if !seeds.is_empty() {
            curves.push((m, seeds));
        }
    }
    let points = || curves.iter().flat_map(|c| c.1.iter().flatten());
    let (Some((_, end)), Some((best, worst))) = (
        range(points().map(|p| against.of(p))),
        range(points().filter_map(|p| p.valid_perplexity)),
    ) else {
        return Ok(None);
    };
    let line = view.best(|m| m.family == Family::Ngram).and_then(|m| {
        Some((m, m.detail(|d| d.valid_perplexity).filter(|p| p.mean.is_finite())?.mean))
    });
    let lowest = line.map_or(best, |l| l.1.min(best));
    let highest = worst.min(lowest * HIGHEST).max(line.map_or(0.0, |l| l.1));
    let names: Vec<String> = curves.iter().map(|c| c.0.name.to_string()).collect();
    let top = sheet.head() + 34.0;
    let frame = Frame {
        left: 60.0,
        top,
        right: sheet.width - lines::room(&names, sheet),
        bottom: top + if sheet.is_narrow() { 280.0 } else { 320.0 },
    };
    let x = Scale::linear((0.0, end), (frame.left, frame.right));
    let y = Scale::log((lowest, highest), 0.06, (frame.bottom, frame.top));
    let svg = canvas::draw((sheet.width, frame.bottom + 46.0), title, about, |c| {
        sheet.title(c, title)?;
        let name = if against == Against::Seconds {
            "training time, seconds"
        } else {
            "passes over the training text"
        };
        frame.x_axis(c, &x, name, number::tick)?;
        frame.y_axis(c, &y, "validation perplexity (log scale)", number::tick)?;
        let mut avoid = Vec::new();
        if let Some((m, p)) = line {
            let (at, role) = (y.at(p), Role::Family(Family::Ngram));
            let rule = vec![(frame.left, at), (frame.right, at)];
            c.dashed(&rule, role, 1.4, (5.0, 4.0))?;
            let time = m
                .figure(|r| r.train_s)
                .map_or(String::new(), |s| format!(", counted in {}", number::seconds(s.mean)));
            let text =
                if sheet.is_narrow() { m.name.to_string() } else { format!("{}{time}", m.name) };
            let middle = if at + 18.0 > frame.bottom { at - 11.0 } else { at + 11.0 };
            c.text(frame.left + 8.0, middle, &text, Anchor::Start, Type::new(role, SMALL))?;
            let end = frame.left + 8.0 + canvas::width(&text, SMALL) * 1.1 + 12.0;
            // One trace weighs little; a name on top of a name must not pay.
            avoid = [-4.0, -2.0, 0.0, 2.0, 4.0]
                .map(|d| vec![(frame.left, middle + d), (end, middle + d)])
                .to_vec();
            avoid.push(rule);
        }
        let drawn: Vec<Line> = curves
            .iter()
            .enumerate()
            .map(|(i, (m, seeds))| {
                let twins = curves[..i].iter().filter(|o| o.0.family == m.family).count();
                let pieces = seeds.iter().map(|s| {
                    s.iter()
                        .map(|p| {
                            (x.at(against.of(p)), y.at(p.valid_perplexity.unwrap_or(f64::MAX)))
                        })
                        .collect()
                });
                Line {
                    name: m.label(),
                    pieces: pieces.collect(),
                    role: Role::Family(m.family),
                    dash: DASHES[twins % DASHES.len()],
                    width: if seeds.len() > 1 { 1.2 } else { 1.8 },
                }
            })
            .collect();
        lines::draw(c, &drawn, &avoid, &frame, sheet)?;
        for (line, (m, seeds)) in drawn.iter().zip(&curves) {
            for p in line.pieces.iter().filter(|_| seeds.len() == 1).flatten() {
                c.mark(
                    p.0,
                    p.1,
                    if line.pieces[0].len() > 20 { 2.4 } else { 3.4 },
                    m.family,
                    false,
                )?;
            }
        }
        Ok(())
    })?;
    Ok(Some(svg))
}
