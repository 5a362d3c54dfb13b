//! The input of the documents, and what several of them derive from it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use crate::cluster::{Cluster, Family, Node};
use crate::patch;
use crate::version::Version;

/// The port of every API server inside the cluster's network.
pub const API_PORT: u16 = 6443;
/// Path in a joining node: the kubeconfig that leads it to the cluster.
pub const DISCOVERY_PATH: &str = "/kind/discovery.conf";
/// Directory in a node: patches of the manifests that kubeadm writes.
pub const PATCHES_PATH: &str = "/kind/patches";

/// The input of the documents of one node. The name is kind's
/// (kind v0.33.0, `pkg/cluster/internal/kubeadm/config.go`, `ConfigData`).
#[derive(Clone)]
pub struct ConfigData<'a> {
    /// The definition that the node is part of.
    pub cluster: &'a Cluster,
    /// The node's container and host name.
    pub node_name: &'a str,
    /// The node that the documents are for.
    pub node: &'a Node,
    /// The Kubernetes version in the node's image.
    pub version: &'a Version,
    /// The node's addresses in the cluster's network. If one is unknown, kubeadm
    /// and the kubelet choose it.
    pub addresses: (Option<Ipv4Addr>, Option<Ipv6Addr>),
    /// Bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`.
    pub token: &'a str,
    /// The engine runs without root, so some sysctls cannot be set.
    pub rootless: bool,
    /// The engine's name in provider ids
    /// (kind v0.33.0, `pkg/cluster/internal/create/actions/config/config.go`).
    pub provider: &'static str,
}

impl<'a> ConfigData<'a> {
    /// Uses the first address of each family.
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
        ConfigData {
            cluster,
            node_name,
            node,
            version,
            addresses: (v4, v6),
            token,
            rootless,
            provider: "docker",
        }
    }

    /// As in kind (kind v0.33.0, `pkg/cluster/internal/kubeadm/config.go`,
    /// `Config`); kubeadm has v1beta4 since 1.31.
    pub(super) fn is_v1beta4(&self) -> bool {
        self.version.at_least(1, 36)
    }

    pub(super) fn api_version(&self) -> &'static str {
        match self.version {
            _ if self.is_v1beta4() => "kubeadm.k8s.io/v1beta4",
            version if version.at_least(1, 23) => "kubeadm.k8s.io/v1beta3",
            _ => "kubeadm.k8s.io/v1beta2",
        }
    }

    /// Flags in the form of the API version: a list of `{name, value}` in
    /// v1beta4, a mapping in older ones.
    pub(super) fn args(&self, flags: &[(&str, String)]) -> Value {
        if self.is_v1beta4() {
            flags.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
        } else {
            let map: Map<_, _> =
                flags.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            Value::Object(map)
        }
    }

    /// `host:port` of the API server inside the cluster's network.
    pub fn endpoint(&self) -> String {
        format!("{}:{API_PORT}", self.cluster.api_host())
    }

    /// The node's addresses of the cluster's IP families, the primary family
    /// first. In a dual-stack cluster the first service subnet decides which.
    pub(super) fn node_ips(&self) -> Vec<String> {
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

    /// Whether kubeadm patches the configuration of this node's kubelet, which the node
    /// would otherwise take over from the cluster: it does so since 1.25.
    pub(crate) fn patches_kubelet(&self) -> bool {
        let names = self.cluster.node_names();
        let first = &names[self.cluster.first_control_plane()];
        let (merge, json) = patch::of_kubelet(&self.node.kubeadm);
        let has_patches = !merge.is_empty() || !json.is_empty();
        has_patches && first != self.node_name && self.version.at_least(1, 25)
    }

    pub(super) fn is_ipv6(&self) -> bool {
        self.cluster.networking.family == Family::Ipv6
    }

    pub(super) fn feature_gates(&self) -> BTreeMap<String, bool> {
        let mut gates = self.cluster.feature_gates.clone();
        if self.rootless {
            gates.insert("KubeletInUserNamespace".to_owned(), true);
        }
        gates
    }
}
