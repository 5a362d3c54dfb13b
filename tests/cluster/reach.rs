//! A cluster on an engine that is reached by TLS and by ssh.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use skiff::engine::endpoint::{DockerEnv, Endpoint};

use crate::fake_node;
use crate::harness::{Lab, check, containers_of, stderr};
use crate::support::tls::{Authority, engine_behind_tls};

fn socket() -> PathBuf {
    match DockerEnv::of_process().endpoint().unwrap() {
        Endpoint::Unix(path) => path,
        other => panic!("the tests' engine has no socket here but {other}"),
    }
}

/// Creates, looks at and deletes a cluster with these variables.
fn live(lab: &Lab, name: &str, env: &[(&str, &str)]) {
    let run = |args: &[&str]| {
        let out = lab.command(args).envs(env.iter().copied()).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", stderr(&out));
        String::from_utf8(out.stdout).unwrap()
    };
    run(&["create", "cluster", "--name", name, "--image", fake_node::IMAGE, "--wait=0s"]);
    assert_eq!(containers_of(name), [format!("{name}-control-plane")]);
    let config = run(&["get", "kubeconfig", "--name", name]);
    assert!(config.contains("https://127.0.0.1:"), "{config}");
    run(&["delete", "cluster", "--name", name]);
    assert!(containers_of(name).is_empty());
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn an_engine_behind_tls_makes_clusters() {
    fake_node::make_image();
    let name = "skiff-test-tls";
    let lab = Lab::new(&[name]);
    let ours = Authority::new("ours");
    let host = engine_behind_tls(&ours, &socket());
    let material = ours.client();
    let folder = material.path().to_str().unwrap();
    let env = [("DOCKER_HOST", &*host), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", folder)];
    live(&lab, name, &env);
    check("TLS: create, get kubeconfig, delete");
}

/// The docker client's own bridge stands in for the other side of ssh.
#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn an_engine_behind_ssh_makes_clusters() {
    fake_node::make_image();
    let name = "skiff-test-ssh";
    let lab = Lab::new(&[name]);
    let bin = lab.folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\nwhile [ \"$1\" != docker ]; do shift; done\nunset DOCKER_HOST\nshift\nexec docker --host unix://{} \"$@\"\n",
        socket().display()
    );
    std::fs::write(bin.join("ssh"), script).unwrap();
    std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    live(&lab, name, &[("DOCKER_HOST", "ssh://me@there"), ("PATH", &path)]);
    check("ssh: create, get kubeconfig, delete");
}
