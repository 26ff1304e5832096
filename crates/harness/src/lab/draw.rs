//! Draws a [`Chart`] in one language: as a file, for a wide page, for a phone. Shapes and dashes tell curves without colour.
mod contour;
mod heat;
mod slim;

use lm::Family;

use heat::{Heat, heat};
use slim::slim;

use super::chart::{Axis, Chart, Look, Point, Rule, Series, Shape};
use super::text::{Lang, number};
use crate::report::Result;
use crate::report::charts::axis::{Frame, SMALL, Sheet, range};
use crate::report::charts::canvas::{self, Anchor, Canvas, Type, fitted};
use crate::report::charts::lines::{self, DASHES, Line};
use crate::report::charts::palette::Role;
use crate::report::charts::scale::Scale;

/// A chart drawn.
pub struct Drawn {
    /// To stand alone: with its title and both themes.
    pub file: String,
    /// For a wide page.
    pub wide: String,
    /// For a phone.
    pub narrow: String,
}

/// Draws; `None` where there is no finite value to see.
///
/// # Errors
/// A bug in drawing.
pub fn draw(chart: &Chart, lang: Lang) -> Result<Option<Drawn>> {
    let on = |width, titled| {
        let sheet = Sheet { width, titled };
        let drawn = match &chart.shape {
            Shape::Lines { series, rules } => curves(chart, series, rules, lang, sheet),
            Shape::Heat { xs, ys, cells, z, contours, paths } => {
                heat(chart, &Heat { xs, ys, cells, z, contours: *contours, paths }, lang, sheet)
            }
        };
        drawn.map(|svg| svg.map(|svg| slim(&svg)))
    };
    Ok(match (on(760.0, true)?, on(760.0, false)?, on(350.0, false)?) {
        (Some(file), Some(wide), Some(narrow)) => Some(Drawn { file, wide, narrow }),
        _ => None,
    })
}

/// The families whose colours and marks stand for looks that are no families.
const PLAIN: [Family; 7] = [
    Family::Ngram,
    Family::Window,
    Family::Rnn,
    Family::Lstm,
    Family::Mixture,
    Family::Gru,
    Family::Baseline,
];

fn family(look: Look) -> Family {
    match look {
        Look::Family(family) => family,
        Look::Plain(i) => PLAIN[i % PLAIN.len()],
    }
}

fn dash(look: Look) -> lines::Dash {
    let i = match look {
        Look::Plain(i) => i,
        Look::Family(family) => PLAIN.iter().position(|f| *f == family).unwrap_or(0),
    };
    DASHES[i % DASHES.len()]
}

fn shown(axis: &Axis, value: f64) -> bool {
    value.is_finite() && (!axis.log || value > 0.0)
}

fn scale(
    axis: &Axis,
    values: impl IntoIterator<Item = f64>,
    pixels: (f64, f64),
    room: f64,
) -> Option<Scale> {
    let (lo, hi) = range(values.into_iter().filter(|v| shown(axis, *v)))?;
    if axis.log {
        return Some(Scale::log((lo, hi), room, pixels));
    }
    // Zero belongs on a linear axis where it is near, and half a unit of room on both sides of a single value.
    let (lo, hi) = if lo > 0.0 && lo < 0.4 * hi && room > 0.0 { (0.0, hi) } else { (lo, hi) };
    let (lo, hi) = if lo == hi { (lo - 0.5, hi + 0.5) } else { (lo, hi) };
    let spare = (hi - lo) * room;
    Some(Scale::linear((if lo == 0.0 { 0.0 } else { lo - spare }, hi + spare), pixels))
}

fn tick(value: f64) -> String {
    let power = value.abs().log10().round();
    match () {
        () if value == 0.0 || value.abs() < 1e-300 => "0".into(),
        () if !(1e-3..1e5).contains(&value.abs()) => {
            let text = number(10f64.powf(power));
            if (value.abs() / 10f64.powf(power) - 1.0).abs() < 1e-6 {
                text.replace("1.00·", "").replace("10000000", "10⁷")
            } else {
                number(value)
            }
        }
        () => {
            let text = format!("{:.4}", value);
            text.trim_end_matches('0').trim_end_matches('.').replace('-', "−")
        }
    }
}

/// Ticks between whole numbers say nothing where only whole numbers occur.
fn x_tick(whole: bool) -> impl Fn(f64) -> String {
    move |v| if whole && v.fract().abs() > 1e-9 { String::new() } else { tick(v) }
}

fn curves(
    chart: &Chart,
    series: &[Series],
    rules: &[Rule],
    lang: Lang,
    sheet: Sheet,
) -> Result<Option<String>> {
    let points = || series.iter().flat_map(|s| &s.points);
    let names: Vec<String> = series.iter().map(|s| s.name.get(lang).to_owned()).collect();
    let top = sheet.head() + 34.0;
    let frame = Frame {
        left: 62.0,
        top,
        right: sheet.width - lines::room(&names, sheet),
        bottom: top + if sheet.is_narrow() { 250.0 } else { 300.0 },
    };
    let xs = points().map(|p| p.x);
    let ends = |p: &Point| [p.y, p.lo, p.hi].into_iter().flatten().collect::<Vec<_>>();
    let ys = points().flat_map(ends).chain(rules.iter().map(|r| r.y));
    let across = (frame.left + 10.0, frame.right - 6.0);
    let (Some(x), Some(y)) =
        (scale(&chart.x, xs, across, 0.0), scale(&chart.y, ys, (frame.bottom, frame.top), 0.06))
    else {
        return Ok(None);
    };
    let whole = points().all(|p| p.x.fract() == 0.0);
    let about = format!("{} – {}", chart.x.label.get(lang), chart.y.label.get(lang));
    canvas::draw((sheet.width, frame.bottom + 46.0), chart.title.get(lang), &about, |c| {
        sheet.title(c, chart.title.get(lang))?;
        frame.x_axis(c, &x, &named(&chart.x, lang, sheet.width - 20.0), x_tick(whole))?;
        frame.y_axis(c, &y, &named(&chart.y, lang, sheet.width - 20.0), tick)?;
        for rule in rules {
            let at = y.at(rule.y);
            c.dashed(&[(frame.left, at), (frame.right, at)], Role::Ink, 1.2, (2.0, 3.0))?;
            let name = fitted(rule.name.get(lang), SMALL, frame.right - frame.left - 12.0);
            let above = if at - frame.top > 16.0 { at - 8.0 } else { at + 9.0 };
            c.text(frame.left + 6.0, above, &name, Anchor::Start, Type::new(Role::Ink, SMALL))?;
        }
        let pixels = |s: &Series| pieces(s, &chart.x, &chart.y, &x, &y);
        let drawn: Vec<Line> = series
            .iter()
            .zip(&names)
            .map(|(s, name)| Line {
                name: name.clone(),
                pieces: pixels(s),
                role: Role::Family(family(s.look)),
                dash: dash(s.look),
                width: 1.8,
            })
            .collect();
        for (s, line) in series.iter().zip(&drawn) {
            bars(c, s, &chart.y, &x, &y, line.role)?;
        }
        lines::draw(c, &drawn, &[], &frame, sheet)?;
        for (s, line) in series.iter().zip(&drawn) {
            // Dense curves need no marks at every point.
            let every = line.pieces.iter().map(Vec::len).sum::<usize>().div_ceil(12).max(1);
            for p in line.pieces.iter().flatten().step_by(every) {
                c.mark(p.0, p.1, 4.0, family(s.look), false)?;
            }
            for p in s.points.iter().filter(|p| p.y == Some(f64::INFINITY)) {
                c.text(
                    x.at(p.x),
                    frame.top + 8.0,
                    "∞",
                    Anchor::Middle,
                    Type { bold: true, ..Type::new(line.role, 15.0) },
                )?;
            }
        }
        Ok(())
    })
    .map(Some)
}

fn named(axis: &Axis, lang: Lang, room: f64) -> String {
    let log = match (axis.log, lang) {
        (false, _) => "",
        (true, Lang::En) => " (log scale)",
        (true, Lang::Zh) => "(对数刻度)",
    };
    fitted(&format!("{}{log}", axis.label.get(lang)), SMALL, room)
}

/// The curve in pixels, broken where a value is missing or infinite.
fn pieces(series: &Series, ax: &Axis, ay: &Axis, x: &Scale, y: &Scale) -> Vec<Vec<(f64, f64)>> {
    let mut out = vec![Vec::new()];
    for p in &series.points {
        match p.y.filter(|v| shown(ay, *v) && shown(ax, p.x)) {
            Some(value) => out.last_mut().expect("never empty").push((x.at(p.x), y.at(value))),
            None => out.push(Vec::new()),
        }
    }
    out.retain(|piece| !piece.is_empty());
    out
}

fn bars(c: &Canvas, series: &Series, axis: &Axis, x: &Scale, y: &Scale, role: Role) -> Result<()> {
    for p in &series.points {
        let (Some(lo), Some(hi)) = (p.lo, p.hi) else { continue };
        if hi > lo && hi.is_finite() && shown(axis, hi) {
            let (at, low, high) =
                (x.at(p.x), y.at(if shown(axis, lo) { lo } else { f64::MIN_POSITIVE }), y.at(hi));
            c.line(&[(at, low), (at, high)], role, 1.0)?;
            for end in [low, high] {
                c.line(&[(at - 3.0, end), (at + 3.0, end)], role, 1.0)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::chart::Cell;
    use super::super::text::Text;
    use super::*;

    fn chart(shape: Shape) -> Chart {
        Chart {
            id: "c".into(),
            claims: vec!["a3".into()],
            table: "t".into(),
            title: Text::new("A title", "标题"),
            x: Axis::linear(Text::new("order n, words", "阶数 n,词")),
            y: Axis::log(Text::new("perplexity", "困惑度")),
            shape,
        }
    }

    #[test]
    fn curves_say_what_they_show_in_both_languages() {
        let series = vec![
            Series::new(
                Text::new("raw", "原始"),
                Look::Plain(0),
                [(1.0, 100.0), (2.0, f64::INFINITY)],
            ),
            Series::new(
                Text::new("smoothed", "平滑"),
                Look::Family(Family::Ngram),
                [(1.0, 100.0), (2.0, 50.0)],
            ),
        ];
        let rules = vec![Rule { name: Text::new("floor", "下限"), y: 40.0 }];
        let chart = chart(Shape::Lines { series, rules });
        let en = draw(&chart, Lang::En).unwrap().unwrap();
        for word in
            ["A title", "order n, words", "perplexity (log scale)", "raw", "smoothed", "floor", "∞"]
        {
            assert!(en.file.contains(word), "{word}");
        }
        let zh = draw(&chart, Lang::Zh).unwrap().unwrap();
        assert!(zh.wide.contains("困惑度(对数刻度)") && zh.narrow.contains("平滑"));
    }

    #[test]
    fn a_heat_map_draws_and_nothing_is_drawn_of_nothing() {
        let cells = vec![
            vec![Cell(Some(1.0)), Cell(Some(f64::INFINITY))],
            vec![Cell(None), Cell(Some(1e-9))],
        ];
        let shape = Shape::Heat {
            xs: vec![0.0, 1.0],
            ys: vec![1.0, 2.0],
            cells,
            z: Axis::log(Text::same("norm")),
            contours: true,
            paths: vec![],
        };
        let wide = draw(&chart(shape.clone()), Lang::En).unwrap().unwrap().wide;
        for word in ["norm (log scale)", "∞", "not measured"] {
            assert!(wide.contains(word), "{word}");
        }
        assert!(draw(&chart(shape), Lang::Zh).unwrap().unwrap().narrow.contains("未测量"));
        let none = Shape::Lines { series: vec![], rules: vec![] };
        assert!(draw(&chart(none), Lang::En).unwrap().is_none());
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!([0.0, 0.25, 1e-9, 1e8, 12.0].map(tick), ["0", "0.25", "10⁻⁹", "10⁸", "12"]);
    }
}
