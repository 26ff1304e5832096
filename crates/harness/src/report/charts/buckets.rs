//! Perplexity by how often training showed the n-gram: where counting is strong and where only generalisation helps.
use super::axis::{Frame, SMALL, Sheet, range};
use super::canvas::{self, Anchor, Type};
use super::lines::{self, Line};
use super::palette::Role;
use super::scale::Scale;
use crate::report::error::Result;
use crate::report::number;
use crate::report::summary::{View, bucket_name};

/// Draws it for the best model of each family; `None` without buckets.
pub fn chart(view: &View, sheet: Sheet, title: &str, about: &str) -> Result<Option<String>> {
    let Some(order) = view.bucket_order() else { return Ok(None) };
    let buckets: Vec<_> = view.buckets(order).into_iter().filter(|b| b.2 > 0).collect();
    let models = view.champions();
    let value = |m, b: &(u64, Option<u64>, u64)| {
        view.in_bucket(m, order, b.0, b.1).map(|s| s.mean).filter(|v| v.is_finite() && *v > 0.0)
    };
    let Some(span) = range(models.iter().flat_map(|m| buckets.iter().filter_map(|b| value(m, b))))
    else {
        return Ok(None);
    };
    let names: Vec<String> = models.iter().map(|m| m.label()).collect();
    let top = sheet.head() + 34.0;
    let frame = Frame {
        left: 60.0,
        top,
        right: sheet.width - lines::room(&names, sheet),
        bottom: top + if sheet.is_narrow() { 290.0 } else { 340.0 },
    };
    let x = Scale::linear(
        (0.0, (buckets.len().max(2) - 1) as f64),
        (frame.left + 16.0, frame.right - 12.0),
    );
    let y = Scale::log(span, 0.05, (frame.bottom, frame.top));
    let all: u64 = buckets.iter().map(|b| b.2).sum();
    let svg = canvas::draw((sheet.width, frame.bottom + 64.0), title, about, |c| {
        sheet.title(c, title)?;
        frame.y_axis(c, &y, "test perplexity (log scale)", number::tick)?;
        let small = if sheet.is_narrow() { 10.5 } else { SMALL };
        for (i, (lo, hi, targets)) in buckets.iter().enumerate() {
            let at = x.at(i as f64);
            c.line(&[(at, frame.top), (at, frame.bottom)], Role::Grid, 1.0)?;
            c.text(
                at,
                frame.bottom + 12.0,
                &if sheet.is_narrow() { lo.to_string() } else { bucket_name(*lo, *hi) },
                Anchor::Middle,
                Type::new(Role::Ink, small),
            )?;
            let share = *targets as f64 / all.max(1) as f64;
            let share = match (share < 0.01, sheet.is_narrow()) {
                (true, _) => "< 1".to_string(),
                (_, true) => format!("{:.0}", share * 100.0),
                _ => format!("{:.0} %", share * 100.0),
            };
            c.text(at, frame.bottom + 28.0, &share, Anchor::Middle, Type::new(Role::Muted, small))?;
        }
        let under = Frame { bottom: frame.bottom + 18.0, ..frame };
        let words = number::plural(order - 1, "preceding word");
        let name = if sheet.is_narrow() {
            format!("{order}-gram seen at least … times; below: % of tokens")
        } else {
            format!(
                "times training showed the token after its {words}; below: share of test tokens"
            )
        };
        let centred = Frame { left: 8.0, right: sheet.width - 8.0, ..under };
        if sheet.is_narrow() {
            centred.x_name(c, &name)?
        } else {
            under.x_name(c, &name)?
        };
        let mut drawn = Vec::new();
        for m in &models {
            let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
            for (i, b) in buckets.iter().enumerate() {
                match (value(m, b), pieces.last_mut()) {
                    (Some(v), Some(piece)) => piece.push((x.at(i as f64), y.at(v))),
                    _ => pieces.push(Vec::new()),
                }
            }
            pieces.retain(|p| !p.is_empty());
            let is_oracle = m.family == lm::Family::Oracle;
            drawn.push(Line {
                name: m.label(),
                pieces,
                role: Role::Family(m.family),
                dash: if is_oracle { (3.0, 3.0) } else { (0.0, 0.0) },
                width: 1.8,
            });
        }
        let kept: Vec<bool> = drawn.iter().map(|l| !l.pieces.is_empty()).collect();
        drawn.retain(|l| !l.pieces.is_empty());
        lines::draw(c, &drawn, &[], &frame, sheet)?;
        for (m, line) in models.iter().zip(kept).filter(|k| k.1).map(|k| k.0).zip(&drawn) {
            for p in line.pieces.iter().flatten() {
                c.mark(p.0, p.1, 4.4, m.family, false)?;
            }
        }
        Ok(())
    })?;
    Ok(Some(svg))
}
