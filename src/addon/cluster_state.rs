//! A cluster as it is before an installation.

use serde_json::Value;

use super::error::AddonError;
use super::record::Record;
use crate::context::Context;
use crate::inventory::{self, Need};
use crate::kube::{KubeClient, object};
use crate::node::NodeHandle;
use crate::version::Version;

pub(super) struct ClusterState {
    pub ctx: Context,
    pub kube: KubeClient,
    /// The cluster's name.
    pub name: String,
    pub version: Version,
    /// The node objects whose containers are nodes of this cluster: commands run in
    /// the containers of these names, and others can make node objects as well.
    pub nodes: Vec<Value>,
    /// What is installed.
    records: Vec<Record>,
}

impl ClusterState {
    /// Asks the API server of the cluster.
    ///
    /// # Errors
    /// Fails like [`connect`] and the methods of [`KubeClient`]. Returns
    /// [`AddonError::UnexpectedResponse`] if the API server's version cannot be
    /// read.
    pub(super) async fn read(ctx: &Context, cluster: &str) -> Result<ClusterState, AddonError> {
        let (kube, containers) = connect(ctx, cluster).await?;
        let (version, mut nodes) = tokio::try_join!(kube.server_version(), kube.nodes())?;
        nodes.retain(|node| containers.iter().any(|name| name == object::name(node)));
        let version =
            version.parse().map_err(|reason| AddonError::UnexpectedResponse { reason })?;
        let records = Record::all(&kube).await?;
        let (ctx, name) = (ctx.clone(), cluster.to_owned());
        Ok(ClusterState { ctx, kube, name, version, nodes, records })
    }

    /// The record of an installation, if there is one of this name.
    pub(super) fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.name == name)
    }
}

/// A client that uses one of the cluster's control-planes, and the names of all its
/// nodes by the labels of the engine's containers.
///
/// # Errors
/// Returns [`AddonError::NoCluster`], or [`AddonError::NotRunning`] if no
/// control-plane runs.
pub(super) async fn connect(
    ctx: &Context,
    cluster: &str,
) -> Result<(KubeClient, Vec<String>), AddonError> {
    let found = inventory::cluster(ctx, cluster).await?;
    let plane = found.control_plane().ok_or_else(|| AddonError::NoCluster(cluster.to_owned()))?;
    found.check(Need::Api)?;
    let kube = KubeClient::new(NodeHandle::new(ctx, &plane.name));
    let nodes = found.nodes.iter().filter(|node| node.role.is_kubernetes_node());
    Ok((kube, nodes.map(|node| node.name.clone()).collect()))
}
