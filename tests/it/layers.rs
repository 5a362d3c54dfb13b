//! Keeps the house in order: modules use only what stands below them, files do
//! not use each other in circles, outside libraries stay behind their doors,
//! files stay small, and the map in `src/lib.rs` is true.

pub mod imports;

use std::fs;
use std::path::Path;

/// From the bottom up. A module uses only modules before it.
const ORDER: [&str; 54] = [
    // Words and small tools.
    "labels",
    "text",
    "duration",
    "environment",
    "secret",
    "platform",
    "sudo",
    "files",
    "cache",
    "version",
    "yaml",
    "toml",
    "progress",
    "check",
    "cluster",
    // Deciding, without effects.
    "patch",
    "config",
    "kubeadm",
    "kubeconfig",
    "image",
    // The engine, and nodes.
    "engine",
    "context",
    "node",
    "inventory",
    "kube",
    // Parts of the way to a cluster.
    "pull",
    "image_file",
    "builder",
    "plan",
    "node_image",
    "settle",
    "provision",
    "bootstrap",
    "preflight",
    "components",
    "component_config",
    "pods",
    "readiness",
    // Whole operations.
    "admin_kubeconfig",
    "delete",
    "create",
    "lifecycle",
    "dry_run",
    "load",
    "logs",
    "kubectl",
    "addon",
    "health",
    "status",
    "sbom",
    // The human.
    "diagnose",
    "report",
    "signal",
    "cli",
];

/// Which modules may name a library.
const DOORS: [(&str, &[&str]); 22] = [
    ("bollard", &["engine"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("directories", &["cache"]),
    ("flate2", &["image", "preflight"]),
    ("getrandom", &["text"]),
    ("granit_parser", &["yaml"]),
    ("hyper", &["load"]),
    ("hyper_util", &["engine", "load"]),
    ("indicatif", &["report"]),
    ("minijinja", &["addon"]),
    ("rcgen", &["addon"]),
    ("reqwest", &["addon"]),
    ("rustix", &["platform"]),
    ("rustls_native_certs", &["engine"]),
    ("ruzstd", &["image"]),
    ("semver", &["version", "addon"]),
    ("serde_yaml", &["yaml"]),
    ("strsim", &["text", "cli"]),
    ("terminal_size", &["report"]),
    ("tokio_rustls", &["engine", "addon"]),
    ("x509_parser", &["health"]),
];

fn name(module: &[String]) -> String {
    module.join("/")
}

#[test]
fn modules_use_only_what_is_below_them() {
    let rank = |module: &[String]| {
        let found = ORDER.iter().position(|name| *name == module[0]);
        found.unwrap_or_else(|| panic!("{} is not in the order", name(module)))
    };
    let mut wrong = Vec::new();
    for (module, used) in imports::imports(&imports::sources()) {
        let above = used.iter().filter(|used| rank(used) > rank(&module));
        wrong.extend(above.map(|used| format!("{} uses {}", name(&module), name(used))));
    }
    assert!(wrong.is_empty(), "upwards:\n{}", wrong.join("\n"));
}

#[test]
fn files_do_not_use_each_other_in_circles() {
    let circles = imports::circles(&imports::imports(&imports::sources()));
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
}

/// `src/lib.rs` is where people start: it names every module, in this order.
#[test]
fn the_map_is_true() {
    let text = read("src/lib.rs");
    let map: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let map = map.join("\n");
    let mut at = 0;
    for module in ORDER {
        let mark = format!("[`{module}`]");
        let found = map[at..].find(&mark);
        at += found.unwrap_or_else(|| panic!("{module} is not in its place in src/lib.rs"));
        let declared = [format!("mod {module};"), format!("pub mod {module};")];
        assert!(text.lines().any(|line| declared.iter().any(|d| d == line)), "{module}");
    }
    let declared =
        text.lines().filter(|line| line.starts_with("mod ") || line.starts_with("pub mod "));
    assert_eq!(declared.count(), ORDER.len(), "modules that are not in the order");
}

#[test]
fn libraries_stay_behind_their_doors() {
    for (module, text) in imports::sources() {
        for (library, doors) in DOORS {
            let used = [format!("{library}::"), format!("use {library};")];
            let used = used.iter().any(|form| {
                text.match_indices(form.as_str()).any(|(at, _)| {
                    !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                })
            });
            assert!(
                !used || doors.contains(&module[0].as_str()),
                "{} uses {library}",
                name(&module)
            );
        }
    }
}

/// `std::os::…`, and conditions on the system, are behind one door.
#[test]
fn what_one_system_has_stays_in_platform() {
    for (module, text) in imports::sources() {
        let signs = ["std::os::", "tokio::signal", "(unix)", "(windows)", "(target_os"];
        let found = signs.iter().find(|sign| text.contains(**sign));
        assert!(
            found.is_none() || module[0] == "platform",
            "{} uses {}",
            name(&module),
            found.unwrap_or(&"")
        );
    }
}

#[test]
fn files_stay_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in imports::files(&root.join("src")) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in imports::files(&root.join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let exempt = path.ends_with("main.rs")
            || path.ends_with("tests.rs")
            || path.components().any(|c| c.as_os_str() == "tests");
        assert!(exempt || text.starts_with("//!"), "{} has no //! documentation", path.display());
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}
