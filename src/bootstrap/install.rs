//! What every new cluster has: the pod network, storage, a label.
//!
//! For the network this applies the DaemonSet of the node image. The CNI
//! configuration itself (`/etc/cni/net.d/`) is written in the node. In skiff's image
//! the entrypoint does it before kubelet starts, since skiff sets
//! `SKIFF_DEFAULT_CNI=1` (`node-image/rootfs/usr/local/bin/entrypoint`), else the
//! DaemonSet's podnet (`node-image/kubernetes/src/podnet/`). In kind's image the
//! DaemonSet's kindnet does; both DaemonSets have the name kindnet.

use super::error::BootstrapError;
use super::manifests;
use crate::cluster::Cluster;
use crate::context::RunError;
use crate::engine::Command;
use crate::kube::KubeClient;
use crate::kubeadm::{self, API_PORT};
use crate::labels;
use crate::node::NodeHandle;
use crate::yaml;

const NETWORK_MANIFEST: &str = "/kind/manifests/default-cni.yaml";
const STORAGE_MANIFEST: &str = "/kind/manifests/default-storage.yaml";

/// Installs the StorageClass from the manifest in the node image. A single node becomes
/// one that load balancers may use.
///
/// # Errors
/// Returns [`RunError::Command`] with kubectl's output.
pub(crate) async fn install(cluster: &Cluster, node: &NodeHandle) -> Result<(), BootstrapError> {
    let kube = &KubeClient::new(node.clone());
    tokio::try_join!(storage(cluster, node, kube), allow_load_balancers(cluster, node, kube))
        .map(drop)
}

/// Has kubeadm install its add-ons; `None` if its configuration, a file, says otherwise.
///
/// # Errors
/// Returns [`BootstrapError`] if the configuration is invalid.
pub(crate) async fn addons_command(
    node: &NodeHandle,
    config: &'static str,
) -> Result<Option<Command>, BootstrapError> {
    let text = node.read(config).await?;
    let documents = yaml::documents(&text).map_err(|reason| BootstrapError::Unreadable {
        node: node.name().to_owned(),
        what: config,
        reason,
    })?;
    let init = documents.iter().find(|document| document["kind"] == "InitConfiguration");
    let skipped = init.and_then(|init| init["skipPhases"].as_array()).into_iter().flatten();
    let skipped: Vec<&str> = skipped.filter_map(|phase| phase.as_str()).collect();
    Ok(kubeadm::addons_command(config, &skipped).map(Command::new))
}

/// Installs the pod network from the manifest in the node image.
///
/// # Errors
/// Returns [`BootstrapError`] for a missing or invalid manifest, or
/// [`RunError::Command`] with kubectl's output.
pub(crate) async fn network(cluster: &Cluster, node: &NodeHandle) -> Result<(), BootstrapError> {
    let kube = &KubeClient::new(node.clone());
    if !cluster.networking.default_cni {
        return Ok(());
    }
    let endpoint = format!("{}:{API_PORT}", cluster.api_host());
    let template = node.read(NETWORK_MANIFEST).await?;
    let manifest = manifests::network(&template, &cluster.networking.pod_subnet, &endpoint);
    let manifest = manifest.map_err(|reason| BootstrapError::Unreadable {
        node: node.name().to_owned(),
        what: "the pod network's manifest",
        reason,
    })?;
    node.ctx.progress.debug(5, &manifest);
    Ok(kube.create_manifest(manifest).await?)
}

async fn storage(
    cluster: &Cluster,
    node: &NodeHandle,
    kube: &KubeClient,
) -> Result<(), BootstrapError> {
    let manifest = match node.read(STORAGE_MANIFEST).await {
        Err(RunError::Command { .. }) => {
            node.ctx.progress.warn(format!(
                "the node image of {} has no {STORAGE_MANIFEST}: using a StorageClass for host paths",
                cluster.name
            ));
            manifests::HOST_PATH_STORAGE.to_owned()
        }
        read => read?,
    };
    // Unlike the network's, it may name objects that kubeadm has created.
    Ok(kube.apply_manifest(manifest).await?)
}

/// The only node must be reachable from outside
/// (kind v0.33.0, `pkg/cluster/internal/create/actions/kubeadminit/init.go`).
async fn allow_load_balancers(
    cluster: &Cluster,
    node: &NodeHandle,
    kube: &KubeClient,
) -> Result<(), BootstrapError> {
    if cluster.nodes.len() == 1 {
        kube.remove_node_label(node.name(), labels::EXCLUDED_FROM_LOAD_BALANCERS).await?;
    }
    Ok(())
}
