//! A cluster definition turned into containers: pure, so that it can be
//! printed, compared and tested without an engine.

mod balancer;
pub mod proxy;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::cluster::{
    Cluster, Family, HostPort, Mount, Networking, Node, PortMapping, Propagation, Protocol, Role,
};
use crate::engine::{ContainerSpec, Host, Publish};
use crate::inventory::{CLUSTER_LABEL, CREATED_BY_LABEL, CREATION_LABEL, ROLE_LABEL};
use crate::kubeadm::API_PORT;

pub use balancer::{Balancer, ENVOY_IMAGE};

/// A cluster as containers.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In the definition's order.
    pub nodes: Vec<PlannedNode>,
    /// Before the API servers, where there are several.
    pub balancer: Option<ContainerSpec>,
}

impl Plan {
    pub fn containers(&self) -> impl Iterator<Item = &ContainerSpec> {
        self.nodes.iter().map(|node| &node.container).chain(&self.balancer)
    }

    pub fn containers_mut(&mut self) -> impl Iterator<Item = &mut ContainerSpec> {
        self.nodes.iter_mut().map(|node| &mut node.container).chain(&mut self.balancer)
    }
}

/// A node and the container that will be it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedNode {
    pub node: Node,
    pub container: ContainerSpec,
}

/// What the plan needs to know besides the definition.
pub struct PlanInput<'a> {
    pub host: &'a Host,
    /// Node image of nodes that name none.
    pub default_image: &'a str,
    pub balancer: Balancer,
    pub network: &'a str,
    /// Marks everything that one run creates.
    pub creation: &'a str,
    pub proxy: &'a BTreeMap<String, String>,
    /// What relative host paths are relative to.
    pub folder: &'a Path,
    pub pass_env: &'a dyn Fn(&str) -> Option<String>,
}

/// Host ports that skiff is to pick are still open in it;
/// [`crate::provision::ports`] fills them in.
pub fn plan(cluster: &Cluster, situation: &PlanInput) -> Plan {
    let planned = cluster.named_nodes().map(|(name, node)| PlannedNode {
        node: node.clone(),
        container: container(cluster, node, name, situation),
    });
    Plan { nodes: planned.collect(), balancer: balancer::container(cluster, situation) }
}

/// What nodes and balancer have in common (kind.md §3.3, generic).
fn base(cluster: &Cluster, name: String, role: &str, situation: &PlanInput) -> ContainerSpec {
    let sysctls = [("net.ipv6.conf.all.disable_ipv6", "0"), ("net.ipv6.conf.all.forwarding", "1")];
    ContainerSpec {
        hostname: name.clone(),
        labels: BTreeMap::from([
            (CLUSTER_LABEL.to_owned(), cluster.name.clone()),
            (ROLE_LABEL.to_owned(), role.to_owned()),
            (CREATED_BY_LABEL.to_owned(), format!("skiff-{}", env!("CARGO_PKG_VERSION"))),
            (CREATION_LABEL.to_owned(), situation.creation.to_owned()),
        ]),
        env: situation.proxy.iter().map(|(key, value)| format!("{key}={value}")).collect(),
        network: Some(situation.network.to_owned()),
        sysctls: sysctls
            .into_iter()
            .filter(|_| cluster.networking.family.has_v6())
            .map(|(k, v)| (k.into(), v.into()))
            .collect(),
        restart_on_failure: Some(1),
        userns_host: situation.host.userns_remap,
        tty: true,
        name,
        ..ContainerSpec::default()
    }
}

/// As kind runs its nodes (kind.md §3.3).
fn container(cluster: &Cluster, node: &Node, name: String, situation: &PlanInput) -> ContainerSpec {
    let base = base(cluster, name, node.role.as_str(), situation);
    let mut env: Vec<String> = Vec::new();
    if let Some(value) = (situation.pass_env)("KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER") {
        env.push(format!("KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER={value}"));
    }
    if node.role == Role::ControlPlane {
        env.push("KUBECONFIG=/etc/kubernetes/admin.conf".into());
    }
    if let Some(search) = &cluster.networking.dns_search {
        env.push(format!("KIND_DNS_SEARCH={}", search.join(" ")));
    }
    if cluster.networking.default_cni {
        // Lets our node image prepare its pod network before kubelet starts.
        env.push("SKIFF_DEFAULT_CNI=1".into());
    }
    env.extend(base.env);

    let host = situation.host;
    let mut binds = vec!["/lib/modules:/lib/modules:ro".to_owned()];
    if host.needs_dev_mapper {
        binds.push("/dev/mapper:/dev/mapper".into());
    }
    binds.extend(node.extra_mounts.iter().map(|mount| bind(mount, situation.folder)));

    let family = cluster.networking.family;
    let mut publish: Vec<Publish> =
        node.port_mappings.iter().map(|mapping| published(mapping, family)).collect();
    if node.role == Role::ControlPlane {
        publish.push(match cluster.is_balanced() {
            true => own_api(family),
            false => published_api(&cluster.networking),
        });
    }
    ContainerSpec {
        image: node.image.clone().unwrap_or_else(|| situation.default_image.to_owned()),
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

/// `SOURCE:TARGET[:OPTIONS]` (kind.md §2.3, extraMounts).
fn bind(mount: &Mount, folder: &Path) -> String {
    // Tidied: without `./` and a last `/`.
    let source: PathBuf = folder.join(&mount.host_path).components().collect();
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

/// One API server of several, which nobody has to know about.
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
