//! Where the registry listens: at an address by which nodes reach this host, and
//! which no other machine reaches.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

/// A port of this host, at an address that the engine named.
pub(crate) struct RegistryPort {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
}

/// Why there is no port for a registry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortError {
    #[error("nodes cannot reach this host: the engine names no address of it")]
    NoAddress,
    #[error("nodes would reach this host at {0}, which other machines may reach as well")]
    Public(IpAddr),
    #[error("nodes cannot reach this host at {0}: {1}")]
    Listen(IpAddr, std::io::Error),
}

impl RegistryPort {
    /// Takes a free port at the first of these addresses that is an address of this
    /// host, and is private.
    ///
    /// # Errors
    /// Returns [`PortError`] for the last address if there is none. All of them belong
    /// to another host if the engine runs in a virtual machine.
    pub(crate) async fn open(addresses: &[IpAddr]) -> Result<RegistryPort, PortError> {
        let mut error = PortError::NoAddress;
        for address in addresses {
            match listen(*address).await {
                Ok(port) => return Ok(port),
                Err(failed) => error = failed,
            }
        }
        Err(error)
    }
}

async fn listen(address: IpAddr) -> Result<RegistryPort, PortError> {
    if !is_private(address) {
        return Err(PortError::Public(address));
    }
    let failed = |error| PortError::Listen(address, error);
    let listener = TcpListener::bind(SocketAddr::new(address, 0)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(RegistryPort { listener, address })
}

/// Whether an address is one of a private network (RFC 1918, RFC 6598, RFC 4193) or
/// of this host alone. All addresses at once (`0.0.0.0`), public ones, and those of
/// a link that other machines share are not.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || is_carrier_grade(v4),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback(),
    }
}

/// `100.64.0.0/10`, which some administrators give to their containers.
fn is_carrier_grade(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_no_other_machine_reaches_are_private() {
        let private = [
            "172.18.0.1",
            "10.0.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "127.0.0.1",
            "::1",
            "fc00:f853:ccd:e793::1",
            "::ffff:172.18.0.1",
        ];
        let others = [
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "169.254.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "2001:db8::1",
            "2600::1",
            "fe80::1",
            "ff02::1",
            "::ffff:8.8.8.8",
        ];
        for (addresses, expected) in [(&private[..], true), (&others[..], false)] {
            for address in addresses {
                assert_eq!(is_private(address.parse().unwrap()), expected, "{address}");
            }
        }
    }

    #[tokio::test]
    async fn a_port_is_never_open_to_other_machines() {
        let open = async |addresses: &[&str]| {
            let addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
            RegistryPort::open(&addresses).await.map(|port| port.address.ip().to_string())
        };
        assert!(matches!(open(&[]).await, Err(PortError::NoAddress)));
        for public in ["0.0.0.0", "::", "8.8.8.8"] {
            let refused = open(&[public]).await;
            assert!(matches!(refused, Err(PortError::Public(_))), "{public}: {refused:?}");
        }
        // Private, but not of this host.
        assert!(matches!(open(&["127.0.0.1"]).await.as_deref(), Ok("127.0.0.1")));
        let elsewhere = open(&["100.127.255.254"]).await;
        assert!(matches!(elsewhere, Err(PortError::Listen(..))), "{elsewhere:?}");
        let second = open(&["0.0.0.0", "100.127.255.254", "127.0.0.1"]).await;
        assert_eq!(second.unwrap(), "127.0.0.1");
    }
}
