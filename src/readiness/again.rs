//! Whether a cluster that was started again is usable.
//!
//! The API server remembers what was true before: Ready nodes, available pods, the
//! addresses of a Service. Here only what is newer than the start of a node counts, by
//! the clock that the engine and its nodes share.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{items, poll};
use crate::context::{Context, RunError};
use crate::kube::{condition, object};

/// When the nodes of a cluster were started, by name.
pub(crate) type Starts = BTreeMap<String, OffsetDateTime>;

const PATHS: [&str; 4] = [
    "/api/v1/nodes",
    "/api/v1/namespaces/kube-system/pods",
    "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
    "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices",
];

/// The parts of every node or cluster that must run again, where they are installed: a
/// label of their pods, and what they are called.
const PARTS: [(&str, &str, &str); 3] = [
    ("k8s-app", "kube-proxy", "kube-proxy"),
    ("app", "kindnet", "the pod network"),
    ("k8s-app", "kube-dns", "CoreDNS"),
];

/// Of what others need: who holds it works through what has changed.
const LEASES: [(&str, &str); 2] =
    [("kube-controller-manager", "the controller manager"), ("kube-scheduler", "the scheduler")];

/// Like [`super::wait`], for nodes that were started at these moments.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn wait(
    ctx: &Context,
    node: &str,
    starts: &Starts,
    limit: Duration,
    on_missing: impl Fn(&str),
) -> Result<Vec<String>, RunError> {
    poll(ctx, node, &PATHS, |lists| missing(lists, starts), limit, on_missing).await
}

/// What is missing, in words; `lists` are the answers to [`PATHS`].
fn missing(lists: &[Value], starts: &Starts) -> Vec<String> {
    let [nodes, pods, leases, slices] = [0, 1, 2, 3].map(|index| items(lists, index));
    let mut missing = not_ready(nodes, starts);
    missing.extend(not_elected(leases, starts));
    let parts: Vec<String> = PARTS
        .iter()
        .filter_map(|(key, value, title)| part(pods, key, value, title, starts))
        .collect();
    // Addresses of pods that do not run yet say nothing.
    if parts.is_empty() {
        missing.extend(unreachable_dns(pods, slices));
    }
    missing.extend(parts);
    missing
}

fn not_ready(nodes: &[Value], starts: &Starts) -> Vec<String> {
    let missing = |(name, started): (&String, &OffsetDateTime)| {
        let Some(node) = nodes.iter().find(|node| object::name(node) == *name) else {
            return Some(format!("node {name} has not registered"));
        };
        let conditions = node["status"]["conditions"].as_array();
        let ready = conditions.and_then(|all| all.iter().find(|one| one["type"] == "Ready"));
        let heartbeat = ready.and_then(|ready| moment(&ready["lastHeartbeatTime"]));
        // Heartbeats are written in whole seconds.
        if heartbeat.is_none_or(|at| at.unix_timestamp() < started.unix_timestamp()) {
            return Some(format!("the kubelet of {name} has not answered yet"));
        }
        condition::is_true(node, "Ready").map(|missing| format!("node {name} {missing}"))
    };
    starts.iter().filter_map(missing).collect()
}

/// A lease that nobody holds, or that is from before, means that nobody works.
fn not_elected(leases: &[Value], starts: &Starts) -> Vec<String> {
    let Some(first) = starts.values().min() else { return Vec::new() };
    let is_held = |name: &str| {
        let lease = leases.iter().find(|lease| object::name(lease) == name);
        let renewed = lease.and_then(|lease| moment(&lease["spec"]["renewTime"]));
        renewed.is_some_and(|renewed| renewed >= *first)
    };
    let missing = LEASES.iter().filter(|(name, _)| !is_held(name));
    missing.map(|(_, title)| format!("{title} is not active yet")).collect()
}

/// Every pod of a part runs again. Pods on nodes that are no containers do not count.
fn part(pods: &[Value], key: &str, value: &str, title: &str, starts: &Starts) -> Option<String> {
    let of_part = pods.iter().filter(|pod| counts(pod) && pod["metadata"]["labels"][key] == value);
    let runs = |pod: &&Value| match starts.get(text(&pod["spec"]["nodeName"])) {
        Some(started) => runs_since(pod, *started),
        // Waiting for a node.
        None => !text(&pod["spec"]["nodeName"]).is_empty(),
    };
    let waiting: Vec<&str> = of_part.filter(|pod| !runs(pod)).map(object::name).collect();
    (!waiting.is_empty()).then(|| format!("{title} does not run yet: {}", waiting.join(", ")))
}

/// Whether it is to run: it is not being deleted, and has not ended.
fn counts(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_null()
        && !matches!(text(&pod["status"]["phase"]), "Failed" | "Succeeded")
}

/// Every container is ready and was started after its node.
fn runs_since(pod: &Value, started: OffsetDateTime) -> bool {
    let containers = pod["status"]["containerStatuses"].as_array().map_or(&[][..], Vec::as_slice);
    let runs = |container: &Value| {
        let since = moment(&container["state"]["running"]["startedAt"]);
        container["ready"] == true
            && since.is_some_and(|since| since.unix_timestamp() >= started.unix_timestamp())
    };
    !containers.is_empty() && containers.iter().all(runs)
}

/// Pods get other addresses when they start again; the Service must know them.
fn unreachable_dns(pods: &[Value], slices: &[Value]) -> Option<String> {
    let of_dns = |object: &&Value, key: &str| object["metadata"]["labels"][key] == "kube-dns";
    let slices = slices.iter().filter(|slice| of_dns(slice, "kubernetes.io/service-name"));
    let endpoints = slices.flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
    let ready = endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == true);
    let known: Vec<&Value> =
        ready.flat_map(|endpoint| endpoint["addresses"].as_array().into_iter().flatten()).collect();
    let mut wanted = pods.iter().filter(|pod| counts(pod) && of_dns(pod, "k8s-app"));
    let is_missing = wanted.any(|pod| !known.contains(&&pod["status"]["podIP"]));
    is_missing.then(|| "the Service of CoreDNS does not have its addresses yet".to_owned())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A moment of the API server's, in RFC 3339.
fn moment(value: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text(value), &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BEFORE: &str = "2026-01-01T09:59:59Z";
    const START: &str = "2026-01-01T10:00:00.4Z";
    const AFTER: &str = "2026-01-01T10:00:05Z";

    fn starts() -> Starts {
        [("n".to_owned(), moment(&json!(START)).unwrap())].into()
    }

    fn node(heartbeat: &str, status: &str) -> Value {
        let ready = json!({"type": "Ready", "status": status, "lastHeartbeatTime": heartbeat, "message": "PLEG is not healthy"});
        json!({"metadata": {"name": "n"}, "status": {"conditions": [ready]}})
    }

    fn pod(name: &str, label: (&str, &str), node: &str, started: &str, ready: bool) -> Value {
        json!({
            "metadata": {"name": name, "labels": {label.0: label.1}},
            "spec": {"nodeName": node},
            "status": {"podIP": "10.0.0.7", "containerStatuses": [
                {"ready": ready, "state": {"running": {"startedAt": started}}},
            ]},
        })
    }

    fn pods(started: &str, ready: bool) -> Vec<Value> {
        let labels = PARTS.map(|(key, value, _)| (key, value));
        labels.map(|label| pod(label.1, label, "n", started, ready)).into()
    }

    fn lease(name: &str, renewed: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"renewTime": renewed}})
    }

    fn leases(renewed: &str) -> Vec<Value> {
        LEASES.map(|(name, _)| lease(name, renewed)).into()
    }

    fn slices(address: &str, ready: bool) -> Vec<Value> {
        vec![json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "kube-dns"}},
            "endpoints": [{"addresses": [address], "conditions": {"ready": ready}}],
        })]
    }

    fn found(
        nodes: Vec<Value>,
        pods: Vec<Value>,
        leases: Vec<Value>,
        slices: Vec<Value>,
    ) -> Vec<String> {
        missing(&[nodes, pods, leases, slices].map(|items| json!({"items": items})), &starts())
    }

    #[test]
    fn what_is_from_before_the_start_does_not_count() {
        let fine = || {
            (
                vec![node(AFTER, "True")],
                pods(AFTER, true),
                leases("2026-01-01T10:00:05.123456Z"),
                slices("10.0.0.7", true),
            )
        };
        let (nodes, running, held, known) = fine();
        assert!(found(nodes, running, held, known).is_empty());
        let (_, running, held, known) = fine();
        for (node, expected) in [
            (node(BEFORE, "True"), "the kubelet of n has not answered yet"),
            (node(AFTER, "False"), "node n is not Ready: PLEG is not healthy"),
            (json!({"metadata": {"name": "other"}}), "node n has not registered"),
        ] {
            let lists = (vec![node], running.clone(), held.clone(), known.clone());
            assert_eq!(found(lists.0, lists.1, lists.2, lists.3), [expected]);
        }
        let (nodes, _, held, known) = fine();
        for (started, ready) in [(BEFORE, true), (AFTER, false)] {
            let said = found(nodes.clone(), pods(started, ready), held.clone(), known.clone());
            assert_eq!(
                said,
                [
                    "kube-proxy does not run yet: kube-proxy",
                    "the pod network does not run yet: kindnet",
                    "CoreDNS does not run yet: kube-dns",
                ]
            );
        }
        let (nodes, running, _, known) = fine();
        for leases in [leases(BEFORE), Vec::new()] {
            let said = found(nodes.clone(), running.clone(), leases, known.clone());
            let expected =
                ["the controller manager is not active yet", "the scheduler is not active yet"];
            assert_eq!(said, expected);
        }
        let (nodes, running, held, _) = fine();
        for slices in [slices("10.0.0.6", true), slices("10.0.0.7", false), Vec::new()] {
            let said = found(nodes.clone(), running.clone(), held.clone(), slices);
            assert_eq!(said, ["the Service of CoreDNS does not have its addresses yet"]);
        }
    }

    #[test]
    fn what_is_not_installed_or_has_ended_is_not_waited_for() {
        let nodes = vec![node(AFTER, "True")];
        assert!(found(nodes.clone(), Vec::new(), leases(AFTER), Vec::new()).is_empty());
        let proxy = ("k8s-app", "kube-proxy");
        let mut gone = pod("gone", proxy, "n", BEFORE, false);
        gone["metadata"]["deletionTimestamp"] = json!(AFTER);
        let mut failed = pod("failed", proxy, "n", BEFORE, false);
        failed["status"]["phase"] = json!("Failed");
        let elsewhere = pod("elsewhere", proxy, "fake-node", BEFORE, false);
        let others = vec![gone, failed, elsewhere];
        assert!(found(nodes.clone(), others, leases(AFTER), Vec::new()).is_empty());
        let pending = json!({"metadata": {"name": "p", "labels": {"k8s-app": "kube-proxy"}}});
        let said = found(nodes, vec![pending], leases(AFTER), Vec::new());
        assert_eq!(said, ["kube-proxy does not run yet: p"]);
    }
}
