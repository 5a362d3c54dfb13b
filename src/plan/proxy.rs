//! Proxy settings that nodes get
//! (kind v0.33.0, `pkg/cluster/internal/providers/common/proxy.go`).

use std::collections::BTreeMap;

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
