//! Nodes that an engine starts again with other addresses, as after its restart.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::{Lab, check, docker, eventually, stderr};
use crate::workload::web;

const NAME: &str = "skiff-test-moved";
const NODES: [&str; 3] = ["control-plane", "control-plane2", "worker"];
const OTHER: &str = "skiff-test-moved-other";

struct Moved {
    lab: Lab,
}

impl Moved {
    /// By node, in the cluster's network.
    fn addresses(&self) -> BTreeMap<String, String> {
        let names = NODES.map(|role| format!("{NAME}-{role}"));
        let format = "{{slice .Name 1}} {{.NetworkSettings.Networks.kind.IPAddress}}";
        let inspect = ["inspect", "-f", format].into_iter().chain(names.iter().map(String::as_str));
        by_node(&docker(&inspect.collect::<Vec<_>>()))
    }

    /// What the API server knows.
    fn known_addresses(&self) -> Result<BTreeMap<String, String>, String> {
        let range = "{range .items[*]}{.metadata.name} {.status.addresses[?(@.type==\"InternalIP\")].address}{\"\\n\"}{end}";
        let path = format!("jsonpath={range}");
        let out = self.lab.run(&["kubectl", "--name", NAME, "--", "get", "nodes", "-o", &path]);
        if !out.status.success() {
            return Err(stderr(&out));
        }
        Ok(by_node(&String::from_utf8_lossy(&out.stdout)))
    }

    /// All nodes are stopped, foreign containers take their addresses, and the nodes
    /// start in the opposite order.
    fn start_elsewhere(&self) {
        let before = self.addresses();
        let names = NODES.map(|role| format!("{NAME}-{role}"));
        docker(&[&["stop", "--time", "20"], &names.each_ref().map(String::as_str)[..]].concat());
        let mut free: BTreeSet<&String> = before.values().collect();
        while !free.is_empty() {
            free.remove(&start_other());
        }
        for name in names.iter().rev() {
            docker(&["start", name]);
        }
        for (name, address) in self.addresses() {
            assert_ne!(before[&name], address, "{name}");
        }
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        remove_others();
    }
}

/// Starts a foreign container in the cluster's network; returns its address.
fn start_other() -> String {
    let image = skiff::node_image::reference(skiff::node_image::DEFAULT_VERSION);
    let sleep = ["--label", OTHER, "--network", "kind", "--entrypoint", "sleep", &image, "1000"];
    let id = docker(&[&["run", "--detach"], &sleep[..]].concat());
    let format = "{{.NetworkSettings.Networks.kind.IPAddress}}";
    docker(&["inspect", "-f", format, id.trim()]).trim().to_owned()
}

/// Also those that an earlier, killed run has left.
fn remove_others() {
    let ids = docker(&["ps", "--all", "--quiet", "--filter", &format!("label={OTHER}")]);
    let ids: Vec<&str> = ids.lines().collect();
    if !ids.is_empty() {
        docker(&[&["rm", "--force", "--volumes"], &ids[..]].concat());
    }
}

/// From lines of a name and an address.
fn by_node(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(name, address)| (name.to_owned(), address.to_owned())).collect()
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_cluster_comes_back_at_other_addresses() {
    let lab = Lab::new(&[NAME]);
    remove_others();
    let roles = NODES.map(|role| format!("{{role: {}}}", role.trim_end_matches('2')));
    let config = format!(
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{}]\n",
        roles.join(", ")
    );
    let config = lab.write("cluster.yaml", &config);
    lab.ok(&["create", "cluster", "--name", NAME, "--config", &config]);
    let pods = ["one", "two"];
    for (pod, role) in pods.iter().zip(["control-plane2", "worker"]) {
        let manifest = lab.write("pod.yaml", &web(pod, &format!("{NAME}-{role}"), ""));
        lab.kubectl(NAME, &["apply", "-f", &manifest]);
    }
    lab.kubectl(NAME, &["wait", "--for=condition=Ready", "--timeout=120s", "pod", "one", "two"]);
    let members = "etcdctl --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/server.crt \
         --key=/etc/kubernetes/pki/etcd/server.key endpoint health --cluster";
    let moved = Moved { lab };

    for round in 1..=2 {
        moved.start_elsewhere();
        let expected = moved.addresses();
        eventually("the API server knows the new addresses", 240, || {
            let known = moved.known_addresses()?;
            if known == expected { Ok(()) } else { Err(format!("{known:?}, not {expected:?}")) }
        });
        check(&format!("round {round}: the API answers, and knows the nodes' new addresses"));
        for role in &NODES[..2] {
            let pod = format!("etcd-{NAME}-{role}");
            eventually("etcd's members are healthy", 120, || {
                let exec =
                    ["kubectl", "--name", NAME, "--", "-n", "kube-system", "exec", &pod, "--"];
                let out = moved
                    .lab
                    .run(&exec.into_iter().chain(members.split_whitespace()).collect::<Vec<_>>());
                if out.status.success() { Ok(()) } else { Err(stderr(&out)) }
            });
        }
        check("each control-plane's etcd reaches all members with valid certificates");
        for (from, to) in [("one", "two"), ("two", "one")] {
            let script = format!(
                "busybox nslookup kubernetes.default.svc.cluster.local >/dev/null && busybox wget -T 3 -qO- http://{}:8080/",
                eventually("the pod's address", 120, || {
                    let pod = moved.lab.json(NAME, &["get", "pod", to]);
                    let ready = pod["status"]["containerStatuses"][0]["ready"] == true;
                    let ip = pod["status"]["podIP"].as_str().map(str::to_owned);
                    ip.filter(|_| ready).ok_or(pod["status"].to_string())
                })
            );
            eventually("pods reach each other and the name service", 120, || {
                match moved.lab.in_pod(NAME, from, &script) {
                    (true, text) if text.trim() == to => Ok(()),
                    (_, text) => Err(text),
                }
            });
        }
        check("exec, names and connections between pods on two nodes work");
        remove_others();
    }
}
