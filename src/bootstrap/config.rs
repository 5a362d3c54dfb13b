//! The kubeadm configuration of one node, with all patches applied.

use crate::cluster::Cluster;
use crate::kubeadm::{self, ConfigData};
use crate::patch;

/// The documents as one YAML stream, and what in the patches has no effect.
///
/// # Errors
/// Returns the reason why a patch does not apply.
pub(crate) fn kubeadm_config(data: &ConfigData) -> Result<(String, Vec<String>), String> {
    let rendered = kubeadm::documents(data);
    let mut without_effect = patch::without_effect(&rendered, &data.node.kubeadm);
    if is_first(data.cluster, data.node_name) {
        without_effect.extend(patch::without_effect(&rendered, &data.cluster.kubeadm));
    }
    let patched = patch::kubeadm(rendered, &data.cluster.kubeadm)?;
    let patched = patch::kubeadm(patched, &data.node.kubeadm)?;
    Ok((kubeadm::render(&patched), without_effect))
}

/// Whether this is the first control-plane. Only this node warns about patches of
/// the entire cluster.
pub(super) fn is_first(cluster: &Cluster, node: &str) -> bool {
    cluster.node_names().get(cluster.first_control_plane()).is_some_and(|first| first == node)
}
