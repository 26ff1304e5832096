//! `harness eval --dynamic` and `--neural-cache`: a saved recurrent network that makes more of the text it scores.
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use corpus::{Tokens, Vocab};
use lm::{Context, LanguageModel};
use rnn::RnnModel;
use rnn::dynamic::{self, Adaptation, DynamicModel};
use rnn::neural_cache::{self, CacheSettings, CachedModel};

use crate::error::Failure;
use crate::model_file::{Model, Saved};
use crate::progress::Bar;

/// What a network can do at test time.
#[derive(Args, Clone, Debug)]
pub struct AdaptiveArgs {
    /// Dynamic evaluation of a recurrent network: the weights learn from the text already scored; without figures they are
    /// chosen on --valid
    #[arg(long, value_name = "RATE,DECAY,SEGMENT", num_args = 0..=1, default_missing_value = "", require_equals = true, conflicts_with = "neural_cache")]
    pub dynamic: Option<String>,
    /// A continuous cache beside a recurrent network; without figures they are chosen on --valid
    #[arg(long, value_name = "STATES,THETA,LAMBDA", num_args = 0..=1, default_missing_value = "", require_equals = true)]
    pub neural_cache: Option<String>,
    /// The text that --dynamic and --neural-cache choose their figures on
    #[arg(long, value_name = "FILE")]
    pub valid: Option<PathBuf>,
    /// The network's training text: --dynamic also tries steps normalised by its gradients
    #[arg(long, value_name = "FILE", requires = "dynamic")]
    pub train: Option<PathBuf>,
}

/// A network that adapts, and how.
pub type Adapted = (Box<dyn LanguageModel>, String);

impl AdaptiveArgs {
    /// The saved network with what is asked for; `None` if nothing is.
    ///
    /// # Errors
    /// A model that is no recurrent network, figures that are none, a text that cannot be read.
    pub fn adapted(&self, saved: &Saved, context: Context) -> Result<Option<Adapted>> {
        let (option, figures) = match (&self.dynamic, &self.neural_cache) {
            (Some(figures), _) => ("--dynamic", figures),
            (None, Some(figures)) => ("--neural-cache", figures),
            (None, None) => return Ok(None),
        };
        let Model::Recurrent(network) = &saved.model else {
            let what =
                format!("{option} is for recurrent networks; this is a {}", saved.describe());
            return Err(Failure::Usage(what).into());
        };
        if context == Context::Sentence {
            let what =
                format!("{option} reads the text as one stream: leave `--context sentence` out");
            return Err(Failure::Usage(what).into());
        }
        let network = Arc::new((**network).clone());
        let adapted = match self.dynamic {
            Some(_) => self.dynamic(network, figures, &saved.vocab)?,
            None => self.cached(network, figures, &saved.vocab)?,
        };
        Ok(Some(adapted))
    }

    fn dynamic(&self, network: Arc<RnnModel>, figures: &str, vocab: &Vocab) -> Result<Adapted> {
        let model = if figures.is_empty() {
            let valid = self.valid("--dynamic", vocab)?;
            let train = self.train.as_ref().map(|f| Tokens::from_file(f, vocab)).transpose()?;
            let bar = Bar::new("choosing");
            dynamic::tune(&network, train.as_ref(), &valid, Context::Stream, &mut |p| bar.log(&p))?
        } else {
            let (rate, decay, segment) = three("--dynamic=RATE,DECAY,SEGMENT", figures)?;
            let adaptation = Adaptation { rate, decay, segment, normalised: false };
            adaptation.check()?;
            DynamicModel::new(network, adaptation, None)
        };
        let said = format!("dynamic evaluation ({})", model.adaptation());
        Ok((Box::new(model), said))
    }

    fn cached(&self, network: Arc<RnnModel>, figures: &str, vocab: &Vocab) -> Result<Adapted> {
        let model = if figures.is_empty() {
            let valid = self.valid("--neural-cache", vocab)?;
            let bar = Bar::new("choosing");
            neural_cache::tune(&network, &valid, &mut |p| bar.log(&p))?
        } else {
            let (window, theta, lambda) = three("--neural-cache=STATES,THETA,LAMBDA", figures)?;
            let settings = CacheSettings { window, theta, lambda };
            settings.check()?;
            CachedModel::new(network, settings)
        };
        let said = format!("continuous cache ({})", model.settings());
        Ok((Box::new(model), said))
    }

    fn valid(&self, option: &str, vocab: &Vocab) -> Result<Tokens> {
        match &self.valid {
            Some(file) => Ok(Tokens::from_file(file, vocab)?),
            None => {
                let what =
                    "needs figures, or a text to choose them on: --valid FILE (not the test text)";
                Err(Failure::Usage(format!("{option} {what}")).into())
            }
        }
    }
}

/// Three figures between commas.
fn three<A: FromStr, B: FromStr, C: FromStr>(written: &str, figures: &str) -> Result<(A, B, C)> {
    let parts: Vec<&str> = figures.split(',').map(str::trim).collect();
    if let [a, b, c] = parts[..]
        && let (Ok(a), Ok(b), Ok(c)) = (a.parse(), b.parse(), c.parse())
    {
        return Ok((a, b, c));
    }
    Err(Failure::Usage(format!("`{figures}` are not the figures of {written}")).into())
}
