//! A registered data set as a corpus for language models, or as labelled items.
use std::path::Path;

use super::splits::{Splits, parts};
use super::{DataFile, DataSet, Format};
use crate::corpus::{Corpus, CorpusOptions};
use crate::draft::Draft;
use crate::error::{Error, Result};
use crate::input::whole;
use crate::labelled::{
    Classified, Pair, TaggedSentence, classes, conllu, parallel, slash_tagged, token_tags,
};
use crate::lines::Lines;
use crate::vocab::reserved;

/// The data set of a name as a corpus; [`DataSet::options`] has its usual options.
///
/// # Errors
/// As [`DataSet::named`], [`DataSet::locate`] and [`DataSet::load_from`].
pub fn load(name: &str, options: CorpusOptions) -> Result<Corpus> {
    let set = DataSet::named(name)?;
    set.load_from(&set.locate()?, options)
}

impl DataSet {
    /// Its text as a corpus: words without their tags, the first language of a parallel text, all classes together.
    ///
    /// # Errors
    /// Files that are missing, malformed, or not the registered bytes.
    pub fn load_from(&self, folder: &Path, options: CorpusOptions) -> Result<Corpus> {
        let differing = self.verify(folder)?;
        let mut draft = Draft::new(options.tokenizer);
        let mut files = Vec::new();
        for file in self.text_files() {
            let (path, before) = (folder.join(&file.path), draft.len());
            match self.format {
                Format::Lines | Format::Parallel | Format::Classes => draft.read(&path)?,
                _ => {
                    for (i, sentence) in self.tagged_file(&path)?.iter().enumerate() {
                        let words: Vec<&str> =
                            sentence.iter().map(|(word, _)| word.as_str()).collect();
                        let text = words.join(" ");
                        if let Some((_, mark)) = reserved(&text) {
                            let what = format!("the reserved word `{mark}` in sentence {}", i + 1);
                            return Err(whole(
                                &path,
                                &what,
                                "sentence marks are added by the suite: remove them",
                            ));
                        }
                        draft.push(&text);
                    }
                }
            }
            files.push((file, draft.len() - before));
        }
        let (parts, mut rule) = parts(self.split, folder, &files, draft.words_before())?;
        note(&mut rule, &differing);
        draft
            .finish(&self.name, rule, options, |i| parts[i])
            .checked(&folder.join(&self.files[0].path))
    }

    /// Its sentences of words and tags.
    ///
    /// # Errors
    /// As [`load_from`](Self::load_from); [`Error::Unknown`] where the set has no tags.
    pub fn tagged(&self, folder: &Path) -> Result<Splits<TaggedSentence>> {
        if !matches!(self.format, Format::Tagged | Format::Conllu | Format::TokenTag) {
            return Err(self.other_kind("tagged data set", "choose brown, ewt or wnut17"));
        }
        let differing = self.verify(folder)?;
        let (mut all, mut files) = (Vec::new(), Vec::new());
        for file in &self.files {
            let sentences = self.tagged_file(&folder.join(&file.path))?;
            files.push((file, sentences.len()));
            all.extend(sentences);
        }
        let before = all.iter().scan(0, |sum, s| Some(std::mem::replace(sum, *sum + s.len())));
        let (parts, mut rule) = parts(self.split, folder, &files, before)?;
        note(&mut rule, &differing);
        Ok(Splits::deal(all, &parts, rule))
    }

    /// Its pairs of translations.
    ///
    /// # Errors
    /// As [`load_from`](Self::load_from); [`Error::Unknown`] where the set is not parallel.
    pub fn pairs(&self, folder: &Path) -> Result<Splits<Pair>> {
        if self.format != Format::Parallel {
            return Err(self.other_kind("parallel data set", "choose multi30k"));
        }
        let differing = self.verify(folder)?;
        let (mut all, mut files) = (Vec::new(), Vec::new());
        for sides in self.files.chunks(2) {
            let open = |file: &DataFile| Lines::open(&folder.join(&file.path));
            let pairs = parallel(open(&sides[0])?, open(&sides[1])?)?;
            files.push((&sides[0], pairs.len()));
            all.extend(pairs);
        }
        let (parts, mut rule) = parts(self.split, folder, &files, std::iter::empty())?;
        note(&mut rule, &differing);
        Ok(Splits::deal(all, &parts, rule))
    }

    /// Its sentences with their classes, which [`labels`](Self::labels) names.
    ///
    /// # Errors
    /// As [`load_from`](Self::load_from); [`Error::Unknown`] where the set has no classes.
    pub fn classified(&self, folder: &Path) -> Result<Splits<Classified>> {
        if self.format != Format::Classes {
            return Err(self.other_kind("data set with classes", "choose mr"));
        }
        let differing = self.verify(folder)?;
        let lines: Result<Vec<Lines>> =
            self.files.iter().map(|f| Lines::open(&folder.join(&f.path))).collect();
        let all = classes(lines?)?;
        let count = |class: usize| all.iter().filter(|c| c.class == class).count();
        let files: Vec<_> =
            self.files.iter().enumerate().map(|(class, f)| (f, count(class))).collect();
        let (parts, mut rule) = parts(self.split, folder, &files, std::iter::empty())?;
        note(&mut rule, &differing);
        Ok(Splits::deal(all, &parts, rule))
    }

    /// The files a language model reads.
    fn text_files(&self) -> impl Iterator<Item = &DataFile> {
        let first = self.files[0].label.as_deref();
        let parallel = self.format == Format::Parallel;
        self.files.iter().filter(move |f| !parallel || f.label.as_deref() == first)
    }

    fn tagged_file(&self, path: &Path) -> Result<Vec<TaggedSentence>> {
        let lines = Lines::open(path)?;
        match self.format {
            Format::Conllu => conllu(lines),
            Format::TokenTag => token_tags(lines),
            _ => slash_tagged(lines),
        }
    }

    fn other_kind(&self, what: &'static str, cure: &'static str) -> Error {
        Error::Unknown { what, name: self.name.clone(), nearest: None, cure }
    }
}

fn note(rule: &mut String, differing: &[String]) {
    if !differing.is_empty() {
        rule.push_str(&format!("; not the registered bytes: {}", differing.join(", ")));
    }
}
