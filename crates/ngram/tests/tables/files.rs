//! A damaged file is refused, whatever is damaged.
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};

use lm::LanguageModel;
use ngram::table::{TableKind, TableModel};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::oracle;

#[test]
fn truncated_or_flipped_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.table");
    let sample = oracle::sample(1, 5, 2, 3);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for kind in TableKind::ALL {
        TableModel::build(kind, &sample.model, &sample.vocab, &[])
            .unwrap()
            .save(&path, &sample.vocab)
            .unwrap();
        let good = std::fs::read(&path).unwrap();
        assert!(TableModel::open(&path).is_ok());
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        let mut write = |at: usize, byte: u8| {
            file.seek(SeekFrom::Start(at as u64)).and_then(|_| file.write_all(&[byte])).unwrap();
        };
        for _ in 0..400 {
            let bit = rng.random_range(0..good.len() * 8);
            write(bit / 8, good[bit / 8] ^ 1 << (bit % 8));
            assert!(TableModel::open(&path).is_err(), "{kind}, bit {bit}");
            write(bit / 8, good[bit / 8]);
        }
        assert!(TableModel::open(&path).is_ok());
        for length in (0..good.len()).rev() {
            file.set_len(length as u64).unwrap();
            let message = TableModel::open(&path)
                .err()
                .unwrap_or_else(|| panic!("{kind} cut at byte {length}"))
                .to_string();
            assert!(length < 40 || message.contains("cut short"), "{message}");
        }
    }
}

#[test]
fn files_that_are_something_else_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.txt");
    std::fs::write(
        &path,
        "this is a text, and a long enough one to have a header in it, if it were a table\n"
            .repeat(9),
    )
    .unwrap();
    assert!(TableModel::open(&path).err().unwrap().to_string().contains("no n-gram table"));
    assert!(TableModel::open(folder.path()).is_err());
    assert!(TableModel::open(&folder.path().join("absent")).is_err());
}

#[test]
fn saving_replaces_whole_files_and_leaves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.table");
    std::fs::write(&path, "old").unwrap();
    let sample = oracle::sample(3, 8, 2, 20);
    let model = TableModel::build(TableKind::Packed, &sample.model, &sample.vocab, &[]).unwrap();
    model.save(&path, &sample.vocab).unwrap();
    assert!(TableModel::open(&path).is_ok());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    assert!(model.save(&folder.path().join("no such folder/model"), &sample.vocab).is_err());
}

#[test]
fn the_same_model_makes_the_same_bytes() {
    let sample = oracle::sample(4, 30, 4, 300);
    let bytes = |threads: usize, kind| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.table");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| TableModel::build(kind, &sample.model, &sample.vocab, &[]))
            .unwrap()
            .save(&path, &sample.vocab)
            .unwrap();
        std::fs::read(path).unwrap()
    };
    TableKind::ALL.into_iter().for_each(|kind| assert!(bytes(1, kind) == bytes(4, kind), "{kind}"));
}
