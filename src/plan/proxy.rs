//! Proxy settings that nodes get
//! (kind v0.33.0, `pkg/cluster/internal/providers/common/proxy.go`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cluster::Cluster;

const NAMES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// The variables for every node, in upper and lower case; none if nothing is
/// set. Addresses inside the cluster are added to `NO_PROXY`.
pub(crate) fn settings(
    cluster: &Cluster,
    network_subnets: &[String],
    get: &dyn Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let set = |name: &str| get(name).filter(|value| !value.is_empty());
    let found = |name: &str| set(name).or_else(|| set(&name.to_lowercase()));
    let values: BTreeMap<&str, String> =
        NAMES.iter().filter_map(|&name| Some((name, found(name)?))).collect();
    if values.is_empty() {
        return BTreeMap::new();
    }
    let mut direct: Vec<String> = network_subnets.to_vec();
    direct.extend(values.get("NO_PROXY").cloned());
    direct
        .extend([cluster.networking.service_subnet.clone(), cluster.networking.pod_subnet.clone()]);
    direct.extend(cluster.node_names());
    direct.extend(cluster.has_load_balancer().then(|| cluster.api_host()));
    direct.extend([".svc", ".svc.cluster", ".svc.cluster.local"].map(str::to_owned));

    let mut out = BTreeMap::new();
    for name in NAMES {
        let value =
            if name == "NO_PROXY" { Some(direct.join(",")) } else { values.get(name).cloned() };
        if let Some(value) = value {
            out.insert(name.to_lowercase(), value.clone());
            out.insert(name.to_owned(), value);
        }
    }
    out
}

/// The proxies in the nodes' variables that nodes cannot reach, with the names of their
/// variables: a loopback address is the node's own there.
pub(crate) fn on_loopback(
    settings: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&'static str, &str)> {
    let proxies = NAMES.into_iter().filter(|name| *name != "NO_PROXY");
    let found = proxies.filter_map(|name| Some((name, settings.get(name)?.as_str())));
    found.filter(|(_, value)| is_loopback(host_of(value)))
}

/// `localhost` of `http://me:secret@localhost:3128/`; scheme, user and port may
/// be absent.
fn host_of(proxy: &str) -> &str {
    let rest = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match rest.strip_prefix('[') {
        Some(inner) => inner.split([']', '%']).next().unwrap_or_default(),
        None => rest.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_lowercase();
    let address = name.parse::<IpAddr>().map(|address| address.to_canonical());
    // A short form such as `127.1` is no address to Rust.
    let is_short =
        || name.starts_with("127.") && name.chars().all(|c| c.is_ascii_digit() || c == '.');
    match address {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => {
            let names = ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];
            names.contains(&&*name) || name.ends_with(".localhost") || is_short()
        }
    }
}

/// The value of a variable in nodes: from the environment or, if that has
/// neither proxy, from the docker client's configuration for containers
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provision.go`,
/// `mergeProxyEnvWithDockerConfig`).
pub(crate) fn variable(
    name: &str,
    env: &dyn Fn(&str) -> Option<String>,
    configured: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let is_set = |name: &str| env(name).or_else(|| env(&name.to_lowercase())).is_some();
    let counts = !["HTTP_PROXY", "HTTPS_PROXY", name].into_iter().any(is_set);
    env(name).or_else(|| counts.then(|| configured(name))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_fills_in_where_the_environment_has_no_proxy() {
        let configured = |name: &str| Some(format!("configured {name}"));
        for (env, name, expected) in [
            (&[][..], "HTTP_PROXY", Some("configured HTTP_PROXY")),
            (&[], "NO_PROXY", Some("configured NO_PROXY")),
            (&["https_proxy"], "HTTP_PROXY", None),
            (&["HTTP_PROXY"], "HTTP_PROXY", Some("env HTTP_PROXY")),
            (&["HTTP_PROXY"], "NO_PROXY", None),
            (&["NO_PROXY"], "NO_PROXY", Some("env NO_PROXY")),
            (&["NO_PROXY"], "HTTP_PROXY", Some("configured HTTP_PROXY")),
            // Asked for in lower case next.
            (&["no_proxy"], "NO_PROXY", None),
        ] {
            let get = |asked: &str| env.contains(&asked).then(|| format!("env {asked}"));
            let found = variable(name, &get, &configured);
            assert_eq!(found.as_deref(), expected, "{env:?} {name}");
        }
    }

    #[test]
    fn a_proxy_on_a_loopback_address_is_out_of_reach() {
        let found = |proxy: &str| {
            let settings =
                [("HTTPS_PROXY", proxy), ("https_proxy", proxy), ("NO_PROXY", "localhost")];
            let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            on_loopback(&settings)
                .map(|(name, value)| format!("{name} {value}"))
                .collect::<Vec<_>>()
        };
        for proxy in [
            "http://localhost:3128",
            "http://LocalHost:3128/",
            "localhost",
            "localhost:3128",
            "http://me:secret@localhost.:3128",
            "me:s3/cret@127.0.0.1:3128",
            "http://secret@127.1.2.3",
            "http://127.1:3128",
            "socks5h://[::1]:1080",
            "http://[::ffff:127.0.0.1]:1080",
            "http://0.0.0.0:3128",
            "https://proxy.localhost",
        ] {
            assert_eq!(found(proxy), [format!("HTTPS_PROXY {proxy}")]);
        }
        for proxy in [
            "http://proxy:3128",
            "http://localhost:secret@proxy:3128",
            "http://10.0.0.1:3128/localhost",
            "localhost.example:3128",
            "http://127.example.com",
            "http://[fd00::1]:3128",
            "",
        ] {
            assert_eq!(found(proxy), [""; 0], "{proxy}");
        }
    }

    #[test]
    fn nothing_set_means_nothing_passed_on() {
        let cluster = crate::config::default_cluster();
        assert!(settings(&cluster, &["172.18.0.0/16".into()], &|_| None).is_empty());
    }

    #[test]
    fn what_is_inside_needs_no_proxy() {
        let one = crate::config::default_cluster();
        let mut three = one.clone();
        three.nodes = vec![Default::default(); 2];
        let plain = "172.18.0.0/16,10.96.0.0/16,10.244.0.0/16,kind-control-plane,.svc,.svc.cluster,.svc.cluster.local";
        let own = "172.18.0.0/16,mine,10.96.0.0/16,10.244.0.0/16,kind-control-plane,.svc,.svc.cluster,.svc.cluster.local";
        let balanced = "172.18.0.0/16,10.96.0.0/16,10.244.0.0/16,kind-control-plane,kind-control-plane2,kind-external-load-balancer,.svc,.svc.cluster,.svc.cluster.local";
        type Variables<'a> = &'a [(&'a str, &'a str)];
        let cases: [(&Cluster, Variables, Variables); 5] = [
            (&one, &[("https_proxy", "p")], &[("HTTPS_PROXY", "p"), ("NO_PROXY", plain)]),
            (
                &one,
                &[("HTTP_PROXY", "P"), ("http_proxy", "p")],
                &[("HTTP_PROXY", "P"), ("NO_PROXY", plain)],
            ),
            (
                &one,
                &[("HTTP_PROXY", ""), ("http_proxy", "p")],
                &[("HTTP_PROXY", "p"), ("NO_PROXY", plain)],
            ),
            (&one, &[("no_proxy", "mine")], &[("NO_PROXY", own)]),
            (&three, &[("HTTP_PROXY", "p")], &[("HTTP_PROXY", "p"), ("NO_PROXY", balanced)]),
        ];
        for (cluster, set, want) in cases {
            let get = |name: &str| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| value.to_string())
            };
            let out = settings(cluster, &["172.18.0.0/16".into()], &get);
            assert_eq!(out.len(), 2 * want.len(), "{set:?}");
            for (name, value) in want {
                assert_eq!(
                    (&*out[*name], &*out[&name.to_lowercase()]),
                    (*value, *value),
                    "{set:?}"
                );
            }
        }
    }
}
