use super::*;
use crate::cluster::{ContainerdPatches, HostPort, KubeadmPatches, Networking, ProxyMode, Role::*};

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
    }
}

/// The documents of the cluster's first node, by kind, after `adjust`.
fn rendered(cluster: &Cluster, version: &str, adjust: impl Fn(&mut Facts)) -> Value {
    let version = version.parse().unwrap();
    let mut facts = Facts {
        cluster,
        node_name: "kind-node",
        node: &cluster.nodes[0],
        version: &version,
        addresses: (Some("172.18.0.2".parse().unwrap()), Some("fc00::2".parse().unwrap())),
        endpoint: "kind-control-plane:6443",
        token: "012345.0123456789abcdef",
        provider: "docker",
        rootless: false,
    };
    adjust(&mut facts);
    let documents = documents(&facts);
    let read = yaml::documents(&render(&documents)).unwrap();
    assert_eq!(read, documents, "the text says what the values say");
    documents.into_iter().map(|d| (d["kind"].as_str().unwrap().to_owned(), d)).collect()
}

#[test]
fn whole_text_of_a_worker_on_1_37() {
    let mut cluster = cluster(&[Worker, ControlPlane, Worker]);
    cluster.nodes[0].labels = BTreeMap::from([("tier".into(), "front".into())]);
    cluster.feature_gates = BTreeMap::from([("B".into(), false), ("A".into(), true)]);
    let all = rendered(&cluster, "v1.37.2", |_| ());
    let all: Vec<Value> = all.as_object().unwrap().values().cloned().collect();
    assert_eq!(render(&all), WORKER_1_37);
}

#[test]
fn fields_follow_version_and_size() {
    let one = cluster(&[ControlPlane]);
    let two = cluster(&[ControlPlane, ControlPlane]);
    let null = Value::Null;
    for (cluster, version, pointer, expected) in [
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
            json!({"leader-elect": "false"}),
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
    assert_eq!(all["InitConfiguration"]["skipPhases"], json!(["preflight", "addon/kube-proxy"]));
}

const WORKER_1_37: &str = r#"apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
clusterName: kind
controlPlaneEndpoint: kind-control-plane:6443
apiServer:
  certSANs:
  - localhost
  - "127.0.0.1"
  extraArgs:
  - name: runtime-config
    value: ""
  - name: feature-gates
    value: A=true,B=false
controllerManager:
  extraArgs:
  - name: feature-gates
    value: A=true,B=false
  - name: enable-hostpath-provisioner
    value: "true"
  - name: kube-api-qps
    value: "100"
  - name: kube-api-burst
    value: "200"
  - name: leader-elect
    value: "false"
scheduler:
  extraArgs:
  - name: feature-gates
    value: A=true,B=false
  - name: leader-elect
    value: "false"
networking:
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.96.0.0/16
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: 012345.0123456789abcdef
localAPIEndpoint:
  advertiseAddress: "172.18.0.2"
  bindPort: 6443
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs:
  - name: node-ip
    value: "172.18.0.2"
  - name: provider-id
    value: kind://docker/kind/kind-node
  - name: node-labels
    value: tier=front
skipPhases:
- preflight
patches:
  directory: /kind/patches
timeouts:
  controlPlaneComponentHealthCheck: 10m0s
  kubernetesAPICall: 3m0s
  tlsBootstrap: 10m0s
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs:
  - name: node-ip
    value: "172.18.0.2"
  - name: provider-id
    value: kind://docker/kind/kind-node
  - name: node-labels
    value: tier=front
discovery:
  file:
    kubeConfigPath: /kind/discovery.conf
  tlsBootstrapToken: 012345.0123456789abcdef
skipPhases:
- preflight
timeouts:
  controlPlaneComponentHealthCheck: 10m0s
  kubernetesAPICall: 3m0s
  tlsBootstrap: 10m0s
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
cgroupRoot: /kubelet
failSwapOn: false
imageGCHighThresholdPercent: 100
evictionHard:
  nodefs.available: 0%
  nodefs.inodesFree: 0%
  imagefs.available: 0%
failCgroupV1: false
featureGates:
  A: true
  B: false
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
iptables:
  minSyncPeriod: 1s
conntrack:
  maxPerCore: 0
featureGates:
  A: true
  B: false
"#;
