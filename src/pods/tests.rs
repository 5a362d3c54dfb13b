use serde_json::{Value, json};

use super::*;

/// A pod of this phase, with conditions that the kubelet sets and these containers.
fn pod(name: &str, phase: &str, ready: &str, containers: Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-of-{name}")},
        "spec": {"nodeName": "lab-worker"},
        "status": {
            "phase": phase,
            "conditions": [
                {"type": "Ready", "status": ready, "reason": "ContainersNotReady", "message": "containers with unready status: [c]"},
                {"type": "PodScheduled", "status": "True"},
            ],
            "containerStatuses": containers,
        },
    })
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"name": "c", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}, "lastState": {}})
}

/// A container that has ended, and what it does now.
fn crashed(now: Value, code: i64, reason: &str, restarts: u64, message: &str) -> Value {
    let mut ended =
        json!({"exitCode": code, "reason": reason, "finishedAt": "2026-11-25T20:30:00Z"});
    if !message.is_empty() {
        ended["message"] = json!(message);
    }
    let is_now = now == "ended";
    let state = if is_now { json!({"terminated": ended}) } else { now };
    let last = if is_now { json!({}) } else { json!({"terminated": ended}) };
    json!({"name": "c", "ready": false, "restartCount": restarts, "state": state, "lastState": last})
}

fn back_off() -> Value {
    json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=c pod=p_default(uid-of-p)"}})
}

fn event(time: &str, kind: &str, reason: &str, message: &str) -> Value {
    json!({
        "involvedObject": {"kind": "Pod", "name": "p", "uid": "uid-of-p"},
        "type": kind, "reason": reason, "message": message, "lastTimestamp": time,
    })
}

fn judged(pod: &Value, events: &[Value]) -> Option<NotReady> {
    reason::not_ready(pod, events)
}

const NO_HOST: &str = r#"failed to pull and unpack image "registry.invalid/x:1": failed to resolve reference "registry.invalid/x:1": failed to do request: Head "https://registry.invalid/v2/x/manifests/1": dial tcp: lookup registry.invalid on 169.254.53.53:53: no such host"#;

#[test]
fn the_worst_container_says_why() {
    let running = || json!({"running": {"startedAt": "2026-11-25T20:30:00Z"}});
    let not_ready = json!({"name": "c", "ready": false, "restartCount": 0, "state": running(), "lastState": {}});
    let pull = format!("Back-off pulling image \"registry.invalid/x:1\": ErrImagePull: {NO_HOST}");
    let pulling = format!("container c cannot start: ImagePullBackOff: {pull}");
    for (containers, is_failing, why) in [
        (vec![waiting("ContainerCreating", "")], false, "container c is being created"),
        (vec![not_ready.clone()], false, "container c runs but is not ready"),
        (vec![waiting("ImagePullBackOff", &pull)], true, &pulling),
        (
            vec![waiting("CreateContainerConfigError", "secret \"x\" not found")],
            true,
            "container c cannot start: CreateContainerConfigError: secret \"x\" not found",
        ),
        (
            vec![crashed(back_off(), 1, "Error", 4, "no such\n table")],
            true,
            "container c crashes (exit code 1, 4 restarts): no such table",
        ),
        (
            vec![crashed(back_off(), 137, "OOMKilled", 1, "")],
            true,
            "container c crashes (out of memory, 1 restart)",
        ),
        (
            vec![crashed(json!("ended"), 3, "Error", 0, "")],
            true,
            "container c crashes (exit code 3)",
        ),
        // It runs for a moment between two crashes.
        (
            vec![crashed(running(), 1, "Error", 3, "")],
            true,
            "container c crashes (exit code 1, 3 restarts)",
        ),
        (
            vec![crashed(running(), 255, "Unknown", 3, "")],
            false,
            "container c runs but is not ready",
        ),
        (
            vec![not_ready, waiting("InvalidImageName", "")],
            true,
            "container c cannot start: InvalidImageName",
        ),
        // Nothing but the condition.
        (vec![], false, "is not Ready: containers with unready status: [c]"),
    ] {
        let found = judged(&pod("p", "Pending", "False", json!(containers)), &[]).unwrap();
        assert_eq!((found.why.as_str(), found.is_failing), (why, is_failing));
        assert_eq!((found.pod.as_str(), found.node.as_deref()), ("default/p", Some("lab-worker")));
    }
}

#[test]
fn pods_that_need_not_be_ready_are_left_out() {
    let ready = pod("p", "Running", "True", json!([]));
    let done = pod("p", "Succeeded", "False", json!([]));
    let mut of_job =
        pod("p", "Failed", "False", json!([crashed(json!("ended"), 1, "Error", 0, "")]));
    let alone = of_job.clone();
    of_job["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": "j"}]);
    let mut deleted = pod("p", "Running", "False", json!([]));
    deleted["metadata"]["deletionTimestamp"] = json!("2026-11-25T20:30:00Z");
    for pod in [ready, done, of_job, deleted] {
        assert_eq!(judged(&pod, &[]), None, "{pod}");
    }
    assert!(judged(&alone, &[]).unwrap().is_failing);
    let mut evicted = alone;
    evicted["status"]["reason"] = json!("Evicted");
    evicted["status"]["message"] = json!("The node was low on resource: memory.");
    let why = judged(&evicted, &[]).unwrap().why;
    assert_eq!(why, "has failed: Evicted: The node was low on resource: memory.");
}

#[test]
fn a_pod_that_no_node_takes_says_so_once() {
    let message =
        "0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate";
    let mut pod = pod("p", "Pending", "False", Value::Null);
    pod["spec"] = json!({});
    pod["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]);
    let events = [event("2026-11-25T20:30:00Z", "Warning", "FailedScheduling", message)];
    let found = judged(&pod, &events).unwrap();
    assert_eq!(found.reason(), format!("cannot be scheduled: {message}"));
    assert_eq!((found.is_failing, found.node), (true, None));
}

#[test]
fn the_newest_event_that_says_more_is_told() {
    let pod = pod("p", "Pending", "False", json!([waiting("ContainerCreating", "")]));
    let mount = "MountVolume.SetUp failed for volume \"v\" : configmap \"x\" not found";
    let mut other = event("2026-11-25T20:59:00Z", "Warning", "Failed", "of another pod");
    other["involvedObject"]["uid"] = json!("another");
    let mut first = event("2026-11-25T20:30:00Z", "Warning", "FailedMount", "old");
    let events = [
        event("2026-11-25T20:31:00Z", "Warning", "FailedMount", mount),
        first.clone(),
        event("2026-11-25T20:40:00Z", "Normal", "Pulled", "Container image already present"),
        event(
            "2026-11-25T20:41:00Z",
            "Warning",
            "BackOff",
            "Back-off restarting failed container c in pod p",
        ),
        event("2026-11-25T20:42:00Z", "Warning", "Failed", "Error: ImagePullBackOff"),
        other,
    ];
    let found = judged(&pod, &events).unwrap();
    assert_eq!(found.event.as_deref(), Some(&*format!("FailedMount: {mount}")));
    // Events of the newer kind have their time elsewhere.
    first["lastTimestamp"] = Value::Null;
    first["eventTime"] = json!("2026-11-25T20:35:00.000000Z");
    let found = judged(&pod, &[events[0].clone(), first]).unwrap();
    assert_eq!(found.event.as_deref(), Some("FailedMount: old"));
}

#[test]
fn an_event_that_repeats_the_containers_state_is_left_out() {
    let back_off =
        format!("Back-off pulling image \"registry.invalid/x:1\": ErrImagePull: {NO_HOST}");
    let failed = format!("Failed to pull image \"registry.invalid/x:1\": {NO_HOST}");
    let events = [event("2026-11-25T20:31:00Z", "Warning", "Failed", &failed)];
    let known = pod("p", "Pending", "False", json!([waiting("ImagePullBackOff", &back_off)]));
    assert_eq!(judged(&known, &events).unwrap().event, None);
    // Older kubelets do not say it there.
    let short = pod(
        "p",
        "Pending",
        "False",
        json!([waiting("ImagePullBackOff", "Back-off pulling image")]),
    );
    assert_eq!(judged(&short, &events).unwrap().event, Some(format!("Failed: {failed}")));
}

#[test]
fn pods_with_the_same_reason_share_a_line() {
    let not_ready = |name: &str, why: &str, is_failing| NotReady {
        pod: format!("default/{name}"),
        why: why.into(),
        is_failing,
        ..NotReady::default()
    };
    let pods = [
        not_ready("a", "is slow", false),
        not_ready("b", "crashes", true),
        not_ready("c", "crashes", true),
        not_ready("d", "crashes", true),
        not_ready("e", "has no image", true),
    ];
    let all = [
        "pods default/b, default/c and 1 more: crashes",
        "pod default/e: has no image",
        "pod default/a: is slow",
    ];
    assert_eq!(lines(&pods, 3), all);
    assert_eq!(lines(&pods, 2), [all[0], "… and 2 more"]);
}

#[test]
fn a_ready_pod_that_has_just_crashed_again_is_not_well() {
    let since = "2026-11-25T20:25:00Z";
    let running = || json!({"running": {}});
    for (code, reason, restarts, since, why) in [
        (1, "Error", 5, since, Some("container c crashes (exit code 1, 5 restarts)")),
        (137, "OOMKilled", 3, since, Some("container c crashes (out of memory, 3 restarts)")),
        (1, "Error", 2, since, None),
        (1, "Error", 5, "2026-11-25T20:31:00Z", None),
        // The node was stopped.
        (255, "Unknown", 5, since, None),
        (143, "Error", 5, since, None),
        (0, "Completed", 5, since, None),
    ] {
        let pod =
            pod("p", "Running", "True", json!([crashed(running(), code, reason, restarts, "")]));
        assert_eq!(crashes_often(&pod, since).as_deref(), why, "{code} {reason} {restarts}");
    }
}

mod asking {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::context::Context;
    use crate::engine::fake::Script;
    use crate::kube::KubeClient;
    use crate::node::NodeHandle;
    use crate::progress::Progress;

    /// Pods that are `pods`; a container that runs again has another log before it.
    async fn asked(pods: Value) -> Vec<String> {
        let panic = "starting\npanic: no such table\n\ngoroutine 1 [running]:\nmain.main()\n";
        let gone = "unable to retrieve container logs for containerd://47e62b1c724a07";
        let script = json!({
            "clusters": {"lab": ["control-plane"]},
            "commands": [
                {"line": "get --raw", "stdout": format!("{}\u{1e}{}\u{1e}", json!({"items": pods}), json!({}))},
                {"line": " gone ", "stdout": gone},
                {"line": "--previous=true", "stdout": "Error: of the run before\n"},
                {"line": " logs ", "stdout": panic},
            ],
        });
        let cancel = CancellationToken::new();
        let engine = Script::parse(&script.to_string()).unwrap().engine(&cancel);
        let ctx = Context::new(Arc::new(engine), Progress::silent(), cancel);
        let kube = KubeClient::new(NodeHandle::new(&ctx, "lab-control-plane"));
        let found = not_ready_in(&kube, "default").await.unwrap();
        found.into_iter().map(|pod| pod.why).collect()
    }

    #[tokio::test]
    async fn the_log_says_why_a_container_crashes_if_nothing_else_does() {
        let ended = |message: &str| crashed(json!("ended"), 2, "Error", 0, message);
        let again = crashed(json!({"running": {}}), 2, "Error", 3, "");
        let crashing =
            |name: &str, container: Value| pod(name, "Running", "False", json!([container]));
        let why = asked(json!([
            crashing("a", ended("")),
            crashing("b", ended("its own words")),
            crashing("c", again),
            crashing("gone", ended("")),
            pod("ready", "Running", "True", json!([])),
        ]))
        .await;
        let expected = [
            "container c crashes (exit code 2): panic: no such table",
            "container c crashes (exit code 2): its own words",
            "container c crashes (exit code 2, 3 restarts): Error: of the run before",
            "container c crashes (exit code 2)",
        ];
        assert_eq!(why, expected);
    }
}
