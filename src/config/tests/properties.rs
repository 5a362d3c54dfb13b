//! Rules that hold for every name, subnet and port, not only for the examples.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::HEADER;
use crate::cluster::{Family, Node, Role};
use crate::config::{Problems, default_cluster, parse, subnet, valid_name};

const FAMILIES: [Family; 3] = [Family::Ipv4, Family::Ipv6, Family::Dual];

fn v4() -> impl Strategy<Value = String> {
    (any::<u32>(), 0..=32u8).prop_map(|(ip, bits)| format!("{}/{bits}", Ipv4Addr::from(ip)))
}

fn v6() -> impl Strategy<Value = String> {
    // Without IPv4-mapped addresses, which Go treats as IPv4.
    let ip =
        any::<u128>().prop_filter("mapped", |ip| Ipv6Addr::from(*ip).to_ipv4_mapped().is_none());
    (ip, 0..=128u8).prop_map(|(ip, bits)| format!("{}/{bits}", Ipv6Addr::from(ip)))
}

/// A mapping of the port tests: node, address, port, protocol.
type Mapping = (usize, &'static str, i32, &'static str);

fn mapping() -> impl Strategy<Value = Mapping> {
    let addresses = ["", "0.0.0.0", "127.0.0.1", "127.0.0.2", "::", "::1", "::ffff:127.0.0.1"];
    let protocols = ["", "tcp", "TCP", "udp", "Sctp"];
    (
        0..2usize,
        prop::sample::select(addresses.to_vec()),
        prop_oneof![Just(-1), Just(0), 80..82],
        prop::sample::select(protocols.to_vec()),
    )
}

/// The addresses that a listener uses, out of two of each family.
fn addresses(address: &str, any: &str, both_families: bool) -> BTreeSet<&'static str> {
    let all = |families: [bool; 2]| {
        let v4 = ["127.0.0.1", "127.0.0.2"].into_iter().filter(move |_| families[0]);
        v4.chain(["::1", "::2"].into_iter().filter(move |_| families[1])).collect()
    };
    match if address.is_empty() { any } else { address } {
        "0.0.0.0" => all([true, both_families]),
        "::" => all([both_families, true]),
        "127.0.0.1" | "::ffff:127.0.0.1" => ["127.0.0.1"].into(),
        "127.0.0.2" => ["127.0.0.2"].into(),
        _ => ["::1"].into(),
    }
}

fn definition(family: &str, mappings: &[Mapping]) -> String {
    let node = |index: usize| {
        let own = mappings.iter().filter(|mapping| mapping.0 == index);
        let items: Vec<String> = own
            .map(|(_, address, port, protocol)| {
                format!("{{containerPort: 1, hostPort: {port}, listenAddress: '{address}', protocol: '{protocol}'}}")
            })
            .collect();
        format!("{{extraPortMappings: [{}]}}", items.join(", "))
    };
    format!("{HEADER}networking: {{ipFamily: {family}}}\nnodes: [{}, {}]", node(0), node(1))
}

proptest! {
    #[test]
    fn names_have_allowed_characters_only(good in "[a-z0-9.-]{1,80}", bad in "[^a-z0-9.-]", at in any::<prop::sample::Index>()) {
        prop_assert!(valid_name(&good).is_ok());
        prop_assert_eq!(parse(&format!("{HEADER}name: '{good}'")).unwrap().name, good.clone());
        let at = at.index(good.len() + 1);
        let name = format!("{}{bad}{}", &good[..at], &good[at..]);
        prop_assert!(valid_name(&name).is_err());
    }

    #[test]
    fn node_names_differ(workers in prop::collection::vec(any::<bool>(), 1..40)) {
        let role = |worker| if worker { Role::Worker } else { Role::ControlPlane };
        let mut cluster = default_cluster();
        cluster.nodes =
            workers.into_iter().map(|worker| Node { role: role(worker), ..Node::default() }).collect();
        let names = cluster.node_names();
        let different: BTreeSet<_> = names.iter().collect();
        prop_assert_eq!(different.len(), cluster.nodes.len());
        for (node, name) in cluster.nodes.iter().zip(&names) {
            prop_assert!(name.starts_with(&format!("kind-{}", node.role)), "{}", name);
        }
    }

    #[test]
    fn one_subnet_fits_its_family_and_dual(v4 in v4(), v6 in v6()) {
        for family in FAMILIES {
            prop_assert_eq!(subnet::check(&v4, family).is_ok(), family != Family::Ipv6);
            prop_assert_eq!(subnet::check(&v6, family).is_ok(), family != Family::Ipv4);
        }
    }

    #[test]
    fn two_subnets_are_of_both_families(v4 in v4(), v6 in v6()) {
        for family in FAMILIES {
            for pair in [format!("{v4},{v6}"), format!("{v6},{v4}")] {
                prop_assert_eq!(subnet::check(&pair, family).is_ok(), family == Family::Dual);
                let three = format!("{pair},{v4}");
                prop_assert!(subnet::check(&three, family).is_err());
            }
            for pair in [format!("{v4},{v4}"), format!("{v6},{v6}")] {
                prop_assert!(subnet::check(&pair, family).is_err());
            }
        }
    }

    #[test]
    fn a_prefix_longer_than_the_address_is_invalid(v4 in any::<u32>(), v6 in any::<u128>(), more in 1..100u32) {
        let v4 = format!("{}/{}", Ipv4Addr::from(v4), 32 + more);
        let v6 = format!("{}/{}", Ipv6Addr::from(v6), 128 + more);
        prop_assert!(subnet::check(&v4, Family::Ipv4).is_err());
        prop_assert!(subnet::check(&v6, Family::Ipv6).is_err());
    }

    #[test]
    fn ports_conflict_if_listeners_share_an_address(
        mappings in prop::collection::vec(mapping(), 2..5),
        family in prop_oneof![Just("ipv4"), Just("ipv6"), Just("dual")],
    ) {
        let any = if family == "ipv6" { "::" } else { "0.0.0.0" };
        let protocol = |word: &str| if word.is_empty() { "TCP".into() } else { word.to_uppercase() };
        let meet = |a: &Mapping, b: &Mapping| {
            let same_node = a.0 == b.0;
            let (of_a, of_b) = (addresses(a.1, any, same_node), addresses(b.1, any, same_node));
            a.2 > 0 && a.2 == b.2 && protocol(a.3) == protocol(b.3) && !of_a.is_disjoint(&of_b)
        };
        let pairs = mappings.iter().enumerate().flat_map(|(i, a)| mappings[..i].iter().map(move |b| (a, b)));
        let expected = pairs.into_iter().any(|(a, b)| meet(a, b));
        let found = parse(&definition(family, &mappings));
        let only_conflicts = |Problems(problems): Problems| problems.iter().all(|p| p.message.contains("already used"));
        prop_assert_eq!(found.is_err(), expected);
        prop_assert!(found.err().is_none_or(only_conflicts));
    }
}
