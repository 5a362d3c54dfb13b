//! Everything the program prints, as texts below `tests/snapshots/`.
//!
//! `SNAPSHOTS=write cargo test --features fake-engine --lib --test it` writes
//! them anew. `errors.txt` is written by the unit tests of `src/diagnose`.

mod dry_run;
mod help;
mod kubeadm;
#[cfg(feature = "fake-engine")]
mod transcripts;

use crate::support::golden;

#[test]
fn every_directory_belongs_to_a_test() {
    let known = [
        "dry-run",
        "dry-run-with-engine.yaml",
        "dry-run.json",
        "errors.txt",
        "help",
        "kubeadm",
        "transcripts",
    ];
    let found = golden::top_level();
    assert!(found.iter().all(|name| known.contains(&&name[..])), "{found:?}");
}
