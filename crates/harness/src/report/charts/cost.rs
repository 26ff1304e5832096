//! What perplexity costs: bytes or training seconds (log x) against perplexity, with the Pareto front of those that compete.
use super::axis::{Frame, SMALL, Sheet, TEXT, families, legend, range};
use super::canvas::{self, Anchor, Canvas, Type, fitted};
use super::labels::{self, Wish};
use super::palette::Role;
use super::scale::Scale;
use crate::report::error::Result;
use crate::report::number;
use crate::report::summary::{Model, View};

/// Above so many times the best perplexity a model is drawn at the upper edge, with an arrow and its figure.
const OUTLIER: f64 = 4.0;

/// The two prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // a name says all there is to say of each
pub enum Price {
    Bytes,
    Seconds,
}

impl Price {
    fn of(self, m: &Model) -> Option<f64> {
        let price = match self {
            Price::Bytes => m.figure(|r| r.model_bytes.map(|b| b as f64)),
            Price::Seconds => m.figure(|r| r.train_s),
        };
        price.map(|p| p.mean).filter(|p| *p > 0.0 && p.is_finite())
    }

    fn axis(self) -> &'static str {
        match self {
            Price::Bytes => "model in memory, bytes (log scale)",
            Price::Seconds => "training time, seconds (log scale)",
        }
    }

    fn tick(self, v: f64) -> String {
        match self {
            Price::Bytes => {
                let text = number::bytes(v.round() as u64);
                text.replacen(".00 ", " ", 1).replacen(".0 ", " ", 1)
            }
            Price::Seconds => number::tick(v),
        }
    }
}

/// Models on the lower left: no competitor is both cheaper (or equal) and better.
pub fn front<'v, 'a>(view: &'v View<'a>, price: Price) -> Vec<(f64, &'v Model<'a>)> {
    let mut all: Vec<(f64, &Model)> = view
        .models
        .iter()
        .filter(|m| m.competes() && m.is_contender())
        .filter_map(|m| Some((price.of(m)?, m)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.ppl().total_cmp(&b.1.ppl())));
    let mut best = f64::INFINITY;
    all.retain(|(_, m)| {
        let better = m.ppl() < best;
        best = best.min(m.ppl());
        better
    });
    all
}

/// Draws it; `None` if no model has both figures. The oracle, which nobody trained, is a line.
pub fn chart(
    view: &View,
    price: Price,
    sheet: Sheet,
    title: &str,
    about: &str,
) -> Result<Option<String>> {
    let models: Vec<(f64, &Model)> = view
        .models
        .iter()
        .filter(|m| m.is_ok() && m.is_contender())
        .filter_map(|m| Some((price.of(m)?, m)))
        .collect();
    let Some(best) = models
        .iter()
        .map(|m| m.1.ppl())
        .chain(view.oracle().map(Model::ppl))
        .filter(|p| p.is_finite())
        .reduce(f64::min)
    else {
        return Ok(None);
    };
    let Some(prices) = range(models.iter().map(|m| m.0)) else { return Ok(None) };
    let beyond = |p: f64| p > best * OUTLIER;
    let shown = families(models.iter().map(|m| m.1));
    let key = legend(None, &shown, (14.0, 0.0, sheet.width - 8.0))?;
    let top = sheet.head() + key + 34.0;
    let height = if sheet.is_narrow() { 300.0 } else { 350.0 };
    let frame = Frame { left: 56.0, top, right: sheet.width - 22.0, bottom: top + height };
    let any_beyond = models.iter().any(|m| beyond(m.1.ppl()));
    let span = range(models.iter().map(|m| m.1.ppl()).filter(|p| !beyond(*p)).chain([best]))
        .unwrap_or((best, best));
    let x = Scale::log(prices, 0.07, (frame.left, frame.right));
    let y = Scale::log(span, 0.08, (frame.bottom, frame.top + if any_beyond { 34.0 } else { 0.0 }));
    let svg = canvas::draw((sheet.width, frame.bottom + 46.0), title, about, |c| {
        sheet.title(c, title)?;
        legend(Some(c), &shown, (14.0, sheet.head(), sheet.width - 8.0))?;
        frame.x_axis(c, &x, price.axis(), |v| price.tick(v))?;
        frame.y_axis(c, &y, "test perplexity (log scale)", number::tick)?;
        if let Some(oracle) = view.oracle() {
            let at = y.at(oracle.ppl());
            c.dashed(&[(frame.left, at), (frame.right, at)], Role::Muted, 1.2, (3.0, 3.0))?;
            c.text(
                frame.right - 4.0,
                at + 10.0,
                "the true distribution",
                Anchor::End,
                Type { italic: true, ..Type::new(Role::Muted, SMALL) },
            )?;
        }
        let steps = staircase(&front(view, price), &x, &y, &frame, beyond);
        c.line(&steps, Role::Front, 1.6)?;
        let spot = |price: f64, m: &Model| {
            (x.at(price), if beyond(m.ppl()) { frame.top + 10.0 } else { y.at(m.ppl()) })
        };
        dots(c, &models, &steps, spot, beyond, sheet, &frame)
    })?;
    Ok(Some(svg))
}

fn staircase(
    front: &[(f64, &Model)],
    x: &Scale,
    y: &Scale,
    frame: &Frame,
    beyond: impl Fn(f64) -> bool,
) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (price, m) in front {
        let at = (x.at(*price), if beyond(m.ppl()) { frame.top + 10.0 } else { y.at(m.ppl()) });
        if let Some(&(_, above)) = steps.last() {
            steps.push((at.0, above));
        }
        steps.push(at);
    }
    if let Some(&(_, last)) = steps.last() {
        steps.push((frame.right, last));
    }
    steps
}

fn dots(
    c: &Canvas,
    models: &[(f64, &Model)],
    steps: &[(f64, f64)],
    spot: impl Fn(f64, &Model) -> (f64, f64),
    beyond: impl Fn(f64) -> bool,
    sheet: Sheet,
    frame: &Frame,
) -> Result<()> {
    let size = if sheet.is_narrow() { SMALL } else { TEXT };
    let wishes: Vec<Wish> = models
        .iter()
        .map(|(price, m)| {
            let figure = if beyond(m.ppl()) {
                format!(" {}", number::perplexity(m.ppl()))
            } else {
                String::new()
            };
            Wish {
                at: spot(*price, m),
                name: fitted(&format!("{}{figure}", m.label()), size, 150.0),
            }
        })
        .collect();
    let places = labels::place(
        &wishes,
        &[steps.to_vec()],
        size,
        (frame.left - 4.0, frame.top - 6.0, sheet.width - 6.0, frame.bottom - 2.0),
    );
    for (wish, place) in wishes.iter().zip(&places).filter(|p| p.1.led) {
        c.line(&[wish.at, (place.x, place.y)], Role::Front, 0.8)?;
    }
    for ((wish, place), (_, m)) in wishes.iter().zip(&places).zip(models) {
        if beyond(m.ppl()) {
            c.arrow(wish.at.0, wish.at.1 - 12.0, (0.0, -1.0), Role::Family(m.family))?;
        }
        c.mark(wish.at.0, wish.at.1, 5.0, m.family, !m.normalised)?;
        c.text(place.x, place.y, &wish.name, place.anchor, Type::new(Role::Ink, size))?;
    }
    Ok(())
}
