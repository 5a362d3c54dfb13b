//! Proxy settings that nodes get (kind.md §3.6).

use std::collections::BTreeMap;

use crate::cluster::Cluster;

const NAMES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// The variables for every node, in upper and lower case; none if nothing is
/// set. What stays inside the cluster is added to `NO_PROXY`.
pub fn settings(
    cluster: &Cluster,
    network_subnets: &[String],
    get: &dyn Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let found =
        |name: &str| get(name).or_else(|| get(&name.to_lowercase())).filter(|v| !v.is_empty());
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

/// A variable as nodes get it: from the environment or, where that has neither
/// proxy, from what is configured for containers.
pub fn variable(
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
        let cluster = crate::config::default_cluster();
        let get = |name: &str| (name == "https_proxy").then(|| "http://proxy:3128".to_owned());
        let out = settings(&cluster, &["172.18.0.0/16".into()], &get);
        assert_eq!(out["HTTPS_PROXY"], "http://proxy:3128");
        assert_eq!(out["https_proxy"], "http://proxy:3128");
        assert!(!out.contains_key("HTTP_PROXY"));
        assert_eq!(
            out["NO_PROXY"],
            "172.18.0.0/16,10.96.0.0/16,10.244.0.0/16,kind-control-plane,.svc,.svc.cluster,.svc.cluster.local"
        );
    }
}
