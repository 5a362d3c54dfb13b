use std::collections::BTreeMap;
use std::path::Path;

use super::api_balancer::ENVOY_IMAGE;
use super::*;
use crate::cluster::{Cluster, HostPort, Propagation, Protocol};
use crate::config;
use crate::engine::{BindMount, Host, Publish};
use crate::labels;

fn plan_of(settled: &SettledCluster) -> Plan {
    let input = PlanInput {
        network: "kind",
        creation: "run-1",
        proxy: &BTreeMap::new(),
        directory: Path::new("/here"),
        get_env: &|_| None,
    };
    plan(settled, &input)
}

fn with_images(mut cluster: Cluster) -> Cluster {
    for node in &mut cluster.nodes {
        node.image.get_or_insert_with(|| "node:test".into());
    }
    cluster
}

fn planned(text: &str, host: &Host) -> Plan {
    let cluster =
        config::parse(&format!("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n{text}"))
            .unwrap();
    let cluster = with_images(cluster);
    let haproxy = ApiBalancer::Haproxy { image: "node:test".into() };
    let api_balancer = cluster.has_load_balancer().then_some(haproxy);
    let settled = SettledCluster { cluster, host: host.clone(), api_balancer };
    plan_of(&settled)
}

#[test]
fn a_control_plane_publishes_its_api_and_workers_do_not() {
    let planned = planned("nodes: [{role: control-plane}, {role: worker}]", &Host::default());
    let api = &planned.nodes[0].container.publish[0];
    assert_eq!(
        (api.container_port, api.host_address.as_str(), api.host_port),
        (6443, "127.0.0.1", HostPort::Picked)
    );
    assert!(planned.nodes[1].container.publish.is_empty());
    assert!(
        planned.nodes[0]
            .container
            .env
            .contains(&"KUBECONFIG=/etc/kubernetes/admin.conf".to_owned())
    );
    assert_eq!(planned.nodes[1].container.labels[labels::ROLE], "worker");
    assert_eq!(planned.nodes[1].container.labels[labels::CREATION], "run-1");
}

#[test]
fn mounts_keep_their_options_and_relative_paths_get_a_directory() {
    let text = "nodes:\n- extraMounts:\n  - {hostPath: data, containerPath: /data, readOnly: true, propagation: Bidirectional}\n  - {hostPath: /abs, containerPath: /abs}\n";
    let planned = planned(text, &Host::default());
    assert!(planned.nodes[0].container.binds.contains(&"/here/data:/data:ro,rshared".to_owned()));
    assert!(planned.nodes[0].container.binds.contains(&"/abs:/abs".to_owned()));
}

#[test]
fn every_mount_option() {
    let bind = |fields: &str| {
        let text = format!("nodes: [{{extraMounts: [{{containerPath: /x, {fields}}}]}}]");
        planned(&text, &Host::default()).nodes[0].container.binds.last().unwrap().clone()
    };
    let cases = [
        ("hostPath: /a", "/a:/x"),
        ("hostPath: ./a/./b/", "/here/a/b:/x"),
        ("hostPath: ''", "/here:/x"),
        ("readOnly: false", "/here:/x"),
        ("hostPath: /a, propagation: None", "/a:/x"),
        ("hostPath: /a, propagation: HostToContainer", "/a:/x:rslave"),
        ("hostPath: /a, selinuxRelabel: true", "/a:/x:Z"),
        (
            "hostPath: /a, readOnly: true, selinuxRelabel: true, propagation: Bidirectional",
            "/a:/x:ro,Z,rshared",
        ),
    ];
    for (fields, want) in cases {
        assert_eq!(bind(fields), want, "{fields}");
    }
}

#[test]
fn paths_with_a_colon_are_no_binds() {
    let container = |fields: &str| {
        planned(&format!("nodes: [{{extraMounts: [{{{fields}}}]}}]"), &Host::default())
            .nodes
            .remove(0)
            .container
    };
    let mount = |source: &str, target: &str| BindMount {
        source: source.into(),
        target: target.into(),
        create_source: true,
        ..BindMount::default()
    };
    let certs = "/etc/containerd/certs.d/registry.local:5000";
    for (fields, wanted) in [
        (format!("hostPath: /certs, containerPath: \"{certs}\""), mount("/certs", certs)),
        ("hostPath: \"./a:b\", containerPath: /x".to_owned(), mount("/here/a:b", "/x")),
        (
            "hostPath: \"/a:ro\", containerPath: /x, readOnly: true, propagation: HostToContainer"
                .to_owned(),
            BindMount {
                read_only: true,
                propagation: Propagation::HostToContainer,
                ..mount("/a:ro", "/x")
            },
        ),
    ] {
        let found = container(&fields);
        assert_eq!((found.mounts, found.binds.len()), (vec![wanted], 1), "{fields}");
    }
    // All of these are one path to the engine.
    for path in ["/a,b", "/a b", "/a'\\\"b", "/ä"] {
        let found = container(&format!("hostPath: {path:?}, containerPath: {path:?}"));
        assert_eq!(found.binds[1..], [format!("{path}:{path}")]);
        assert_eq!(found.mounts, []);
    }
}

#[test]
fn search_domains_are_inherited_or_set() {
    let env = |text: &str| {
        let env = planned(text, &Host::default()).nodes.remove(0).container.env;
        env.into_iter().find(|entry| entry.starts_with("KIND_DNS_SEARCH"))
    };
    assert_eq!(env(""), None);
    assert_eq!(env("networking: {dnsSearch: ~}"), None);
    assert_eq!(env("networking: {dnsSearch: []}").unwrap(), "KIND_DNS_SEARCH=");
    assert_eq!(env("networking: {dnsSearch: [a.b, c]}").unwrap(), "KIND_DNS_SEARCH=a.b c");
}

#[test]
fn ports_are_published_where_the_family_listens() {
    let text = |family: &str| {
        format!(
            "networking: {{ipFamily: {family}}}\nnodes: [{{extraPortMappings: [{{containerPort: 53, hostPort: 5353, protocol: sctp}}]}}]"
        )
    };
    for (family, any, api) in
        [("ipv4", "0.0.0.0", "127.0.0.1"), ("ipv6", "::", "::1"), ("dual", "0.0.0.0", "127.0.0.1")]
    {
        let container = planned(&text(family), &Host::default()).nodes.remove(0).container;
        let addresses: Vec<_> = container.publish.iter().map(|p| &*p.host_address).collect();
        assert_eq!(addresses, [any, api], "{family}");
        assert_eq!(container.publish[0].protocol, Protocol::Sctp);
        assert_eq!(container.sysctls.len(), if family == "ipv4" { 0 } else { 2 }, "{family}");
    }
}

#[test]
fn ports_follow_the_definition() {
    let text = "networking: {ipFamily: ipv6}\nnodes:\n- extraPortMappings:\n  - {containerPort: 80, hostPort: 8080}\n  - {containerPort: 53, hostPort: -1, protocol: udp, listenAddress: \"::1\"}\n  - {containerPort: 90}\n";
    let planned = planned(text, &Host::default());
    let publish = &planned.nodes[0].container.publish;
    let got: Vec<_> = publish
        .iter()
        .map(|p| (p.container_port, p.protocol, p.host_address.as_str(), p.host_port))
        .collect();
    assert_eq!(
        got,
        [
            (80, Protocol::Tcp, "::", HostPort::Fixed(8080)),
            (53, Protocol::Udp, "::1", HostPort::Engine),
            (90, Protocol::Tcp, "::", HostPort::Picked),
            (6443, Protocol::Tcp, "::1", HostPort::Picked)
        ]
    );
    assert_eq!(planned.nodes[0].container.sysctls.len(), 2);
}

#[test]
fn the_host_decides_about_devices() {
    let host =
        Host { rootless: true, userns_remap: true, needs_dev_mapper: true, ..Host::default() };
    let container = &planned("", &host).nodes[0].container;
    assert_eq!(container.devices, ["/dev/fuse"]);
    assert!(container.userns_host);
    assert!(container.binds.contains(&"/dev/mapper:/dev/mapper".to_owned()));
}

#[test]
fn several_api_servers_get_a_balancer_that_takes_the_clusters_port() {
    let text = "networking: {apiServerPort: 6000, apiServerAddress: 0.0.0.0}\nnodes: [{role: control-plane}, {role: control-plane}, {role: worker}]";
    let plan = planned(text, &Host::default());
    let balancer = plan.api_balancer.as_ref().unwrap();
    assert_eq!(balancer.name, "kind-external-load-balancer");
    assert_eq!(balancer.labels[labels::ROLE], "external-load-balancer");
    assert!(!balancer.privileged && balancer.volumes.is_empty());
    let api = |publish: &Publish| (publish.host_address.clone(), publish.host_port);
    assert_eq!(api(&balancer.publish[0]), ("0.0.0.0".into(), HostPort::Fixed(6000)));
    assert_eq!(api(&plan.nodes[1].container.publish[0]), ("127.0.0.1".into(), HostPort::Picked));
    let config = balancer.entrypoint.join(" ");
    for name in ["kind-control-plane", "kind-control-plane2"] {
        assert!(config.contains(&format!("server {name} {name}:6443")), "{config}");
    }
    assert!(!config.contains("kind-worker"), "{config}");
    assert_eq!(plan.containers().count(), 4);
}

#[test]
fn a_node_image_without_a_balancer_is_helped_by_envoy() {
    let cluster = config::parse("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking: {ipFamily: dual}\nnodes: [{role: control-plane}, {role: control-plane}]").unwrap();
    let settled = SettledCluster {
        cluster: with_images(cluster),
        host: Host::default(),
        api_balancer: Some(ApiBalancer::Envoy),
    };
    let balancer = plan_of(&settled).api_balancer.unwrap();
    assert_eq!(balancer.image, ENVOY_IMAGE);
    let config: serde_json::Value = serde_json::from_str(&balancer.entrypoint[2]).unwrap();
    let planes = &config["static_resources"]["clusters"][0];
    let second = planes
        .pointer("/load_assignment/endpoints/0/lb_endpoints/1/endpoint/address/socket_address");
    assert_eq!(second.unwrap()["address"], "kind-control-plane2");
    assert_eq!(
        config.pointer("/static_resources/listeners/0/address/socket_address/ipv4_compat"),
        Some(&serde_json::json!(true))
    );
}
