//! The clusters that exist, found by the labels of the engine's containers.

mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use crate::config;
use crate::context::{Context, RunError};
use crate::engine::{Container, EngineError, RunStatus};
use crate::kubeadm::API_PORT;
use crate::labels;
use crate::version::Version;

pub(crate) use state::{ClusterState, Group, Need, NotRunning};

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
    pub status: RunStatus,
    pub image: String,
    /// In seconds since 1970.
    pub created: i64,
    /// Its Kubernetes version, such as `v1.37.2`, where image or labels tell it.
    pub kubernetes: Option<String>,
}

impl ExistingNode {
    #[cfg(test)]
    pub(crate) fn new(name: &str, role: NodeRole, status: RunStatus) -> ExistingNode {
        let (name, image) = (name.to_owned(), String::new());
        ExistingNode { name, role, status, image, created: 0, kubernetes: None }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.status == RunStatus::Running
    }
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

    /// The Kubernetes version of its control-plane.
    pub(crate) fn kubernetes(&self) -> Option<&str> {
        self.control_plane().and_then(|node| node.kubernetes.as_deref())
    }

    /// When its first container was created, in seconds since 1970.
    pub(crate) fn created(&self) -> Option<i64> {
        self.nodes.iter().map(|node| node.created).min()
    }

    /// The container in front of several API servers, if there is one.
    pub(crate) fn load_balancer(&self) -> Option<&ExistingNode> {
        self.nodes.iter().find(|node| node.role == NodeRole::LoadBalancer)
    }

    /// The control-plane for commands about the cluster: the first running one
    /// by name, else the first.
    pub(crate) fn control_plane(&self) -> Option<&ExistingNode> {
        let planes = || self.nodes.iter().filter(|node| node.role == NodeRole::ControlPlane);
        planes().find(|node| node.is_running()).or_else(|| planes().next())
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
    for container in nodes(ctx, labels::CLUSTER.to_owned()).await? {
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
    let found = nodes(ctx, format!("{}={name}", labels::CLUSTER)).await?;
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
        None => Err(missing(format!("{} publishes no API port", node.name)).into()),
    }
}

/// Sorted by name.
async fn containers(ctx: &Context, label: String) -> Result<Vec<Container>, RunError> {
    let mut found = ctx.interruptible(ctx.engine.containers(&[label])).await?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The containers of clusters. Containers inherit the labels of their images, whoever
/// made those: one that has its cluster from there belongs to none. Only a name that
/// is not a node's gives reason to ask for the image.
async fn nodes(ctx: &Context, label: String) -> Result<Vec<Container>, RunError> {
    let mut own = Vec::new();
    for container in containers(ctx, label).await? {
        if has_name_of_node(&container) || !has_label_of_image(ctx, &container).await? {
            own.push(container);
        }
    }
    Ok(own)
}

async fn has_label_of_image(ctx: &Context, container: &Container) -> Result<bool, RunError> {
    let image = ctx.interruptible(ctx.engine.image(&container.image)).await?;
    Ok(image.is_some_and(|image| {
        image.labels.contains_key(labels::CLUSTER) || image.labels.contains_key(labels::ROLE)
    }))
}

/// Whether it is `CLUSTER-ROLE`, or that and a number
/// (kind v0.33.0, `pkg/cluster/internal/providers/common/namer.go`).
fn has_name_of_node(container: &Container) -> bool {
    let number = container.name.strip_prefix(label(container, labels::CLUSTER));
    let number = number.and_then(|rest| rest.strip_prefix('-'));
    let number = number.and_then(|rest| rest.strip_prefix(label(container, labels::ROLE)));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn label<'a>(container: &'a Container, name: &str) -> &'a str {
    container.labels.get(name).map(String::as_str).unwrap_or_default()
}

fn node(container: Container) -> ExistingNode {
    ExistingNode {
        role: NodeRole::from_label(label(&container, labels::ROLE)),
        kubernetes: kubernetes(&container),
        name: container.name,
        status: container.status,
        image: container.image,
        created: container.created,
    }
}

/// From the label of an image built here, or from a tag such as `kindest/node:v1.37.2`.
fn kubernetes(container: &Container) -> Option<String> {
    let tag = || {
        let name = container.image.split_once('@').map_or(&container.image[..], |(name, _)| name);
        let (_, tag) = name.rsplit_once(':')?;
        tag.parse::<Version>().ok().map(|_| tag.to_owned())
    };
    container.labels.get(labels::KUBERNETES).cloned().or_else(tag)
}

#[cfg(test)]
mod tests;
