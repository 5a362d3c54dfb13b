//! Containers and networks to create.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cluster::{HostPort, Protocol};

/// A container to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub hostname: String,
    pub labels: BTreeMap<String, String>,
    /// `NAME=VALUE`, or `NAME` to pass on the variable if it is set.
    pub env: Vec<String>,
    pub network: Option<String>,
    pub privileged: bool,
    pub security_opt: Vec<String>,
    pub tmpfs: Vec<String>,
    /// Paths that get an anonymous volume.
    pub volumes: Vec<String>,
    /// `SOURCE:TARGET[:OPTIONS]`; SOURCE is a host path or the name of a volume.
    pub binds: Vec<String>,
    /// Read-only bind mounts: from paths of the engine's host, which must exist,
    /// to paths in the container.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub read_only: BTreeMap<String, String>,
    /// The engine removes the container when it has exited.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto_remove: bool,
    pub devices: Vec<String>,
    pub publish: Vec<Publish>,
    pub sysctls: BTreeMap<String, String>,
    /// The maximum number of restarts after failures. The container also starts
    /// when the engine starts.
    pub restart_on_failure: Option<i64>,
    pub userns_host: bool,
    pub tty: bool,
    /// Overrides the stop signal of the image.
    pub stop_signal: Option<String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
}

/// A container port to publish on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Publish {
    pub container_port: u16,
    #[serde(serialize_with = "as_word")]
    pub protocol: Protocol,
    pub host_address: String,
    /// Serialized as in definitions: 0 is picked by skiff, -1 by the engine.
    #[serde(serialize_with = "as_number")]
    pub host_port: HostPort,
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

/// A network to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NetworkSpec {
    pub name: String,
    /// An IPv6 /64; `None` for an IPv4-only network.
    pub ipv6_subnet: Option<String>,
    pub options: BTreeMap<String, String>,
}
