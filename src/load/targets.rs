//! Which nodes a command is about.

use futures_util::future::try_join_all;

use super::LoadError;
use super::node::{self, Interest, NodeState, Waiting};
use crate::context::Context;
use crate::inventory;

/// Nodes of a cluster: those named, or all if none is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    pub cluster: String,
    pub nodes: Vec<String>,
}

pub struct Node {
    pub name: String,
    pub state: NodeState,
    /// Until it is told to pull.
    pub waiting: Option<Waiting>,
}

/// The nodes that are meant, with what they have of these images; load balancers run no pods.
///
/// # Errors
/// Nodes that do not exist or do not run.
pub async fn nodes(
    ctx: &Context,
    target: &Target,
    about: &Interest,
) -> Result<Vec<Node>, LoadError> {
    let cluster = inventory::cluster(ctx, &target.cluster).await?;
    let mut found: Vec<_> =
        cluster.nodes.into_iter().filter(|node| node.role.is_kubernetes_node()).collect();
    if found.is_empty() {
        return Err(LoadError::NoNodes(target.cluster.clone()));
    }
    if let Some(name) = target.nodes.iter().find(|name| !found.iter().any(|n| n.name == **name)) {
        let nodes = found.into_iter().map(|node| node.name).collect();
        return Err(LoadError::UnknownNode { name: name.clone(), nodes });
    }
    found.retain(|node| target.nodes.is_empty() || target.nodes.contains(&node.name));
    if let Some(stopped) = found.iter().find(|node| !node.running) {
        return Err(LoadError::Stopped(stopped.name.clone()));
    }
    let states = found.into_iter().map(|found| async move {
        let (state, waiting) = node::look(ctx, &found.name, about).await?;
        Ok::<_, LoadError>(Node { name: found.name, state, waiting: Some(waiting) })
    });
    try_join_all(states).await
}
