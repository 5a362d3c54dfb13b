//! What the API server says about nodes and pods.

use serde_json::Value;

use super::api::Answers;
use super::finding::{Finding, Topic, count, in_node, kubectl, see_why};
use crate::check::Check;
use crate::inventory::ExistingCluster;
use crate::kube::{condition, object};
use crate::text;

/// Reasons that are told; others are counted.
const REASONS: usize = 12;
/// Names of pods that are shown; others for the same reason are counted.
const NAMES: usize = 2;
/// Conditions that a node must not have.
const PRESSURES: [&str; 3] = ["MemoryPressure", "DiskPressure", "PIDPressure"];

const NODES: Topic = Topic { all: "nodes", some: "node" };

/// The Node objects of containers that run. `excused` are nodes of which it is already
/// known what is wrong.
pub(super) fn nodes(cluster: &ExistingCluster, answers: &Answers, excused: &[&str]) -> Vec<Check> {
    let running = cluster.nodes.iter().filter(|node| node.is_running());
    let running: Vec<&str> =
        running.filter(|node| node.role.is_kubernetes_node()).map(|node| &*node.name).collect();
    let finding = |name: &&str| {
        let node = answers.nodes.iter().find(|node| object::name(node) == *name);
        let finding = match node {
            None => {
                let remedy = see_why(name, "journalctl -u kubelet -n 50");
                Some(Finding::error("has not joined the cluster", "a Node object", remedy))
            }
            Some(node) => node_object(name, node, excused.contains(name)),
        };
        Some(((*name).to_owned(), finding?))
    };
    let findings = running.iter().filter_map(finding).collect();
    let ready = running.iter().filter(|name| answers.is_ready(name)).count();
    let well = match running.len() {
        all if all == ready => format!("{ready} Ready"),
        all => format!("{ready} of {all} Ready"),
    };
    NODES.checks(&well, findings)
}

fn node_object(name: &str, node: &Value, is_excused: bool) -> Option<Finding> {
    let conditions = node["status"]["conditions"].as_array();
    let pressed = PRESSURES.iter().find(|kind| {
        let is_so = |found: &Value| found["type"] == **kind && found["status"] == "True";
        conditions.is_some_and(|all| all.iter().any(is_so))
    });
    if let Some(kind) = pressed {
        let remedy = format!("see what uses it: {}", in_node(name, "crictl stats"));
        return Some(Finding::error(format!("has {kind}"), "no pressure", remedy));
    }
    let missing = condition::is_true(node, "Ready").filter(|_| !is_excused)?;
    let remedy = see_why(name, "journalctl -u kubelet -n 50");
    Some(Finding::error(text::short(&missing), "Ready", remedy))
}

/// Pods that are not ready or crash.
pub(super) fn pods(cluster: &str, answers: &Answers) -> Vec<Check> {
    let not_ready = answers.not_ready.iter();
    let not_ready = not_ready.map(|(pod, starts)| ((*starts, pod.reason()), pod.pod.clone()));
    let often = answers.often.iter().map(|(pod, why)| ((false, why.clone()), pod.clone()));
    let mut reasons = text::grouped(not_ready.chain(often));
    if reasons.is_empty() {
        return vec![Check::ok("pods", format!("all of {} well", count(answers.pods, "pod")))];
    }
    reasons.sort_by_key(|((starts, _), _)| *starts);
    let check = |((starts, reason), names): &((bool, String), Vec<String>)| {
        let title = if names.len() == 1 { "pod" } else { "pods" };
        let describe = format!("describe pod {}", as_arguments(&names[0]));
        let remedy = format!("see more: {}", kubectl(cluster, &describe));
        let finding = match starts {
            true => Finding::warning(reason, "a pod that stays ready", remedy),
            false => Finding::error(reason, "a pod that stays ready", remedy),
        };
        finding.check(format!("{title} {}", text::listed(names, NAMES)))
    };
    let mut checks: Vec<Check> = reasons.iter().take(REASONS).map(check).collect();
    let others: usize = reasons.iter().skip(REASONS).map(|(_, names)| names.len()).sum();
    if others > 0 {
        let remedy = format!("see them: {}", kubectl(cluster, "get pods --all-namespaces"));
        let found = format!("{} not ready for other reasons", count(others, "pod"));
        checks.push(Finding::error(found, "pods that are ready", remedy).check("more pods"));
    }
    checks
}

/// The namespace and the name as kubectl takes them.
fn as_arguments(pod: &str) -> String {
    let (namespace, name) = pod.split_once('/').unwrap_or(("default", pod));
    format!("--namespace {namespace} {name}")
}
