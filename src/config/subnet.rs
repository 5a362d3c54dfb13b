//! Subnets: comma-separated CIDRs of the cluster's IP family.

use std::net::IpAddr;

use crate::cluster::Family;

/// Checks a list of one CIDR of the family; for `dual`, one CIDR of any family
/// or one of each. Host bits may be set (`192.168.0.2/24`).
/// (kind v0.33.0, `pkg/internal/apis/config/validate.go`, `validateSubnets`)
///
/// # Errors
/// Returns a sentence that says what is wrong with the list.
pub(super) fn check(subnets: &str, family: Family) -> Result<(), String> {
    let mut is_v6 = Vec::new();
    for cidr in subnets.split(',') {
        is_v6.push(
            parse(cidr)
                .ok_or_else(|| format!("{cidr:?} is not a CIDR such as 10.244.0.0/16"))?
                .is_ipv6(),
        );
    }
    match (family, is_v6[..].as_ref()) {
        (Family::Ipv4, [false]) | (Family::Ipv6, [true]) => Ok(()),
        (Family::Dual, [_] | [true, false] | [false, true]) => Ok(()),
        (Family::Ipv4, [_]) => Err(format!("{subnets:?} is IPv6, but ipFamily is ipv4")),
        (Family::Ipv6, [_]) => Err(format!("{subnets:?} is IPv4, but ipFamily is ipv6")),
        (Family::Dual, _) => {
            Err("ipFamily dual takes one CIDR, or one IPv4 and one IPv6 CIDR".to_owned())
        }
        (_, _) => Err("several CIDRs need ipFamily dual".to_owned()),
    }
}

fn parse(cidr: &str) -> Option<IpAddr> {
    let (address, bits) = cidr.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let max = if address.is_ipv6() { 128 } else { 32 };
    let bits: u8 = bits.parse().ok().filter(|_| bits.chars().all(|c| c.is_ascii_digit()))?;
    (bits <= max).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets() {
        use Family::*;
        let cases = [
            ("10.0.0.0/8", Ipv4, ""),
            ("192.168.0.2/24", Ipv4, ""),
            ("fd00::/64", Ipv6, ""),
            ("fd00::/64", Dual, ""),
            ("10.0.0.0/8,fd00::/64", Dual, ""),
            ("fd00::/64,10.0.0.0/8", Dual, ""),
            ("fd00::/64", Ipv4, "is IPv6"),
            ("10.0.0.0/8", Ipv6, "is IPv4"),
            ("10.0.0.0/8,fd00::/64", Ipv4, "need ipFamily dual"),
            ("10.0.0.0/8,11.0.0.0/8", Dual, "one IPv4 and one IPv6"),
            ("10.0.0.0/8,fd00::/64,fd01::/64", Dual, "one IPv4 and one IPv6"),
            ("10.0.0.0/8, fd00::/64", Dual, "\" fd00::/64\" is not a CIDR"),
            ("10.0.0.0", Ipv4, "not a CIDR"),
            ("10.0.0.0/33", Ipv4, "not a CIDR"),
            ("10.0.0.0/+8", Ipv4, "not a CIDR"),
            ("10.0.0/8", Ipv4, "not a CIDR"),
            (",", Dual, "not a CIDR"),
        ];
        for (text, family, want) in cases {
            match check(text, family) {
                Ok(()) => assert_eq!(want, "", "{text}"),
                Err(why) => assert!(!want.is_empty() && why.contains(want), "{text}: {why}"),
            }
        }
    }
}
