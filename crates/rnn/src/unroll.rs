//! A stack of layers unrolled over T steps for a group of lanes, and back-propagation through it.
//!
//! Groups of lanes are fixed by the batch and are rayon's units of work; their rows are in the order (step, lane). Per
//! layer: x [T·b, E] what came in (after dropout), `pre`, `extra` as [`crate::cell`] says, `state` [(T+1)·b, S·H], whose
//! block t is the state that step t starts from.

use ndarray::{Array2, ArrayViewMut2, Axis, s};
use nn::Real;
use nn::dropout::Dropout;
use nn::gemm::par_gemm;

use crate::cell::{Backward, CellKind, Forward};
use crate::layer::Layer;

/// Dropout of one training step: a mask source for the embedding, between layers, and for the output.
#[derive(Clone, Copy, Debug)]
pub struct Noise<'a> {
    /// One source a site, layers + 1 in all.
    pub sites: &'a [Dropout],
    /// One mask for all time steps of a lane (Gal & Ghahramani 2016) instead of one each.
    pub variational: bool,
    /// Whole words: the same ones wherever they stand in the batch.
    pub words: Dropout,
    /// The step of the run.
    pub step: u64,
}

/// What one layer keeps of T steps.
pub(crate) struct Tape<R> {
    pub x: Array2<R>,
    pub pre: Array2<R>,
    pub extra: Array2<R>,
    pub state: Array2<R>,
    /// The gradient of the last state before the backward pass, of the first one after it. [b, S·H]
    pub d_state: Array2<R>,
    pub d_x: Array2<R>,
}

/// A group of lanes.
pub(crate) struct Group<R> {
    pub lanes: usize,
    /// The group's first row in the batch is this times the steps.
    pub first_lane: usize,
    pub tapes: Vec<Tape<R>>,
}

impl<R: Real> Group<R> {
    pub fn new(
        cell: CellKind,
        layers: &[Layer<R>],
        first_lane: usize,
        lanes: usize,
        steps: usize,
    ) -> Self {
        let (rule, rows) = (cell.rule::<R>(), steps * lanes);
        let tape = |layer: &Layer<R>| {
            let (input, hidden) = (layer.input(), layer.hidden());
            Tape {
                x: Array2::zeros((rows, input)),
                pre: Array2::zeros((rows, rule.gates() * hidden)),
                extra: Array2::zeros((rows, rule.extra() * hidden)),
                state: Array2::zeros((rows + lanes, rule.states() * hidden)),
                d_state: Array2::zeros((lanes, rule.states() * hidden)),
                d_x: Array2::zeros((rows, input)),
            }
        };
        Self { lanes, first_lane, tapes: layers.iter().map(tape).collect() }
    }

    /// Forward from `tapes[0].x` to `out` [T·b, H], both of `steps` steps; `w_h_t` has every layer's w_hᵀ; `resets` (empty:
    /// never) says before which rows the state is set to zero.
    #[allow(clippy::too_many_arguments)] // what a pass through a network is made of
    pub fn forward(
        &mut self,
        cell: CellKind,
        layers: &[Layer<R>],
        w_h_t: &[Array2<R>],
        steps: usize,
        resets: &[bool],
        noise: Option<Noise<'_>>,
        mut out: ArrayViewMut2<R>,
    ) {
        let (b, rows) = (self.lanes, steps * self.lanes);
        let place = Place { first_lane: self.first_lane, lanes: b, steps };
        drop_out(noise, 0, place, self.tapes[0].x.slice_mut(s![..rows, ..]));
        for (l, layer) in layers.iter().enumerate() {
            let (tape, above) = self.tapes[l..].split_first_mut().expect("a tape a layer");
            let mut h_out = match above.first_mut() {
                Some(above) => above.x.slice_mut(s![..rows, ..]),
                None => out.view_mut(),
            };
            layer.project(tape.x.slice(s![..rows, ..]), tape.pre.slice_mut(s![..rows, ..]));
            zero_rows(tape.state.slice_mut(s![..b, ..]), resets.get(..b));
            for t in 0..steps {
                let at = s![t * b..(t + 1) * b, ..];
                let (past, mut future) = tape.state.view_mut().split_at(Axis(0), (t + 1) * b);
                let mut next = future.slice_mut(s![..b, ..]);
                let (pre, extra) = (tape.pre.slice_mut(at), tape.extra.slice_mut(at));
                let prev = past.slice(at);
                let (w_h_t, next_state) = (w_h_t[l].view(), next.view_mut());
                let step = Forward { pre, extra, prev, w_h_t, next: next_state };
                cell.rule().forward(layer, step);
                h_out.slice_mut(at).assign(&next.slice(s![.., ..layer.hidden()]));
                zero_rows(next, resets.get((t + 1) * b..(t + 2) * b));
            }
            drop_out(noise, l + 1, place, h_out);
        }
    }

    /// Backward from `d_out` [T·b, H] (which it changes) to every layer's `pre` (now the gradient before the gates) and
    /// `d_x`; starts from, and ends with, each tape's `d_state`.
    pub fn backward(
        &mut self,
        cell: CellKind,
        layers: &[Layer<R>],
        steps: usize,
        resets: &[bool],
        noise: Option<Noise<'_>>,
        mut d_out: ArrayViewMut2<R>,
    ) {
        let (b, rows) = (self.lanes, steps * self.lanes);
        let place = Place { first_lane: self.first_lane, lanes: b, steps };
        for (l, layer) in layers.iter().enumerate().rev() {
            let (tape, above) = self.tapes[l..].split_first_mut().expect("a tape a layer");
            let mut d_h = match above.first_mut() {
                Some(above) => above.d_x.slice_mut(s![..rows, ..]),
                None => d_out.view_mut(),
            };
            drop_out(noise, l + 1, place, d_h.view_mut());
            for t in (0..steps).rev() {
                let at = s![t * b..(t + 1) * b, ..];
                zero_rows(tape.d_state.view_mut(), resets.get((t + 1) * b..(t + 2) * b));
                let mut d_h_state = tape.d_state.slice_mut(s![.., ..layer.hidden()]);
                d_h_state += &d_h.slice(at);
                let (pre, extra) = (tape.pre.slice_mut(at), tape.extra.slice_mut(at));
                let (prev, d_state) = (tape.state.slice(at), tape.d_state.view_mut());
                cell.rule().backward(layer, Backward { pre, extra, prev, d_state });
            }
            zero_rows(tape.d_state.view_mut(), resets.get(..b));
            layer.project_back(tape.pre.slice(s![..rows, ..]), tape.d_x.slice_mut(s![..rows, ..]));
        }
        drop_out(noise, 0, place, self.tapes[0].d_x.slice_mut(s![..rows, ..]));
    }

    /// The state after `steps` steps becomes the one the next batch starts from.
    pub fn carry(&mut self, steps: usize) {
        let b = self.lanes;
        for tape in &mut self.tapes {
            let (mut first, rest) = tape.state.view_mut().split_at(Axis(0), b);
            if steps > 0 {
                first.assign(&rest.slice(s![(steps - 1) * b..steps * b, ..]));
            }
        }
    }
}

/// Adds the gradients of layer `l`'s weights over all rows of all groups, in the order of the groups. The products are cut
/// by rows of the weights: nothing is summed across threads.
pub(crate) fn add_weight_gradients<R: Real>(
    cell: CellKind,
    groups: &[Group<R>],
    l: usize,
    steps: usize,
    grad: &mut Layer<R>,
) {
    let (one, hidden) = (R::one(), grad.hidden());
    // the first row of the block whose recurrent product has a gradient of its own
    let split = grad.b1.len() - if cell.rule::<R>().splits() { hidden } else { 0 };
    for group in groups {
        let (tape, rows) = (&group.tapes[l], steps * group.lanes);
        let d_pre = tape.pre.slice(s![..rows, ..]);
        let h_prev = tape.state.slice(s![..rows, ..hidden]);
        let (upper, lower) = grad.w_h.view_mut().split_at(Axis(0), split);
        rayon::join(
            || par_gemm(one, d_pre.t(), tape.x.slice(s![..rows, ..]), one, grad.w_e.view_mut()),
            || {
                par_gemm(one, d_pre.slice(s![.., ..split]).t(), h_prev, one, upper);
                if !lower.is_empty() {
                    par_gemm(one, tape.extra.slice(s![..rows, ..]).t(), h_prev, one, lower);
                }
            },
        );
    }
    for group in groups {
        let (tape, rows) = (&group.tapes[l], steps * group.lanes);
        for (d_pre, d_extra) in tape.pre.rows().into_iter().zip(tape.extra.rows()).take(rows) {
            grad.b1 += &d_pre;
            if let Some(b_h) = &mut grad.b_h {
                let (mut shared, mut own) = b_h.view_mut().split_at(Axis(0), split);
                shared += &d_pre.slice(s![..split]);
                own += &d_extra;
            }
        }
    }
}

fn zero_rows<R: Real>(mut matrix: ArrayViewMut2<R>, which: Option<&[bool]>) {
    for (mut row, _) in
        matrix.rows_mut().into_iter().zip(which.unwrap_or_default()).filter(|(_, reset)| **reset)
    {
        row.fill(R::zero());
    }
}

/// Where a group's rows stand in the batch.
#[derive(Clone, Copy)]
struct Place {
    first_lane: usize,
    lanes: usize,
    steps: usize,
}

fn drop_out<R: Real>(noise: Option<Noise<'_>>, site: usize, place: Place, mut x: ArrayViewMut2<R>) {
    let Some(noise) = noise else { return };
    let (source, width) = (noise.sites[site], x.ncols());
    let x = x.as_slice_mut().expect("whole rows");
    if noise.variational {
        let step = x.chunks_mut(place.lanes * width);
        step.for_each(|rows| source.apply(noise.step, (place.first_lane * width) as u64, rows));
    } else {
        source.apply(noise.step, (place.first_lane * place.steps * width) as u64, x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variational_mask_is_one_for_all_steps_of_a_lane() {
        let (lanes, steps, width) = (3, 4, 50);
        let sites = [Dropout::new(0.5, 1, 0)];
        let masks = |variational, first_lane| {
            let noise = Noise { sites: &sites, variational, words: sites[0], step: 7 };
            let mut x = Array2::<f64>::ones((steps * lanes, width));
            drop_out(Some(noise), 0, Place { first_lane, lanes, steps }, x.view_mut());
            x
        };
        let (one, plain) = (masks(true, 0), masks(false, 0));
        for t in 1..steps {
            let step = |x: &Array2<f64>, t| x.slice(s![t * lanes..(t + 1) * lanes, ..]).to_owned();
            assert_eq!(step(&one, t), step(&one, 0));
            assert_ne!(step(&plain, t), step(&plain, 0));
        }
        assert_ne!(one.row(0), one.row(1), "lanes have masks of their own");
        // a lane's mask does not depend on its group
        assert_eq!(masks(true, 1).row(0), one.row(1));
    }
}
