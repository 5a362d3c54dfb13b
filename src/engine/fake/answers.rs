//! What commands in nodes print unless a test says otherwise: those of a
//! cluster that works.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::state::{Container, State};
use crate::engine::RunStatus;

/// When every container was started.
pub(super) const STARTED: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
/// Later than that, as in the API server's answers.
const SINCE: &str = "2026-01-01T00:00:00Z";

const ADMIN_CONF: &str = "apiVersion: v1
kind: Config
clusters: [{name: kubernetes, cluster: {server: 'https://kind-control-plane:6443', certificate-authority-data: QQ==}}]
users: [{name: kubernetes-admin, user: {client-key-data: QQ==}}]
contexts: [{name: admin, context: {cluster: kubernetes, user: kubernetes-admin}}]
current-context: admin
";

pub(super) fn stdout(state: &State, argv: &[String]) -> String {
    let line = argv.join(" ");
    match line.as_str() {
        "cat /kind/version" => "v1.37.2\n".into(),
        "cat /etc/kubernetes/admin.conf" => ADMIN_CONF.into(),
        // What a recipe says of the image that it built.
        "cat /image/facts" => {
            format!("layer=sha256:{:064}\ncreated=2026-11-24T02:12:15Z\n", 0)
        }
        "cat /kind/manifests/default-cni.yaml" => "kind: DaemonSet\n".into(),
        line if line.ends_with("get --raw /version") => {
            json!({"gitVersion": "v1.37.2"}).to_string()
        }
        line if line.contains("get --raw") => {
            let paths = argv.iter().filter(|word| word.starts_with("/api"));
            paths.map(|path| format!("{}\u{1e}", list(state, path))).collect()
        }
        _ => String::new(),
    }
}

/// The API server's answer at a path.
fn list(state: &State, path: &str) -> Value {
    let nodes = state.containers.len();
    let items = match path.rsplit('/').next().unwrap_or_default() {
        "nodes" => state.containers.values().map(node).collect(),
        "deployments" => vec![
            json!({"metadata": {"name": "coredns"}, "spec": {"replicas": 2}, "status": {"availableReplicas": 2}}),
        ],
        "daemonsets" => {
            vec![json!({"metadata": {"name": "kube-proxy"}, "status": {"numberReady": nodes}})]
        }
        "leases" => ["kube-controller-manager", "kube-scheduler"]
            .map(|name| json!({"metadata": {"name": name}, "spec": {"renewTime": SINCE}}))
            .into(),
        _ => Vec::new(),
    };
    json!({"items": items})
}

fn node(container: &Container) -> Value {
    let is_ready = container.status == RunStatus::Running;
    let status = if is_ready { "True" } else { "Unknown" };
    let ready = json!({"type": "Ready", "status": status, "lastHeartbeatTime": SINCE});
    json!({"metadata": {"name": container.spec.name}, "status": {"conditions": [ready]}})
}

/// What the file of an image contains.
pub(super) fn file(path: &str) -> Option<&'static str> {
    (path == "/usr/bin/kubectl").then_some("#!/bin/sh\n")
}

/// A tar archive of a file; one that begins with `-> ` is a symbolic link.
pub(super) fn archive(path: &str, text: &str) -> Vec<u8> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    let appended = match text.strip_prefix("-> ") {
        Some(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, name, target)
        }
        None => {
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, name, text.as_bytes())
        }
    };
    appended.and_then(|()| archive.into_inner()).expect("writing to memory succeeds")
}
