//! The `networking` mapping. Its defaults depend on the IP family.

use std::net::IpAddr;

use super::decode::Located;
use super::ports::host_port;
use super::problem::Problems;
use super::subnet;
use crate::cluster::{Family, HostPort, Networking, ProxyMode};

const NETWORKING: &[&str] = &[
    "ipFamily",
    "apiServerPort",
    "apiServerAddress",
    "podSubnet",
    "serviceSubnet",
    "disableDefaultCNI",
    "kubeProxyMode",
    "dnsSearch",
];
const FAMILIES: &[(&str, Family)] =
    &[("ipv4", Family::Ipv4), ("ipv6", Family::Ipv6), ("dual", Family::Dual)];
const PROXY_MODES: &[(&str, ProxyMode)] = &[
    ("iptables", ProxyMode::Iptables),
    ("ipvs", ProxyMode::Ipvs),
    ("nftables", ProxyMode::Nftables),
    ("none", ProxyMode::None),
];

/// The networking of a cluster that defines only its IP family
/// (kind v0.33.0, `pkg/apis/config/v1alpha4/default.go`).
pub fn default_networking(family: Family) -> Networking {
    let (address, pods, services) = match family {
        Family::Ipv4 => ("127.0.0.1", "10.244.0.0/16", "10.96.0.0/16"),
        Family::Ipv6 => ("::1", "fd00:10:244::/56", "fd00:10:96::/112"),
        Family::Dual => {
            ("127.0.0.1", "10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/16,fd00:10:96::/112")
        }
    };
    Networking {
        family,
        api_server_port: HostPort::Picked,
        api_server_address: address.to_owned(),
        pod_subnet: pods.to_owned(),
        service_subnet: services.to_owned(),
        default_cni: true,
        proxy_mode: ProxyMode::default(),
        dns_search: None,
    }
}

/// The `networking` mapping, or the defaults when it is absent.
pub(super) fn networking(at: Option<&Located>, problems: &mut Problems) -> Networking {
    let fields = at.map(|at| at.fields(NETWORKING, problems)).unwrap_or_default();
    let family =
        fields.get("ipFamily").and_then(|at| at.choice("an IP family", FAMILIES, problems));
    let mut networking = default_networking(family.unwrap_or_default());

    if let Some(port) = fields.get("apiServerPort").and_then(|at| host_port(at, problems)) {
        networking.api_server_port = port;
    }
    if let Some(mode) = fields
        .get("kubeProxyMode")
        .and_then(|at| at.choice("a kube-proxy mode", PROXY_MODES, problems))
    {
        networking.proxy_mode = mode;
    }
    networking.default_cni = !fields.bool("disableDefaultCNI", problems);
    networking.dns_search = fields.get("dnsSearch").map(|_| fields.strings("dnsSearch", problems));

    let mut text = |name: &str, into: &mut String, check: &dyn Fn(&str) -> Result<(), String>| {
        let Some(at) = fields.get(name) else { return };
        let Some(written) = at.string(problems).filter(|text| !text.is_empty()) else { return };
        if let Err(why) = check(&written) {
            at.problem(problems, why);
        }
        *into = written;
    };
    text("apiServerAddress", &mut networking.api_server_address, &|address| match address
        .parse::<IpAddr>()
    {
        Ok(_) => Ok(()),
        // The engine publishes ports on addresses, not on names.
        Err(_) => Err(format!("{address:?} is not an IP address")),
    });
    text("podSubnet", &mut networking.pod_subnet, &|subnets| {
        subnet::check(subnets, family.unwrap_or_default())
    });
    text("serviceSubnet", &mut networking.service_subnet, &|subnets| {
        subnet::check(subnets, family.unwrap_or_default())
    });
    networking
}
