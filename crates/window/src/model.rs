//! The fixed-window network as a language model.

use std::path::Path;

use corpus::{TokenId, Tokens, Vocab};
use lm::{Activity, Context, Footprint, LanguageModel, Reader, Result};
use ndarray::{Array2, s};
use neural::activity::Spread;
use neural::{file, nn_error};
use nn::params::Params;
use nn::softmax::LayerScratch;
use nn::tensorfile::entries;

use crate::config::WindowConfig;
use crate::examples::Examples;
use crate::net::{WindowNet, Work};

const FORMAT: &str = "lmlab-window 1";

/// Examples of a scoring step.
const SCORE_ROWS: usize = 512;

/// A trained network with its vocabulary.
#[derive(Clone, Debug)]
pub struct WindowModel {
    /// The weights.
    pub net: WindowNet<f32>,
    /// What it was trained as.
    pub config: WindowConfig,
    vocab: Vocab,
}

impl WindowModel {
    /// A network and the vocabulary it was trained with.
    ///
    /// # Panics
    /// When they differ in size.
    pub fn new(net: WindowNet<f32>, config: WindowConfig, vocab: Vocab) -> Self {
        assert_eq!(net.shape.vocab, vocab.len(), "a network for this vocabulary");
        Self { net, config, vocab }
    }

    /// Its vocabulary.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Reads what [`LanguageModel::save`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or is no window model.
    pub fn load(path: &Path) -> Result<Self> {
        let (file, config, vocab) = file::open::<WindowConfig>(path, FORMAT)?;
        let output = config.output().read(&file, vocab.len()).map_err(nn_error)?;
        let mut net = WindowNet::zeros_with(&config.architecture(vocab.len()), &output);
        file.fill(&mut net, "").map_err(nn_error)?;
        Ok(Self { net, config, vocab })
    }
}

/// Calls `each` with the place of the first target, and the batch's contexts and targets, until the text is read.
fn batches(
    net: &WindowNet<f32>,
    eos: TokenId,
    text: &Tokens,
    context: Context,
    mut each: impl FnMut(usize, &[u32], &[u32]),
) {
    let examples = Examples::new(text, eos, net.shape.reach(), context);
    let (mut contexts, mut targets) = (Vec::new(), Vec::new());
    for first in (0..examples.len()).step_by(SCORE_ROWS) {
        contexts.clear();
        targets.clear();
        (first..(first + SCORE_ROWS).min(examples.len()))
            .for_each(|i| examples.push(i, &mut contexts, &mut targets));
        each(first, &contexts, &targets);
    }
}

/// Replaces `out` by ln p of every target.
pub fn score(
    net: &WindowNet<f32>,
    eos: TokenId,
    text: &Tokens,
    context: Context,
    out: &mut Vec<f64>,
) {
    out.clear();
    out.resize(text.targets(), 0.0);
    let mut work = Work::new(net, SCORE_ROWS.min(text.targets()));
    batches(net, eos, text, context, |first, contexts, targets| {
        net.score(contexts, targets, &mut work, &mut out[first..first + targets.len()]);
    });
}

impl LanguageModel for WindowModel {
    fn vocab_len(&self) -> usize {
        self.vocab.len()
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        let (shape, net) = (self.net.shape, &self.net);
        let window = vec![self.vocab.eos().0; shape.reach()];
        Box::new(WindowReader {
            net,
            window,
            e: Array2::zeros((1, shape.window())),
            x: Array2::zeros((1, shape.input())),
            z: Array2::zeros((1, shape.features())),
            output: LayerScratch::of_reader(&net.output),
        })
    }

    fn score(&self, text: &Tokens, context: Context, out: &mut Vec<f64>) {
        score(&self.net, self.vocab.eos(), text, context, out);
    }

    fn order(&self) -> Option<usize> {
        Some(self.net.shape.reach() + 1)
    }

    fn footprint(&self) -> Footprint {
        let (params, (zero, negligible)) = (self.net.numbers() as u64, self.net.sparsity());
        let bytes = params * size_of::<f32>() as u64;
        Footprint { params, bytes, zero: zero as u64, negligible: negligible as u64 }
    }

    fn activity(&self, text: &Tokens) -> Option<Activity> {
        let mut spread = Spread::of(self.net.shape.hidden);
        let mut work = Work::new(&self.net, SCORE_ROWS.min(text.targets()));
        batches(&self.net, self.vocab.eos(), text, Context::Stream, |_, contexts, targets| {
            self.net.forward(contexts, targets.len(), None, &mut work);
            for row in work.hidden(targets.len()).rows() {
                spread.see(0, row);
            }
        });
        Some(spread.activity())
    }

    fn save(&self, path: &Path, _: &Vocab) -> Result<()> {
        let (list, output) = (entries(&self.net, ""), self.net.output.layout());
        file::save(path, FORMAT, &self.config, &self.vocab, list, &output)
    }
}

/// One token at a time.
struct WindowReader<'a> {
    net: &'a WindowNet<f32>,
    /// The last S words, oldest first.
    window: Vec<u32>,
    e: Array2<f32>,
    x: Array2<f32>,
    z: Array2<f32>,
    output: LayerScratch<f32>,
}

impl Reader for WindowReader<'_> {
    fn feed(&mut self, token: TokenId) {
        self.window.rotate_left(1);
        self.window.last_mut().into_iter().for_each(|last| *last = token.0);
    }

    fn log_probs(&mut self, out: &mut [f64]) {
        let (shape, hidden) = (self.net.shape, self.net.shape.hidden);
        shape.gather(&self.net.encoder, &self.window, None, self.e.view_mut());
        shape.input_of(self.e.view(), self.x.view_mut());
        self.net.hidden(self.x.view(), self.z.slice_mut(s![.., ..hidden]));
        if shape.direct {
            self.z.slice_mut(s![.., hidden..]).assign(&self.e);
        }
        let table = self.net.encoder.w.view();
        self.net.output.log_probs(table, self.z.row(0), out, &mut self.output);
    }
}
