//! A trained network that makes more of the text it scores: its settings are chosen on the validation text, then both texts
//! are scored once. The network itself is the comparison's, trained once.
use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use corpus::{Corpus, Tokens};
use lm::{LanguageModel, Progress, Scores};
use rnn::RnnModel;
use rnn::dynamic::{self, DynamicModel};
use rnn::neural_cache;

use super::Plan;
use super::contender::{Fitted, Judged};
use crate::alloc::Watch;
use crate::machine;
use crate::measure::{self, Scored};
use crate::progress::Bar;
use crate::spec::How;

/// Chooses, scores, weighs.
pub fn adapt(
    how: How,
    base: &Fitted,
    corpus: &Corpus,
    plan: &Plan,
    bar: &Bar,
) -> lm::Result<Fitted> {
    let any: Arc<dyn Any + Send + Sync> = base.model.clone();
    let Ok(network) = any.downcast::<RnnModel>() else {
        let (what, cure) = ("this model is no recurrent network".into(), "name one".into());
        return Err(lm::Error::Unfit { what, cure });
    };
    machine::reset_peak_rss();
    let (watch, start) = (Watch::start(), Instant::now());
    let mut log = |progress: Progress| bar.log(&progress);
    match how {
        How::Dynamic => {
            let train = Some(&corpus.train);
            let model = dynamic::tune(&network, train, &corpus.valid, plan.context, &mut log)?;
            let chosen = Chosen {
                seconds: start.elapsed().as_secs_f64(),
                peak_bytes: watch.peak_bytes(),
                note: format!(
                    "dynamic evaluation: weights learn from the text already scored; {}, chosen on valid",
                    model.adaptation()
                ),
            };
            let [valid, test] = [&corpus.valid, &corpus.test].map(|t| learn(&model, t, plan, bar));
            Ok(fitted(Arc::new(model), chosen, [valid?, test?], base, corpus))
        }
        How::Cached => {
            let model = neural_cache::tune(&network, &corpus.valid, &mut log)?;
            let chosen = Chosen {
                seconds: start.elapsed().as_secs_f64(),
                peak_bytes: watch.peak_bytes(),
                note: format!("continuous cache: {}, chosen on valid", model.settings()),
            };
            bar.say("scoring");
            let scored =
                [&corpus.valid, &corpus.test].map(|t| measure::score(&model, t, plan.context));
            Ok(fitted(Arc::new(model), chosen, scored, base, corpus))
        }
    }
}

/// Scores a text with a network that learns from it; stops at Ctrl-C.
fn learn(model: &DynamicModel, text: &Tokens, plan: &Plan, bar: &Bar) -> lm::Result<Scored> {
    let (watch, start) = (Watch::start(), Instant::now());
    let mut log_probs = Vec::new();
    model.score_logged(text, plan.context, &mut |p| bar.log(&p), &mut log_probs)?;
    Ok(Scored {
        scores: Scores::given(log_probs, text, plan.context),
        seconds: start.elapsed().as_secs_f64(),
        peak_bytes: watch.peak_bytes(),
    })
}

/// What choosing the settings took and what they are.
struct Chosen {
    seconds: f64,
    peak_bytes: u64,
    note: String,
}

fn fitted(
    model: Arc<dyn LanguageModel>,
    chosen: Chosen,
    [valid, test]: [Scored; 2],
    base: &Fitted,
    corpus: &Corpus,
) -> Fitted {
    let said = format!("training is that of the network, and {:.1} s of choosing", chosen.seconds);
    Fitted {
        model,
        notes: vec![chosen.note, said],
        train_s: base.train_s + chosen.seconds,
        train_peak_bytes: base.train_peak_bytes.max(chosen.peak_bytes),
        score_peak_bytes: valid.peak_bytes.max(test.peak_bytes),
        peak_rss_bytes: machine::peak_rss_bytes(),
        file_bytes: base.file_bytes,
        valid: Judged::new(valid.scores, &corpus.valid),
        test_s: test.seconds,
        test: Judged::new(test.scores, &corpus.test),
        activity: base.activity,
        score_tok_s: Vec::new(),
        latency_us: Vec::new(),
    }
}
