//! Port mappings, and conflicts between their host ports.

use std::net::IpAddr;

use super::decode::Located;
use super::problem::Problems;
use crate::cluster::{HostPort, PortMapping, Protocol};

const PORT_MAPPING: &[&str] = &["containerPort", "hostPort", "listenAddress", "protocol"];
const PROTOCOLS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];

/// A fixed host port, and the field that asks for it.
pub(super) struct PortUse {
    pub line: usize,
    pub path: String,
    /// Position of the node; `None` is the API server.
    pub node: Option<usize>,
    pub address: IpAddr,
    pub port: u16,
    pub protocol: Protocol,
}

/// The host ports found so far.
pub(super) struct PortUses {
    pub all: Vec<PortUse>,
    /// The address of mappings without `listenAddress`: every IPv4
    /// address, or in an IPv6 cluster every IPv6 address.
    pub wildcard: IpAddr,
}

impl PortUse {
    fn conflicts_with(&self, other: &PortUse) -> bool {
        self.shares_address_with(other)
            && self.port == other.port
            && self.protocol == other.protocol
    }

    fn shares_address_with(&self, other: &PortUse) -> bool {
        let (a, b) = (self.address.to_canonical(), other.address.to_canonical());
        // IPv4 and IPv6 can use the same port. Within one node kind refuses
        // that: `0.0.0.0` and `::` are both every address of both families
        // (kind v0.33.0, `pkg/internal/apis/config/validate.go`, `validatePortMappings`).
        let comparable = self.node == other.node || a.is_ipv4() == b.is_ipv4();
        a == b || comparable && (a.is_unspecified() || b.is_unspecified())
    }
}

/// One item of the `extraPortMappings` of a node. Its host port is added to
/// `used` if it is fixed.
pub(super) fn port_mapping(
    at: &Located,
    node: usize,
    used: &mut PortUses,
    problems: &mut Problems,
) -> Option<PortMapping> {
    let fields = at.fields(PORT_MAPPING, problems);
    let container_port = match fields.get("containerPort") {
        None => {
            at.problem(problems, "`containerPort` is missing");
            None
        }
        Some(at) => number(at, 1, problems).map(|port| port as u16),
    };
    let host_port = match fields.get("hostPort") {
        None => Some(HostPort::Picked),
        Some(at) => host_port(at, problems),
    };
    let listen_address = fields.get("listenAddress").and_then(|at| address(at, problems));
    let protocol = fields.get("protocol").map_or(Some(Protocol::Tcp), |at| protocol(at, problems));

    if let (Some(HostPort::Fixed(port)), Some(protocol)) = (host_port, protocol) {
        let written = fields.get("hostPort").unwrap_or(at);
        used.all.push(PortUse {
            line: written.line,
            path: written.path.clone(),
            node: Some(node),
            address: listen_address.unwrap_or(used.wildcard),
            port,
            protocol,
        });
    }
    Some(PortMapping {
        container_port: container_port?,
        host_port: host_port?,
        listen_address,
        protocol: protocol?,
    })
}

/// A host port as written: 0 (skiff picks one), -1 (the engine picks one), or
/// the port itself.
pub(super) fn host_port(at: &Located, problems: &mut Problems) -> Option<HostPort> {
    Some(match number(at, -1, problems)? {
        -1 => HostPort::Engine,
        0 => HostPort::Picked,
        port => HostPort::Fixed(port as u16),
    })
}

/// Reports every use of a port that an earlier field uses already.
pub(super) fn find_conflicts(used: &[PortUse], problems: &mut Problems) {
    for (i, port) in used.iter().enumerate() {
        if let Some(first) = used[..i].iter().find(|earlier| earlier.conflicts_with(port)) {
            let name = format!("{}/{}", port.port, port.protocol.as_str());
            problems.add(
                port.line,
                &port.path,
                format!("host port {name} is already used by {}", first.path),
            );
        }
    }
}

/// A number from `least` to 65535.
fn number(at: &Located, least: i64, problems: &mut Problems) -> Option<i64> {
    let port = at.int(problems)?;
    if (least..=65535).contains(&port) {
        return Some(port);
    }
    at.problem(problems, format!("{port} is not a port; use {least} to 65535"));
    None
}

fn address(at: &Located, problems: &mut Problems) -> Option<IpAddr> {
    let text = at.string(problems).filter(|text| !text.is_empty())?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        at.problem(problems, format!("{text:?} is not an IP address"));
    }
    parsed
}

/// Upper or lower case; the empty string is TCP.
fn protocol(at: &Located, problems: &mut Problems) -> Option<Protocol> {
    let text = at.string(problems)?;
    if text.is_empty() {
        return Some(Protocol::Tcp);
    }
    let found = PROTOCOLS.into_iter().find(|p| p.as_str().eq_ignore_ascii_case(&text));
    if found.is_none() {
        at.problem(problems, format!("{text:?} is not a protocol; use TCP, UDP or SCTP"));
    }
    found
}
