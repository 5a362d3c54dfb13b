mod properties;

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::cluster::{Family, HostPort, Propagation, Protocol, ProxyMode, Role};
use crate::yaml;

const HEADER: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

fn good(body: &str) -> Cluster {
    parse(&format!("{HEADER}{body}")).unwrap_or_else(|problems| panic!("{body}\n{problems}"))
}

/// The problems of a body, whose first line is line 3.
fn bad(body: &str) -> String {
    parse(&format!("{HEADER}{body}")).expect_err(body).to_string()
}

#[test]
fn an_empty_definition_is_the_default() {
    for body in [
        "",
        "nodes:",
        "nodes: []",
        "nodes: [~]",
        "name: ''",
        "networking: ~",
        "nodes: [{}]\n---\nnodes: 3",
    ] {
        assert_eq!(good(body), default_cluster(), "{body}");
    }
    let json = r#"{"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "control-plane"}]}"#;
    assert_eq!(parse(json).unwrap(), default_cluster());
    assert_eq!(
        parse(&format!("\u{feff}---\r\n{}", HEADER.replace('\n', "\r\n"))).unwrap(),
        default_cluster()
    );
}

#[test]
fn every_field() {
    let cluster = good(
        r##"name: my.cluster-1
featureGates: {A: true, B: no}
runtimeConfig:
  api/all: true
  api/beta: "false"
networking:
  ipFamily: dual
  apiServerPort: 6443
  apiServerAddress: 0.0.0.0
  podSubnet: fd00:1::/56,10.1.0.0/16
  disableDefaultCNI: true
  kubeProxyMode: nftables
  dnsSearch: []
kubeadmConfigPatches:
- |
  kind: ClusterConfiguration
  a: b
- "# empty"
kubeadmConfigPatchesJSON6902:
- {group: kubeadm.k8s.io, version: v1beta3, kind: ClusterConfiguration, patch: "- {op: remove, path: /a}"}
containerdConfigPatches:
- "[a.b]\nc = 1"
containerdConfigPatchesJSON6902:
- '[{"op": "add", "path": "/x", "value": 1}]'
nodes:
- &worker
  role: worker
  image: kindest/node:v1@sha256:abc
  labels: {tier: 1, empty: ~}
- <<: *worker
  role: control-plane
  extraMounts:
  - {containerPath: /data, hostPath: ./data, readOnly: yes, selinuxRelabel: true, propagation: Bidirectional}
  extraPortMappings:
  - {containerPort: 80, hostPort: 8_080, listenAddress: "127.0.0.1", protocol: tcp}
  - {containerPort: 0x50, hostPort: -1, protocol: Udp}
  - containerPort: 443
  kubeadmConfigPatches: ["kind: InitConfiguration"]
"##,
    );
    assert_eq!(cluster.name, "my.cluster-1");
    assert_eq!(cluster.feature_gates, [("A".into(), true), ("B".into(), false)].into());
    assert_eq!(cluster.runtime_config["api/all"], "true");
    let networking = &cluster.networking;
    assert_eq!((networking.family, networking.proxy_mode), (Family::Dual, ProxyMode::Nftables));
    assert_eq!(
        (networking.api_server_port, networking.default_cni),
        (HostPort::Fixed(6443), false)
    );
    assert_eq!(networking.pod_subnet, "fd00:1::/56,10.1.0.0/16");
    assert_eq!(networking.service_subnet, "10.96.0.0/16,fd00:10:96::/112");
    assert_eq!(networking.dns_search, Some(Vec::new()));
    assert_eq!(
        (cluster.kubeadm.merge.len(), cluster.kubeadm.json[0].version.as_str()),
        (2, "v1beta3")
    );
    assert_eq!((cluster.containerd.merge.len(), cluster.containerd.json.len()), (1, 1));

    let [worker, control_plane] = &cluster.nodes[..] else { panic!("two nodes") };
    assert_eq!((worker.role, control_plane.role), (Role::Worker, Role::ControlPlane));
    assert_eq!(worker.labels, [("tier".into(), "1".into()), ("empty".into(), "".into())].into());
    assert_eq!((&control_plane.image, &control_plane.labels), (&worker.image, &worker.labels));
    let mount = &control_plane.extra_mounts[0];
    assert_eq!((mount.host_path.as_path(), mount.read_only), (Path::new("./data"), true));
    assert_eq!(mount.propagation, Propagation::Bidirectional);
    let ports: Vec<_> = control_plane
        .port_mappings
        .iter()
        .map(|p| (p.container_port, p.host_port, p.protocol))
        .collect();
    assert_eq!(
        ports,
        [
            (80, HostPort::Fixed(8080), Protocol::Tcp),
            (80, HostPort::Engine, Protocol::Udp),
            (443, HostPort::Picked, Protocol::Tcp)
        ]
    );
    assert_eq!(control_plane.kubeadm.merge, ["kind: InitConfiguration"]);
}

#[test]
fn one_problem_each() {
    let cases = [
        ("nmae: x", "line 3: nmae: unknown field; did you mean `name`?"),
        ("name: Kind", "line 3: name: \"Kind\" is not a valid cluster name"),
        ("nodes: {}", "line 3: nodes: expected a list, found a mapping"),
        ("nodes:\n- worker", "line 4: nodes[0]: expected a mapping, found `worker`"),
        (
            "nodes:\n- role: boss",
            "line 4: nodes[0].role: \"boss\" is not a role; use control-plane or worker",
        ),
        (
            "nodes:\n- role: worker",
            "line 3: nodes: at least one node must have the role control-plane",
        ),
        (
            "nodes:\n- ~\n- Role: worker",
            "line 5: nodes[1].Role: unknown field; did you mean `role`?",
        ),
        (
            "nodes:\n- role: worker\n  role: control-plane\n- {}",
            "line 5: nodes[0].role: already set on line 4",
        ),
        (
            "nodes: [{labels: {a b: c}}]",
            "line 3: nodes[0].labels.a b: \"a b\" is not a valid label key",
        ),
        (
            "nodes: [{labels: {a: [c]}}]",
            "line 3: nodes[0].labels.a: expected a string, found a list",
        ),
        (
            "nodes: [{extraMounts: [{hostPath: /a}]}]",
            "nodes[0].extraMounts[0]: `containerPath` is missing",
        ),
        (
            "nodes: [{extraMounts: [{containerPath: data}]}]",
            "extraMounts[0].containerPath: \"data\" is not an absolute path",
        ),
        (
            "nodes: [{extraMounts: [{containerPath: //}]}]",
            "extraMounts[0].containerPath: the node's root directory",
        ),
        (
            "nodes: [{extraMounts: [{containerPath: /a}, {containerPath: /b}, {containerPath: /a/}]}]",
            "nodes[0].extraMounts[2]: nodes[0].extraMounts[0] already mounts /a/",
        ),
        (
            "nodes:\n- extraMounts:\n  - containerPath: /a\n    hostPath: $HOME/x",
            "line 6: nodes[0].extraMounts[0].hostPath: the variable HOME is not set",
        ),
        (
            "nodes: [{extraMounts: [{containerPath: /a, hostPath: ~/x}]}]",
            "nodes[0].extraMounts[0].hostPath: ~ is the home directory, but HOME is not set",
        ),
        (
            "nodes:\n- extraMounts:\n  - containerPath: /a\n    hostPath: /a:b\n    selinuxRelabel: true",
            "line 7: nodes[0].extraMounts[0].selinuxRelabel: the engine cannot relabel",
        ),
        (
            "nodes: [{extraMounts: [{containerPath: /a, propagation: shared}]}]",
            "use None, HostToContainer or Bidirectional",
        ),
        (
            "featureGates: {A: 'true'}",
            "featureGates.A: expected true or false, found the string \"true\"",
        ),
        (
            "networking: {ipFamily: IPv6}",
            "networking.ipFamily: \"IPv6\" is not an IP family; use ipv4, ipv6 or dual",
        ),
        ("networking: {kubeProxyMode: ebpf}", "use iptables, ipvs, nftables or none"),
        (
            "networking: {apiServerPort: 70000}",
            "networking.apiServerPort: 70000 is not a port; use -1 to 65535",
        ),
        ("networking: {apiServerAddress: localhost}", "\"localhost\" is not an IP address"),
        (
            "networking:\n  podSubnet: fd00::/8",
            "line 4: networking.podSubnet: \"fd00::/8\" is IPv6, but ipFamily is ipv4",
        ),
        (
            "networking:\n  serviceSubnet: x",
            "line 4: networking.serviceSubnet: \"x\" is not a CIDR",
        ),
        (
            "kubeadmConfigPatches:\n- 'a b'",
            "line 4: kubeadmConfigPatches[0]: a kubeadm patch must be a mapping",
        ),
        ("kubeadmConfigPatches: ['a: [']", "kubeadmConfigPatches[0]: not valid YAML"),
        (
            "nodes: [{kubeadmConfigPatchesJSON6902: [{kind: A, patch: x}]}]",
            "JSON6902[0].patch: a JSON 6902 patch must",
        ),
        (
            "kubeadmConfigPatchesJSON6902: [{kind: A, name: x}]",
            "kubeadmConfigPatchesJSON6902[0].name: unknown field",
        ),
        ("containerdConfigPatches: ['a =']", "containerdConfigPatches[0]: not valid TOML"),
        ("containerdConfigPatchesJSON6902: ['{}']", "must be a list of operations"),
        ("a: [", "not valid YAML"),
    ];
    for (body, want) in cases {
        let found = bad(body);
        assert!(found.contains(want), "{body}: {found}");
        assert_eq!(parse(&format!("{HEADER}{body}")).unwrap_err().0.len(), 1, "{body}: {found}");
    }
}

#[test]
fn ports() {
    let mapping = |fields: &str| format!("nodes:\n- extraPortMappings:\n  - {{{fields}}}");
    let cases = [
        ("hostPort: 80", "nodes[0].extraPortMappings[0]: `containerPort` is missing"),
        ("containerPort: 0", "containerPort: 0 is not a port; use 1 to 65535"),
        ("containerPort: -1", "-1 is not a port"),
        (
            "containerPort: 80, hostPort: \"80\"",
            "hostPort: expected a whole number, found the string \"80\"",
        ),
        ("containerPort: 80, hostPort: 8o", "expected a whole number, found `8o`"),
        ("containerPort: 80, hostPort: 99999999999", "99999999999 is not a port"),
        ("containerPort: 80, hostPort: -2", "-2 is not a port; use -1 to 65535"),
        ("containerPort: 80, protocol: http", "\"http\" is not a protocol; use TCP, UDP or SCTP"),
        ("containerPort: 80, listenAddress: all", "\"all\" is not an IP address"),
    ];
    for (fields, want) in cases {
        let found = bad(&mapping(fields));
        assert!(found.starts_with("line 5: ") && found.contains(want), "{fields}: {found}");
    }
}

#[test]
fn port_conflicts() {
    let two = |a: &str, b: &str| {
        format!(
            "networking: {{apiServerPort: 6443}}\nnodes:\n- extraPortMappings: [{{containerPort: 1, {a}}}]\n- role: worker\n  extraPortMappings: [{{containerPort: 1, {b}}}]"
        )
    };
    let one = |a: &str, b: &str| {
        format!(
            "nodes:\n- extraPortMappings: [{{containerPort: 1, {a}}}, {{containerPort: 1, {b}}}]"
        )
    };
    let conflicts = [
        ("hostPort: 80", "hostPort: 80, protocol: tcp"),
        ("hostPort: 80, listenAddress: 127.0.0.1", "hostPort: 80"),
        ("hostPort: 80, listenAddress: 0.0.0.0", "hostPort: 80, listenAddress: 127.0.0.1"),
        (
            "hostPort: 80, listenAddress: '::1'",
            "hostPort: 80, listenAddress: '0:0::1', protocol: TCP",
        ),
        ("hostPort: 80, protocol: udp", "hostPort: 80, protocol: UDP"),
    ];
    for (a, b) in conflicts {
        let protocol = if a.contains("udp") { "udp" } else { "tcp" };
        let want = format!(
            "line 7: nodes[1].extraPortMappings[0].hostPort: host port 80/{protocol} is already used by nodes[0].extraPortMappings[0].hostPort"
        );
        assert_eq!(bad(&two(a, b)), want, "{a} {b}");
        assert!(bad(&one(a, b)).contains("is already used by"), "{a} {b}");
    }
    // IPv4 and IPv6 can use the same port; kind allows it between nodes only.
    let families = [
        ("hostPort: 80", "hostPort: 80, listenAddress: '::'"),
        ("hostPort: 80, listenAddress: '::'", "hostPort: 80, listenAddress: 127.0.0.1"),
    ];
    for (a, b) in families {
        good(&two(a, b));
        assert!(bad(&one(a, b)).contains("is already used by"), "{a} {b}");
    }
    bad(&format!(
        "networking: {{ipFamily: ipv6}}\n{}",
        one("hostPort: 80", "hostPort: 80, listenAddress: '::1'")
    ));
    let fine = [
        ("hostPort: 80", "hostPort: 81"),
        ("hostPort: 80", "hostPort: 80, protocol: udp"),
        ("hostPort: 80, listenAddress: 127.0.0.1", "hostPort: 80, listenAddress: 127.0.0.2"),
        ("hostPort: 0", "hostPort: 0"),
        ("hostPort: -1", "hostPort: -1"),
        ("hostPort: 6443, protocol: udp", "hostPort: 6443, listenAddress: 127.0.0.2"),
    ];
    for (a, b) in fine {
        good(&two(a, b));
        good(&one(a, b));
    }
    assert!(
        bad(&two("hostPort: 6443", "hostPort: 1"))
            .ends_with("is already used by networking.apiServerPort")
    );
}

#[test]
fn every_problem_is_listed_by_line() {
    let body = "nodes:\n- role: boss\n  extraPortMappings:\n  - containerPort: x\n    hotPort: 1\nnetworking:\n  ipFamily: v4\nnam: a";
    let lines: Vec<_> =
        parse(&format!("{HEADER}{body}")).unwrap_err().0.iter().map(|p| p.line.unwrap()).collect();
    assert_eq!(lines, [4, 6, 7, 9, 10]);
}

#[test]
fn headers() {
    let cases = [
        ("", "the definition is empty; it needs at least `kind: Cluster`"),
        ("# only this\n", "is empty"),
        ("kind: Cluster", "line 1: `apiVersion: kind.x-k8s.io/v1alpha4` is missing"),
        ("apiVersion: kind.x-k8s.io/v1alpha4", "line 1: `kind: Cluster` is missing"),
        (
            "kind: cluster\napiVersion: kind.x-k8s.io/v1alpha4",
            "line 1: kind: \"cluster\" is not supported; use Cluster",
        ),
        (
            "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha3",
            "line 2: apiVersion: \"kind.x-k8s.io/v1alpha3\" is not",
        ),
        ("just text", "expected a mapping, found `just text`"),
        ("\u{7f}ELF\0\0", "this is not a text file"),
    ];
    for (text, want) in cases {
        let found = parse(text).unwrap_err().to_string();
        assert!(found.contains(want), "{text}: {found}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(body in "[a-c:\\-\\[\\]{}&*<!|>'\"# \n\t0-9.,?~]{0,80}") {
        let _ = parse(&format!("{HEADER}{body}"));
    }

    #[test]
    fn a_default_written_out_is_the_default(family in prop_oneof![Just("ipv4"), Just("ipv6"), Just("dual")]) {
        let short = good(&format!("networking: {{ipFamily: {family}}}"));
        let networking = &short.networking;
        let written = yaml::to_string(&serde_json::json!({
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "name": short.name,
            "nodes": [{"role": short.nodes[0].role.as_str()}],
            "networking": {
                "ipFamily": family,
                "apiServerPort": 0,
                "apiServerAddress": networking.api_server_address,
                "podSubnet": networking.pod_subnet,
                "serviceSubnet": networking.service_subnet,
                "disableDefaultCNI": !networking.default_cni,
                "kubeProxyMode": networking.proxy_mode.as_str(),
            },
        }));
        prop_assert_eq!(parse(&written).unwrap(), short);
    }
}
