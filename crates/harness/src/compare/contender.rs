//! One model of a comparison: trained, scored, weighed, timed.
use std::sync::Arc;
use std::time::{Duration, Instant};

use corpus::Corpus;
use lm::{Activity, CurvePoint, Family, LanguageModel, Progress, Resampled, Scores, Trained};

use super::{Job, Plan, adapt, mix};
use crate::alloc::Watch;
use crate::machine;
use crate::measure;
use crate::progress::Bar;
use crate::record::Status;
use crate::registry::Spec;

/// What became of a model.
pub struct Contender {
    pub id: String,
    pub family: Family,
    pub description: String,
    pub seed: u64,
    pub reported: bool,
    pub curve: Vec<CurvePoint>,
    pub outcome: Result<Fitted, (Status, String)>,
}

/// A trained model and its measurements.
pub struct Fitted {
    pub model: Arc<dyn LanguageModel>,
    pub notes: Vec<String>,
    pub train_s: f64,
    pub train_peak_bytes: u64,
    pub score_peak_bytes: u64,
    pub peak_rss_bytes: Option<u64>,
    pub file_bytes: Option<u64>,
    pub valid: Judged,
    pub test: Judged,
    /// Seconds of scoring the test text once; of a mixture, those of its parts.
    pub test_s: f64,
    pub activity: Option<Activity>,
    /// Tokens a second, one a round.
    pub score_tok_s: Vec<f64>,
    pub latency_us: Vec<f64>,
}

/// Scores of one text with their resampled means.
pub struct Judged {
    pub scores: Scores,
    pub resampled: Resampled,
}

impl Judged {
    pub fn new(scores: Scores, text: &corpus::Tokens) -> Self {
        /// The same for every run, so that two reports of the same scores agree.
        const BOOTSTRAP_SEED: u64 = 1;
        Self { resampled: Resampled::of(&scores, text, BOOTSTRAP_SEED), scores }
    }
}

impl Contender {
    /// Trains and scores; `before` are the models that a mixture, or a network that adapts, may be made of.
    pub fn run(job: Job, label: &str, corpus: &Corpus, plan: &Plan, before: &[Contender]) -> Self {
        let bar = Bar::new(label);
        let (family, description) = match &job.spec {
            Spec::Train(recipe) => (recipe.family(), recipe.describe()),
            Spec::Mix { parts, bucketed, .. } => (Family::Mixture, mix::describe(parts, *bucketed)),
            Spec::Adapt { how, base, .. } => {
                (Family::Adaptive, format!("{} with {}", base.name, how.describe()))
            }
        };
        let mut contender = Self {
            id: job.spec.id(),
            family,
            description,
            seed: job.seed,
            reported: job.reported,
            curve: Vec::new(),
            outcome: Err((Status::Interrupted, "not started".into())),
        };
        if crate::interrupt::asked() {
            return contender;
        }
        let curve = &mut contender.curve;
        contender.outcome = match &job.spec {
            Spec::Train(recipe) => {
                let mut log = |progress: Progress| {
                    if let Progress::Point(point) = &progress {
                        curve.push(point.clone());
                    }
                    bar.log(&progress)
                };
                machine::reset_peak_rss();
                let watch = Watch::start();
                let start = Instant::now();
                recipe.train(corpus.train_set(), &mut log).map(|trained| {
                    let peak = watch.peak_bytes();
                    // a run that went on from a checkpoint has the seconds of its earlier sessions in its curve
                    let before = curve.last().map_or(0.0, |point| point.seconds);
                    let train_s = start.elapsed().as_secs_f64().max(before);
                    bar.say("scoring");
                    Fitted::of(trained, train_s, peak, corpus, plan)
                })
            }
            Spec::Mix { parts, bucketed, .. } => {
                mix::mix(parts, *bucketed, job.seed, before, corpus, plan)
            }
            Spec::Adapt { how, base, .. } => found(&base.id, job.seed, before)
                .and_then(|base| adapt::adapt(*how, base, corpus, plan, &bar)),
        }
        .map_err(|error| {
            let status = match error {
                lm::Error::Diverged { .. } => Status::Diverged,
                lm::Error::Interrupted => Status::Interrupted,
                _ => Status::Failed,
            };
            (status, error.to_string())
        });
        contender
    }
}

impl Fitted {
    fn of(
        trained: Trained,
        train_s: f64,
        train_peak_bytes: u64,
        corpus: &Corpus,
        plan: &Plan,
    ) -> Self {
        let model = trained.model;
        let valid = measure::score(&*model, &corpus.valid, plan.context);
        let test = measure::score(&*model, &corpus.test, plan.context);
        Self {
            activity: model.activity(&corpus.valid.head(200)),
            file_bytes: file_bytes(&*model, &corpus.vocab),
            notes: trained.notes,
            train_s,
            train_peak_bytes,
            score_peak_bytes: test.peak_bytes.max(valid.peak_bytes),
            peak_rss_bytes: machine::peak_rss_bytes(),
            valid: Judged::new(valid.scores, &corpus.valid),
            test_s: test.seconds,
            test: Judged::new(test.scores, &corpus.test),
            score_tok_s: Vec::new(),
            latency_us: Vec::new(),
            model,
        }
    }
}

/// Bytes of the saved model; `None` for a model that has no file of its own.
fn file_bytes(model: &dyn LanguageModel, vocab: &corpus::Vocab) -> Option<u64> {
    let folder = tempfile::tempdir().ok()?;
    let path = folder.path().join("model");
    model.save(&path, vocab).ok()?;
    Some(std::fs::metadata(path).ok()?.len())
}

/// A model of those that were run before, by its record's key.
///
/// # Errors
/// When it has no figures.
pub fn found<'a>(id: &str, seed: u64, before: &'a [Contender]) -> lm::Result<&'a Fitted> {
    // Models without chance were run for the first seed only.
    let contender = before.iter().filter(|c| c.id == id).max_by_key(|c| c.seed == seed);
    match contender.map(|c| &c.outcome) {
        Some(Ok(fitted)) => Ok(fitted),
        _ => Err(lm::Error::Unfit {
            what: format!("the part `{id}` has no figures"),
            cure: "see its own row".into(),
        }),
    }
}

/// What speeds are measured on: the head of the test text, at most about 20,000 tokens, and no more than a model that
/// needed `test_s` seconds for the whole of it reads in three seconds.
pub fn timing_text(corpus: &Corpus, test_s: f64) -> corpus::Tokens {
    const TOKENS: f64 = 20_000.0;
    const SECONDS: f64 = 3.0;
    let targets = corpus.test.targets() as f64;
    let mean = targets / corpus.test.sentence_count() as f64;
    let wanted = TOKENS.min(SECONDS * targets / test_s.max(1e-9));
    corpus.test.head((wanted / mean).ceil() as usize)
}

/// Scoring speed and latency of all models, in five rounds over the models after one warm-up round.
pub fn time_in_rounds(contenders: &mut [Contender], corpus: &Corpus, plan: &Plan) {
    const ROUNDS: usize = 5;
    let bar = Bar::new("timing");
    for round in 0..=ROUNDS {
        let running = contenders.iter_mut().filter(|c| c.reported);
        let mut fitted: Vec<&mut Fitted> =
            running.filter_map(|c| c.outcome.as_mut().ok()).collect();
        let models = fitted.len();
        for (i, model) in fitted.iter_mut().enumerate() {
            let progress = Progress::Step {
                stage: "timing",
                done: (round * models + i) as u64,
                total: (models * (ROUNDS + 1)) as u64,
            };
            if bar.log(&progress).is_break() {
                return;
            }
            let text = timing_text(corpus, model.test_s);
            let scored = measure::score(&*model.model, &text, plan.context);
            if round == 0 {
                continue;
            }
            model.score_tok_s.push(text.targets() as f64 / scored.seconds);
            if round == 1 {
                model.latency_us =
                    measure::latency_us(&*model.model, &text, Duration::from_millis(400));
            }
        }
    }
}
