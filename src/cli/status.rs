//! `status`: one cluster.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::flags::{ClusterName, KubeconfigFlag};
use super::invocation::Invocation;
use super::output::{FormatFlag, print_json, print_stdout, print_table};
use super::view::{self, NodeView};
use crate::cluster;
use crate::diagnose::Failure;
use crate::environment;
use crate::inventory::ExistingNode;
use crate::status::{self, NodeStatus, Status};

#[derive(clap::Args)]
pub(super) struct StatusCommand {
    #[command(flatten)]
    name: ClusterName,
    #[command(flatten)]
    kubeconfig: KubeconfigFlag,
    #[command(flatten)]
    format: FormatFlag,
}

impl StatusCommand {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let ctx = invocation.context()?;
        let status = status::status(&ctx, &self.name.get(), self.kubeconfig.all()).await?;
        if self.format.is_json() {
            return print_json(&StatusView::of(&status));
        }
        print_table(&facts(&status, view::since_1970(environment::now())))?;
        print_stdout("")?;
        print_table(&nodes(&status))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusView<'a> {
    name: &'a str,
    /// `running`, `paused`, `stopped`, `mixed` or `damaged`.
    state: &'static str,
    /// Such as `v1.37.2`; null if neither image nor labels tell it.
    kubernetes: Option<&'a str>,
    /// In RFC 3339, in UTC.
    created: Option<String>,
    api_server: ApiServerView<'a>,
    kubeconfig: KubeconfigView<'a>,
    nodes: Vec<NodeStatusView<'a>>,
    /// Nodes that the API server knows, and of which the containers are gone.
    lost: &'a [String],
}

#[derive(Serialize)]
struct ApiServerView<'a> {
    /// As `host:port` of the engine's host; null while it is not published.
    endpoint: Option<&'a str>,
    answers: bool,
    /// Why it does not answer.
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct KubeconfigView<'a> {
    context: String,
    /// The file that has the context; null if none has.
    file: Option<&'a Path>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeStatusView<'a> {
    #[serde(flatten)]
    node: NodeView<'a>,
    /// Whether the name of its image means another image now; null if that is not known.
    image_outdated: Option<bool>,
    /// Null if the API server does not tell.
    ready: Option<bool>,
    /// Why it is not ready.
    reason: Option<&'a str>,
    kubernetes: Option<&'a str>,
    addresses: &'a [String],
    ports: Vec<PortView<'a>>,
}

#[derive(Serialize)]
struct PortView<'a> {
    /// Such as `80/tcp`.
    container: &'a str,
    /// As `host:port`.
    host: &'a str,
}

impl<'a> StatusView<'a> {
    fn of(status: &'a Status) -> Self {
        let cluster = &status.cluster;
        let nodes = cluster.nodes.iter().zip(&status.nodes);
        StatusView {
            name: &cluster.name,
            state: view::state(status.state),
            kubernetes: cluster.kubernetes(),
            created: cluster.created().and_then(view::rfc3339),
            api_server: ApiServerView {
                endpoint: status.endpoint.as_deref(),
                answers: status.silence.is_none(),
                reason: status.silence.as_deref(),
            },
            kubeconfig: KubeconfigView {
                context: cluster::context_name(&cluster.name),
                file: status.kubeconfig.as_deref(),
            },
            nodes: nodes.map(|(node, known)| NodeStatusView::of(node, known)).collect(),
            lost: &status.lost,
        }
    }
}

impl<'a> NodeStatusView<'a> {
    fn of(node: &'a ExistingNode, known: &'a NodeStatus) -> Self {
        let object = known.object.as_ref();
        let ports = known.ports.iter();
        NodeStatusView {
            node: NodeView::of(node),
            image_outdated: known.is_outdated,
            ready: object.map(|object| object.not_ready.is_none()),
            reason: object.and_then(|object| object.not_ready.as_deref()),
            kubernetes: kubernetes(node, known),
            addresses: &known.addresses,
            ports: ports.map(|(container, host)| PortView { container, host }).collect(),
        }
    }
}

/// What runs, or what the image says.
fn kubernetes<'a>(node: &'a ExistingNode, known: &'a NodeStatus) -> Option<&'a str> {
    if !node.role.is_kubernetes_node() {
        return None;
    }
    let object = known.object.as_ref().map(|object| object.kubernetes.as_str());
    object.filter(|version| !version.is_empty()).or(node.kubernetes.as_deref())
}

/// The cluster as a whole; `now` is the time since 1970.
fn facts(status: &Status, now: Duration) -> Vec<[String; 2]> {
    let cluster = &status.cluster;
    let context = cluster::context_name(&cluster.name);
    let context = match &status.kubeconfig {
        Some(path) => format!("{context}, in {}", path.display()),
        None => format!("none; `skiff export kubeconfig --name {}` writes {context}", cluster.name),
    };
    let endpoint = status.endpoint.as_ref().map(|address| format!("https://{address}"));
    let api_server = match (endpoint, &status.silence) {
        (Some(url), None) => url,
        (Some(url), Some(reason)) => format!("{url} ({reason})"),
        (None, None) => "not published".to_owned(),
        (None, Some(reason)) => format!("not published ({reason})"),
    };
    let mut facts = vec![
        ("cluster", cluster.name.clone()),
        ("state", view::state(status.state).to_owned()),
        ("kubernetes", cluster.kubernetes().unwrap_or("unknown").to_owned()),
        ("age", view::cluster_age(cluster, now)),
        ("API server", api_server),
        ("context", context),
    ];
    for (node, known) in cluster.nodes.iter().zip(&status.nodes) {
        let reason = known.object.as_ref().and_then(|object| object.not_ready.as_ref());
        facts.extend(reason.map(|reason| ("not ready", format!("{} {reason}", node.name))));
    }
    if !status.lost.is_empty() {
        facts.push(("lost nodes", format!("{} (no container)", status.lost.join(", "))));
    }
    let is_outdated = |(node, known): (&ExistingNode, &NodeStatus)| {
        (known.is_outdated == Some(true)).then(|| node.image.clone())
    };
    let mut outdated: Vec<String> =
        cluster.nodes.iter().zip(&status.nodes).filter_map(is_outdated).collect();
    outdated.sort();
    outdated.dedup();
    if !outdated.is_empty() {
        let images = outdated.join(", ");
        facts.push(("node image", format!("{images} has been built or pulled anew since")));
    }
    facts.into_iter().map(|(name, value)| [name.to_owned(), value]).collect()
}

/// A row for each container, with a heading.
fn nodes(status: &Status) -> Vec<[String; 7]> {
    let row = |(node, known): (&ExistingNode, &NodeStatus)| {
        let ready = match &known.object {
            Some(object) if object.not_ready.is_none() => "yes",
            Some(_) => "no",
            None => "-",
        };
        let ports = known.ports.iter().map(|(port, host)| format!("{host}->{port}"));
        let ports = ports.collect::<Vec<_>>().join(", ");
        let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        [
            node.name.clone(),
            node.role.to_string(),
            view::node_state(node.status).to_owned(),
            ready.to_owned(),
            kubernetes(node, known).unwrap_or("-").to_owned(),
            or_dash(known.addresses.join(", ")),
            or_dash(ports),
        ]
    };
    let heading = ["NODE", "ROLE", "STATE", "READY", "KUBERNETES", "ADDRESS", "PORTS"];
    let rows = status.cluster.nodes.iter().zip(&status.nodes).map(row);
    std::iter::once(heading.map(str::to_owned)).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::engine::RunStatus;
    use crate::inventory::{ClusterState, ExistingCluster, NodeRole};
    use crate::status::NodeObject;

    fn status() -> Status {
        let plane = ExistingNode {
            created: 1000,
            kubernetes: Some("v1.37.1".into()),
            image: "skiff/node:v1.37.1".into(),
            ..ExistingNode::new("lab-control-plane", NodeRole::ControlPlane, RunStatus::Running)
        };
        let worker = ExistingNode::new("lab-worker", NodeRole::Worker, RunStatus::Stopped);
        let worker = ExistingNode { created: 1001, ..worker };
        let object = NodeObject {
            not_ready: Some("is not Ready: no network".into()),
            kubernetes: "v1.37.2".into(),
        };
        let known = NodeStatus {
            addresses: vec!["172.18.0.2".into(), "fc00::2".into()],
            ports: vec![("80/tcp".into(), "0.0.0.0:8080".into())],
            is_outdated: Some(true),
            object: Some(object),
        };
        Status {
            cluster: ExistingCluster { name: "lab".into(), nodes: vec![plane, worker] },
            state: ClusterState::Mixed,
            nodes: vec![known, NodeStatus::default()],
            lost: vec!["lab-worker2".into()],
            endpoint: Some("127.0.0.1:40000".into()),
            silence: Some("it does not answer".into()),
            kubeconfig: None,
        }
    }

    #[test]
    fn people_read_facts_and_a_table() {
        let mut status = status();
        let now = Duration::from_secs(1090);
        let fact = |status: &Status, name: &str| {
            let facts = facts(status, now).into_iter();
            facts.filter(|[known, _]| known == name).map(|[_, value]| value).collect::<Vec<_>>()
        };
        for (name, value) in [
            ("state", "mixed"),
            ("kubernetes", "v1.37.1"),
            ("age", "90s"),
            ("API server", "https://127.0.0.1:40000 (it does not answer)"),
            ("context", "none; `skiff export kubeconfig --name lab` writes kind-lab"),
            ("not ready", "lab-control-plane is not Ready: no network"),
            ("lost nodes", "lab-worker2 (no container)"),
            ("node image", "skiff/node:v1.37.1 has been built or pulled anew since"),
        ] {
            assert_eq!(fact(&status, name), [value], "{name}");
        }
        status.kubeconfig = Some(PathBuf::from("/home/me/.kube/config"));
        status.silence = None;
        status.lost.clear();
        assert_eq!(fact(&status, "context"), ["kind-lab, in /home/me/.kube/config"]);
        assert_eq!(fact(&status, "API server"), ["https://127.0.0.1:40000"]);
        assert!(fact(&status, "lost nodes").is_empty());
        let rows = nodes(&status);
        let plane = [
            "lab-control-plane",
            "control-plane",
            "running",
            "no",
            "v1.37.2",
            "172.18.0.2, fc00::2",
            "0.0.0.0:8080->80/tcp",
        ];
        assert_eq!(rows[1], plane);
        assert_eq!(rows[2], ["lab-worker", "worker", "stopped", "-", "-", "-", "-"]);
    }
}
