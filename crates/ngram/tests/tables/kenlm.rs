//! PyPI's `kenlm` reads our ARPA files and gives our answers. Runs where `python3 -c "import kenlm"` does.
use std::fmt::Write as _;
use std::process::Command;

use corpus::TokenId;
use ngram::table::{TableKind, TableModel};
use ngram::write_arpa;

use crate::oracle;

const SCRIPT: &str = "
import sys, kenlm
model = kenlm.LanguageModel(sys.argv[1])
for line in open(sys.argv[2], encoding='utf8'):
    for prob, length, oov in model.full_scores(line.rstrip('\\n'), bos=True, eos=True):
        print(repr(prob), length)
";

#[test]
fn kenlm_gives_our_answers() {
    if !corpus::testing::python_has("kenlm") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let sample = oracle::sample(31, 30, 4, 500);
    let mut text = String::new();
    for sentence in sample.text.sentences() {
        let words: Vec<&str> =
            sentence[..sentence.len() - 1].iter().map(|&w| sample.vocab.word(w)).collect();
        writeln!(text, "{}", words.join(" ")).unwrap();
    }
    let text_path = folder.path().join("text");
    std::fs::write(&text_path, text).unwrap();
    for name in ["m.arpa", "m.arpa.gz"] {
        let arpa = folder.path().join(name);
        write_arpa(&arpa, &sample.model, &sample.vocab).unwrap();
        let run = Command::new("python3")
            .args(["-c", SCRIPT])
            .args([&arpa, &text_path])
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let printed = String::from_utf8(run.stdout).unwrap();
        let theirs: Vec<(f64, usize)> = printed
            .lines()
            .map(|l| {
                l.split_once(' ').map(|(p, n)| (p.parse().unwrap(), n.parse().unwrap())).unwrap()
            })
            .collect();
        let model = TableModel::build(TableKind::Hash, &sample.model, &sample.vocab, &[]).unwrap();
        let (mut ours, mut matches) = (Vec::new(), Vec::new());
        for sentence in sample.text.sentences() {
            model.matches(sentence, &mut matches);
            ours.extend(sentence.iter().zip(&matches).map(|(&w, m)| (w, m.log10_prob, m.length)));
        }
        assert_eq!(ours.len(), theirs.len());
        for ((word, prob, length), (their_prob, their_length)) in ours.iter().zip(&theirs) {
            assert!((prob - their_prob).abs() < 1e-4, "{word:?}: {prob}, kenlm {their_prob}");
            assert!(
                length == their_length || *word == TokenId(sample.vocab.unk().0),
                "{word:?}: {length}, kenlm {their_length}"
            );
        }
        let perplexity = |sum: f64| 10f64.powf(-sum / ours.len() as f64);
        let (a, b) = (
            perplexity(ours.iter().map(|o| o.1).sum()),
            perplexity(theirs.iter().map(|t| t.0).sum()),
        );
        assert!((a - b).abs() < 1e-4, "perplexity {a}, kenlm {b}");
    }
}
