//! Clusters of every shape a definition can ask for, and what must work on
//! each of them.

use std::net::UdpSocket;
use std::time::Duration;

use skiff::node_image;

use crate::harness::{Lab, check, eventually, in_node, stderr, warnings, with_engine};
use crate::http::free_port;
use crate::workload::{ask, pod_ips, web};

const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

fn create(lab: &Lab, name: &str, body: &str) {
    let config = lab.write("cluster.yaml", &format!("{HEAD}{body}"));
    let out = lab.run(&["create", "cluster", "--name", name, "--config", &config]);
    assert!(out.status.success(), "{}", stderr(&out));
    assert!(warnings(&out).is_empty(), "{}", stderr(&out));
}

/// A web server on each of two nodes, and a Service before both.
fn two_servers(lab: &Lab, cluster: &str, nodes: [&str; 2], families: &str) {
    let service = format!(
        "apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}], ipFamilyPolicy: {families}}}
"
    );
    let manifest = web("web-1", nodes[0], "") + &web("web-2", nodes[1], "") + &service;
    lab.apply(cluster, &manifest);
    lab.kubectl(
        cluster,
        &["wait", "--for=condition=Ready", "pod", "-l", "app=web", "--timeout=120s"],
    );
}

/// Both pods and the Service answer on all of their addresses; returns the
/// addresses of the Service.
fn all_reach_all(lab: &Lab, cluster: &str) -> Vec<String> {
    for (from, to) in [("web-1", "web-2"), ("web-2", "web-1")] {
        for ip in pod_ips(lab, cluster, to) {
            assert_eq!(ask(lab, cluster, from, &ip, 8080), to);
        }
    }
    let service = lab.json(cluster, &["get", "service", "web"]);
    let ips = service["spec"]["clusterIPs"].as_array().unwrap().iter();
    let ips: Vec<String> = ips.map(|ip| ip.as_str().unwrap().to_owned()).collect();
    for ip in &ips {
        let answer = ask(lab, cluster, "web-1", ip, 80);
        assert!(answer.starts_with("web-"), "{ip}: {answer}");
    }
    ips
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_definition_reaches_into_the_cluster() {
    let name = "skiff-test-custom";
    let lab = Lab::new(&[name]);
    let node = format!("{name}-control-plane");
    let shared = lab.folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::write(shared.join("from-host"), "hello node").unwrap();
    let dns = free_port();
    create(
        &lab,
        name,
        &format!(
            r#"
networking: {{podSubnet: 10.10.0.0/16, serviceSubnet: 10.11.0.0/16, dnsSearch: [lab.example]}}
runtimeConfig: {{resource.k8s.io/v1beta1: true}}
featureGates: {{MutablePVNodeAffinity: true}}
kubeadmConfigPatches:
- |
  kind: ClusterConfiguration
  apiServer: {{extraArgs: {{max-requests-inflight: 401}}}}
kubeadmConfigPatchesJSON6902:
- group: kubelet.config.k8s.io
  version: v1beta1
  kind: KubeletConfiguration
  patch: '[{{"op": "add", "path": "/maxPods", "value": 77}}]'
containerdConfigPatches:
- |
  [plugins."io.containerd.cri.v1.images"]
  max_concurrent_downloads = 7
containerdConfigPatchesJSON6902:
- '[{{"op": "add", "path": "/plugins/io.containerd.cri.v1.images/image_pull_progress_timeout", "value": "7m0s"}}]'
nodes:
- labels: {{tier: front}}
  extraMounts:
  - {{hostPath: {shared}, containerPath: /shared}}
  - {{hostPath: {shared}, containerPath: /shared-ro, readOnly: true}}
  extraPortMappings:
  - {{containerPort: 30053, hostPort: {dns}, protocol: UDP, listenAddress: 127.0.0.1}}
"#,
            shared = shared.display()
        ),
    );
    let selector =
        &["get", "pods", "-n", "kube-system", "-l", "component=kube-apiserver", "-o", "yaml"];
    let api_server = lab.kubectl(name, selector);
    for flag in [
        "--max-requests-inflight=401",
        "--runtime-config=resource.k8s.io/v1beta1=true",
        "--feature-gates=MutablePVNodeAffinity=true",
        "--service-cluster-ip-range=10.11.0.0/16",
    ] {
        assert!(api_server.contains(flag), "{flag} is not in {api_server}");
    }
    let seen = lab.json(name, &["get", "node", &node]);
    assert_eq!(seen["status"]["capacity"]["pods"], "77");
    assert_eq!(seen["metadata"]["labels"]["tier"], "front");
    assert_eq!(seen["spec"]["podCIDR"], "10.10.0.0/24");
    assert_eq!(seen["spec"]["taints"], serde_json::Value::Null, "pods must run on the only node");
    assert_eq!(seen["spec"]["providerID"], format!("kind://docker/{name}/{node}"));
    let excluded = "node.kubernetes.io/exclude-from-external-load-balancers";
    assert_eq!(seen["metadata"]["labels"][excluded], serde_json::Value::Null);
    check("kubeadm patches of both kinds, subnets, gates and labels are in the cluster");

    let containerd = in_node(&node, "containerd config dump");
    assert!(containerd.contains("max_concurrent_downloads = 7"), "{containerd}");
    assert!(containerd.contains("image_pull_progress_timeout = '7m0s'"), "{containerd}");
    check("containerd patches of both kinds are in containerd");

    assert_eq!(in_node(&node, "cat /shared/from-host"), "hello node");
    in_node(&node, "echo hello host >/shared/from-node");
    assert_eq!(std::fs::read_to_string(shared.join("from-node")).unwrap(), "hello host\n");
    assert!(in_node(&node, "touch /shared-ro/x 2>&1 || true").contains("Read-only"));
    assert!(in_node(&node, "cat /etc/resolv.conf").contains("search lab.example"));
    check("mounts work both ways, read-only ones do not, and the search domain is set");

    lab.apply(
        name,
        "apiVersion: v1
kind: Service
metadata: {name: dns, namespace: kube-system}
spec: {type: NodePort, selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP, nodePort: 30053}]}
",
    );
    let answer = eventually("DNS through a mapped UDP port", 30, || kubernetes_address(dns));
    assert_eq!(answer, [10, 11, 0, 1]);
    check("a mapped UDP port leads to a Service");
}

/// Asks a name server for `kubernetes.default.svc.cluster.local`.
fn kubernetes_address(port: u16) -> Result<[u8; 4], String> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in "kubernetes.default.svc.cluster.local".split('.') {
        query.push(label.len() as u8);
        query.extend(label.bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    let text = |e: std::io::Error| e.to_string();
    let socket = UdpSocket::bind("127.0.0.1:0").map_err(text)?;
    socket.set_read_timeout(Some(Duration::from_secs(1))).map_err(text)?;
    socket.send_to(&query, ("127.0.0.1", port)).map_err(text)?;
    let mut answer = [0; 512];
    let (size, _) = socket.recv_from(&mut answer).map_err(text)?;
    // One A record comes last, its address at the very end.
    answer[..size].last_chunk().copied().ok_or_else(|| "a short answer".to_owned())
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn the_kubernetes_before() {
    let name = "skiff-test-before";
    let lab = Lab::new(&[name]);
    let patch = "- |\n  kind: InitConfiguration\n  nodeRegistration: {kubeletExtraArgs: {node-labels: ingress-ready=true}}\n";
    let config = lab.write(
        "cluster.yaml",
        &format!("{HEAD}nodes: [{{role: control-plane}}, {{role: worker}}]\nkubeadmConfigPatches:\n{patch}"),
    );
    let image = node_image::reference("v1.36.4");
    let out =
        lab.run(&["create", "cluster", "--name", name, "--config", &config, "--image", &image]);
    assert!(out.status.success(), "{}", stderr(&out));
    let seen = lab.json(name, &["get", "nodes", "-l", "ingress-ready=true"]);
    assert_eq!(seen["items"][0]["status"]["nodeInfo"]["kubeletVersion"], "v1.36.4");
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    let nodes = [&*format!("{name}-control-plane"), &*format!("{name}-worker")];
    two_servers(&lab, name, nodes, "SingleStack");
    all_reach_all(&lab, name);
    check("Kubernetes 1.36.4: two nodes, the label of a patch, pods and a Service");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn dual_stack_with_nftables() {
    let name = "skiff-test-dual";
    let lab = Lab::new(&[name]);
    create(
        &lab,
        name,
        "networking: {ipFamily: dual, kubeProxyMode: nftables}\nnodes: [{role: control-plane}, {role: worker}]\n",
    );
    let nodes = [&*format!("{name}-control-plane"), &*format!("{name}-worker")];
    for node in nodes {
        let seen = lab.json(name, &["get", "node", node]);
        assert_eq!(seen["spec"]["podCIDRs"].as_array().unwrap().len(), 2);
        let addresses = seen["status"]["addresses"].as_array().unwrap();
        assert_eq!(addresses.iter().filter(|a| a["type"] == "InternalIP").count(), 2, "{seen}");
    }
    two_servers(&lab, name, nodes, "RequireDualStack");
    let ips = all_reach_all(&lab, name);
    assert!(ips.len() == 2 && ips.iter().any(|ip| ip.contains(':')), "{ips:?}");
    assert!(in_node(nodes[1], "nft list table ip kube-proxy").contains(&ips[0]));
    check("dual-stack: pods and a Service answer on both families, by nftables");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn ipv6_alone() {
    let name = "skiff-test-ipv6";
    let lab = Lab::new(&[name]);
    create(
        &lab,
        name,
        "networking: {ipFamily: ipv6}\nnodes: [{role: control-plane}, {role: worker}]\n",
    );
    let kubeconfig = std::fs::read_to_string(lab.kubeconfig()).unwrap();
    assert!(kubeconfig.contains("https://[::1]:"), "{kubeconfig}");
    let nodes = [&*format!("{name}-control-plane"), &*format!("{name}-worker")];
    two_servers(&lab, name, nodes, "SingleStack");
    let ips = all_reach_all(&lab, name);
    assert!(ips.len() == 1 && ips[0].contains(':'), "{ips:?}");
    let (found, answer) =
        lab.in_pod(name, "web-1", "busybox nslookup kubernetes.default.svc.cluster.local");
    assert!(found && answer.contains("fd00:10:96::1"), "{answer}");
    check("IPv6: kubectl, pods, a Service and DNS work without IPv4");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn without_network_and_proxy_until_somebody_brings_them() {
    let name = "skiff-test-bare";
    let lab = Lab::new(&[name]);
    create(&lab, name, "networking: {disableDefaultCNI: true, kubeProxyMode: none}\n");
    let node = format!("{name}-control-plane");
    let sets = lab.kubectl(name, &["get", "daemonsets", "-A", "-o", "name"]);
    assert_eq!(sets, "", "neither kube-proxy nor a pod network is wanted");
    let ready = "-o=jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
    assert_eq!(lab.kubectl(name, &["get", "node", &node, ready]), "False");
    let manifest = in_node(&node, "cat /kind/manifests/default-cni.yaml");
    lab.apply(name, &manifest);
    // Without kube-proxy nothing leads from the API's Service to the API.
    let endpoint = format!("CONTROL_PLANE_ENDPOINT={node}:6443");
    lab.kubectl(name, &["-n", "kube-system", "set", "env", "daemonset/podnet", &endpoint]);
    lab.kubectl(name, &["wait", "--for=condition=Ready", "node", &node, "--timeout=120s"]);
    check("without pod network and kube-proxy the node waits for one, and takes it");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn three_control_planes_outlive_one() {
    let name = "skiff-test-ha";
    let lab = Lab::new(&[name]);
    create(
        &lab,
        name,
        "nodes: [{role: control-plane}, {role: control-plane}, {role: control-plane}, {role: worker}]\n",
    );
    let listed = lab.ok(&["get", "nodes", "--name", name]);
    assert!(
        listed.lines().any(|line| line == format!("{name}-external-load-balancer")),
        "{listed}"
    );
    let nodes = lab.kubectl(name, &["get", "nodes", "-o", "name"]);
    assert_eq!(nodes.lines().count(), 4, "{nodes}");
    let members = lab.kubectl(
        name,
        &[
            "get",
            "pods",
            "-n",
            "kube-system",
            "-l",
            "component=etcd",
            "--field-selector=status.phase=Running",
            "-o",
            "name",
        ],
    );
    assert_eq!(members.lines().count(), 3, "{members}");
    check("three control-planes and a worker, behind a load balancer");

    // The first one, which the others joined by.
    let killed = format!("{name}-control-plane");
    with_engine(async |engine| engine.remove_container(&killed).await);
    eventually("kubectl after the loss", 60, || {
        let args = ["kubectl", "--name", name, "--", "create", "configmap", "after-the-loss"];
        let out = lab.run(&args);
        if out.status.success() { Ok(()) } else { Err(stderr(&out)) }
    });
    // Not only once: whoever answers, answers for good.
    for _ in 0..10 {
        lab.kubectl(name, &["get", "configmap", "after-the-loss"]);
    }
    lab.apply(name, &web("web-1", &format!("{name}-worker"), ""));
    lab.kubectl(name, &["wait", "--for=condition=Ready", "pod/web-1", "--timeout=120s"]);
    check("with one control-plane killed, kubectl and the worker go on");
    let logs = lab.folder.path().join("logs");
    lab.ok(&["export", "logs", logs.to_str().unwrap(), "--name", name]);
    assert!(logs.join(format!("{name}-external-load-balancer/serial.log")).is_file());
    lab.ok(&["delete", "cluster", "--name", name]);
    assert!(crate::harness::containers_of(name).is_empty());
    check("logs are exported and everything is deleted, the load balancer too");
}
