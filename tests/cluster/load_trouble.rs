//! What goes wrong while images are loaded: what it is is said, nothing of it
//! stays, and the next load works.

use std::io::Write;
use std::process::{Child, Output, Stdio};
use std::thread;
use std::time::Duration;

use crate::cut::Cut;
use crate::harness::{check, eventually, in_node, stderr};
use crate::images::{Made, layer};
use crate::load::{Loading, NAME, noise};

const CONTENT: &str = "/var/lib/containerd/io.containerd.content.v1.content";

pub(crate) fn trouble(loading: &Loading) {
    a_full_disk(loading);
    the_engine_goes(loading);
    two_at_once(loading);
    a_kill(loading);
}

/// An image of which no node has the largest layer.
fn large(loading: &Loading, name: &str, megabytes: usize) -> Made {
    let mut made = loading.made(&[name], &format!("{name}\n"));
    made.layers.insert(0, layer("noise", &[name.as_bytes(), &noise(megabytes)].concat()));
    made
}

/// Nothing is on its way into any node, and none of them has the image in part;
/// a fast one may have had all of it before.
fn clean(loading: &Loading, name: &str) {
    assert!(loading.helpers().is_empty());
    for node in &loading.nodes {
        eventually(&format!("{node} is clean"), 60, || {
            let left = in_node(
                node,
                &format!(
                    "ctr -n k8s.io content active | tail -n +2; pgrep -a ctr; ls /run | grep skiff-load; ctr -n k8s.io images check | grep {name} | grep -v ' complete ('; true"
                ),
            );
            if left.trim().is_empty() { Ok(()) } else { Err(left) }
        });
    }
}

/// A small file system lies over where one node's content goes.
fn a_full_disk(loading: &Loading) {
    let made = large(loading, "skiff-test/full:1", 60);
    loading.give_to_engine(&made);
    let (other, full) = (&loading.nodes[0], &loading.nodes[1]);
    in_node(
        full,
        &format!(
            "mount -t tmpfs -o size=8m none {CONTENT} && mkdir -p {CONTENT}/ingest {CONTENT}/blobs/sha256"
        ),
    );
    let from_engine = loading.run(&["load", "docker-image", "skiff-test/full:1"]);
    let has_it = in_node(other, "ctr -n k8s.io images ls -q | grep skiff-test/full; true");
    let archived = large(loading, "skiff-test/full:2", 60);
    let from_archive = loading.load_stdin(&archived.docker_archive());
    in_node(full, &format!("umount {CONTENT}"));
    for out in [from_engine, from_archive] {
        let said = stderr(&out);
        assert_eq!(out.status.code(), Some(4), "{said}");
        let error = said.split_once("ERROR: ").map_or("", |(_, error)| error);
        assert!(error.starts_with(&format!("loading on {full} failed")), "{said}");
        assert!(error.contains("no space left on device"), "{said}");
        assert!(error.contains("hint: free disk space"), "{said}");
    }
    assert!(!has_it.is_empty(), "the other node has it");
    loading.run(&["delete", "image", "skiff-test/full:1"]);
    loading.run(&["delete", "image", "skiff-test/full:2"]);
    clean(loading, "skiff-test/full");
    loading.load(&["skiff-test/full:1"]);
    loading.runs("skiff-test/full:1", "Never", &made.top);
    check("a node's full disk is said, other nodes get the image, and with space it works");
}

fn spawn(loading: &Loading, cut: &Cut, what: &[&str]) -> Child {
    loading
        .lab
        .command(&[&["load"], what, &["--name", NAME]].concat())
        .env("DOCKER_HOST", format!("unix://{}", cut.socket.display()))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn on_its_way(loading: &Loading) {
    eventually("content is on its way", 30, || {
        let active = in_node(&loading.nodes[0], "ctr -n k8s.io content active");
        if active.lines().count() > 1 { Ok(()) } else { Err(active) }
    });
}

/// Waits; a program that hangs fails the test.
fn ended(mut child: Child, what: &str) -> Output {
    eventually(what, 60, || match child.try_wait().unwrap() {
        Some(_) => Ok(()),
        None => Err("it still runs".into()),
    });
    child.wait_with_output().unwrap()
}

fn the_engine_goes(loading: &Loading) {
    let folder = loading.lab.folder.path();
    let made = large(loading, "skiff-test/gone:1", 60);
    let archive = made.docker_archive();
    let cut = Cut::to(&loading.lab.socket(), folder);
    let mut child = spawn(loading, &cut, &["image-archive", "-"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&archive[..archive.len() / 2]).unwrap();
    on_its_way(loading);
    cut.now();
    let rest = archive[archive.len() / 2..].to_vec();
    let writer = thread::spawn(move || stdin.write_all(&rest));
    let out = ended(child, "a load whose engine goes");
    let _ = writer.join().unwrap();
    assert!(matches!(out.status.code(), Some(5 | 6)), "{}", stderr(&out));
    assert!(stderr(&out).contains("ERROR: "), "{}", stderr(&out));
    clean(loading, "skiff-test/gone");

    let made = large(loading, "skiff-test/gone:2", 500);
    loading.give_to_engine(&made);
    let cut = Cut::to(&loading.lab.socket(), folder);
    let child = spawn(loading, &cut, &["docker-image", "skiff-test/gone:2"]);
    on_its_way(loading);
    cut.now();
    let out = ended(child, "a load whose engine goes");
    assert!(matches!(out.status.code(), Some(5 | 6)), "{}", stderr(&out));
    assert!(stderr(&out).contains("engine"), "{}", stderr(&out));
    clean(loading, "skiff-test/gone");
    loading.load(&["skiff-test/gone:2"]);
    loading.runs("skiff-test/gone:2", "Never", &made.top);
    check("an engine that goes half-way is said, and leaves nothing");
}

fn two_at_once(loading: &Loading) {
    let made = large(loading, "skiff-test/twice:1", 60);
    loading.give_to_engine(&made);
    let load = ["load", "docker-image", "skiff-test/twice:1", "--name", NAME];
    for child in [loading.lab.spawn(&load), loading.lab.spawn(&load)] {
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", stderr(&out));
    }
    loading.runs("skiff-test/twice:1", "Never", &made.top);
    check("two loads of an image at the same time");
}

/// Nobody is left to clear up: nodes do it themselves.
fn a_kill(loading: &Loading) {
    let made = large(loading, "skiff-test/killed:1", 500);
    loading.give_to_engine(&made);
    let load = ["load", "docker-image", "skiff-test/killed:1", "--name", NAME];
    let mut child = loading.lab.spawn(&load);
    on_its_way(loading);
    child.kill().unwrap();
    child.wait().unwrap();
    thread::sleep(Duration::from_millis(500));
    clean(loading, "skiff-test/killed");
    loading.load(&["skiff-test/killed:1"]);
    loading.runs("skiff-test/killed:1", "Never", &made.top);
    check("a load that was killed leaves nothing, and the next one works");
}
