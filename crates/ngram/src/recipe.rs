//! N-gram models as recipes: an order and a smoothing.
use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use corpus::TrainSet;
use lm::{Error, Family, Log, Progress, Recipe, Result, Trained};

use crate::adjust::Counting;
use crate::count::{GramCounts, check_order};
use crate::cutoff::Cutoff;
use crate::discount::{DiscountSource, Discounts, remarks};
use crate::estimate::{Estimate, estimate};
use crate::model::NgramModel;
use crate::smoothing::{
    AddK, CountRatio, KneserNey, ModifiedKneserNey, StupidBackoff, WittenBell, tune,
};

/// How counts become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Smoothing {
    /// Interpolated modified Kneser-Ney.
    ModifiedKneserNey,
    /// Interpolated Kneser-Ney with one discount an order.
    KneserNey,
    /// Interpolated Witten-Bell.
    WittenBell,
    /// Stupid back-off; not normalised.
    StupidBackoff,
    /// Add-k, k tuned on validation text.
    AddK,
    /// The lecture's count ratio, unsmoothed.
    CountRatio,
}

impl Smoothing {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ModifiedKneserNey,
        Self::KneserNey,
        Self::WittenBell,
        Self::StupidBackoff,
        Self::AddK,
        Self::CountRatio,
    ];

    /// The first part of a recipe's id.
    pub fn key(self) -> &'static str {
        match self {
            Self::ModifiedKneserNey => "kn",
            Self::KneserNey => "ikn",
            Self::WittenBell => "wb",
            Self::StupidBackoff => "sbo",
            Self::AddK => "addk",
            Self::CountRatio => "count",
        }
    }

    /// Whether every context has a distribution that sums to one.
    pub fn normalised(self) -> bool {
        !matches!(self, Self::StupidBackoff | Self::CountRatio)
    }

    fn describe(self) -> &'static str {
        match self {
            Self::ModifiedKneserNey => "interpolated modified Kneser-Ney (Chen & Goodman 1998)",
            Self::KneserNey => "interpolated Kneser-Ney, one discount (Kneser & Ney 1995)",
            Self::WittenBell => "interpolated Witten-Bell (Witten & Bell 1991)",
            Self::StupidBackoff => "stupid back-off, not normalised (Brants et al. 2007)",
            Self::AddK => "add-k, k tuned on validation (Lidstone 1920)",
            Self::CountRatio => "ratio of counts, unsmoothed: unseen is impossible (lecture §2)",
        }
    }
}

impl fmt::Display for Smoothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// An n-gram model to be trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NgramRecipe {
    /// N, from 1 to [`crate::MAX_ORDER`].
    pub order: usize,
    /// The smoothing.
    pub smoothing: Smoothing,
    /// Undefined discounts are an error instead of a fallback.
    pub strict_discounts: bool,
    /// The adjusted counts of the Kneser-Ney smoothings: as `lmplz` has them (default), or by the formula.
    pub counting: Counting,
    /// Which n-grams are left out, by count.
    pub cutoff: Cutoff,
}

impl NgramRecipe {
    /// A recipe with fallback discounts.
    pub fn new(smoothing: Smoothing, order: usize) -> Self {
        Self {
            order,
            smoothing,
            strict_discounts: false,
            counting: Counting::default(),
            cutoff: Cutoff::default(),
        }
    }

    /// Estimates from counts; `valid` tunes what is tuned (k of add-k).
    ///
    /// # Errors
    /// Undefined discounts where they are strict; interruption.
    pub fn estimate(
        &self,
        mut counts: GramCounts,
        valid: &corpus::Tokens,
        log: &mut Log<'_>,
    ) -> Result<Estimate> {
        let total = self.order as u64;
        let step = &mut |done: usize| say(log, "estimating", done as u64, total);
        counts.cutoff = self.cutoff.thresholds(self.order, self.smoothing)?;
        let discounted =
            |modified: bool| self.discounts(modified, &counts.counts_of_counts(self.counting));
        match self.smoothing {
            Smoothing::ModifiedKneserNey => {
                let (discounts, notes) = discounted(true)?;
                let made = estimate(
                    counts,
                    &ModifiedKneserNey { counting: self.counting, discounts: discounts.clone() },
                    step,
                )?;
                Ok(Estimate { discounts, notes, ..made })
            }
            Smoothing::KneserNey => {
                let (discounts, notes) = discounted(false)?;
                let made = estimate(
                    counts,
                    &KneserNey { counting: self.counting, discounts: discounts.clone() },
                    step,
                )?;
                Ok(Estimate { discounts, notes, ..made })
            }
            Smoothing::WittenBell => estimate(counts, &WittenBell, step),
            Smoothing::StupidBackoff => {
                let notes =
                    vec!["scores are not normalised: no perplexity in the strict sense".into()];
                Ok(Estimate { notes, ..estimate(counts, &StupidBackoff, step)? })
            }
            Smoothing::AddK => {
                let (k, vocab_len) = (tune(&counts, valid), counts.vocab_len());
                let notes = vec![format!("k = {k}, tuned on validation")];
                Ok(Estimate { notes, ..estimate(counts, &AddK { k, vocab_len }, step)? })
            }
            Smoothing::CountRatio => estimate(counts, &CountRatio, step),
        }
    }
}

impl NgramRecipe {
    /// The discounts of every order from its counts of counts, three an order if `modified`, and what there is to remark.
    pub(crate) fn discounts(
        &self,
        modified: bool,
        n: &[[u64; 4]],
    ) -> Result<(Vec<Discounts>, Vec<String>)> {
        let (of, wanted): (fn([u64; 4]) -> Discounts, _) = match modified {
            true => (Discounts::modified, DiscountSource::ChenGoodman),
            false => (Discounts::absolute, DiscountSource::Absolute),
        };
        let discounts: Vec<Discounts> = n.iter().copied().map(of).collect();
        let notes = remarks(&discounts, n, wanted, self.strict_discounts)?;
        Ok((discounts, notes))
    }
}

/// Reports progress; an error where the caller asks to stop.
pub(crate) fn say(log: &mut Log<'_>, stage: &'static str, done: u64, total: u64) -> Result<()> {
    match log(Progress::Step { stage, done, total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Interrupted),
    }
}

impl fmt::Display for NgramRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.smoothing, self.order)
    }
}

impl FromStr for NgramRecipe {
    type Err = Error;

    /// `kn5`, `wb3`, …: the smoothing's key and the order.
    fn from_str(id: &str) -> Result<Self> {
        let digits = id.find(|c: char| c.is_ascii_digit()).unwrap_or(id.len());
        let (key, order) = id.split_at(digits);
        let unknown = || {
            let keys: Vec<_> = Smoothing::ALL.iter().map(|s| s.key()).collect();
            let cure = format!("write one of {} and an order, as in kn5", keys.join(", "));
            Error::Config {
                option: "--models".into(),
                what: format!("`{id}` is no n-gram model"),
                cure,
            }
        };
        let smoothing = Smoothing::ALL.into_iter().find(|s| s.key() == key).ok_or_else(unknown)?;
        let order = order.parse().map_err(|_| unknown())?;
        check_order(order)?;
        Ok(Self::new(smoothing, order))
    }
}

impl Recipe for NgramRecipe {
    fn id(&self) -> String {
        self.to_string()
    }

    fn family(&self) -> Family {
        Family::Ngram
    }

    fn describe(&self) -> String {
        format!("{}-gram, {}", self.order, self.smoothing.describe())
    }

    fn train(&self, data: TrainSet<'_>, log: &mut Log<'_>) -> Result<Trained> {
        let counts = GramCounts::new(data.train, data.vocab.len(), self.order)?;
        say(log, "counted", 1, self.order as u64)?;
        let mut made = self.estimate(counts, data.valid, log)?;
        let notes = std::mem::take(&mut made.notes);
        Ok(Trained { notes, ..Trained::plain(NgramModel::new(made, data.vocab.eos())) })
    }
}
