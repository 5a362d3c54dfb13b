//! Whether addresses mean the same everywhere: in pods, in nodes, and on their host.

use super::definition::{PODS, Ranges, SERVICES};
use super::facts::Facts;
use super::subnet::{self, Subnet};
use crate::check::Check;
use crate::cluster::Cluster;
use crate::plan::proxy;
use crate::secret;

pub(super) fn checks(cluster: &Cluster, facts: &Facts) -> Vec<Check> {
    let mut checks: Vec<Check> = ipv6(cluster, facts).into_iter().collect();
    let overlaps: Vec<Check> = overlaps(cluster, facts);
    if overlaps.is_empty() && facts.machine.is_some() {
        checks.push(Check::ok("routes", "none leads to the cluster's subnets"));
    }
    checks.extend(overlaps);
    checks.extend(proxies(facts));
    checks
}

/// Whether containers can get addresses of IPv6.
fn ipv6(cluster: &Cluster, facts: &Facts) -> Option<Check> {
    let title = "networking.ipFamily";
    if !cluster.networking.family.has_v6() {
        return None;
    }
    let name = &facts.network_name;
    let failed = |found: String, needed: &str, remedy: String| {
        Some(Check::error(title, found).needed(needed).remedy(remedy))
    };
    if facts.machine.as_ref().is_some_and(|machine| !machine.has_ipv6) {
        return failed(
            "the kernel of the engine's host has no IPv6".into(),
            "a host with IPv6",
            "boot it without ipv6.disable=1, or use ipFamily: ipv4".into(),
        );
    }
    match &facts.network {
        Some(network) if !network.has_ipv6() => failed(
            format!("network {name:?} has no IPv6"),
            "a network with IPv6",
            format!(
                "delete the clusters in it, then the network, so that it is created again with IPv6: docker network rm {name}"
            ),
        ),
        _ => Some(Check::ok(title, "IPv6 can be used")),
    }
}

/// Subnets of the cluster that are in use elsewhere.
fn overlaps(cluster: &Cluster, facts: &Facts) -> Vec<Check> {
    let services = subnet::list(&cluster.networking.service_subnet);
    let nodes = facts.network.iter().flat_map(|network| &network.subnets);
    let nodes: Vec<Subnet> = nodes.filter_map(|subnet| subnet.parse().ok()).collect();
    let mut checks = Vec::new();
    for range in Ranges::of(cluster) {
        checks.extend(with_network(PODS, range.pods, &nodes, facts, |network| {
            cluster.networking.default_cni
                && range.of_nodes(cluster).any(|part| part.overlaps(network))
        }));
        checks.extend(with_routes(PODS, range.pods, facts));
    }
    for service in services {
        checks.extend(with_network(SERVICES, service, &nodes, facts, |_| false));
        checks.extend(with_routes(SERVICES, service, facts));
    }
    let name = format!("network {:?}", facts.network_name);
    checks.extend(nodes.iter().filter_map(|subnet| with_routes(&name, *subnet, facts)));
    checks
}

/// `is_used`: addresses of the network become those of pods.
fn with_network(
    title: &str,
    subnet: Subnet,
    nodes: &[Subnet],
    facts: &Facts,
    is_used: impl Fn(Subnet) -> bool,
) -> Option<Check> {
    let network = *nodes.iter().find(|network| network.overlaps(subnet))?;
    let found = format!(
        "{subnet} overlaps {network} of network {:?}, which nodes have their addresses from",
        facts.network_name
    );
    let check =
        if is_used(network) { Check::error(title, found) } else { Check::warning(title, found) };
    let remedy = format!("change {title} in the definition");
    Some(check.needed("a subnet that is used by nothing else").remedy(remedy))
}

/// A VPN, for example. The narrower of two routes counts, so something is out of reach.
fn with_routes(title: &str, subnet: Subnet, facts: &Facts) -> Option<Check> {
    let routes = &facts.machine.as_ref()?.routes;
    let route = routes.iter().find(|route| route.subnet.overlaps(subnet) && route.subnet != subnet);
    let found = route.map(|route| {
        format!("{subnet} overlaps the route {} of interface {}", route.subnet, route.interface)
    });
    let remedy = match title.starts_with("networking.") {
        true => format!("change {title} in the definition"),
        false => format!(
            "set default-address-pools in the engine's daemon.json, delete the clusters in it, then the network: docker network rm {}",
            facts.network_name
        ),
    };
    let needed = "a subnet without a route, or pods and nodes do not reach what is behind it";
    Some(Check::warning(title, found?).needed(needed).remedy(remedy))
}

/// Proxies on a loopback address, which in nodes is their own.
fn proxies(facts: &Facts) -> Vec<Check> {
    let gateway = facts.network.as_ref().and_then(|network| network.gateway);
    let address = match gateway.filter(|_| facts.machine.is_some()) {
        Some(gateway) => format!("{gateway}, this machine's address in the nodes' network"),
        None => "an address of this machine that the engine's host reaches".to_owned(),
    };
    let check = |(name, value): (&str, &str)| {
        let value = secret::without_user(value);
        Check::warning(name, format!("nodes cannot reach {value}: a loopback address is their own"))
            .needed(address.clone())
            .remedy(format!("let the proxy listen there, and set {name} to that address"))
    };
    proxy::on_loopback(&facts.proxy).map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Outcome, worst};
    use crate::engine::Network;
    use crate::preflight::fixtures::{cluster, facts, nodes, with};
    use crate::preflight::routes::Route;

    fn on_network(subnets: &[&str]) -> Facts {
        let subnets = subnets.iter().map(|subnet| subnet.to_string()).collect();
        let gateway = "172.18.0.1".parse().ok();
        let network = Network { id: "kind".into(), subnets, gateway, ..Network::default() };
        Facts { network: Some(network), ..facts() }
    }

    fn networking(count: usize, fields: &str) -> Cluster {
        let networking = cluster(&format!("networking: {{{fields}}}")).networking;
        Cluster { networking, ..nodes(count) }
    }

    #[test]
    fn ipv6_is_needed_by_some_families() {
        let without = with(|machine| machine.has_ipv6 = false);
        let (one, both) =
            (on_network(&["172.18.0.0/16"]), on_network(&["172.18.0.0/16", "fc00::/64"]));
        let outcome = |family: &str, facts: &Facts| {
            ipv6(&cluster(&format!("networking: {{ipFamily: {family}}}")), facts)
                .map(|check| check.outcome)
        };
        for family in ["ipv6", "dual"] {
            assert_eq!(outcome(family, &without), Some(Outcome::Error));
            assert_eq!(outcome(family, &one), Some(Outcome::Error));
            assert_eq!(outcome(family, &both), Some(Outcome::Ok));
            assert_eq!(outcome(family, &facts()), Some(Outcome::Ok));
        }
        assert_eq!([outcome("ipv4", &without), outcome("ipv4", &one)], [None, None]);
    }

    #[test]
    fn pods_and_nodes_have_addresses_of_their_own() {
        let kind = on_network(&["172.18.0.0/16", "fc00:f853:ccd:e793::/64"]);
        for (count, fields, outcome) in [
            (1, "", Outcome::Ok),
            (1, "podSubnet: 172.18.0.0/16", Outcome::Error),
            (1, "podSubnet: 172.17.0.0/16", Outcome::Ok),
            (1, "podSubnet: 172.16.0.0/12", Outcome::Warning),
            (1, "podSubnet: '172.18.0.0/16', disableDefaultCNI: true", Outcome::Warning),
            (1, "serviceSubnet: 172.18.0.0/16", Outcome::Warning),
            (1, "serviceSubnet: 172.19.0.0/16", Outcome::Ok),
            (1, "ipFamily: ipv6, podSubnet: 'fc00:f853:ccd:e793::/64'", Outcome::Error),
            (1, "ipFamily: ipv6, podSubnet: 'fc00:f853:ccd:e700::/56'", Outcome::Warning),
        ] {
            let found = overlaps(&networking(count, fields), &kind);
            assert_eq!(worst(&found), outcome, "{count} {fields}: {found:?}");
        }
        // The first 512 parts are below 172.18.0.0.
        let wide = |count| worst(&overlaps(&networking(count, "podSubnet: 172.16.0.0/14"), &kind));
        assert_eq!([wide(512), wide(513)], [Outcome::Warning, Outcome::Error]);
    }

    #[test]
    fn a_route_of_a_vpn_is_named() {
        let on = |route: &str, mut facts: Facts| {
            let route = Route { subnet: route.parse().unwrap(), interface: "tun0".into() };
            facts.machine.as_mut().unwrap().routes = vec![route];
            overlaps(&nodes(1), &facts)
        };
        for (route, titles) in [
            ("10.0.0.0/8", vec![PODS, SERVICES]),
            ("10.244.7.0/24", vec![PODS]),
            ("10.96.0.10/32", vec![SERVICES]),
            ("10.245.0.0/16", vec![]),
            ("172.16.0.0/12", vec!["network \"kind\""]),
            // The network's own route.
            ("172.18.0.0/16", vec![]),
            ("fd00::/8", vec![]),
        ] {
            let found = on(route, on_network(&["172.18.0.0/16"]));
            assert_eq!(
                found.iter().map(|check| &*check.title).collect::<Vec<_>>(),
                titles,
                "{route}"
            );
            for check in found {
                assert_eq!(check.outcome, Outcome::Warning);
                assert!(check.found.ends_with(&format!("the route {route} of interface tun0")));
            }
        }
        assert_eq!(on("172.16.0.0/12", facts()), [], "the engine chooses a free one");
    }

    #[test]
    fn a_proxy_on_loopback_is_warned_about_by_the_name_of_its_variable() {
        let proxy = |value: &str| [("HTTPS_PROXY".to_owned(), value.to_owned())].into();
        let mut facts = on_network(&["172.18.0.0/16"]);
        facts.proxy = proxy("http://me:s3cret@localhost:3128");
        let [check] = &proxies(&facts)[..] else { panic!() };
        let text = check.to_string();
        assert!(text.starts_with("HTTPS_PROXY: nodes cannot reach http://xxxxx@localhost:3128:"));
        assert!(text.contains("172.18.0.1") && !text.contains("s3cret"), "{text}");
        facts.machine = None;
        assert!(!proxies(&facts)[0].to_string().contains("172.18.0.1"), "another machine's");
        facts.proxy = proxy("http://proxy:3128");
        assert_eq!(proxies(&facts), []);
    }
}
