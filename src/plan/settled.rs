//! What a plan is made from.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cluster::Cluster;
use crate::engine::Host;

/// A definition in which nothing is left open that the engine decides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SettledCluster {
    /// Every node has an image.
    pub cluster: Cluster,
    pub host: Host,
    /// What stands in front of the API servers, if there are several.
    pub api_balancer: Option<ApiBalancer>,
}

/// What the plan depends on besides the cluster.
pub(crate) struct PlanInput<'a> {
    pub network: &'a str,
    /// Marks everything that one run creates.
    pub creation: &'a str,
    pub proxy: &'a BTreeMap<String, String>,
    /// What relative host paths of mounts are relative to.
    pub directory: &'a Path,
    pub get_env: &'a dyn Fn(&str) -> Option<String>,
}

/// The program that balances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiBalancer {
    /// In this node image, so nothing more has to be pulled.
    Haproxy {
        image: String,
    },
    Envoy,
}
