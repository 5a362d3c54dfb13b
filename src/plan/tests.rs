use super::*;
use crate::config;

fn plan(text: &str, host: &Host) -> Vec<PlannedNode> {
    let cluster =
        config::parse(&format!("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n{text}"))
            .unwrap();
    let situation = Situation {
        host,
        default_image: "node:test",
        network: "kind",
        creation: "run-1",
        proxy: &BTreeMap::new(),
        folder: Path::new("/here"),
        pass_env: &|_| None,
    };
    nodes(&cluster, &situation)
}

#[test]
fn a_control_plane_publishes_its_api_and_workers_do_not() {
    let planned = plan("nodes: [{role: control-plane}, {role: worker}]", &Host::default());
    let api = &planned[0].container.publish[0];
    assert_eq!(
        (api.container_port, api.host_address.as_str(), api.host_port),
        (6443, "127.0.0.1", 0)
    );
    assert!(planned[1].container.publish.is_empty());
    assert!(planned[0].container.env.contains(&"KUBECONFIG=/etc/kubernetes/admin.conf".to_owned()));
    assert_eq!(planned[1].container.labels[ROLE_LABEL], "worker");
    assert_eq!(planned[1].container.labels[CREATION_LABEL], "run-1");
}

#[test]
fn mounts_keep_their_options_and_relative_paths_get_a_folder() {
    let text = "nodes:\n- extraMounts:\n  - {hostPath: data, containerPath: /data, readOnly: true, propagation: Bidirectional}\n  - {hostPath: /abs, containerPath: /abs}\n";
    let planned = plan(text, &Host::default());
    assert!(planned[0].container.binds.contains(&"/here/data:/data:ro,rshared".to_owned()));
    assert!(planned[0].container.binds.contains(&"/abs:/abs".to_owned()));
}

#[test]
fn ports_follow_the_definition() {
    let text = "networking: {ipFamily: ipv6}\nnodes:\n- extraPortMappings:\n  - {containerPort: 80, hostPort: 8080}\n  - {containerPort: 53, hostPort: -1, protocol: udp, listenAddress: \"::1\"}\n  - {containerPort: 90}\n";
    let planned = plan(text, &Host::default());
    let publish = &planned[0].container.publish;
    let got: Vec<_> = publish
        .iter()
        .map(|p| (p.container_port, p.protocol, p.host_address.as_str(), p.host_port))
        .collect();
    assert_eq!(
        got,
        [
            (80, Protocol::Tcp, "::", 8080),
            (53, Protocol::Udp, "::1", 0),
            (90, Protocol::Tcp, "::", 0),
            (6443, Protocol::Tcp, "::1", 0)
        ]
    );
    assert_eq!(planned[0].container.sysctls.len(), 2);
}

#[test]
fn the_host_decides_about_devices() {
    let host =
        Host { rootless: true, userns_remap: true, needs_dev_mapper: true, ..Host::default() };
    let container = &plan("", &host)[0].container;
    assert_eq!(container.devices, ["/dev/fuse"]);
    assert!(container.userns_host);
    assert!(container.binds.contains(&"/dev/mapper:/dev/mapper".to_owned()));
}
