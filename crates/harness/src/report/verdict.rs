//! The verdict: three sentences computed from the paired tests, and the remarks that no reader may miss.
//!
//! A difference is claimed only where the paired bootstrap over the test sentences gives a 95 % interval of the ratio that
//! excludes one, for every seed. Everything else is "no difference shown", which is not "no difference".
use lm::{Family, PairedVerdict};

use super::number;
use super::summary::{Model, Versus, View, family_word, status_word};
use crate::record::{Record, Status};

/// Who wins; what memory beyond a window gains; what it costs.
pub fn sentences(view: &View) -> [String; 3] {
    let text = if view.run().synthetic { "the SYNTHETIC test text" } else { "the test text" };
    [winner(view, text), recurrence(view), cost(view)]
}

/// What the figures do not show by themselves: rows without a result, an interrupted run, zeros, unnormalised scores.
pub fn remarks(view: &View) -> Vec<String> {
    let mut out = Vec::new();
    if view.run().interrupted {
        out.push(
            "The run was interrupted: models that had not finished are missing or marked."
                .to_string(),
        );
    }
    for m in &view.models {
        let mut causes: Vec<(String, Vec<String>)> = Vec::new();
        for r in m.unfinished() {
            let cause = what_happened(r);
            match causes.iter_mut().find(|c| c.0 == cause) {
                Some(known) => known.1.push(r.seed.to_string()),
                None => causes.push((cause, vec![r.seed.to_string()])),
            }
        }
        for (cause, seeds) in causes {
            let which = match seeds.len() {
                _ if m.rows.len() == 1 => String::new(),
                1 => format!(" (seed {})", seeds[0]),
                _ => format!(" (seeds {})", number::listed(&seeds)),
            };
            out.push(format!("{}{which} {cause}.", m.name));
        }
    }
    for m in view.models.iter().filter(|m| m.is_ok() && m.ppl() == f64::INFINITY) {
        let share =
            m.figure(|r| r.zero_prob_share).map_or("some".into(), |s| number::percent(s.mean));
        out.push(format!(
            "{} has infinite perplexity: it gives probability zero to {share} of the test tokens.",
            m.name
        ));
    }
    let loose: Vec<String> = view
        .models
        .iter()
        .filter(|m| m.is_ok() && !m.normalised)
        .map(|m| m.name.to_string())
        .collect();
    if !loose.is_empty() {
        let whose = if loose.len() == 1 { "its" } else { "their" };
        out.push(format!(
            "† The scores of {} do not sum to one: {whose} perplexity competes with no other.",
            number::listed(&loose)
        ));
    }
    out
}

fn winner(view: &View, text: &str) -> String {
    let Some(best) = view.best(|m| m.is_contender()).or_else(|| view.best(|_| true)) else {
        return match view.models.len() {
            0 => "There are no results to compare.".into(),
            n => format!(
                "None of {} gave a finite perplexity on {text}, so there is no winner.",
                number::plural(n, "model")
            ),
        };
    };
    let mut out =
        format!("On {text}, {} has the lowest perplexity, {}", named(best), with_interval(best));
    let rival = match best.family {
        Family::Ngram => view.best(|m| m.is_contender() && m.family != Family::Ngram),
        _ => view.best(|m| m.family == Family::Ngram),
    };
    let rival = rival.or_else(|| view.best(|m| m.name != best.name));
    out.push_str(&match rival {
        None => {
            "; no other model finished with a finite perplexity, so nothing is compared".into()
        }
        Some(rival) => {
            let ppl = number::perplexity(rival.ppl());
            let who = match (best.family, rival.family) {
                (Family::Ngram, f) if rival.is_contender() && f != Family::Ngram => {
                    format!("the best model of another kind, {}", rival.name)
                }
                (_, Family::Ngram) if best.family != Family::Ngram => {
                    format!("the best n-gram, {}", rival.name)
                }
                _ => rival.name.to_string(),
            };
            match view.versus(best.name, rival.name) {
                None => format!("; {who}, has {ppl}, but no paired test of the two was recorded"),
                Some(v) => match v.verdict {
                    Some(PairedVerdict::NoDifferenceShown) => {
                        format!("; no difference is shown to {who}, with {ppl} ({})", ratio(&v))
                    }
                    None => {
                        format!("; the seeds disagree whether {who}, with {ppl}, differs ({})", ratio(&v))
                    }
                    _ => format!(
                        ": {} ({}) than the {ppl} of {who}, more than the choice of test sentences explains",
                        percent_off(&v),
                        percent_interval(&v)
                    ),
                },
            }
        }
    });
    if let Some(gap) = best.detail(|d| d.gap_to_oracle_bits) {
        out.push_str(&format!(
            "; the true distribution lies {} bits a token lower still",
            number::fixed(gap.mean, 3)
        ));
    }
    out + "."
}

fn recurrence(view: &View) -> String {
    let Some(rnn) = view.best(|m| m.is_recurrent()) else {
        return match view.models.iter().find(|m| m.is_recurrent()) {
            Some(m) => format!("No recurrent network finished ({}), so what memory beyond a fixed window gains is not shown.", first_failure(m)),
            None => "No recurrent network took part, so what memory beyond a fixed window gains is not shown.".into(),
        };
    };
    let others: Vec<&Model> = [Family::Window, Family::Ngram]
        .into_iter()
        .filter_map(|f| view.best(|m| m.family == f))
        .collect();
    if others.is_empty() {
        return format!(
            "The best recurrent network, {}, reaches {}; neither a window network nor an n-gram finished to set against it.",
            rnn.name,
            with_interval(rnn)
        );
    }
    let against = |m: &&Model| {
        let what = if m.family == Family::Window { "window network" } else { "n-gram" };
        let who = format!("the best {what}, {}", m.name);
        let ppl = number::perplexity(m.ppl());
        match view.versus(rnn.name, m.name) {
            Some(v) => match v.verdict {
                Some(PairedVerdict::NoDifferenceShown) => {
                    format!("no difference shown from {who} ({ppl}; {})", ratio(&v))
                }
                None => {
                    format!(
                        "a difference from {who}, on which the seeds disagree ({ppl}; {})",
                        ratio(&v)
                    )
                }
                _ => {
                    format!(
                        "{} perplexity than {who} ({ppl}; {})",
                        percent_off(&v),
                        percent_interval(&v)
                    )
                }
            },
            None => format!("no paired test recorded against {who} ({ppl})"),
        }
    };
    let parts: Vec<String> = others.iter().map(against).collect();
    let missing = match others.as_slice() {
        [one] if one.family == Family::Ngram => "; no window network finished",
        [one] if one.family == Family::Window => "; no n-gram finished",
        _ => "",
    };
    format!(
        "The best recurrent network, {} ({}), has {}{missing}.",
        rnn.name,
        number::perplexity(rnn.ppl()),
        parts.join(", and ")
    )
}

fn cost(view: &View) -> String {
    let mut parts = Vec::new();
    let unseen = |n: usize| view.results.sparsity.iter().find(|s| s.order == n);
    if let Some(s) = unseen(3).or(view.results.sparsity.iter().max_by_key(|s| s.order)) {
        parts.push(format!(
            "{} of the test text's {}-grams never occurred in training",
            number::percent(s.unseen_token_share),
            s.order
        ));
    }
    let network = view.best(|m| m.is_recurrent() || m.family == Family::Window);
    let counting = view.best(|m| m.family == Family::Ngram);
    if let (Some(net), Some(ngram)) = (network, counting) {
        let both = |of: fn(&Record) -> Option<f64>| {
            let (a, b) = (net.figure(of)?.mean, ngram.figure(of)?.mean);
            (a > 0.0 && b > 0.0).then_some((a, b))
        };
        let mut costs = Vec::new();
        if let Some((a, b)) = both(|r| r.model_bytes.map(|b| b as f64)) {
            let (mine, theirs) = (number::bytes(a as u64), number::bytes(b as u64));
            costs.push(format!(
                "takes {mine} of memory (against {theirs}: {} times)",
                number::three(a / b)
            ));
        }
        if let Some((a, b)) = both(|r| r.train_s) {
            let (mine, theirs) = (number::seconds(a), number::seconds(b));
            costs.push(format!(
                "trains in {mine} (against {theirs}: {} times)",
                number::three(a / b)
            ));
        }
        if let Some((a, b)) = both(|r| r.score_tok_s) {
            let (mine, theirs) = (number::spoken(a), number::spoken(b));
            costs.push(format!("scores {mine} tokens a second (against {theirs})"));
        }
        if !costs.is_empty() {
            parts.push(format!("next to {}, {} {}", ngram.name, net.name, number::listed(&costs)));
        }
    } else if let Some(m) = view.best(|m| m.is_contender()) {
        let bytes = m
            .figure(|r| r.model_bytes.map(|b| b as f64))
            .map(|b| format!("takes {} of memory", number::bytes(b.mean as u64)));
        let time =
            m.figure(|r| r.train_s).map(|s| format!("trains in {}", number::seconds(s.mean)));
        let costs: Vec<String> = bytes.into_iter().chain(time).collect();
        if !costs.is_empty() {
            parts.push(format!("{} {}", m.name, number::listed(&costs)));
        }
    }
    match parts.is_empty() {
        true => "Memory, sparsity and speed were not measured.".into(),
        false => {
            let text = parts.join("; ") + ".";
            text.strip_prefix("next").map_or(text.clone(), |rest| format!("Next{rest}"))
        }
    }
}

fn named(m: &Model) -> String {
    match m.family {
        Family::Baseline => format!("{}, a baseline,", m.name),
        Family::Ngram | Family::Rnn | Family::Lstm => {
            format!("{}, an {},", m.name, family_word(m.family))
        }
        Family::Window => format!("{}, a fixed-window network,", m.name),
        Family::Adaptive => format!("{}, a network that adapts to the text,", m.name),
        other => format!("{}, a {},", m.name, family_word(other)),
    }
}

fn with_interval(m: &Model) -> String {
    let ppl = number::perplexity(m.ppl());
    match m.interval() {
        Some((lo, hi)) => format!(
            "{ppl} (95 % interval {} to {})",
            number::perplexity(lo),
            number::perplexity(hi)
        ),
        None => ppl,
    }
}

fn ratio(v: &Versus) -> String {
    format!(
        "ratio of perplexities {}, 95 % interval {} to {}",
        number::fixed(v.ratio, 3),
        number::fixed(v.lo, 3),
        number::fixed(v.hi, 3)
    )
}

fn percent_off(v: &Versus) -> String {
    let off = (v.ratio - 1.0) * 100.0;
    match off {
        o if o == f64::INFINITY => "infinitely higher".into(),
        o => format!("{} % {}", number::three(o.abs()), if o < 0.0 { "lower" } else { "higher" }),
    }
}

fn percent_interval(v: &Versus) -> String {
    let (lo, hi) = ((v.lo - 1.0).abs() * 100.0, (v.hi - 1.0).abs() * 100.0);
    format!("95 % interval {} to {} %", number::three(lo.min(hi)), number::three(lo.max(hi)))
}

fn first_failure(m: &Model) -> String {
    match m.unfinished().next() {
        Some(r) => format!("{} {}", m.name, what_happened(r)),
        None => format!("{} has infinite perplexity", m.name),
    }
}

/// "diverged at step 3: …", "failed: no space", "was interrupted".
fn what_happened(r: &Record) -> String {
    let status = match r.status {
        Status::Interrupted => "was interrupted",
        other => status_word(other),
    };
    let error = r.error.trim().trim_end_matches('.');
    match error {
        "" => status.into(),
        _ if error.starts_with(status) => error.into(),
        _ => format!("{status}: {error}"),
    }
}
