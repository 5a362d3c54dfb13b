//! Containers and networks as data, before they exist.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cluster::{HostPort, Protocol};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub hostname: String,
    pub labels: BTreeMap<String, String>,
    /// `NAME=VALUE`, or a bare `NAME` which is then passed on if set.
    pub env: Vec<String>,
    pub network: Option<String>,
    pub privileged: bool,
    pub security_opt: Vec<String>,
    pub tmpfs: Vec<String>,
    /// Paths that get an anonymous volume.
    pub volumes: Vec<String>,
    /// `SOURCE:TARGET[:OPTIONS]`, SOURCE a host path or a volume's name.
    pub binds: Vec<String>,
    /// Paths of the engine's host, which must exist, to where they are seen.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub read_only: BTreeMap<String, String>,
    /// The engine removes it once it has ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto_remove: bool,
    pub devices: Vec<String>,
    pub publish: Vec<Publish>,
    pub sysctls: BTreeMap<String, String>,
    /// Restarts on failure at most this often; also after the engine starts.
    pub restart_on_failure: Option<i64>,
    pub userns_host: bool,
    pub tty: bool,
    /// Overrides the image's.
    pub stop_signal: Option<String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Publish {
    pub container_port: u16,
    #[serde(serialize_with = "as_word")]
    pub protocol: Protocol,
    pub host_address: String,
    /// Printed as definitions write it: 0 is picked by us, -1 by the engine.
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

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NetworkSpec {
    pub name: String,
    /// An IPv6 /64, or IPv4 only.
    pub ipv6_subnet: Option<String>,
    pub options: BTreeMap<String, String>,
}
