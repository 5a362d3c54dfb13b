//! Everyday trouble on a real engine: refused with a cause and the next step,
//! and nothing left over.

use std::net::TcpListener;

use crate::harness::{Lab, check, containers_of, stderr};

const NAME: &str = "skiff-test-trouble";
const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

fn refused(lab: &Lab, args: &[&str], words: &[&str]) {
    let out = lab.run(&[&["create", "cluster", "--name", NAME], args].concat());
    let said = stderr(&out);
    assert_eq!(out.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    assert!(containers_of(NAME).is_empty(), "{args:?} left containers");
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
        &[&format!("127.0.0.1:{port}/tcp"), "already in use", "hint:"],
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
        &["kubeadm init", "Command Output", "hint:"],
    );
    check("a kubeadm that fails shows its output");
}
