//! The clusters that exist, found by the labels of the engine's containers.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use crate::config;
use crate::context::{Context, RunError};
use crate::engine::{Container, EngineError};
use crate::kubeadm::API_PORT;
use crate::labels;

/// The role of a container in its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeRole {
    ControlPlane,
    Worker,
    LoadBalancer,
    /// A role of another program, or the empty string.
    Other(String),
}

impl NodeRole {
    fn from_label(value: &str) -> Self {
        match value {
            labels::CONTROL_PLANE => NodeRole::ControlPlane,
            labels::WORKER => NodeRole::Worker,
            labels::LOAD_BALANCER => NodeRole::LoadBalancer,
            other => NodeRole::Other(other.to_owned()),
        }
    }

    /// Whether pods can run on it (kind v0.33.0, `pkg/cluster/nodeutils/roles.go`,
    /// `InternalNodes`).
    pub(crate) fn is_kubernetes_node(&self) -> bool {
        matches!(self, NodeRole::ControlPlane | NodeRole::Worker)
    }
}

impl fmt::Display for NodeRole {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            NodeRole::ControlPlane => labels::CONTROL_PLANE,
            NodeRole::Worker => labels::WORKER,
            NodeRole::LoadBalancer => labels::LOAD_BALANCER,
            NodeRole::Other(role) => role,
        })
    }
}

/// A container of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExistingNode {
    pub name: String,
    pub role: NodeRole,
    pub running: bool,
}

/// A cluster as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ExistingCluster {
    pub name: String,
    /// Sorted by name; empty if there is no such cluster.
    pub nodes: Vec<ExistingNode>,
}

impl ExistingCluster {
    pub(crate) fn exists(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// The container in front of several API servers, if there is one.
    pub(crate) fn load_balancer(&self) -> Option<&ExistingNode> {
        self.nodes.iter().find(|node| node.role == NodeRole::LoadBalancer)
    }

    /// The control-plane for commands about the cluster: the first running one
    /// by name, else the first.
    pub(crate) fn control_plane(&self) -> Option<&ExistingNode> {
        let planes = || self.nodes.iter().filter(|node| node.role == NodeRole::ControlPlane);
        planes().find(|node| node.running).or_else(|| planes().next())
    }

    /// The container that publishes the API server's port.
    pub(crate) fn api_entry(&self) -> Option<&ExistingNode> {
        self.load_balancer().or_else(|| self.control_plane())
    }
}

/// Every cluster, by name. A label that is not the name of a cluster is of something
/// else.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn clusters(ctx: &Context) -> Result<BTreeMap<String, ExistingCluster>, RunError> {
    let mut clusters: BTreeMap<String, ExistingCluster> = BTreeMap::new();
    for container in containers(ctx, labels::CLUSTER.to_owned()).await? {
        let name = label(&container, labels::CLUSTER).to_owned();
        if config::valid_name(&name).is_err() {
            continue;
        }
        let cluster = clusters.entry(name.clone()).or_default();
        cluster.name = name;
        cluster.nodes.push(node(container));
    }
    Ok(clusters)
}

/// One cluster, which has no nodes if it does not exist.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn cluster(ctx: &Context, name: &str) -> Result<ExistingCluster, RunError> {
    let found = containers(ctx, format!("{}={name}", labels::CLUSTER)).await?;
    Ok(ExistingCluster { name: name.to_owned(), nodes: found.into_iter().map(node).collect() })
}

/// The names of the containers that one run of skiff created.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn of_creation(ctx: &Context, creation: &str) -> Result<Vec<String>, RunError> {
    let found = containers(ctx, format!("{}={creation}", labels::CREATION)).await?;
    Ok(found.into_iter().map(|container| container.name).collect())
}

/// The address of a cluster's API server on the host, as `host:port`
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provider.go`,
/// `GetAPIServerEndpoint`).
///
/// # Errors
/// Returns the engine's error, [`EngineError::NotFound`] if no port is published
/// (stopped containers publish none), or [`RunError::Cancelled`].
pub(crate) async fn api_endpoint(
    ctx: &Context,
    cluster: &ExistingCluster,
) -> Result<String, RunError> {
    let missing = |message: String| EngineError::NotFound {
        what: format!("finding the API server of cluster {:?}", cluster.name),
        message,
    };
    let node = cluster
        .api_entry()
        .ok_or_else(|| missing("the cluster has no control-plane node".into()))?;
    let state = ctx.interruptible(ctx.engine.inspect(&node.name)).await?;
    // A label may also be the image's, so it is an address or nothing.
    let desktop = state.labels.get(labels::DESKTOP_API_PORT);
    if let Some(address) = desktop.and_then(|text| text.parse::<SocketAddr>().ok()) {
        return Ok(address.to_string());
    }
    match state.ports.get(&format!("{API_PORT}/tcp")) {
        Some((host, port)) if host.contains(':') => Ok(format!("[{host}]:{port}")),
        Some((host, port)) => Ok(format!("{host}:{port}")),
        None => Err(missing(format!(
            "{} publishes no API port; is it running? (docker start {})",
            node.name, node.name
        ))
        .into()),
    }
}

/// Sorted by name.
async fn containers(ctx: &Context, label: String) -> Result<Vec<Container>, RunError> {
    let mut found = ctx.interruptible(ctx.engine.containers(&[label])).await?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn label<'a>(container: &'a Container, name: &str) -> &'a str {
    container.labels.get(name).map(String::as_str).unwrap_or_default()
}

/// Containers inherit the labels of their images, whoever made those; their names
/// come from who created them. So only a container that is named as a node is one.
fn node(container: Container) -> ExistingNode {
    let (cluster, role) = (label(&container, labels::CLUSTER), label(&container, labels::ROLE));
    let role = match is_name_of_node(&container.name, cluster, role) {
        true => NodeRole::from_label(role),
        false => NodeRole::Other(role.to_owned()),
    };
    ExistingNode { role, name: container.name, running: container.running }
}

/// Whether it is `CLUSTER-ROLE`, or that and a number
/// (kind v0.33.0, `pkg/cluster/internal/providers/common/namer.go`).
fn is_name_of_node(name: &str, cluster: &str, role: &str) -> bool {
    let number = name.strip_prefix(cluster).and_then(|rest| rest.strip_prefix('-'));
    let number = number.and_then(|rest| rest.strip_prefix(role));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(nodes: &[(&str, &str, bool)]) -> ExistingCluster {
        let node = |(name, role, running): &(&str, &str, bool)| ExistingNode {
            name: name.to_string(),
            role: NodeRole::from_label(role),
            running: *running,
        };
        ExistingCluster { name: "c".into(), nodes: nodes.iter().map(node).collect() }
    }

    #[test]
    fn only_control_planes_and_workers_are_kubernetes_nodes() {
        let roles = ["control-plane", "worker", "external-load-balancer", "registry", ""];
        for (role, expected) in roles.into_iter().zip([true, true, false, false, false]) {
            let parsed = NodeRole::from_label(role);
            assert_eq!(parsed.is_kubernetes_node(), expected, "{role:?}");
            assert_eq!(parsed.to_string(), role);
        }
    }

    /// `docker run IMAGE` makes a container with the labels of the image.
    #[test]
    fn labels_of_an_image_do_not_make_its_containers_nodes() {
        let role = |name: &str, role: &str| {
            let labels = [(labels::CLUSTER, "lab"), (labels::ROLE, role)];
            let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
            node(Container { name: name.into(), labels, running: true }).role
        };
        for name in ["lab-control-plane", "lab-control-plane2", "lab-control-plane13"] {
            assert_eq!(role(name, "control-plane"), NodeRole::ControlPlane, "{name}");
        }
        assert_eq!(role("lab-worker", "worker"), NodeRole::Worker);
        assert_eq!(
            role("lab-external-load-balancer", labels::LOAD_BALANCER),
            NodeRole::LoadBalancer
        );
        for name in [
            "eager_euler",
            "lab-1",
            "lab-control-plane-1",
            "other-control-plane",
            "lab-worker",
            "lab",
        ] {
            assert_eq!(
                role(name, "control-plane"),
                NodeRole::Other("control-plane".into()),
                "{name}"
            );
        }
    }

    #[test]
    fn commands_go_to_a_control_plane_that_runs() {
        let one_down = cluster(&[
            ("a", "worker", true),
            ("b", "control-plane", false),
            ("c", "control-plane", true),
        ]);
        assert_eq!(one_down.control_plane().unwrap().name, "c");
        assert_eq!(one_down.api_entry().unwrap().name, "c");
        let all_down = cluster(&[("b", "control-plane", false), ("c", "control-plane", false)]);
        assert_eq!(all_down.control_plane().unwrap().name, "b");
        let balanced = cluster(&[("b", "control-plane", true), ("l", labels::LOAD_BALANCER, true)]);
        assert_eq!(balanced.api_entry().unwrap().name, "l");
        assert!(cluster(&[]).control_plane().is_none() && !cluster(&[]).exists());
    }
}
