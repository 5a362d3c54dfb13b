//! The kubeadm configuration of one node, as kind 0.33 renders it
//! (`pkg/cluster/internal/kubeadm/config.go`) plus a few additions of ours.
//!
//! Pure rendering: nothing here patches, writes or talks to a node.

mod commands;
mod components;
mod documents;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use crate::cluster::{Cluster, Family, Node};
use crate::version::Version;
use crate::yaml;

pub use commands::{init_command, join_command};

/// What kind calls the engine in provider ids.
const PROVIDER: &str = "docker";
/// The port of every API server inside the cluster's network.
pub const API_PORT: u16 = 6443;
/// Where a joining node expects the kubeconfig it discovers the cluster by.
pub const DISCOVERY_PATH: &str = "/kind/discovery.conf";
/// Where kubeadm looks for patches of the manifests it writes.
pub const PATCHES_PATH: &str = "/kind/patches";

/// What the documents of one node are rendered from; named as in kind.
#[derive(Debug, Clone)]
pub struct ConfigData<'a> {
    pub cluster: &'a Cluster,
    /// The node's container and host name.
    pub node_name: &'a str,
    pub node: &'a Node,
    /// The Kubernetes version in the node's image.
    pub version: &'a Version,
    /// The node's addresses in the cluster's network. An unknown one leaves
    /// the choice to kubeadm and the kubelet.
    pub addresses: (Option<Ipv4Addr>, Option<Ipv6Addr>),
    /// Bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`.
    pub token: &'a str,
    /// The engine runs without root: some sysctls must be left alone.
    pub rootless: bool,
}

/// The node's documents, in kind's order: ClusterConfiguration,
/// InitConfiguration, JoinConfiguration, KubeletConfiguration and, unless the
/// proxy mode is none, KubeProxyConfiguration.
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

/// One YAML stream of all documents.
pub fn render(documents: &[Value]) -> String {
    documents.iter().map(yaml::to_string).collect::<Vec<_>>().join("---\n")
}

impl<'a> ConfigData<'a> {
    /// Takes the first address of each family.
    pub fn new(
        cluster: &'a Cluster,
        (node_name, node): (&'a str, &'a Node),
        version: &'a Version,
        addresses: &[IpAddr],
        token: &'a str,
        rootless: bool,
    ) -> Self {
        let v4 = addresses.iter().find_map(|a| if let IpAddr::V4(a) = a { Some(*a) } else { None });
        let v6 = addresses.iter().find_map(|a| if let IpAddr::V6(a) = a { Some(*a) } else { None });
        ConfigData { cluster, node_name, node, version, addresses: (v4, v6), token, rootless }
    }

    /// kind's threshold; v1beta4 itself exists since 1.31.
    fn is_v1beta4(&self) -> bool {
        self.version.at_least(1, 36)
    }

    fn api_version(&self) -> &'static str {
        match self.version {
            _ if self.is_v1beta4() => "kubeadm.k8s.io/v1beta4",
            version if version.at_least(1, 23) => "kubeadm.k8s.io/v1beta3",
            _ => "kubeadm.k8s.io/v1beta2",
        }
    }

    /// Flags in the shape the API version wants: v1beta4 has a list of
    /// `{name, value}`, older ones a map.
    fn args(&self, flags: &[(&str, String)]) -> Value {
        if self.is_v1beta4() {
            flags.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
        } else {
            let map: Map<_, _> =
                flags.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            Value::Object(map)
        }
    }

    /// `host:port` of the control plane inside the cluster's network.
    pub fn endpoint(&self) -> String {
        format!("{}:{API_PORT}", self.cluster.api_host())
    }

    /// The node's addresses of the cluster's families, the primary first:
    /// in dual stack that is the family of the first service subnet.
    fn node_ips(&self) -> Vec<String> {
        let v4 = self.addresses.0.map(|ip| ip.to_string());
        let v6 = self.addresses.1.map(|ip| ip.to_string());
        let networking = &self.cluster.networking;
        let v6_first = networking.service_subnet.split(',').next().is_some_and(|s| s.contains(':'));
        let ordered = match networking.family {
            Family::Ipv4 => [v4, None],
            Family::Ipv6 => [v6, None],
            Family::Dual if v6_first => [v6, v4],
            Family::Dual => [v4, v6],
        };
        ordered.into_iter().flatten().collect()
    }

    fn is_ipv6(&self) -> bool {
        self.cluster.networking.family == Family::Ipv6
    }

    fn feature_gates(&self) -> BTreeMap<String, bool> {
        let mut gates = self.cluster.feature_gates.clone();
        if self.rootless {
            gates.insert("KubeletInUserNamespace".to_owned(), true);
        }
        gates
    }
}

/// `a=1,b=2`, the form flags take maps in.
fn pairs<V: Display>(map: &BTreeMap<String, V>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
