//! Port mappings, and host ports that are asked for twice.

use std::net::IpAddr;

use super::Problems;
use super::decode::At;
use crate::cluster::{HostPort, PortMapping, Protocol};

const PORT_MAPPING: &[&str] = &["containerPort", "hostPort", "listenAddress", "protocol"];
const PROTOCOLS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];

/// A fixed host port and who asks for it.
pub struct PortUse {
    pub line: usize,
    pub path: String,
    /// Position of the node; `None` is the API.
    pub node: Option<usize>,
    pub address: IpAddr,
    pub port: u16,
    pub protocol: Protocol,
}

/// The host ports found so far.
pub struct PortUses {
    pub all: Vec<PortUse>,
    /// What is listened on where nothing is said: every address of the family.
    pub any: IpAddr,
}

impl PortUse {
    fn clashes(&self, other: &PortUse) -> bool {
        self.overlaps(other) && self.port == other.port && self.protocol == other.protocol
    }

    fn overlaps(&self, other: &PortUse) -> bool {
        let (a, b) = (self.address.to_canonical(), other.address.to_canonical());
        // The engine lets the families share a port. Within one node kind
        // refuses that: there, `0.0.0.0` and `::` both mean every address.
        let met = self.node == other.node || a.is_ipv4() == b.is_ipv4();
        a == b || met && (a.is_unspecified() || b.is_unspecified())
    }
}

/// One item of the `extraPortMappings` of a node; its fixed host port is added
/// to `used`.
pub fn port_mapping(
    at: &At,
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
            address: listen_address.unwrap_or(used.any),
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

/// A host port as written: 0, -1 or the port itself.
pub fn host_port(at: &At, problems: &mut Problems) -> Option<HostPort> {
    Some(match number(at, -1, problems)? {
        -1 => HostPort::Engine,
        0 => HostPort::Picked,
        port => HostPort::Fixed(port as u16),
    })
}

/// Reports every later use of a port that is already taken.
pub fn find_clashes(used: &[PortUse], problems: &mut Problems) {
    for (i, port) in used.iter().enumerate() {
        if let Some(first) = used[..i].iter().find(|earlier| earlier.clashes(port)) {
            let name = format!("{}/{}", port.port, port.protocol.as_str());
            problems.add(
                port.line,
                &port.path,
                format!("host port {name} is already taken by {}", first.path),
            );
        }
    }
}

/// A number from `least` to 65535.
fn number(at: &At, least: i64, problems: &mut Problems) -> Option<i64> {
    let port = at.int(problems)?;
    if (least..=65535).contains(&port) {
        return Some(port);
    }
    at.problem(problems, format!("{port} is not a port; use {least} to 65535"));
    None
}

fn address(at: &At, problems: &mut Problems) -> Option<IpAddr> {
    let text = at.string(problems).filter(|text| !text.is_empty())?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        at.problem(problems, format!("{text:?} is not an IP address"));
    }
    parsed
}

/// In any case; empty is TCP.
fn protocol(at: &At, problems: &mut Problems) -> Option<Protocol> {
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
