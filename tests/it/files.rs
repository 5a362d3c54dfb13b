//! Every test is run: a `.rs` file that no `mod` line names is never compiled,
//! and nobody would notice.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::layers::imports::files;

/// A file and every file below `directory` that its `mod` lines lead to.
/// Submodules of `file` are looked up in `directory`.
fn compiled(file: PathBuf, directory: &Path) -> BTreeSet<PathBuf> {
    let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut found = BTreeSet::from([file]);
    let mut elsewhere = false;
    for line in text.lines() {
        let line = line.trim_start_matches("pub ");
        let name = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'));
        if let Some(name) = name.filter(|_| !elsewhere) {
            let file = directory.join(name).with_extension("rs");
            found.extend(compiled(file, &directory.join(name)));
        }
        // The next `mod` line is about a file of another directory.
        elsewhere = line.starts_with("#[path") || elsewhere && line.starts_with("#[");
    }
    found
}

#[test]
fn every_file_is_part_of_its_program() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (directory, root) in [("it", "main.rs"), ("cluster", "main.rs"), ("support", "lib.rs")] {
        let directory = tests.join(directory);
        let compiled = compiled(directory.join(root), &directory);
        let mut forgotten = files(&directory);
        forgotten.retain(|file| !compiled.contains(file));
        assert!(forgotten.is_empty(), "no `mod` line names {forgotten:?}");
        assert!(compiled.len() > 3, "{compiled:?}");
    }
}
