//! The kubeadm configuration of one node, as kind renders it
//! (kind v0.33.0, `pkg/cluster/internal/kubeadm/config.go`), with a few additions.
//!
//! Nothing here patches, writes files or connects to a node.

mod commands;
mod components;
mod data;
mod documents;
mod unknown;

use serde_json::Value;

use crate::yaml;

pub use commands::{
    addons_command, api_answers_in, finalize_kubelet_command, init_command, join_command,
};
pub use data::{API_PORT, ConfigData, DISCOVERY_PATH, PATCHES_PATH};
pub use unknown::{UnknownField, unknown_fields};

/// The node's documents, in kind's order: ClusterConfiguration,
/// InitConfiguration, JoinConfiguration, KubeletConfiguration and, unless the
/// proxy mode is `none`, KubeProxyConfiguration.
pub fn documents(data: &ConfigData) -> Vec<Value> {
    let mut all = vec![
        documents::cluster(data),
        documents::init(data),
        documents::join(data),
        components::kubelet(data),
    ];
    all.extend(components::proxy(data));
    all
}

/// Writes the documents as one YAML stream.
pub fn render(documents: &[Value]) -> String {
    documents.iter().map(yaml::to_string).collect::<Vec<_>>().join("---\n")
}

#[cfg(test)]
mod tests;
