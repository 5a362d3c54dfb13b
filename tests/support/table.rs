//! What kind 0.33 answers where no engine is needed: exit code, stdout and how
//! stderr begins. The real kind is asked too, in `tests/cluster/interop.rs`.

use std::process::Output;

pub struct Case {
    pub args: &'static [&'static str],
    pub code: i32,
    pub stdout: Stdout,
    /// How stderr begins; empty: there is none.
    pub stderr: &'static str,
}

pub enum Stdout {
    Exactly(&'static str),
    StartsWith(&'static str),
    /// The help of this command.
    Help(&'static str),
}

use Stdout::{Exactly, Help, StartsWith};

const fn fine(args: &'static [&'static str], stdout: Stdout) -> Case {
    Case { args, code: 0, stdout, stderr: "" }
}

const fn wrong(args: &'static [&'static str], stderr: &'static str) -> Case {
    Case { args, code: 1, stdout: Exactly(""), stderr }
}

const fn group(args: &'static [&'static str], name: &'static str) -> Case {
    Case { args, code: 1, stdout: Help(name), stderr: "ERROR: Subcommand is required" }
}

pub const CASES: &[Case] = &[
    fine(&["version"], StartsWith("kind v0.33.0 go1.27.2")),
    fine(&["version", "ignored"], StartsWith("kind v0.33.0 go1.27.2")),
    fine(&["-v7", "version"], StartsWith("kind v0.33.0 ")),
    fine(&["-v=7", "version"], StartsWith("kind v0.33.0 ")),
    fine(&["-v", "7", "version"], StartsWith("kind v0.33.0 ")),
    fine(&["version", "--verbosity", "7"], StartsWith("kind v0.33.0 ")),
    fine(&["version", "-q"], Exactly("0.33.0\n")),
    fine(&["-qv7", "version"], Exactly("0.33.0\n")),
    fine(&["version", "--quiet=true"], Exactly("0.33.0\n")),
    fine(&["version", "--quiet=F"], StartsWith("kind v0.33.0 ")),
    fine(&["version", "-q", "--quiet=false"], StartsWith("kind v0.33.0 ")),
    fine(&["-v=-1", "version"], Exactly("0.33.0\n")),
    fine(&["version", "-v", "-1"], Exactly("0.33.0\n")),
    fine(&["--version"], Exactly("kind version 0.33.0\n")),
    fine(&["--version", "-q"], Exactly("kind version 0.33.0\n")),
    fine(&[], Help("kind")),
    fine(&["-v", "1"], Help("kind")),
    fine(&["-h"], Help("kind")),
    fine(&["help"], Help("kind")),
    fine(&["create", "cluster", "-h"], Help("kind create cluster")),
    fine(&["help", "create", "cluster"], Help("kind create cluster")),
    fine(&["help", "get"], Help("kind get")),
    fine(&["help", "bogus"], StartsWith("Unknown help topic [`bogus`]\n")),
    fine(&["completion", "fish", "ignored"], StartsWith("#")),
    group(&["build"], "kind build"),
    group(&["completion"], "kind completion"),
    group(&["create"], "kind create"),
    group(&["delete"], "kind delete"),
    group(&["export"], "kind export"),
    group(&["get"], "kind get"),
    group(&["load"], "kind load"),
    group(&["create", "bogus"], "kind create"),
    group(&["completion", "tcsh"], "kind completion"),
    group(&["get", "node"], "kind get"),
    Case { args: &["-q", "get"], code: 1, stdout: Help("kind get"), stderr: "" },
    wrong(&["bogus"], "ERROR: unknown command \"bogus\" for \"kind\""),
    wrong(
        &["creat"],
        "ERROR: unknown command \"creat\" for \"kind\"\n\nDid you mean this?\n\tcreate\n",
    ),
    wrong(&["load", "bogus"], "ERROR: unknown command \"bogus\" for \"kind load\""),
    wrong(&["create", "cluster", "x"], "ERROR: unknown command \"x\" for \"kind create cluster\""),
    wrong(
        &["create", "cluster", "--", "x"],
        "ERROR: unknown command \"x\" for \"kind create cluster\"",
    ),
    wrong(&["get", "nodes", "x"], "ERROR: unknown command \"x\" for \"kind get nodes\""),
    wrong(&["get", "clusters", "x"], "ERROR: unknown command \"x\" for \"kind get clusters\""),
    wrong(
        &["export", "kubeconfig", "x"],
        "ERROR: unknown command \"x\" for \"kind export kubeconfig\"",
    ),
    wrong(
        &["completion", "bash", "x"],
        "ERROR: unknown command \"x\" for \"kind completion bash\"",
    ),
    wrong(&["export", "logs", "a", "b"], "ERROR: accepts at most 1 arg(s), received 2"),
    wrong(
        &["export", "logs", "a", "--name", "n", "b", "c"],
        "ERROR: accepts at most 1 arg(s), received 3",
    ),
    wrong(&["build", "node-image", "a", "b"], "ERROR: accepts at most 1 arg(s), received 2"),
    wrong(&["delete", "clusters"], "ERROR: no cluster names provided"),
    wrong(&["load", "docker-image"], "ERROR: a list of image names is required"),
    wrong(&["load", "image-archive"], "ERROR: name of image archive is required"),
    wrong(&["create", "cluster", "--bogus"], "ERROR: unknown flag: --bogus"),
    wrong(&["create", "--version"], "ERROR: unknown flag: --version"),
    wrong(&["get", "clusters", "--name", "x"], "ERROR: unknown flag: --name"),
    wrong(&["create", "cluster", "-x"], "ERROR: unknown shorthand flag: 'x' in -x"),
    wrong(&["get", "nodes", "-Ax"], "ERROR: unknown shorthand flag: 'x' in -"),
    wrong(&["create", "cluster", "--name"], "ERROR: flag needs an argument: --name"),
    wrong(&["create", "cluster", "-n"], "ERROR: flag needs an argument: 'n' in -n"),
    wrong(&["-v"], "ERROR: flag needs an argument: 'v' in -v"),
    wrong(
        &["create", "cluster", "--wait", "5"],
        "ERROR: invalid argument \"5\" for \"--wait\" flag: ",
    ),
    wrong(
        &["create", "cluster", "--retain=maybe"],
        "ERROR: invalid argument \"maybe\" for \"--retain\" flag: ",
    ),
    wrong(
        &["-v", "abc", "version"],
        "ERROR: invalid argument \"abc\" for \"-v, --verbosity\" flag: ",
    ),
    wrong(&["version", "--quiet=x"], "ERROR: invalid argument \"x\" for \"-q, --quiet\" flag: "),
    wrong(&["-q", "bogus"], ""),
    wrong(
        &["create", "cluster", "--wait=-5s", "--config", "/nowhere"],
        "ERROR: failed to create cluster: error reading ",
    ),
    wrong(
        &["create", "cluster", "--wait", "1h30m", "--config=/nowhere"],
        "ERROR: failed to create cluster: error reading ",
    ),
    // Flags may stand before the command that has them.
    wrong(
        &["--config", "/nowhere", "create", "cluster"],
        "ERROR: failed to create cluster: error reading ",
    ),
    wrong(
        &["create", "--config", "/nowhere", "cluster"],
        "ERROR: failed to create cluster: error reading ",
    ),
    wrong(
        &["create", "cluster", "--config", "a", "--config", "/nowhere"],
        "ERROR: failed to create cluster: error reading ",
    ),
    wrong(&["-q", "create", "cluster", "--config", "/nowhere"], ""),
];

pub fn check(case: &Case, out: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (args, stdout, stderr) = (case.args, text(&out.stdout), text(&out.stderr));
    assert_eq!(out.status.code(), Some(case.code), "{args:?}: {stderr}");
    match case.stdout {
        Exactly(expected) => assert_eq!(stdout, expected, "{args:?}"),
        StartsWith(start) => assert!(stdout.starts_with(start), "{args:?}: {stdout}"),
        Help(name) => {
            let usage = stdout.lines().skip_while(|line| !line.starts_with("Usage:"));
            let usage: Vec<&str> = usage.take(2).collect();
            assert!(usage.join("\n").contains(name), "{args:?}: {stdout}");
        }
    }
    match case.stderr {
        "" => assert_eq!(stderr, "", "{args:?}"),
        start => assert!(stderr.starts_with(start), "{args:?}: {stderr}"),
    }
}
