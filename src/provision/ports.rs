//! Ports of the host: free ones picked, taken ones found before anything is made.
//!
//! A port that skiff picks is given to the engine as a fixed one, so that it stays
//! when the container is started again, as in kind
//! (kind v0.33.0, `pkg/cluster/internal/providers/docker/provision.go`). Whether it is
//! free is known for this host only; of another host it is a guess, and another port
//! is picked if the engine refuses it.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use super::error::ProvisionError;
use crate::cluster::{HostPort, Protocol};
use crate::engine::{ContainerSpec, Publish};

/// Keeps ports from being picked, as long as it lives. Those that the engine is to
/// have are released right before.
#[derive(Default)]
pub(crate) struct Reserved(Vec<Socket>);

/// Fills in the ports that skiff is to pick, and tries the fixed ones if the engine
/// is `local`.
///
/// # Errors
/// Returns [`ProvisionError::PortInUse`] for a fixed port that another program has.
pub(crate) fn reserve<'a>(
    containers: impl IntoIterator<Item = &'a mut ContainerSpec>,
    local: bool,
) -> Result<Reserved, ProvisionError> {
    let mut reserved = Reserved::default();
    for publish in containers.into_iter().flat_map(|container| &mut container.publish) {
        match publish.host_port {
            HostPort::Picked => publish.picked = reserved.pick(publish),
            HostPort::Fixed(port) if local => reserved.add(publish, port)?,
            HostPort::Fixed(_) | HostPort::Engine => {}
        }
    }
    Ok(reserved)
}

/// Whether another program has the fixed port of this machine that is asked for.
pub(crate) fn is_taken(publish: &Publish) -> bool {
    let address = publish.host_address.parse().ok();
    let bound = address.zip(publish.port()).map(|(address, port)| {
        // Of a name it is not known; the engine reports what is wrong with it.
        Socket::bind(publish.protocol, address, port)
    });
    matches!(bound, Some(Err(e)) if is_in_use(&e, publish.protocol))
}

/// Ports below 1024 and addresses of another host are left to the engine.
fn is_in_use(error: &io::Error, protocol: Protocol) -> bool {
    error.kind() == ErrorKind::AddrInUse && protocol != Protocol::Sctp
}

impl Reserved {
    /// A port that is free on this host and not reserved yet: at the address if it is
    /// one of this host, else at any.
    fn pick(&mut self, publish: &Publish) -> Option<u16> {
        let own = publish.host_address.parse::<IpAddr>().ok();
        let any: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let mut addresses = own.into_iter().chain(any);
        let socket =
            addresses.find_map(|address| Socket::bind(publish.protocol, address, 0).ok())?;
        let port = socket.port();
        self.0.push(socket);
        port
    }

    fn add(&mut self, publish: &Publish, port: u16) -> Result<(), ProvisionError> {
        // A name cannot be tried here; the engine reports what is wrong with it.
        let Ok(address) = publish.host_address.parse() else { return Ok(()) };
        match Socket::bind(publish.protocol, address, port) {
            Ok(socket) => self.0.push(socket),
            Err(e) if is_in_use(&e, publish.protocol) => return Err(in_use(publish)),
            Err(_) => {}
        }
        Ok(())
    }

    /// Picks another port for one that the engine refused, which is not picked again.
    /// Returns false if there is none.
    pub(crate) fn pick_another(&mut self, publish: &mut Publish) -> bool {
        if let (Some(refused), Ok(address)) = (publish.picked, publish.host_address.parse()) {
            self.0.extend(Socket::bind(publish.protocol, address, refused));
        }
        let Some(port) = self.pick(publish) else { return false };
        publish.picked = Some(port);
        // For the engine, which may be on this host.
        self.0.pop();
        true
    }
}

/// Has a port as long as it lives.
enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Socket {
    /// SCTP sockets are rare: as in kind, a free TCP port is taken to be free
    /// (kind v0.33.0, `pkg/cluster/internal/providers/common/getport.go`).
    fn bind(protocol: Protocol, address: IpAddr, port: u16) -> io::Result<Socket> {
        let address = SocketAddr::new(address, port);
        match protocol {
            Protocol::Udp => UdpSocket::bind(address).map(Socket::Udp),
            Protocol::Tcp | Protocol::Sctp => TcpListener::bind(address).map(Socket::Tcp),
        }
    }

    fn port(&self) -> Option<u16> {
        let address = match self {
            Socket::Tcp(listener) => listener.local_addr(),
            Socket::Udp(socket) => socket.local_addr(),
        };
        address.ok().map(|address| address.port())
    }
}

pub(super) fn in_use(publish: &Publish) -> ProvisionError {
    ProvisionError::PortInUse {
        address: publish.host_address.clone(),
        port: publish.port().unwrap_or(0),
        protocol: publish.protocol.as_str(),
    }
}

/// The published port that an engine's error message is about: the one that it names
/// first.
pub(super) fn taken<'a>(spec: &'a mut ContainerSpec, message: &str) -> Option<&'a mut Publish> {
    if !["already allocated", "address already in use", "Ports are not available"]
        .iter()
        .any(|m| message.contains(m))
    {
        return None;
    }
    let named_at = |publish: &Publish| {
        let port = format!(":{}", publish.port()?);
        let mut found = message.match_indices(&port);
        let is_whole = |(at, _): &(usize, &str)| {
            !message[at + port.len()..].starts_with(|c: char| c.is_ascii_digit())
        };
        found.find(is_whole).map(|(at, _)| at)
    };
    let named = spec.publish.iter_mut().filter_map(|publish| Some((named_at(publish)?, publish)));
    named.min_by_key(|(at, _)| *at).map(|(_, publish)| publish)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(port: u16) -> Publish {
        Publish {
            container_port: 80,
            protocol: Protocol::Tcp,
            host_address: "127.0.0.1".into(),
            host_port: if port == 0 { HostPort::Picked } else { HostPort::Fixed(port) },
            picked: None,
        }
    }

    fn spec(publish: Vec<Publish>) -> ContainerSpec {
        ContainerSpec { publish, ..Default::default() }
    }

    #[test]
    fn picked_ports_differ_and_taken_ones_are_refused() {
        let mut free = spec(vec![publish(0), publish(0)]);
        let _reserved = reserve([&mut free], true).unwrap();
        let port = free.publish[0].port().unwrap();
        assert!(free.publish[1].port().is_some_and(|other| other != port));
        let mut taken = spec(vec![publish(port)]);
        let refused = reserve([&mut taken], true).err().unwrap().to_string();
        assert!(refused.contains(&format!("127.0.0.1:{port}/tcp")), "{refused}");
        assert!(reserve([&mut taken], false).is_ok(), "another host's port cannot be tried");
    }

    /// Otherwise the engine would choose another one at every start.
    #[test]
    fn a_port_is_picked_whatever_the_address_and_the_engine_are() {
        for local in [true, false] {
            // Reserved for documentation (RFC 5737, RFC 3849): no host has them.
            for address in ["127.0.0.1", "0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "localhost"] {
                for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
                    let picked = Publish { host_address: address.into(), protocol, ..publish(0) };
                    let by_engine = Publish { host_port: HostPort::Engine, ..picked.clone() };
                    let mut spec = spec(vec![picked, by_engine]);
                    reserve([&mut spec], local).unwrap();
                    assert!(spec.publish[0].port().is_some_and(|port| port > 0), "{address}");
                    assert_eq!(spec.publish[1].port(), None);
                }
            }
        }
    }

    #[test]
    fn a_refused_port_is_not_picked_again() {
        let mut publish = publish(0);
        let mut reserved = Reserved::default();
        let mut seen = Vec::new();
        for _ in 0..10 {
            assert!(reserved.pick_another(&mut publish));
            let port = publish.port().unwrap();
            assert!(!seen.contains(&port), "{port} after {seen:?}");
            assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "{port} is for the engine");
            seen.push(port);
        }
    }

    #[test]
    fn the_port_in_an_engines_error_is_recognised() {
        let mut spec = spec(vec![publish(8), publish(6443), publish(80), publish(8080)]);
        for message in [
            "driver failed programming external connectivity: Bind for 127.0.0.1:8080 failed: port is already allocated",
            "failed to bind host port for 127.0.0.1:8080:172.18.0.2:6443/tcp: address already in use",
        ] {
            let found = in_use(taken(&mut spec, message).unwrap()).to_string();
            assert!(found.contains(":8080/tcp"), "{found}");
        }
        assert!(taken(&mut spec, "no such image").is_none());
    }
}
