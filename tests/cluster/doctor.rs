//! Clusters that exist, examined: well, ill, and not usable in time.

use std::process::Output;

use serde_json::Value;

use crate::harness::{Lab, check, containers_of, docker, eventually, in_node, stderr};
use crate::workload::web;

const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

fn doctor(lab: &Lab, name: &str) -> (Output, String) {
    let out = lab.run(&["doctor", "--name", name]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    // A long line is broken.
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (out, flat)
}

fn status(lab: &Lab, name: &str) -> Value {
    serde_json::from_str(&lab.ok(&["status", "--name", name, "-o", "json"])).unwrap()
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_cluster_is_examined_well_and_ill() {
    let name = "skiff-test-doctor";
    let lab = Lab::new(&[name]);
    let config = format!(
        "{HEAD}nodes:\n- role: control-plane\n- role: worker\n  extraPortMappings: [{{containerPort: 30080, hostPort: 0, listenAddress: 127.0.0.1}}]\n"
    );
    lab.ok(&["create", "cluster", "--name", name, "--config", &lab.write("c.yaml", &config)]);

    // Pods that nothing waited for start meanwhile.
    let found = eventually("a cluster that is well", 60, || match doctor(&lab, name) {
        (out, text) if out.status.success() && !text.contains("warning ") => Ok(text),
        (out, text) => Err(text + &stderr(&out)),
    });
    for words in [
        "containers: all 2 run",
        "containerd: active on 2 nodes",
        "kubelet: active on 2 nodes",
        "systemd units: none has failed on 2 nodes",
        "API server: ready on 1 node",
        "Services: answer 2 nodes",
        "DNS: answers 2 nodes",
        "nodes: 2 Ready",
    ] {
        assert!(found.contains(words), "{words:?} is not in:\n{found}");
    }
    check("a cluster that is well, and exit code 0");

    a_status_of_all(&lab, name);
    ill(&lab, name);
    stopped(&lab, name);
}

fn a_status_of_all(lab: &Lab, name: &str) {
    let found = status(lab, name);
    assert_eq!((&found["state"], &found["lost"]), (&"running".into(), &Value::Array(vec![])));
    assert_eq!(found["apiServer"]["answers"], true);
    let endpoint = found["apiServer"]["endpoint"].as_str().unwrap();
    let kubeconfig = std::fs::read_to_string(lab.kubeconfig()).unwrap();
    assert!(kubeconfig.contains(&format!("https://{endpoint}\n")), "{endpoint}");
    assert_eq!(found["kubeconfig"]["context"], format!("kind-{name}"));
    assert_eq!(found["kubeconfig"]["file"], lab.kubeconfig().to_str().unwrap());
    let nodes = found["nodes"].as_array().unwrap();
    for (node, role) in nodes.iter().zip(["control-plane", "worker"]) {
        assert_eq!((&node["role"], &node["ready"]), (&role.into(), &true.into()), "{node}");
        assert_eq!(node["kubernetes"], found["kubernetes"]);
        assert_eq!(node["imageOutdated"], false);
        let address = in_node(node["name"].as_str().unwrap(), "hostname --ip-address");
        assert!(address.contains(node["addresses"][0].as_str().unwrap()), "{address} {node}");
    }
    assert_eq!(nodes[1]["ports"][0]["container"], "30080/tcp");
    let text = lab.ok(&["status", "--name", name]);
    for words in ["running", endpoint, &format!("{name}-worker")] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    check("the status of a cluster that runs");
}

fn ill(lab: &Lab, name: &str) {
    let node = format!("{name}-control-plane");
    let crashing =
        web("crashing", &node, "").replace("mkdir -p /www;", "echo cannot serve; exit 3;");
    let unschedulable = web("homeless", &node, "")
        .replace(&format!("nodeName: {node}"), "nodeSelector: {no: such}");
    lab.apply(name, &(crashing + &unschedulable));
    in_node(
        &node,
        "printf '[Service]\\nExecStart=/bin/false\\n' >/etc/systemd/system/broken.service; systemctl start broken.service || true",
    );
    let found = eventually("a crash", 60, || match doctor(lab, name) {
        (out, text) if text.contains("crashes") && text.contains("cannot be scheduled") => {
            assert_eq!(out.status.code(), Some(1), "{text}");
            Ok(text)
        }
        (_, text) => Err(text),
    });
    for words in [
        "pod default/crashing",
        "container web crashes (exit code 3",
        "cannot serve",
        "pod default/homeless",
        "didn't match Pod's node affinity/selector",
        &format!("systemd units of {node}"),
        "broken.service failed",
        "DNS: answers 2 nodes",
    ] {
        assert!(found.contains(words), "{words:?} is not in:\n{found}");
    }
    check("a pod that crashes, one that no node takes, and a failed unit are named");
}

fn stopped(lab: &Lab, name: &str) {
    let worker = format!("{name}-worker");
    docker(&["stop", "--time", "0", &worker]);
    let (out, text) = doctor(lab, name);
    assert_eq!(out.status.code(), Some(1), "{text}");
    for words in [&format!("container {worker}"), "stopped", &format!("docker start {worker}")] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    let found = status(lab, name);
    assert_eq!(found["state"], "mixed");
    let states: Vec<&Value> =
        found["nodes"].as_array().unwrap().iter().map(|node| &node["state"]).collect();
    assert_eq!(states, ["running", "stopped"]);

    let plane = format!("{name}-control-plane");
    docker(&["stop", "--time", "0", &plane]);
    let (out, text) = doctor(lab, name);
    assert_eq!(out.status.code(), Some(1), "{text}");
    for words in [&format!("docker start {plane}"), "no control-plane runs"] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    let found = status(lab, name);
    assert_eq!(found["state"], "stopped");
    assert_eq!(found["apiServer"]["answers"], false);
    check("nodes that are stopped are findings and states");
}

/// No pod goes to its only node, and kubeadm does not know.
#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_wait_that_runs_out_names_the_pods() {
    let name = "skiff-test-late";
    let lab = Lab::new(&[name]);
    let config = format!(
        "{HEAD}kubeadmConfigPatches:\n- |\n  kind: InitConfiguration\n  nodeRegistration:\n    taints: [{{key: closed, effect: NoSchedule}}]\n"
    );
    let config = lab.write("late.yaml", &config);
    let out = lab.run(&["create", "cluster", "--name", name, "--config", &config, "--wait", "20s"]);
    let said = stderr(&out);
    assert!(!out.status.success(), "{said}");
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "is up but not usable yet after 20s",
        "CoreDNS is not available",
        "pods kube-system/coredns-",
        "cannot be scheduled: 0/1 nodes are available: 1 node(s) had untolerated taint",
        "the cluster stays",
        &format!("delete cluster --name {name}"),
    ] {
        assert!(flat.contains(words), "{words:?} is not in:\n{said}");
    }
    assert_eq!(flat.matches("untolerated taint").count(), 1, "{said}");
    assert_eq!(containers_of(name).len(), 1);
    assert!(lab.kubectl(name, &["get", "nodes"]).contains(" Ready "));
    check("a cluster that is not usable in time stays, and the error names its pods");
}
