//! How fast counts run out: shares of unseen tokens, types and contexts and of singletons, by order.
use lm::Family;

use super::axis::{Frame, Sheet};
use super::canvas;
use super::lines::{self, DASHES, Line};
use super::palette::Role;
use super::scale::Scale;
use crate::record::Sparsity;
use crate::report::error::Result;
use crate::report::summary::View;

type Share = (&'static str, &'static str, fn(&Sparsity) -> f64, Family);

/// Borrowed marks: four shares, four shapes.
const SHARES: [Share; 4] = [
    ("unseen tokens", "tokens", |s| s.unseen_token_share, Family::Ngram),
    ("unseen types", "types", |s| s.unseen_type_share, Family::Window),
    ("unseen contexts", "contexts", |s| s.unseen_context_share, Family::Rnn),
    ("training singletons", "singletons", |s| s.singleton_share, Family::Lstm),
];

/// Draws it; `None` without rows.
pub fn chart(view: &View, sheet: Sheet, title: &str, about: &str) -> Result<Option<String>> {
    let mut rows: Vec<&Sparsity> = view.results.sparsity.iter().collect();
    rows.sort_by_key(|s| s.order);
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
    let names = SHARES.map(|s| if sheet.is_narrow() { s.1.to_string() } else { s.0.to_string() });
    let top = sheet.head() + 34.0;
    let frame = Frame {
        left: 56.0,
        top,
        right: sheet.width - lines::room(&names, sheet),
        bottom: top + if sheet.is_narrow() { 240.0 } else { 290.0 },
    };
    let pad = if last.order > first.order { 0.0 } else { 0.5 };
    let x = Scale::linear(
        (first.order as f64 - pad, last.order as f64 + pad),
        (frame.left + 10.0, frame.right - 6.0),
    );
    let y = Scale::linear((0.0, 1.0), (frame.bottom, frame.top));
    let svg = canvas::draw((sheet.width, frame.bottom + 46.0), title, about, |c| {
        sheet.title(c, title)?;
        frame.y_axis(c, &y, "share", |v| format!("{:.0} %", v * 100.0))?;
        for s in &rows {
            let look = canvas::Type::new(Role::Muted, super::axis::SMALL);
            c.text(
                x.at(s.order as f64),
                frame.bottom + 12.0,
                &s.order.to_string(),
                canvas::Anchor::Middle,
                look,
            )?;
        }
        frame.x_name(c, "order n of the n-gram, words")?;
        let mut drawn = Vec::new();
        for ((share, name), dash) in SHARES.iter().zip(names).zip(DASHES) {
            let points: Vec<(f64, f64)> =
                rows.iter().map(|s| (x.at(s.order as f64), y.at(share.2(s)))).collect();
            drawn.push(Line {
                name,
                pieces: vec![points],
                role: Role::Family(share.3),
                dash,
                width: 1.8,
            });
        }
        lines::draw(c, &drawn, &[], &frame, sheet)?;
        for (line, share) in drawn.iter().zip(&SHARES) {
            for p in &line.pieces[0] {
                c.mark(p.0, p.1, 4.2, share.3, false)?;
            }
        }
        Ok(())
    })?;
    Ok(Some(svg))
}
