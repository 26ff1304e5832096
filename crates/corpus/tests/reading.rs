//! One corpus, however it is read: any number of threads, at once or streamed, from a file or from memory.
use std::fmt::Write;
use std::path::Path;

use corpus::{
    Corpus, CorpusOptions, Part, SplitPlan, Tokenizer, Tokens, Vocab, VocabLimits, VocabScope,
};

/// Some megabytes of lines of several scripts, with blank ones among them: several batches of blocks.
fn text(lines: usize) -> String {
    let (mut out, mut state) = (String::new(), 1u64);
    let mut next = |below: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    for _ in 0..lines {
        for _ in 0..next(30) {
            let (rank, kind) = (next(300) * next(300), next(20));
            match kind {
                0 => write!(out, "我{rank}们 ").unwrap(),
                1 => write!(out, "e\u{301}{rank} ").unwrap(),
                2 => out.push_str("<unk> "),
                _ => write!(out, "w{rank} ").unwrap(),
            }
        }
        out.push('\n');
    }
    out
}

fn threads<T: Send>(n: usize, f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(f)
}

fn options(tokenizer: Tokenizer) -> CorpusOptions {
    CorpusOptions {
        tokenizer,
        limits: VocabLimits { min_count: 2, max_size: 5_000 },
        ..CorpusOptions::default()
    }
}

fn same(a: &Corpus, b: &Corpus) {
    assert_eq!(a.vocab.to_text(), b.vocab.to_text());
    assert!(a.train == b.train && a.valid == b.valid && a.test == b.test);
    assert_eq!(a.split, b.split);
}

#[test]
fn threads_streams_and_memory_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.txt");
    // Over sixteen blocks for the one, so that more than one batch is read.
    for (tokenizer, lines) in
        [(Tokenizer::Space, 190_000), (Tokenizer::Words { lowercase: true }, 30_000)]
    {
        let text = text(lines);
        std::fs::write(&path, &text).unwrap();
        let options = options(tokenizer);
        let one = threads(1, || Corpus::from_file(&path, options).unwrap());
        same(&one, &threads(4, || Corpus::from_file(&path, options).unwrap()));

        // The slow way: every line in memory, dealt and encoded one by one.
        let sentences: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        let plan = SplitPlan::new(sentences.len());
        let deal = |part| {
            (0..)
                .zip(&sentences)
                .filter(|&(i, _)| plan.part(i) == part)
                .map(|(_, s)| (*s).to_owned())
                .collect()
        };
        let parts: [Vec<String>; 3] = [deal(Part::Train), deal(Part::Valid), deal(Part::Test)];
        same(&one, &Corpus::from_sentences("text.txt", &parts, plan.to_string(), options));
        let bytes: usize = parts[0].iter().map(|s| s.len() + 1).sum();
        assert_eq!(one.train.bytes(), bytes as u64);

        // The training split as a file of its own, counted and streamed.
        let train = folder.path().join("train.txt");
        std::fs::write(&train, parts[0].join("\n")).unwrap();
        for n in [1, 3] {
            let vocab = threads(n, || Vocab::from_file(&train, tokenizer, options.limits).unwrap());
            assert_eq!(vocab.to_text(), one.vocab.to_text());
            let blocks: Vec<Tokens> =
                Tokens::stream(&train, &vocab).unwrap().map(Result::unwrap).collect();
            assert!(blocks.len() > lines / 15_000, "{}", blocks.len());
            assert!(blocks.iter().flat_map(|b| b.sentences()).eq(one.train.sentences()));
            assert!(Tokens::from_file(&train, &vocab).unwrap() == one.train);
        }
    }
}

#[test]
fn a_stream_ends_after_its_first_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.txt");
    let mut bytes = text(60_000).into_bytes();
    let good = bytes.len();
    bytes.extend(b"bad \xff\n");
    bytes.extend(text(60_000).into_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let vocab = Vocab::new(vec![("</s>".into(), 1), ("<unk>".into(), 1)], Tokenizer::Space);
    let results: Vec<_> = Tokens::stream(&path, &vocab).unwrap().collect();
    let (last, before) = results.split_last().unwrap();
    assert!(before.iter().all(Result::is_ok) && !before.is_empty());
    assert!(
        last.as_ref()
            .unwrap_err()
            .to_string()
            .contains(&format!("byte {}: invalid UTF-8", good + 4))
    );
}

#[test]
fn the_vocabulary_knows_the_test_text_only_when_told_to() {
    let sentences = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let parts = [sentences(&["a b", "a c"]), sentences(&["d a"]), sentences(&["e e a"])];
    let make = |scope| {
        let options = CorpusOptions { scope, ..CorpusOptions::default() };
        Corpus::from_sentences("x", &parts, "by hand".into(), options)
    };
    let (train, whole) = (make(VocabScope::Train), make(VocabScope::Whole));
    assert_eq!(train.vocab.words().collect::<Vec<_>>(), ["</s>", "a", "b", "c", "<unk>"]);
    assert_eq!(whole.vocab.words().collect::<Vec<_>>(), ["</s>", "a", "e", "b", "c", "d", "<unk>"]);
    assert_eq!(train.split, "by hand");
    assert_eq!(whole.split, "by hand; vocabulary counted on the whole corpus, test included");
}

#[test]
fn chinese_by_characters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zh.txt");
    let line = "语言模型给句子一个概率。\n这是 <unk> 词\n";
    std::fs::write(&path, line.repeat(20)).unwrap();
    let corpus = Corpus::from_file(
        &path,
        CorpusOptions { tokenizer: Tokenizer::Chars, ..CorpusOptions::default() },
    )
    .unwrap();
    assert_eq!(corpus.train.sentence(0).len(), 13);
    let second: Vec<&str> =
        corpus.train.sentence(1).iter().map(|&id| corpus.vocab.word(id)).collect();
    assert_eq!(second, ["这", "是", "␣", "<unk>", "␣", "词", "</s>"]);
}

#[test]
fn three_files_are_three_splits() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let paths = [file("train", "a b\n\nb c\n"), file("valid", "c\n"), file("test", "zebra a\n")];
    let paths: [&Path; 3] = std::array::from_fn(|i| paths[i].as_path());
    let corpus = Corpus::from_split_files("abc", paths, CorpusOptions::default()).unwrap();
    let counts =
        [&corpus.train, &corpus.valid, &corpus.test].map(|t| (t.sentence_count(), t.targets()));
    assert_eq!(counts, [(2, 6), (1, 2), (1, 3)]);
    assert_eq!(corpus.test.sentence(0)[0], corpus.vocab.unk());
}
