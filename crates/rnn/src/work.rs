//! The scratch of a network for batches of one shape, and the state carried between them.
//!
//! Shapes: `B` lanes, `T` steps, `N` = T·B rows in the order (group of lanes, step, lane); states `[b, S·H]` of a group's
//! b lanes.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use nn::Real;
use nn::embedding::scatter_add;
use nn::softmax::LayerScratch;
use nn::transpose::transpose;
use rayon::prelude::*;

use crate::backbone::Backbone;
use crate::unroll::{Group, Noise, Tape, add_weight_gradients};

/// One training or scoring step's data, rows in the order (group of lanes, step, lane).
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Steps.
    pub steps: usize,
    /// What goes in, N ids.
    pub inputs: &'a [u32],
    /// What is predicted, N ids.
    pub targets: &'a [u32],
    /// Rows before which the state is set to zero; empty: none.
    pub resets: &'a [bool],
}

/// Lanes of a group of a batch of `lanes`: at least ten, a power of two of groups. From the batch, never from the machine.
pub fn group_lanes(lanes: usize) -> usize {
    let mut groups = 1;
    while lanes / (groups * 2) >= 10 {
        groups *= 2;
    }
    lanes.div_ceil(groups)
}

/// Scratch for batches of one shape, and the state carried between them.
pub struct Work<R> {
    groups: Vec<Group<R>>,
    group_lanes: usize,
    lanes: usize,
    /// Per layer: w_hᵀ of the last forward pass.
    w_h_t: Vec<Array2<R>>,
    pub(crate) h: Array2<R>,
    pub(crate) d_h: Array2<R>,
    pub(crate) output: LayerScratch<R>,
}

impl<R: Real> Work<R> {
    /// Scratch for up to `steps` steps of `lanes` lanes; the state is zero.
    pub fn new(net: &Backbone<R>, lanes: usize, steps: usize) -> Self {
        let (rows, per_group) = (lanes * steps, group_lanes(lanes));
        let group = |first: usize| {
            let own = per_group.min(lanes - first);
            Group::new(net.cell, &net.layers, first, own, steps)
        };
        Self {
            groups: (0..lanes).step_by(per_group).map(group).collect(),
            group_lanes: per_group,
            lanes,
            w_h_t: net.layers.iter().map(|layer| Array2::zeros(layer.w_h.t().dim())).collect(),
            h: Array2::zeros((rows, net.hidden())),
            d_h: Array2::zeros((rows, net.hidden())),
            output: LayerScratch::new(rows, net.hidden(), &net.output),
        }
    }

    /// How many lanes.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Forward through a batch; the top layer's outputs are [`Work::outputs`].
    ///
    /// # Panics
    /// When the batch is not of this shape.
    pub fn forward(&mut self, net: &Backbone<R>, batch: Batch<'_>, noise: Option<Noise<'_>>) {
        let (steps, rows) = (batch.steps, batch.inputs.len());
        assert_eq!(
            rows,
            steps * self.lanes,
            "a batch of {rows} rows for {} lanes × {steps} steps",
            self.lanes
        );
        for (to, layer) in self.w_h_t.iter_mut().zip(&net.layers) {
            let to = to.as_slice_mut().expect("standard layout");
            transpose(layer.w_h.view(), to, layer.w_h.nrows());
        }
        let (width, chunk, w_h_t) = (net.hidden(), self.group_lanes * steps, &self.w_h_t);
        let h = &mut self.h.as_slice_mut().expect("standard layout")[..rows * width];
        let groups = self.groups.par_iter_mut().zip(h.par_chunks_mut(chunk * width));
        groups.zip(batch.inputs.par_chunks(chunk)).for_each(|((group, h), ids)| {
            net.encoder.gather(ids, group.tapes[0].x.slice_mut(s![..ids.len(), ..]));
            if let Some(noise) = noise {
                let x = group.tapes[0].x.slice_mut(s![..ids.len(), ..]);
                noise.words.words(noise.step, ids, x);
            }
            let out = ArrayViewMut2::from_shape((ids.len(), width), h).expect("whole rows");
            let resets = part(batch.resets, group.first_lane * steps, ids.len());
            group.forward(net.cell, &net.layers, w_h_t, steps, resets, noise, out);
        });
    }

    /// Backward through the batch of the last forward pass, from the gradient in [`Work::d_outputs`] and the last states'
    /// gradients in [`Work::d_state_mut`]; adds into `grad`. The output layer's part is the caller's.
    pub fn backward(
        &mut self,
        net: &Backbone<R>,
        batch: Batch<'_>,
        noise: Option<Noise<'_>>,
        grad: &mut Backbone<R>,
    ) {
        let (steps, rows) = (batch.steps, batch.inputs.len());
        let (width, chunk) = (net.hidden(), self.group_lanes * steps);
        let d_h = &mut self.d_h.as_slice_mut().expect("standard layout")[..rows * width];
        self.groups.par_iter_mut().zip(d_h.par_chunks_mut(chunk * width)).for_each(
            |(group, d_h)| {
                let own = d_h.len() / width;
                let d_out = ArrayViewMut2::from_shape((own, width), d_h).expect("whole rows");
                let resets = part(batch.resets, group.first_lane * steps, own);
                group.backward(net.cell, &net.layers, steps, resets, noise, d_out);
            },
        );
        for (l, layer) in grad.layers.iter_mut().enumerate() {
            add_weight_gradients(net.cell, &self.groups, l, steps, layer);
        }
        if !net.frozen {
            for (group, ids) in self.groups.iter_mut().zip(batch.inputs.chunks(chunk)) {
                if let Some(noise) = noise {
                    let d_x = group.tapes[0].d_x.slice_mut(s![..ids.len(), ..]);
                    noise.words.words(noise.step, ids, d_x);
                }
                scatter_add(
                    ids,
                    group.tapes[0].d_x.slice(s![..ids.len(), ..]),
                    grad.encoder.w.view_mut(),
                );
            }
        }
    }

    /// The top layer's outputs (after dropout) of `rows` rows: [rows, H].
    pub fn outputs(&self, rows: usize) -> ArrayView2<'_, R> {
        self.h.slice(s![..rows, ..])
    }

    /// Where the gradient of [`Work::outputs`] goes.
    pub fn d_outputs(&mut self, rows: usize) -> ArrayViewMut2<'_, R> {
        self.d_h.slice_mut(s![..rows, ..])
    }

    /// The lanes of each group: [first lane, end).
    pub fn group_spans(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.groups.iter().map(|g| g.first_lane..g.first_lane + g.lanes)
    }

    /// The states of a group's lanes in a layer before step `step` (`steps` for the last): [b, S·H].
    pub fn state(&self, group: usize, layer: usize, step: usize) -> ArrayView2<'_, R> {
        let group = &self.groups[group];
        group.tapes[layer].state.slice(s![step * group.lanes..(step + 1) * group.lanes, ..])
    }

    /// The states that the next batch starts from, to write: [b, S·H].
    pub fn state_mut(&mut self, group: usize, layer: usize) -> ArrayViewMut2<'_, R> {
        let group = &mut self.groups[group];
        group.tapes[layer].state.slice_mut(s![..group.lanes, ..])
    }

    /// Gradient of the last states before [`Work::backward`], of the first ones after it: [b, S·H].
    pub fn d_state_mut(&mut self, group: usize, layer: usize) -> ArrayViewMut2<'_, R> {
        self.groups[group].tapes[layer].d_state.view_mut()
    }

    /// The gradient of the embedded inputs of a group after [`Work::backward`]: [T·b, E].
    pub fn d_inputs(&self, group: usize, steps: usize) -> ArrayView2<'_, R> {
        let group = &self.groups[group];
        group.tapes[0].d_x.slice(s![..steps * group.lanes, ..])
    }

    /// No gradient comes from behind the last step.
    pub fn clear_d_state(&mut self) {
        self.tapes_mut().for_each(|tape| tape.d_state.fill(R::zero()));
    }

    /// All states zero.
    pub fn clear_state(&mut self) {
        self.tapes_mut().for_each(|tape| tape.state.fill(R::zero()));
    }

    /// The states after `steps` steps become those that the next batch starts from.
    pub fn carry(&mut self, steps: usize) {
        self.groups.iter_mut().for_each(|group| group.carry(steps));
    }

    /// The next batch starts from the states of `other`, scratch of the same shape, after its `steps` steps.
    pub fn go_on_from(&mut self, other: &Work<R>, steps: usize) {
        for (group, other) in self.groups.iter_mut().zip(&other.groups) {
            let b = group.lanes;
            for (tape, other) in group.tapes.iter_mut().zip(&other.tapes) {
                let last = other.state.slice(s![steps * b..(steps + 1) * b, ..]);
                tape.state.slice_mut(s![..b, ..]).assign(&last);
            }
        }
    }

    /// Replaces `out` by the states that the next batch starts from.
    pub fn carried(&self, out: &mut Vec<R>) {
        out.clear();
        for group in &self.groups {
            for tape in &group.tapes {
                out.extend(tape.state.slice(s![..group.lanes, ..]));
            }
        }
    }

    /// Takes back what [`Work::carried`] gave.
    ///
    /// # Panics
    /// When it is of another shape.
    pub fn restore(&mut self, carried: &[R]) {
        let mut numbers = carried.iter();
        for group in &mut self.groups {
            for tape in &mut group.tapes {
                let mut state = tape.state.slice_mut(s![..group.lanes, ..]);
                state.iter_mut().for_each(|x| *x = *numbers.next().expect("a state of this shape"));
            }
        }
        assert!(numbers.next().is_none(), "a state of this shape");
    }

    fn tapes_mut(&mut self) -> impl Iterator<Item = &mut Tape<R>> {
        self.groups.iter_mut().flat_map(|g| &mut g.tapes)
    }
}

fn part(resets: &[bool], from: usize, len: usize) -> &[bool] {
    if resets.is_empty() { resets } else { &resets[from..from + len] }
}
