//! A cluster definition turned into containers: pure, so that it can be
//! printed, compared and tested without an engine.

pub mod proxy;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;

use crate::cluster::{
    Cluster, Family, HostPort, Mount, Node, PortMapping, Propagation, Protocol, Role,
};
use crate::engine::{ContainerSpec, Host, Publish};
use crate::existing::{CLUSTER_LABEL, CREATED_BY_LABEL, CREATION_LABEL, ROLE_LABEL};
use crate::kubeadm::API_PORT;

/// A node and the container that will be it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedNode {
    #[serde(skip)]
    pub node: Node,
    pub container: ContainerSpec,
}

/// What the plan needs to know besides the definition.
pub struct Situation<'a> {
    pub host: &'a Host,
    /// Node image of nodes that name none.
    pub default_image: &'a str,
    pub network: &'a str,
    /// Marks everything that one run creates.
    pub creation: &'a str,
    pub proxy: &'a BTreeMap<String, String>,
    /// What relative host paths are relative to.
    pub folder: &'a Path,
    pub pass_env: &'a dyn Fn(&str) -> Option<String>,
}

/// One container per node, in the definition's order. Host ports that skiff is
/// to pick are still 0 here; [`crate::provision::ports`] fills them in.
pub fn nodes(cluster: &Cluster, situation: &Situation) -> Vec<PlannedNode> {
    let names = cluster.node_names();
    let planned = cluster.nodes.iter().zip(names);
    planned
        .map(|(node, name)| PlannedNode {
            node: node.clone(),
            container: container(cluster, node, name, situation),
        })
        .collect()
}

/// As kind runs its nodes (kind.md §3.3).
fn container(cluster: &Cluster, node: &Node, name: String, situation: &Situation) -> ContainerSpec {
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
    env.extend(situation.proxy.iter().map(|(key, value)| format!("{key}={value}")));

    let host = situation.host;
    let mut binds = vec!["/lib/modules:/lib/modules:ro".to_owned()];
    if host.needs_dev_mapper {
        binds.push("/dev/mapper:/dev/mapper".into());
    }
    binds.extend(node.extra_mounts.iter().map(|mount| bind(mount, situation.folder)));

    let family = cluster.networking.family;
    let sysctls = [("net.ipv6.conf.all.disable_ipv6", "0"), ("net.ipv6.conf.all.forwarding", "1")];
    let mut publish: Vec<Publish> =
        node.port_mappings.iter().map(|mapping| published(mapping, family)).collect();
    if node.role == Role::ControlPlane {
        publish.push(api_port(cluster));
    }
    ContainerSpec {
        hostname: name.clone(),
        image: node.image.clone().unwrap_or_else(|| situation.default_image.to_owned()),
        labels: BTreeMap::from([
            (CLUSTER_LABEL.to_owned(), cluster.name.clone()),
            (ROLE_LABEL.to_owned(), node.role.to_string()),
            (CREATED_BY_LABEL.to_owned(), format!("skiff-{}", env!("CARGO_PKG_VERSION"))),
            (CREATION_LABEL.to_owned(), situation.creation.to_owned()),
        ]),
        env,
        network: Some(situation.network.to_owned()),
        privileged: true,
        security_opt: vec!["seccomp=unconfined".into(), "apparmor=unconfined".into()],
        tmpfs: vec!["/tmp".into(), "/run".into()],
        volumes: vec!["/var".into()],
        binds,
        devices: if host.rootless { vec!["/dev/fuse".into()] } else { Vec::new() },
        publish,
        sysctls: sysctls
            .into_iter()
            .filter(|_| family.has_v6())
            .map(|(k, v)| (k.into(), v.into()))
            .collect(),
        restart_on_failure: Some(1),
        userns_host: host.userns_remap,
        tty: true,
        name,
        ..ContainerSpec::default()
    }
}

/// `SOURCE:TARGET[:OPTIONS]` (kind.md §2.3, extraMounts).
fn bind(mount: &Mount, folder: &Path) -> String {
    let source = folder.join(&mount.host_path);
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
        host_port: fixed(mapping.host_port),
    }
}

fn api_port(cluster: &Cluster) -> Publish {
    Publish {
        container_port: API_PORT,
        protocol: Protocol::Tcp,
        host_address: cluster.networking.api_server_address.clone(),
        host_port: fixed(cluster.networking.api_server_port),
    }
}

fn fixed(port: HostPort) -> u16 {
    match port {
        HostPort::Fixed(port) => port,
        HostPort::Picked | HostPort::Engine => 0,
    }
}

/// Which of a planned node's published ports skiff is to pick, by position in
/// [`ContainerSpec::publish`].
pub fn ports_to_pick(cluster: &Cluster, node: &Node) -> Vec<usize> {
    let mappings = node.port_mappings.iter().map(|m| m.host_port);
    let api = (node.role == Role::ControlPlane).then_some(cluster.networking.api_server_port);
    let all = mappings.chain(api).enumerate();
    all.filter(|(_, port)| *port == HostPort::Picked).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests;
