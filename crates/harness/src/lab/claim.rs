//! The lecture's claims as data: what the page says of each and where the code is.
//!
//! The texts stand in `templates/lab_claims.toml`; what was measured of a claim is a [`super::ClaimRow`].
use std::sync::LazyLock;

use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Parser, Storage, push_mathml};
use serde::Deserialize;

use super::text::Text;

/// A section of the lecture that has claims.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its number in the lecture.
    pub number: String,
    /// Its title, English.
    pub en: String,
    /// Its title, Chinese.
    pub zh: String,
}

/// A claim of the lecture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// "a1".
    pub id: String,
    /// Number of its section.
    pub section: String,
    /// The equations it is about, as the lecture numbers them.
    pub equation: String,
    /// Their tags in EQUATIONS.md.
    pub tags: Vec<String>,
    /// The equations in LaTeX.
    pub latex: Vec<String>,
    /// Its title.
    pub title: Text,
    /// What the lecture says, one sentence.
    pub claim: Text,
    /// What should come out if it is right.
    pub expected: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lecture {
    section: Vec<Section>,
    claim: Vec<Claim>,
}

static LECTURE: LazyLock<Lecture> = LazyLock::new(|| {
    toml::from_str(include_str!("../../templates/lab_claims.toml"))
        .expect("the embedded claims are tested")
});

/// The sections in the lecture's order.
pub fn sections() -> &'static [Section] {
    &LECTURE.section
}

/// The claims in the lecture's order.
pub fn claims() -> &'static [Claim] {
    &LECTURE.claim
}

/// A claim by its id.
pub fn claim(id: &str) -> Option<&'static Claim> {
    claims().iter().find(|c| c.id == id)
}

/// LaTeX as MathML, which browsers draw without a script.
pub fn mathml(latex: &str) -> String {
    let storage = Storage::new();
    let parser = Parser::new(latex, &storage);
    let mut out = String::new();
    let config = RenderConfig { display_mode: DisplayMode::Block, ..RenderConfig::default() };
    match push_mathml(&mut out, parser, config) {
        Ok(()) => out,
        // The formula's source still says what is meant.
        Err(_) => format!("<code>{}</code>", latex.replace('&', "&amp;").replace('<', "&lt;")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_claim_is_complete_and_in_a_section() {
        let ids: BTreeSet<&str> = claims().iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids.len(), claims().len(), "an id stands twice");
        let expected =
            "a1 a2 a3 a4 a5 b1 b2 c1 c2 c3 c4 d1 d2 d3 d4 e1 e10 e2 e3 e4 e5 e6 e7 e8 e9 g1";
        assert_eq!(ids.into_iter().collect::<Vec<_>>().join(" "), expected);
        for claim in claims() {
            assert!(
                sections().iter().any(|s| s.number == claim.section),
                "{}: no such section",
                claim.id
            );
            assert!(!claim.tags.is_empty() && !claim.latex.is_empty(), "{}", claim.id);
            for text in [&claim.title, &claim.claim, &claim.expected] {
                assert!(
                    !text.en.is_empty() && text.zh.chars().any(|c| c as u32 > 0x4e00),
                    "{}: {text:?}",
                    claim.id
                );
            }
        }
        let order: Vec<usize> = claims()
            .iter()
            .map(|c| sections().iter().position(|s| s.number == c.section).unwrap())
            .collect();
        assert!(order.is_sorted(), "the claims follow the lecture's sections");
    }

    #[test]
    fn every_formula_becomes_mathml_without_errors() {
        for latex in claims().iter().flat_map(|c| &c.latex) {
            assert!(!latex.contains(r"\text"), "{latex}: one formula for both languages");
            let out = mathml(latex);
            assert!(out.starts_with("<math") && out.ends_with("</math>"), "{latex}: {out}");
            assert!(
                !out.contains("merror") && !out.contains("rgb(178") && !out.contains("#b22222"),
                "{latex}: {out}"
            );
        }
        assert!(mathml(r"\frac{1}{2}").contains("<mfrac>"));
        assert!(
            mathml(r"\nosuchcommand").contains("nosuch")
                || mathml(r"\nosuchcommand").contains("merror")
        );
    }
}
