//! Ports of the host: free ones picked, taken ones found before anything is made.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use super::error::ProvisionError;
use crate::cluster::{HostPort, Protocol};
use crate::engine::{ContainerSpec, Publish};

/// Keeps picked ports from being picked twice; dropped right before the engine
/// takes them over.
#[derive(Default)]
pub(crate) struct Reserved {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
}

/// Fills in the ports that skiff is to pick and tries the fixed ones.
///
/// # Errors
/// Returns [`ProvisionError::PortInUse`] for a fixed port that another program has.
pub(crate) fn reserve<'a>(
    containers: impl IntoIterator<Item = &'a mut ContainerSpec>,
) -> Result<Reserved, ProvisionError> {
    let mut reserved = Reserved::default();
    for publish in containers.into_iter().flat_map(|container| &mut container.publish) {
        if publish.host_port != HostPort::Engine {
            reserved.add(publish)?;
        }
    }
    Ok(reserved)
}

impl Reserved {
    fn add(&mut self, publish: &mut Publish) -> Result<(), ProvisionError> {
        // A name cannot be tried here; the engine reports what is wrong with it.
        let Ok(address) = publish.host_address.parse::<IpAddr>() else { return Ok(()) };
        let wanted = SocketAddr::new(address, publish.host_port.fixed().unwrap_or(0));
        let bound = match publish.protocol {
            Protocol::Udp => UdpSocket::bind(wanted).and_then(|socket| {
                let port = socket.local_addr()?.port();
                self.udp.push(socket);
                Ok(port)
            }),
            // SCTP sockets are rare: as in kind, a free TCP port is taken to be free
            // (kind v0.33.0, `pkg/cluster/internal/providers/common/getport.go`).
            Protocol::Tcp | Protocol::Sctp => TcpListener::bind(wanted).and_then(|listener| {
                let port = listener.local_addr()?.port();
                self.tcp.push(listener);
                Ok(port)
            }),
        };
        match bound {
            Ok(port) => publish.host_port = HostPort::Fixed(port),
            Err(e)
                if e.kind() == std::io::ErrorKind::AddrInUse
                    && publish.protocol != Protocol::Sctp =>
            {
                return Err(in_use(publish));
            }
            // Ports below 1024 and addresses of another host are left to the engine.
            Err(_) => {}
        }
        Ok(())
    }
}

fn in_use(publish: &Publish) -> ProvisionError {
    ProvisionError::PortInUse {
        address: publish.host_address.clone(),
        port: publish.host_port.fixed().unwrap_or(0),
        protocol: publish.protocol.as_str(),
    }
}

/// The published port that an engine's error message is about.
pub(crate) fn taken(spec: &ContainerSpec, message: &str) -> Option<ProvisionError> {
    if !["already allocated", "address already in use", "Ports are not available"]
        .iter()
        .any(|m| message.contains(m))
    {
        return None;
    }
    let about = |publish: &&Publish| {
        publish.host_port.fixed().is_some_and(|port| {
            message.match_indices(&format!(":{port}")).any(|(at, found)| {
                !message[at + found.len()..].starts_with(|c: char| c.is_ascii_digit())
            })
        })
    };
    spec.publish.iter().find(about).map(in_use)
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
        }
    }

    #[test]
    fn picked_ports_differ_and_taken_ones_are_refused() {
        let mut reserved = Reserved::default();
        let (mut one, mut two) = (publish(0), publish(0));
        reserved.add(&mut one).unwrap();
        reserved.add(&mut two).unwrap();
        let port = one.host_port.fixed().unwrap();
        assert_ne!(two.host_port.fixed(), Some(port));
        let refused = reserved.add(&mut publish(port)).unwrap_err().to_string();
        assert!(refused.contains(&format!("127.0.0.1:{port}/tcp")), "{refused}");
    }

    #[test]
    fn the_port_in_an_engines_error_is_recognised() {
        let spec = ContainerSpec {
            publish: vec![publish(8), publish(80), publish(8080)],
            ..Default::default()
        };
        let message = "driver failed programming external connectivity: Bind for 127.0.0.1:8080 failed: port is already allocated";
        let found = taken(&spec, message).unwrap().to_string();
        assert!(found.contains(":8080/tcp"), "{found}");
        assert!(taken(&spec, "no such image").is_none());
    }
}
