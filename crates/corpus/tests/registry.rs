//! Registered data sets that are absent, in part or not what they should be.
use std::ops::ControlFlow;
use std::path::PathBuf;

use corpus::dataset::{FileState, load};
use corpus::{CorpusOptions, DataSet, Kind};

#[test]
fn an_absent_set_says_where_it_was_looked_for_and_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let folders = [PathBuf::from("/nowhere"), folder.path().into()];
    let error = DataSet::named("ptb").unwrap().locate_in(&folders).unwrap_err();
    let looked = format!("/nowhere/ptb, {}/ptb", folder.path().display());
    let cure = "run `harness data fetch ptb`, or set LMLAB_DATA to the folder that holds ptb/ptb.train.txt";
    assert_eq!(
        error.to_string(),
        format!("data set `ptb` is not on this machine (looked in {looked}); {cure}")
    );
    assert_eq!(error.kind(), Kind::Missing);
    let message = DataSet::named("brown").unwrap().locate_in(&folders).unwrap_err().to_string();
    assert!(
        message.contains("it must be got by hand from https://github.com/nltk/nltk_data"),
        "{message}"
    );
    assert!(
        message.contains("or set LMLAB_DATA to the folder that holds brown/brown.tagged.txt"),
        "{message}"
    );
}

#[test]
fn a_set_there_in_part_names_the_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("ptb")).unwrap();
    std::fs::write(folder.path().join("ptb/ptb.train.txt"), "a b\n").unwrap();
    let set = DataSet::named("ptb").unwrap();
    let message = set.locate_in(&[folder.path().into()]).unwrap_err().to_string();
    assert!(message.contains("ptb/ptb.valid.txt, which is missing"), "{message}");
    assert_eq!(set.files[1].state(folder.path()).unwrap(), FileState::Missing);
}

#[test]
fn other_bytes_are_refused_where_the_set_is_exact_and_told_where_not() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["shakespeare", "ewt"] {
        for file in &DataSet::named(name).unwrap().files {
            let path = folder.path().join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let columns = "\t_\tX\t_\t_\t_\t_\t_\t_\n";
            std::fs::write(path, format!("1\tto{columns}2\tbe{columns}\n").repeat(20)).unwrap();
        }
    }
    let set = DataSet::named("shakespeare").unwrap();
    let error = set.load_from(folder.path(), set.options()).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let message = error.to_string();
    assert!(
        message.contains(
            "input.txt: these are not the registered bytes of data set `shakespeare` (sha256 "
        ),
        "{message}"
    );
    assert!(message.contains("registered 86c4e6aa9db7…); remove the file"), "{message}");

    let ewt =
        DataSet::named("ewt").unwrap().load_from(folder.path(), CorpusOptions::default()).unwrap();
    let file = |part: &str| format!("ewt/en_ewt-ud-{part}.conllu");
    let note =
        format!("; not the registered bytes: {}, {}, {}", file("train"), file("dev"), file("test"));
    assert_eq!(ewt.split, format!("the data set's own files{note}"));
    assert_eq!((ewt.train.targets(), ewt.vocab.len()), (60, 4));
}

#[test]
fn fetching_what_cannot_be_fetched_says_where_to_go() {
    let folder = tempfile::tempdir().unwrap();
    let error = DataSet::named("mr")
        .unwrap()
        .fetch(folder.path(), &mut |_, _, _| ControlFlow::Continue(()))
        .unwrap_err();
    assert!(error.to_string().contains("sentence_polarity.zip"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn unknown_names_are_usage() {
    let error = load("pennbank", CorpusOptions::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
}
