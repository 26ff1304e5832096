//! ARPA files: round trips, other programs' habits, and everything that is refused.
use std::io::Write;
use std::path::Path;

use corpus::{TokenId, Tokenizer};
use ngram::{Arpa, read_arpa, write_arpa};

use crate::oracle;

fn read(text: &str) -> lm::Result<Arpa> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    read_arpa(file.path(), None, Tokenizer::Space)
}

const GOOD: &str = "\\data\\\nngram 1=5\nngram 2=4\nngram 3=2\n\n\\1-grams:\n-1.2\t<unk>\n-0.6\t</s>\n-99\t<s>\t-0.4\n\
-0.5\ta\t-0.3\n-0.9\tb\t-0.2\n\n\\2-grams:\n-0.2\t<s> a\t-0.1\n-0.3\ta b\t-0.15\n-0.4\tb </s>\n-0.7\tb a\n\n\
\\3-grams:\n-0.1\t<s> a b\n-0.2\ta b </s>\n\n\\end\\\n";

#[test]
fn written_files_read_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, order, name) in [(1, 1, "m.arpa"), (2, 3, "m.arpa"), (3, 5, "m.arpa.gz")] {
        let sample = oracle::sample(seed, 40, order, 3_000);
        let path = folder.path().join(name);
        write_arpa(&path, &sample.model, &sample.vocab).unwrap();
        let back = read_arpa(&path, Some(&sample.vocab), Tokenizer::Space).unwrap();
        assert!(back.model == sample.model && back.filled == 0 && !back.unk_absent);
        let own = read_arpa(&path, None, Tokenizer::Space).unwrap();
        assert_eq!(own.model.gram_counts(), sample.model.gram_counts());
        let (ours, theirs) = (oracle::values(&sample.model), oracle::values(&own.model));
        let translate = |gram: &[u32]| -> Vec<u32> {
            gram.iter()
                .map(|&w| {
                    if w == 40 {
                        40
                    } else {
                        own.vocab.get(sample.vocab.word(TokenId(w))).unwrap().0
                    }
                })
                .collect()
        };
        assert!(ours.iter().all(|(gram, value)| theirs[&translate(gram)] == *value));
        assert!(
            own.model.tables[0].log10_prob[..40].is_sorted_by(|a, b| a >= b),
            "ids run by probability"
        );
    }
}

#[test]
fn habits_of_other_programs_are_accepted() {
    let good = read(GOOD).unwrap();
    assert_eq!(good.model.gram_counts(), [5, 4, 2]);
    let variants = [
        GOOD.replace('\n', "\r\n"),
        GOOD.replace('\t', " "),
        GOOD.replace("\\data\\", "written by hand\n\n\\Data\\")
            .replace("\\1-grams:", "\\1-GRAMS:")
            .replace("\\end\\", "\\END\\"),
        GOOD.replace("ngram 1=5", "ngram 1 = 5").replace("\n\\2", "\n\n\n\\2"),
        GOOD.replace("-0.3\ta b\t-0.15\n-0.4\tb </s>", "-0.4\tb </s>\t0\n-0.3\ta b\t-0.15"),
        GOOD.replace("-99\t<s>", "-inf\t<s>"),
        GOOD.replace("-99\t<s>", "0\t<s>"),
        GOOD.trim_end().to_owned(),
        GOOD.replace("<unk>", "<UNK>"),
    ];
    for text in variants {
        let read = read(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert!(read.model == good.model, "{text}");
        assert_eq!(read.vocab.fingerprint(), good.vocab.fingerprint());
    }
    let absent = read(&GOOD.replace("-1.2\t<unk>\n", "").replace("1=5", "1=4")).unwrap();
    assert!(absent.unk_absent);
    assert_eq!(absent.model.tables[0].log10_prob[absent.vocab.unk().index()], -100.0);
    let zero = read(&GOOD.replace("-0.9\tb", "-inf\tb")).unwrap();
    assert_eq!(zero.model.tables[0].log10_prob[zero.vocab.get("b").unwrap().index()], -99.0);
}

#[test]
fn what_pruning_took_is_put_back() {
    // SRILM keeps contexts, but not the grams that longer ones end in.
    let text = GOOD.replace("-0.4\tb </s>\n", "").replace("2=4", "2=3");
    let read = read(&text).unwrap();
    assert_eq!((read.filled, read.model.gram_counts()), (1, vec![5, 4, 2]));
    let values = oracle::values(&read.model);
    let [b, eos] = ["b", "</s>"].map(|w| read.vocab.get(w).unwrap().0);
    let (prob, weight) = values[&vec![b, eos]];
    assert!(
        (prob - (-0.2 - 0.6)).abs() < 1e-6 && weight == 0.0,
        "the weight of b and the unigram: {prob}"
    );
}

#[test]
fn malformed_files_are_refused_with_line_and_reason() {
    let cases = [
        ("ngram 2=4", "ngram 2=5", "line 19", "after 4 of the 5 2-grams"),
        ("ngram 2=4", "ngram 2=3", "line 17", "more 2-grams than the 3"),
        ("ngram 3=2", "ngram 4=2", "line 4", "order 3"),
        ("ngram 2=4", "ngram 2=x", "line 3", "is no `ngram"),
        ("-0.5\ta", "nan\ta", "line 10", "NaN"),
        ("-0.5\ta", "0.5\ta", "line 10", "positive"),
        ("-0.5\ta", "inf\ta", "line 10", "infinite"),
        ("-0.5\ta\t-0.3", "-0.5\ta\tNaN", "line 10", "back-off weight is NaN"),
        ("-0.5\ta", "x\ta", "line 10", "no number"),
        ("-0.9\tb", "-0.9\ta", "line 11", "stands in line 10"),
        ("-0.7\tb a", "-0.7\ta b", "line 17", "as in line 15"),
        ("-0.7\tb a", "-0.7\tb c", "line 17", "`c` is not among the unigrams"),
        ("-0.7\tb a", "-0.7\tb <s>", "line 17", "inside a gram"),
        ("-0.7\tb a", "-0.7\tb", "line 17", "a 2-gram is"),
        ("-0.7\tb a", "-0.7\tb a b 1", "line 17", "a 2-gram is"),
        ("-0.2\t<s> a\t-0.1", "-0.2\t<s> b\t-0.1", "line 20", "`<s> a` is not among the 2-grams"),
        ("\\3-grams:", "\\4-grams:", "line 19", "where `\\3-grams:` belongs"),
        ("\\1-grams:", "\\2-grams:", "line 6", "`\\1-grams:` belong"),
        ("\n\\end\\\n", "\n", "line 22", "cut short"),
        ("\\end\\", "\\4-grams:", "line 23", "where `\\end\\` belongs"),
        ("\\data\\", "data", "", "before `\\data\\`"),
        ("-0.6\t</s>", "-0.6\tstop", "line", "no </s>"),
        ("-0.2\ta b </s>", "-0.2\ta b </s>\t-0.5", "line 21", "highest order"),
    ];
    for (from, to, line, reason) in cases {
        assert!(GOOD.contains(from), "{from}");
        let message = read(&GOOD.replacen(from, to, 1))
            .err()
            .unwrap_or_else(|| panic!("{to} was accepted"))
            .to_string();
        assert!(message.contains(line) && message.contains(reason), "{to}: {message}");
    }
    // Cut at any byte before the end of \end\.
    for length in 0..GOOD.len() - 1 {
        assert!(read(&GOOD[..length]).is_err(), "cut at byte {length}");
    }
    assert!(read("just a text\n").is_err());
    assert!(read_arpa(Path::new("no such file.arpa"), None, Tokenizer::Space).is_err());
}

#[test]
fn vocabularies_must_match() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.arpa");
    let sample = oracle::sample(4, 12, 2, 50);
    write_arpa(&path, &sample.model, &sample.vocab).unwrap();
    let smaller =
        read_arpa(&path, Some(&oracle::vocab(11)), Tokenizer::Space).unwrap_err().to_string();
    assert!(smaller.contains("not in the vocabulary"), "{smaller}");
    let larger =
        read_arpa(&path, Some(&oracle::vocab(13)), Tokenizer::Space).unwrap_err().to_string();
    assert!(larger.contains("not among the unigrams"), "{larger}");
    assert!(write_arpa(&path, &sample.model, &oracle::vocab(13)).is_err());
}
