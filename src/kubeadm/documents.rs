//! The documents of kubeadm's own API group.

use serde_json::{Value, json};

use super::commands::{JOIN_PHASES, config_skips, init_phases};
use super::{API_PORT, DISCOVERY_PATH, Facts, PATCHES_PATH, pairs};
use crate::cluster::Role;

/// ClusterConfiguration: what all control planes share.
pub(super) fn cluster(facts: &Facts) -> Value {
    let networking = &facts.cluster.networking;
    let mut document = json!({
        "apiVersion": facts.api_version(),
        "kind": "ClusterConfiguration",
        "kubernetesVersion": facts.version.to_string(),
        "clusterName": facts.cluster.name,
        "controlPlaneEndpoint": facts.endpoint,
        "apiServer": {
            // The host reaches the API through a port forward, by one of these.
            "certSANs": ["localhost", networking.api_server_address],
            "extraArgs": facts.args(&api_server(facts)),
        },
        "controllerManager": {"extraArgs": facts.args(&controller_manager(facts))},
        "scheduler": {"extraArgs": facts.args(&scheduler(facts))},
        "networking": {
            "podSubnet": networking.pod_subnet,
            "serviceSubnet": networking.service_subnet,
        },
    });
    if facts.version.at_least(1, 20) && !facts.version.at_least(1, 21) {
        // kubeadm's own gate, in the one release that had it and needed it.
        document["featureGates"] = json!({"IPv6DualStack": true});
    }
    document
}

type Flags = Vec<(&'static str, String)>;

fn api_server(facts: &Facts) -> Flags {
    let mut flags = vec![("runtime-config", pairs(&facts.cluster.runtime_config))];
    flags.extend(feature_gates(facts));
    flags
}

fn controller_manager(facts: &Facts) -> Flags {
    let mut flags: Flags = feature_gates(facts).into_iter().collect();
    flags.push(("enable-hostpath-provisioner", "true".to_owned()));
    // The default of 20 queries per second delays a cluster's first objects.
    flags.push(("kube-api-qps", "100".to_owned()));
    flags.push(("kube-api-burst", "200".to_owned()));
    flags.extend(leader_election(facts));
    if facts.is_ipv6() {
        flags.push(("bind-address", "::".to_owned()));
    }
    flags
}

fn scheduler(facts: &Facts) -> Flags {
    let mut flags: Flags = feature_gates(facts).into_iter().collect();
    flags.extend(leader_election(facts));
    if facts.is_ipv6() {
        flags.push(("bind-address", "::1".to_owned()));
    }
    flags
}

fn feature_gates(facts: &Facts) -> Option<(&'static str, String)> {
    let gates = facts.feature_gates();
    (!gates.is_empty()).then(|| ("feature-gates", pairs(&gates)))
}

/// With one control plane nobody else could lead: no election saves the wait
/// for the lease at every start.
fn leader_election(facts: &Facts) -> Option<(&'static str, String)> {
    (facts.control_planes() == 1).then(|| ("leader-elect", "false".to_owned()))
}

/// InitConfiguration: how the first control plane starts.
pub(super) fn init(facts: &Facts) -> Value {
    let mut registration = node_registration(facts);
    if facts.cluster.nodes.len() == 1 {
        // Otherwise kubeadm keeps pods off the only node there is.
        registration["taints"] = json!([]);
    }
    let mut document = json!({
        "apiVersion": facts.api_version(),
        "kind": "InitConfiguration",
        "bootstrapTokens": [{"token": facts.token}],
        "localAPIEndpoint": local_endpoint(facts),
        "nodeRegistration": registration,
    });
    add_skipped(facts, &mut document, &init_phases(facts.cluster.networking.proxy_mode));
    add_patches(facts, &mut document);
    add_timeouts(facts, &mut document);
    document
}

/// JoinConfiguration: how every other node finds and enters the cluster.
pub(super) fn join(facts: &Facts) -> Value {
    let mut document = json!({
        "apiVersion": facts.api_version(),
        "kind": "JoinConfiguration",
        "nodeRegistration": node_registration(facts),
        // A kubeconfig with the cluster's CA, where kind trusts any CA.
        "discovery": {
            "file": {"kubeConfigPath": DISCOVERY_PATH},
            "tlsBootstrapToken": facts.token,
        },
    });
    add_skipped(facts, &mut document, &JOIN_PHASES);
    if facts.node.role == Role::ControlPlane {
        document["controlPlane"] = json!({"localAPIEndpoint": local_endpoint(facts)});
        add_patches(facts, &mut document);
    }
    add_timeouts(facts, &mut document);
    document
}

fn local_endpoint(facts: &Facts) -> Value {
    let address = facts.node_ips().into_iter().next().unwrap_or_default();
    json!({"advertiseAddress": address, "bindPort": API_PORT})
}

fn node_registration(facts: &Facts) -> Value {
    let provider_id =
        format!("kind://{}/{}/{}", facts.provider, facts.cluster.name, facts.node_name);
    json!({
        "criSocket": "unix:///run/containerd/containerd.sock",
        "kubeletExtraArgs": facts.args(&[
            ("node-ip", facts.node_ips().join(",")),
            ("provider-id", provider_id),
            ("node-labels", pairs(&facts.node.labels)),
        ]),
    })
}

fn add_skipped(facts: &Facts, document: &mut Value, phases: &[&str]) {
    if config_skips(facts.version) {
        document["skipPhases"] = json!(phases);
    }
}

/// Since 1.32, the first release that patches CoreDNS too.
fn add_patches(facts: &Facts, document: &mut Value) {
    if facts.version.at_least(1, 32) {
        document["patches"] = json!({"directory": PATCHES_PATH});
    }
}

/// More patience than kubeadm's defaults, for slow hosts. Only v1beta4 has the
/// field.
fn add_timeouts(facts: &Facts, document: &mut Value) {
    if facts.is_v1beta4() {
        document["timeouts"] = json!({
            "controlPlaneComponentHealthCheck": "10m0s",
            "kubernetesAPICall": "3m0s",
            "tlsBootstrap": "10m0s",
        });
    }
}
