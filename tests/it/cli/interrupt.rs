//! SIGINT ends every command, even if the engine or the holder of a lock never
//! answers.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::program::{SKIFF, command, text};

/// Far more than a command needs, even on a busy machine, and far less than the time
/// that an engine may take to answer.
const LIMIT: Duration = Duration::from_secs(120);

/// The commands that ask the engine for something.
const COMMANDS: [&[&str]; 14] = [
    &["create", "cluster"],
    &["delete", "cluster"],
    &["delete", "clusters", "kind"],
    &["delete", "clusters", "--all"],
    &["delete", "image", "app:1"],
    &["export", "kubeconfig"],
    &["export", "logs", "logs"],
    &["get", "clusters"],
    &["get", "images"],
    &["get", "kubeconfig"],
    &["get", "nodes"],
    &["kubectl", "get", "nodes"],
    &["load", "docker-image", "app:1"],
    &["addon", "status"],
];

/// What the engine has: one running node.
const CONTAINERS: &str = r#"[{"Names": ["/kind-control-plane"], "State": "running", "Labels": {
    "io.x-k8s.kind.cluster": "kind", "io.x-k8s.kind.role": "control-plane"}}]"#;

/// An engine that accepts every connection, and answers at most the question for
/// containers. The receiver gets a message for every question without an answer.
fn silent_engine(directory: &Path, lists_containers: bool) -> (String, Receiver<()>) {
    let socket = directory.join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let (unanswered, questions) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, unanswered) = (stream.unwrap(), unanswered.clone());
            std::thread::spawn(move || hear(stream, lists_containers, &unanswered));
        }
    });
    (format!("unix://{}", socket.display()), questions)
}

fn hear(mut stream: UnixStream, lists_containers: bool, unanswered: &Sender<()>) {
    let mut question = [0; 65536];
    while let Ok(length @ 1..) = stream.read(&mut question) {
        if lists_containers && text(&question[..length]).starts_with("GET /containers/json") {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length";
            let _ = write!(stream, "{head}: {}\r\n\r\n{CONTAINERS}", CONTAINERS.len());
        } else {
            let _ = unanswered.send(());
        }
    }
}

fn start(directory: &TempDir, args: &[&str], host: &str) -> Child {
    let mut skiff = command(Path::new(SKIFF));
    skiff.args(args).current_dir(directory).env("DOCKER_HOST", host);
    skiff.env("KUBECONFIG", directory.path().join("config"));
    skiff.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends SIGINT once; returns what the program wrote to stderr.
fn interrupted(child: Child, what: &str) -> String {
    let pid = child.id().to_string();
    let signal = |name: &str| Command::new("kill").args([name, &pid]).status().unwrap();
    signal("-INT");
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let out = receiver.recv_timeout(LIMIT).unwrap_or_else(|_| {
        signal("-KILL");
        panic!("{what} goes on after SIGINT")
    });
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(130), "{what}: {said}");
    said
}

#[test]
fn an_engine_that_never_answers_is_not_waited_for() {
    for args in COMMANDS {
        for lists_containers in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let (host, questions) = silent_engine(directory.path(), lists_containers);
            let what = format!("{args:?} (containers listed: {lists_containers})");
            let mut child = start(&directory, args, &host);
            if lists_containers && matches!(args, ["get", "clusters" | "nodes"]) {
                assert!(child.wait().unwrap().success(), "{what}");
                continue;
            }
            questions.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{what} asks for nothing"));
            interrupted(child, &what);
        }
    }
}

/// Nobody gives up the lock of the kubeconfig.
#[test]
fn a_locked_kubeconfig_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.lock"), "").unwrap();
    let (host, _questions) = silent_engine(directory.path(), true);
    let mut child = start(&directory, &["create", "cluster"], &host);
    // Its first line comes before it waits, and the signal is caught by then.
    child.stderr.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let said = interrupted(child, "create cluster");
    assert!(said.contains("interrupted while"), "{said}");
    assert!(directory.path().join("config.lock").exists());
}
