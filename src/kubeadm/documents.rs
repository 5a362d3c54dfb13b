//! The documents of kubeadm's own API group.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::{Value, json};

use super::commands::{JOIN_PHASES, config_skips, init_phases};
use super::data::{API_PORT, ConfigData, DISCOVERY_PATH, PATCHES_PATH};
use crate::cluster::Role;

/// ClusterConfiguration: the settings that all control-planes share.
pub(super) fn cluster(data: &ConfigData) -> Value {
    let networking = &data.cluster.networking;
    let mut document = json!({
        "apiVersion": data.api_version(),
        "kind": "ClusterConfiguration",
        "kubernetesVersion": data.version.to_string(),
        "clusterName": data.cluster.name,
        "controlPlaneEndpoint": data.endpoint(),
        "apiServer": {
            // The host reaches the API server through a published port, by these names.
            "certSANs": ["localhost", networking.api_server_address],
            "extraArgs": data.args(&api_server(data)),
        },
        "controllerManager": {"extraArgs": data.args(&controller_manager(data))},
        "scheduler": {"extraArgs": data.args(&scheduler(data))},
        "networking": {
            "podSubnet": networking.pod_subnet,
            "serviceSubnet": networking.service_subnet,
        },
    });
    if data.version.at_least(1, 20) && !data.version.at_least(1, 21) {
        // A gate of kubeadm itself, needed by the only release that has it
        // (kind v0.33.0, `pkg/cluster/internal/kubeadm/config.go`, `Config`).
        document["featureGates"] = json!({"IPv6DualStack": true});
    }
    document
}

/// How long nodes can join, should the creation not end: joining itself has limits of
/// 10 minutes each.
const TOKEN_TTL: &str = "1h0m0s";

type Flags = Vec<(&'static str, String)>;

fn api_server(data: &ConfigData) -> Flags {
    let mut flags = vec![("runtime-config", pairs(&data.cluster.runtime_config))];
    flags.extend(feature_gates(data));
    flags
}

fn controller_manager(data: &ConfigData) -> Flags {
    let mut flags: Flags = feature_gates(data).into_iter().collect();
    flags.push(("enable-hostpath-provisioner", "true".to_owned()));
    // The default of 20 queries per second delays a cluster's first objects.
    flags.push(("kube-api-qps", "100".to_owned()));
    flags.push(("kube-api-burst", "200".to_owned()));
    flags.extend(leader_election(data));
    if data.is_ipv6() {
        flags.push(("bind-address", "::".to_owned()));
    }
    flags
}

fn scheduler(data: &ConfigData) -> Flags {
    let mut flags: Flags = feature_gates(data).into_iter().collect();
    flags.extend(leader_election(data));
    if data.is_ipv6() {
        flags.push(("bind-address", "::1".to_owned()));
    }
    flags
}

fn feature_gates(data: &ConfigData) -> Option<(&'static str, String)> {
    let gates = data.feature_gates();
    (!gates.is_empty()).then(|| ("feature-gates", pairs(&gates)))
}

/// Of a single control-plane nobody else wants to be the leader, but tools read its
/// leases, so it is elected. What it waits for is shortened: at the first start
/// the API server, which is asked again after 1 to 2 s (by default 2 to 4 s), and
/// at a later start the end of its own old lease, of 15 s by default. That one must
/// be longer than the renew deadline, which stays at 10 s: a component ends itself
/// if a slow disk keeps it from renewing its lease for so long.
fn leader_election(data: &ConfigData) -> Flags {
    if data.cluster.control_planes() > 1 {
        return Vec::new();
    }
    let flags = [("leader-elect-lease-duration", "11s"), ("leader-elect-retry-period", "1s")];
    flags.map(|(name, value)| (name, value.to_owned())).into()
}

/// InitConfiguration: how the first control-plane starts.
pub(super) fn init(data: &ConfigData) -> Value {
    let mut registration = node_registration(data);
    if data.cluster.nodes.len() == 1 {
        // With the default taint no pod could run on the only node.
        registration["taints"] = json!([]);
    }
    let mut document = json!({
        "apiVersion": data.api_version(),
        "kind": "InitConfiguration",
        // It is deleted when all nodes have joined. This is for creations that do not
        // come that far, and is kept (kubeadm's default is 24h).
        "bootstrapTokens": [{"token": data.token, "ttl": TOKEN_TTL}],
        "localAPIEndpoint": local_endpoint(data),
        "nodeRegistration": registration,
    });
    add_skipped(
        data,
        &mut document,
        &init_phases(data.version, data.cluster.networking.proxy_mode),
    );
    add_patches(data, &mut document);
    add_timeouts(data, &mut document);
    document
}

/// JoinConfiguration: how every other node finds and joins the cluster.
pub(super) fn join(data: &ConfigData) -> Value {
    let mut document = json!({
        "apiVersion": data.api_version(),
        "kind": "JoinConfiguration",
        "nodeRegistration": node_registration(data),
        // A kubeconfig with the cluster's CA. kind trusts any CA instead
        // (kind v0.33.0, `pkg/cluster/internal/kubeadm/config.go`,
        // `unsafeSkipCAVerification`).
        "discovery": {
            "file": {"kubeConfigPath": DISCOVERY_PATH},
            "tlsBootstrapToken": data.token,
        },
    });
    add_skipped(data, &mut document, &JOIN_PHASES);
    if data.node.role == Role::ControlPlane {
        document["controlPlane"] = json!({"localAPIEndpoint": local_endpoint(data)});
        add_patches(data, &mut document);
    }
    if data.patches_kubelet() {
        document["patches"] = json!({"directory": PATCHES_PATH});
    }
    add_timeouts(data, &mut document);
    document
}

fn local_endpoint(data: &ConfigData) -> Value {
    let address = data.node_ips().into_iter().next().unwrap_or_default();
    json!({"advertiseAddress": address, "bindPort": API_PORT})
}

fn node_registration(data: &ConfigData) -> Value {
    let provider_id = format!("kind://{}/{}/{}", data.provider, data.cluster.name, data.node_name);
    json!({
        "criSocket": "unix:///run/containerd/containerd.sock",
        "kubeletExtraArgs": data.args(&[
            ("node-ip", data.node_ips().join(",")),
            ("provider-id", provider_id),
            ("node-labels", pairs(&data.node.labels)),
        ]),
    })
}

fn add_skipped(data: &ConfigData, document: &mut Value, phases: &[&str]) {
    if config_skips(data.version) {
        document["skipPhases"] = json!(phases);
    }
}

/// From 1.32 on: earlier releases cannot patch CoreDNS.
fn add_patches(data: &ConfigData, document: &mut Value) {
    if data.version.at_least(1, 32) {
        document["patches"] = json!({"directory": PATCHES_PATH});
    }
}

/// Longer timeouts than kubeadm's defaults, for slow hosts. Only v1beta4 has
/// the field.
fn add_timeouts(data: &ConfigData, document: &mut Value) {
    if data.is_v1beta4() {
        document["timeouts"] = json!({
            "controlPlaneComponentHealthCheck": "10m0s",
            // etcd admits one new member at a time: the last one waits for all.
            "etcdAPICall": "10m0s",
            "kubernetesAPICall": "3m0s",
            "tlsBootstrap": "10m0s",
        });
    }
}

/// `a=1,b=2`: a mapping as the value of a flag.
fn pairs<V: Display>(map: &BTreeMap<String, V>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
