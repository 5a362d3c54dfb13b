//! Clusters that are there: found, listed and deleted by their labels alone.

use std::collections::BTreeMap;

use futures_util::future::join_all;

pub use crate::cluster::LOAD_BALANCER;
use crate::engine::{Container, Engine, EngineError};

/// kind's labels (kind.md §3): the cluster's name, and the node's role.
pub const CLUSTER_LABEL: &str = "io.x-k8s.kind.cluster";
pub const ROLE_LABEL: &str = "io.x-k8s.kind.role";
/// Ours: which program and which run of it made a container.
pub const CREATED_BY_LABEL: &str = "io.skiff.created-by";
pub const CREATION_LABEL: &str = "io.skiff.creation";

pub const CONTROL_PLANE: &str = "control-plane";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingNode {
    pub name: String,
    pub cluster: String,
    pub role: String,
    pub running: bool,
}

impl ExistingNode {
    fn of(container: Container) -> Self {
        let label = |key| container.labels.get(key).cloned().unwrap_or_default();
        ExistingNode {
            cluster: label(CLUSTER_LABEL),
            role: label(ROLE_LABEL),
            name: container.name,
            running: container.running,
        }
    }
}

/// Every node of every cluster, by cluster; load balancers count.
///
/// # Errors
/// The engine's.
pub async fn clusters(
    engine: &dyn Engine,
) -> Result<BTreeMap<String, Vec<ExistingNode>>, EngineError> {
    let mut clusters: BTreeMap<String, Vec<ExistingNode>> = BTreeMap::new();
    for container in engine.containers(&[CLUSTER_LABEL.to_owned()]).await? {
        let node = ExistingNode::of(container);
        clusters.entry(node.cluster.clone()).or_default().push(node);
    }
    for nodes in clusters.values_mut() {
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(clusters)
}

/// The nodes of one cluster, sorted by name; empty if there is no such cluster.
///
/// # Errors
/// The engine's.
pub async fn nodes(engine: &dyn Engine, cluster: &str) -> Result<Vec<ExistingNode>, EngineError> {
    let found = engine.containers(&[format!("{CLUSTER_LABEL}={cluster}")]).await?;
    let mut nodes: Vec<_> = found.into_iter().map(ExistingNode::of).collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(nodes)
}

/// The control-plane node that cluster-wide commands go to: the first by name
/// that runs.
pub fn control_plane(nodes: &[ExistingNode]) -> Option<&ExistingNode> {
    let mut planes: Vec<_> = nodes.iter().filter(|n| n.role == CONTROL_PLANE).collect();
    planes.sort_by_key(|n| (!n.running, n.name.clone()));
    planes.first().copied()
}

/// Where the API server of a cluster answers on the host: `host:port`.
///
/// # Errors
/// The engine's; [`EngineError::NotFound`] when no port is published (a
/// stopped control-plane publishes none).
pub async fn api_endpoint(
    engine: &dyn Engine,
    cluster: &str,
    nodes: &[ExistingNode],
) -> Result<String, EngineError> {
    let balancer = nodes.iter().find(|n| n.role == LOAD_BALANCER);
    let missing = |message: String| EngineError::NotFound {
        what: format!("finding the API server of cluster {cluster:?}"),
        message,
    };
    let node = balancer
        .or_else(|| control_plane(nodes))
        .ok_or_else(|| missing("it has no control-plane node".into()))?;
    let found = engine.inspect(&node.name).await?;
    let port = found.ports.get("6443/tcp");
    // Docker Desktop publishes elsewhere and says so in a label (kind.md §3.8).
    if let Some(desktop) = found.labels.get("desktop.docker.io/ports/6443/tcp") {
        return Ok(desktop.clone());
    }
    match port {
        Some((host, port)) if host.contains(':') => Ok(format!("[{host}]:{port}")),
        Some((host, port)) => Ok(format!("{host}:{port}")),
        None => Err(missing(format!(
            "{} publishes no API port; is it running? (docker start {})",
            node.name, node.name
        ))),
    }
}

/// Removes containers at the same time; all are tried.
///
/// # Errors
/// The first failure.
pub async fn remove(engine: &dyn Engine, names: &[String]) -> Result<(), EngineError> {
    let done = join_all(names.iter().map(|name| engine.remove_container(name))).await;
    done.into_iter().collect()
}
