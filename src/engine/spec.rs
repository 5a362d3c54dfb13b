//! Containers and networks to create.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cluster::{HostPort, Propagation, Protocol};

/// A container to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ContainerSpec {
    /// Name in the engine; for a node also its name in Kubernetes.
    pub name: String,
    /// Name or ID of an image that the engine has.
    pub image: String,
    /// Empty: the engine's choice, a part of the container's ID.
    pub hostname: String,
    /// By these skiff finds the container again; `labels` has their keys.
    pub labels: BTreeMap<String, String>,
    /// `NAME=VALUE`, or `NAME` to pass on the variable if it is set.
    pub env: Vec<String>,
    /// Name of a network; `None` for the engine's default network.
    pub network: Option<String>,
    /// All capabilities and devices of the host, as systemd and containerd in nodes
    /// need them.
    pub privileged: bool,
    /// Such as `seccomp=unconfined`.
    pub security_opt: Vec<String>,
    /// Paths in the container that are kept in memory.
    pub tmpfs: Vec<String>,
    /// Paths that get an anonymous volume.
    pub volumes: Vec<String>,
    /// `SOURCE:TARGET[:OPTIONS]`; SOURCE is a host path or the name of a volume.
    /// A missing host path becomes a directory.
    pub binds: Vec<String>,
    /// Host paths as well, for what the syntax of [`Self::binds`] has no form for.
    pub mounts: Vec<BindMount>,
    /// The engine removes the container when it has exited.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto_remove: bool,
    /// Device files of the host, each at the same path in the container.
    pub devices: Vec<String>,
    /// Ports that the host forwards to the container.
    pub publish: Vec<Publish>,
    /// Kernel parameters of the container's network namespace, such as
    /// `net.ipv6.conf.all.forwarding`.
    pub sysctls: BTreeMap<String, String>,
    /// When the engine starts it again.
    #[serde(skip_serializing_if = "Restart::is_never")]
    pub restart: Restart,
    /// Users are those of the host, even if the engine maps them elsewhere.
    pub userns_host: bool,
    /// Has a terminal. Its stdout and stderr are then one stream.
    pub tty: bool,
    /// Overrides the stop signal of the image.
    pub stop_signal: Option<String>,
    /// Empty: that of the image.
    pub entrypoint: Vec<String>,
    /// Arguments of the entrypoint. Empty: those of the image.
    pub command: Vec<String>,
}

/// A path of the engine's host at a path in a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BindMount {
    /// Absolute path on the engine's host.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// The container cannot write to it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Whether later mounts below the path show up on the other side.
    #[serde(skip_serializing_if = "is_private", serialize_with = "as_option")]
    pub propagation: Propagation,
    /// A missing source becomes a directory, as for binds. Engines with an API
    /// before 1.42 (Docker before 23) refuse a missing source all the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub create_source: bool,
}

/// A container port to publish on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Publish {
    /// The container's side of the mapping.
    pub container_port: u16,
    /// Serialized in lower case, such as `tcp`.
    #[serde(serialize_with = "as_word")]
    pub protocol: Protocol,
    /// An IP address of the host; `0.0.0.0` or `::` for all of a family.
    pub host_address: String,
    /// Serialized as in definitions: 0 is picked by skiff, -1 by the engine.
    #[serde(serialize_with = "as_number")]
    pub host_port: HostPort,
    /// The port that was picked for [`HostPort::Picked`].
    #[serde(skip)]
    pub picked: Option<u16>,
}

impl Publish {
    /// The port on the host; `None` leaves it to the engine, which then chooses another
    /// one at every start.
    pub fn port(&self) -> Option<u16> {
        self.host_port.fixed().or(self.picked)
    }
}

fn is_private(propagation: &Propagation) -> bool {
    propagation.option().is_none()
}

fn as_option<S: serde::Serializer>(propagation: &Propagation, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(propagation.option().unwrap_or_default())
}

fn as_number<S: serde::Serializer>(port: &HostPort, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_i32(match port {
        HostPort::Fixed(port) => i32::from(*port),
        HostPort::Picked => 0,
        HostPort::Engine => -1,
    })
}

fn as_word<S: serde::Serializer>(protocol: &Protocol, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(protocol.as_str())
}

/// When the engine starts a container again that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// Never.
    #[default]
    Never,
    /// At most this often after it failed, and when the engine starts if it had
    /// failed or was running then.
    OnFailure(i64),
    /// Always, also when the engine starts, until a user stops it.
    UnlessStopped,
}

impl Restart {
    fn is_never(&self) -> bool {
        *self == Restart::Never
    }
}

/// A network to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NetworkSpec {
    /// Not unique in an engine. skiff removes duplicates that no container uses.
    pub name: String,
    /// An IPv6 /64; `None` for an IPv4-only network.
    pub ipv6_subnet: Option<String>,
    /// The largest packet in bytes; `None` leaves it to the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Options of Docker's bridge driver, such as
    /// `com.docker.network.bridge.enable_ip_masquerade`.
    pub options: BTreeMap<String, String>,
}
