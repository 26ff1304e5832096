//! Facts about the public data sets, as their papers count them. Needs the folder that LMLAB_DATA names.
use corpus::testing::data;
use corpus::{Corpus, CorpusOptions, DataSet, Tokenizer, VocabLimits, VocabScope};

fn load(folder: &std::path::Path, name: &str) -> Corpus {
    let set = DataSet::named(name).unwrap();
    set.load_from(folder, set.options()).unwrap()
}

fn sentences(corpus: &Corpus) -> [usize; 3] {
    [&corpus.train, &corpus.valid, &corpus.test].map(|t| t.sentence_count())
}

fn targets(corpus: &Corpus) -> [usize; 3] {
    [&corpus.train, &corpus.valid, &corpus.test].map(|t| t.targets())
}

#[test]
fn every_registered_file_has_its_sum() {
    let Some(folder) = data() else { return };
    for set in DataSet::all() {
        assert_eq!(set.verify(&folder).unwrap(), [""; 0], "{}", set.name);
        for file in &set.files {
            assert_eq!(
                std::fs::metadata(folder.join(&file.path)).unwrap().len(),
                file.bytes,
                "{}",
                file.path
            );
        }
    }
}

#[test]
fn ptb() {
    let Some(folder) = data() else { return };
    let corpus = load(&folder, "ptb");
    assert_eq!(sentences(&corpus), [42_068, 3_370, 3_761]);
    assert_eq!(targets(&corpus), [929_589, 73_760, 82_430]);
    assert_eq!(corpus.vocab.len(), 10_000);
    let unk = corpus.test.flat().iter().filter(|&&id| id == corpus.vocab.unk()).count();
    assert_eq!(unk, 4_794);
    assert_eq!(corpus.train.bytes(), 5_101_618);
    assert_eq!(corpus.split, "the data set's own files");
    let paths = ["train", "valid", "test"].map(|part| folder.join(format!("ptb/ptb.{part}.txt")));
    let files = Corpus::from_split_files(
        "ptb",
        [&paths[0], &paths[1], &paths[2]],
        CorpusOptions::default(),
    )
    .unwrap();
    assert_eq!(
        (files.vocab.fingerprint(), files.test == corpus.test),
        (corpus.vocab.fingerprint(), true)
    );
}

#[test]
fn brown_by_the_papers_rule_and_by_ours() {
    let Some(folder) = data() else { return };
    let set = DataSet::named("brown").unwrap();
    let corpus = |scope, lowercase| {
        let tokenizer = if lowercase { Tokenizer::Words { lowercase } } else { Tokenizer::Space };
        let limits = VocabLimits { min_count: 4, max_size: 0 };
        set.load_from(&folder, CorpusOptions { tokenizer, limits, scope }).unwrap()
    };
    // The paper merges the rare words and has no sentence ends: our </s> is the one word more.
    let paper = corpus(VocabScope::Whole, false);
    assert_eq!(paper.vocab.len(), 17_905 + 1);
    assert!(
        paper.split.ends_with("vocabulary counted on the whole corpus, test included"),
        "{}",
        paper.split
    );
    let ours = corpus(VocabScope::Train, false);
    assert_eq!(ours.vocab.len(), 14_114 + 1);
    assert_eq!((sentences(&ours), targets(&ours)), (sentences(&paper), targets(&paper)));
    assert_eq!(sentences(&ours).iter().sum::<usize>(), 57_340);
    let words: Vec<usize> =
        targets(&ours).iter().zip(sentences(&ours)).map(|(t, s)| t - s).collect();
    assert_eq!(words.iter().sum::<usize>(), 1_161_192);
    assert!(
        (800_000..800_200).contains(&words[0])
            && (1_000_000..1_000_200).contains(&(words[0] + words[1])),
        "{words:?}"
    );
    assert!(corpus(VocabScope::Train, true).vocab.get("The").is_none());
}

#[test]
fn tagged_sets_count_as_published() {
    let Some(folder) = data() else { return };
    for (name, count, words, tag) in [
        ("ewt", [12_544, 2_001, 2_077], [204_577, 25_147, 25_094], "PROPN"),
        ("wnut17", [3_394, 1_009, 1_287], [62_730, 15_733, 23_394], "B-creative-work"),
    ] {
        let tagged = DataSet::named(name).unwrap().tagged(&folder).unwrap();
        let parts = [&tagged.train, &tagged.valid, &tagged.test];
        assert_eq!(parts.map(Vec::len), count, "{name}");
        assert_eq!(parts.map(|p| p.iter().map(Vec::len).sum::<usize>()), words, "{name}");
        assert!(parts.iter().all(|p| p.iter().flatten().any(|(_, t)| t == tag)), "{name}");
        assert_eq!(sentences(&load(&folder, name)), count, "{name}");
    }
    let brown = DataSet::named("brown").unwrap().tagged(&folder).unwrap();
    assert_eq!(
        [brown.train.len(), brown.valid.len(), brown.test.len()],
        sentences(&load(&folder, "brown"))
    );
}

#[test]
fn pairs_classes_and_characters() {
    let Some(folder) = data() else { return };
    let multi30k = DataSet::named("multi30k").unwrap();
    let pairs = multi30k.pairs(&folder).unwrap();
    assert_eq!([pairs.train.len(), pairs.valid.len(), pairs.test.len()], [29_000, 1_014, 1_000]);
    assert_eq!(
        pairs.train[3].source,
        "a man in a blue shirt is standing on a ladder cleaning a window ."
    );
    assert_eq!(
        pairs.train[3].target,
        "ein mann in einem blauen hemd steht auf einer leiter und putzt ein fenster ."
    );
    assert_eq!(sentences(&load(&folder, "multi30k")), [29_000, 1_014, 1_000]);

    let mr = DataSet::named("mr").unwrap();
    let reviews = mr.classified(&folder).unwrap();
    assert_eq!(mr.labels(), ["negative", "positive"]);
    let of = |part: &[corpus::labelled::Classified]| {
        [0, 1].map(|c| part.iter().filter(|r| r.class == c).count())
    };
    let counts = [of(&reviews.train), of(&reviews.valid), of(&reviews.test)];
    assert!(counts.iter().all(|[negative, positive]| negative == positive), "{counts:?}");
    assert_eq!(counts.iter().map(|c| c[0]).sum::<usize>(), 5_331);
    assert_eq!(sentences(&load(&folder, "mr")), counts.map(|c| c[0] + c[1]));

    let shakespeare = load(&folder, "shakespeare");
    assert!((60..70).contains(&shakespeare.vocab.len()), "{}", shakespeare.vocab.len());
    assert!(
        DataSet::named("ptb")
            .unwrap()
            .tagged(&folder)
            .unwrap_err()
            .to_string()
            .contains("choose brown, ewt or wnut17")
    );
}
