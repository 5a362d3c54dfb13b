//! The documents of the components that kubeadm configures.

use serde_json::{Value, json};

use super::data::ConfigData;
use crate::cluster::ProxyMode;

/// KubeletConfiguration; that of the first control-plane applies to all nodes.
pub(super) fn kubelet(data: &ConfigData) -> Value {
    let driver = if data.version.at_least(1, 24) { "systemd" } else { "cgroupfs" };
    let mut document = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": driver,
        "cgroupRoot": "/kubelet",
        "failSwapOn": false,
        // The kubelet sees the host's disk and must not free space on it.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
        },
    });
    if data.version.at_least(1, 31) {
        // By default newer kubelets do not start on cgroup v1 hosts.
        document["failCgroupV1"] = json!(false);
    }
    if data.is_ipv6() {
        document["address"] = json!("::");
        document["healthzBindAddress"] = json!("::");
    }
    add_feature_gates(data, &mut document);
    document
}

/// KubeProxyConfiguration; `None` if the cluster has no kube-proxy.
pub(super) fn proxy(data: &ConfigData) -> Option<Value> {
    let mode = data.cluster.networking.proxy_mode;
    if mode == ProxyMode::None {
        return None;
    }
    let mut document = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": mode.as_str(),
        "iptables": {"minSyncPeriod": "1s"},
        // 0 leaves nf_conntrack_max unchanged: it applies to the host, too.
        "conntrack": {"maxPerCore": 0},
    });
    let conntrack = &mut document["conntrack"];
    if data.rootless {
        // 0s leaves sysctls unchanged that only root may set.
        conntrack["tcpEstablishedTimeout"] = json!("0s");
        conntrack["tcpCloseWaitTimeout"] = json!("0s");
    } else if mode == ProxyMode::Nftables {
        conntrack["tcpBeLiberal"] = json!(true);
    }
    add_feature_gates(data, &mut document);
    Some(document)
}

fn add_feature_gates(data: &ConfigData, document: &mut Value) {
    let gates = data.feature_gates();
    if !gates.is_empty() {
        document["featureGates"] = json!(gates);
    }
}
