//! The kubeconfig of a cluster: read from its control-plane, given the address
//! that its reader needs, merged into the user's file.

use std::path::PathBuf;

use serde_json::Value;

use crate::context::{Context, RunError};
use crate::inventory::{self, ExistingCluster};
use crate::kubeadm::API_PORT;
use crate::kubeconfig;
use crate::node::{ADMIN_CONF, NodeHandle};

#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminKubeconfigError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Kubeconfig(#[from] kubeconfig::Error),
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
/// one, or the error of reading `admin.conf` or the published port.
pub(crate) async fn read(
    ctx: &Context,
    name: &str,
    reader: Reader,
) -> Result<Value, AdminKubeconfigError> {
    let cluster = inventory::cluster(ctx, name).await?;
    let plane = cluster
        .control_plane()
        .ok_or_else(|| AdminKubeconfigError::NoControlPlane(name.to_owned()))?;
    let admin_conf = NodeHandle::new(ctx, &plane.name).read(ADMIN_CONF).await?;
    let server = match (reader, cluster.api_entry()) {
        (Reader::Network, Some(entry)) => format!("{}:{API_PORT}", entry.name),
        _ => inventory::api_endpoint(ctx, &cluster).await?,
    };
    Ok(kubeconfig::for_cluster(&admin_conf, name, &format!("https://{server}"))?)
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
    let server = inventory::api_endpoint(ctx, cluster).await?;
    let server = format!("https://{server}");
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
