//! Contour lines of a matrix: marching squares between the centres of its cells.

/// The lines on which the matrix `z[row][column]` has the value `level`, as segments in the coordinates of the centres
/// `xs` and `ys`. Squares with a corner that is missing or infinite have none.
pub(super) fn contour(xs: &[f64], ys: &[f64], z: &[Vec<f64>], level: f64) -> Vec<[(f64, f64); 2]> {
    let mut out = Vec::new();
    for r in 1..ys.len().min(z.len()) {
        for k in 1..xs.len() {
            // Around the square; every second crossing ends a segment.
            let corners = [(r - 1, k - 1), (r - 1, k), (r, k), (r, k - 1)];
            let at = |i: usize| {
                let (r, k) = corners[i % 4];
                (xs[k], ys[r], z[r][k])
            };
            if (0..4).any(|i| !at(i).2.is_finite()) {
                continue;
            }
            let crossing = |i: usize| {
                let ((x0, y0, z0), (x1, y1, z1)) = (at(i), at(i + 1));
                let share = (level - z0) / (z1 - z0);
                ((z0 < level) != (z1 < level))
                    .then_some((x0 + share * (x1 - x0), y0 + share * (y1 - y0)))
            };
            let found: Vec<(f64, f64)> = (0..4).filter_map(crossing).collect();
            out.extend(found.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_has_a_straight_line_and_a_hill_a_closed_one() {
        let axis = [0.0, 1.0, 2.0];
        let slope = [0, 1, 2].map(|_| vec![0.0, 10.0, 20.0]).to_vec();
        assert_eq!(
            contour(&axis, &axis, &slope, 2.5),
            [[(0.25, 0.0), (0.25, 1.0)], [(0.25, 1.0), (0.25, 2.0)]]
        );
        let mut hill = vec![vec![0.0; 3]; 3];
        hill[1][1] = 1.0;
        let lines = contour(&axis, &axis, &hill, 0.5);
        assert_eq!(lines.len(), 4);
        let ends = || lines.iter().flatten();
        assert!(ends().all(|p| ends().filter(|q| *q == p).count() == 2), "{lines:?}");
        assert!(contour(&axis, &axis, &hill, 2.0).is_empty());
        hill[1][1] = f64::INFINITY;
        assert!(contour(&axis, &axis, &hill, 0.5).is_empty());
    }
}
