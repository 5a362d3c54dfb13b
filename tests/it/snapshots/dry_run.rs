//! `create cluster --dry-run` of every example, without an engine.

use std::path::Path;

use crate::configs;
use crate::program::{SKIFF, command, text};
use crate::support::golden;

/// What `create cluster --dry-run` prints; relative paths start at `/`.
pub fn planned(example: &str, env: &[(&str, &str)]) -> String {
    printed(example, &[], env)
}

fn printed(example: &str, flags: &[&str], env: &[(&str, &str)]) -> String {
    let file = configs::directory().join(format!("{example}.yaml"));
    let mut command = command(Path::new(SKIFF));
    command.args(["create", "cluster", "--dry-run", "--config"]).arg(file).args(flags);
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

#[test]
fn a_plan_for_programs() {
    let plan = printed("devops-lab", &["-o", "json", "--addon", "metrics-server"], &[]);
    golden::check("dry-run.json", &plan);
    // It says what the text says.
    for name in configs::examples().keys() {
        let json: serde_json::Value =
            serde_json::from_str(&printed(name, &["-o", "json"], &[])).unwrap();
        let text = planned(name, &[]);
        for node in json["nodes"].as_array().unwrap() {
            assert!(text.contains(&format!("- name: {}\n", node["name"].as_str().unwrap())));
            assert!(!node["kubeadm"].as_array().unwrap().is_empty(), "{name}");
        }
        assert_eq!(json["loadBalancer"].is_null(), !text.contains("-external-load-balancer\n"));
    }
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
