//! When is a cluster usable? When every node is Ready, CoreDNS is available
//! and kube-proxy runs everywhere.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::context::{Context, RunError};
use crate::node::NodeHandle;

const PAUSE: Duration = Duration::from_millis(250);
const PATHS: [&str; 3] = [
    "/api/v1/nodes",
    "/apis/apps/v1/namespaces/kube-system/deployments",
    "/apis/apps/v1/namespaces/kube-system/daemonsets",
];

/// What a cluster must have to count as usable.
pub struct Wanted {
    pub nodes: usize,
    /// Services work, so kube-proxy and CoreDNS can; both need them.
    pub services: bool,
}

/// Waits until the cluster is usable; asks through the control-plane `node`.
/// Returns what is missing when the time is over: nothing, if all went well.
///
/// # Errors
/// The engine's error, or [`RunError::Cancelled`].
pub async fn wait(
    ctx: &Context,
    node: &str,
    wanted: &Wanted,
    limit: Duration,
    on_missing: impl Fn(&str),
) -> Result<Vec<String>, RunError> {
    let node = NodeHandle::new(ctx, node);
    let check = async || {
        let missing = match look(&node).await {
            Ok(seen) => missing(&seen, wanted),
            // The API server may still be restarting.
            Err(RunError::Command { output, .. }) => {
                vec![format!("the API server: {}", output.lines().last().unwrap_or("no answer"))]
            }
            Err(error) => return Err(error),
        };
        if missing.is_empty() {
            return Ok::<_, RunError>(None);
        }
        on_missing(&missing.join("; "));
        Ok(Some(missing))
    };
    Ok(ctx.poll_until(Instant::now() + limit, PAUSE, check).await?.unwrap_or_default())
}

/// Nodes, Deployments and DaemonSets.
async fn look(node: &NodeHandle) -> Result<Vec<Value>, RunError> {
    let answers = node.kubectl_get_raw(&PATHS).await?;
    Ok(answers.iter().filter_map(|answer| serde_json::from_str(answer).ok()).collect())
}

/// What is not as it should be, in words; empty if all is.
fn missing(seen: &[Value], wanted: &Wanted) -> Vec<String> {
    let none = Vec::new();
    let items =
        |index: usize| seen.get(index).and_then(|list| list["items"].as_array()).unwrap_or(&none);
    let name = |item: &Value| item["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut out = Vec::new();

    for node in items(0) {
        let conditions = node["status"]["conditions"].as_array().unwrap_or(&none);
        let ready = conditions.iter().find(|c| c["type"] == "Ready");
        if ready.is_none_or(|c| c["status"] != "True") {
            let why = ready.and_then(|c| c["message"].as_str()).unwrap_or("has not reported yet");
            out.push(format!("node {} is not Ready: {why}", name(node)));
        }
    }
    let registered = items(0).len();
    if registered < wanted.nodes {
        out.push(format!("{registered} of {} nodes have registered", wanted.nodes));
    }
    if !wanted.services {
        return out;
    }
    match items(1).iter().find(|d| name(d) == "coredns") {
        Some(dns) if at_least(&dns["status"]["availableReplicas"], &dns["spec"]["replicas"]) => {}
        Some(_) => out.push("CoreDNS is not available".into()),
        None => out.push("CoreDNS has not been installed".into()),
    }
    match items(2).iter().find(|d| name(d) == "kube-proxy") {
        Some(proxy)
            if proxy["status"]["numberReady"].as_u64().unwrap_or(0) as usize >= wanted.nodes => {}
        _ => out.push("kube-proxy is not running on every node".into()),
    }
    out
}

fn at_least(have: &Value, want: &Value) -> bool {
    have.as_u64().unwrap_or(0) >= want.as_u64().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(ready: &str, available: u64, proxies: u64) -> Vec<Value> {
        vec![
            json!({"items": [{"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": ready, "message": "cni config uninitialized"}]}}]}),
            json!({"items": [{"metadata": {"name": "coredns"}, "spec": {"replicas": 2}, "status": {"availableReplicas": available}}]}),
            json!({"items": [{"metadata": {"name": "kube-proxy"}, "status": {"numberReady": proxies}}]}),
        ]
    }

    #[test]
    fn what_is_missing_is_named() {
        let wanted = Wanted { nodes: 1, services: true };
        assert!(missing(&seen("True", 2, 1), &wanted).is_empty());
        assert_eq!(
            missing(&seen("False", 2, 1), &wanted),
            ["node n is not Ready: cni config uninitialized"]
        );
        assert_eq!(
            missing(&seen("True", 1, 0), &wanted),
            ["CoreDNS is not available", "kube-proxy is not running on every node"]
        );
        assert!(missing(&seen("True", 0, 0), &Wanted { nodes: 1, services: false }).is_empty());
        assert_eq!(
            missing(&seen("True", 2, 1), &Wanted { nodes: 2, services: false }),
            ["1 of 2 nodes have registered"]
        );
        assert_eq!(missing(&[], &wanted).len(), 3);
    }
}
