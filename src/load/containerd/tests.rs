//! Runs `node.sh` itself, with a `ctr` that only records how it is called.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use super::pull_fields::Fields;
use super::*;
use crate::environment;
use crate::image::fixtures;

/// Records its arguments in a file of its own, each ended by a NUL byte; then the
/// registry that it would pull from, or the archive that it imports. `FAKE_*` variables say what it writes.
const CTR: &str = r#"#!/bin/bash
exec 3>"$(mktemp "$FAKE_LOG.XXXXXX")"
printf '%s\0' "$@" >&3
for argument; do
  [[ $before != --hosts-dir ]] || printf '%s\0' "$(head -1 "$argument/_default/hosts.toml")" >&3
  before=$argument
done
[[ $* != *images\ import*- ]] || printf 'stdin=%s\0' "$(cat)" >&3
shift
[[ -z $FAKE_FAILS || $* != *"$FAKE_FAILS"* ]] || { echo "ctr: $FAKE_FAILS failed" >&2; exit 3; }
case "$1 $2" in
  "images ls") printf '%s' "$FAKE_IMAGES" ;;
  "content ls") printf '%s' "$FAKE_BLOBS" ;;
  "snapshots --snapshotter") printf '%s' "$FAKE_SNAPSHOTS" ;;
  "import --help") printf '%s' "$FAKE_HELP" ;;
esac
"#;

struct FakeNode {
    root: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl FakeNode {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let program = |name: &str, text: &str| {
            // Written by another process: a file that is open for writing, even in
            // a process that another test has just forked, cannot be run.
            let mut shell = std::process::Command::new("sh")
                .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
                .arg(root.path().join(name))
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            assert!(shell.wait().unwrap().success());
        };
        program("ctr", CTR);
        program("containerd", "#!/bin/sh\n");
        FakeNode { root, variables: Vec::new() }
    }

    fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((variable, value.into()));
        self
    }

    fn log(&self) -> PathBuf {
        self.root.path().join("log")
    }

    fn run(&self, command: Command, stdin: &[u8]) -> Output {
        let path =
            format!("{}:{}", self.root.path().display(), environment::variable("PATH").unwrap());
        let mut child = std::process::Command::new(&command.argv[0])
            .args(&command.argv[1..])
            .env("PATH", path)
            .env("TMPDIR", self.root.path())
            .env("FAKE_LOG", self.log())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A script that has failed does not read it.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        child.wait_with_output().unwrap()
    }

    /// How `ctr` was called, sorted: some calls run at the same time.
    fn calls(&self) -> Vec<Vec<String>> {
        let files = std::fs::read_dir(self.root.path()).unwrap().map(|e| e.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some() && path.is_file());
        let call = |path| {
            let text = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
            text.split_terminator('\0').map(str::to_owned).collect()
        };
        let mut calls: Vec<Vec<String>> = logs.map(call).collect();
        calls.sort();
        calls
    }

    fn leftovers(&self) -> usize {
        let names = std::fs::read_dir(self.root.path()).unwrap().map(|e| e.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("skiff-load")).count()
    }
}

fn call(arguments: &[&str]) -> Vec<String> {
    ["--namespace=k8s.io"].iter().chain(arguments).map(|text| text.to_string()).collect()
}

fn report_command(filters: &[&str]) -> Command {
    let arguments = ["BOUNDARY", "native"].iter().chain(filters).map(|text| text.to_string());
    script("report", arguments)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const HOSTILE: [&str; 8] = [
    "a b",
    "line\nfeed",
    "--local",
    "--\n==\n\nBOUNDARY",
    "$(touch /tmp/x) `id` ; rm -rf / & #",
    "*?[x]",
    "\"'\\",
    "",
];

/// Runs a command of a load, with a registry that can be reached; returns how it
/// calls `ctr`.
pub(in crate::load) fn ctr_calls(command: &Command) -> Vec<Vec<String>> {
    let registry = TcpListener::bind("127.0.0.1:0").unwrap();
    let stdin = command.stdin.as_deref().unwrap_or_default();
    let mut fields: Vec<&[u8]> = stdin.split(|byte| *byte == 0).collect();
    let port = registry.local_addr().unwrap().port().to_string();
    if fields[0] == b"pull" {
        let filters: usize = str::from_utf8(fields[1]).unwrap().parse().unwrap();
        fields[3 + filters] = port.as_bytes();
    }
    let node = FakeNode::new();
    let output = node.run(command.clone(), &fields.join(&0));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(node.leftovers(), 0);
    node.calls()
}

#[test]
fn a_report_has_all_sections_and_looks_once() {
    let digest = |text: &[u8]| crate::image::Digest::of(text).to_string();
    let (target, blob, chain) = (digest(b"target"), digest(b"blob"), digest(b"chain"));
    let node = FakeNode::new()
        .with("FAKE_IMAGES", format!("REF\napp:1 type {target} 1.0 MiB -"))
        .with("FAKE_BLOBS", &blob)
        .with("FAKE_SNAPSHOTS", format!("{chain} Committed\n"));
    let output = node.run(report_command(&HOSTILE), b"");
    assert!(output.status.success(), "{output:?}");
    let text = stdout(&output);
    let (text, rest) = text.split_once(&format!("\n{}\n", report::end("BOUNDARY"))).unwrap();
    assert_eq!(rest, "");
    let report = report::parse(&format!("{text}\n"), "BOUNDARY").unwrap();
    assert_eq!(report.content.images[0].name.as_str(), "app:1");
    assert_eq!(report.content.blobs.first().unwrap().to_string(), blob);
    assert_eq!(report.content.snapshots.first().unwrap().to_string(), chain);
    let images = call(&[&["images", "ls"][..], &HOSTILE].concat());
    let mut expected = [
        call(&["content", "ls", "-q"]),
        images,
        call(&["snapshots", "--snapshotter", "native", "ls"]),
    ];
    expected.sort();
    assert_eq!(node.calls(), expected);
    assert_eq!(node.leftovers(), 0);
}

/// The fields of a pull with these texts, whatever they contain.
fn fields(port: u16, texts: &[&str], client: &str) -> Vec<u8> {
    let texts: Vec<String> = texts.iter().map(|text| text.to_string()).collect();
    let mut fields = Fields::default();
    fields.add("pull");
    fields.add_list(&texts);
    fields.add("127.0.0.1");
    fields.add(&port.to_string());
    fields.add("2");
    for url in ["http://one", "http://two"] {
        fields.add(url);
        fields.add(client);
        fields.add(&texts[0]);
        fields.add_list(&texts);
    }
    fields.0
}

#[test]
fn every_field_stays_one_argument() {
    let registry = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = registry.local_addr().unwrap().port();
    for at in 0..HOSTILE.len() {
        let mut texts = HOSTILE;
        texts.rotate_left(at);
        let (client, flags) = [("daemon", &[][..]), ("client", &["--local"])][at % 2];
        let node = FakeNode::new();
        let output = node.run(report_command(&[]), &fields(port, &texts, client));
        assert!(output.status.success(), "{output:?}");
        let end = format!("\n{}\n", report::end("BOUNDARY"));
        assert_eq!(stdout(&output).matches(&end).count(), 2);
        let calls = node.calls();
        let of = |name: &str| -> Vec<&Vec<String>> {
            calls.iter().filter(|call| call[2] == name).collect()
        };
        let pull = call(&[&["images", "pull"][..], flags, &["--hosts-dir"]].concat());
        let rest = ["--snapshotter", "native", "--platform", texts[0], texts[0]];
        for (made, url) in of("pull").into_iter().zip(["http://one", "http://two"]) {
            let (before, after) = made.split_at(pull.len());
            assert_eq!(before, pull);
            let server = format!("server = \"{url}\"");
            assert_eq!(after[1..], [&rest[..], &[&server]].concat());
        }
        assert_eq!(of("pull").len(), 2);
        let tag = |name: &&str| call(&["images", "tag", "--force", texts[0], name]);
        let mut tags: Vec<_> = texts[1..].iter().chain(&texts[1..]).map(tag).collect();
        tags.sort();
        assert_eq!(of("tag"), tags.iter().collect::<Vec<_>>());
        assert!(calls.contains(&call(&[&["images", "ls"][..], &texts].concat())));
        assert_eq!(calls.len(), 2 * 3 + 2 + tags.len());
        assert_eq!(node.leftovers(), 0);
    }
}

#[test]
fn what_is_sent_is_what_the_script_reads() {
    let registry = TcpListener::bind("127.0.0.1:0").unwrap();
    let image = fixtures::image(&[b"layer"]);
    let filter = ImageFilter::loaded([&image].into_iter());
    let source = PullSource { image: image.clone(), url: "http://registry/v2".into() };
    let fields = pull_fields::encode(
        &[source],
        registry.local_addr().unwrap(),
        "amd64",
        &Snapshotter::default(),
    );
    let node = FakeNode::new();
    let output = node.run(report_command(&[]), &fields);
    assert!(output.status.success(), "{output:?}");
    let calls = node.calls();
    let pulled = calls.iter().find(|call| call[2] == "pull").unwrap();
    let [.., name, server] = &pulled[..] else { panic!("{pulled:?}") };
    assert_eq!(*name, image.names[0].to_string());
    assert_eq!(server, "server = \"http://registry/v2\"");
    let listed = calls.iter().rfind(|call| call[1..3] == ["images", "ls"]).unwrap();
    assert_eq!(listed[3..], *filter.arguments());
}

#[test]
fn failures_are_the_exit_status_and_end_at_once() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let node = FakeNode::new();
    let output = node.run(report_command(&[]), &fields(closed, &["app:1"], "daemon"));
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.ends_with(&format!("cannot reach port {closed} of 127.0.0.1\n")), "{stderr}");
    assert!(!node.calls().iter().any(|call| call[2] == "pull"));

    let registry = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = registry.local_addr().unwrap().port();
    for (fails, stdin) in [
        ("images ls", Vec::new()),
        ("content ls", Vec::new()),
        ("snapshots", Vec::new()),
        ("images pull", fields(port, &["app:1"], "daemon")),
        ("images tag", fields(port, &["app:1", "app:2"], "daemon")),
        ("none", fields(port, &["app:1"], "daemon")[..40].to_vec()),
        ("none", b"other\0".to_vec()),
    ] {
        let node = FakeNode::new().with("FAKE_FAILS", fails);
        let output = node.run(report_command(&[]), &stdin);
        assert!(!output.status.success(), "{fails}: {output:?}");
        let after_pull = format!("\n{}\n", report::end("BOUNDARY"));
        assert!(stdout(&output).matches(&after_pull).count() <= 1, "{fails}");
        assert_eq!(node.leftovers(), 0, "{fails}");
    }
}

#[test]
fn an_import_is_the_clients_where_it_can() {
    for (help, flags) in [("  --local  run in the client", &["--local"][..]), ("none", &[])] {
        let node = FakeNode::new().with("FAKE_HELP", help);
        // The help is asked for without a namespace.
        let output = node
            .run(import_command(&Platform::linux("amd64"), &Snapshotter::default()), b"archive");
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
        let rest =
            ["--snapshotter", "overlayfs", "--platform", "linux/amd64", "-", "stdin=archive"];
        let import = call(&[&["images", "import"][..], flags, &rest].concat());
        assert_eq!(node.calls(), [import, vec!["images".into(), "import".into(), "--help".into()]]);
    }
}

#[test]
fn names_are_added_one_by_one() {
    let node = FakeNode::new();
    let names = HOSTILE.map(str::to_owned);
    let output = node.run(script("tag", names), b"");
    assert!(output.status.success(), "{output:?}");
    let tag = |name: &&str| call(&["images", "tag", "--force", HOSTILE[0], name]);
    let mut expected: Vec<_> = HOSTILE[1..].iter().map(tag).collect();
    expected.sort();
    assert_eq!(node.calls(), expected);
    let node = FakeNode::new().with("FAKE_FAILS", "images tag");
    assert!(!node.run(script("tag", ["a".into(), "b".into(), "c".into()]), b"").status.success());
    assert_eq!(node.calls().len(), 1);
}

#[test]
fn errors_do_not_show_the_script() {
    let argv = script("tag", ["a".into()]).argv;
    let error = RunError::Command { node: "n".into(), argv, code: 1, output: String::new() };
    assert_eq!(
        without_script(error).to_string(),
        "command \"bash -c node.sh tag a\" on n failed with exit status 1"
    );
}
