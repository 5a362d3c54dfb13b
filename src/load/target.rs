//! The nodes that a command acts on.

use futures_util::future::try_join_all;

use super::containerd::{self, ImageFilter, NodeReport, PullSession};
use super::error::LoadError;
use crate::context::Context;
use crate::inventory::{self, Need};

/// The nodes of a cluster with these names; all nodes if there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Target {
    pub cluster: String,
    pub nodes: Vec<String>,
}

/// A node, and what it reported.
pub(super) struct TargetNode {
    pub name: String,
    pub report: NodeReport,
    /// Until the node pulls.
    pub session: Option<PullSession>,
}

/// The nodes of a target, with what they have of the images that match. Load
/// balancers run no pods and are left out.
///
/// # Errors
/// Returns [`LoadError`] if a node does not exist, is not running, or does not
/// answer.
pub(super) async fn nodes(
    ctx: &Context,
    target: &Target,
    filter: &ImageFilter,
) -> Result<Vec<TargetNode>, LoadError> {
    let cluster = inventory::cluster(ctx, &target.cluster).await?;
    let runs = cluster.check(Need::Nodes(&target.nodes));
    let mut found: Vec<_> =
        cluster.nodes.into_iter().filter(|node| node.role.is_kubernetes_node()).collect();
    if found.is_empty() {
        return Err(LoadError::NoNodes(target.cluster.clone()));
    }
    if let Some(name) = target.nodes.iter().find(|name| !found.iter().any(|n| n.name == **name)) {
        let nodes = found.into_iter().map(|node| node.name).collect();
        return Err(LoadError::UnknownNode { name: name.clone(), nodes });
    }
    runs?;
    found.retain(|node| target.nodes.is_empty() || target.nodes.contains(&node.name));
    let reports = found.into_iter().map(|found| async move {
        let (report, session) = containerd::open_session(ctx, &found.name, filter).await?;
        Ok::<_, LoadError>(TargetNode { name: found.name, report, session: Some(session) })
    });
    try_join_all(reports).await
}
