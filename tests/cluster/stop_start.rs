//! Clusters that are stopped, started, paused and unpaused.

use serde_json::Value;
use skiff::node_image;

use crate::harness::{Lab, SecondEngine, check, docker, eventually, in_node, stderr};
use crate::images::{api, load_into_engine};

const NODES: [&str; 2] = ["control-plane", "worker"];

const WORKER: &str = "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes: [{role: control-plane}, {role: worker}]
";

/// A Deployment whose pods add a line to a file of their node at each start, and a
/// Service in front of them.
const COUNTER: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: counter}
spec:
  replicas: 1
  selector: {matchLabels: {app: counter}}
  template:
    metadata: {labels: {app: counter}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: counter
        image: docker.io/skiff/helper:node
        command: [/bin/sh, -c, 'echo started >>/data/starts; exec busybox httpd -f -p 8080 -h /data']
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, hostPath: {path: /var/counter, type: DirectoryOrCreate}}]
---
apiVersion: v1
kind: Service
metadata: {name: counter}
spec:
  selector: {app: counter}
  ports: [{port: 80, targetPort: 8080}]
";

/// A cluster of two nodes on the usual engine.
struct Stopped {
    lab: Lab,
    name: &'static str,
}

impl Stopped {
    /// A cluster with a counter that runs.
    fn create(name: &'static str) -> Self {
        let lab = Lab::new(&[name]);
        let config = lab.write("cluster.yaml", WORKER);
        lab.ok(&["create", "cluster", "--name", name, "--config", &config]);
        lab.apply(name, COUNTER);
        lab.kubectl(name, &["rollout", "status", "deployment", "counter", "--timeout=120s"]);
        Stopped { lab, name }
    }

    fn state(&self) -> Value {
        let clusters: Vec<Value> =
            serde_json::from_str(&self.lab.ok(&["get", "clusters", "-o", "json"])).unwrap();
        let own = clusters.into_iter().find(|cluster| cluster["name"] == self.name);
        own.unwrap()["state"].clone()
    }

    fn inspect(&self, role: &str, format: &str) -> String {
        let node = format!("{}-{role}", self.name);
        docker(&["inspect", "--format", format, &node]).trim().to_owned()
    }

    fn action(&self, action: &str) {
        self.lab.ok(&[action, "cluster", "--name", self.name]);
    }

    fn starts(&self) -> usize {
        in_node(&format!("{}-worker", self.name), "cat /var/counter/starts").lines().count()
    }

    /// Names, Services, pods and `exec` work.
    fn works(&self) {
        let script = "busybox nslookup kubernetes.default.svc.cluster.local >/dev/null && busybox wget -T 3 -qO- http://counter/starts";
        eventually("names and Services", 60, || {
            match self.lab.in_pod(self.name, "deploy/counter", script) {
                (true, text) if text.contains("started") => Ok(()),
                (_, text) => Err(text),
            }
        });
    }
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_cluster_is_stopped_and_started() {
    let name = "skiff-test-stopped";
    let cluster = Stopped::create(name);
    cluster.works();
    let starts = cluster.starts();
    let kubeconfig = std::fs::read_to_string(cluster.lab.kubeconfig()).unwrap();

    cluster.action("stop");
    assert_eq!(cluster.state(), "stopped");
    for role in NODES {
        // What systemd ends with when it has shut down.
        assert_eq!(cluster.inspect(role, "{{.State.ExitCode}}"), "130", "{role}");
        let policy = cluster.inspect(role, "{{.HostConfig.RestartPolicy.Name}}");
        assert_eq!(policy, "unless-stopped", "{role}");
    }
    cluster.action("stop");
    assert_eq!(std::fs::read_to_string(cluster.lab.kubeconfig()).unwrap(), kubeconfig);
    check("every node shuts down by itself, stays stopped, and keeps its kubeconfig entry");

    let refused = cluster.lab.run(&["kubectl", "--name", name, "--", "get", "nodes"]);
    let next = format!("skiff start cluster --name {name}");
    assert!(stderr(&refused).contains(&next), "{}", stderr(&refused));
    check("a command for a stopped cluster names the next step");

    cluster.action("start");
    assert_eq!(cluster.state(), "running");
    for role in NODES {
        assert_eq!(cluster.inspect(role, "{{.HostConfig.RestartPolicy.Name}}"), "on-failure");
    }
    let nodes = cluster.lab.json(name, &["get", "nodes"]);
    for node in nodes["items"].as_array().unwrap() {
        let conditions = node["status"]["conditions"].as_array().unwrap();
        let ready = conditions.iter().find(|one| one["type"] == "Ready").unwrap();
        assert_eq!(ready["status"], "True", "{node}");
    }
    check("when start returns, every node is Ready");
    let etcd = "cat /var/log/pods/kube-system_etcd-*/etcd/*.log";
    let log = in_node(&format!("{name}-control-plane"), etcd);
    assert!(log.contains("closed etcd server"), "{log}");
    check("etcd had closed its files");
    eventually("the pod has started again", 60, || match cluster.starts() {
        now if now > starts => Ok(()),
        now => Err(format!("{now} starts")),
    });
    cluster.works();
    check("the data is there; names, Services and exec work");
    cluster.action("start");
    cluster.action("restart");
    assert_eq!(cluster.state(), "running");
    cluster.works();
    check("start again checks, restart restarts");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_cluster_is_paused_and_goes_on() {
    let name = "skiff-test-paused";
    let cluster = Stopped::create(name);
    let starts = cluster.starts();
    cluster.action("pause");
    cluster.action("pause");
    assert_eq!(cluster.state(), "paused");
    for args in [&["kubectl", "get", "nodes"][..], &["get", "kubeconfig"], &["addon", "status"]] {
        let out = cluster.lab.run(&[&args[..1], &["--name", name], &args[1..]].concat());
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        let next = format!("skiff unpause cluster --name {name}");
        assert!(stderr(&out).contains(&next), "{args:?}: {}", stderr(&out));
    }
    let cpu =
        || docker(&["stats", "--no-stream", "--format", "{{.CPUPerc}}", &format!("{name}-worker")]);
    assert_eq!(cpu().trim(), "0.00%");
    check("a paused cluster uses no processor time, and commands name the next step");
    cluster.action("unpause");
    cluster.action("unpause");
    assert_eq!(cluster.state(), "running");
    cluster.works();
    assert_eq!(cluster.starts(), starts);
    check("after it every pod goes on where it was");

    cluster.action("pause");
    cluster.action("stop");
    assert_eq!(cluster.state(), "stopped");
    for role in NODES {
        assert_eq!(cluster.inspect(role, "{{.State.ExitCode}}"), "130", "{role}");
    }
    cluster.action("start");
    cluster.works();
    check("a paused cluster is stopped cleanly");
    cluster.action("pause");
    cluster.lab.ok(&["delete", "cluster", "--name", name]);
    assert!(crate::harness::containers_of(name).is_empty());
    check("a paused cluster is deleted");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_stopped_cluster_stays_stopped_when_the_engine_restarts() {
    let name = "skiff-test-stays";
    let image = node_image::reference(node_image::DEFAULT_VERSION);
    let saved = api(&Lab::new(&[]).socket(), "GET", &format!("/images/{image}/get"), None);
    let lab = Lab::on(SecondEngine::start("containerd"), &[name]);
    load_into_engine(&lab.socket(), lab.folder.path(), &saved);
    drop(saved);
    lab.ok(&["create", "cluster", "--name", name]);
    let state = || {
        let path = format!("/containers/{name}-control-plane/json");
        let found: Value = serde_json::from_slice(&api(&lab.socket(), "GET", &path, None)).unwrap();
        found["State"]["Status"].clone()
    };
    lab.ok(&["stop", "cluster", "--name", name]);
    lab.restart_engine();
    assert_eq!(state(), "exited");
    check("a stopped cluster stays stopped");
    lab.ok(&["start", "cluster", "--name", name]);
    lab.restart_engine();
    eventually("the node runs again", 60, || match state() {
        running if running == "running" => Ok(()),
        other => Err(other.to_string()),
    });
    check("a started one comes back");
}
