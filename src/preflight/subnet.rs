//! Subnets as numbers: what contains what.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A subnet of either family. Two of different families have nothing in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet {
    is_v6: bool,
    /// The address's bits, from the highest bit on; those behind the prefix are 0.
    bits: u128,
    prefix: u32,
}

impl Subnet {
    pub(super) fn new(address: IpAddr, prefix: u32) -> Option<Subnet> {
        let (is_v6, bits) = match address {
            IpAddr::V4(v4) => (false, u128::from(v4.to_bits()) << 96),
            IpAddr::V6(v6) => (true, v6.to_bits()),
        };
        let longest = if is_v6 { 128 } else { 32 };
        (prefix <= longest).then(|| Subnet { is_v6, bits: bits & mask(prefix), prefix })
    }

    pub(super) fn is_v6(self) -> bool {
        self.is_v6
    }

    /// The number of bits that all of its addresses have in common.
    pub(super) fn prefix(self) -> u32 {
        self.prefix
    }

    /// The number of bits of an address.
    pub(super) fn width(self) -> u32 {
        if self.is_v6 { 128 } else { 32 }
    }

    pub(super) fn overlaps(self, other: Subnet) -> bool {
        let common = mask(self.prefix.min(other.prefix));
        self.is_v6 == other.is_v6 && self.bits & common == other.bits & common
    }

    pub(super) fn contains(self, other: Subnet) -> bool {
        self.prefix <= other.prefix && self.overlaps(other)
    }

    /// Whether both have the same lowest address.
    pub(super) fn begins_as(self, other: Subnet) -> bool {
        (self.is_v6, self.bits) == (other.is_v6, other.bits)
    }

    /// The first `count` of the subnets with this prefix that it consists of.
    pub(super) fn parts(self, prefix: u32, count: u128) -> impl Iterator<Item = Subnet> {
        let (step, whole) = (1u128.checked_shl(128 - prefix), self.count(prefix));
        let parts = (0..count.min(whole)).map(move |number| Subnet {
            bits: self.bits + number * step.unwrap_or(0),
            prefix,
            ..self
        });
        parts.into_iter()
    }

    /// How many subnets with this prefix it consists of; 0 if it is smaller than one.
    pub(super) fn count(self, prefix: u32) -> u128 {
        match prefix.checked_sub(self.prefix) {
            Some(difference) => 1u128.checked_shl(difference).unwrap_or(u128::MAX),
            None => 0,
        }
    }
}

fn mask(prefix: u32) -> u128 {
    u128::MAX.checked_shl(128 - prefix).unwrap_or(0)
}

/// Reads a list such as `10.244.0.0/16,fd00:10:244::/56`. What is no subnet is left out:
/// definitions and engines have been asked for valid ones before.
pub(super) fn list(text: &str) -> Vec<Subnet> {
    text.split(',').filter_map(|cidr| cidr.parse().ok()).collect()
}

impl FromStr for Subnet {
    type Err = ();

    fn from_str(cidr: &str) -> Result<Subnet, ()> {
        let (address, prefix) = cidr.trim().split_once('/').ok_or(())?;
        let (address, prefix) = (address.parse().map_err(drop)?, prefix.parse().map_err(drop)?);
        Subnet::new(address, prefix).ok_or(())
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address: IpAddr = match self.is_v6 {
            true => Ipv6Addr::from_bits(self.bits).into(),
            false => Ipv4Addr::from_bits((self.bits >> 96) as u32).into(),
        };
        write!(f, "{address}/{}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn subnets_overlap_where_one_contains_the_other() {
        for (a, b, overlap, contains) in [
            ("10.244.0.0/16", "10.244.255.0/24", true, true),
            ("10.244.0.0/16", "10.245.0.0/16", false, false),
            ("10.244.3.0/24", "10.0.0.0/8", true, false),
            ("10.244.0.0/16", "10.244.0.0/16", true, true),
            ("0.0.0.0/0", "10.244.0.0/16", true, true),
            ("0.0.0.0/0", "::/0", false, false),
            ("fd00:10:244::/56", "fd00:10:244:ff::/64", true, true),
            ("fd00:10:244::/56", "fd00:10:244:100::/64", false, false),
            ("fd00::1/128", "fd00::1/128", true, true),
        ] {
            let (a, b) = (subnet(a), subnet(b));
            assert_eq!((a.overlaps(b), b.overlaps(a)), (overlap, overlap), "{a} {b}");
            assert_eq!(a.contains(b), contains, "{a} {b}");
        }
        for (a, b, same) in [
            ("10.244.0.0/16", "10.244.0.0/24", true),
            ("10.244.0.0/16", "10.244.1.0/24", false),
            ("0.0.0.0/8", "::/8", false),
        ] {
            assert_eq!(subnet(a).begins_as(subnet(b)), same, "{a} {b}");
        }
    }

    #[test]
    fn a_subnet_consists_of_parts() {
        let parts = |whole: &str, prefix, count| {
            let parts = subnet(whole).parts(prefix, count);
            parts.map(|part| part.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(parts("10.244.0.0/16", 24, 2), ["10.244.0.0/24", "10.244.1.0/24"]);
        assert_eq!(parts("10.244.0.0/23", 24, 9), ["10.244.0.0/24", "10.244.1.0/24"]);
        assert_eq!(parts("fd00:0:0:4::/63", 64, 9), ["fd00:0:0:4::/64", "fd00:0:0:5::/64"]);
        assert_eq!(parts("10.244.0.0/25", 24, 2), [""; 0]);
        let count = |whole: &str, prefix| subnet(whole).count(prefix);
        assert_eq!([count("10.0.0.0/8", 24), count("10.0.0.0/24", 24)], [65536, 1]);
        assert_eq!([count("10.0.0.0/25", 24), count("::/0", 128)], [0, u128::MAX]);
    }

    #[test]
    fn host_bits_do_not_count() {
        assert_eq!(subnet("192.168.3.2/24").to_string(), "192.168.3.0/24");
        assert_eq!(list("10.1.2.3/16, fd00::1/64,x").len(), 2);
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "a/8", "10.0.0.0/-1"] {
            assert!(text.parse::<Subnet>().is_err(), "{text}");
        }
    }
}
