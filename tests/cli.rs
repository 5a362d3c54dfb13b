//! The program as it is called, where no engine is needed.

use std::path::Path;
use std::process::{Command, Output};

fn skiff(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skiff"));
    command
        .args(args)
        .env_remove("KIND_CLUSTER_NAME")
        .env_remove("DOCKER_CONTEXT")
        .env("DOCKER_HOST", "unix:///nowhere/engine.sock");
    command.env("KUBECONFIG", "/nowhere/kubeconfig").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn refused(args: &[&str], words: &[&str]) {
    let out = skiff(args);
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{args:?}: {said}");
    assert!(out.stdout.is_empty(), "{args:?} wrote to stdout");
    for word in words {
        assert!(said.contains(word), "{args:?}: {word:?} is not in:\n{said}");
    }
}

fn write(folder: &Path, definition: &[u8]) -> String {
    let path = folder.join("cluster.yaml");
    std::fs::write(&path, definition).unwrap();
    path.to_string_lossy().into_owned()
}

const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

#[test]
fn bad_definitions_are_refused_with_line_path_and_advice() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str]); 9] = [
        ("nodes:\n- rôle: worker\n", &["line 4", "nodes[0]"]),
        ("nodes:\n- rol: worker\n", &["line 4", "nodes[0].rol", "did you mean `role`"]),
        ("nodes: 3\n", &["line 3", "nodes"]),
        ("name: a\nname: b\n", &["line 4", "name"]),
        ("nodes:\n- role: worker\n", &["control-plane"]),
        ("nodes:\n- extraPortMappings: [{containerPort: 70000}]\n", &["70000", "containerPort"]),
        (
            "nodes:\n- extraPortMappings: [{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 80}]\n",
            &["80"],
        ),
        ("networking: {podSubnet: 10.0.0.0/99}\n", &["networking.podSubnet", "10.0.0.0/99"]),
        ("nodes: [{role: control-plane}, {role: control-plane}]\n", &["2 control-plane nodes"]),
    ];
    for (body, words) in cases {
        let path = write(folder.path(), format!("{HEAD}{body}").as_bytes());
        refused(&["create", "cluster", "--config", &path], words);
    }
}

#[test]
fn files_that_are_no_definition_are_named() {
    let folder = tempfile::tempdir().unwrap();
    refused(
        &["create", "cluster", "--config", "/nowhere/lab.yaml"],
        &["/nowhere/lab.yaml", "No such file"],
    );
    let empty = write(folder.path(), b"");
    refused(&["create", "cluster", "--config", &empty], &["cluster.yaml", "problem"]);
    let binary = write(folder.path(), &[0x7f, b'E', b'L', b'F', 0, 0xff]);
    refused(&["create", "cluster", "--config", &binary], &["cluster.yaml"]);
}

#[test]
fn all_problems_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), format!("{HEAD}nodes:\n- role: boss\n- extraPortMappings: [{{containerPort: 0}}]\nnetwork: {{}}\n").as_bytes());
    refused(
        &["create", "cluster", "--config", &path],
        &["nodes[0].role", "nodes[1].extraPortMappings[0].containerPort", "networking"],
    );
}

#[test]
fn errors_of_usage_are_1_and_quiet_is_quiet() {
    refused(&["bogus"], &["bogus"]);
    refused(&["create", "cluster", "--wait", "5"], &["5", "unit"]);
    refused(&["create", "cluster", "extra"], &["extra"]);
    let out = skiff(&["-q", "create", "cluster", "--config", "/nowhere"]);
    assert_eq!((out.status.code(), out.stderr.len()), (Some(1), 0));
    let group = skiff(&["create"]);
    assert_eq!(group.status.code(), Some(1));
    assert!(text(&group.stdout).contains("Usage"));
    assert!(text(&group.stderr).contains("Subcommand is required"));
}

#[test]
fn an_engine_that_is_not_there_comes_with_the_next_step() {
    refused(&["get", "clusters"], &["unix:///nowhere/engine.sock", "hint: start Docker"]);
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config").to_string_lossy().into_owned();
    refused(
        &["create", "cluster", "--kubeconfig", &kubeconfig],
        &["nowhere/engine.sock", "hint: start Docker"],
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn help_teaches_on_stdout() {
    for args in [&["--help"][..], &[], &["create", "cluster", "--help"]] {
        let out = skiff(args);
        assert_eq!(out.status.code(), Some(0), "{args:?}");
        assert!(text(&out.stdout).contains("Usage"), "{args:?}");
    }
    assert!(text(&skiff(&["version"]).stdout).starts_with("skiff v"));
    assert!(text(&skiff(&["completion", "bash"]).stdout).contains("_skiff"));
}

#[test]
fn dry_run_prints_the_plan_without_an_engine() {
    let lab = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/devops-lab.yaml");
    let out = skiff(&["create", "cluster", "--config", lab, "--dry-run"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let plan = text(&out.stdout);
    for word in
        ["devops-lab-worker2", "ingress-ready=true", "kind: JoinConfiguration", "host_port: 443"]
    {
        assert!(plan.contains(word), "{word} is not in:\n{plan}");
    }
}

#[test]
fn loading_says_what_is_missing() {
    refused(&["load", "docker-image"], &["a list of image names is required"]);
    refused(&["load", "image-archive"], &["name of image archive is required"]);
    refused(&["load", "docker-image", "app:1"], &["/nowhere/engine.sock", "hint:"]);
    refused(&["load", "image-archive", "app.tar"], &["/nowhere/engine.sock"]);
    refused(&["get", "images"], &["/nowhere/engine.sock"]);
}
