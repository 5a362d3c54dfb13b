//! A cluster definition turned into containers: pure, so that it can be
//! printed, compared and tested without an engine.

mod api_balancer;
pub mod proxy;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::cluster::{
    Cluster, Family, HostPort, Mount, Networking, Node, PortMapping, Propagation, Protocol, Role,
};
use crate::engine::{ContainerSpec, Host, Publish};
use crate::kubeadm::API_PORT;
use crate::labels;

pub use api_balancer::{ApiBalancer, ENVOY_IMAGE};

/// A cluster as containers.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In the definition's order.
    pub nodes: Vec<PlannedNode>,
    /// Position of the node that runs `kubeadm init`.
    first: usize,
    /// In front of the API servers, where there are several.
    pub api_balancer: Option<ContainerSpec>,
}

impl Plan {
    /// The node that runs `kubeadm init`.
    pub fn first_control_plane(&self) -> &PlannedNode {
        &self.nodes[self.first]
    }

    /// The nodes of a role that join, all but [`Self::first_control_plane`].
    pub fn others(&self, role: Role) -> Vec<&PlannedNode> {
        let nodes = self.nodes.iter().enumerate();
        let joining = nodes.filter(|(at, node)| *at != self.first && node.node.role == role);
        joining.map(|(_, node)| node).collect()
    }

    pub fn containers(&self) -> impl Iterator<Item = &ContainerSpec> {
        self.nodes.iter().map(|node| &node.container).chain(&self.api_balancer)
    }

    pub fn containers_mut(&mut self) -> impl Iterator<Item = &mut ContainerSpec> {
        self.nodes.iter_mut().map(|node| &mut node.container).chain(&mut self.api_balancer)
    }
}

/// A node and the container that will be it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedNode {
    pub node: Node,
    pub container: ContainerSpec,
}

/// A definition in which nothing is left open that the engine decides.
#[derive(Debug, Clone, PartialEq)]
pub struct SettledCluster {
    /// Every node has an image.
    pub cluster: Cluster,
    pub host: Host,
    /// What stands in front of the API servers, if there are several.
    pub api_balancer: Option<ApiBalancer>,
}

/// What the plan depends on besides the cluster.
pub struct PlanInput<'a> {
    pub network: &'a str,
    /// Marks everything that one run creates.
    pub creation: &'a str,
    pub proxy: &'a BTreeMap<String, String>,
    /// What relative host paths of mounts are relative to.
    pub directory: &'a Path,
    pub get_env: &'a dyn Fn(&str) -> Option<String>,
}

/// Host ports that skiff is to pick are still open in it;
/// [`crate::provision::ports`] fills them in.
pub fn plan(settled: &SettledCluster, input: &PlanInput) -> Plan {
    let planned = settled.cluster.named_nodes().map(|(name, node)| PlannedNode {
        node: node.clone(),
        container: container(settled, node, name, input),
    });
    let api_balancer = settled.api_balancer.as_ref();
    Plan {
        nodes: planned.collect(),
        first: settled.cluster.first_control_plane(),
        api_balancer: api_balancer.map(|program| api_balancer::container(settled, program, input)),
    }
}

/// What nodes and API balancer have in common
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provision.go`, `commonArgs`).
fn base(settled: &SettledCluster, name: String, role: &str, input: &PlanInput) -> ContainerSpec {
    let cluster = &settled.cluster;
    let sysctls = [("net.ipv6.conf.all.disable_ipv6", "0"), ("net.ipv6.conf.all.forwarding", "1")];
    ContainerSpec {
        hostname: name.clone(),
        labels: BTreeMap::from([
            (labels::CLUSTER.to_owned(), cluster.name.clone()),
            (labels::ROLE.to_owned(), role.to_owned()),
            (labels::CREATED_BY.to_owned(), labels::created_by()),
            (labels::CREATION.to_owned(), input.creation.to_owned()),
        ]),
        env: input.proxy.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        network: Some(input.network.to_owned()),
        sysctls: sysctls
            .into_iter()
            .filter(|_| cluster.networking.family.has_v6())
            .map(|(k, v)| (k.into(), v.into()))
            .collect(),
        restart_on_failure: Some(1),
        userns_host: settled.host.userns_remap,
        tty: true,
        name,
        ..ContainerSpec::default()
    }
}

/// A node as kind runs it
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provision.go`, `runArgsForNode`).
fn container(
    settled: &SettledCluster,
    node: &Node,
    name: String,
    input: &PlanInput,
) -> ContainerSpec {
    let cluster = &settled.cluster;
    let base = base(settled, name, node.role.as_str(), input);
    let mut env: Vec<String> = Vec::new();
    if let Some(value) = (input.get_env)("KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER") {
        env.push(format!("KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER={value}"));
    }
    if node.role == Role::ControlPlane {
        env.push("KUBECONFIG=/etc/kubernetes/admin.conf".into());
    }
    if let Some(search) = &cluster.networking.dns_search {
        env.push(format!("KIND_DNS_SEARCH={}", search.join(" ")));
    }
    if cluster.networking.default_cni {
        // Our node image prepares its pod network before kubelet starts.
        env.push("SKIFF_DEFAULT_CNI=1".into());
    }
    env.extend(base.env);

    let host = &settled.host;
    let mut binds = vec!["/lib/modules:/lib/modules:ro".to_owned()];
    if host.needs_dev_mapper {
        binds.push("/dev/mapper:/dev/mapper".into());
    }
    binds.extend(node.extra_mounts.iter().map(|mount| bind(mount, input.directory)));

    let family = cluster.networking.family;
    let mut publish: Vec<Publish> =
        node.port_mappings.iter().map(|mapping| published(mapping, family)).collect();
    if node.role == Role::ControlPlane {
        publish.push(match cluster.has_load_balancer() {
            true => own_api(family),
            false => published_api(&cluster.networking),
        });
    }
    ContainerSpec {
        image: node.image.clone().unwrap_or_default(),
        env,
        privileged: true,
        security_opt: vec!["seccomp=unconfined".into(), "apparmor=unconfined".into()],
        tmpfs: vec!["/tmp".into(), "/run".into()],
        volumes: vec!["/var".into()],
        binds,
        devices: if host.rootless { vec!["/dev/fuse".into()] } else { Vec::new() },
        publish,
        ..base
    }
}

/// `SOURCE:TARGET[:OPTIONS]` (kind v0.33.0,
/// `pkg/cluster/internal/providers/docker/provision.go`, `generateMountBindings`).
fn bind(mount: &Mount, directory: &Path) -> String {
    // Normalised: without `./` and a trailing `/`.
    let source: PathBuf = directory.join(&mount.host_path).components().collect();
    let options = [
        mount.read_only.then_some("ro"),
        mount.selinux_relabel.then_some("Z"),
        match mount.propagation {
            Propagation::None => None,
            Propagation::HostToContainer => Some("rslave"),
            Propagation::Bidirectional => Some("rshared"),
        },
    ];
    let options: Vec<&str> = options.into_iter().flatten().collect();
    let tail = if options.is_empty() { String::new() } else { format!(":{}", options.join(",")) };
    format!("{}:{}{tail}", source.display(), mount.container_path)
}

fn published(mapping: &PortMapping, family: Family) -> Publish {
    let any = if family == Family::Ipv6 { "::" } else { "0.0.0.0" };
    Publish {
        container_port: mapping.container_port,
        protocol: mapping.protocol,
        host_address: mapping.listen_address.map_or(any.to_owned(), |a: IpAddr| a.to_string()),
        host_port: mapping.host_port,
    }
}

/// Where the cluster's API answers on the host.
fn published_api(networking: &Networking) -> Publish {
    Publish {
        container_port: API_PORT,
        protocol: Protocol::Tcp,
        host_address: networking.api_server_address.clone(),
        host_port: networking.api_server_port,
    }
}

/// One API server of several. Users reach the load balancer instead.
fn own_api(family: Family) -> Publish {
    let loopback = if family == Family::Ipv6 { "::1" } else { "127.0.0.1" };
    Publish {
        container_port: API_PORT,
        protocol: Protocol::Tcp,
        host_address: loopback.to_owned(),
        host_port: HostPort::Picked,
    }
}

#[cfg(test)]
mod tests;
