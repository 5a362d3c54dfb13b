//! Whether a cluster is usable: every node is Ready, CoreDNS is available and
//! kube-proxy runs everywhere; and if it is not, why. Of a cluster that was started again,
//! [`again`] decides.

mod again;

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::context::{Context, RunError};
use crate::kube::{KubeClient, condition, object};
use crate::node::NodeHandle;
use crate::pods;
use crate::text;

pub(crate) use again::{Starts, wait as wait_again};

const PAUSE: Duration = Duration::from_millis(250);
/// The pause is at least this many times as long as the look was.
const PAUSES_PER_LOOK: u32 = 3;
/// One command asks for all of them: starting one takes 0.05 s and more.
const PATHS: [&str; 3] = [
    "/api/v1/nodes",
    "/apis/apps/v1/namespaces/kube-system/deployments",
    "/apis/apps/v1/namespaces/kube-system/daemonsets",
];

/// The namespace of everything that is waited for.
const NAMESPACE: &str = "kube-system";
/// Lines that say why a cluster is not usable.
const LINES: usize = 10;
/// Names of nodes that are shown; others for the same reason are counted.
const NAMES: usize = 3;

/// What a cluster must have to count as usable.
pub(crate) struct Wanted {
    pub nodes: usize,
    /// Services work. So kube-proxy and CoreDNS can, which both need them.
    pub services: bool,
}

/// Waits until the cluster is usable; asks through the control-plane `node`.
/// Returns what is missing when the time is over: nothing, if all went well.
/// `on_missing` gets what is missing after every look.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn wait(
    ctx: &Context,
    node: &str,
    wanted: &Wanted,
    limit: Duration,
    on_missing: impl Fn(&str),
) -> Result<Vec<String>, RunError> {
    poll(ctx, node, &PATHS, |lists| missing(lists, wanted), limit, on_missing).await
}

/// Asks for these paths until nothing is missing of what they answer.
async fn poll(
    ctx: &Context,
    node: &str,
    paths: &[&str],
    missing: impl Fn(&[Value]) -> Vec<String>,
    limit: Duration,
    on_missing: impl Fn(&str),
) -> Result<Vec<String>, RunError> {
    let kube = KubeClient::new(NodeHandle::new(ctx, node));
    let check = async || {
        let asked = Instant::now();
        let missing = match kube.get_raw_all(paths).await {
            Ok(lists) => missing(&lists),
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
        // On a slow machine, looking must not take what the cluster needs to start.
        ctx.sleep((asked.elapsed() * PAUSES_PER_LOOK).saturating_sub(PAUSE)).await?;
        Ok(Some(missing))
    };
    Ok(ctx.poll_until(Instant::now() + limit, PAUSE, check).await?.unwrap_or_default())
}

/// Why a cluster is still not usable when the time is over: what is `missing`, and the
/// pods behind it. At most ten lines.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn explain(
    ctx: &Context,
    node: &str,
    missing: Vec<String>,
) -> Result<Vec<String>, RunError> {
    let kube = KubeClient::new(NodeHandle::new(ctx, node));
    let pods = match pods::not_ready_in(&kube, NAMESPACE).await {
        Ok(pods) => pods,
        // What is missing has to do.
        Err(RunError::Command { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(reasons(missing, &pods))
}

fn reasons(missing: Vec<String>, pods: &[pods::NotReady]) -> Vec<String> {
    let mut lines = text::at_most(missing, LINES / 2);
    lines.extend(pods::lines(pods, LINES - lines.len()));
    lines
}

/// What is missing, in words; `lists` are the answers to [`PATHS`].
fn missing(lists: &[Value], wanted: &Wanted) -> Vec<String> {
    let mut missing = nodes(items(lists, 0), wanted.nodes);
    if wanted.services {
        missing.extend(dns(items(lists, 1)));
        missing.extend(proxy(items(lists, 2), wanted.nodes));
    }
    missing
}

/// The objects of one of several lists.
fn items(lists: &[Value], index: usize) -> &[Value] {
    lists.get(index).map_or(&[][..], object::items)
}

/// All nodes have registered and are Ready.
fn nodes(nodes: &[Value], wanted: usize) -> Vec<String> {
    let not_ready = |node: &Value| {
        let missing = condition::is_true(node, "Ready")?;
        Some((missing, object::name(node).to_owned()))
    };
    let line = |(missing, names): (String, Vec<String>)| match &names[..] {
        [name] => format!("node {name} {missing}"),
        _ => format!(
            "nodes {} {}",
            text::listed(&names, NAMES),
            missing.replacen("is not", "are not", 1)
        ),
    };
    let reasons = text::grouped(nodes.iter().filter_map(not_ready));
    let mut missing: Vec<String> = reasons.into_iter().map(line).collect();
    if nodes.len() < wanted {
        missing.push(format!("{} of {wanted} nodes have registered", nodes.len()));
    }
    missing
}

fn dns(deployments: &[Value]) -> Option<String> {
    match deployments.iter().find(|deployment| object::name(deployment) == "coredns") {
        Some(coredns) => {
            condition::available(coredns).map(|_| "CoreDNS is not available".to_owned())
        }
        None => Some("CoreDNS has not been installed".into()),
    }
}

fn proxy(daemon_sets: &[Value], nodes: usize) -> Option<String> {
    let proxy = daemon_sets.iter().find(|daemon_set| object::name(daemon_set) == "kube-proxy");
    let runs = proxy.is_some_and(|proxy| condition::ready_on_nodes(proxy, nodes).is_none());
    (!runs).then(|| "kube-proxy is not running on every node".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lists(ready: &str, available: u64, proxies: u64) -> Vec<Value> {
        vec![
            json!({"items": [{"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": ready, "message": "cni config uninitialized"}]}}]}),
            json!({"items": [{"metadata": {"name": "coredns"}, "spec": {"replicas": 2}, "status": {"availableReplicas": available}}]}),
            json!({"items": [{"metadata": {"name": "kube-proxy"}, "status": {"numberReady": proxies}}]}),
        ]
    }

    #[test]
    fn what_is_missing_is_named() {
        let wanted = Wanted { nodes: 1, services: true };
        assert!(missing(&lists("True", 2, 1), &wanted).is_empty());
        assert_eq!(
            missing(&lists("False", 2, 1), &wanted),
            ["node n is not Ready: cni config uninitialized"]
        );
        assert_eq!(
            missing(&lists("True", 1, 0), &wanted),
            ["CoreDNS is not available", "kube-proxy is not running on every node"]
        );
        assert!(missing(&lists("True", 0, 0), &Wanted { nodes: 1, services: false }).is_empty());
        assert_eq!(
            missing(&lists("True", 2, 1), &Wanted { nodes: 2, services: false }),
            ["1 of 2 nodes have registered"]
        );
        assert_eq!(missing(&[], &wanted).len(), 3);
    }

    #[test]
    fn nodes_with_the_same_reason_share_a_line() {
        let node = |(at, message): (usize, &str)| {
            let condition = json!({"type": "Ready", "status": "False", "message": message});
            json!({"metadata": {"name": format!("n{at}")}, "status": {"conditions": [condition]}})
        };
        let all: Vec<Value> =
            ["no network", "no network", "down"].into_iter().enumerate().map(node).collect();
        let expected = ["nodes n0 and n1 are not Ready: no network", "node n2 is not Ready: down"];
        assert_eq!(nodes(&all, 3), expected);
    }

    #[test]
    fn reasons_are_at_most_ten_lines() {
        let pod = |at: usize| pods::NotReady {
            pod: format!("kube-system/p{at}"),
            why: format!("reason {at}"),
            ..pods::NotReady::default()
        };
        let pods: Vec<_> = (0..20).map(pod).collect();
        let lines = reasons(vec!["CoreDNS is not available".into()], &pods);
        assert_eq!((lines.len(), lines[9].as_str()), (10, "… and 12 more"));
        let many = (0..20).map(|at| format!("missing {at}")).collect();
        assert_eq!(reasons(many, &pods).len(), 10);
    }
}
