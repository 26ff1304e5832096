//! The notation of a comparison: what `--models` may say beyond the names of the registry.
//!
//! | written | meant |
//! |---|---|
//! | `kn5`, `rnn:nhid=400,lr=2e-3`, `my.toml` | a model of the registry, with options, as a recipe |
//! | `a+b` | a mixture, weights by EM on the validation text |
//! | `bucketed(a+b)` | the same with weights for every level of the context's training count |
//! | `cached(NETWORK)` | a recurrent network with a continuous cache |
//! | `dynamic(NETWORK)` | a recurrent network that learns from what it has scored |
//!
//! Parts of mixtures may be anything here.
use anyhow::Result;
use lm::{Family, Recipe};

use crate::error::{Failure, nearest};
use crate::neural::Neural;
use crate::presets::{outside_brackets, pieces};
use crate::registry::{Setting, neural, recipe};

/// A named piece of a comparison.
pub enum Spec {
    /// A model that trains.
    Train(Box<dyn Recipe>),
    /// A mixture of other models.
    Mix {
        /// Its name.
        id: String,
        /// What it is made of.
        parts: Vec<Part>,
        /// Whether the weights depend on the context's training count.
        bucketed: bool,
    },
    /// A trained network that makes more of the text it scores.
    Adapt {
        /// Its name.
        id: String,
        /// What it does.
        how: How,
        /// The network.
        base: Part,
    },
}

/// What another piece is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name as typed.
    pub name: String,
    /// Its record's key.
    pub id: String,
}

/// What a network can do at test time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Dynamic evaluation.
    Dynamic,
    /// The continuous cache.
    Cached,
}

impl How {
    /// One line for the table of models: what it is and its source.
    pub fn describe(self) -> &'static str {
        match self {
            How::Dynamic => {
                "dynamic evaluation: weights learn from the text already scored (Mikolov 2010; Krause et al. 2018)"
            }
            How::Cached => {
                "continuous cache: words that followed states like the present one (Grave, Joulin & Usunier 2017)"
            }
        }
    }
}

/// The functions of the notation, how they are written, and what they do.
pub const FUNCTIONS: [(&str, &str, &str); 3] = [
    (
        "cached",
        "cached(NETWORK)",
        "continuous cache beside a recurrent network (Grave, Joulin & Usunier 2017)",
    ),
    (
        "dynamic",
        "dynamic(NETWORK)",
        "dynamic evaluation: the weights learn from the text already scored (Mikolov 2010)",
    ),
    (
        "bucketed",
        "bucketed(A+B)",
        "mixture with weights by the context's training count (Jelinek & Mercer 1980)",
    ),
];

impl Spec {
    /// The record's key.
    pub fn id(&self) -> String {
        match self {
            Spec::Train(recipe) => recipe.id(),
            Spec::Mix { id, .. } | Spec::Adapt { id, .. } => id.clone(),
        }
    }

    /// The pieces that must be there first.
    pub fn parts(&self) -> &[Part] {
        match self {
            Spec::Train(_) => &[],
            Spec::Mix { parts, .. } => parts,
            Spec::Adapt { base, .. } => std::slice::from_ref(base),
        }
    }

    /// Does a seed matter?
    pub fn random(&self, setting: &Setting) -> bool {
        match self {
            Spec::Train(recipe) => {
                matches!(recipe.family(), Family::Window | Family::Rnn | Family::Gru | Family::Lstm)
            }
            _ => self.any_part(setting, &|part| part.random(setting)),
        }
    }

    /// Does it, or a part of it, adapt to the text that it scores?
    pub fn adapts(&self, setting: &Setting) -> bool {
        matches!(self, Spec::Adapt { .. }) || self.any_part(setting, &|part| part.adapts(setting))
    }

    fn any_part(&self, setting: &Setting, is: &dyn Fn(&Spec) -> bool) -> bool {
        self.parts().iter().any(|part| spec(&part.name, setting).is_ok_and(|part| is(&part)))
    }
}

/// Names separated by commas; `rnn:nhid=400,epochs=8` is one, and so is `cached(rnn:nhid=400,epochs=8)`.
pub fn split(text: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for piece in pieces(text).map(str::trim).filter(|p| !p.is_empty()) {
        let option = piece.split_once('=').is_some_and(|(name, _)| !name.contains([':', '(']));
        match ids.last_mut() {
            // an option of the name before it
            Some(last) if option => {
                last.push(',');
                last.push_str(piece);
            }
            _ => ids.push(piece.into()),
        }
    }
    ids
}

/// The piece of a comparison that a name stands for.
///
/// # Errors
/// A name, a function or an option that does not exist or makes no sense there.
pub fn spec(name: &str, setting: &Setting) -> Result<Spec> {
    let name = name.trim();
    check_brackets(name)?;
    let summands: Vec<&str> = outside_brackets(name, '+').map(str::trim).collect();
    if summands.len() > 1 {
        return mixture(&summands, setting);
    }
    let Some((function, inside)) = call(name) else {
        return Ok(Spec::Train(recipe(name, setting)?));
    };
    let how = match function {
        "bucketed" => return bucketed(inside, setting),
        "dynamic" => How::Dynamic,
        "cached" => How::Cached,
        _ => return Err(unknown(function).into()),
    };
    adaptive(function, how, inside, setting)
}

fn mixture(summands: &[&str], setting: &Setting) -> Result<Spec> {
    let (mut parts, mut names) = (Vec::new(), Vec::new());
    for name in summands {
        let piece = spec(name, setting)?;
        names.push(short(name, &piece));
        parts.push(Part { name: (*name).into(), id: piece.id() });
    }
    Ok(Spec::Mix { id: names.join("+"), parts, bucketed: false })
}

fn bucketed(inside: &str, setting: &Setting) -> Result<Spec> {
    match spec(inside, setting)? {
        Spec::Mix { id, parts, bucketed: false } => {
            Ok(Spec::Mix { id: format!("bucketed({id})"), parts, bucketed: true })
        }
        _ => {
            let what = "mixes models: name at least two, as in bucketed(kn5+lstm)";
            Err(Failure::Usage(format!("`bucketed({inside})` {what}")).into())
        }
    }
}

fn adaptive(function: &str, how: How, inside: &str, setting: &Setting) -> Result<Spec> {
    let base = match spec(inside, setting)? {
        Spec::Train(_) => neural(inside, setting)?,
        _ => None,
    };
    let Some(network @ Neural::Recurrent(_)) = base else {
        let what =
            "takes one recurrent network: rnn, gru or lstm, with options, or a recipe of one";
        return Err(Failure::Usage(format!("`{function}({inside})`: {function} {what}")).into());
    };
    let base = Part { name: inside.into(), id: network.recipe().id() };
    Ok(Spec::Adapt { id: format!("{function}({})", stem(inside)), how, base })
}

/// What a part is called inside a mixture's name.
fn short(name: &str, piece: &Spec) -> String {
    match piece {
        Spec::Train(_) => stem(name),
        other => other.id(),
    }
}

/// A recipe's name without folder and ending.
fn stem(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).trim_end_matches(".toml").to_owned()
}

/// `function(inside)`, of a piece whose brackets are in order.
fn call(name: &str) -> Option<(&str, &str)> {
    let (function, inside) = name.strip_suffix(')')?.split_once('(')?;
    function.chars().all(char::is_alphanumeric).then_some((function.trim(), inside.trim()))
}

fn check_brackets(name: &str) -> Result<()> {
    let mut depth = 0;
    for c in name.chars().filter(|c| matches!(c, '(' | ')')) {
        depth += if c == '(' { 1 } else { -1 };
        if depth < 0 {
            break;
        }
    }
    if depth != 0 {
        return Err(Failure::Usage(format!("`{name}`: a bracket is missing")).into());
    }
    Ok(())
}

fn unknown(function: &str) -> Failure {
    let near = nearest(function, FUNCTIONS.map(|f| f.0));
    let near = near.map(|n| format!(", did you mean `{n}`?")).unwrap_or_default();
    let written = FUNCTIONS.map(|f| f.1).join(", ");
    Failure::Usage(format!("unknown function `{function}(…)`{near}; there are {written}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Preset;

    fn made(name: &str) -> Result<Spec> {
        spec(name, &Setting::named(Preset::Quick, 1))
    }

    #[test]
    fn names_with_options_are_split_as_they_are_meant() {
        let ids = split("kn5, rnn:nhid=4,init={normal=0.1},lr=1,kn5+lstm:nhid=8,gru");
        assert_eq!(ids, ["kn5", "rnn:nhid=4,init={normal=0.1},lr=1", "kn5+lstm:nhid=8", "gru"]);
        let ids = split("cached(rnn:nhid=4,lr=1),dynamic(gru),kn5+cached(lstm:nhid=4,lr=2),kn3");
        assert_eq!(
            ids,
            ["cached(rnn:nhid=4,lr=1)", "dynamic(gru)", "kn5+cached(lstm:nhid=4,lr=2)", "kn3"]
        );
    }

    #[test]
    fn functions_nest_in_mixtures() {
        let name = "bucketed( kn5 + cached(lstm:nhid=4,lr=1) + dynamic(gru) + cache)";
        let spec = made(name).unwrap();
        assert_eq!(spec.id(), "bucketed(kn5+cached(lstm:nhid=4,lr=1)+dynamic(gru)+cache)");
        let Spec::Mix { parts, bucketed: true, .. } = &spec else { panic!("no bucketed mixture") };
        let ids: Vec<&str> = parts.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, ["kn5", "cached(lstm:nhid=4,lr=1)", "dynamic(gru)", "cache"]);
        let Spec::Adapt { how: How::Cached, base, .. } = made(&parts[1].name).unwrap() else {
            panic!("no cache")
        };
        assert_eq!(base.id, "lstm:nhid=4,lr=1");
        let setting = Setting::named(Preset::Quick, 1);
        assert!(spec.random(&setting) && spec.adapts(&setting));
        let plain = made("kn5+cache").unwrap();
        assert!(!plain.random(&setting) && !plain.adapts(&setting));
        assert_eq!(
            made("kn3+bucketed(kn5+dynamic(rnn))").unwrap().parts()[1].id,
            "bucketed(kn5+dynamic(rnn))"
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_cure() {
        for (name, words) in [
            ("dynamik(lstm)", "did you mean `dynamic`"),
            ("dynamic(kn5)", "recurrent network"),
            ("cached(window)", "recurrent network"),
            ("cached(lstm+gru)", "recurrent network"),
            ("dynamic(cached(lstm))", "recurrent network"),
            ("dynamic(lstn)", "did you mean `lstm`"),
            ("dynamic(lstm:nhids=3)", "did you mean `nhid`"),
            ("bucketed(kn5)", "at least two"),
            ("bucketed(bucketed(kn5+rnn))", "at least two"),
            ("kn5+dynamic(lstm", "bracket"),
            ("kn5)+(lstm", "bracket"),
            ("dynamic()", "unknown model"),
        ] {
            let error = made(name).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.contains(words), "{name}: {error}");
        }
    }
}
