//! Everyday trouble on a real engine: refused with a cause and the next step,
//! and nothing left over.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use skiff::engine::{Engine, NetworkSpec};

use crate::harness::{Lab, check, containers_of, eventually, program, stderr, with_engine};

const NAME: &str = "skiff-test-trouble";
const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

fn refused(lab: &Lab, args: &[&str], words: &[&str]) {
    is_refused(lab.run(&[&["create", "cluster", "--name", NAME], args].concat()), words);
}

fn is_refused(out: Output, words: &[&str]) {
    let said = stderr(&out);
    assert!(matches!(out.status.code(), Some(1..=8)), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    assert!(containers_of(NAME).is_empty(), "containers are left");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn trouble_is_named_and_leaves_nothing() {
    let lab = Lab::new(&[NAME]);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let body = format!(
        "{HEAD}nodes: [{{extraPortMappings: [{{containerPort: 80, hostPort: {port}, listenAddress: 127.0.0.1}}]}}]\n"
    );
    refused(
        &lab,
        &["--config", &lab.write("port.yaml", &body)],
        &[&format!("127.0.0.1:{port}/tcp"), "already in use", "remedy:"],
    );
    check("a host port in use");

    refused(
        &lab,
        &["--image", "skiff-test/no-such-image:v1.37.2"],
        &["skiff-test/no-such-image:v1.37.2", "build node-image"],
    );
    check("an image that is nowhere");

    refused(&lab, &["--image", "skiff/debian:trixie"], &["no command specified", "hint: "]);
    check("an image that is no node image");

    a_network_without_ipv6(&lab);

    let lock = lab.folder.path().join("kubeconfig.lock");
    std::fs::write(&lock, "").unwrap();
    refused(&lab, &[], &["kubeconfig.lock", "hint:"]);
    std::fs::remove_file(lock).unwrap();
    check("a locked kubeconfig");

    std::fs::write(lab.kubeconfig(), "apiVersion: [\n").unwrap();
    refused(&lab, &[], &["kubeconfig"]);
    assert_eq!(std::fs::read_to_string(lab.kubeconfig()).unwrap(), "apiVersion: [\n");
    std::fs::remove_file(lab.kubeconfig()).unwrap();
    check("a kubeconfig that is none, which stays as it is");

    let patch = "kubeadmConfigPatches: [\"kind: KubeletConfiguration\\nnoSuchField: true\\n\", \"kind: ClusterConfiguration\\nkubernetesVersion: nonsense\\n\"]\n";
    refused(
        &lab,
        &["--config", &lab.write("patch.yaml", &format!("{HEAD}{patch}"))],
        &["kubeadm failed on", "nonsense", "the whole log is in"],
    );
    check("a kubeadm that fails says why");

    refused(
        &lab,
        &["--config", &lab.write("gate.yaml", &format!("{HEAD}featureGates: {{Gone: true}}\n"))],
        &[
            "gate.yaml:3: featureGates.Gone",
            "unrecognized feature gate: Gone",
            "nothing has been created",
        ],
    );
    let patch = "kubeadmConfigPatches: [\"kind: ClusterConfiguration\\nscheduler: {extraArgs: [{name: no-such-flag, value: a}]}\\n\"]\n";
    refused(
        &lab,
        &["--config", &lab.write("flag.yaml", &format!("{HEAD}{patch}"))],
        &["flag.yaml:3: kubeadmConfigPatches[0]", "unknown flag: --no-such-flag"],
    );
    check("what components do not accept, before there are nodes");
    let patch = "kubeadmConfigPatches: [\"kind: ClusterConfiguration\\napiServer: {extraArgs: {audit-policy-file: /etc/kubernetes/audit.yaml}}\\n\"]\n";
    refused(
        &lab,
        &["--config", &lab.write("audit.yaml", &format!("{HEAD}{patch}"))],
        &[
            "the API server cannot start on",
            "has no file /etc/kubernetes/audit.yaml",
            "audit.yaml:3",
        ],
    );
    check("components that cannot come up, and what in the definition is the cause");

    is_refused(with_a_full_disk(&lab), &["No space left on device", "--kubeconfig", "hint:"]);
    check("a full disk under the kubeconfig");
    is_refused(
        without_permission(&lab),
        &["no permission to use the container engine", "engine.sock", "group \"docker\""],
    );
    check("an engine's socket that is not ours to use");
}

/// Another program has the lock of the kubeconfig when the cluster is complete.
#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_complete_cluster_outlives_a_kubeconfig_that_cannot_be_written() {
    let name = "skiff-test-outlives";
    let lab = Lab::new(&[name]);
    let create = lab.spawn(&["create", "cluster", "--name", name]);
    eventually("the first container", 60, || {
        if containers_of(name).is_empty() { Err("none".into()) } else { Ok(()) }
    });
    let lock = lab.folder.path().join("kubeconfig.lock");
    std::fs::write(&lock, "").unwrap();
    let out = create.wait_with_output().unwrap();
    let said = stderr(&out);
    assert_eq!(out.status.code(), Some(1), "{said}");
    let export = format!("export kubeconfig --name {name}");
    for word in ["is created", "kubeconfig.lock", &export] {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    assert!(lock.exists() && !lab.kubeconfig().exists());
    std::fs::remove_file(lock).unwrap();
    lab.ok(&["export", "kubeconfig", "--name", name]);
    assert!(std::fs::read_to_string(lab.kubeconfig()).unwrap().contains(&format!("kind-{name}")));
    assert!(lab.kubectl(name, &["get", "nodes"]).contains(" Ready "));
    check("a cluster whose kubeconfig could not be written, which is exported later");
}

/// `create cluster` with its kubeconfig on a file system without a free byte.
fn with_a_full_disk(lab: &Lab) -> Output {
    let disk = lab.folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = "mount -t tmpfs -o size=64k tmpfs \"$0\" && { cat /dev/zero >\"$0/ballast\" 2>/dev/null || true; } && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if std::fs::metadata(lab.folder.path()).unwrap().uid() != 0 {
        command.args(["--user", "--map-root-user"]);
    }
    let kubeconfig = disk.join("kubeconfig");
    command.args(["sh", "-c", script]).arg(&disk).arg(program());
    command.args(["create", "cluster", "--name", NAME, "--kubeconfig"]).arg(kubeconfig);
    command.output().unwrap()
}

/// `create cluster` by somebody who may not use the engine's socket.
fn without_permission(lab: &Lab) -> Output {
    let folder = lab.folder.path();
    let socket = folder.join("engine.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o000)).unwrap();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    // Where the program was built, others may have no access.
    let copy = folder.join("skiff");
    std::fs::copy(program(), &copy).unwrap();
    let mut command = Command::new(copy);
    if std::fs::metadata(folder).unwrap().uid() == 0 {
        command.uid(65534); // root may use every socket
    }
    command
        .args(["create", "cluster", "--name", NAME, "--kubeconfig", "/tmp/never-written"])
        .env("DOCKER_HOST", format!("unix://{}", socket.display()));
    command.output().unwrap()
}

fn a_network_without_ipv6(lab: &Lab) {
    let network = "skiff-test-ipv4-only";
    let remove = async |engine: &dyn Engine| {
        for found in engine.networks(network).await? {
            engine.remove_network(&found.id).await?;
        }
        Ok(())
    };
    with_engine(remove);
    let spec = NetworkSpec { name: network.into(), ..NetworkSpec::default() };
    with_engine(async |engine| engine.create_network(&spec).await);
    for family in ["ipv6", "dual"] {
        let body = format!("{HEAD}networking: {{ipFamily: {family}}}\n");
        let config = lab.write("family.yaml", &body);
        let mut create = lab.command(&["create", "cluster", "--name", NAME, "--config", &config]);
        let out = create.env("KIND_EXPERIMENTAL_DOCKER_NETWORK", network).output().unwrap();
        is_refused(out, &["has no IPv6", &format!("docker network rm {network}")]);
    }
    with_engine(remove);
    check("an IPv6 cluster in a network without IPv6");
}
