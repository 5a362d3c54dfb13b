//! The definition of a cluster: the types that every other module uses.
//!
//! These are plain values, already validated. [`crate::config`] reads them from
//! a file.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::labels;

/// The default name of a cluster
/// (kind v0.33.0, `pkg/cluster/constants/constants.go`, `DefaultClusterName`).
pub const DEFAULT_NAME: &str = "kind";

/// A cluster definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    pub name: String,
    pub nodes: Vec<Node>,
    pub networking: Networking,
    pub feature_gates: BTreeMap<String, bool>,
    pub runtime_config: BTreeMap<String, String>,
    pub kubeadm: KubeadmPatches,
    pub containerd: ContainerdPatches,
}

/// A node of a cluster definition.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    pub role: Role,
    /// The node image; `None` until one is chosen.
    pub image: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub extra_mounts: Vec<Mount>,
    pub port_mappings: Vec<PortMapping>,
    pub kubeadm: KubeadmPatches,
}

/// The role of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Role {
    #[default]
    ControlPlane,
    Worker,
}

impl Role {
    /// The role in names of nodes and in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::ControlPlane => labels::CONTROL_PLANE,
            Role::Worker => labels::WORKER,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A path of the host that is mounted into a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mount {
    pub container_path: String,
    pub host_path: PathBuf,
    pub read_only: bool,
    pub selinux_relabel: bool,
    pub propagation: Propagation,
}

/// Mount propagation, as in Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    #[default]
    None,
    HostToContainer,
    Bidirectional,
}

/// A port of the host that is forwarded to a port of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMapping {
    pub container_port: u16,
    pub host_port: HostPort,
    /// `None`: every address of the cluster's IP family.
    pub listen_address: Option<IpAddr>,
    pub protocol: Protocol,
}

/// The host port of a mapping, as a definition writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostPort {
    /// Written 0: skiff picks a free port, which the node keeps. This needs an
    /// engine on the same host; a remote engine picks as for [`HostPort::Engine`].
    #[default]
    Picked,
    /// Written -1: the engine picks a port at every start of the container.
    Engine,
    Fixed(u16),
}

impl HostPort {
    /// The port, if it is known.
    pub fn fixed(self) -> Option<u16> {
        match self {
            HostPort::Fixed(port) => Some(port),
            HostPort::Picked | HostPort::Engine => None,
        }
    }
}

/// The protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// The lower-case name, as the engine writes it in `80/tcp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

/// The network settings of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Networking {
    pub family: Family,
    pub api_server_port: HostPort,
    /// The API server's address on the host, as written: kubeconfig and
    /// certificate contain it literally.
    pub api_server_address: String,
    /// One CIDR, or two for dual-stack, comma-separated in the order written.
    pub pod_subnet: String,
    pub service_subnet: String,
    pub default_cni: bool,
    pub proxy_mode: ProxyMode,
    /// `None`: the search domains of the host; `Some([])`: no search domains.
    pub dns_search: Option<Vec<String>>,
}

/// The IP families of pods, services and nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    #[default]
    Ipv4,
    Ipv6,
    Dual,
}

impl Family {
    pub fn has_v6(self) -> bool {
        self != Family::Ipv4
    }
}

/// The mode of kube-proxy; `None` is a cluster without kube-proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyMode {
    #[default]
    Iptables,
    Ipvs,
    Nftables,
    None,
}

impl ProxyMode {
    pub fn as_str(self) -> &'static str {
        match self {
            ProxyMode::Iptables => "iptables",
            ProxyMode::Ipvs => "ipvs",
            ProxyMode::Nftables => "nftables",
            ProxyMode::None => "none",
        }
    }
}

/// Patches of kubeadm documents: merge patches first, then JSON 6902.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KubeadmPatches {
    /// Each text may hold several YAML documents.
    pub merge: Vec<String>,
    pub json: Vec<JsonPatch>,
}

/// A JSON 6902 patch and the documents that it applies to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JsonPatch {
    pub group: String,
    pub version: String,
    pub kind: String,
    /// The operations, a YAML or JSON list.
    pub patch: String,
}

/// Patches of a node's `/etc/containerd/config.toml`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContainerdPatches {
    /// TOML texts.
    pub merge: Vec<String>,
    /// JSON 6902 operation lists.
    pub json: Vec<String>,
}

impl ContainerdPatches {
    pub fn is_empty(&self) -> bool {
        self.merge.is_empty() && self.json.is_empty()
    }
}

impl Cluster {
    /// The container name of every node, in the definition's order:
    /// `NAME-ROLE`, then `NAME-ROLE2`, `NAME-ROLE3`, …
    /// (kind v0.33.0, `pkg/cluster/internal/providers/common/namer.go`).
    pub fn node_names(&self) -> Vec<String> {
        let mut seen: BTreeMap<Role, usize> = BTreeMap::new();
        self.nodes
            .iter()
            .map(|node| {
                let count = seen.entry(node.role).or_default();
                *count += 1;
                match *count {
                    1 => format!("{}-{}", self.name, node.role),
                    n => format!("{}-{}{n}", self.name, node.role),
                }
            })
            .collect()
    }

    /// Every node with the name of its container.
    pub fn named_nodes(&self) -> impl Iterator<Item = (String, &Node)> {
        self.node_names().into_iter().zip(&self.nodes)
    }

    /// Position of the node that runs `kubeadm init`: the first control-plane.
    pub fn first_control_plane(&self) -> usize {
        self.nodes.iter().position(|node| node.role == Role::ControlPlane).unwrap_or(0)
    }

    pub fn control_planes(&self) -> usize {
        self.nodes.iter().filter(|node| node.role == Role::ControlPlane).count()
    }

    /// Whether its API servers are behind a load balancer
    /// (kind v0.33.0, `pkg/internal/apis/config/cluster_util.go`,
    /// `ClusterHasImplicitLoadBalancer`).
    pub fn has_load_balancer(&self) -> bool {
        self.control_planes() > 1
    }

    /// The container at which nodes reach the API server: the load balancer, or
    /// the only control-plane.
    pub fn api_host(&self) -> String {
        let role = match self.has_load_balancer() {
            true => labels::LOAD_BALANCER,
            false => labels::CONTROL_PLANE,
        };
        format!("{}-{role}", self.name)
    }

    /// Gives every node the same image.
    pub fn set_image(&mut self, image: &str) {
        self.nodes.iter_mut().for_each(|node| node.image = Some(image.to_owned()));
    }

    /// The kubeconfig name of the cluster, its user and its context.
    pub fn context(&self) -> String {
        context_name(&self.name)
    }
}

/// `kind-NAME`: the kubeconfig name of a cluster, its user and its context
/// (kind v0.33.0, `pkg/cluster/internal/kubeconfig/internal/kubeconfig/helpers.go`,
/// `KINDClusterKey`).
pub fn context_name(cluster: &str) -> String {
    format!("kind-{cluster}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_within_a_role() {
        let node = |role| Node { role, ..Node::default() };
        let cluster = Cluster {
            nodes: vec![node(Role::Worker), node(Role::ControlPlane), node(Role::Worker)],
            ..crate::config::default_cluster()
        };
        assert_eq!(cluster.node_names(), ["kind-worker", "kind-control-plane", "kind-worker2"]);
    }
}
