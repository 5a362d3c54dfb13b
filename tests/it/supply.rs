//! What the images' Go modules may be: those of their authors, in versions with a
//! digest.

use std::fs;
use std::path::{Path, PathBuf};

use crate::layers::imports::files_that;

/// The words of the lines of a directive, in a block or alone.
fn directive<'a>(text: &'a str, name: &'a str) -> Vec<Vec<&'a str>> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let Some(first) = words.first().copied() else { continue };
        if first == ")" {
            in_block = false;
        } else if words.last() == Some(&"(") {
            in_block = first == name;
        } else if first == name {
            found.push(words.split_off(1));
        } else if in_block {
            found.push(words);
        }
    }
    found
}

/// What is wrong with a `go.mod` and the `go.sum` beside it.
fn problems(module: &str, sums: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let replaced = directive(module, "replace");
    for words in &replaced {
        let arrow = words.iter().position(|word| *word == "=>").unwrap_or(words.len());
        match (&words[..arrow], words.get(arrow + 1..).unwrap_or_default()) {
            ([from, ..], [to, version]) if from == to && version.starts_with('v') => {}
            _ => wrong.push(format!("replaced by something else: {}", words.join(" "))),
        }
    }
    for words in directive(module, "require") {
        let [name, version] = words[..] else { continue };
        let other = replaced.iter().find(|other| other[0] == name);
        let version = other.and_then(|other| other.last()).unwrap_or(&version);
        let start = format!("{name} {version}/go.mod h1:");
        if !sums.lines().any(|line| line.starts_with(&start)) {
            wrong.push(format!("no digest: {name} {version}"));
        }
    }
    wrong
}

#[test]
fn go_modules_are_their_authors_and_have_digests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_module = |path: &Path| path.ends_with("go.mod");
    let modules: Vec<PathBuf> = ["node-image", "configs"]
        .iter()
        .flat_map(|directory| files_that(&root.join(directory), is_module))
        .collect();
    assert!(modules.len() > 8, "{modules:?}");
    for path in modules {
        let read = |path: &Path| {
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let wrong = problems(&read(&path), &read(&path.with_extension("sum")));
        assert!(wrong.is_empty(), "{}:\n{}", path.display(), wrong.join("\n"));
    }
}

#[test]
fn a_module_from_elsewhere_is_noticed() {
    let sums = "a.org/x v1.0.0/go.mod h1:12=\na.org/y v0.2.0/go.mod h1:12=\n";
    let check = |module: &str| problems(module, sums);
    assert!(check("require a.org/x v1.0.0 // indirect\n").is_empty());
    let versions = "require (\n\ta.org/y v0.0.0\n)\nreplace a.org/y => a.org/y v0.2.0\n";
    assert!(check(versions).is_empty());
    for module in [
        "require a.org/x v1.0.1\n",
        "replace a.org/x => ../x\n",
        "replace a.org/x => b.org/x v1.0.0\n",
        "replace (\n\ta.org/x v1.0.0 => /tmp/x\n)\n",
        "require (\n\ta.org/z v1.0.0\n)\n",
    ] {
        assert_eq!(check(module).len(), 1, "{module}");
    }
}
