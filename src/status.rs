//! How one cluster is: what the engine knows of its containers, and the API server of
//! its nodes.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::context::{Context, RunError};
use crate::engine::{ContainerState, EngineError, Image};
use crate::inventory::{self, ClusterState, ExistingCluster, ExistingNode};
use crate::kube::{KubeClient, condition, object};
use crate::kubeconfig;
use crate::node::NodeHandle;

/// An API server that takes longer does not answer.
const LIMIT: Duration = Duration::from_millis(2500);

#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("no nodes found for cluster {0:?}")]
    NoCluster(String),
}

/// One cluster as it is now.
#[derive(Debug)]
pub(crate) struct Status {
    pub cluster: ExistingCluster,
    pub state: ClusterState,
    /// In the order of the cluster's nodes.
    pub nodes: Vec<NodeStatus>,
    /// Nodes that the API server knows, and of which the containers are gone.
    pub lost: Vec<String>,
    /// Where the API server is published on the engine's host, as `host:port`.
    pub endpoint: Option<String>,
    /// Why the API server says nothing; `None` if it answers.
    pub silence: Option<String>,
    /// The kubeconfig file that has the cluster's context.
    pub kubeconfig: Option<PathBuf>,
}

/// What is known of a container of the cluster besides what the list says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeStatus {
    /// In all of its networks; none while it is stopped.
    pub addresses: Vec<String>,
    /// Its ports, such as `80/tcp`, and where they are published, as `host:port`.
    pub ports: Vec<(String, String)>,
    /// Whether the name of its image means another image now; `None` if that is not
    /// known.
    pub is_outdated: Option<bool>,
    pub object: Option<NodeObject>,
}

/// A node to the API server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NodeObject {
    /// Why it is not Ready; `None` if it is.
    pub not_ready: Option<String>,
    /// The version of its kubelet, such as `v1.37.2`.
    pub kubernetes: String,
}

/// Looks at a cluster. `kubeconfigs` are the files that may have its context.
///
/// # Errors
/// Returns [`StatusError::NoCluster`] if it does not exist, the engine's error, or
/// [`RunError::Cancelled`].
pub(crate) async fn status(
    ctx: &Context,
    name: &str,
    kubeconfigs: Vec<PathBuf>,
) -> Result<Status, StatusError> {
    let cluster = inventory::cluster(ctx, name).await?;
    if !cluster.exists() {
        return Err(StatusError::NoCluster(name.to_owned()));
    }
    let containers = try_join_all(cluster.nodes.iter().map(|node| container(ctx, node)));
    let (mut nodes, answer, endpoint) =
        tokio::try_join!(containers, objects(ctx, &cluster), endpoint(ctx, &cluster))?;
    let (objects, silence) = match answer {
        Ok(objects) => (objects, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    for (node, known) in nodes.iter_mut().zip(&cluster.nodes) {
        let found = objects.iter().find(|found| object::name(found) == known.name);
        node.object = found.map(node_object);
    }
    let lost = lost(&cluster, &objects);
    let state = if lost.is_empty() { cluster.state() } else { ClusterState::Damaged };
    let of = name.to_owned();
    let kubeconfig = ctx.blocking(move |_| kubeconfig::file_with(&kubeconfigs, &of)).await;
    Ok(Status { cluster, state, nodes, lost, endpoint, silence, kubeconfig })
}

async fn container(ctx: &Context, node: &ExistingNode) -> Result<NodeStatus, RunError> {
    let state = match ctx.interruptible(ctx.engine.inspect(&node.name)).await {
        Ok(state) => state,
        // It has just been removed.
        Err(RunError::Engine(EngineError::NotFound { .. })) => return Ok(NodeStatus::default()),
        Err(error) => return Err(error),
    };
    let is_outdated = is_outdated(ctx, node, &state).await?;
    let address = |(host, port): (String, u16)| match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    Ok(NodeStatus {
        addresses: state.addresses.iter().map(ToString::to_string).collect(),
        ports: state.ports.into_iter().map(|(port, host)| (port, address(host))).collect(),
        is_outdated,
        object: None,
    })
}

async fn is_outdated(
    ctx: &Context,
    node: &ExistingNode,
    state: &ContainerState,
) -> Result<Option<bool>, RunError> {
    let named = ctx.interruptible(ctx.engine.image(&node.image)).await?;
    let own = ctx.interruptible(ctx.engine.image(&state.image_id)).await?;
    Ok(differ(named, own))
}

/// Whether a name means another image than that of the container. IDs of the same kind
/// are compared: what a container calls its image can be another one.
fn differ(named: Option<Image>, own: Option<Image>) -> Option<bool> {
    named.zip(own).map(|(named, own)| named.id != own.id)
}

/// The Node objects, or why there are none.
async fn objects(
    ctx: &Context,
    cluster: &ExistingCluster,
) -> Result<Result<Vec<Value>, String>, RunError> {
    let plane = match cluster.control_plane() {
        Some(plane) if plane.is_running() => plane,
        _ => return Ok(Err("no control-plane runs".to_owned())),
    };
    let kube = KubeClient::new(NodeHandle::new(ctx, &plane.name));
    match tokio::time::timeout(LIMIT, kube.nodes()).await {
        Err(_) => Ok(Err("it does not answer".to_owned())),
        Ok(Ok(objects)) => Ok(Ok(objects)),
        Ok(Err(RunError::Cancelled)) => Err(RunError::Cancelled),
        Ok(Err(RunError::Command { output, .. })) => {
            Ok(Err(output.lines().last().unwrap_or("it does not answer").to_owned()))
        }
        Ok(Err(error)) => Ok(Err(error.to_string())),
    }
}

async fn endpoint(ctx: &Context, cluster: &ExistingCluster) -> Result<Option<String>, RunError> {
    match inventory::api_endpoint(ctx, cluster).await {
        Ok(endpoint) => Ok(Some(endpoint)),
        Err(RunError::Engine(EngineError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

fn node_object(node: &Value) -> NodeObject {
    let version = node["status"]["nodeInfo"]["kubeletVersion"].as_str();
    NodeObject {
        not_ready: condition::is_true(node, "Ready"),
        kubernetes: version.unwrap_or_default().to_owned(),
    }
}

/// Node objects that were containers: others can make such objects as well.
fn lost(cluster: &ExistingCluster, objects: &[Value]) -> Vec<String> {
    let was_container = |node: &&Value| {
        let provider = node["spec"]["providerID"].as_str().unwrap_or_default();
        // kind v0.33.0, `pkg/cluster/internal/kubeadm/config.go`: `kind://PROVIDER/CLUSTER/NODE`.
        let parts: Vec<&str> = provider.split('/').collect();
        matches!(parts[..], ["kind:", "", _, of, _] if of == cluster.name)
    };
    let is_there = |name: &str| cluster.nodes.iter().any(|node| node.name == name);
    let names = objects.iter().filter(was_container).map(object::name);
    names.filter(|name| !is_there(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
