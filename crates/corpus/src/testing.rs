//! What the tests of all crates share: finding real data and oracles, and skipping visibly where there are none.
//!
//! A user has no data sets; the project's own check has, and sets `LMLAB_NO_SKIP`, under which a skip is a failure.
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The folder of data sets that `LMLAB_DATA` names; `None`, said aloud, where it names none.
///
/// # Panics
/// If there is none and `LMLAB_NO_SKIP` is set.
pub fn data() -> Option<PathBuf> {
    match std::env::var_os("LMLAB_DATA").map(PathBuf::from).filter(|p| p.is_dir()) {
        Some(folder) => Some(folder),
        None => {
            skip("LMLAB_DATA names no folder of data sets");
            None
        }
    }
}

/// True if Python has these modules; false, said aloud, if not.
///
/// # Panics
/// If it has not and `LMLAB_NO_SKIP` is set.
pub fn python_has(modules: &str) -> bool {
    let run = Command::new("python3")
        .args(["-c", &format!("import {modules}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let found = run.is_ok_and(|status| status.success());
    if !found {
        skip(&format!("python3 cannot import {modules}"));
    }
    found
}

/// Says that a test skipped itself.
///
/// # Panics
/// If `LMLAB_NO_SKIP` is set.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("LMLAB_NO_SKIP").is_none(), "unexpected skip: {reason}");
    println!("skipped: {reason}");
}
