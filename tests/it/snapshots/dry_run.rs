//! `create cluster --dry-run` of every example, without an engine.

use std::path::Path;

use crate::configs;
use crate::program::{SKIFF, command, text};
use crate::support::golden;

/// What `create cluster --dry-run` prints; relative paths start at `/`.
pub fn planned(example: &str, env: &[(&str, &str)]) -> String {
    let file = configs::directory().join(format!("{example}.yaml"));
    let mut command = command(Path::new(SKIFF));
    command.args(["create", "cluster", "--dry-run", "--config"]).arg(file);
    let out = command.current_dir("/").envs(env.iter().copied()).output().unwrap();
    assert_eq!((out.status.code(), text(&out.stderr).as_str()), (Some(0), ""), "{example}");
    text(&out.stdout)
}

#[test]
fn plans_of_every_example() {
    let mut goldens = golden::Directory::new("dry-run");
    for name in configs::examples().keys() {
        goldens.check(&format!("{name}.yaml"), &planned(name, &[]));
    }
    goldens.finish();
}

/// An engine that is there decides on node image and load balancer.
#[cfg(feature = "fake-engine")]
#[test]
fn plan_on_an_engine() {
    let script = "images: {skiff/node:v1.37.2: {io.skiff.api-balancer: haproxy}}";
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("engine.yaml");
    std::fs::write(&file, script).unwrap();
    let plan = planned("ha", &[("SKIFF_FAKE_ENGINE", file.to_str().unwrap())]);
    golden::check("dry-run-with-engine.yaml", &plan);
}
