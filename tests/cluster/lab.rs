//! The definition people copy, and everything that must work on it.

use std::process::Stdio;

use crate::harness::{Lab, check, clusters, containers_of, eventually, in_node, stderr, warnings};
use crate::http::{free_or, free_port, get};
use crate::workload::{ask, pod_ips, web};

const NAME: &str = "skiff-test-lab";

/// Asks a Service by its name. The image's static wget cannot look names up
/// itself, its nslookup can.
const BY_NAME: &str = "ip=$(busybox nslookup web.default.svc.cluster.local | busybox awk '/^Address/ { ip = $NF } END { print ip }'); \
     busybox wget -T 3 -qO- http://$ip/";

/// `configs/devops-lab.yaml`, on free ports and with a NodePort mapped too.
fn definition(http: u16, https: u16, node_port: u16) -> String {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/configs/devops-lab.yaml"))
            .unwrap();
    let mapped = format!(
        "hostPort: {https}\n    protocol: TCP\n  - containerPort: 30080\n    hostPort: {node_port}\n"
    );
    text.replace("name: devops-lab", &format!("name: {NAME}"))
        .replace("hostPort: 80\n", &format!("hostPort: {http}\n"))
        .replace("hostPort: 443\n    protocol: TCP\n", &mapped)
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn the_devops_lab_works() {
    let lab = Lab::new(&[NAME]);
    let (http, https, node_port) = (free_or(80), free_or(443), free_port());
    let config = lab.write("lab.yaml", &definition(http, https, node_port));
    let out = lab.run(&["create", "cluster", "--config", &config]);
    assert!(out.status.success(), "{}", stderr(&out));
    assert!(out.stdout.is_empty(), "stdout is data");
    assert!(warnings(&out).is_empty(), "{}", stderr(&out));

    let (workers, control_plane) =
        ([format!("{NAME}-worker"), format!("{NAME}-worker2")], format!("{NAME}-control-plane"));
    let nodes = lab.json(NAME, &["get", "nodes"]);
    let nodes = nodes["items"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    for node in nodes {
        let conditions = node["status"]["conditions"].as_array().unwrap();
        assert!(conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"), "{node}");
    }
    check("three nodes are Ready when the command returns");
    let labelled = lab.kubectl(NAME, &["get", "nodes", "-l", "ingress-ready=true", "-o", "name"]);
    assert_eq!(labelled.trim(), format!("node/{control_plane}"));
    check("the label of the patch is on the node");
    assert_eq!(lab.ok(&["get", "nodes", "--name", NAME]).lines().count(), 3);
    assert!(clusters().contains(&NAME.to_owned()));
    check("get nodes and get clusters list it");

    pods_reach_each_other(&lab, &workers, &control_plane);
    ports_lead_to_pods(&lab, &workers, &control_plane, http, node_port);
    kubectl_works(&lab);
    storage_outlives_pods(&lab);
    logs_are_exported(&lab);
    kubeconfigs_lead_there(&lab, &control_plane);

    lab.ok(&["delete", "cluster", "--name", NAME]);
    assert!(containers_of(NAME).is_empty());
    let kubeconfig = std::fs::read_to_string(lab.kubeconfig()).unwrap();
    assert!(!kubeconfig.contains(NAME), "{kubeconfig}");
    assert!(!lab.folder.path().join("kubeconfig.lock").exists());
    check("delete leaves neither containers nor a kubeconfig entry nor a lock");
}

fn pods_reach_each_other(lab: &Lab, workers: &[String; 2], control_plane: &str) {
    let service = "apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
";
    lab.apply(NAME, &(web("web-1", &workers[0], "") + &web("web-2", &workers[1], "") + service));
    lab.kubectl(
        NAME,
        &["wait", "--for=condition=Ready", "pod/web-1", "pod/web-2", "--timeout=120s"],
    );
    for (from, to) in [("web-1", "web-2"), ("web-2", "web-1")] {
        assert_eq!(ask(lab, NAME, from, &pod_ips(lab, NAME, to)[0], 8080), to);
        eventually("pod to Service by name", 30, || match lab.in_pod(NAME, from, BY_NAME) {
            (true, text) if text.starts_with("web-") => Ok(()),
            (_, text) => Err(text),
        });
    }
    check("pods on both workers reach each other by IP and by Service name");
    let resolves = |name: &str| {
        eventually(name, 30, || {
            match lab.in_pod(NAME, "web-1", &format!("busybox nslookup {name}.")) {
                (true, _) => Ok(()),
                (false, text) => Err(text),
            }
        })
    };
    resolves(control_plane);
    if std::net::ToSocketAddrs::to_socket_addrs(&("debian.org", 80)).is_ok() {
        resolves("debian.org");
    }
    check("names outside of the cluster resolve");
}

fn ports_lead_to_pods(
    lab: &Lab,
    workers: &[String; 2],
    control_plane: &str,
    http: u16,
    node_port: u16,
) {
    let nodes = lab.json(NAME, &["get", "nodes"]);
    for node in nodes["items"].as_array().unwrap() {
        let addresses = node["status"]["addresses"].as_array().unwrap();
        let ip = addresses.iter().find(|a| a["type"] == "InternalIP").unwrap()["address"]
            .as_str()
            .unwrap();
        let answer = eventually("NodePort of a node", 30, || get(&format!("{ip}:30080")));
        assert!(answer.starts_with("web-"), "{answer}");
    }
    check("a NodePort answers on every node");
    let answer = eventually("mapped NodePort", 30, || get(&format!("127.0.0.1:{node_port}")));
    assert!(answer.starts_with("web-"), "{answer}");
    check("a NodePort answers through a mapped host port");
    lab.apply(
        NAME,
        &web("edge", control_plane, "    ports: [{containerPort: 8080, hostPort: 80}]\n")
            .replace("app: web", "app: edge"),
    );
    let answer = eventually("hostPort 80", 60, || get(&format!("127.0.0.1:{http}")));
    assert_eq!(answer, "edge");
    check("hostPort 80 on the control-plane answers on the host");
    assert_eq!(workers.len(), 2);
}

fn kubectl_works(lab: &Lab) {
    assert_eq!(lab.kubectl(NAME, &["logs", "web-1"]).trim(), "web-1 serves");
    assert_eq!(lab.in_pod(NAME, "web-2", "cat /www/index.html").1.trim(), "web-2");
    let port = free_port();
    let mut forward = lab
        .command(&[
            "kubectl",
            "--name",
            NAME,
            "--",
            "port-forward",
            "pod/web-1",
            &format!("{port}:8080"),
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let answer = eventually("port-forward", 30, || get(&format!("127.0.0.1:{port}")));
    // A polite end: skiff has become kubectl, which hears it.
    std::process::Command::new("kill").arg(forward.id().to_string()).status().unwrap();
    forward.wait().unwrap();
    assert_eq!(answer, "web-1");
    check("kubectl logs, exec and port-forward work");
    // What root changes in a node does not run here.
    let node = format!("{NAME}-control-plane");
    in_node(
        &node,
        r"mv /usr/bin/kubectl / && printf '#!/bin/sh\necho evil\n' >/usr/bin/kubectl && chmod +x /usr/bin/kubectl",
    );
    let cache = tempfile::tempdir().unwrap();
    let mut version = lab.command(&["kubectl", "--name", NAME, "--", "version", "--client"]);
    let out = version.env("XDG_CACHE_HOME", cache.path()).output().unwrap();
    in_node(&node, "mv /kubectl /usr/bin/kubectl");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(said.starts_with("Client Version: v"), "{said}");
    check("a changed kubectl in a node is not run");
}

fn storage_outlives_pods(lab: &Lab) {
    let claim = "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
";
    let pod = |name: &str, command: &str| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: docker.io/skiff/helper:node
    command: [/bin/sh, -c, '{command}']
    volumeMounts: [{{name: data, mountPath: /data}}]
  volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
"
        )
    };
    lab.apply(NAME, &(claim.to_owned() + &pod("writer", "echo kept >/data/file")));
    lab.kubectl(
        NAME,
        &["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=120s"],
    );
    lab.kubectl(NAME, &["delete", "pod", "writer"]);
    lab.apply(NAME, &pod("reader", "cat /data/file"));
    lab.kubectl(
        NAME,
        &["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/reader", "--timeout=120s"],
    );
    assert_eq!(lab.kubectl(NAME, &["logs", "reader"]).trim(), "kept");
    let claim = lab.json(NAME, &["get", "pvc", "data"]);
    assert_eq!(
        (claim["status"]["phase"].as_str(), claim["spec"]["storageClassName"].as_str()),
        (Some("Bound"), Some("standard"))
    );
    check("a claim on `standard` binds and keeps its data for the next pod");
}

fn logs_are_exported(lab: &Lab) {
    let folder = lab.folder.path().join("logs");
    let printed = lab.ok(&["export", "logs", folder.to_str().unwrap(), "--name", NAME]);
    assert_eq!(printed.trim(), folder.to_str().unwrap());
    for file in [
        "serial.log",
        "inspect.json",
        "kubelet.log",
        "journal.log",
        "containerd.log",
        "images.log",
        "kubernetes-version.txt",
    ] {
        let path = folder.join(format!("{NAME}-control-plane")).join(file);
        assert!(std::fs::metadata(&path).is_ok_and(|m| m.len() > 0), "{}", path.display());
    }
    assert!(folder.join(format!("{NAME}-worker/pods")).is_dir());
    check("export logs collects what kind collects");
}

fn kubeconfigs_lead_there(lab: &Lab, control_plane: &str) {
    let internal = lab.ok(&["get", "kubeconfig", "--name", NAME, "--internal"]);
    assert!(internal.contains(&format!("https://{control_plane}:6443")));
    let other = lab.folder.path().join("other");
    lab.ok(&["export", "kubeconfig", "--name", NAME, "--kubeconfig", other.to_str().unwrap()]);
    let text = std::fs::read_to_string(other).unwrap();
    assert!(
        text.contains("https://127.0.0.1:")
            && text.contains(&format!("current-context: kind-{NAME}")),
        "{text}"
    );
    check("get kubeconfig and export kubeconfig lead to the cluster");
}
