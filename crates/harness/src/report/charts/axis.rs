//! What charts share: the sheet, its heading, axes with few ticks, the legend of families.
use lm::Family;

use super::canvas::{Anchor, Canvas, Type, width};
use super::palette::Role;
use super::scale::Scale;
use crate::report::error::Result;
use crate::report::summary::{Model, family_word};

/// Size of the text on axes.
pub const SMALL: f64 = 12.0;
/// Size of names of models.
pub const TEXT: f64 = 13.0;

/// The sheet a chart is drawn on: how wide, and whether it carries its own title (a file does, a page's figure has a caption).
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Sheet {
    pub width: f64,
    pub titled: bool,
}

impl Sheet {
    /// Whether it is for a phone.
    pub fn is_narrow(&self) -> bool {
        self.width < 500.0
    }

    /// Height of the title.
    pub fn head(&self) -> f64 {
        if self.titled { 34.0 } else { 4.0 }
    }

    /// Draws the title if it carries one.
    pub fn title(&self, canvas: &Canvas, title: &str) -> Result<()> {
        match self.titled {
            true => canvas.text(
                14.0,
                19.0,
                title,
                Anchor::Start,
                Type { bold: true, ..Type::new(Role::Ink, 15.0) },
            ),
            false => Ok(()),
        }
    }
}

/// The rectangle between the axes.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Frame {
    /// Vertical grid lines, tick labels and the axis' name below.
    pub fn x_axis(
        &self,
        canvas: &Canvas,
        scale: &Scale,
        name: &str,
        text: impl Fn(f64) -> String,
    ) -> Result<()> {
        let mut end = f64::NEG_INFINITY;
        for v in scale.ticks(((self.right - self.left) / 52.0) as usize) {
            let (x, label) = (scale.at(v), text(v));
            canvas.line(&[(x, self.top), (x, self.bottom)], Role::Grid, 1.0)?;
            let half = width(&label, SMALL) / 2.0;
            if x - half > end + 6.0 {
                canvas.text(
                    x,
                    self.bottom + 12.0,
                    &label,
                    Anchor::Middle,
                    Type::new(Role::Muted, SMALL),
                )?;
                end = x + half;
            }
        }
        self.x_name(canvas, name)
    }

    /// The name of the x axis, under its middle.
    pub fn x_name(&self, canvas: &Canvas, name: &str) -> Result<()> {
        canvas.text(
            (self.left + self.right) / 2.0,
            self.bottom + 32.0,
            name,
            Anchor::Middle,
            Type::new(Role::Ink, SMALL),
        )
    }

    /// Horizontal grid lines, tick labels and the axis' name above, upright: nobody turns their head.
    pub fn y_axis(
        &self,
        canvas: &Canvas,
        scale: &Scale,
        name: &str,
        text: impl Fn(f64) -> String,
    ) -> Result<()> {
        for v in scale.ticks(((self.bottom - self.top) / 45.0) as usize) {
            let y = scale.at(v);
            canvas.line(&[(self.left, y), (self.right, y)], Role::Grid, 1.0)?;
            canvas.text(
                self.left - 8.0,
                y,
                &text(v),
                Anchor::End,
                Type::new(Role::Muted, SMALL),
            )?;
        }
        canvas.text(14.0, self.top - 16.0, name, Anchor::Start, Type::new(Role::Ink, SMALL))
    }
}

/// Families in the order of the models, each once.
pub fn families<'a>(models: impl IntoIterator<Item = &'a Model<'a>>) -> Vec<Family> {
    let mut out: Vec<Family> = Vec::new();
    for m in models {
        if !out.contains(&m.family) {
            out.push(m.family);
        }
    }
    out.sort_by_key(|f| *f as u8);
    out
}

/// Marks with their families' names, in rows that fit; returns the height they take. Draws nothing without a canvas.
pub fn legend(
    canvas: Option<&Canvas>,
    families: &[Family],
    (left, top, right): (f64, f64, f64),
) -> Result<f64> {
    let (mut x, mut y) = (left, top + 9.0);
    for family in families {
        let name = family_word(*family);
        let room = 15.0 + width(name, SMALL) + 16.0;
        if x + room - 12.0 > right && x > left {
            (x, y) = (left, y + 20.0);
        }
        if let Some(canvas) = canvas {
            canvas.mark(x + 5.0, y, 4.5, *family, false)?;
            canvas.text(x + 15.0, y, name, Anchor::Start, Type::new(Role::Muted, SMALL))?;
        }
        x += room;
    }
    Ok(if families.is_empty() { 0.0 } else { y + 13.0 - top })
}

/// The smallest range that holds all values; `None` without values.
pub fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let values = values.into_iter().filter(|v| v.is_finite());
    values.fold(None, |range, v| {
        Some(range.map_or((v, v), |(lo, hi): (f64, f64)| (lo.min(v), hi.max(v))))
    })
}
