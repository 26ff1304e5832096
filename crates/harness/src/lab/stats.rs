//! Intervals that the verdicts rest on: over seeds (Student), of a share (Wilson 1927), of the difference of two shares
//! (Newcombe 1998), of a slope (least squares).
//!
//! All intervals are two-sided, 95 %.

/// A measured figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Estimate {
    /// A figure without chance: its interval is a point.
    pub fn exact(value: f64) -> Self {
        Self { value, lo: value, hi: value }
    }

    /// The figure as a share, whose interval does not reach beyond 0 and 1.
    pub fn share(self) -> Self {
        Self { lo: self.lo.max(0.0), hi: self.hi.min(1.0), ..self }
    }
}

/// Mean over seeds with Student's interval; one value alone has the interval (−∞, ∞); `None` of nothing or of NaN.
pub fn student(values: &[f64]) -> Option<Estimate> {
    if values.is_empty() || values.iter().any(|v| v.is_nan()) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() == 1 {
        return Some(Estimate { value: mean, lo: f64::NEG_INFINITY, hi: f64::INFINITY });
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = t975(values.len() - 1) * (variance / n).sqrt();
    Some(Estimate { value: mean, lo: mean - half, hi: mean + half })
}

/// A share k of n with Wilson's interval; `None` of nothing.
pub fn wilson(k: usize, n: usize) -> Option<Estimate> {
    if n == 0 {
        return None;
    }
    const Z: f64 = 1.959_963_985;
    let (n, p) = (n as f64, k as f64 / n as f64);
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(Estimate { value: p, lo: (centre - half).max(0.0), hi: (centre + half).min(1.0) })
}

/// A share a = (k, n) minus a share b with Newcombe's interval (his method 10, from the two Wilson intervals); `None` where
/// one is of nothing.
pub fn difference(a: (usize, usize), b: (usize, usize)) -> Option<Estimate> {
    let (a, b) = (wilson(a.0, a.1)?, wilson(b.0, b.1)?);
    let value = a.value - b.value;
    Some(Estimate {
        value,
        lo: value - (a.value - a.lo).hypot(b.hi - b.value),
        hi: value + (a.hi - a.value).hypot(b.value - b.lo),
    })
}

/// Slope of y over x by least squares with the t interval of its standard error; `None` below three points, where x does
/// not vary, or where a value is not finite.
pub fn slope(points: &[(f64, f64)]) -> Option<Estimate> {
    if points.len() < 3 || points.iter().any(|p| !p.0.is_finite() || !p.1.is_finite()) {
        return None;
    }
    let n = points.len() as f64;
    let (mx, my) =
        (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let sxx: f64 = points.iter().map(|p| (p.0 - mx).powi(2)).sum();
    if sxx == 0.0 {
        return None;
    }
    let slope = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum::<f64>() / sxx;
    let residual: f64 = points.iter().map(|p| (p.1 - my - slope * (p.0 - mx)).powi(2)).sum();
    let half = t975(points.len() - 2) * (residual / (n - 2.0) / sxx).sqrt();
    Some(Estimate { value: slope, lo: slope - half, hi: slope + half })
}

/// The 97.5 % quantile of Student's t.
fn t975(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    match freedom {
        0 => f64::INFINITY,
        1..=30 => TABLE[freedom - 1],
        // Fisher's expansion around the normal quantile.
        _ => 1.959_964 + 2.372_27 / freedom as f64 + 2.822_5 / (freedom * freedom) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_by_hand() {
        let e = student(&[1.0, 2.0, 3.0]).unwrap();
        let half = 4.303 / 3f64.sqrt();
        assert!(
            (e.value - 2.0).abs() < 1e-12
                && (e.hi - 2.0 - half).abs() < 1e-9
                && (e.lo - 2.0 + half).abs() < 1e-9
        );
        assert!(student(&[]).is_none() && student(&[f64::NAN, 1.0]).is_none());
        assert_eq!(student(&[5.0]).unwrap().hi, f64::INFINITY);
        assert!((t975(31) - 2.0395).abs() < 1e-3 && (t975(100) - 1.984).abs() < 1e-3);
    }

    #[test]
    fn wilson_at_the_ends_and_in_the_middle() {
        let e = wilson(0, 10).unwrap();
        assert!(e.value == 0.0 && e.lo == 0.0 && (e.hi - 0.2775).abs() < 1e-3);
        let e = wilson(5, 10).unwrap();
        assert!((e.lo - 0.2366).abs() < 1e-3 && (e.hi - 0.7634).abs() < 1e-3);
        assert!(wilson(0, 0).is_none());
    }

    #[test]
    fn differences_of_shares() {
        // 56 of 70 against 48 of 80, the example of Newcombe's paper: 0.0524 to 0.3339
        let e = difference((56, 70), (48, 80)).unwrap();
        assert!((e.value - 0.2).abs() < 1e-12);
        assert!((e.lo - 0.0524).abs() < 1e-4 && (e.hi - 0.3339).abs() < 1e-4, "{e:?}");
        assert!(difference((0, 0), (1, 2)).is_none());
    }

    #[test]
    fn slope_of_a_line_and_of_a_cloud() {
        let line: Vec<(f64, f64)> = (0..5).map(|i| (i as f64, 3.0 - 0.5 * i as f64)).collect();
        let e = slope(&line).unwrap();
        assert!((e.value + 0.5).abs() < 1e-12 && e.hi - e.lo < 1e-9);
        let e = slope(&[(0.0, 0.0), (1.0, 1.0), (2.0, 0.0), (3.0, 1.0)]).unwrap();
        assert!((e.value - 0.2).abs() < 1e-12 && e.lo < 0.0 && e.hi > 0.4);
        assert!(
            slope(&line[..2]).is_none() && slope(&[(1.0, 0.0), (1.0, 1.0), (1.0, 2.0)]).is_none()
        );
    }
}
