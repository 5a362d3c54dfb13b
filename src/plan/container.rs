//! The container of one node.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use super::settled::{PlanInput, SettledCluster};
use crate::cluster::{Family, HostPort, Mount, Networking, Node, PortMapping, Protocol, Role};
use crate::engine::{BindMount, ContainerSpec, Publish, Restart};
use crate::kubeadm::API_PORT;
use crate::labels;

/// What nodes and API balancer have in common
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provision.go`, `commonArgs`).
pub(super) fn base(
    settled: &SettledCluster,
    name: String,
    role: &str,
    input: &PlanInput,
) -> ContainerSpec {
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
        restart: Restart::OnFailure(1),
        userns_host: settled.host.userns_remap,
        tty: true,
        name,
        ..ContainerSpec::default()
    }
}

/// A node as kind runs it
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provision.go`, `runArgsForNode`).
pub(super) fn container(
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
    let mut mounts = Vec::new();
    for mount in &node.extra_mounts {
        let mount = absolute(mount, input.directory);
        match fits_bind(&mount) {
            true => binds.push(bind(&mount)),
            false => mounts.push(bind_mount(&mount)),
        }
    }

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
        mounts,
        devices: if host.rootless { vec!["/dev/fuse".into()] } else { Vec::new() },
        publish,
        ..base
    }
}

/// With a host path that is absolute and normalised: without `./` and a trailing `/`.
fn absolute(mount: &Mount, directory: &Path) -> Mount {
    let host_path = directory.join(&mount.host_path).components().collect();
    Mount { host_path, ..mount.clone() }
}

/// Whether [`bind`] can express it, which is preferred: every engine makes a
/// missing host directory of a bind, and only a bind can be relabelled. Its paths
/// end at the first colon, so those with one need a [`BindMount`].
fn fits_bind(mount: &Mount) -> bool {
    !mount.has_colon() || mount.selinux_relabel
}

/// `SOURCE:TARGET[:OPTIONS]` (kind v0.33.0,
/// `pkg/cluster/internal/providers/docker/provision.go`, `generateMountBindings`).
fn bind(mount: &Mount) -> String {
    let options = [
        mount.read_only.then_some("ro"),
        mount.selinux_relabel.then_some("Z"),
        mount.propagation.option(),
    ];
    let options: Vec<&str> = options.into_iter().flatten().collect();
    let tail = if options.is_empty() { String::new() } else { format!(":{}", options.join(",")) };
    format!("{}:{}{tail}", mount.host_path.display(), mount.container_path)
}

fn bind_mount(mount: &Mount) -> BindMount {
    BindMount {
        source: mount.host_path.display().to_string(),
        target: mount.container_path.clone(),
        read_only: mount.read_only,
        propagation: mount.propagation,
        create_source: true,
    }
}

/// Without an address a port is published on every IPv4 address, or in an IPv6
/// cluster on every IPv6 address
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provision.go`,
/// `generatePortMappings`).
pub(crate) fn published(mapping: &PortMapping, family: Family) -> Publish {
    let wildcard = if family == Family::Ipv6 { "::" } else { "0.0.0.0" };
    Publish {
        container_port: mapping.container_port,
        protocol: mapping.protocol,
        host_address: mapping.listen_address.map_or(wildcard.to_owned(), |a: IpAddr| a.to_string()),
        host_port: mapping.host_port,
        picked: None,
    }
}

/// Where the cluster's API answers on the host.
pub(crate) fn published_api(networking: &Networking) -> Publish {
    Publish {
        container_port: API_PORT,
        protocol: Protocol::Tcp,
        host_address: networking.api_server_address.clone(),
        host_port: networking.api_server_port,
        picked: None,
    }
}

/// One API server of several. Users reach the load balancer instead
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provision.go`,
/// `planCreation`).
fn own_api(family: Family) -> Publish {
    let loopback = if family == Family::Ipv6 { "::1" } else { "127.0.0.1" };
    Publish {
        container_port: API_PORT,
        protocol: Protocol::Tcp,
        host_address: loopback.to_owned(),
        host_port: HostPort::Picked,
        picked: None,
    }
}
