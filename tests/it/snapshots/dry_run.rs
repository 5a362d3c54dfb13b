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
