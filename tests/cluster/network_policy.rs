//! NetworkPolicies on the node image built here.

use crate::harness::{Lab, check, eventually, in_node};
use crate::workload::{pod_ips, web};

const NAME: &str = "skiff-test-policy";

const CLUSTER: &str = "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {ipFamily: dual}
nodes: [{role: control-plane}, {role: worker}]
";

const SERVICE: &str = "apiVersion: v1
kind: Service
metadata: {name: front}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";

/// What a policy change may take to be in force.
const SECONDS: u64 = 5;

fn guest(name: &str, node: &str) -> String {
    web(name, node, "").replace("app: web", "app: guest")
}

fn policy(lab: &Lab, name: &str, spec: &str) {
    let manifest = format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    );
    lab.apply(NAME, &manifest);
}

fn open(lab: &Lab, from: &str, host: &str, port: u16) -> bool {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    lab.in_pod(NAME, from, &format!("busybox wget -T 1 -qO- http://{host}:{port}/")).0
}

/// Waits until connections from the pod end as expected.
fn expect(lab: &Lab, from: &str, host: &str, port: u16, expected: bool) {
    eventually(&format!("{from} to {host}:{port}, open: {expected}"), SECONDS, || {
        if open(lab, from, host, port) == expected { Ok(()) } else { Err("not so".into()) }
    });
}

/// Starts a connection that sends all the time to a file in `server`.
fn start_stream(lab: &Lab, client: &str, server: &str, port: u16) {
    let ip = &pod_ips(lab, NAME, server)[0];
    let listen = format!(
        "busybox nc -ll -p {port} -e /bin/sh -c 'exec busybox cat >/tmp/{port}' >/dev/null 2>&1 & :"
    );
    assert!(lab.in_pod(NAME, server, &listen).0);
    let send = format!(
        "(while busybox usleep 100000; do echo x; done | busybox nc {ip} {port}) >/dev/null 2>&1 & :"
    );
    assert!(lab.in_pod(NAME, client, &send).0);
    expect_stream(lab, server, port, true);
}

fn received(lab: &Lab, server: &str, port: u16) -> String {
    lab.in_pod(NAME, server, &format!("busybox wc -c </tmp/{port}")).1
}

fn expect_stream(lab: &Lab, server: &str, port: u16, flows: bool) {
    eventually(&format!("the stream to {port} flows: {flows}"), SECONDS, || {
        let before = received(lab, server, port);
        std::thread::sleep(std::time::Duration::from_secs(1));
        let grown = received(lab, server, port) != before;
        if grown == flows { Ok(()) } else { Err(before) }
    });
}

fn has_table(node: &str) -> bool {
    in_node(node, "nft list tables").contains("podnet_policy")
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn network_policies_are_enforced() {
    let lab = Lab::new(&[NAME]);
    let config = lab.write("cluster.yaml", CLUSTER);
    lab.ok(&["create", "cluster", "--name", NAME, "--config", &config]);
    let (plane, worker) = (format!("{NAME}-control-plane"), format!("{NAME}-worker"));
    let ports = "    ports: [{name: pay, containerPort: 8080}]\n";
    let pods = web("shop", &worker, ports) + &guest("near", &worker) + &guest("far", &plane);
    lab.apply(NAME, &(pods + SERVICE));
    lab.kubectl(NAME, &["wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s"]);
    let ips = pod_ips(&lab, NAME, "shop");
    assert_eq!(ips.len(), 2);
    let targets: Vec<_> =
        ips.iter().map(|ip| (ip.as_str(), 8080)).chain([("front.default", 80)]).collect();
    let all = |expected: bool| {
        for from in ["near", "far"] {
            targets.iter().for_each(|(host, port)| expect(&lab, from, host, *port, expected));
        }
    };

    all(true);
    assert!(!has_table(&plane) && !has_table(&worker));
    check("without a policy all is open and no rule exists");

    start_stream(&lab, "near", "shop", 9000);
    policy(&lab, "closed", "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}");
    all(false);
    expect_stream(&lab, "shop", 9000, false);
    in_node(&worker, &format!("curl --fail --silent --max-time 2 http://{}:8080/", ips[0]));
    expect(&lab, "shop", "front.default", 80, true);
    expect(&lab, "shop", &pod_ips(&lab, NAME, "far")[0], 8080, true);
    check("closed for ingress: nobody but its node and itself reaches the pod; it reaches others");

    policy(
        &lab,
        "guests",
        "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: guest}}}], ports: [{port: pay}, {port: 9001}]}]}",
    );
    all(true);
    assert!(!open(&lab, "near", &ips[0], 9000));
    start_stream(&lab, "far", "shop", 9001);
    lab.kubectl(NAME, &["label", "pod", "near", "--overwrite", "app=stranger"]);
    expect(&lab, "near", &ips[0], 8080, false);
    expect_stream(&lab, "shop", 9001, true);
    check("policies add up, by named port; labels count; allowed connections live on");

    lab.kubectl(NAME, &["delete", "networkpolicy", "--all"]);
    all(true);
    policy(
        &lab,
        "names-only",
        "{podSelector: {matchLabels: {app: guest}}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}], to: [{namespaceSelector: {}}]}]}",
    );
    expect(&lab, "far", &ips[0], 8080, false);
    expect(&lab, "far", "front.default", 80, false);
    let name = "busybox nslookup front.default.svc.cluster.local";
    let (resolved, answer) = lab.in_pod(NAME, "far", name);
    assert!(resolved, "{answer}");
    check("egress to the name service only");

    // Its first packet is stopped already.
    let early = format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: early, labels: {{app: guest}}}}
spec:
  nodeName: {worker}
  restartPolicy: Never
  containers:
  - name: early
    image: docker.io/skiff/helper:node
    command: [/bin/sh, -c, '! busybox wget -T 1 -qO- http://{}:8080/']
",
        ips[0]
    );
    lab.apply(NAME, &early);
    let finished = ["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/early"];
    lab.kubectl(NAME, &[&finished[..], &["--timeout=30s"]].concat());
    check("a new pod is isolated from the start");

    lab.kubectl(NAME, &["delete", "networkpolicy", "--all"]);
    expect(&lab, "far", &ips[0], 8080, true);
    eventually("no table", SECONDS, || {
        if has_table(&plane) || has_table(&worker) { Err("a table".into()) } else { Ok(()) }
    });
    check("nothing is left without policies");
}
