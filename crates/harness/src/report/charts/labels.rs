//! Labels that stay off each other and off the marks.
use super::canvas::{Anchor, width};

/// A point that wants its name beside it.
pub struct Wish {
    /// Where it is.
    pub at: (f64, f64),
    /// Its name.
    pub name: String,
}

/// Where a label goes: anchor point (vertical middle), side, and whether a thin line should lead to the mark.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // a name says all there is to say of each
pub struct Place {
    pub x: f64,
    pub y: f64,
    pub anchor: Anchor,
    pub led: bool,
}

#[derive(Clone, Copy)]
struct Area(f64, f64, f64, f64);

impl Area {
    fn overlap(self, other: Area) -> f64 {
        (self.2.min(other.2) - self.0.max(other.0)).max(0.0)
            * (self.3.min(other.3) - self.1.max(other.1)).max(0.0)
    }
}

/// Places each label at the first free spot around its mark, near ones first; the crowded are placed first.
/// Lines are avoided where that is cheap. `bounds` are left, top, right, bottom.
pub fn place(
    wishes: &[Wish],
    lines: &[Vec<(f64, f64)>],
    size: f64,
    bounds: (f64, f64, f64, f64),
) -> Vec<Place> {
    let marks: Vec<Area> = wishes
        .iter()
        .map(|w| Area(w.at.0 - 6.0, w.at.1 - 6.0, w.at.0 + 6.0, w.at.1 + 6.0))
        .collect();
    let traces: Vec<Area> = lines.iter().flat_map(|l| l.windows(2)).flat_map(trace).collect();
    let crowd = |i: usize| {
        let near = |w: &&Wish| {
            (w.at.0 - wishes[i].at.0).abs() < 90.0 && (w.at.1 - wishes[i].at.1).abs() < 24.0
        };
        wishes.iter().filter(near).count()
    };
    let mut turn: Vec<usize> = (0..wishes.len()).collect();
    turn.sort_by_key(|&i| std::cmp::Reverse(crowd(i)));
    let mut taken: Vec<Area> = Vec::new();
    let mut out = vec![Place { x: 0.0, y: 0.0, anchor: Anchor::Start, led: false }; wishes.len()];
    for i in turn {
        let wish = &wishes[i];
        let w = width(&wish.name, size);
        let mut best: Option<(f64, Place, Area)> = None;
        for (penalty, place) in spots(wish.at) {
            let x0 = match place.anchor {
                Anchor::Start => place.x,
                Anchor::Middle => place.x - w / 2.0,
                Anchor::End => place.x - w,
            };
            let area = Area(x0 - 1.0, place.y - size * 0.62, x0 + w + 1.0, place.y + size * 0.62);
            let outside = (bounds.0 - area.0).max(0.0)
                + (area.2 - bounds.2).max(0.0)
                + (bounds.1 - area.1).max(0.0)
                + (area.3 - bounds.3).max(0.0);
            let hidden: f64 = taken.iter().chain(&marks).map(|t| t.overlap(area)).sum();
            let crossed: f64 = traces.iter().map(|t| t.overlap(area)).sum();
            let cost = hidden + crossed * 0.5 + outside * 60.0 + penalty;
            if best.as_ref().is_none_or(|b| cost < b.0) {
                best = Some((cost, place, area));
            }
        }
        if let Some((_, place, area)) = best {
            out[i] = place;
            taken.push(area);
        }
    }
    out
}

/// Small squares along a piece of a line.
fn trace(ends: &[(f64, f64)]) -> Vec<Area> {
    let (a, b) = (ends[0], ends[1]);
    let n = ((b.0 - a.0).hypot(b.1 - a.1) / 4.0).ceil().clamp(1.0, 500.0);
    let at = |k: f64| (a.0 + (b.0 - a.0) * k / n, a.1 + (b.1 - a.1) * k / n);
    (0..=n as usize)
        .map(|k| at(k as f64))
        .map(|(x, y)| Area(x - 2.0, y - 2.0, x + 2.0, y + 2.0))
        .collect()
}

fn spots((x, y): (f64, f64)) -> impl Iterator<Item = (f64, Place)> {
    let ring = move |d: f64, led: bool| {
        let flat = d + 1.0;
        [
            (x + flat, y, Anchor::Start),
            (x - flat, y, Anchor::End),
            (x, y - d - 5.0, Anchor::Middle),
            (x, y + d + 5.0, Anchor::Middle),
            (x + d * 0.8, y - d * 0.9, Anchor::Start),
            (x + d * 0.8, y + d * 0.9, Anchor::Start),
            (x - d * 0.8, y - d * 0.9, Anchor::End),
            (x - d * 0.8, y + d * 0.9, Anchor::End),
        ]
        .into_iter()
        .enumerate()
        .map(move |(k, (x, y, anchor))| (d * 0.8 + k as f64 * 0.5, Place { x, y, anchor, led }))
    };
    [(9.0, false), (16.0, true), (26.0, true), (38.0, true), (52.0, true)]
        .into_iter()
        .flat_map(move |(d, led)| ring(d, led))
}

/// Moves heights apart until neighbours are `gap` away from each other, inside `lo..=hi`, each as near its own as that allows.
pub fn spread(heights: &[f64], gap: f64, (lo, hi): (f64, f64)) -> Vec<f64> {
    let mut turn: Vec<usize> = (0..heights.len()).collect();
    turn.sort_by(|&a, &b| heights[a].total_cmp(&heights[b]));
    // Clusters: (sum of wishes, members); a cluster stands centred on the mean of its wishes.
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    let top = |c: &[usize]| {
        let room = (c.len() - 1) as f64 * gap;
        let centre = c.iter().map(|&i| heights[i]).sum::<f64>() / c.len() as f64;
        (centre - room / 2.0).min(hi - room).max(lo)
    };
    for i in turn {
        clusters.push(vec![i]);
        while let [.., a, b] = clusters.as_slice() {
            if top(a) + a.len() as f64 * gap <= top(b) + 1e-9 {
                break;
            }
            let b = clusters.pop().unwrap_or_default();
            if let Some(a) = clusters.last_mut() {
                a.extend(b);
            }
        }
    }
    let mut out = heights.to_vec();
    for c in &clusters {
        for (k, &i) in c.iter().enumerate() {
            out[i] = top(c) + k as f64 * gap;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_move_apart_and_stay_inside() {
        let out = spread(&[10.0, 11.0, 12.0, 50.0], 10.0, (5.0, 60.0));
        let mut sorted = out.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|w| w[1] - w[0] >= 10.0 - 1e-9), "{out:?}");
        assert!(sorted[0] >= 5.0 && sorted[3] <= 60.0);
        assert_eq!(out[3], 50.0);
    }

    #[test]
    fn labels_of_points_on_one_spot_do_not_hide_each_other() {
        let wishes: Vec<Wish> =
            (0..5).map(|i| Wish { at: (100.0, 100.0), name: format!("model{i}") }).collect();
        let places = place(&wishes, &[], 12.0, (0.0, 0.0, 300.0, 300.0));
        for (i, a) in places.iter().enumerate() {
            for b in &places[..i] {
                assert!((a.y - b.y).abs() > 11.0 || a.anchor != b.anchor, "{a:?} {b:?}");
            }
        }
    }
}
