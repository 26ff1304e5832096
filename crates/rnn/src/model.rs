//! The recurrent network as a language model.
//!
//! The start of a text, and of every sentence in [`Context::Sentence`], is read as `</s>` from a zero state: a fresh
//! reader has been fed `</s>`, because the network has a word vector for every predictable word and none for `<s>`.

use std::path::Path;

use corpus::{TokenId, Tokens, Vocab};
use lm::{Activity, Context, Footprint, LanguageModel, Reader, Result};
use ndarray::{Array2, ArrayView2, s};
use neural::activity::Spread;
use neural::{file, nn_error};
use nn::gemm::gemm;
use nn::params::Params;
use nn::softmax::LayerScratch;
use nn::tensorfile::{Entry, entries};
use nn::transpose::transposed;

use crate::backbone::Backbone;
use crate::cell::Forward;
use crate::config::RnnConfig;
use crate::lanes::Lanes;
use crate::work::Work;

const FORMAT: &str = "lmlab-rnn 1";

/// Rows of a scoring step: enough for the output layer's products, little beside a training step's.
pub(crate) const SCORE_ROWS: usize = 512;
/// Lanes of [`Context::Sentence`].
const SCORE_LANES: usize = 32;

/// A trained network with its vocabulary.
#[derive(Clone, Debug)]
pub struct RnnModel {
    /// The weights.
    pub net: Backbone<f32>,
    /// What it was trained as.
    pub config: RnnConfig,
    vocab: Vocab,
}

impl RnnModel {
    /// A network and the vocabulary it was trained with.
    ///
    /// # Panics
    /// When they differ in size.
    pub fn new(net: Backbone<f32>, config: RnnConfig, vocab: Vocab) -> Self {
        assert_eq!(net.vocab(), vocab.len(), "a network for this vocabulary");
        Self { net, config, vocab }
    }

    /// Its vocabulary.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Reads what [`LanguageModel::save`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or is no recurrent model.
    pub fn load(path: &Path) -> Result<Self> {
        let (file, config, vocab) = file::open::<RnnConfig>(path, FORMAT)?;
        let output = config.output().read(&file, vocab.len()).map_err(nn_error)?;
        let mut net = Backbone::zeros_with(&config.architecture(vocab.len()), &output);
        file.fill(&mut net, "").map_err(nn_error)?;
        Ok(Self { net, config, vocab })
    }
}

/// Replaces `out` by ln p of every target.
///
/// The recurrence of one stream is sequential: while one batch passes the output layer, which is not, the next one's
/// recurrence runs beside it.
pub fn score(
    net: &Backbone<f32>,
    eos: TokenId,
    text: &Tokens,
    context: Context,
    out: &mut Vec<f64>,
) {
    score_rows(net, eos, text, context, out, &mut |_, _, _| {});
}

/// Looks at a batch's outputs of the top layer [N, H] and targets, and may change their scores. Of a stream, batches and
/// rows come in the order of the text.
pub(crate) type EachBatch<'a> = dyn FnMut(ArrayView2<f32>, &[u32], &mut [f64]) + Send + 'a;

/// [`score`] with somebody who looks at the outputs.
pub(crate) fn score_rows(
    net: &Backbone<f32>,
    eos: TokenId,
    text: &Tokens,
    context: Context,
    out: &mut Vec<f64>,
    each: &mut EachBatch<'_>,
) {
    out.clear();
    out.resize(text.targets(), 0.0);
    let lanes = match context {
        Context::Stream => Lanes::stream(text, eos, SCORE_ROWS),
        Context::Sentence => Lanes::sentences(text, eos, SCORE_LANES, SCORE_ROWS / SCORE_LANES),
    };
    let batches = lanes.batches();
    let work = || Work::new(net, lanes.lanes(), SCORE_ROWS / lanes.lanes());
    let (mut now, mut next) = ((lanes.clone(), work()), (lanes.clone(), work()));
    let mut scores = vec![0.0; SCORE_ROWS];
    for index in 0..=batches {
        let ahead = || {
            if index < batches {
                let (batch, _) = next.0.batch(index);
                next.1.forward(net, batch, None);
            }
        };
        let output = || {
            if let Some(index) = index.checked_sub(1) {
                let (batch, places) = now.0.batch(index);
                let scores = &mut scores[..batch.inputs.len()];
                net.score_outputs(batch.targets, &mut now.1, scores);
                each(now.1.outputs(scores.len()), batch.targets, scores);
                for (score, place) in scores.iter().zip(places) {
                    if let Some(place) = place {
                        out[*place] = *score;
                    }
                }
            }
        };
        rayon::join(ahead, output);
        std::mem::swap(&mut now, &mut next);
        if index + 1 < batches {
            let steps = now.0.steps(index);
            next.1.go_on_from(&now.1, steps);
        }
    }
}

impl LanguageModel for RnnModel {
    fn vocab_len(&self) -> usize {
        self.vocab.len()
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        Box::new(RnnReader::new(&self.net, self.vocab.eos()))
    }

    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        score(&self.net, self.vocab.eos(), text, context, out);
    }

    fn footprint(&self) -> Footprint {
        let (params, (zero, negligible)) = (self.net.numbers() as u64, self.net.sparsity());
        let bytes = params * size_of::<f32>() as u64;
        Footprint { params, bytes, zero: zero as u64, negligible: negligible as u64 }
    }

    fn activity(&self, text: &Tokens) -> Option<Activity> {
        let net = &self.net;
        let lanes = SCORE_LANES.min(text.targets());
        let mut lanes =
            Lanes::equal(text, self.vocab.eos(), lanes, SCORE_ROWS / SCORE_LANES, false);
        let mut work = Work::new(net, lanes.lanes(), SCORE_ROWS / SCORE_LANES);
        let mut spread = Spread::of(net.layers.len() * net.hidden());
        for index in 0..lanes.batches() {
            let (batch, _) = lanes.batch(index);
            work.forward(net, batch, None);
            for (group, layer) in (0..work.group_spans().count())
                .flat_map(|g| (0..net.layers.len()).map(move |l| (g, l)))
            {
                for t in 1..=batch.steps {
                    for row in work.state(group, layer, t).rows() {
                        // behind an LSTM's h stands its c
                        spread.see(layer * net.hidden(), row.iter().take(net.hidden()));
                    }
                }
            }
            work.carry(batch.steps);
        }
        Some(spread.activity())
    }

    fn save(&self, path: &Path, _: &Vocab) -> Result<()> {
        let mut list = entries(&self.net, "");
        // PyTorch's layers have two biases; where one is all that counts, the other is zero
        let zeros = vec![0.0; self.net.layers[0].b1.len()];
        for (l, layer) in
            self.net.layers.iter().enumerate().filter(|(_, layer)| layer.b_h.is_none())
        {
            let data = &zeros[..layer.b1.len()];
            list.push(Entry { name: format!("rnn.bias_hh_l{l}"), dims: vec![data.len()], data });
        }
        file::save(path, FORMAT, &self.config, &self.vocab, list, &self.net.output.layout())
    }
}

/// One token at a time.
pub(crate) struct RnnReader<'a> {
    net: &'a Backbone<f32>,
    /// Per layer: the state, the next one, and a step's buffers.
    layers: Vec<[Array2<f32>; 4]>,
    /// Per layer: w_eᵀ and w_hᵀ.
    weights: Vec<[Array2<f32>; 2]>,
    /// What goes into a layer.
    x: Vec<f32>,
    output: LayerScratch<f32>,
}

impl<'a> RnnReader<'a> {
    pub(crate) fn new(net: &'a Backbone<f32>, eos: TokenId) -> Self {
        let (rule, hidden) = (net.cell.rule::<f32>(), net.hidden());
        let sizes = [rule.states(), rule.states(), rule.gates(), rule.extra()];
        let layers =
            net.layers.iter().map(|_| sizes.map(|n| Array2::zeros((1, n * hidden)))).collect();
        let weights = net.layers.iter().map(|l| [&l.w_e, &l.w_h].map(|w| transposed(w.view())));
        let mut reader = Self {
            net,
            layers,
            weights: weights.collect(),
            x: Vec::with_capacity(hidden.max(net.layers[0].input())),
            output: LayerScratch::of_reader(&net.output),
        };
        reader.feed(eos);
        reader
    }

    /// The top layer's output behind what was fed: `[H]`.
    pub(crate) fn output(&self) -> &[f32] {
        &self.x
    }
}

impl Reader for RnnReader<'_> {
    fn feed(&mut self, token: TokenId) {
        self.x.clear();
        self.x.extend(self.net.encoder.w.row(token.index()));
        let layers = self.net.layers.iter().zip(&self.weights).zip(&mut self.layers);
        for ((layer, [w_e_t, w_h_t]), [state, next, pre, extra]) in layers {
            let x = ArrayView2::from_shape((1, self.x.len()), &self.x).expect("a row");
            pre.assign(&layer.b1);
            gemm(1.0, x, w_e_t.view(), 1.0, pre.view_mut());
            let step = Forward {
                pre: pre.view_mut(),
                extra: extra.view_mut(),
                prev: state.view(),
                w_h_t: w_h_t.view(),
                next: next.view_mut(),
            };
            self.net.cell.rule().forward(layer, step);
            std::mem::swap(state, next);
            self.x.clear();
            self.x.extend(state.slice(s![0, ..layer.hidden()]));
        }
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        let h = ndarray::ArrayView1::from(&self.x);
        self.net.log_probs(h, out, &mut self.output);
    }
}
