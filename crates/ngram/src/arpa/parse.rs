//! Lines of an ARPA file: marks, counts, sections of the announced length, numbers and words of a line.
use std::path::Path;

use corpus::Lines;
use lm::Result;

const LOG_ZERO: f32 = -99.0;
/// Grams between two reports of progress.
const STEP: usize = 1 << 14;
const CURE: &str = "write the file again with the program that made it";

/// A gram's numbers and words.
pub(super) struct Gram<'l> {
    pub(super) log10_prob: f32,
    pub(super) words: &'l [&'l str],
    pub(super) log10_backoff: f32,
    pub(super) line: u64,
}

pub(super) struct Parser {
    lines: Lines,
    text: String,
    line: u64,
    byte: u64,
}

/// What the line in `text` is.
#[derive(PartialEq)]
enum Content {
    /// `\word`, without the stroke, in lower case.
    Mark,
    Text,
    End,
}

impl Parser {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self { lines: Lines::open(path)?, text: String::new(), line: 0, byte: 0 })
    }

    /// Takes the next line that is not blank.
    fn next(&mut self) -> Result<Content> {
        self.text.clear();
        while let Some(line) = self.lines.next_line()? {
            (self.line, self.byte) = (line.number, line.byte);
            let text = line.text.trim_matches([' ', '\t']);
            if let Some(mark) = text.strip_prefix('\\') {
                let mark = mark.to_ascii_lowercase();
                if mark == "data\\" || mark == "end\\" || mark.ends_with("-grams:") {
                    self.text = mark;
                    return Ok(Content::Mark);
                }
            }
            if !text.is_empty() {
                self.text.push_str(text);
                return Ok(Content::Text);
            }
        }
        Ok(Content::End)
    }

    /// An error at the current line.
    pub(super) fn bad(&self, what: &str) -> lm::Error {
        self.lines.bad(self.byte, what, CURE).into()
    }

    /// An error at a line read before.
    pub(super) fn bad_at(&self, line: u64, what: String) -> lm::Error {
        lm::Error::File {
            path: self.lines.path().into(),
            what: format!("line {line}: {what}"),
            cure: CURE.into(),
        }
    }

    fn cut_short(&self, wanted: &str) -> lm::Error {
        self.bad(&format!("the file ends here, before {wanted}: it is cut short"))
    }

    /// Skips what stands before the data.
    fn find_data(&mut self) -> Result<()> {
        loop {
            match self.next()? {
                Content::Mark if self.text == "data\\" => return Ok(()),
                Content::Mark => {
                    return Err(self.bad(&format!("`\\{}` before `\\data\\`", self.text)));
                }
                Content::Text => {}
                Content::End => return Err(self.bad("no `\\data\\`: this is no ARPA file")),
            }
        }
    }

    /// How many grams of the orders 1, 2, … the head announces; the mark of the unigrams is read, too.
    pub(super) fn counts(&mut self) -> Result<Vec<usize>> {
        self.find_data()?;
        let mut counts = Vec::new();
        loop {
            match self.next()? {
                Content::Text => {}
                Content::Mark if self.text == "1-grams:" && !counts.is_empty() => {
                    return Ok(counts);
                }
                Content::Mark => {
                    return Err(self.bad(&format!(
                        "`\\{}` where the counts or `\\1-grams:` belong",
                        self.text
                    )));
                }
                Content::End => return Err(self.cut_short("`\\1-grams:`")),
            }
            let parsed = self.text.strip_prefix("ngram").and_then(|l| l.split_once('='));
            let parsed = parsed.and_then(|(k, n)| {
                Some((k.trim().parse::<usize>().ok()?, n.trim().parse::<u64>().ok()?))
            });
            match parsed {
                Some((k, n)) if k == counts.len() + 1 && n < u64::from(u32::MAX) => {
                    counts.push(n as usize)
                }
                Some((k, n)) => {
                    return Err(self.bad(&format!(
                        "{n} grams of order {k}: order {} below 2^32 belongs here",
                        counts.len() + 1
                    )));
                }
                None => return Err(self.bad(&format!("`{}` is no `ngram ORDER=COUNT`", self.text))),
            }
        }
    }

    /// Hands every gram of order `k` to `f`, and reads the mark after them; their number must be the announced one.
    /// `step` hears now and then how many were read.
    pub(super) fn section(
        &mut self,
        k: usize,
        counts: &[usize],
        step: &mut dyn FnMut(usize) -> Result<()>,
        mut f: impl FnMut(&Self, Gram<'_>) -> Result<()>,
    ) -> Result<()> {
        let (mut found, count, highest) = (0, counts[k - 1], k == counts.len());
        let wanted = if highest { "end\\".to_owned() } else { format!("{}-grams:", k + 1) };
        loop {
            match self.next()? {
                Content::Text => {}
                Content::Mark if found < count => {
                    return Err(self.bad(&format!(
                        "`\\{}` after {found} of the {count} {k}-grams that the head announces",
                        self.text
                    )));
                }
                Content::Mark if self.text == wanted => return Ok(()),
                Content::Mark => {
                    return Err(self.bad(&format!("`\\{}` where `\\{wanted}` belongs", self.text)));
                }
                Content::End => {
                    return Err(self
                        .cut_short(&format!("`\\{wanted}` ({found} of {count} {k}-grams read)")));
                }
            }
            if found % STEP == 0 {
                step(found)?;
            }
            found += 1;
            if found > count {
                return Err(
                    self.bad(&format!("more {k}-grams than the {count} that the head announces"))
                );
            }
            let text = std::mem::take(&mut self.text);
            self.gram(&text, k, highest, &mut f)?;
            self.text = text;
        }
    }

    fn gram(
        &self,
        text: &str,
        k: usize,
        highest: bool,
        f: &mut impl FnMut(&Self, Gram<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut fields = text.split([' ', '\t']).filter(|field| !field.is_empty());
        let log10_prob = self.number(fields.next().unwrap_or_default(), "log10 probability")?;
        if log10_prob > 0.0 {
            return Err(self.bad(&format!("the log10 probability {log10_prob} is positive")));
        }
        let mut words = [""; crate::table::MAX_ORDER];
        let found =
            words[..k].iter_mut().zip(&mut fields).map(|(word, field)| *word = field).count();
        let backoff = fields.next();
        if found < k || fields.next().is_some() {
            return Err(self.bad(&format!("a {k}-gram is a number, {k} word(s) and perhaps a back-off weight; this is `{text}`")));
        }
        let log10_backoff =
            backoff.map_or(Ok(0.0), |field| self.number(field, "log10 back-off weight"))?;
        if highest && log10_backoff != 0.0 && k > 1 {
            return Err(self.bad(&format!("a back-off weight at the highest order, {k}")));
        }
        f(self, Gram { log10_prob, words: &words[..k], log10_backoff, line: self.line })
    }

    fn number(&self, field: &str, what: &str) -> Result<f32> {
        match field.parse::<f32>() {
            Ok(value) if value.is_nan() => Err(self.bad(&format!("the {what} is NaN"))),
            Ok(f32::INFINITY) => Err(self.bad(&format!("the {what} is infinite"))),
            Ok(f32::NEG_INFINITY) => Ok(LOG_ZERO),
            Ok(value) => Ok(value),
            Err(_) => Err(self.bad(&format!("the {what} `{field}` is no number"))),
        }
    }
}
