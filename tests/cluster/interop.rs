//! Both directions with the real kind, and skiff in its place.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::archive;
use crate::fake_node::{self, fetched};
use crate::harness::{Lab, check, containers_of, in_node, stderr, with_engine};
use crate::support::table::{CASES, check as answers};

const IMAGE: &str = "skiff/node:v1.37.2";
/// What kind needs on a host with cgroup v1; skiff sees to it by itself.
const DEFINITION: &str = "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
  failCgroupV1: false
";

struct Tool {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Tool {
    fn kind(lab: &Lab) -> Tool {
        Tool { program: fetched("kind"), kubeconfig: lab.kubeconfig() }
    }

    /// skiff, called `kind`.
    fn skiff(lab: &Lab) -> Tool {
        let program = lab.folder.path().join("kind");
        if !program.exists() {
            symlink(crate::harness::program(), &program).unwrap();
        }
        Tool { program, kubeconfig: lab.kubeconfig() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env("KUBECONFIG", &self.kubeconfig).stdin(Stdio::null());
        command.env_remove("KIND_CLUSTER_NAME");
        command
    }

    fn ok(&self, args: &[&str]) -> String {
        let out = self.command(args).output().unwrap();
        let program = self.program.display();
        assert!(out.status.success(), "{program} {args:?}: {}", stderr(&out));
        String::from_utf8(out.stdout).unwrap()
    }
}

/// With nodes that never get ready.
#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn called_kind_it_waits_as_kind_does() {
    fake_node::make_image();
    let (name, network) = ("skiff-test-early", "skiff-test-network");
    let lab = Lab::new(&[name]);
    let skiff = Tool::skiff(&lab);
    let create = |flags: &[&str]| {
        let args = ["create", "cluster", "--name", name, "--image", fake_node::IMAGE];
        let mut command = skiff.command(&[&args, flags].concat());
        let out = command.env("KIND_EXPERIMENTAL_DOCKER_NETWORK", network).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
        assert!(out.stdout.is_empty());
        let said = stderr(&out);
        assert!(said.contains("due to KIND_EXPERIMENTAL_DOCKER_NETWORK"), "{said}");
        assert!(said.contains(&format!("Set kubectl context to \"kind-{name}\"\n")), "{said}");
        said
    };
    assert!(!create(&[]).contains("Waiting"));
    let node = format!("{name}-control-plane");
    let state = with_engine(async |engine| engine.inspect_json(&node).await);
    assert!(state["NetworkSettings"]["Networks"][network].is_object(), "{state}");
    skiff.ok(&["delete", "cluster", "--name", name]);

    let said = create(&["--wait", "1s"]);
    assert!(said.contains("Waiting ≤ 1s") && said.contains("not usable yet"), "{said}");
    skiff.ok(&["delete", "cluster", "--name", name]);
    with_engine(async |engine| {
        for found in engine.networks(network).await? {
            engine.remove_network(&found.id).await?;
        }
        Ok(())
    });
    check("called kind, it waits only when told to, and a time-out is no failure");
}

/// What either program must make of a cluster that the other one created.
fn handles(tool: &Tool, lab: &Lab, name: &str) {
    let node = format!("{name}-control-plane");
    assert!(tool.ok(&["get", "clusters"]).lines().any(|line| line == name));
    assert_eq!(tool.ok(&["get", "nodes", "--name", name]), format!("{node}\n"));

    let printed = tool.ok(&["get", "kubeconfig", "--name", name]);
    assert!(printed.contains(&format!("current-context: kind-{name}")), "{printed}");
    let own = lab.folder.path().join("own");
    let own = own.to_str().unwrap();
    tool.ok(&["export", "kubeconfig", "--name", name, "--kubeconfig", own]);
    let nodes = lab.ok(&[
        "kubectl",
        "--name",
        name,
        "--",
        "--kubeconfig",
        own,
        "get",
        "nodes",
        "-o",
        "name",
    ]);
    assert_eq!(nodes.trim(), format!("node/{node}"));

    let reference = "skiff-test.example/tiny:1";
    let archive = lab.folder.path().join("tiny.tar");
    std::fs::write(&archive, archive::of_image(reference)).unwrap();
    tool.ok(&["load", "image-archive", archive.to_str().unwrap(), "--name", name]);
    let images = in_node(&node, "ctr -n k8s.io images list -q");
    assert!(images.lines().any(|line| line == reference), "{images}");

    let logs = lab.folder.path().join("logs");
    let printed = tool.ok(&["export", "logs", logs.to_str().unwrap(), "--name", name]);
    assert_eq!(printed.trim(), logs.to_str().unwrap());
    for file in ["kind-version.txt", "docker-info.txt"] {
        assert!(logs.join(file).is_file(), "{file}");
    }
    for file in ["serial.log", "kubelet.log", "inspect.json", "kubernetes-version.txt"] {
        let path = logs.join(&node).join(file);
        assert!(std::fs::metadata(&path).is_ok_and(|m| m.len() > 0), "{}", path.display());
    }
    std::fs::remove_dir_all(logs).unwrap();
}

fn is_gone(lab: &Lab, name: &str) {
    assert!(containers_of(name).is_empty());
    let left = std::fs::read_to_string(lab.kubeconfig()).unwrap();
    assert!(!left.contains(&format!("kind-{name}")), "{left}");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn kind_handles_a_cluster_of_skiff() {
    let name = "skiff-test-ours";
    let lab = Lab::new(&[name]);
    lab.ok(&["create", "cluster", "--name", name, "--image", IMAGE]);
    let kind = Tool::kind(&lab);
    handles(&kind, &lab, name);

    kind.ok(&["delete", "cluster", "--name", name]);
    is_gone(&lab, name);
    check("kind lists, exports, loads into, collects logs of and deletes a cluster of skiff");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn skiff_handles_a_cluster_of_kind() {
    let name = "skiff-test-theirs";
    let lab = Lab::new(&[name]);
    let config = lab.write("cluster.yaml", DEFINITION);
    let kind = Tool::kind(&lab);
    kind.ok(&["create", "cluster", "--name", name, "--image", IMAGE, "--config", &config]);
    let skiff = Tool::skiff(&lab);
    handles(&skiff, &lab, name);
    let again = lab.run(&["create", "cluster", "--name", name]);
    assert!(stderr(&again).contains("already exist"), "{}", stderr(&again));
    skiff.ok(&["delete", "cluster", "--name", name]);
    is_gone(&lab, name);
    check("skiff lists, exports, loads into, collects logs of and deletes a cluster of kind");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn kind_answers_as_the_table_says() {
    let kind = fetched("kind");
    for case in CASES {
        let mut command = Command::new(&kind);
        command.args(case.args).env_clear().env("PATH", std::env::var("PATH").unwrap());
        answers(case, &command.stdin(Stdio::null()).output().unwrap());
    }
    check("the table of answers is kind's");
}

/// stderr without what only skiff says.
fn as_kind_says(out: &Output) -> String {
    let lines = stderr(out);
    let common = lines.lines().filter(|line| !line.starts_with("hint: "));
    common.map(|line| line.strip_prefix("WARNING: ").unwrap_or(line).to_owned() + "\n").collect()
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn both_say_the_same_of_clusters_that_are_not_there() {
    let lab = Lab::new(&[]);
    std::fs::write(lab.kubeconfig(), "").unwrap();
    let (kind, skiff) = (Tool::kind(&lab), Tool::skiff(&lab));
    let none = "skiff-test-none";
    for (args, variable) in [
        (&["get", "nodes"][..], ("KIND_CLUSTER_NAME", none)),
        (&["get", "nodes", "--name", none], ("KIND_CLUSTER_NAME", "other")),
        (&["get", "nodes", "-n", none, "-A=false"], ("KIND_EXPERIMENTAL_PROVIDER", "docker")),
        (&["get", "kubeconfig", "--name", none], ("KIND_EXPERIMENTAL_PROVIDER", "bogus")),
        (&["export", "kubeconfig", "--name", none], ("NO_COLOR", "")),
        (&["export", "logs", "--name", none], ("NO_COLOR", "")),
        (&["delete", "cluster", "--name", none], ("NO_COLOR", "")),
        (&["delete", "cluster"], ("KIND_CLUSTER_NAME", none)),
        (&["delete", "clusters", none, "skiff-test-none2"], ("NO_COLOR", "")),
        (&["delete", "cluster", "-q", "--name", none], ("NO_COLOR", "")),
        (&["delete", "cluster", "-v", "-1", "--name", none], ("NO_COLOR", "")),
        (&["delete", "cluster", "-v=-1", "--name", none], ("KIND_EXPERIMENTAL_PROVIDER", "bogus")),
    ] {
        let run = |tool: &Tool| tool.command(args).env(variable.0, variable.1).output().unwrap();
        let (theirs, ours) = (run(&kind), run(&skiff));
        assert_eq!(ours.status.code(), theirs.status.code(), "{args:?}: {}", stderr(&ours));
        assert_eq!(ours.stdout, theirs.stdout, "{args:?}");
        assert_eq!(as_kind_says(&ours), stderr(&theirs), "{args:?}");
    }
    check("both say the same, word for word, of clusters that are not there");
}
