//! The rules of the house, as tests: which crate uses which, which file holds which equation, what is not done where.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Every source file with its text, by its path from the root.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let mut files = Vec::new();
    rust_files(&root.join("crates"), &mut files);
    rust_files(&root.join("benches/benches"), &mut files);
    files.sort();
    let name = |f: &PathBuf| f.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
    files.iter().map(|f| (name(f), fs::read_to_string(f).unwrap())).collect()
}

#[test]
fn crates_use_only_what_lies_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("corpus", &[][..]),
        ("nn", &[]),
        ("lm", &["corpus"]),
        ("ngram", &["lm", "corpus"]),
        ("neural", &["lm", "corpus", "nn"]),
        ("window", &["neural", "lm", "corpus", "nn"]),
        ("rnn", &["neural", "lm", "corpus", "nn"]),
        ("tasks", &["rnn", "nn", "lm", "corpus"]),
        ("harness", &["corpus", "lm", "nn", "ngram", "window", "rnn", "tasks"]),
    ]);
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(root().join("crates")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let manifest: toml::Table =
            fs::read_to_string(entry.path().join("Cargo.toml")).unwrap().parse().unwrap();
        let below =
            allowed.get(&*name).unwrap_or_else(|| panic!("`{name}` has no place in the house"));
        for used in manifest["dependencies"]
            .as_table()
            .unwrap()
            .keys()
            .filter(|k| allowed.contains_key(k.as_str()))
        {
            assert!(below.contains(&used.as_str()), "`{name}` must not use `{used}`");
        }
        seen.insert(name);
    }
    assert!(seen.contains("harness") && seen.len() >= 7, "{seen:?}");
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let long: Vec<_> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > 400)
        .map(|(name, _)| name.clone())
        .collect();
    assert!(long.is_empty(), "does each still do one thing? {long:?}");
}

#[test]
fn nothing_prints_outside_the_harness() {
    for (name, text) in sources() {
        let library = name.contains("/src/") && !name.starts_with("crates/harness/");
        // What stands below `#[cfg(test)]` is a test and may say why it skipped itself; so may `testing.rs`.
        let code = text.split("#[cfg(test)]").next().unwrap();
        if library && !name.ends_with("testing.rs") {
            for word in ["println!", "eprintln!", "print!(", "dbg!"] {
                assert!(!code.contains(word), "{name} uses {word}");
            }
        }
        for word in ["todo!(", "unimplemented!(", concat!("#[ign", "ore")] {
            assert!(name.ends_with("tests/house.rs") || !text.contains(word), "{name} has {word}");
        }
    }
}

#[test]
fn only_perplexity_rs_turns_losses_into_perplexities() {
    for (name, text) in sources().into_iter().filter(|(name, _)| name.contains("/src/")) {
        let hidden =
            text.lines().filter(|l| l.contains("nll") && l.contains(".exp()")).collect::<Vec<_>>();
        assert!(name.ends_with("lm/src/perplexity.rs") || hidden.is_empty(), "{name}: {hidden:?}");
    }
}

/// `EQUATIONS.md` names for every tag the file and the function; the code carries the tag there, once.
#[test]
fn every_equation_has_one_place_in_the_code_and_one_row_in_the_table() {
    let mut in_code: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| name.contains("/src/")) {
        for line in text.lines() {
            if let Some(at) = line.find("// eq: ") {
                let tag = line[at + 7..].trim().to_owned();
                in_code.entry(tag).or_default().push(name.clone());
            }
        }
    }
    let table = fs::read_to_string(root().join("EQUATIONS.md")).unwrap();
    let mut in_table: BTreeMap<String, (String, String)> = BTreeMap::new();
    for row in table.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let tag = cells[0].trim_matches('`').to_owned();
        let place = cells.last().unwrap().trim().trim_matches('`');
        let (file, function) =
            place.split_once(" :: ").unwrap_or_else(|| panic!("{row}: no `file :: function`"));
        let old = in_table.insert(tag.clone(), (file.to_owned(), function.to_owned()));
        assert!(old.is_none(), "the tag {tag} has two rows");
    }
    assert!(in_table.len() >= 5, "the table is read wrongly: {in_table:?}");
    for (tag, files) in &in_code {
        assert_eq!(files.len(), 1, "the tag {tag} occurs in {files:?}");
        let (file, function) = in_table
            .get(tag)
            .unwrap_or_else(|| panic!("the tag {tag} of {} is in no row", files[0]));
        assert_eq!(file, &files[0], "the row of {tag} names another file");
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(&format!("fn {function}")), "{file} has no function {function}");
    }
    let missing: Vec<_> = in_table.keys().filter(|tag| !in_code.contains_key(*tag)).collect();
    assert!(missing.is_empty(), "rows without a tag in the code: {missing:?}");
}
