use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::cluster::{
    Cluster, ContainerdPatches, Family, HostPort, KubeadmPatches, Networking, Node, ProxyMode,
    Role, Role::*,
};

fn cluster(roles: &[Role]) -> Cluster {
    Cluster {
        name: "kind".to_owned(),
        nodes: roles.iter().map(|&role| Node { role, ..Node::default() }).collect(),
        networking: Networking {
            family: Family::Ipv4,
            api_server_port: HostPort::Picked,
            api_server_address: "127.0.0.1".to_owned(),
            pod_subnet: "10.244.0.0/16".to_owned(),
            service_subnet: "10.96.0.0/16".to_owned(),
            default_cni: true,
            proxy_mode: ProxyMode::Iptables,
            dns_search: None,
        },
        feature_gates: BTreeMap::new(),
        runtime_config: BTreeMap::new(),
        kubeadm: KubeadmPatches::default(),
        containerd: ContainerdPatches::default(),
        source: Default::default(),
    }
}

/// The documents of the cluster's first node, by kind, after `adjust`.
fn rendered(cluster: &Cluster, version: &str, adjust: impl Fn(&mut ConfigData)) -> Value {
    let version = version.parse().unwrap();
    let mut data = ConfigData {
        cluster,
        node_name: "kind-node",
        node: &cluster.nodes[0],
        version: &version,
        addresses: (Some("172.18.0.2".parse().unwrap()), Some("fc00::2".parse().unwrap())),
        token: "012345.0123456789abcdef",
        rootless: false,
        provider: "docker",
    };
    adjust(&mut data);
    let documents = documents(&data);
    let read = yaml::documents(&render(&documents)).unwrap();
    assert_eq!(read, documents, "the text is read back as the same values");
    documents.into_iter().map(|d| (d["kind"].as_str().unwrap().to_owned(), d)).collect()
}

#[test]
fn labels_and_gates_are_sorted_flags() {
    let mut cluster = cluster(&[Worker, ControlPlane]);
    cluster.nodes[0].labels =
        BTreeMap::from([("tier".into(), "front".into()), ("a/b".into(), "".into())]);
    cluster.feature_gates = BTreeMap::from([("B".into(), false), ("A".into(), true)]);
    cluster.runtime_config =
        BTreeMap::from([("api/b".into(), "1".into()), ("api/a".into(), "true".into())]);
    let all = rendered(&cluster, "v1.35.0", |_| ());
    let parts = &all["ClusterConfiguration"];
    assert_eq!(parts["apiServer"]["extraArgs"]["runtime-config"], "api/a=true,api/b=1");
    for part in ["apiServer", "controllerManager", "scheduler"] {
        assert_eq!(parts[part]["extraArgs"]["feature-gates"], "A=true,B=false", "{part}");
    }
    for kind in ["KubeletConfiguration", "KubeProxyConfiguration"] {
        assert_eq!(all[kind]["featureGates"], json!({"A": true, "B": false}), "{kind}");
    }
    for kind in ["InitConfiguration", "JoinConfiguration"] {
        let flags = &all[kind]["nodeRegistration"]["kubeletExtraArgs"];
        assert_eq!(flags["node-labels"], "a/b=,tier=front", "{kind}");
        assert_eq!(flags["provider-id"], "kind://docker/kind/kind-node", "{kind}");
    }
    let all = rendered(&cluster, "v1.35.0", |data| data.provider = "podman");
    let flags = &all["JoinConfiguration"]["nodeRegistration"]["kubeletExtraArgs"];
    assert_eq!(flags["provider-id"], "kind://podman/kind/kind-node");
}

#[test]
fn fields_follow_version_and_size() {
    let one = cluster(&[ControlPlane]);
    let two = cluster(&[ControlPlane, ControlPlane]);
    let null = Value::Null;
    for (cluster, version, pointer, expected) in [
        (&one, "v1.22.17", "/ClusterConfiguration/apiVersion", json!("kubeadm.k8s.io/v1beta2")),
        (&one, "v1.22.17", "/InitConfiguration/skipPhases", null.clone()),
        (&one, "v1.22.17", "/JoinConfiguration/skipPhases", null.clone()),
        (&one, "v1.23.0-rc.1", "/JoinConfiguration/skipPhases", json!(["preflight"])),
        (&one, "v1.23.0-rc.1", "/JoinConfiguration/apiVersion", json!("kubeadm.k8s.io/v1beta3")),
        (&one, "v1.19.16", "/ClusterConfiguration/featureGates", null.clone()),
        (&one, "v1.20.0", "/ClusterConfiguration/featureGates", json!({"IPv6DualStack": true})),
        (&one, "v1.21.14", "/ClusterConfiguration/featureGates", null.clone()),
        (&one, "v1.35.9", "/ClusterConfiguration/apiVersion", json!("kubeadm.k8s.io/v1beta3")),
        (&one, "v1.36.0-rc.0", "/ClusterConfiguration/apiVersion", json!("kubeadm.k8s.io/v1beta4")),
        (
            &one,
            "v1.35.9",
            "/ClusterConfiguration/apiServer/extraArgs",
            json!({"runtime-config": ""}),
        ),
        (
            &one,
            "v1.35.9",
            "/ClusterConfiguration/scheduler/extraArgs",
            json!({"leader-elect-lease-duration": "11s", "leader-elect-retry-period": "1s"}),
        ),
        (&two, "v1.35.9", "/ClusterConfiguration/scheduler/extraArgs", json!({})),
        (&two, "v1.36.0", "/ClusterConfiguration/scheduler/extraArgs", json!([])),
        (
            &two,
            "v1.35.9",
            "/ClusterConfiguration/controllerManager/extraArgs",
            json!({
                "enable-hostpath-provisioner": "true", "kube-api-qps": "100", "kube-api-burst": "200",
            }),
        ),
        (&one, "v1.35.9", "/InitConfiguration/nodeRegistration/taints", json!([])),
        (&two, "v1.35.9", "/InitConfiguration/nodeRegistration/taints", null.clone()),
        (&one, "v1.35.9", "/InitConfiguration/timeouts", null.clone()),
        (&one, "v1.31.0", "/InitConfiguration/patches", null.clone()),
        (&one, "v1.32.0", "/InitConfiguration/patches/directory", json!("/kind/patches")),
        (&one, "v1.32.0", "/JoinConfiguration/patches/directory", json!("/kind/patches")),
        (&one, "v1.32.0", "/JoinConfiguration/controlPlane/localAPIEndpoint/bindPort", json!(6443)),
        (&one, "v1.23.0", "/KubeletConfiguration/cgroupDriver", json!("cgroupfs")),
        (&one, "v1.24.0", "/KubeletConfiguration/cgroupDriver", json!("systemd")),
        (&one, "v1.30.0", "/KubeletConfiguration/failCgroupV1", null.clone()),
        (&one, "v1.31.0", "/KubeletConfiguration/failCgroupV1", json!(false)),
    ] {
        let all = rendered(cluster, version, |_| ());
        assert_eq!(all.pointer(pointer).unwrap_or(&null), &expected, "{version} {pointer}");
    }
}

#[test]
fn addresses_follow_the_family() {
    for (family, services, node_ip, advertised) in [
        (Family::Ipv4, "10.96.0.0/16", "172.18.0.2", "172.18.0.2"),
        (Family::Ipv6, "fd00:10:96::/112", "fc00::2", "fc00::2"),
        (Family::Dual, "10.96.0.0/16,fd00:10:96::/112", "172.18.0.2,fc00::2", "172.18.0.2"),
        (Family::Dual, "fd00:10:96::/112,10.96.0.0/16", "fc00::2,172.18.0.2", "fc00::2"),
    ] {
        let mut cluster = cluster(&[ControlPlane]);
        cluster.networking.family = family;
        cluster.networking.service_subnet = services.to_owned();
        let all = rendered(&cluster, "v1.35.0", |_| ());
        let init = &all["InitConfiguration"];
        assert_eq!(init["nodeRegistration"]["kubeletExtraArgs"]["node-ip"], node_ip);
        assert_eq!(init["localAPIEndpoint"]["advertiseAddress"], advertised);
        let v6 = |address| if family == Family::Ipv6 { json!(address) } else { Value::Null };
        let parts = &all["ClusterConfiguration"];
        assert_eq!(
            parts["controllerManager"]["extraArgs"]
                .get("bind-address")
                .cloned()
                .unwrap_or_default(),
            v6("::")
        );
        assert_eq!(
            parts["scheduler"]["extraArgs"].get("bind-address").cloned().unwrap_or_default(),
            v6("::1")
        );
        let kubelet = &all["KubeletConfiguration"];
        assert_eq!(kubelet.get("address").cloned().unwrap_or_default(), v6("::"));
        assert_eq!(kubelet.get("healthzBindAddress").cloned().unwrap_or_default(), v6("::"));
    }
}

#[test]
fn unknown_addresses_are_left_to_kubeadm() {
    let all = rendered(&cluster(&[ControlPlane]), "v1.35.0", |f| f.addresses = (None, None));
    assert_eq!(all["InitConfiguration"]["localAPIEndpoint"]["advertiseAddress"], "");
}

#[test]
fn the_proxy_follows_its_mode() {
    for (mode, rootless, conntrack) in [
        (ProxyMode::Ipvs, false, json!({"maxPerCore": 0})),
        (ProxyMode::Nftables, false, json!({"maxPerCore": 0, "tcpBeLiberal": true})),
        (
            ProxyMode::Nftables,
            true,
            json!({"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}),
        ),
    ] {
        let mut cluster = cluster(&[ControlPlane]);
        cluster.networking.proxy_mode = mode;
        let all = rendered(&cluster, "v1.35.0", |f| f.rootless = rootless);
        let proxy = &all["KubeProxyConfiguration"];
        assert_eq!((&proxy["mode"], &proxy["conntrack"]), (&json!(mode.as_str()), &conntrack));
        let gate = proxy.pointer("/featureGates/KubeletInUserNamespace");
        assert_eq!(gate.is_some(), rootless);
    }
    let mut none = cluster(&[ControlPlane]);
    none.networking.proxy_mode = ProxyMode::None;
    let all = rendered(&none, "v1.35.0", |_| ());
    assert_eq!(all.get("KubeProxyConfiguration"), None);
    let skipped = json!(["preflight", "kubelet-finalize", "addon", "addon/kube-proxy"]);
    assert_eq!(all["InitConfiguration"]["skipPhases"], skipped);
}
