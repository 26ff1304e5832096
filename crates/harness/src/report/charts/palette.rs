//! Colours by meaning. Each has a light and a dark value; the light one is unique, so that it names the meaning in plotters'
//! output until [`restyle`] turns it into a class. Contrast with the surface is at least 4.5 : 1 wherever text is drawn.
use std::fmt::Write;

use lm::Family;
use plotters::style::RGBColor;

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // a name says all there is to say of each
pub enum Role {
    Surface,
    Ink,
    Muted,
    Grid,
    Front,
    Family(Family),
}

/// Name of the CSS variable, light value, dark value.
pub const COLOURS: [(&str, u32, u32); 14] = [
    ("surface", 0xFFFFFE, 0x16181C),
    ("ink", 0x1D2025, 0xE7E8EA),
    ("muted", 0x5F646D, 0xA3A8B1),
    ("grid", 0xE3E4E7, 0x30343B),
    ("front", 0xA9ADB5, 0x6B717B),
    ("baseline", 0x6C6F75, 0x9DA2AA),
    ("oracle", 0x24262A, 0xF3F3F4),
    ("ngram", 0x1C62B0, 0x7DB4F2),
    ("window", 0xA9500A, 0xF0A35C),
    ("rnn", 0x17764A, 0x66CB98),
    ("gru", 0x0B7285, 0x5CC9DB),
    ("lstm", 0x7A3DA8, 0xC79CF0),
    ("mixture", 0xB0246A, 0xF28BBB),
    ("adaptive", 0xB3261E, 0xF2938C),
];

impl Role {
    fn name(self) -> String {
        match self {
            Role::Surface => "surface".into(),
            Role::Ink => "ink".into(),
            Role::Muted => "muted".into(),
            Role::Grid => "grid".into(),
            Role::Front => "front".into(),
            Role::Family(f) => f.to_string(),
        }
    }

    /// The light value, as plotters wants it.
    pub fn colour(self) -> RGBColor {
        let name = self.name();
        let rgb = COLOURS.iter().find(|c| c.0 == name).map_or(0, |c| c.1);
        RGBColor((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
    }
}

/// The variables of one theme, `--surface:#FFFFFF;…`.
pub fn variables(dark: bool) -> String {
    COLOURS.iter().fold(String::new(), |mut out, (name, light, night)| {
        let _ = write!(out, "--{name}:#{:06X};", if dark { night } else { light });
        out
    })
}

/// The rules that tie classes to variables: `.f-ink{fill:var(--ink)}` …
pub fn classes() -> String {
    COLOURS.iter().fold(String::new(), |mut out, (name, ..)| {
        let _ = write!(out, ".f-{name}{{fill:var(--{name})}}.s-{name}{{stroke:var(--{name})}}");
        out
    })
}

/// Gives every element of plotters' SVG the classes of its colours. The attributes stay: viewers without CSS variables use them.
pub fn restyle(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len() * 5 / 4);
    for line in svg.lines() {
        // Text is escaped, so a line that begins with `<` is an element.
        let mut classes = Vec::new();
        if line.starts_with('<') {
            for (attribute, prefix) in [("fill=\"#", "f"), ("stroke=\"#", "s")] {
                let hex = line
                    .find(attribute)
                    .and_then(|at| line.get(at + attribute.len()..at + attribute.len() + 6));
                let role = hex
                    .and_then(|h| u32::from_str_radix(h, 16).ok())
                    .and_then(|rgb| COLOURS.iter().find(|c| c.1 == rgb));
                classes.extend(role.map(|r| format!("{prefix}-{}", r.0)));
            }
        }
        match (classes.is_empty(), line.find(' ')) {
            (false, Some(at)) => {
                let _ =
                    write!(out, "{} class=\"{}\"{}", &line[..at], classes.join(" "), &line[at..]);
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(rgb: u32) -> f64 {
        let channel = |shift: u32| {
            let c = f64::from(rgb >> shift & 255) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    }

    #[test]
    fn text_colours_can_be_read_on_both_surfaces() {
        let contrast = |a: u32, b: u32| {
            let (a, b) = (luminance(a), luminance(b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for (name, light, dark) in
            COLOURS.iter().filter(|c| !["surface", "grid", "front"].contains(&c.0))
        {
            assert!(
                contrast(*light, COLOURS[0].1) >= 4.5,
                "{name} on light: {}",
                contrast(*light, COLOURS[0].1)
            );
            assert!(
                contrast(*dark, COLOURS[0].2) >= 4.5,
                "{name} on dark: {}",
                contrast(*dark, COLOURS[0].2)
            );
        }
    }

    #[test]
    fn every_meaning_has_a_light_value_of_its_own() {
        for (i, a) in COLOURS.iter().enumerate() {
            assert!(COLOURS[..i].iter().all(|b| b.0 != a.0 && b.1 != a.1));
        }
    }

    #[test]
    fn classes_are_added_to_elements_and_never_to_text() {
        let svg = "<text x=\"1\" fill=\"#1D2025\">\n fill=\"#1D2025\"\n</text>\n<circle fill=\"none\" stroke=\"#1C62B0\"/>\n";
        let out = restyle(svg);
        assert!(
            out.contains("<text class=\"f-ink\" x")
                && out.contains("\n fill=\"#1D2025\"\n")
                && out.contains("<circle class=\"s-ngram\"")
        );
    }
}
