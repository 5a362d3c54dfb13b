//! The definition of a cluster: the types that every other module uses.
//!
//! These are plain values, already validated. [`crate::config`] reads them from
//! a file.

mod mention;
mod source;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::labels;

pub use source::{Line, Place, Source};

/// The default name of a cluster
/// (kind v0.33.0, `pkg/cluster/constants/constants.go`, `DefaultClusterName`).
pub const DEFAULT_NAME: &str = "kind";

/// A cluster definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Prefix of the names of its containers, such as `lab` in `lab-worker2`.
    pub name: String,
    /// In the definition's order. At least one has the role control-plane.
    pub nodes: Vec<Node>,
    /// Settings of its pod network, Services and API server.
    pub networking: Networking,
    /// Kubernetes feature gates of every component, such as `{"SidecarContainers": true}`.
    pub feature_gates: BTreeMap<String, bool>,
    /// APIs that the API server turns on or off (`--runtime-config`), such as
    /// `{"api/alpha": "false"}`.
    pub runtime_config: BTreeMap<String, String>,
    /// Patches for every node. They apply before [`Node::kubeadm`].
    pub kubeadm: KubeadmPatches,
    /// Patches for every node, whose containerd is restarted if there are any.
    pub containerd: ContainerdPatches,
    /// Where all of this stands.
    pub source: Source,
}

/// A node of a cluster definition.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// Decides which kubeadm command runs in it: the first control-plane inits, all
    /// other nodes join.
    pub role: Role,
    /// The node image; `None` until one is chosen.
    pub image: Option<String>,
    /// Labels of its Node object, which the kubelet sets when it registers.
    pub labels: BTreeMap<String, String>,
    /// Mounts in addition to those that every node has.
    pub extra_mounts: Vec<Mount>,
    /// Published ports in addition to the API server's.
    pub port_mappings: Vec<PortMapping>,
    /// Patches for this node only. They apply after [`Cluster::kubeadm`].
    pub kubeadm: KubeadmPatches,
}

/// The role of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Role {
    /// Runs the API server, etcd, the scheduler and the controller manager.
    #[default]
    ControlPlane,
    /// Runs pods only.
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
    /// Absolute path in the node, such as `/data`.
    pub container_path: String,
    /// As written, but for `~` and variables. A relative path starts at the current
    /// directory, and an empty one is that directory.
    pub host_path: PathBuf,
    /// The node cannot write to it. The default is false.
    pub read_only: bool,
    /// The engine relabels the path with an SELinux label of this node alone (`Z`).
    pub selinux_relabel: bool,
    /// Whether later mounts below the path show up on the other side.
    pub propagation: Propagation,
}

impl Mount {
    /// Whether a path of it has a colon. The one behind a drive of Windows, as in
    /// `C:\\data`, does not count.
    pub fn has_colon(&self) -> bool {
        let host = self.host_path.to_string_lossy();
        let behind_drive = match host.as_bytes() {
            [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic() => &host[2..],
            _ => &host,
        };
        behind_drive.contains(':') || self.container_path.contains(':')
    }
}

/// Mount propagation, as in Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// `rprivate`: mounts do not show up on the other side.
    #[default]
    None,
    /// `rslave`: mounts of the host show up in the node.
    HostToContainer,
    /// `rshared`: mounts show up on both sides.
    Bidirectional,
}

impl Propagation {
    /// The engine's word for it; `None` is the engine's default.
    pub fn option(self) -> Option<&'static str> {
        match self {
            Propagation::None => None,
            Propagation::HostToContainer => Some("rslave"),
            Propagation::Bidirectional => Some("rshared"),
        }
    }
}

/// A port of the host that is forwarded to a port of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMapping {
    /// Port on which a process in the node listens.
    pub container_port: u16,
    /// Port on the engine's host.
    pub host_port: HostPort,
    /// `None`: every IPv4 address, or in an IPv6 cluster every IPv6 address.
    pub listen_address: Option<IpAddr>,
    /// TCP unless the definition names another one.
    pub protocol: Protocol,
}

/// The host port of a mapping, as a definition writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostPort {
    /// Written 0: skiff picks a free port, which the node keeps.
    #[default]
    Picked,
    /// Written -1: the engine picks a port at every start of the container.
    Engine,
    /// This port. A creation fails if another program has it.
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
    /// Written `TCP`.
    #[default]
    Tcp,
    /// Written `UDP`.
    Udp,
    /// Written `SCTP`.
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
    /// Written as `ipFamily`. It decides the defaults of addresses and subnets.
    pub family: Family,
    /// Port of the API server, or of the load balancer, on the host.
    pub api_server_port: HostPort,
    /// The API server's address on the host, as written: kubeconfig and
    /// certificate contain it literally.
    pub api_server_address: String,
    /// One CIDR, or two for dual-stack, comma-separated in the order written.
    pub pod_subnet: String,
    /// Like [`Self::pod_subnet`], for the cluster IPs of Services. The default of
    /// IPv4 is `10.96.0.0/16`.
    pub service_subnet: String,
    /// Whether the node image's own pod network is installed, kindnet in kind's
    /// images. `disableDefaultCNI` is its negation.
    pub default_cni: bool,
    /// Written as `kubeProxyMode`.
    pub proxy_mode: ProxyMode,
    /// `None`: the search domains of the host; `Some([])`: no search domains.
    pub dns_search: Option<Vec<String>>,
}

/// The IP families of pods, services and nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// IPv4 alone, written `ipv4`.
    #[default]
    Ipv4,
    /// IPv6 alone, written `ipv6`.
    Ipv6,
    /// Both, written `dual`.
    Dual,
}

impl Family {
    /// True for [`Family::Ipv6`] and [`Family::Dual`].
    pub fn has_v6(self) -> bool {
        self != Family::Ipv4
    }
}

/// The mode of kube-proxy; `None` is a cluster without kube-proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyMode {
    /// Rules of iptables.
    #[default]
    Iptables,
    /// IP Virtual Server, a load balancer of the Linux kernel.
    Ipvs,
    /// Rules of nftables.
    Nftables,
    /// kube-proxy is not installed. Another program must implement Services.
    None,
}

impl ProxyMode {
    /// The word in definitions and in kube-proxy's own `mode`, such as `iptables`.
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
    /// Each applies to the documents that it names.
    pub json: Vec<JsonPatch>,
}

/// A JSON 6902 patch and the documents that it applies to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JsonPatch {
    /// API group, such as `kubeadm.k8s.io`.
    pub group: String,
    /// API version without its group, such as `v1beta3`.
    pub version: String,
    /// Kind of document, such as `ClusterConfiguration`.
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
    /// Whether containerd's configuration stays as it is.
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

    /// The number of nodes with the role control-plane.
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
