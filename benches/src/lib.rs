//! Criterion benches of the suite; see the files in `benches/benches/`.
