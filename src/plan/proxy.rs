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

#[cfg(test)]
mod tests {
    use super::*;

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
