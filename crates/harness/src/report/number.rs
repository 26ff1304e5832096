//! Numbers as people read them: enough digits to tell rows apart, no more. Missing is `–`, infinite is `∞`.

/// What stands where nothing was measured.
pub const MISSING: &str = "–";

/// With separators every three digits: 1,234,567.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Two decimals below 1,000, none above; a negative zero loses its sign.
pub fn perplexity(value: f64) -> String {
    match value {
        v if v.is_nan() => MISSING.into(),
        f64::INFINITY => "∞".into(),
        v if v < 999.995 => format!("{v:.2}"),
        v if v < 1e15 => count(v.round() as u64),
        v => format!("{v:.1e}"),
    }
}

/// A fixed number of decimals, with the same care for missing and infinite; a minus is U+2212.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return MISSING.into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "−∞".into() };
    }
    let text = format!("{:.decimals$}", value.abs());
    let is_zero = text.bytes().all(|b| matches!(b, b'0' | b'.'));
    if value < 0.0 && !is_zero { format!("−{text}") } else { text }
}

/// Three digits that count: 0.00123, 1.23, 12.3, 123, 1,234.
pub fn three(value: f64) -> String {
    if !value.is_finite() {
        return fixed(value, 0);
    }
    let size = value.abs();
    match size {
        0.0 => "0".into(),
        s if s < 1e-4 => scientific(value),
        s if s < 0.9995 => {
            let decimals = (2.0 - (s * 1.0005).log10().floor()) as usize;
            fixed(value, decimals)
        }
        s if s < 9.995 => fixed(value, 2),
        s if s < 99.95 => fixed(value, 1),
        _ => format!("{}{}", if value < 0.0 { "−" } else { "" }, count(size.round() as u64)),
    }
}

/// Two digits and a power of ten: `6.0 × 10⁻⁷`.
pub fn scientific(value: f64) -> String {
    let text = format!("{value:.1e}").replace('-', "−");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let raised = exponent.chars().map(|c| match c {
        '−' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => c.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(c),
    });
    format!("{digits} × 10{}", raised.collect::<String>())
}

/// A tick of an axis: the shortest form of a round value.
pub fn tick(value: f64) -> String {
    match value {
        v if v.abs() >= 1e15 || (v != 0.0 && v.abs() < 1e-5) => scientific(v),
        v if v.fract().abs() < 1e-9 => count(v.round() as u64),
        v => format!("{}", (v * 1e6).round() / 1e6),
    }
}

/// Three digits and a word: `2.40 million`.
pub fn spoken(value: f64) -> String {
    scaled(value, &[(1e9, " billion"), (1e6, " million"), (1e3, " thousand")], "")
}

/// Decimal units (1 kB = 1,000 bytes), three digits: `24.8 MB`.
pub fn bytes(n: u64) -> String {
    if n < 1_000 {
        format!("{n} B")
    } else {
        scaled(n as f64, &[(1e9, " GB"), (1e6, " MB"), (1e3, " kB")], " B")
    }
}

/// Three digits and a letter: `1.24 M`.
pub fn short(value: f64) -> String {
    scaled(value, &[(1e9, " G"), (1e6, " M"), (1e3, " k")], "")
}

fn scaled(value: f64, units: &[(f64, &str)], plain: &str) -> String {
    match units.iter().find(|(size, _)| value >= size * 0.9995) {
        Some((size, unit)) => format!("{}{unit}", three(value / size)),
        None => format!("{}{plain}", three(value)),
    }
}

/// A share as a percentage: `31.4 %`, `< 0.01 %`, `0 %`.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p.is_nan() => MISSING.into(),
        0.0 => "0 %".into(),
        100.0 => "100 %".into(),
        p if p.abs() < 0.01 => "< 0.01 %".into(),
        p if p.abs() < 1.0 => format!("{} %", fixed(p, 2)),
        p if p > 99.9 && p < 100.0 => format!("{p:.2} %"),
        p => format!("{} %", fixed(p, 1)),
    }
}

/// Seconds, as `0.12 s`, `1 min 35 s` or `2 h 05 min`.
pub fn seconds(s: f64) -> String {
    match s {
        s if !s.is_finite() || s < 0.0 => MISSING.into(),
        s if s < 99.5 => format!("{} s", three(s)),
        s if s < 3_570.0 => {
            let whole = s.round() as u64;
            format!("{} min {:02} s", whole / 60, whole % 60)
        }
        s => {
            let minutes = (s / 60.0).round() as u64;
            format!("{} h {:02} min", minutes / 60, minutes % 60)
        }
    }
}

/// `one model`, `3 models`.
pub fn plural(n: usize, thing: &str) -> String {
    if n == 1 { format!("one {thing}") } else { format!("{n} {thing}s") }
}

/// "a", "a and b", "a, b and c".
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        assert_eq!(
            ["141.19", "1,000", "∞", "–"].map(String::from),
            [141.186, 999.996, f64::INFINITY, f64::NAN].map(perplexity)
        );
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(
            ["1.24 MB", "999 kB", "1.00 MB", "8 B"].map(String::from),
            [1_240_000, 999_400, 999_900, 8].map(bytes)
        );
        assert_eq!(
            ["0 %", "< 0.01 %", "0.50 %", "31.4 %", "99.99 %"].map(String::from),
            [0.0, 1e-6, 0.005, 0.314, 0.9999].map(percent)
        );
        assert_eq!(
            ["0.120 s", "95.0 s", "1 min 40 s", "2 h 05 min"].map(String::from),
            [0.12, 95.0, 99.7, 7500.0].map(seconds)
        );
        assert_eq!([fixed(-0.001, 2), fixed(-0.5, 2)], ["0.00", "−0.50"]);
        assert_eq!(
            [three(1234.4), three(0.0123), three(99.96), three(0.0)],
            ["1,234", "0.0123", "100", "0"]
        );
        assert_eq!(
            [scientific(6e-7), tick(0.1 + 0.2), tick(1500.0), spoken(2.4e6)],
            ["6.0 × 10⁻⁷", "0.3", "1,500", "2.40 million"]
        );
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
