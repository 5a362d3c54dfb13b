//! SIGINT ends every command, even if the engine or the holder of a lock never
//! answers, or a pipe is never read or written.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::program::{SKIFF, command, text};

/// Far more than a command needs, even on a busy machine, and far less than the time
/// that an engine may take to answer.
const LIMIT: Duration = Duration::from_secs(60);

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

/// More of them, for an engine that falls silent at any of its calls.
const MORE: [&[&str]; 17] = [
    &["stop", "cluster"],
    &["start", "cluster"],
    &["restart", "cluster"],
    &["pause", "cluster"],
    &["unpause", "cluster", "--all"],
    &["create", "cluster", "--name", "new"],
    &["create", "cluster", "--name", "new", "--config", "two.yaml"],
    &["create", "cluster", "--name", "new", "--dry-run"],
    &["get", "sbom", "app:1"],
    &["load", "image-archive", "app.tar"],
    &["addon", "list"],
    &["addon", "install", "metrics-server"],
    &["addon", "install", "--manifest", "manifest.yaml"],
    &["addon", "install", "metrics-server", "--dry-run"],
    &["addon", "remove", "metrics-server"],
    &["build", "node-image", "--force"],
    &["build", "addon-images", "metrics-server"],
];

const TWO_NODES: &str = "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes: [{role: control-plane}, {role: worker}]
";

/// The program on an engine in memory with this script.
fn scripted(directory: &Path, args: &[&str], script: &str) -> Command {
    std::fs::write(directory.join("engine.yaml"), script).unwrap();
    std::fs::write(directory.join("two.yaml"), TWO_NODES).unwrap();
    std::fs::write(directory.join("app.tar"), "").unwrap();
    let manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
    std::fs::write(directory.join("manifest.yaml"), manifest).unwrap();
    let mut skiff = command(Path::new(SKIFF));
    skiff.args(args).current_dir(directory).env("SKIFF_FAKE_ENGINE", "engine.yaml");
    skiff.env("HOME", directory).env("KUBECONFIG", "config");
    skiff.stdout(Stdio::piped()).stderr(Stdio::piped());
    skiff
}

/// At each call, the engine sends SIGINT and answers nothing from then on: neither the
/// command itself nor what it cleans up afterwards.
#[test]
fn an_engine_that_falls_silent_is_not_waited_for() {
    for args in COMMANDS.into_iter().chain(MORE) {
        for does in ["silence", "stream-silence"] {
            for call in 0.. {
                let directory = tempfile::tempdir().unwrap();
                let script = format!(
                    "clusters: {{kind: [control-plane]}}\nfiles: {{/usr/share/skiff/sbom.cdx.json: '{{\"bomFormat\": \"CycloneDX\"}}'}}\nfaults: [{{from: {call}, does: {does}}}]"
                );
                let child = scripted(directory.path(), args, &script).spawn().unwrap();
                let out = ended(child, &format!("{args:?} with {does} at call {call}"));
                let said = text(&out.stderr);
                if !said.contains("Interrupted") {
                    assert!(
                        call > 0 || args[..2] == ["addon", "list"],
                        "{args:?} asks for nothing"
                    );
                    break;
                }
                assert_eq!(out.status.code(), Some(130), "{args:?}, {does} at {call}: {said}");
            }
        }
    }
}

/// The last event says that it was interrupted, even if the program has to be ended for it.
#[test]
fn events_end_whatever_the_engine_does() {
    for args in [&["create", "cluster"][..], &["load", "docker-image", "app:1"]] {
        for call in [0, 3, 6, 9, 15] {
            let directory = tempfile::tempdir().unwrap();
            let script = format!(
                "images: {{'app:1': {{}}, 'kindest/node:v1': {{}}}}\nclusters: {{lab: [control-plane]}}\nfaults: [{{from: {call}, does: silence}}]"
            );
            let args = [args, &["--name", if args[0] == "load" { "lab" } else { "new" }]].concat();
            let args = [&args[..], &["--progress", "json"]].concat();
            let child = scripted(directory.path(), &args, &script).spawn().unwrap();
            let out = ended(child, &format!("{args:?} with silence at call {call}"));
            let said = text(&out.stderr);
            let events: Vec<serde_json::Value> =
                said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
            let last = events.last().unwrap();
            if !said.contains("Interrupted") {
                assert!(call > 0, "{args:?} asks for nothing");
                continue;
            }
            assert_eq!(out.status.code(), Some(130), "{said}");
            assert_eq!(
                (&last["error"]["kind"], &last["exitCode"]),
                (&"interrupted".into(), &130.into()),
                "{said}"
            );
            let count = |event: &str| events.iter().filter(|line| line["event"] == event).count();
            assert_eq!(count("start"), count("end"), "{said}");
        }
    }
}

/// What never comes from stdin, or is never read from stdout, is not waited for.
#[test]
fn a_pipe_without_another_end_is_not_waited_for() {
    let commands: [&[&str]; 6] = [
        &["create", "cluster", "--config", "-"],
        &["create", "cluster", "--config", "-", "--dry-run"],
        &["addon", "install", "--manifest", "-"],
        &["version"],
        &["completion", "bash"],
        &["get", "clusters"],
    ];
    for args in commands {
        let directory = tempfile::tempdir().unwrap();
        let (host, _questions) = silent_engine(directory.path(), true);
        let mut skiff = scripted(directory.path(), args, "");
        // With an engine in memory, the program has just one thread.
        skiff.env_remove("SKIFF_FAKE_ENGINE").env("DOCKER_HOST", host);
        let _ends = blocked(&mut skiff);
        let child = skiff.spawn().unwrap();
        listens(&child);
        interrupted(child, &format!("{args:?} with blocked pipes"));
    }
}

/// Gives the program a stdin that nobody writes to, and a stdout that is full.
fn blocked(skiff: &mut Command) -> [PipeEnd; 2] {
    let (stdin, stdin_writer) = std::io::pipe().unwrap();
    let (stdout_reader, mut stdout) = std::io::pipe().unwrap();
    // The capacity of a pipe (pipe(7)).
    stdout.write_all(&[0; 65536]).unwrap();
    skiff.stdin(stdin).stdout(stdout);
    [PipeEnd::Writer(stdin_writer), PipeEnd::Reader(stdout_reader)]
}

#[expect(dead_code, reason = "they are kept open")]
enum PipeEnd {
    Reader(std::io::PipeReader),
    Writer(std::io::PipeWriter),
}

/// Waits until the program listens for SIGINT (proc(5), `SigCgt`), and a little more, so
/// that it waits for the pipe.
fn listens(child: &Child) {
    let status = format!("/proc/{}/status", child.id());
    let is_listening = || {
        let status = std::fs::read_to_string(&status).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & 0b10 != 0
    };
    while !is_listening() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
}

fn start(directory: &TempDir, args: &[&str], host: &str) -> Child {
    let mut skiff = command(Path::new(SKIFF));
    skiff.args(args).current_dir(directory).env("DOCKER_HOST", host);
    skiff.env("KUBECONFIG", directory.path().join("config"));
    skiff.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends SIGINT once; returns what the program wrote to stderr.
fn interrupted(child: Child, what: &str) -> String {
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let out = ended(child, what);
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(130), "{what}: {said}");
    said
}

/// Waits for a program that must end soon.
fn ended(child: Child, what: &str) -> Output {
    let pid = child.id().to_string();
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    receiver.recv_timeout(LIMIT).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
        panic!("{what} goes on after SIGINT")
    })
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
