//! The kubeconfig of a cluster: read from its control-plane, given the address
//! that its reader needs, merged into the user's file.

use std::path::PathBuf;

use serde_json::Value;

use crate::context::{Context, RunError};
use crate::inventory::{self, ExistingCluster, Need, NotRunning};
use crate::kubeadm::API_PORT;
use crate::kubeconfig;
use crate::node::{ADMIN_CONF, NodeHandle};
use crate::provision::network;

#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminKubeconfigError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Kubeconfig(#[from] kubeconfig::Error),
    #[error(transparent)]
    NotRunning(#[from] NotRunning),
    // kind's text, which scripts look for
    // (kind v0.33.0, `pkg/cluster/internal/kubeconfig/kubeconfig.go`).
    #[error(
        "could not locate any control plane nodes for cluster named '{0}'. Use the --name option to select a different cluster"
    )]
    NoControlPlane(String),
}

/// Who is going to use a kubeconfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Programs on this host.
    Host,
    /// Containers on the cluster's network.
    Network,
}

/// The kubeconfig of a cluster that runs.
///
/// # Errors
/// Returns [`AdminKubeconfigError::NoControlPlane`] if no cluster of this name has
/// one, [`AdminKubeconfigError::NotRunning`] if it does not run, or the error of
/// reading `admin.conf` or the published port.
pub(crate) async fn read(
    ctx: &Context,
    name: &str,
    reader: Reader,
) -> Result<Value, AdminKubeconfigError> {
    of_cluster(ctx, &inventory::cluster(ctx, name).await?, reader).await
}

/// Like [`read`], for a cluster that was found already.
///
/// # Errors
/// Fails like [`read`].
pub(crate) async fn of_cluster(
    ctx: &Context,
    cluster: &ExistingCluster,
    reader: Reader,
) -> Result<Value, AdminKubeconfigError> {
    let plane = cluster
        .control_plane()
        .ok_or_else(|| AdminKubeconfigError::NoControlPlane(cluster.name.clone()))?;
    cluster.check(Need::PublishedApi)?;
    let admin_conf = NodeHandle::new(ctx, &plane.name).read(ADMIN_CONF).await?;
    let server = format!("https://{}", server(ctx, cluster, reader).await?);
    Ok(kubeconfig::for_cluster(&admin_conf, &cluster.name, &server)?)
}

/// The address at which a reader reaches the API server, as `host:port`.
///
/// A reader on this host takes the published one. That is an address of the engine's
/// host, and this process can be elsewhere: in a container that was given the engine's
/// socket. If it is on the cluster's network, as such containers can be, it gets the
/// address there.
async fn server(
    ctx: &Context,
    cluster: &ExistingCluster,
    reader: Reader,
) -> Result<String, RunError> {
    let internal = cluster.api_entry().map(|entry| format!("{}:{API_PORT}", entry.name));
    let published = match (reader, internal.clone()) {
        (Reader::Network, Some(internal)) => return Ok(internal),
        _ => inventory::api_endpoint(ctx, cluster).await?,
    };
    let is_reachable = async |address: &str| {
        ctx.interruptible(async { Ok::<_, RunError>(ctx.engine.is_reachable(address).await) }).await
    };
    if is_reachable(&published).await? {
        return Ok(published);
    }
    match internal {
        Some(internal) if is_reachable(&internal).await? => Ok(internal),
        _ => {
            ctx.progress.warn(unreachable(&published));
            Ok(published)
        }
    }
}

fn unreachable(published: &str) -> String {
    format!(
        "the API server is published at {published} of the engine's host, which cannot be reached from here: a container reaches the API server after `docker network connect {} CONTAINER`, another machine after forwarding this port",
        network::DEFAULT
    )
}

/// Merges what kubeadm wrote on a control-plane into the user's kubeconfig.
///
/// # Errors
/// Returns the engine's error if the API server's port is not published, or
/// [`AdminKubeconfigError::Kubeconfig`] if either kubeconfig is invalid.
pub(crate) async fn merge_admin_conf(
    ctx: &Context,
    cluster: &ExistingCluster,
    admin_conf: &str,
    path: PathBuf,
) -> Result<(), AdminKubeconfigError> {
    let server = format!("https://{}", server(ctx, cluster, Reader::Host).await?);
    let entry = kubeconfig::for_cluster(admin_conf, &cluster.name, &server)?;
    merge(ctx, entry, path).await
}

/// Merges a cluster's kubeconfig into the user's.
///
/// # Errors
/// Returns [`AdminKubeconfigError::Kubeconfig`] if the file is invalid, locked, or
/// cannot be written.
pub(crate) async fn merge(
    ctx: &Context,
    entry: Value,
    path: PathBuf,
) -> Result<(), AdminKubeconfigError> {
    // Only waiting can be interrupted: a Ctrl-C between lock and rename would leave the
    // lock.
    let merged =
        ctx.blocking(move |is_cancelled| kubeconfig::merge_into(&path, &entry, is_cancelled)).await;
    Ok(merged?)
}
