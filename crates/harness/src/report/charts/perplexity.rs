//! Perplexity of every model with its 95 % interval: a row each, sorted, log x. Nothing is left out: infinite and failed rows stay.
use super::axis::{Frame, SMALL, Sheet, TEXT, families, legend, range};
use super::canvas::{self, Anchor, Canvas, Type, fitted, width};
use super::palette::Role;
use super::scale::Scale;
use crate::report::error::Result;
use crate::report::number;
use crate::report::summary::{Model, View, status_word};

const ROW: f64 = 25.0;
/// Above so many times the best perplexity a row ends in an arrow: the scale is for those that differ by little.
const OUTLIER: f64 = 4.0;

/// Draws it; `None` without models.
pub fn chart(view: &View, sheet: Sheet, title: &str, about: &str) -> Result<Option<String>> {
    if view.models.is_empty() {
        return Ok(None);
    }
    let names = view
        .models
        .iter()
        .map(|m| width(&m.label(), TEXT))
        .fold(0.0, f64::max)
        .min(sheet.width * 0.34);
    let notes: Vec<String> = view.models.iter().map(value).collect();
    let values = notes.iter().map(|v| width(v, SMALL)).fold(0.0, f64::max);
    let shown: Vec<_> = families(&view.models);
    let key = legend(None, &shown, (14.0, 0.0, sheet.width - 8.0))?;
    let top = sheet.head() + key + 8.0;
    let bottom = top + view.models.len() as f64 * ROW;
    let frame =
        Frame { left: 14.0 + names + 14.0, top, right: sheet.width - values - 24.0, bottom };
    let best = view.models.iter().map(Model::ppl).fold(f64::INFINITY, f64::min);
    let beyond = |m: &Model| m.ppl() > best * OUTLIER || m.ppl() == f64::INFINITY;
    let ends = |m: &Model| [Some(m.ppl()), m.interval().map(|i| i.0), m.interval().map(|i| i.1)];
    let shown_models = view.models.iter().filter(|m| m.is_ok() && !beyond(m));
    let span =
        range(shown_models.flat_map(|m| ends(m).into_iter().flatten())).unwrap_or((1.0, 10.0));
    let x = Scale::log(span, 0.06, (frame.left, frame.right - 12.0));
    let svg = canvas::draw((sheet.width, bottom + 46.0), title, about, |c| {
        sheet.title(c, title)?;
        legend(Some(c), &shown, (14.0, sheet.head(), sheet.width - 8.0))?;
        let name = if sheet.is_narrow() {
            "test perplexity, log scale"
        } else {
            "test perplexity, log scale (lower is better)"
        };
        frame.x_axis(c, &x, name, number::tick)?;
        if let Some(oracle) = view.oracle() {
            let at = x.at(oracle.ppl());
            c.dashed(&[(at, frame.top), (at, frame.bottom)], Role::Front, 1.2, (3.0, 3.0))?;
        }
        for (i, (model, note)) in view.models.iter().zip(&notes).enumerate() {
            row(
                c,
                &frame,
                &x,
                (model, beyond(model)),
                note,
                frame.top + (i as f64 + 0.5) * ROW,
                sheet,
            )?;
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

fn row(
    c: &Canvas,
    frame: &Frame,
    x: &Scale,
    (m, beyond): (&Model, bool),
    note: &str,
    y: f64,
    sheet: Sheet,
) -> Result<()> {
    let role = Role::Family(m.family);
    let name = fitted(&m.label(), TEXT, frame.left - 26.0);
    c.text(frame.left - 12.0, y, &name, Anchor::End, Type::new(Role::Ink, TEXT))?;
    c.text(sheet.width - 12.0, y, note, Anchor::End, Type::new(Role::Muted, SMALL))?;
    if !m.is_ok() {
        let error = m.unfinished().next().map_or(String::new(), |r| match r.error.as_str() {
            "" => status_word(r.status).to_string(),
            error if error.starts_with(status_word(r.status)) => error.to_string(),
            error => format!("{}: {error}", status_word(r.status)),
        });
        let text = fitted(&error, SMALL, frame.right - frame.left - 12.0);
        return c.text(
            frame.left + 6.0,
            y,
            &text,
            Anchor::Start,
            Type { italic: true, ..Type::new(Role::Muted, SMALL) },
        );
    }
    if beyond {
        let zeros = m.figure(|r| r.zero_prob_share).filter(|s| s.mean > 0.0);
        let words = if sheet.is_narrow() { "zero" } else { "of tokens have probability zero" };
        let note = zeros.map(|s| format!("{} {words}", number::percent(s.mean)));
        let end = frame.right - 14.0;
        let free = note.as_ref().map_or(end, |n| end - width(n, SMALL) - 8.0);
        c.dashed(&[(frame.left, y), (free, y)], role, 1.0, (2.0, 5.0))?;
        if let Some(note) = note {
            let look = Type { italic: true, ..Type::new(Role::Muted, SMALL) };
            c.text(end, y, &note, Anchor::End, look)?;
        }
        return c.arrow(frame.right, y, (1.0, 0.0), role);
    }
    if let Some((lo, hi)) = m.interval() {
        let (lo, hi) = (x.at(lo), x.at(hi));
        c.line(&[(lo, y), (hi, y)], role, 2.0)?;
        c.line(&[(lo, y - 7.0), (lo, y + 7.0)], role, 1.2)?;
        c.line(&[(hi, y - 7.0), (hi, y + 7.0)], role, 1.2)?;
    }
    let seeds: Vec<f64> =
        m.rows.iter().filter_map(|r| r.perplexity).filter(|p| p.is_finite()).collect();
    if m.perplexity().is_some_and(|p| p.max > p.min) {
        for p in seeds {
            c.line(&[(x.at(p), y + 5.0), (x.at(p), y + 9.0)], role, 1.4)?;
        }
    }
    c.mark(x.at(m.ppl()), y, 4.4, m.family, !m.normalised)
}

fn value(m: &Model) -> String {
    if m.is_ok() { number::perplexity(m.ppl()) } else { String::new() }
}
