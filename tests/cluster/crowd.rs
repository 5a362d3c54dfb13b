//! Many at once on one kubeconfig: none fails, nothing is lost.

use std::process::Child;

use crate::fake_node;
use crate::harness::{Lab, check, containers_of, eventually, stderr};

const MANY: usize = 20;

const FOREIGN: &str = "apiVersion: v1
kind: Config
clusters: [{name: foreign, cluster: {server: 'https://foreign.example'}}]
users: [{name: foreign, user: {token: secret}}]
contexts: [{name: foreign, context: {cluster: foreign, user: foreign}}]
current-context: foreign
";

fn all_succeed(children: Vec<Child>) {
    for child in children {
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", stderr(&out));
    }
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn twenty_at_once_share_a_kubeconfig() {
    fake_node::make_image();
    let names: Vec<String> = (1..=MANY).map(|n| format!("skiff-test-crowd-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let lab = Lab::new(&names);
    std::fs::write(lab.kubeconfig(), FOREIGN).unwrap();
    let lock = lab.folder.path().join("kubeconfig.lock");
    let contexts = || {
        let text = std::fs::read_to_string(lab.kubeconfig()).unwrap();
        let config = skiff::yaml::document(&text).unwrap();
        let entries = |kind: &str| config[kind].as_array().unwrap().len();
        assert_eq!(
            (entries("clusters"), entries("users")),
            (entries("contexts"), entries("contexts"))
        );
        assert!(text.contains("https://foreign.example") && text.contains("token: secret"));
        let is_there = |name: &&&str| {
            let context = format!("kind-{name}");
            config["contexts"].as_array().unwrap().iter().any(|entry| entry["name"] == *context)
        };
        names.iter().filter(is_there).count()
    };
    let create = |name: &&str| {
        let flags = ["--image", fake_node::IMAGE, "--wait", "0s", "--name", name];
        lab.spawn(&[&["create", "cluster"][..], &flags].concat())
    };
    all_succeed(names.iter().map(create).collect());
    assert_eq!(contexts(), MANY);
    assert!(!lock.exists());
    check("twenty creations at once: all succeed, one kubeconfig holds them all");

    all_succeed(
        names.iter().map(|name| lab.spawn(&["delete", "cluster", "--name", name])).collect(),
    );
    assert_eq!(contexts(), 0);
    assert!(!lock.exists());
    assert!(names.iter().all(|name| containers_of(name).is_empty()));
    check("twenty deletions at once: all succeed, only what is not theirs is left");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_lock_is_waited_for() {
    fake_node::make_image();
    let name = "skiff-test-lock";
    let lab = Lab::new(&[name]);
    let lock = lab.folder.path().join("kubeconfig.lock");
    std::fs::write(&lock, "").unwrap();
    let child =
        lab.spawn(&["create", "cluster", "--name", name, "--image", fake_node::IMAGE, "--wait=0s"]);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(containers_of(name).is_empty(), "nothing is made while the kubeconfig is locked");
    std::fs::remove_file(&lock).unwrap();
    all_succeed(vec![child]);
    eventually("the cluster", 1, || match containers_of(name).len() {
        1 => Ok(()),
        count => Err(format!("{count} containers")),
    });
    check("another program's lock is waited for");
}
