//! Engines on another host: the ports that skiff picks there.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::fake_node;
use crate::harness::{Lab, check, eventually, program, stderr};
use crate::images::api;

/// The engine behind a socket, reached with TCP until the test process ends.
fn engine_at_tcp(socket: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            pass_on(client, UnixStream::connect(&socket).unwrap());
        }
    });
    host
}

fn pass_on(client: TcpStream, engine: UnixStream) {
    let (mut from_client, mut to_client) = (client.try_clone().unwrap(), client);
    let (mut from_engine, mut to_engine) = (engine.try_clone().unwrap(), engine);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_engine);
        let _ = to_engine.shutdown(Shutdown::Write);
    });
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_engine, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
}

/// The docker client's own bridge stands in for the other side of ssh.
fn engine_behind_ssh(lab: &Lab) -> String {
    let bin = lab.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let socket = lab.socket();
    let script = format!(
        "#!/bin/sh\nwhile [ \"$1\" != docker ]; do shift; done\nunset DOCKER_HOST\nshift\nexec docker --host unix://{} \"$@\"\n",
        socket.display()
    );
    fs::write(bin.join("ssh"), script).unwrap();
    fs::set_permissions(bin.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// The ports of the host that lead to a container, by those of the container.
fn ports(lab: &Lab, container: &str) -> BTreeMap<String, Vec<String>> {
    let state = api(&lab.socket(), "GET", &format!("/containers/{container}/json"), None);
    let state: Value = serde_json::from_slice(&state).unwrap();
    let published = state["NetworkSettings"]["Ports"].as_object().unwrap().clone();
    let port = |binding: &Value| binding["HostPort"].as_str().unwrap().to_owned();
    let list = |bindings: &Value| bindings.as_array().into_iter().flatten().map(port).collect();
    published.iter().map(|(port, bindings)| (port.clone(), list(bindings))).collect()
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn picked_ports_outlive_a_restart_of_the_node() {
    let name = "skiff-test-remote";
    let lab = Lab::new(&[name]);
    let host = engine_at_tcp(lab.socket());
    let node = format!("{name}-control-plane");
    let config = lab.write(
        "cluster.yaml",
        "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraPortMappings:
  - {containerPort: 80}
  - {containerPort: 81, hostPort: 0, listenAddress: 127.0.0.1}
  - {containerPort: 82, protocol: UDP}
",
    );
    let mut create = lab.command(&["create", "cluster", "--name", name, "--config", &config]);
    let out = create.env("DOCKER_HOST", &host).output().unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
    let before = ports(&lab, &node);
    assert_eq!(before.len(), 4, "{before:?}");

    api(&lab.socket(), "POST", &format!("/containers/{node}/restart"), None);
    assert_eq!(ports(&lab, &node), before);
    check("a restarted node has the same ports");

    let kubeconfig = lab.kubeconfig();
    let kubeconfig = kubeconfig.to_str().unwrap();
    let same = ["kubectl", "--name", name, "--", "--kubeconfig", kubeconfig, "get", "nodes"];
    eventually("the API with the same kubeconfig", 120, || {
        let out = lab.run(&same);
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &stderr(&out);
        if said.contains(&node) { Ok(()) } else { Err(said) }
    });
    check("the same kubeconfig leads to its API server");
}

/// `create cluster` where exactly these two ports can be picked, in a network of its
/// own: what the engine's host has taken is not known there.
fn create_with_two_ports(lab: &Lab, name: &str, path: &str, first: u16) -> Output {
    let range = format!("{first} {}", first + 1);
    let script =
        "ip link set lo up && echo \"$0\" >/proc/sys/net/ipv4/ip_local_port_range && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.arg("--net");
    if fs::metadata(lab.folder.path()).unwrap().uid() != 0 {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["sh", "-c", script, &range]).arg(program());
    command.args(["create", "cluster", "--wait=0s", "--name", name]);
    command.args(["--image", fake_node::IMAGE, "--kubeconfig"]).arg(lab.kubeconfig());
    command.env("DOCKER_HOST", "ssh://me@there").env("PATH", path).output().unwrap()
}

/// Two ports in a row, the first of them even: the system chooses among such pairs.
fn two_ports() -> [TcpListener; 2] {
    let pair = |_| {
        let one = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = one.local_addr().unwrap().port();
        let other = TcpListener::bind(("127.0.0.1", port ^ 1)).ok()?;
        Some(if port < port ^ 1 { [one, other] } else { [other, one] })
    };
    (0..1000).find_map(pair).unwrap()
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn another_port_is_picked_if_the_engine_refuses_one() {
    fake_node::make_image();
    let name = "skiff-test-taken";
    let lab = Lab::new(&[name]);
    let path = engine_behind_ssh(&lab);
    let two = two_ports();
    let first = two[0].local_addr().unwrap().port();

    let out = create_with_two_ports(&lab, name, &path, first);
    assert_eq!(out.status.code(), Some(4), "{}", stderr(&out));
    assert!(stderr(&out).contains("already in use"), "{}", stderr(&out));
    assert!(!lab.kubeconfig().exists());
    check("no port is free: refused");

    // Whichever the system tries first, once it is the one that is taken.
    drop(two);
    for (free, taken) in [(first, first + 1), (first + 1, first)] {
        let _taken = TcpListener::bind(("127.0.0.1", taken)).unwrap();
        let out = create_with_two_ports(&lab, name, &path, first);
        assert!(out.status.success(), "{}", stderr(&out));
        let found = ports(&lab, &format!("{name}-control-plane"));
        assert_eq!(found["6443/tcp"], [free.to_string()]);
        lab.ok(&["delete", "cluster", "--name", name]);
    }
    check("one of two ports is free: picked");
}
