//! Keeps the house in order: modules use only what stands below them, outside
//! libraries stay behind their doors, files stay small.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// From the inside outwards. A module may use its own layer's lower ranks only
/// where that is listed first, and nothing above.
const LAYERS: [&[&str]; 6] = [
    &["labels", "cluster", "version", "yaml", "toml", "progress", "text", "cache"],
    &["patch", "config", "kubeadm", "kubeconfig", "image"],
    &["engine", "context", "node"],
    &[
        "inventory",
        "pull",
        "builder",
        "plan",
        "node_image",
        "settle",
        "provision",
        "bootstrap",
        "readiness",
    ],
    &["admin_kubeconfig", "delete", "create", "dry_run", "logs", "load", "kubectl", "addon"],
    &["diagnose", "report", "signal", "cli"],
];

/// Which modules may name a library.
const DOORS: [(&str, &[&str]); 18] = [
    ("bollard", &["engine"]),
    ("hyper_util", &["engine", "load"]),
    ("tokio_rustls", &["engine", "addon"]),
    ("rustls_native_certs", &["engine"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("indicatif", &["report"]),
    ("serde_yaml", &["yaml"]),
    ("granit_parser", &["config"]),
    ("toml_edit", &["toml"]),
    ("hyper", &["load"]),
    ("flate2", &["image"]),
    ("ruzstd", &["image"]),
    ("reqwest", &["addon"]),
    ("minijinja", &["addon"]),
    ("rcgen", &["addon"]),
    ("semver", &["addon"]),
    ("strsim", &["text", "addon"]),
];

fn sources() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.insert(
                    path.strip_prefix(&root).unwrap().to_owned(),
                    fs::read_to_string(&path).unwrap(),
                );
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

fn module(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn is_test(path: &Path) -> bool {
    path.ends_with("tests.rs")
        || path.ends_with("fake.rs")
        || path.components().any(|c| c.as_os_str() == "tests")
}

/// The text before the unit tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

#[test]
fn modules_use_only_what_is_below_them() {
    let layer = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    let mut wrong = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let own = module(path);
        if own == "lib" || own == "main" || path.ends_with("watch.rs") {
            continue;
        }
        let own_layer = layer(&own).unwrap_or_else(|| panic!("{own} belongs to no layer"));
        for line in code(text).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for (at, _) in line.match_indices("crate::") {
                let used: String = line[at + 7..]
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if layer(&used).is_none_or(|used| used > own_layer) {
                    wrong.push(format!("{}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "upwards:\n{}", wrong.join("\n"));
}

#[test]
fn libraries_stay_behind_their_doors() {
    for (path, text) in sources() {
        for (library, doors) in DOORS {
            let used = [format!("{library}::"), format!("use {library};")]
                .iter()
                .any(|form| text.contains(form));
            assert!(
                !used || doors.contains(&module(&path).as_str()),
                "{} uses {library}",
                path.display()
            );
        }
    }
}

#[test]
fn files_stay_small() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
}
