//! The routes of this machine, by which a VPN shows, too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::subnet::Subnet;

/// Addresses that this machine reaches over an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub subnet: Subnet,
    /// Such as `tun0`.
    pub interface: String,
}

/// The route leads nowhere (Linux, `include/uapi/linux/route.h`, `RTF_REJECT`).
const REJECT: u32 = 0x200;

/// The routes that lead to places: not the default one, in whichever halves, not those to
/// this machine itself, and not those to networks of an engine.
pub(super) fn read(v4: &str, v6: &str) -> Vec<Route> {
    // The first line of the older file has titles.
    let routes = v4.lines().skip(1).filter_map(route_v4).chain(v6.lines().filter_map(route_v6));
    routes.filter(|route| !is_default(route.subnet) && !is_of_engine(&route.interface)).collect()
}

/// A line of `/proc/net/route`: interface, destination, gateway, flags, three numbers,
/// mask, … with addresses as the processor's own numbers, in hexadecimal digits.
fn route_v4(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| u32::from_str_radix(words.get(at)?, 16).ok();
    let address = |at: usize| Some(Ipv4Addr::from(number(at)?.to_ne_bytes()));
    if number(3)? & REJECT != 0 {
        return None;
    }
    let subnet = Subnet::new(address(1)?.into(), address(7)?.to_bits().count_ones())?;
    Some(Route { subnet, interface: (*words.first()?).to_owned() })
}

/// A line of `/proc/net/ipv6_route`: destination, its prefix, source, its prefix, next
/// hop, three numbers, flags, interface.
fn route_v6(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| u32::from_str_radix(words.get(at)?, 16).ok();
    let interface = *words.get(9)?;
    if number(8)? & REJECT != 0 || interface == "lo" {
        return None;
    }
    let address = Ipv6Addr::from_bits(u128::from_str_radix(words.first()?, 16).ok()?);
    if address.is_unicast_link_local() || address.is_multicast() {
        return None;
    }
    let subnet = Subnet::new(IpAddr::from(address), number(1)?)?;
    Some(Route { subnet, interface: interface.to_owned() })
}

/// VPNs replace the default route by two halves, 0.0.0.0/1 and 128.0.0.0/1. `2000::/3` is
/// every public address of IPv6.
fn is_default(subnet: Subnet) -> bool {
    subnet.prefix() <= if subnet.is_v6() { 3 } else { 1 }
}

/// Docker's bridges have names such as `docker0` and `br-` with a part of the network's
/// ID, Podman's `podman0` and `cni-podman0`.
fn is_of_engine(interface: &str) -> bool {
    let of_docker = interface
        .strip_prefix("br-")
        .is_some_and(|id| id.len() == 12 && id.bytes().all(|digit| digit.is_ascii_hexdigit()));
    of_docker || ["docker", "podman", "cni", "veth"].iter().any(|name| interface.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_that_lead_to_places_are_found() {
        let titles =
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
        let line = |interface: &str, [a, m]: [Ipv4Addr; 2], flags: &str| {
            let hex = |address: Ipv4Addr| format!("{:08X}", u32::from_ne_bytes(address.octets()));
            format!("{interface}\t{}\t00000000\t{flags}\t0\t0\t0\t{}\t0\t0\t0 \n", hex(a), hex(m))
        };
        let v4 = |text: &str| text.parse::<Ipv4Addr>().unwrap();
        let lines: String = [
            ("eth0", "0.0.0.0", "0.0.0.0", "0003"),
            ("tun0", "128.0.0.0", "128.0.0.0", "0003"),
            ("tun0", "10.0.0.0", "255.0.0.0", "0001"),
            ("tun0", "192.168.7.0", "255.255.255.0", "0201"),
            ("docker0", "172.17.0.0", "255.255.0.0", "0001"),
            ("br-aab3115dad4a", "172.18.0.0", "255.255.0.0", "0001"),
            ("br-lan", "192.168.1.0", "255.255.255.0", "0001"),
        ]
        .map(|(interface, address, mask, flags)| line(interface, [v4(address), v4(mask)], flags))
        .concat();
        let zeros = "0".repeat(32);
        let v6 = [
            ("fc00f8530ccde7930000000000000000 40", "00000001", "br-aab3115dad4a"),
            ("fd100000000000000000000000000000 10", "00000001", "     wg0"),
            ("fe800000000000000000000000000000 40", "00000001", "    eth0"),
            ("00000000000000000000000000000000 00", "00000003", "    eth0"),
            ("20000000000000000000000000000000 03", "00000003", "    eth0"),
            ("fd110000000000000000000000000000 10", "00200200", "      lo"),
            ("ff000000000000000000000000000000 08", "00000001", "    eth0"),
        ]
        .map(|(destination, flags, interface)| {
            format!(
                "{destination} {zeros} 00 {zeros} 00000100 00000001 00000000 {flags} {interface}\n"
            )
        })
        .concat();
        let found = read(&(titles.to_owned() + &lines), &v6);
        let found: Vec<_> =
            found.iter().map(|route| format!("{} {}", route.subnet, route.interface)).collect();
        assert_eq!(found, ["10.0.0.0/8 tun0", "192.168.1.0/24 br-lan", "fd10::/16 wg0"]);
        assert_eq!(read("", "x y\n"), []);
    }
}
