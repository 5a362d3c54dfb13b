//! What an engine reports about its host, images, networks and containers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use serde_json::Value;

use crate::cluster::Protocol;

/// The machine the engine runs on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// What the engine is.
    pub product: Product,
    /// The engine's version, such as `28.5.2` or `26.1.5+dfsg1`.
    pub version: String,
    /// The host has cgroup v1. Kubernetes needs v2 since 1.35.
    pub cgroup_v1: bool,
    /// The engine runs without root privileges.
    pub rootless: bool,
    /// Limits that the host's cgroups allow.
    pub cgroup_controllers: CgroupControllers,
    /// The engine maps the users of containers to other users of the host.
    pub userns_remap: bool,
    /// A container that runs containers itself needs the host's `/dev/mapper`:
    /// the storage is btrfs, zfs, xfs or devicemapper
    /// (kind v0.33.0, `pkg/cluster/internal/providers/docker/util.go`, `mountDevMapper`).
    pub needs_dev_mapper: bool,
    /// The release of its kernel, such as `6.1.0-28-amd64`.
    pub kernel: String,
    /// As in GOARCH: `amd64` or `arm64`.
    pub arch: String,
    /// The host's memory in bytes, without swap; 0 if the engine does not tell it.
    pub memory: u64,
    /// What the host's clock showed when the engine described itself.
    pub clock: Option<SystemTime>,
    /// The engine runs on the host that skiff runs on, so skiff can bind its ports.
    pub local: bool,
    /// Decides how images are read for loading.
    pub storage: Storage,
    /// The engine's own description of itself, as JSON.
    pub description: Value,
}

/// The program that answers the engine's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Product {
    /// Docker, or what says that it is Docker.
    #[default]
    Docker,
    /// Podman's API service.
    Podman,
}

impl Product {
    /// As kind calls its providers.
    pub fn as_str(self) -> &'static str {
        match self {
            Product::Docker => "docker",
            Product::Podman => "podman",
        }
    }
}

/// Which cgroup controllers the engine can use to limit its containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CgroupControllers {
    /// CPU shares.
    pub cpu: bool,
    /// Memory limits.
    pub memory: bool,
    /// Limits of the number of processes.
    pub pids: bool,
}

/// How and where the engine keeps images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Storage {
    /// The storage driver, such as `overlay2`.
    pub driver: String,
    /// Images are in containerd's store, not in Docker's own.
    pub containerd: bool,
    /// The engine's data directory on its host.
    pub root: String,
}

/// An image of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// The digest of the configuration in Docker's own store; the digest of the
    /// manifest or index in containerd's store.
    pub id: String,
    /// From the image's configuration (Dockerfile `LABEL`).
    pub labels: BTreeMap<String, String>,
    /// Names with tags, such as `busybox:latest`. An image can have several or none.
    pub tags: Vec<String>,
    /// Digests of the uncompressed layers, lowest first.
    pub layers: Vec<String>,
    /// Bytes, as the engine counts them: an export may be a little longer.
    pub size: u64,
}

/// What an engine reports while it pulls an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PullEvent {
    /// The beginning of the layer's digest. Without a layer it is about the image, and
    /// this is empty or the image's tag.
    pub layer: Option<String>,
    /// The engine's words, such as `Pulling fs layer` or `Downloading`.
    pub status: String,
    /// While it downloads: bytes of the layer that have arrived.
    pub done: Option<u64>,
    /// While it downloads: all bytes of the layer.
    pub total: Option<u64>,
}

/// A network of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// Assigned by the engine and unique, unlike the name.
    pub id: String,
    /// The number of containers in it.
    pub containers: usize,
    /// CIDRs such as `172.18.0.0/16`, of both IP families.
    pub subnets: Vec<String>,
    /// The host's own address in it, IPv4 where there is one.
    pub gateway: Option<IpAddr>,
    /// The largest packet in bytes, if the network sets it.
    pub mtu: Option<u32>,
}

impl Network {
    /// Whether containers in it get IPv6 addresses.
    pub fn has_ipv6(&self) -> bool {
        self.subnets.iter().any(|subnet| subnet.contains(':'))
    }
}

/// A container, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Without the leading `/` of Docker's API.
    pub name: String,
    /// Those of the image included.
    pub labels: BTreeMap<String, String>,
    /// Whether its process runs.
    pub status: RunStatus,
    /// The name that it was created from, or an id where that name is another image's now.
    pub image: String,
    /// When it was created, in seconds since 1970.
    pub created: i64,
    /// Ports of the host that lead to it, while it runs.
    pub ports: Vec<(Protocol, u16)>,
}

/// What the process of a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunStatus {
    /// It runs.
    Running,
    /// It is frozen, with its memory.
    Paused,
    /// It ended, and the engine is about to start it again.
    Restarting,
    /// It ended, or was never started.
    #[default]
    Stopped,
}

/// A container, inspected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerState {
    /// Whether its process runs.
    pub running: bool,
    /// Exit status of the last run; 0 for one that has not ended.
    pub exit_code: Option<i64>,
    /// In all its networks, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// The host's own addresses in those networks, IPv4 first.
    pub gateways: Vec<IpAddr>,
    /// From container ports such as `6443/tcp` to address and port on the host.
    pub ports: BTreeMap<String, (String, u16)>,
    /// Those of the image included.
    pub labels: BTreeMap<String, String>,
    /// The digest in [`Image::id`], even if the image has lost its name.
    pub image_id: String,
}
