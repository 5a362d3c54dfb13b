//! Clusters of every shape a definition can ask for, and what must work on
//! each of them.

use std::net::UdpSocket;
use std::time::Duration;

use skiff::node_image;

use crate::addon;
use crate::harness::{Lab, check, eventually, in_node, stderr, warnings, with_engine};
use crate::http::{free_or, free_port, get};
use crate::workload::{ask, pod_ips, web};

/// The text of one of the examples that people copy.
fn example(file: &str) -> String {
    let path = format!("{}/configs/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn create(lab: &Lab, name: &str, definition: &str) {
    let config = lab.write("cluster.yaml", definition);
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
fn patches_reach_into_the_cluster() {
    let name = "skiff-test-patches";
    let lab = Lab::new(&[name]);
    create(&lab, name, &example("patches.yaml"));
    let (plane, worker) = (format!("{name}-control-plane"), format!("{name}-worker"));
    let selector =
        &["get", "pods", "-n", "kube-system", "-l", "component=kube-apiserver", "-o", "yaml"];
    let api_server = lab.kubectl(name, selector);
    for flag in
        ["--event-ttl=2h0m0s", "--runtime-config=api/alpha=false", "--feature-gates=AllAlpha=false"]
    {
        assert!(api_server.contains(flag), "{flag} is not in {api_server}");
    }
    let certificate =
        in_node(&plane, "openssl x509 -noout -text -in /etc/kubernetes/pki/apiserver.crt");
    assert!(certificate.contains("DNS:api.example.com"), "{certificate}");
    let proxy =
        lab.kubectl(name, &["get", "configmap", "kube-proxy", "-n", "kube-system", "-o", "yaml"]);
    assert!(proxy.contains("metricsBindAddress: 0.0.0.0:10249"), "{proxy}");
    let of_plane = lab.json(name, &["get", "node", &plane]);
    assert_eq!(of_plane["metadata"]["labels"]["ingress-ready"], "true");
    let of_worker = lab.json(name, &["get", "node", &worker]);
    assert_eq!(of_worker["metadata"]["labels"]["tier"], "backend");
    assert_eq!(of_worker["status"]["capacity"]["pods"], "60");
    assert_eq!(of_worker["spec"]["taints"][0]["key"], "dedicated");
    assert_eq!(of_worker["spec"]["providerID"], format!("kind://docker/{name}/{worker}"));
    check("kubeadm patches of both kinds, gates, API versions and labels are in the cluster");
    for node in [plane, worker] {
        let containerd = in_node(&node, "containerd config dump");
        assert!(containerd.contains("127.0.0.1:1338"), "{containerd}");
        assert!(containerd.contains("max_concurrent_downloads = 7"), "{containerd}");
    }
    check("containerd patches of both kinds are in every node's containerd");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn mounts_and_ports_lead_to_the_host() {
    let name = "skiff-test-mounts";
    let lab = Lab::new(&[name]);
    let node = format!("{name}-control-plane");
    let shared = lab.folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::write(shared.join("from-host"), "hello node").unwrap();
    let (web_port, dns_port) = (free_port(), free_port());
    let definition = example("mounts-and-ports.yaml")
        .replace("/tmp/skiff-shared", shared.to_str().unwrap())
        .replace("hostPort: 30080", &format!("hostPort: {web_port}"))
        .replace("hostPort: 30053", &format!("hostPort: {dns_port}"));
    create(&lab, name, &definition);
    assert_eq!(in_node(&node, "cat /shared/from-host"), "hello node");
    in_node(&node, "echo hello host >/shared/from-node");
    assert_eq!(std::fs::read_to_string(shared.join("from-node")).unwrap(), "hello host\n");
    assert!(in_node(&node, "touch /shared-read-only/x 2>&1 || true").contains("Read-only"));
    check("mounts work both ways, read-only ones do not");

    let seen = lab.json(name, &["get", "node", &node]);
    assert_eq!(seen["spec"]["taints"], serde_json::Value::Null, "pods must run on the only node");
    let excluded = "node.kubernetes.io/exclude-from-external-load-balancers";
    assert_eq!(seen["metadata"]["labels"][excluded], serde_json::Value::Null);
    let services = "apiVersion: v1
kind: Service
metadata: {name: dns, namespace: kube-system}
spec: {type: NodePort, selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP, nodePort: 30053}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
";
    lab.apply(name, &(web("web-1", &node, "") + services));
    let answer = eventually("DNS through a mapped UDP port", 30, || kubernetes_address(dns_port));
    assert_eq!(answer, [10, 96, 0, 1]);
    let answer = eventually("a mapped TCP port", 60, || get(&format!("127.0.0.1:{web_port}")));
    assert_eq!(answer, "web-1");
    check("mapped UDP and TCP ports lead to Services");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn subnets_of_ones_own_with_nftables() {
    let name = "skiff-test-subnets";
    let lab = Lab::new(&[name]);
    let port = free_or(16443);
    let definition = example("subnets.yaml").replace("16443", &port.to_string());
    create(&lab, name, &definition);
    let kubeconfig = std::fs::read_to_string(lab.kubeconfig()).unwrap();
    assert!(kubeconfig.contains(&format!("https://127.0.0.1:{port}\n")), "{kubeconfig}");
    let nodes = [&*format!("{name}-control-plane"), &*format!("{name}-worker")];
    two_servers(&lab, name, nodes, "SingleStack");
    let ips = all_reach_all(&lab, name);
    assert!(ips[0].starts_with("10.211."), "{ips:?}");
    assert!(pod_ips(&lab, name, "web-2")[0].starts_with("10.210."));
    assert!(in_node(nodes[1], "nft list table ip kube-proxy").contains(&ips[0]));
    assert!(!in_node(nodes[1], "cat /etc/resolv.conf").contains("search"));
    check("own subnets, a fixed API port and no search domains, by nftables");
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
    let config = lab.write("cluster.yaml", &example("patches.yaml"));
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
fn dual_stack() {
    let name = "skiff-test-dual";
    let lab = Lab::new(&[name]);
    create(&lab, name, &example("dual-stack.yaml"));
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
    check("dual-stack: pods and a Service answer on both families");
    addon::both_work(&lab, name);
    check("dual-stack: the add-ons work on both families");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn ipv6_alone() {
    let name = "skiff-test-ipv6";
    let lab = Lab::new(&[name]);
    create(&lab, name, &example("ipv6.yaml"));
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
    addon::both_work(&lab, name);
    check("IPv6: the add-ons work without IPv4");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn without_network_and_proxy_until_somebody_brings_them() {
    let name = "skiff-test-bare";
    let lab = Lab::new(&[name]);
    create(&lab, name, &example("no-cni.yaml").replace("# kubeProxyMode", "kubeProxyMode"));
    let node = format!("{name}-control-plane");
    let sets = lab.kubectl(name, &["get", "daemonsets", "-A", "-o", "name"]);
    assert_eq!(sets, "", "neither kube-proxy nor a pod network is wanted");
    let ready = "-o=jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
    assert_eq!(lab.kubectl(name, &["get", "node", &node, ready]), "False");
    let manifest = in_node(&node, "cat /kind/manifests/default-cni.yaml");
    lab.apply(name, &manifest);
    // Without kube-proxy nothing leads from the API's Service to the API.
    let endpoint = format!("CONTROL_PLANE_ENDPOINT={node}:6443");
    lab.kubectl(name, &["-n", "kube-system", "set", "env", "daemonset/kindnet", &endpoint]);
    lab.kubectl(name, &["wait", "--for=condition=Ready", "node", &node, "--timeout=120s"]);
    check("without pod network and kube-proxy the node waits for one, and takes it");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn three_control_planes_outlive_one() {
    let name = "skiff-test-ha";
    let lab = Lab::new(&[name]);
    create(&lab, name, &example("ha.yaml"));
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
    two_servers(
        &lab,
        name,
        [&format!("{name}-worker"), &format!("{name}-control-plane2")],
        "SingleStack",
    );
    addon::both_work(&lab, name);
    check("the add-ons work with several control-planes");

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
    lab.apply(name, &web("web-3", &format!("{name}-worker"), ""));
    lab.kubectl(name, &["wait", "--for=condition=Ready", "pod/web-3", "--timeout=120s"]);
    check("with one control-plane killed, kubectl and the worker go on");
    let logs = lab.folder.path().join("logs");
    lab.ok(&["export", "logs", logs.to_str().unwrap(), "--name", name]);
    assert!(logs.join(format!("{name}-external-load-balancer/serial.log")).is_file());
    lab.ok(&["delete", "cluster", "--name", name]);
    assert!(crate::harness::containers_of(name).is_empty());
    check("logs are exported and everything is deleted, the load balancer too");
}
