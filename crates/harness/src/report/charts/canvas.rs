//! A sheet to draw on: plotters' SVG back-end behind a few marks, in pixels with fractions.
//!
//! The back-end knows whole pixels only, so a pixel is [`SUB`] units of the view box. Colours are [`Role`]s.
use lm::Family;
use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, ShapeStyle, TextStyle};

use super::palette::{self, Role};
use crate::report::error::{Error, Result};

/// Units of the view box in a pixel.
const SUB: f64 = 10.0;

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // a name says all there is to say of each
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Type {
    pub role: Role,
    pub size: f64,
    pub bold: bool,
    pub italic: bool,
}

impl Type {
    /// Upright, of normal weight.
    pub const fn new(role: Role, size: f64) -> Self {
        Self { role, size, bold: false, italic: false }
    }
}

/// The sheet.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Draws a chart of that size and returns its SVG, with title and description for those who do not see it.
///
/// # Errors
/// [`Error::Draw`].
pub fn draw(
    size: (f64, f64),
    title: &str,
    about: &str,
    body: impl FnOnce(&Canvas) -> Result<()>,
) -> Result<String> {
    let mut svg = String::new();
    let (w, h) = ((size.0 * SUB).round() as u32, (size.1 * SUB).round() as u32);
    {
        let canvas = Canvas { area: SVGBackend::with_string(&mut svg, (w, h)).into_drawing_area() };
        canvas.rect(0.0, 0.0, size.0, size.1, Role::Surface)?;
        body(&canvas)?;
        canvas.area.present().map_err(failed)?;
    }
    let svg = palette::restyle(&svg);
    let inside = svg.split_once(">\n").map_or("", |parts| parts.1);
    let style = format!(
        "<style>:root{{{}}}@media(prefers-color-scheme:dark){{:root{{{}}}}}{}text{{paint-order:stroke;stroke:var(--surface);stroke-width:30px;stroke-linejoin:round;font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",\"Noto Sans\",Arial,sans-serif;font-variant-numeric:tabular-nums}}</style>",
        palette::variables(false),
        palette::variables(true),
        palette::classes()
    );
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {w} {h}\">\n<title>{}</title>\n<desc>{}</desc>\n{style}\n{inside}",
        size.0,
        size.1,
        escape(title),
        escape(about)
    ))
}

/// The drawing without its own style sheet, for a page that brings the variables and classes itself.
pub fn without_style(svg: &str) -> String {
    match (svg.find("<style>"), svg.find("</style>\n")) {
        (Some(from), Some(to)) => format!("{}{}", &svg[..from], &svg[to + "</style>\n".len()..]),
        _ => svg.into(),
    }
}

fn escape(text: &str) -> String {
    printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// XML has no control characters, not even escaped.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') { ' ' } else { c })
        .collect()
}

fn failed<E: std::fmt::Display>(e: E) -> Error {
    Error::Draw { what: "a chart", why: e.to_string() }
}

fn unit(v: f64) -> i32 {
    (v * SUB).round() as i32
}

fn points(of: &[(f64, f64)]) -> Vec<(i32, i32)> {
    of.iter().map(|p| (unit(p.0), unit(p.1))).collect()
}

impl Canvas<'_> {
    /// A filled box.
    pub fn rect(&self, x0: f64, y0: f64, x1: f64, y1: f64, role: Role) -> Result<()> {
        let corners = [(unit(x0), unit(y0)), (unit(x1), unit(y1))];
        self.area.draw(&Rectangle::new(corners, role.colour().filled())).map_err(failed)
    }

    /// A box of a colour over the surface: `share` of it, 0 to 1.
    pub fn shade(
        &self,
        (x0, y0): (f64, f64),
        (x1, y1): (f64, f64),
        role: Role,
        share: f64,
    ) -> Result<()> {
        let corners = [(unit(x0), unit(y0)), (unit(x1), unit(y1))];
        self.area.draw(&Rectangle::new(corners, role.colour().mix(share).filled())).map_err(failed)
    }

    /// A line through points.
    pub fn line(&self, through: &[(f64, f64)], role: Role, width: f64) -> Result<()> {
        self.area.draw(&PathElement::new(points(through), stroke(role, width))).map_err(failed)
    }

    /// A line of dashes of `on` pixels with gaps of `off`.
    pub fn dashed(
        &self,
        through: &[(f64, f64)],
        role: Role,
        width: f64,
        (on, off): (f64, f64),
    ) -> Result<()> {
        let (mut left, mut pen) = (on, true);
        let Some(&first) = through.first() else { return Ok(()) };
        let mut dash = vec![first];
        for w in through.windows(2) {
            let (mut from, to) = (w[0], w[1]);
            loop {
                let length = (to.0 - from.0).hypot(to.1 - from.1);
                if length < left {
                    left -= length;
                    dash.push(to);
                    break;
                }
                from = (
                    from.0 + (to.0 - from.0) * left / length,
                    from.1 + (to.1 - from.1) * left / length,
                );
                dash.push(from);
                if pen {
                    self.line(&dash, role, width)?;
                }
                (pen, dash) = (!pen, vec![from]);
                left = if pen { on } else { off };
            }
        }
        if pen && dash.len() > 1 { self.line(&dash, role, width) } else { Ok(()) }
    }

    /// Text; `y` is its middle.
    pub fn text(&self, x: f64, y: f64, text: &str, anchor: Anchor, look: Type) -> Result<()> {
        let h = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style = match (look.bold, look.italic) {
            (true, _) => FontStyle::Bold,
            (_, true) => FontStyle::Italic,
            _ => FontStyle::Normal,
        };
        // The back-end divides a size by 1.24.
        let font = ("sans-serif", look.size * SUB * 1.24).into_font().style(style);
        let colour = look.role.colour();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(h, VPos::Center));
        self.area.draw(&Text::new(printable(text), (unit(x), unit(y)), style)).map_err(failed)
    }

    /// The mark of a family: its shape tells it without colour. Hollow for scores that compete with none.
    pub fn mark(&self, x: f64, y: f64, r: f64, family: Family, hollow: bool) -> Result<()> {
        let role = Role::Family(family);
        let polygon = |corners: &[(f64, f64)], grow: f64| -> Vec<(f64, f64)> {
            corners.iter().map(|c| (x + c.0 * (r + grow), y + c.1 * (r + grow))).collect()
        };
        let corners: &[(f64, f64)] = match family {
            Family::Ngram => &[],
            Family::Window => &[(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
            Family::Rnn => &[(0.0, -1.15), (1.08, 0.8), (-1.08, 0.8)],
            Family::Gru => &[(0.0, 1.15), (1.08, -0.8), (-1.08, -0.8)],
            Family::Lstm => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
            Family::Mixture => &PLUS,
            Family::Adaptive => &HEXAGON,
            Family::Oracle => &STAR,
            Family::Baseline => &CROSS,
        };
        if corners.is_empty() {
            let disc = |r: f64, style: ShapeStyle| {
                self.area
                    .draw(&Circle::new((unit(x), unit(y)), (r * SUB).round() as u32, style))
                    .map_err(failed)
            };
            disc(r + 1.5, Role::Surface.colour().filled())?;
            return if hollow {
                disc(r - 0.8, stroke(role, 1.8))
            } else {
                disc(r, role.colour().filled())
            };
        }
        self.area
            .draw(&Polygon::new(points(&polygon(corners, 1.8)), Role::Surface.colour().filled()))
            .map_err(failed)?;
        if hollow {
            let mut outline = polygon(corners, -0.6);
            outline.push(outline[0]);
            return self.line(&outline, role, 1.8);
        }
        self.area
            .draw(&Polygon::new(points(&polygon(corners, 0.0)), role.colour().filled()))
            .map_err(failed)
    }

    /// An arrow head that points along (dx, dy), its tip at (x, y).
    pub fn arrow(&self, x: f64, y: f64, (dx, dy): (f64, f64), role: Role) -> Result<()> {
        let corners = [
            (x, y),
            (x - 7.0 * dx - 4.0 * dy, y - 7.0 * dy - 4.0 * dx),
            (x - 7.0 * dx + 4.0 * dy, y - 7.0 * dy + 4.0 * dx),
        ];
        self.area.draw(&Polygon::new(points(&corners), role.colour().filled())).map_err(failed)
    }
}

fn stroke(role: Role, width: f64) -> ShapeStyle {
    role.colour().stroke_width((width * SUB).round() as u32)
}

const PLUS: [(f64, f64); 12] = [
    (-0.4, -1.15),
    (0.4, -1.15),
    (0.4, -0.4),
    (1.15, -0.4),
    (1.15, 0.4),
    (0.4, 0.4),
    (0.4, 1.15),
    (-0.4, 1.15),
    (-0.4, 0.4),
    (-1.15, 0.4),
    (-1.15, -0.4),
    (-0.4, -0.4),
];
const HEXAGON: [(f64, f64); 6] =
    [(-1.15, 0.0), (-0.58, -1.0), (0.58, -1.0), (1.15, 0.0), (0.58, 1.0), (-0.58, 1.0)];
const CROSS: [(f64, f64); 12] = [
    (0.0, -0.5),
    (0.7, -1.2),
    (1.2, -0.7),
    (0.5, 0.0),
    (1.2, 0.7),
    (0.7, 1.2),
    (0.0, 0.5),
    (-0.7, 1.2),
    (-1.2, 0.7),
    (-0.5, 0.0),
    (-1.2, -0.7),
    (-0.7, -1.2),
];
const STAR: [(f64, f64); 10] = [
    (0.0, -1.35),
    (0.31, -0.43),
    (1.28, -0.42),
    (0.5, 0.16),
    (0.79, 1.09),
    (0.0, 0.53),
    (-0.79, 1.09),
    (-0.5, 0.16),
    (-1.28, -0.42),
    (-0.31, -0.43),
];

/// Width of a text in pixels, near enough to keep labels apart: fonts are the reader's.
pub fn width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '(' | ')' | '[' | ']'
        | ' ' | 'f' | 't' | 'r' | 'I' | '’' => 0.33,
        '=' | '<' | '>' | '+' | '~' | '→' => 0.84,
        'm' | 'w' | 'M' | 'W' | '%' | '∞' | '@' => 0.88,
        'A'..='Z' => 0.68,
        c if (c as u32) >= 0x1100 => 1.0,
        _ => 0.57,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// The text, or as much of it as fits, with an ellipsis.
pub fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.into();
    }
    let mut out = text.to_string();
    while out.pop().is_some() && width(&out, size) + 0.9 * size > room {}
    format!("{}…", out.trim_end())
}
