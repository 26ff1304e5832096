//! The page's two languages.
use serde::{Deserialize, Serialize};

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese, in the words of the lecture notes.
    Zh,
}

/// One text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl Text {
    /// Both at once.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }

    /// The same in both: names, formulas.
    pub fn same(text: impl Into<String>) -> Self {
        let en = text.into();
        Self { zh: en.clone(), en }
    }

    /// In one language.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// A figure as a reader wants it: three or four digits, ∞ for infinity, a power of ten where it is tiny or huge.
pub fn number(value: f64) -> String {
    let size = value.abs();
    match () {
        () if value.is_nan() => "–".into(),
        () if value.is_infinite() => {
            if value > 0.0 {
                "∞".into()
            } else {
                "−∞".into()
            }
        }
        () if size == 0.0 => "0".into(),
        () if !(1e-3..1e7).contains(&size) => {
            let power = size.log10().floor() as i32;
            minus(format!("{:.2}·10{}", value / 10f64.powi(power), superscript(power)))
        }
        () if size >= 1e4 => minus(format!("{value:.0}")),
        () if size >= 100.0 => minus(format!("{value:.1}")),
        () if size >= 10.0 => minus(format!("{value:.2}")),
        () => minus(format!("{value:.3}")),
    }
}

fn minus(text: String) -> String {
    text.replace('-', "−")
}

fn superscript(power: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    power.to_string().chars().map(|c| c.to_digit(10).map_or('⁻', |d| DIGITS[d as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let cases = [
            (0.0, "0"),
            (0.25, "0.250"),
            (-12.345, "−12.35"),
            (141.186, "141.2"),
            (f64::INFINITY, "∞"),
            (3e-12, "3.00·10⁻¹²"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(number(f64::NAN), "–");
        assert_eq!(number(123_456.0), "123456");
    }
}
