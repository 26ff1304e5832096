//! How much of a loss's gradient arrives so many steps earlier, for every cell (lecture §7).
//!
//! Some texts are read side by side; the loss is that of each one's last step, and the gradient goes back from there:
//! ∂J^(T)/∂h^(T−lag), and what the copy of w_h at that step gets of it (equation 3). What the copies of the last k steps
//! get together, beside the whole gradient, is what truncation after k steps would leave of it.
//!
//! Shapes: `B` texts, `T` steps, `H` hidden; states and their gradients [B, S·H], w_h [G·H, H].

use ndarray::{Array2, Axis, s};
use nn::gemm::gemm;
use nn::softmax::LayerScratch;
use nn::transpose::transposed;

use crate::backbone::Backbone;
use crate::cell::{Backward, Forward};

/// The gradients of some texts' last losses, lag by lag.
pub struct LagFlow {
    /// ‖∂J^(T)/∂h^(T−lag)‖: `norms[lag][text]`, lags 0 … T; of an LSTM's state [h | c] the norm of the whole.
    pub norms: Vec<Vec<f64>>,
    /// ∂J^(T)/∂w_h at copy T − lag, the mean over the texts, lags 0 … T − 1. [G·H, H]
    pub copies: Vec<Array2<f64>>,
}

impl LagFlow {
    /// Reads texts of one length from a zero state, each followed by its target.
    ///
    /// # Panics
    /// When the network has more than one layer, the texts' lengths differ, or there is not a target a text.
    pub fn new(net: &Backbone<f64>, texts: &[&[u32]], targets: &[u32]) -> Self {
        assert_eq!(net.layers.len(), 1, "lags are those of one layer");
        assert_eq!(texts.len(), targets.len(), "a target a text");
        let (layer, rule) = (&net.layers[0], net.cell.rule::<f64>());
        let (lanes, hidden) = (texts.len(), layer.hidden());
        let mut steps = unroll(net, texts, Array2::zeros((lanes, rule.states() * hidden)));
        let mut d_state = last_loss(net, &steps[steps.len() - 1].state, targets);
        let mut flow = Self { norms: vec![row_norms(&d_state)], copies: Vec::new() };
        // the first row of the block whose recurrent product has a gradient of its own
        let split = (rule.gates() - usize::from(rule.splits())) * hidden;
        for t in (1..steps.len()).rev() {
            let (before, after) = steps.split_at_mut(t);
            let (step, prev) = (&mut after[0], before[t - 1].state.view());
            let (pre, extra) = (step.pre.view_mut(), step.extra.view_mut());
            rule.backward(layer, Backward { pre, extra, prev, d_state: d_state.view_mut() });
            flow.norms.push(row_norms(&d_state));
            let (mut copy, h_prev) = (Array2::zeros(layer.w_h.dim()), prev.slice(s![.., ..hidden]));
            let (upper, lower) = copy.view_mut().split_at(Axis(0), split);
            let mean = 1.0 / lanes as f64;
            gemm(mean, step.pre.slice(s![.., ..split]).t(), h_prev, 0.0, upper);
            if !lower.is_empty() {
                gemm(mean, step.extra.t(), h_prev, 0.0, lower);
            }
            flow.copies.push(copy);
        }
        flow
    }

    /// The mean over the texts of ‖∂J^(T)/∂h^(T−lag)‖, lags 0 … T.
    pub fn mean_norms(&self) -> Vec<f64> {
        self.norms.iter().map(|n| n.iter().sum::<f64>() / n.len() as f64).collect()
    }

    /// For k = 1 … T: the part of ∂J/∂w_h that points along the whole and comes from the last k steps' copies,
    /// ⟨Σ_{lag<k}, Σ⟩ / ‖Σ‖². The last one is 1, or NaN where there is no gradient at all.
    pub fn near_shares(&self) -> Vec<f64> {
        let Some(first) = self.copies.first() else { return Vec::new() };
        let whole =
            self.copies.iter().fold(Array2::zeros(first.dim()), |sum: Array2<f64>, c| sum + c);
        let square = (&whole * &whole).sum();
        let along = self.copies.iter().map(|copy| (copy * &whole).sum() / square);
        along
            .scan(0.0, |sum, part| {
                *sum += part;
                Some(*sum)
            })
            .collect()
    }
}

/// ∂J/∂state of the last step, one loss a lane: the output layer's transpose. [B, S·H]
fn last_loss(net: &Backbone<f64>, last: &Array2<f64>, targets: &[u32]) -> Array2<f64> {
    let (hidden, mut d_state) = (net.hidden(), Array2::zeros(last.dim()));
    // only the gradient of h is wanted; those of the weights go where nobody looks
    let (mut grad, mut d_table) = (net.output.clone(), net.encoder.w.clone());
    // the state's first columns are h; the output layer wants rows that lie together
    let h = last.slice(s![.., ..hidden]).to_owned();
    let mut d_h = Array2::zeros(h.dim());
    net.output.loss_grad(
        net.encoder.w.view(),
        h.view(),
        targets,
        1.0,
        d_h.view_mut(),
        &mut grad,
        d_table.view_mut(),
        &mut LayerScratch::new(targets.len(), hidden, &net.output),
    );
    d_state.slice_mut(s![.., ..hidden]).assign(&d_h);
    d_state
}

fn row_norms(matrix: &Array2<f64>) -> Vec<f64> {
    matrix.rows().into_iter().map(|row| row.dot(&row).sqrt()).collect()
}

/// What one step leaves.
pub(super) struct Step {
    pre: Array2<f64>,
    extra: Array2<f64>,
    pub(super) state: Array2<f64>,
}

/// Reads texts of one length from states [B, S·H]; element 0 is the start.
pub(super) fn unroll(net: &Backbone<f64>, texts: &[&[u32]], start: Array2<f64>) -> Vec<Step> {
    let (layer, rule) = (&net.layers[0], net.cell.rule::<f64>());
    let lanes = start.nrows();
    let row = |blocks| Array2::zeros((lanes, blocks * layer.hidden()));
    let length = texts.first().map_or(0, |text| text.len());
    assert!(texts.iter().all(|text| text.len() == length), "texts of one length");
    let mut steps = vec![Step { pre: row(0), extra: row(0), state: start }];
    let (mut x, w_h_t) = (Array2::zeros((lanes, layer.input())), transposed(layer.w_h.view()));
    for t in 0..length {
        let mut step =
            Step { pre: row(rule.gates()), extra: row(rule.extra()), state: row(rule.states()) };
        for (mut x, text) in x.rows_mut().into_iter().zip(texts) {
            x.assign(&net.encoder.w.row(text[t] as usize));
        }
        layer.project(x.view(), step.pre.view_mut());
        let (pre, extra) = (step.pre.view_mut(), step.extra.view_mut());
        let (prev, next) = (steps[steps.len() - 1].state.view(), step.state.view_mut());
        rule.forward(layer, Forward { pre, extra, prev, w_h_t: w_h_t.view(), next });
        steps.push(step);
    }
    steps
}
