//! The cliff of the clipping figure: the loss of a network with one unit over its two weights, and descent on it.
use rnn::gradflow::OneUnit;

use crate::lab::*;

/// The loss of the one-unit network over its two weights, and gradient descent on it with and without clipping.
pub(super) fn cliff(cells: usize) -> (Table, Chart) {
    const START: [f64; 2] = [4.4, -2.0];
    const RATE: f64 = 0.3;
    const CLIP: f64 = 0.5;
    const STEPS: usize = 14;
    let net = OneUnit::default();
    let paths = [None, Some(CLIP)].map(|clip| net.descend(START, RATE, clip, STEPS));
    let range = |k: usize| {
        let values = || paths.iter().flatten().map(|p| p[k]);
        let (lo, hi) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let room = 0.25 * (hi - lo);
        let step = (hi - lo + 2.0 * room) / cells as f64;
        (0..=cells).map(|i| lo - room + i as f64 * step).collect::<Vec<f64>>()
    };
    let (ws, bs) = (range(0), range(1));
    let mut table = Table::new("cliff", &["what", "step", "w", "b", "loss"]);
    for (what, path) in ["no clipping", "clipped"].iter().zip(&paths) {
        for (step, p) in path.iter().enumerate() {
            table.push(&[what, &step, &p[0], &p[1], &net.loss(*p)]);
        }
    }
    let row = |b: &f64| ws.iter().map(|w| Cell(Some(net.loss([*w, *b])))).collect::<Vec<_>>();
    for (i, b) in bs.iter().enumerate() {
        ws.iter().for_each(|w| table.push(&[&"surface", &i, w, b, &net.loss([*w, *b])]));
    }
    let names = [
        Text::new("no clipping", "不截断"),
        Text::new(format!("clipped at {CLIP}"), format!("截断,阈值 {CLIP}")),
    ];
    let path = |(k, (name, points)): (usize, (Text, &Vec<[f64; 2]>))| {
        Series::new(name, Look::Plain(k + 1), points.iter().map(|p| (p[0], p[1])))
    };
    let chart = Chart {
        id: "cliff".into(),
        claims: vec!["e7".into()],
        table: "cliff".into(),
        title: Text::new(
            "The cliff: loss of a one-unit network after 50 steps (with contour lines), and descent on it",
            "悬崖:单个隐藏单元的网络在 50 步后的损失(含等高线),以及其上的梯度下降",
        ),
        x: Axis::linear(Text::new("recurrent weight w", "循环权重 w")),
        y: Axis::linear(Text::new("bias b", "偏置 b")),
        shape: Shape::Heat {
            cells: bs.iter().map(row).collect(),
            xs: ws.clone(),
            ys: bs.clone(),
            z: Axis::linear(Text::new("loss (h(50) − 0.7)²", "损失 (h(50) − 0.7)²")),
            contours: true,
            paths: names.into_iter().zip(&paths).enumerate().map(path).collect(),
        },
    };
    (table, chart)
}
