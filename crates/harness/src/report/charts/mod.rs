//! The charts: drawn once, used by the page, by Markdown and by the README.
pub(crate) mod axis;
mod buckets;
pub(crate) mod canvas;
mod cost;
pub(crate) mod labels;
mod learning;
pub(crate) mod lines;
pub(crate) mod palette;
mod perplexity;
pub(crate) mod scale;
mod unseen;

pub use canvas::without_style;
pub use palette::{classes, variables};

use super::error::Result;
use super::summary::View;
use axis::Sheet;
use cost::Price;
use learning::Against;

/// A chart in its three shapes.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Of the file, without `.svg`.
    pub name: &'static str,
    /// What it shows; says SYNTHETIC where the text is.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// To stand alone: with its title and both themes.
    pub file: String,
    /// For a wide page.
    pub wide: String,
    /// For a phone.
    pub narrow: String,
}

const WIDE: f64 = 760.0;
const NARROW: f64 = 350.0;

type Draw = fn(&View, Sheet, &str, &str) -> Result<Option<String>>;

const CHARTS: [(&str, &str, &str, Draw); 7] = [
    (
        "perplexity",
        "Perplexity on the test text",
        "Each mark is a model, its line the 95 % interval by a bootstrap over sentences. An arrow means beyond the scale or infinite: some test token got probability zero. A hollow mark (†) is no probability distribution. Small ticks below a mark are seeds.",
        perplexity::chart,
    ),
    (
        "memory",
        "Memory against perplexity",
        "Lower left is better. The grey stairs are the Pareto front: no model below and left of it. Marks at the upper edge lie beyond the scale, their figure beside them. Baselines are left out.",
        |v, s, t, a| cost::chart(v, Price::Bytes, s, t, a),
    ),
    (
        "time",
        "Training time against perplexity",
        "Lower left is better. The grey stairs are the Pareto front. Marks at the upper edge lie beyond the scale, their figure beside them. Baselines are left out.",
        |v, s, t, a| cost::chart(v, Price::Seconds, s, t, a),
    ),
    (
        "unseen",
        "How much of the test text was never seen",
        "Share of the test text's n-grams (every token, or each different one once) and of their contexts that training never showed, and share of the training n-grams that occur once.",
        unseen::chart,
    ),
    (
        "buckets",
        "Perplexity by how often the n-gram was seen",
        "The best model of each family. Left: tokens whose n-gram training never showed. Right: tokens whose n-gram is common.",
        buckets::chart,
    ),
    (
        "learning-time",
        "Learning curves by time",
        "Validation perplexity while training; one line a model and seed. The dashed horizontal line is the best n-gram, which only counts. Points above the scale lie at its upper edge.",
        |v, s, t, a| learning::chart(v, Against::Seconds, s, t, a),
    ),
    (
        "learning-passes",
        "Learning curves by passes over the text",
        "The same curves against what was read instead of how long it took.",
        |v, s, t, a| learning::chart(v, Against::Passes, s, t, a),
    ),
];

/// All charts that the results have figures for.
///
/// # Errors
/// [`super::Error::Draw`].
pub fn all(view: &View) -> Result<Vec<Figure>> {
    let mut out = Vec::new();
    for (name, title, caption, draw) in CHARTS {
        let title =
            if view.run().synthetic { format!("{title} (SYNTHETIC)") } else { title.to_string() };
        let shape = |width, titled| draw(view, Sheet { width, titled }, &title, caption);
        if let (Some(file), Some(wide), Some(narrow)) =
            (shape(WIDE, true)?, shape(WIDE, false)?, shape(NARROW, false)?)
        {
            out.push(Figure { name, title, caption: caption.into(), file, wide, narrow });
        }
    }
    Ok(out)
}
