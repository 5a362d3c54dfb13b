use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::Image;
use crate::engine::fake::Script;
use crate::progress::Progress;

/// A node, as the API server describes it.
fn object(name: &str, ready: &str, provider: &str) -> Value {
    let condition = json!({"type": "Ready", "status": ready, "message": "no network"});
    json!({
        "metadata": {"name": name},
        "spec": {"providerID": provider},
        "status": {"conditions": [condition], "nodeInfo": {"kubeletVersion": "v1.37.2"}},
    })
}

async fn look(change: impl FnOnce(&mut Value), nodes: &[Value]) -> Result<Status, StatusError> {
    let mut script = json!({
        "clusters": {"lab": ["control-plane", "worker"]},
        "commands": [{"line": "get --raw /api/v1/nodes", "stdout": json!({"items": nodes}).to_string()}],
    });
    change(&mut script);
    let cancel = CancellationToken::new();
    let engine = Script::parse(&script.to_string()).unwrap().engine(&cancel);
    let ctx = Context::new(Arc::new(engine), Progress::silent(), cancel);
    status(&ctx, "lab", Vec::new()).await
}

#[tokio::test]
async fn a_cluster_that_runs_is_told_by_engine_and_api_server() {
    let nodes = [
        object("lab-control-plane", "True", "kind://docker/lab/lab-control-plane"),
        object("lab-worker", "False", "kind://docker/lab/lab-worker"),
        object("fake-0", "True", "kwok://fake-0"),
        object("other-worker", "True", "kind://docker/other/other-worker"),
    ];
    let status = look(|_| {}, &nodes).await.unwrap();
    assert_eq!((status.state, status.silence), (ClusterState::Running, None));
    assert_eq!(status.endpoint.as_deref(), Some("127.0.0.1:40000"));
    assert!(status.lost.is_empty(), "{:?}", status.lost);
    let plane = &status.nodes[0];
    assert_eq!(plane.addresses, ["172.18.0.2"]);
    assert_eq!(plane.ports, [("6443/tcp".into(), "127.0.0.1:40000".into())]);
    let object = |not_ready: Option<&str>| {
        let not_ready = not_ready.map(str::to_owned);
        Some(NodeObject { not_ready, kubernetes: "v1.37.2".into() })
    };
    let objects: Vec<_> = status.nodes.iter().map(|node| &node.object).collect();
    assert_eq!(objects, [&object(None), &object(Some("is not Ready: no network"))]);
}

#[tokio::test]
async fn a_node_that_lost_its_container_is_damage() {
    let lost = object("lab-worker2", "Unknown", "kind://docker/lab/lab-worker2");
    let status = look(|_| {}, &[lost]).await.unwrap();
    assert_eq!((status.state, status.lost), (ClusterState::Damaged, vec!["lab-worker2".into()]));
}

#[tokio::test]
async fn a_stopped_cluster_is_told_by_the_engine_alone() {
    let stop = |script: &mut Value| script["stopped"] = json!(["lab-control-plane", "lab-worker"]);
    let status = look(stop, &[]).await.unwrap();
    assert_eq!((status.state, status.endpoint), (ClusterState::Stopped, None));
    assert_eq!(status.silence.as_deref(), Some("no control-plane runs"));
    let part = |script: &mut Value| script["stopped"] = json!(["lab-worker"]);
    assert_eq!(look(part, &[]).await.unwrap().state, ClusterState::Mixed);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_is_not_waited_for() {
    let hangs = |script: &mut Value| script["commands"][0]["hangs"] = json!(true);
    let begun = tokio::time::Instant::now();
    let status = look(hangs, &[]).await.unwrap();
    assert_eq!(status.silence.as_deref(), Some("it does not answer"));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let refuses = |script: &mut Value| {
        script["commands"][0]["stdout"] = json!("");
        script["commands"][0]["code"] = json!(1);
        script["commands"][0]["stderr"] = json!("The connection to the server was refused");
    };
    let silence = look(refuses, &[]).await.unwrap().silence;
    assert_eq!(silence.as_deref(), Some("The connection to the server was refused"));
}

/// An ID of the name that the containers were made from, and of their own image.
#[test]
fn an_image_is_outdated_if_its_name_means_another() {
    let image = |id: &str| Some(Image { id: id.into(), ..Image::default() });
    for (named, own, outdated) in [
        (image("a"), image("a"), Some(false)),
        (image("b"), image("a"), Some(true)),
        // It was removed, or is known by its name only.
        (None, image("a"), None),
        (image("b"), None, None),
    ] {
        assert_eq!(differ(named, own), outdated);
    }
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_is_an_error() {
    let error = look(|script| script["clusters"] = json!({}), &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "no nodes found for cluster \"lab\"");
}
