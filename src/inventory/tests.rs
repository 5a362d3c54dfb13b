use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::ContainerSpec;
use crate::engine::fake::Script;
use crate::progress::Progress;

fn cluster(nodes: &[(&str, &str, bool)]) -> ExistingCluster {
    let node = |(name, role, running): &(&str, &str, bool)| {
        let status = if *running { RunStatus::Running } else { RunStatus::Stopped };
        ExistingNode::new(name, NodeRole::from_label(role), status)
    };
    ExistingCluster { name: "c".into(), nodes: nodes.iter().map(node).collect() }
}

#[test]
fn only_control_planes_and_workers_are_kubernetes_nodes() {
    let roles = ["control-plane", "worker", "external-load-balancer", "registry", ""];
    for (role, expected) in roles.into_iter().zip([true, true, false, false, false]) {
        let parsed = NodeRole::from_label(role);
        assert_eq!(parsed.is_kubernetes_node(), expected, "{role:?}");
        assert_eq!(parsed.to_string(), role);
    }
}

/// `docker run IMAGE` makes a container with the labels of the image. Tools such as
/// Cluster API's provider for Docker give nodes other names and kind's labels.
#[tokio::test]
async fn labels_of_an_image_do_not_make_its_containers_nodes() {
    let script = "images: {hostile:1: {io.x-k8s.kind.cluster: lab}, plain:1: {}}";
    let engine = Script::parse(script).unwrap().engine(&CancellationToken::new());
    let put = |name: &str, role: &str, image: &str| {
        let labels = [(labels::CLUSTER, "lab"), (labels::ROLE, role)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let (name, image) = (name.to_owned(), image.to_owned());
        engine.put(ContainerSpec { name, image, labels, ..ContainerSpec::default() });
    };
    let nodes = ["lab-control-plane2", "lab-worker", "lab-x7dfk"];
    for (name, role) in nodes.into_iter().zip(["control-plane", "worker", "worker"]) {
        put(name, role, if name == "lab-worker" { "hostile:1" } else { "plain:1" });
    }
    for name in ["a", "lab-control-plane-1", "lab-1", "lab", "lab-worker3"] {
        put(name, "control-plane", "hostile:1");
    }
    let ctx = Context::new(Arc::new(engine), Progress::silent(), CancellationToken::new());
    let names = |cluster: &ExistingCluster| {
        cluster.nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>()
    };
    let lab = super::cluster(&ctx, "lab").await.unwrap();
    assert_eq!(names(&lab), nodes);
    assert_eq!(lab.control_plane().unwrap().name, "lab-control-plane2");
    assert_eq!(names(&clusters(&ctx).await.unwrap()["lab"]), nodes);
}

#[test]
fn a_cluster_without_what_all_others_need_is_damaged() {
    let plane = ("a", "control-plane", true);
    let more = ("b", "control-plane", true);
    let balancer = ("l", labels::LOAD_BALANCER, true);
    for (nodes, state) in [
        (&[plane, more, balancer][..], ClusterState::Running),
        (&[plane, more], ClusterState::Damaged),
        (&[("w", "worker", true)], ClusterState::Damaged),
        (&[balancer, ("w", "worker", false)], ClusterState::Damaged),
    ] {
        assert_eq!(cluster(nodes).state(), state, "{nodes:?}");
    }
}

#[test]
fn the_kubernetes_version_is_read_from_label_or_tag() {
    let container = |image: &str, label: Option<&str>| Container {
        image: image.into(),
        labels: label.map(|l| (labels::KUBERNETES.to_owned(), l.to_owned())).into_iter().collect(),
        ..Container::default()
    };
    for (image, label, version) in [
        ("kindest/node:v1.34.0@sha256:00ff", None, Some("v1.34.0")),
        ("localhost:5000/node", None, None),
        ("node:latest", None, None),
        ("sha256:00ff", None, None),
        ("mine:dev", Some("v1.37.2"), Some("v1.37.2")),
    ] {
        assert_eq!(kubernetes(&container(image, label)).as_deref(), version, "{image}");
    }
}

#[test]
fn commands_go_to_a_control_plane_that_runs() {
    let one_down = cluster(&[
        ("a", "worker", true),
        ("b", "control-plane", false),
        ("c", "control-plane", true),
    ]);
    assert_eq!(one_down.control_plane().unwrap().name, "c");
    assert_eq!(one_down.api_entry().unwrap().name, "c");
    let all_down = cluster(&[("b", "control-plane", false), ("c", "control-plane", false)]);
    assert_eq!(all_down.control_plane().unwrap().name, "b");
    let balanced = cluster(&[("b", "control-plane", true), ("l", labels::LOAD_BALANCER, true)]);
    assert_eq!(balanced.api_entry().unwrap().name, "l");
    assert!(cluster(&[]).control_plane().is_none() && !cluster(&[]).exists());
}
